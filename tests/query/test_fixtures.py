"""The figures that the dictionary itself gives, from facts made to them; each set of facts has days of its own."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from kpi.warehouse import Warehouse
from tests.query.ask import asked, cell, parts, values
from tests.world import World, make


def _calls(world: World, day: str, kind: str, times: int, **facts: object) -> None:
    for _ in range(times):
        world.contact(kind, f"{day} 10:00", **facts)


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    world = World()
    world.topic("balance")
    for number in range(1, 6):
        world.customer(number)
    # Service level. Menu hang-ups belong to no formula.
    day = "2026-03-02"
    for times, wait in ((790, 20), (140, 21)):
        _calls(world, day, "call", times, wait_seconds=wait)
    for times, wait in ((20, 5), (15, 6), (35, 21)):
        _calls(world, day, "abandoned", times, wait_seconds=wait)
    _calls(world, day, "menu", 50)
    # A ratio of sums.
    for channel, times, content in (("hotline", 900, 882), ("chat", 100, 60)):
        kind = "call" if channel == "hotline" else "chat"
        _calls(world, "2026-03-03", kind, content, csat_asked=True, csat_score=5)
        _calls(world, "2026-03-03", kind, times - content, csat_asked=True, csat_score=1)
    # Distinct customers on three days, on a channel each; then one customer on three channels beside another.
    for day, kind, customers in (("09", "call", "1234"), ("10", "chat", "345"), ("11", "self", "5")):
        for key in customers:
            world.contact(kind, f"2026-03-{day} 10:00", customer_key=int(key), topic="balance")
    for kind, customers in (("call", "12"), ("chat", "1"), ("self", "1")):
        for key in customers:
            world.contact(kind, "2026-03-12 10:00", customer_key=int(key), topic="balance")
    # Occupancy: 48 of 60 minutes.
    for half_hour, handle in (("09:00", 1500), ("09:30", 1380)):
        world.add("agent_time", source="hotline", agent_key="a1", half_hour=world.utc(f"2026-03-16 {half_hour}"),
                  team="desk", handle_seconds=handle, idle_seconds=1800 - handle, break_seconds=0)  # fmt: skip
    # Concentration: ten customers of known value in the west, ten equal ones in the south.
    for region in ("west", "south", "east"):
        world.add("region", region=region, name_zh=region, name_en=region)
    west = (541, 1463, 2445, 3438, 4437, 5401, 6392, 8304, 11904, 22261)
    for place, value in enumerate(west):
        world.customer(100 + place, region="west")
        world.customer(200 + place, region="south")
        world.months("2026-02-01", {100 + place: value, 200 + place: 700})
    # NPS at its ends and in the middle.
    for day, scores in (("23", (9, 10, 10)), ("24", (0, 3, 6)), ("25", (7, 8, 8))):
        for score in scores:
            world.contact("chat", f"2026-03-{day} 10:00", nps_asked=True, nps_score=score)
    # WeChat at seven times the agents' phone, 95 % of it without them.
    _calls(world, "2026-03-30", "call", 100)
    _calls(world, "2026-03-30", "self", 665)
    _calls(world, "2026-03-30", "escalated", 35)
    warehouse = make(tmp_path_factory.mktemp("fixtures"), "duckdb")
    world.publish(warehouse, "2026-05-01 00:00")
    yield warehouse
    warehouse.close()


@pytest.mark.parametrize(
    ("formula", "numerator", "denominator", "percent"),
    [("SL1", 790, 1000, 79.00), ("SL2", 790, 930, 84.95), ("SL3", 825, 1000, 82.50), ("SL4", 790, 965, 81.87),
     ("SL5", 790, 980, 80.61)],
)  # fmt: skip
def test_five_service_levels(
    fixtures: Warehouse, monkeypatch: pytest.MonkeyPatch, formula: str, numerator: int, denominator: int, percent: float
) -> None:
    monkeypatch.setattr(fixtures, "settings", replace(fixtures.settings, service_level=formula))
    found = cell(fixtures, "service_level", "2026-03-02")
    assert (found.numerator, found.denominator) == (numerator, denominator)
    assert found.value == pytest.approx(percent / 100, abs=5e-5)


def test_abandonment_and_answers_of_the_same_desk(fixtures: Warehouse) -> None:
    assert parts(fixtures, "abandonment_rate", "2026-03-02") == (70, 1000)
    assert parts(fixtures, "answer_rate", "2026-03-02") == (930, 1000)


def test_trap_average_of_rates(fixtures: Warehouse) -> None:
    assert values(fixtures, "csat", "2026-03-03", "channel") == {"hotline": 0.98, "chat": 0.6}
    assert cell(fixtures, "csat", "2026-03-03").value == 0.942  # not (.98 + .6) / 2 = .79


def test_trap_distinct_customers_summed(fixtures: Warehouse) -> None:
    daily = values(fixtures, "customers_served", "2026-03-09/2026-03-11", "date")
    assert daily == {date(2026, 3, 9): 4, date(2026, 3, 10): 3, date(2026, 3, 11): 1}
    assert cell(fixtures, "customers_served", "2026-03-09/2026-03-11").value == 5
    by_channel = asked(fixtures, "customers_served", "2026-03-09/2026-03-11", "channel")
    assert by_channel.counted_twice == {"customers_served": 3}  # 3 and 4 and 5


def test_trap_customer_in_three_rows_counted_twice_twice(fixtures: Warehouse) -> None:
    """Rows 2 + 1 + 1 stand for two customers: one was counted in several rows, though the sum exceeds by two."""
    found = asked(fixtures, "customers_served", "2026-03-12", "channel")
    assert sum(part.value or 0 for part in found.cells) == 4
    assert found.counted_twice == {"customers_served": 1}


def test_occupancy(fixtures: Warehouse) -> None:
    assert cell(fixtures, "occupancy", "2026-03-16").value == 0.8


def test_gini_and_share_of_the_top(fixtures: Warehouse) -> None:
    assert cell(fixtures, "gini", "2026-03-02", region="west").value == pytest.approx(0.4621, abs=5e-5)
    assert cell(fixtures, "top20_share", "2026-03-02", region="west").value == pytest.approx(0.5131, abs=5e-5)
    assert cell(fixtures, "gini", "2026-03-02", region="south").value == 0
    assert cell(fixtures, "top20_share", "2026-03-02", region="south").value == 0.2


def test_nps_from_minus_to_plus_one_hundred_with_passives_in_the_denominator(fixtures: Warehouse) -> None:
    for day, value in (("2026-03-23", 100), ("2026-03-24", -100), ("2026-03-25", 0)):
        found = cell(fixtures, "nps", day)
        assert (found.value, found.n) == (value, 3)
    assert cell(fixtures, "nps", "2026-03-23/2026-03-25").value == 0


def test_trap_wechats_rate_is_not_the_centres(fixtures: Warehouse) -> None:
    day = "2026-03-30"
    assert cell(fixtures, "wechat_phone_multiple", day).value == 7
    assert cell(fixtures, "self_service_rate", day, channel="wechat").value == 0.95
    assert cell(fixtures, "self_service_rate", day).value == pytest.approx(0.831, abs=5e-4)
    assert parts(fixtures, "self_service_rate", day) == (665, 800)
