"""What the pages of the customers show beside the cases: the year, the rule, the curve, and one reading for several."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from kpi.query import Period, Question, Scope, answer
from kpi.query.cohorts.long_tail import TailRule, tail_rule_on
from kpi.query.cohorts.lorenz import Curve, lorenz_on
from kpi.query.cohorts.topics import tail_ranks
from kpi.query.contrast import against_rest
from kpi.warehouse import Warehouse
from kpi.warehouse.rules import set_tail_rule
from tests.query.ask import asked, cell, filters, question, values
from tests.world import World, make

WEEK = "2026-03-02/2026-03-08"


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Five customers of whom 5 is worth most; more than a year of contacts."""
    world = World()
    world.topic("balance")
    for key, value in enumerate((100, 200, 300, 400, 5000), 1):
        world.customer(key, tier=1 + key % 2)
        world.months("2026-02-01", {key: value})
    for key, began in ((5, "2025-01-01"), (3, "2025-03-08"), (1, "2025-03-09"), (2, "2026-03-04"), (2, "2026-03-05"),
                       (5, "2026-03-05")):  # fmt: skip
        world.contact("self", f"{began} 10:00", customer_key=key, topic="balance")
    warehouse = make(tmp_path_factory.mktemp("years"), "duckdb")
    world.publish(warehouse, "2026-04-20 00:00")
    yield warehouse
    warehouse.close()


def test_not_reached_in_a_year(years: Warehouse) -> None:
    # The year ends with the period: 9 March 2025 is its first day, 3 came the day before and 4 never.
    found = cell(years, "tail_unreached_year", WEEK)
    assert (found.numerator, found.denominator, found.value) == (2, 4, 0.5)
    assert cell(years, "tail_unreached_year", "2026-03-03/2026-03-09").numerator == 3  # 1 is out of the year now
    assert values(years, "tail_unreached_year", WEEK, "tier") == {1: 0.5, 2: 0.5}


def test_trap_less_than_a_year_of_data_says_nothing_of_a_year(years: Warehouse) -> None:
    found = cell(years, "tail_unreached_year", "2025-12-01/2025-12-30")
    assert (found.value, found.reason) == (None, "immature")


def test_an_average_over_the_days_is_not_the_union(years: Warehouse) -> None:
    # 2 on the fourth and the fifth: one customer in all, two sevenths a day.
    assert cell(years, "tail_served_daily", WEEK).value == 1
    assert cell(years, "tail_served_average", WEEK).value == pytest.approx(2 / 7)
    assert values(years, "tail_served_average", WEEK, "week") == {date(2026, 3, 2): pytest.approx(2 / 7)}
    # Of the month only the days within the period count.
    assert values(years, "tail_served_average", "2026-02-27/2026-03-08", "month") == {
        date(2026, 3, 1): pytest.approx(2 / 8)
    }


def test_one_reading_serves_in_total_by_tier_and_by_reach(years: Warehouse) -> None:
    assert values(years, "tail_reach_frequency", WEEK, "reach") == {"0": 3, "2-3": 1}
    assert values(years, "tail_reach_frequency", WEEK, "reach", tier=1) == {"0": 1, "2-3": 1}
    assert cell(years, "tail_reach_frequency", WEEK, reach="2-3").value == 1
    assert values(years, "long_tail_coverage", WEEK, "tier") == {1: 0.5, 2: 0.0}
    assert cell(years, "long_tail_coverage", WEEK, tier=1).value == 0.5


def _curves(warehouse: Warehouse, days: str, **only: Any) -> dict[str, Curve]:
    with warehouse.read() as connection:
        wanted = question("top20_share", days, **only)
        return {curve.kpi: curve for curve in lorenz_on(connection, warehouse.require_data(connection), wanted)}


def test_lorenz_curve_by_hand(years: Warehouse) -> None:
    curve = _curves(years, WEEK)["top20_share"]
    assert curve.customers == 5
    total = 6000
    # Parts of a customer are rounded down: 39 % of five is one, 40 % two.
    at = {0: 0, 19: 0, 20: 100, 39: 100, 40: 300, 60: 600, 80: 1000, 99: 1000, 100: total}
    assert {percent: curve.shares[percent] for percent in at} == {p: amount / total for p, amount in at.items()}


def test_lorenz_curve_through_equal_amounts(years: Warehouse) -> None:
    # Contacts of the week: three customers none, 5 one, 2 two.
    curve = _curves(years, WEEK)["top20_share_contacts"]
    assert [curve.shares[percent] for percent in (20, 60, 80, 100)] == [0, 0, 1 / 3, 1]


@pytest.mark.parametrize("only", [{}, {"tier": 1}, {"tier": (1, 2, 3)}])
def test_the_curve_leaves_what_the_top_holds(hand_made_world: Warehouse, only: dict[str, Any]) -> None:
    for kpi, curve in _curves(hand_made_world, WEEK, **only).items():
        share = cell(hand_made_world, kpi, WEEK, **only)
        assert share.numerator is not None
        assert share.denominator is not None
        assert curve.shares[80] == (share.denominator - share.numerator) / share.denominator
        assert curve.customers == share.n
        assert list(curve.shares) == sorted(curve.shares)


def test_a_curve_of_nobody_is_not_there(years: Warehouse) -> None:
    assert _curves(years, "2024-01-01/2024-01-31") == {}


def test_the_rule_in_force_is_that_of_the_month_it_is_taken_in(new_warehouse: Callable[..., Warehouse]) -> None:
    world = World()
    world.customer(1)
    world.contact("self", "2026-02-01 10:00", customer_key=1)
    warehouse = new_warehouse()
    world.publish(warehouse, "2026-04-20 00:00")
    set_tail_rule(warehouse, "tier", 3, date(2026, 3, 1))
    with warehouse.read() as connection:
        # A period in March takes its base from February, for which the rule of March does not hold yet.
        assert tail_rule_on(connection, date(2026, 3, 15)) == TailRule("value", 20, date(1900, 1, 1), date(2026, 2, 1))
        assert tail_rule_on(connection, date(2026, 4, 1)) == TailRule("tier", 3, date(2026, 3, 1), date(2026, 3, 1))


def test_topics_beyond_the_first_fifth() -> None:
    # Of six, ⌈1.2⌉ = 2 are the head; equal volumes go by name.
    assert tail_ranks({"f": 1, "e": 5, "d": 5, "c": 9, "b": 7, "a": 2}) == {"d": 3, "e": 4, "a": 5, "f": 6}


def test_a_part_against_the_rest(years: Warehouse) -> None:
    parts = asked(years, "long_tail_coverage", WEEK, "tier")
    whole = cell(years, "long_tail_coverage", WEEK)
    found = against_rest(whole, parts.cell("long_tail_coverage", 1))
    assert found is not None
    assert (found.value, found.previous, found.change) == (0.5, 0.0, 0.5)
    # Four customers say nothing.
    assert found.change_low is not None
    assert found.change_low < 0 < (found.change_high or 0)
    assert against_rest(whole, whole) is None  # nobody is left to compare with


def test_whoever_may_not_see_interactions_sees_no_small_cells(years: Warehouse) -> None:
    narrow = Question(
        ("tail_unreached_year", "tail_served_average"),
        Period(date(2026, 3, 2), date(2026, 3, 8)),
        ("tier",),
        tuple(filters()),
        scope=Scope(see_interactions=False),
    )
    assert {one.reason for one in answer(years, narrow).cells} == {"hidden"}
