"""Derived columns: answers worked out by hand."""

from datetime import date

import pytest

from kpi.warehouse import Warehouse
from tests.warehouse.conftest import one, table
from tests.world import World

LATER = "2026-03-31 00:00"
LINKS = "next_seconds, previous_seconds, crossed_channel"


def test_trap_midnight_is_of_the_business_zone(quick: Warehouse) -> None:
    world = World()
    world.contact("call", "2026-02-28 23:59", interaction_id="before")
    world.contact("call", "2026-03-01 00:00", interaction_id="after")
    world.publish(quick, LATER)
    assert one(quick, "business_date, business_hour", "before") == (date(2026, 2, 28), 23)
    assert one(quick, "business_date, business_hour", "after") == (date(2026, 3, 1), 0)


@pytest.mark.parametrize(
    ("zone", "local", "fold", "day", "hour"),
    [
        ("America/New_York", "2026-03-08 01:59", 0, date(2026, 3, 8), 1),  # spring forward at 02:00
        ("America/New_York", "2026-03-08 03:00", 0, date(2026, 3, 8), 3),
        ("America/New_York", "2026-11-01 01:30", 0, date(2026, 11, 1), 1),  # twice that morning
        ("America/New_York", "2026-11-01 01:30", 1, date(2026, 11, 1), 1),
        ("America/New_York", "2026-11-01 23:59", 0, date(2026, 11, 1), 23),
        ("Asia/Jerusalem", "2026-03-27 01:59", 0, date(2026, 3, 27), 1),  # a Friday, at 02:00
        ("Asia/Jerusalem", "2026-03-27 23:30", 0, date(2026, 3, 27), 23),
        ("Asia/Jerusalem", "2026-10-25 00:15", 0, date(2026, 10, 25), 0),
        ("America/Santiago", "2026-04-04 23:30", 1, date(2026, 4, 4), 23),  # midnight comes twice
        ("Asia/Kathmandu", "2026-04-04 00:10", 0, date(2026, 4, 4), 0),  # +05:45
    ],
)
def test_trap_dst_of_another_zone(quick: Warehouse, zone: str, local: str, fold: int, day: date, hour: int) -> None:
    world = World(zone)
    # Another contact half a year away: a load can span several changes of the clock.
    world.contact("call", "2026-07-01 12:00", interaction_id="summer")
    world.contact("call", world.utc(local, fold), interaction_id="it")
    world.add("agent_time", source="hotline", agent_key="a", half_hour=world.utc(local, fold), team="desk",
              handle_seconds=60, idle_seconds=0, break_seconds=0)  # fmt: skip
    world.publish(quick, "2026-12-01 00:00")
    assert one(quick, "business_date, business_hour", "it") == (day, hour)
    assert table(quick, "SELECT business_date, business_half_hour FROM agent_time") == [
        (day, hour * 2 + (int(local[-2:]) >= 30))
    ]
    assert one(quick, "business_hour", "summer") == (12,)


def test_trap_tier_is_that_of_the_contact(quick: Warehouse) -> None:
    world = World()
    world.customer(1, None)
    world.add("customer_tier", customer_key=1, valid_from="2026-01-01", valid_to="2026-03-05", tier=2)
    world.add("customer_tier", customer_key=1, valid_from="2026-03-05", tier=6)
    world.contact("call", "2026-03-04 23:59", interaction_id="a", customer_key=1, tier=1)
    world.contact("call", "2026-03-05 00:00", interaction_id="b", customer_key=1)
    world.contact("call", "2026-03-05 00:00", interaction_id="own", customer_key=99, tier=4)
    world.contact("call", "2025-12-31 00:00", interaction_id="early", customer_key=1, tier=3)
    world.publish(quick, LATER)
    assert [one(quick, "tier", key) for key in ("a", "b", "own", "early")] == [(2,), (6,), (4,), (3,)]


