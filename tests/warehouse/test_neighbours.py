"""The neighbours of contacts, by arrays, against what the words say, contact by contact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.warehouse import neighbours
from kpi.warehouse.neighbours import OPEN, Contacts, around

_HOUR = 3_600_000_000  # microseconds
_WEEK = 7 * 24 * _HOUR

# Few customers, topics and channels, few moments: many ties. Half a second, and a microsecond over the window.
_moments = st.sampled_from([0, 1, 500_000, 2 * _HOUR, 3 * _HOUR, _WEEK, _WEEK + 1, _WEEK + 2 * _HOUR, 30 * 24 * _HOUR])
_contact = st.tuples(
    st.integers(-1, 1),
    st.integers(0, 1),
    st.integers(0, 2),
    _moments,
    st.none() | st.sampled_from([0, 1, _HOUR, _WEEK]),
)
_contacts = st.lists(_contact, min_size=1, max_size=14)

Link = tuple[int | None, int | None, bool]


def _told(contacts: list[tuple[int, int, int, int, int | None]]) -> dict[int, Link]:
    """Row -> next_seconds, previous_seconds, crossed_channel, by the module's own words."""
    found: dict[int, Link] = {}
    for row, (customer, topic, channel, start, lasted) in enumerate(contacts):
        same = [one for one in contacts if one[:2] == (customer, topic)]
        starts = [other[3] for other in same]
        ends = [other[3] + other[4] for other in same if other[4] is not None]
        end = None if lasted is None else start + lasted
        after = [moment - end for moment in starts if end is not None and end < moment <= end + _WEEK]
        before = [start - moment for moment in ends if start - _WEEK <= moment < start]
        crossed = any(other[2] != channel and start - _WEEK <= other[3] < start for other in same)
        link = (
            min(after) // 1_000_000 if after else None,
            min(before) // 1_000_000 if before else None,
            crossed,
        )
        if link != (None, None, False):
            found[row] = link
    return found


def _arrays(contacts: list[tuple[int, int, int, int, int | None]]) -> Contacts:
    order = sorted(range(len(contacts)), key=lambda row: (contacts[row][0], contacts[row][1], contacts[row][3]))
    customer, topic, channel, started, lasted = (list(column) for column in zip(*contacts, strict=True))
    ended = [OPEN if long is None else start + long for start, long in zip(started, lasted, strict=True)]
    columns = (np.array(column, dtype=np.int64)[order] for column in (customer, topic, channel, started, ended))
    return Contacts(np.ones(len(order), dtype=bool), np.array(order), *columns)


@given(_contacts)
def test_links_are_what_the_words_say(contacts: list[tuple[int, int, int, int, int | None]]) -> None:
    found = around(_arrays(contacts)).to_pylist()
    links = {row["rid"]: (row["next_seconds"], row["previous_seconds"], row["crossed_channel"]) for row in found}
    assert links == _told(contacts)


def test_a_long_time_is_looked_at_in_several_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many pairs at once as fit into one number; where that is one pair, the links are the same."""
    contacts = [(customer, topic, hour % 2, hour * _HOUR, _HOUR // 2) for customer in range(3) for topic in range(3)
                for hour in range(4)]  # fmt: skip
    monkeypatch.setattr(neighbours, "_LARGEST", 1)
    found = around(_arrays([(*one,) for one in contacts])).to_pylist()
    links = {row["rid"]: (row["next_seconds"], row["previous_seconds"], row["crossed_channel"]) for row in found}
    assert links == _told([(*one,) for one in contacts])
    assert links[1] == (1800, 1800, True)
