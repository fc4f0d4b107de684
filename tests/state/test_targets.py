"""Targets: what may be written, that a day has one for the same figures, and that nobody's change is lost unseen."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from kpi.errors import StaleEdit
from kpi.settings import Settings
from kpi.state import StateDatabase, Target
from kpi.state.targets import LONGEST_OWNER, begin_with, plain_problems, save_targets, targets

FIRST_HALF = Target(
    "csat", channel="wechat", low=0.94, first=date(2026, 1, 1), last=date(2026, 6, 30), owner="Quality", note="n"
)
SINCE_JULY = replace(FIRST_HALF, low=0.95, first=date(2026, 7, 1), last=None)
WAIT = Target("asa", line="vip", high=10.0, first=date(2026, 1, 1))
BAND = Target("occupancy", low=0.7, high=0.85, first=date(2026, 1, 1))


@pytest.fixture
def state(settings: Settings) -> Iterator[StateDatabase]:
    opened = StateDatabase(settings)
    save_targets(opened, [], [SINCE_JULY, BAND, WAIT, FIRST_HALF], "ann")
    yield opened
    opened.close()


def test_what_is_saved_is_read_in_order(state: StateDatabase) -> None:
    kept = targets(state)
    assert [row.kpi for row in kept] == ["asa", "csat", "csat", "occupancy"]
    for row, said in zip(kept, [WAIT, FIRST_HALF, SINCE_JULY, BAND], strict=True):
        assert row.says(said)
        assert (row.author, row.id is not None) == ("ann", True)


def test_add_change_and_delete_in_one_go(state: StateDatabase) -> None:
    before = targets(state)
    wait, half, july, band = before
    added = Target("fcr", low=0.8, first=date(2026, 1, 1))
    save_targets(state, before, [replace(wait, high=12.0), half, july, added], "ben")
    assert [(row.kpi, row.high, row.author) for row in targets(state)] == [
        ("asa", 12.0, "ben"),
        ("csat", None, "ann"),
        ("csat", None, "ann"),
        ("fcr", None, "ben"),
    ]
    assert band.id not in {row.id for row in targets(state)}


def test_trap_the_second_save_of_a_stale_row_is_refused_whole(state: StateDatabase) -> None:
    before = targets(state)
    save_targets(state, before, [replace(before[0], high=15.0), *before[1:]], "ann")
    with pytest.raises(StaleEdit) as caught:
        save_targets(state, before, [replace(before[0], high=9.0), *before[1:3]], "ben")
    assert "asa (line=vip) 2026-01-01" in caught.value.message("zh")
    assert [row.high for row in targets(state)] == [15.0, None, None, 0.85]


def test_trap_two_who_add_the_same_at_once_do_not_both_get_it(state: StateDatabase) -> None:
    before = targets(state)
    fcr = Target("fcr", low=0.8, first=date(2026, 1, 1))
    save_targets(state, before, [*before, fcr], "ann")
    with pytest.raises(StaleEdit, match="for the same figures and days: fcr 2026-01-01"):
        save_targets(state, before, [*before, replace(fcr, low=0.7, first=date(2026, 5, 1))], "ben")
    assert [row.low for row in targets(state) if row.kpi == "fcr"] == [0.8]


def test_a_table_is_begun_once(settings: Settings) -> None:
    fresh = StateDatabase(settings)
    assert begin_with(fresh, [WAIT, BAND], "demo")
    assert not begin_with(fresh, [WAIT], "demo")
    assert [row.says(said) for row, said in zip(targets(fresh), [WAIT, BAND], strict=True)] == [True, True]
    fresh.close()


@pytest.mark.parametrize(
    ("row", "key"),
    [
        (replace(WAIT, first=None), "target_no_date"),
        (replace(WAIT, last=date(2025, 1, 1)), "target_reversed"),
        (replace(WAIT, high=None), "target_no_value"),
        (replace(WAIT, low=11.0), "target_crossed"),
        (replace(WAIT, owner="x" * (LONGEST_OWNER + 1)), "target_long_owner"),
        (replace(WAIT, note="x" * 201), "target_long_note"),
        (replace(FIRST_HALF, first=date(2026, 6, 30), last=None), "target_overlaps"),
    ],
)
def test_a_bad_row_is_named_with_what_is_wrong(row: Target, key: str) -> None:
    (problem,) = plain_problems([FIRST_HALF, row])
    assert (problem.row, problem.key) == (2, key)
    assert problem.message("zh").startswith("第 2 行：")
    assert problem.message("en").startswith("Row 2: ")


def test_good_rows_have_no_problem() -> None:
    narrower = replace(FIRST_HALF, tier="7")
    assert plain_problems([FIRST_HALF, SINCE_JULY, WAIT, BAND, narrower]) == []