def test_late_tier_changes_the_contacts_it_covers(warehouse: Warehouse) -> None:
    world = World()
    world.customer(1, 2)
    world.contact("call", "2026-03-02 10:00", interaction_id="a", customer_key=1, tier=1)
    world.contact("call", "2026-03-09 10:00", interaction_id="b", customer_key=1)
    world.publish(warehouse, LATER)
    world.add("customer_tier", customer_key=1, valid_from="2020-01-01", valid_to="2026-03-05", tier=2)
    world.add("customer_tier", customer_key=1, valid_from="2026-03-05", valid_to="2026-03-07", tier=5)
    world.publish(warehouse, LATER)
    assert [one(warehouse, "tier, load_id", key) for key in ("a", "b")] == [(2, 1), (None, 1)]
    assert table(warehouse, "SELECT tier, contacts FROM daily ORDER BY tier NULLS LAST") == [(2, 1), (None, 1)]
    # A validity that is taken back: the feed's own value comes to light again.
    world.add("customer_tier", customer_key=1, valid_from="2020-01-01", valid_to="2026-01-01", tier=2)
    world.publish(warehouse, LATER)
    assert one(warehouse, "tier", "a") == (1,)


def test_region_and_age_come_from_the_customer(warehouse: Warehouse) -> None:
    world = World()
    world.customer(1, age_band="25-34", region="north")
    world.contact("call", "2026-03-02 10:00", interaction_id="a", customer_key=1)
    world.contact("call", "2026-03-02 10:00", interaction_id="b", customer_key=1, region="south")
    world.publish(warehouse, LATER)
    assert one(warehouse, "region, age_band", "a") == ("north", "25-34")
    assert one(warehouse, "region, age_band", "b") == ("south", "25-34")
    world.add("customer", customer_key=1, opened_on="2020-01-01", region="east", age_band="35-44")
    world.publish(warehouse, LATER)
    assert one(warehouse, "region, age_band", "a") == ("east", "35-44")
    assert one(warehouse, "region, age_band", "b") == ("south", "35-44")
    assert table(warehouse, "SELECT region, contacts FROM daily_region ORDER BY 1") == [("east", 1), ("south", 1)]


def test_in_target(quick: Warehouse) -> None:
    world = World()
    expected: dict[str, bool | None] = {}
    for kind, facts, in_target in (
        ("call", {"wait_seconds": 20}, True),
        ("call", {"wait_seconds": 21}, False),
        ("call", {"wait_seconds": None, "queued": False}, True),  # answered without a queue
        ("vip", {"wait_seconds": 10}, True),
        ("vip", {"wait_seconds": 11}, False),
        ("chat", {"first_response_seconds": 60, "wait_seconds": 300}, True),
        ("chat", {"first_response_seconds": 61, "wait_seconds": 0}, False),
        ("chat", {"first_response_seconds": None, "wait_seconds": 61}, False),
        ("abandoned", {"wait_seconds": 20}, True),
        ("abandoned", {"wait_seconds": None}, False),
        ("waiting", {}, False),
        ("menu", {}, None),
        ("self", {}, None),
        ("gave_up", {}, None),
    ):
        expected[world.contact(kind, "2026-03-02 10:00", **facts)] = in_target
    world.publish(quick, LATER)
    assert dict(table(quick, "SELECT interaction_id, in_target FROM interaction")) == expected


