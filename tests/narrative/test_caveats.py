"""What keeps a figure from being relied on, and what then is no longer judged."""

import pytest

from kpi.narrative.caveats import caveats_of
from kpi.query.answer import Cell
from kpi.query.cell_rules import few
from kpi.query.target_value import Goal
from kpi.targets.target_text import mark, tone_of


@pytest.mark.parametrize(
    ("kpi", "value", "n", "is_few"),
    [
        ("csat", 0.9, 29, True),
        ("csat", 0.9, 30, False),
        ("csat", None, 0, False),  # says why it has no value
        ("asa", 12.0, 29, True),
        ("volume", 12, 12, False),  # a count is what it counts
        ("customers_served", 12, 12, False),
        ("csat", 0.9, None, False),
    ],
)
def test_few_are_fewer_than_thirty_of_what_is_no_count(kpi, value, n, is_few):
    assert few(Cell(kpi, (), value, None, None, n)) is is_few


def test_both_are_said_in_both_languages():
    cell = Cell("csat", (), 0.9, 9, 10, 10, provisional=True)
    assert caveats_of(cell, "en") == ["still arriving", "n < 30"]
    assert caveats_of(cell, "zh") == ["数据仍在到达", "样本少（n < 30）"]


@pytest.mark.parametrize(
    ("n", "value", "tone"), [(30, 0.9, "better"), (30, 0.7, "worse"), (29, 0.9, ""), (29, 0.7, "")]
)
def test_a_target_is_not_judged_in_colour_on_few(n, value, tone):
    cell = Cell("csat", (), value, None, None, n, goal=Goal(0.8, None))
    assert tone_of(cell) == tone
    assert mark(cell) == ("✓" if value == 0.9 else "✕")
