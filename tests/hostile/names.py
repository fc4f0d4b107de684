"""Names that break what takes a text for more than a text, and a bank in which everything is called so."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from unittest import mock

from hypothesis import strategies as st

from kpi.plain_text import refusal
from kpi.warehouse import Warehouse, staging
from tests.query.conftest import hand_made
from tests.world import EVERYTHING, make

# What may be written down, and is shown as it is.
ALLOWED = (
    "constructor", "__proto__", "toString", "hasOwnProperty", "it's", 'say "x"', "back\\slash", "`tick`", "${x}",
    "{{x}}", "datum.x", "a[0].b", "</script><b>", "<!--", "&amp;", "=1+1", "[A]:B*C?/\\", "../up", ".dot", "con",
    "%s %d {name}", "#let x = 1", "中文，名称", "👨‍👩‍👧 family", "نام‌ها", "x" * 200, "𝔘𝔫𝔦" * 60, "null", "true", "0",
    "a|b=c", "名" * 200,
)  # fmt: skip
# What is refused when it is written down, and cleaned where an earlier version took it.
REFUSED = (
    "esc\x1b[31mred", "nul\x00", "line\nbreak", "tab\tbed", "c1\x9b31m", "sep\u2028arated", "\x7f", "non\ufffe",
    "y" * 201, "z" * 100_000,
)  # fmt: skip
# What is cleaned only: it may be written down, and would reorder what stands beside it.
REORDERING = ("\u202egnp.exe", "\u2066isolated")

texts = st.one_of(
    st.sampled_from([*ALLOWED, *REFUSED, *REORDERING]),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
    st.text("'\"\\`${}[].<>&;|=\x1b\n\u202e\u200d", min_size=1, max_size=8),
)
lists = st.lists(texts, min_size=12, max_size=30, unique=True)


def bank(folder: Path, names: Sequence[str]) -> Warehouse:
    """The hand-made world with these names for topics, teams, agents, regions, functions and branches, and of two
    channels even the ids: as a version wrote them that refused nothing.
    """
    world, watermarks = hand_made()
    ids = {"chat": "constructor", "sms": "__proto__"}
    world.channels = tuple(ids.get(channel, channel) for channel in world.channels)
    world.carries = dict.fromkeys(world.channels, EVERYTHING)
    watermarks = {ids.get(channel, channel): moment for channel, moment in watermarks.items()}
    shown = {"topic", "team", "agent_key", "region", "function", "branch"}
    turns = {column: cycle(names) for column in shown}
    named = cycle(names)
    for table, rows in world.rows.items():
        for row in rows:
            row |= {key: ids.get(str(row[key]), row[key]) for key in ("channel", "source") if key in row}
            if table in {"topic", "function"}:
                continue
            row |= {key: next(turns[key]) for key in shown & set(row) if row[key] is not None and table != "unit_cost"}
            if table == "channel":
                row |= {"name_zh": next(named), "name_en": next(named)}
    world.rows["topic"] = []
    for place, name in enumerate(names):
        if place % 2:  # of the others there is what the feed says only
            world.add("topic", topic=name, name_zh=next(named), name_en=name, business_line="account",
                      complexity="standard", referable=bool(place % 4 == 1))  # fmt: skip
    world.rows["function"] = [
        {"function": name, "name_zh": name, "name_en": name, "topic": names[0]} for name in dict.fromkeys(names)
    ]
    warehouse = make(folder, "duckdb")
    with mock.patch.object(staging, "refusal", return_value=None):
        world.publish(warehouse, watermarks)
    return warehouse


def is_plain(text: str) -> bool:
    return refusal(text) is None and not any(letter in text for letter in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067")