def test_costs_are_those_of_the_day(warehouse: Warehouse) -> None:
    world = World()
    world.topic("card", "loan")
    for channel, handler, topic, valid_from, valid_to, cost in (
        ("hotline", "agent", "", "2026-01-01", "2026-03-05", 800),
        ("hotline", "agent", "", "2026-03-05", None, 900),
        ("hotline", "agent", "loan", "2026-01-01", None, 2000),
        ("wechat", "self_service", "", "2026-01-01", None, 10),
        ("chat", "agent", "", "2026-01-01", None, 500),
    ):
        world.add("unit_cost", channel=channel, handler=handler, topic=topic, valid_from=valid_from,
                  valid_to=valid_to, cost_fen=cost)  # fmt: skip
    world.contact("self", "2026-03-04 10:00", interaction_id="old", topic="card")
    world.contact("self", "2026-03-05 10:00", interaction_id="new", topic="card")
    world.contact("self", "2026-03-05 10:00", interaction_id="loan", topic="loan")
    world.contact("call", "2026-03-05 10:00", interaction_id="call", topic="loan")
    world.contact("robot", "2026-03-05 10:00", interaction_id="unknown")
    world.publish(warehouse, LATER)
    found = {key: one(warehouse, "cost_fen, human_cost_fen", key) for key in ("old", "new", "loan", "call", "unknown")}
    assert found == {
        "old": (10, 800),
        "new": (10, 900),
        "loan": (10, 2000),
        "call": (2000, 2000),
        "unknown": (None, 900),
    }
    # A cost that becomes known later.
    world.add("unit_cost", channel="wechat", handler="robot", topic="", valid_from="2026-01-01", cost_fen=3)
    world.publish(warehouse, LATER)
    assert one(warehouse, "cost_fen, load_id", "unknown") == (3, 1)
    assert table(warehouse, "SELECT sum(cost) FROM daily") == [(10 + 10 + 10 + 2000 + 3,)]


def test_without_hotline_the_first_channel_gives_the_human_cost(quick: Warehouse) -> None:
    world = World()
    for channel, cost in (("vip", 700), ("chat", 500)):
        world.add("unit_cost", channel=channel, handler="agent", topic="", valid_from="2026-01-01", cost_fen=cost)
    world.contact("self", "2026-03-04 10:00", interaction_id="a")
    world.publish(quick, LATER)
    assert one(quick, "human_cost_fen", "a") == (500,)


# --- neighbours ---


def test_neighbours_within_seven_days(quick: Warehouse) -> None:
    world = World()
    mine = {"customer_key": 1, "topic": "card"}
    world.contact("self", "2026-03-02 10:00", interaction_id="a", **mine)  # ends 10:05
    world.contact("self", "2026-03-09 10:05", interaction_id="b", **mine)  # 7 days after, to the second
    world.contact("self", "2026-03-16 10:11", interaction_id="c", **mine)  # a minute too late
    world.contact("self", "2026-03-02 11:00", interaction_id="other topic", customer_key=1, topic="loan")
    world.contact("self", "2026-03-02 11:00", interaction_id="other customer", customer_key=2, topic="card")
    world.contact("self", "2026-03-02 11:00", interaction_id="no topic", customer_key=1)
    world.contact("push", "2026-03-02 11:00", interaction_id="push", **mine)
    world.publish(quick, LATER)
    week = 7 * 86400
    assert one(quick, LINKS, "a") == (week, None, False)
    assert one(quick, LINKS, "b") == (None, week, False)
    assert one(quick, LINKS, "c") == (None, None, False)
    for key in ("other topic", "other customer"):
        assert one(quick, LINKS, key) == (None, None, False)
    for key in ("no topic", "push"):
        assert one(quick, LINKS, key) == (None, None, None)


def test_trap_repeat_contact_on_another_channel(quick: Warehouse) -> None:
    world = World()
    mine = {"customer_key": 1, "topic": "card"}
    world.contact("gave_up", "2026-03-02 10:00", interaction_id="wechat", **mine)
    world.contact("call", "2026-03-02 10:15", interaction_id="call", **mine)
    world.contact("call", "2026-03-02 11:00", interaction_id="again", **mine)
    world.contact("call", "2026-03-09 10:14", interaction_id="late", **mine)
    world.publish(quick, LATER)
    assert one(quick, LINKS, "wechat") == (600, None, False)
    assert one(quick, LINKS, "call") == (2400, 600, True)
    # The wechat contact is not the last before it, but within its 7 days.
    assert one(quick, "previous_seconds, crossed_channel", "again") == (2400, True)
    assert one(quick, "crossed_channel", "late") == (False,)


def test_overlapping_and_simultaneous_contacts(quick: Warehouse) -> None:
    world = World()
    mine = {"customer_key": 1, "topic": "card"}
    world.contact("chat", "2026-03-02 10:00", interaction_id="long", minutes=60, **mine)
    world.contact("call", "2026-03-02 10:30", interaction_id="inside", minutes=5, **mine)
    world.contact("self", "2026-03-02 10:30", interaction_id="same moment", minutes=30, **mine)
    world.contact("call", "2026-03-02 11:00", interaction_id="at the end", minutes=0, **mine)
    world.contact("chat", "2026-03-02 11:00:00.600", interaction_id="at once", minutes=1, **mine)
    world.publish(quick, LATER)
    # After its end comes only what starts later than it; a fraction of a second is 0 seconds, and a neighbour.
    assert one(quick, LINKS, "long") == (0, None, False)
    assert one(quick, LINKS, "inside") == (25 * 60, None, True)
    assert one(quick, LINKS, "same moment") == (0, None, True)
    assert one(quick, LINKS, "at the end") == (0, 25 * 60, True)
    assert one(quick, LINKS, "at once") == (None, 0, True)


def test_open_contact_has_no_next_and_is_nobodys_previous(quick: Warehouse) -> None:
    world = World()
    mine = {"customer_key": 1, "topic": "card"}
    world.contact("self", "2026-03-02 09:00", interaction_id="before", **mine)
    world.contact("waiting", "2026-03-02 10:00", interaction_id="open", **mine)
    world.contact("call", "2026-03-02 11:00", interaction_id="after", **mine)
    world.publish(quick, LATER)
    assert one(quick, LINKS, "before") == (55 * 60, None, False)
    assert one(quick, LINKS, "open") == (None, 55 * 60, True)
    assert one(quick, LINKS, "after") == (None, 115 * 60, True)


def test_trap_late_row_changes_its_neighbours(warehouse: Warehouse) -> None:
    world = World()
    mine = {"customer_key": 1, "topic": "card"}
    world.contact("self", "2026-03-02 10:00", interaction_id="first", **mine)
    world.contact("self", "2026-03-08 10:00", interaction_id="last", **mine)
    world.publish(warehouse, LATER)
    assert one(warehouse, LINKS, "first") == (6 * 86400 - 300, None, False)
    world.contact("call", "2026-03-03 10:00", interaction_id="late", **mine)
    world.publish(warehouse, LATER)
    assert one(warehouse, LINKS + ", load_id", "first") == (86400 - 300, None, False, 1)
    assert one(warehouse, LINKS + ", load_id", "late") == (5 * 86400 - 300, 86400 - 300, True, 2)
    assert one(warehouse, LINKS + ", load_id", "last") == (None, 5 * 86400 - 300, True, 1)
    # Corrected to another customer, it is no neighbour any more.
    world.contact("call", "2026-03-03 10:00", interaction_id="late", customer_key=2, topic="card")
    world.publish(warehouse, LATER)
    assert one(warehouse, LINKS, "first") == (6 * 86400 - 300, None, False)
    assert one(warehouse, LINKS, "last") == (None, 6 * 86400 - 300, False)


def test_contact_of_weeks_still_has_its_neighbours(warehouse: Warehouse) -> None:
    world = World()
    mine = {"customer_key": 1, "topic": "card"}
    world.contact("self", "2026-02-01 10:00", interaction_id="before", **mine)
    world.contact("chat", "2026-02-02 10:05", interaction_id="long", minutes=30 * 1440, **mine)  # to 4 March
    world.publish(warehouse, LATER)
    world.contact("self", "2026-03-05 10:05", interaction_id="late", **mine)
    world.publish(warehouse, LATER)
    assert one(warehouse, LINKS, "long") == (86400, 86400, True)
    assert one(warehouse, LINKS, "late") == (None, 86400, False)


# --- referrals and the calendar ---


def _referral(world: World, contact: str, referral: str = "r", **more: object) -> None:
    world.add("referral", **{"source": "hotline", "referral_id": referral, "interaction_id": contact,
                             "customer_key": 1, "scenario": "investment",
                             "referred_at": world.utc("2026-03-02 23:30")} | more)  # fmt: skip


def test_referral_marks_its_interaction_whenever_it_comes(warehouse: Warehouse) -> None:
    world = World()
    world.topic("funds", referable=True)
    world.topic("card")
    world.contact("call", "2026-03-02 10:00", interaction_id="a", customer_key=1, topic="funds")
    world.contact("call", "2026-03-02 10:00", interaction_id="b", customer_key=1, topic="card")
    world.publish(warehouse, LATER)
    assert one(warehouse, "referable, has_referral", "a") == (True, False)
    assert one(warehouse, "referable, has_referral", "b") == (False, False)
    _referral(world, "a")
    world.publish(warehouse, LATER)
    assert one(warehouse, "has_referral, load_id", "a") == (True, 1)
    assert table(warehouse, "SELECT sum(eligible), sum(eligible_referred) FROM daily") == [(1, 1)]
    _referral(world, "b")  # it was the other contact
    world.publish(warehouse, LATER)
    assert [one(warehouse, "has_referral", key) for key in ("a", "b")] == [(False,), (True,)]
    world.topic("card", referable=True)
    world.publish(warehouse, LATER)
    assert one(warehouse, "referable", "b") == (True,)


@pytest.mark.parametrize(
    ("tiers", "upgraded"),
    [
        ([("2020-01-01", None, 3)], False),
        ([("2020-01-01", "2026-06-08", 3), ("2026-06-08", None, 4)], True),  # on the 90th day
        ([("2020-01-01", "2026-06-09", 3), ("2026-06-09", None, 4)], False),
        ([("2020-01-01", "2026-04-01", 3), ("2026-04-01", None, 2)], False),
    ],
)
def test_upgraded_looks_ninety_days_ahead(
    quick: Warehouse, tiers: list[tuple[str, str | None, int]], upgraded: bool
) -> None:
    world = World()
    world.customer(1, None)
    world.contact("call", "2026-03-02 10:00", interaction_id="a", customer_key=1)
    _referral(world, "a", completed_at=world.utc("2026-03-10 00:30"))
    _referral(world, "a", "open")
    world.publish(quick, LATER)
    found = "SELECT business_date, upgraded FROM referral ORDER BY referral_id"
    assert table(quick, found) == [(date(2026, 3, 2), None), (date(2026, 3, 2), None)]
    for valid_from, valid_to, tier in tiers:  # tiers become known later
        world.add("customer_tier", customer_key=1, valid_from=valid_from, valid_to=valid_to, tier=tier)
    world.publish(quick, LATER)
    assert table(quick, found) == [(date(2026, 3, 2), None), (date(2026, 3, 2), upgraded)]


def test_calendar_knows_holidays_and_make_up_days(quick: Warehouse) -> None:
    world = World()
    world.contact("call", "2026-02-14 10:00")  # a Saturday worked to make up
    world.contact("call", "2026-02-17 10:00")  # Chinese New Year's Day
    world.contact("call", "2028-01-01 10:00")  # not published yet: by rule
    world.publish(quick, "2028-02-01 00:00")
    found = table(
        quick,
        "SELECT business_date, week, month, weekday, workday, holiday FROM calendar "
        "WHERE business_date IN ('2026-02-14', '2026-02-16', '2026-02-17', '2026-03-02', '2028-01-01') ORDER BY 1",
    )
    assert found == [
        (date(2026, 2, 14), date(2026, 2, 9), date(2026, 2, 1), 6, True, None),
        (date(2026, 2, 16), date(2026, 2, 16), date(2026, 2, 1), 1, False, "spring_festival"),
        (date(2026, 2, 17), date(2026, 2, 16), date(2026, 2, 1), 2, False, "spring_festival"),
        (date(2026, 3, 2), date(2026, 3, 2), date(2026, 3, 1), 1, True, None),
        (date(2028, 1, 1), date(2027, 12, 27), date(2028, 1, 1), 6, False, "new_year"),
    ]
