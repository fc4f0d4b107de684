"""Any sequence of loads ends where one load of the last state of every row would."""

from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpi import schema
from kpi.warehouse import Warehouse, rollup
from tests.warehouse.conftest import rolled_up, rolled_up_anew, table
from tests.world import World, make

_START = datetime(2026, 2, 20)
_KINDS = ("call", "vip", "chat", "self", "robot", "gave_up", "escalated", "abandoned", "waiting", "push")
_customers, _days = st.integers(1, 3), st.integers(0, 20)

_contact = st.fixed_dictionaries(
    {
        "id": st.integers(1, 12),
        "kind": st.sampled_from(_KINDS),
        "at": st.integers(0, 20 * 24),  # hours
        "minutes": st.sampled_from((0, 5, 60, 600, 9 * 1440)),
        "customer_key": st.none() | _customers,
        "topic": st.sampled_from((None, "card", "loan")),
        "tier": st.none() | st.integers(1, 7),
        "region": st.sampled_from((None, "north")),
        "source": st.sampled_from(("hotline", "wechat")),
    }
)
_step = st.fixed_dictionaries(
    {
        "contacts": st.lists(_contact, max_size=6),
        "customers": st.dictionaries(_customers, st.sampled_from(("east", "west")), max_size=2),
        "tiers": st.dictionaries(_customers, st.tuples(_days, st.integers(1, 7)), max_size=2),
        "values": st.dictionaries(_customers, st.none() | st.integers(-5, 100), max_size=3),
        "referrals": st.dictionaries(st.integers(1, 2), st.integers(1, 12), max_size=2),
        "uses": st.dictionaries(st.integers(1, 12), st.integers(1, 5), max_size=2),
        "cost": st.none() | st.integers(1, 900),
        "target": st.none() | st.tuples(_days, st.sampled_from((5, 15))),
        "watermark": st.integers(1, 40),
    }
)


def _collect(world: World, step: dict[str, Any], known: dict[tuple[str, str], datetime]) -> None:
    """Rows of a step, as they would come; children only of contacts that are ``known`` by then."""
    for contact in step["contacts"]:
        facts = dict(contact)
        key, kind, at = f"i{facts.pop('id')}", facts.pop("kind"), _START + timedelta(hours=facts.pop("at"))
        minutes = None if kind == "waiting" else facts.pop("minutes")
        world.contact(kind, at, interaction_id=key, minutes=minutes, **{k: facts[k] for k in facts if k != "minutes"})
        known[facts["source"], key] = at
    for customer, region in step["customers"].items():
        world.add("customer", customer_key=customer, opened_on="2020-01-01", region=region)
    for customer, (day, tier) in step["tiers"].items():
        # Two stretches that are always there and meet on some day.
        border = date(2026, 2, 20) + timedelta(days=day)
        world.add("customer_tier", customer_key=customer, valid_from="2020-01-01", valid_to=border, tier=tier)
    for customer, value in step["values"].items():
        for month in ("2026-01-01", "2026-02-01"):
            world.months(month, {customer: value})
    for number, contact in step["referrals"].items():
        if ("hotline", f"i{contact}") in known:
            world.add("referral", source="hotline", referral_id=f"r{number}", interaction_id=f"i{contact}",
                      customer_key=1, scenario="investment", referred_at=_START,
                      completed_at=_START + timedelta(days=number))  # fmt: skip
    for contact, times in step["uses"].items():
        if ("wechat", f"i{contact}") in known:
            world.add("function_use", source="wechat", interaction_id=f"i{contact}", function="balance",
                      started=times, completed=1, failed=0)  # fmt: skip
    if step["cost"] is not None:
        world.add("unit_cost", channel="hotline", handler="agent", topic="", valid_from="2026-02-25",
                  cost_fen=step["cost"])  # fmt: skip
    if step["target"] is not None:
        day, seconds = step["target"]
        world.add("service_target", channel="hotline", seconds=seconds,
                  valid_from=date(2026, 2, 20) + timedelta(days=day))  # fmt: skip


def _facts(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """Every fact and master row, without the number of the load that brought it."""
    found = {}
    for name in ("interaction", "handling_leg", "function_use", "referral", "customer_month", "customer_tier"):
        columns = ", ".join(column.name for column in schema.metadata.tables[name].columns if column.name != "load_id")
        found[name] = sorted(table(warehouse, f"SELECT {columns} FROM {name}"), key=repr)
    return found


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.lists(_step, min_size=2, max_size=4))
def test_any_sequence_of_loads_ends_as_one_load_of_it_all(steps: list[dict[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        bit_by_bit, at_once = (make(Path(folder) / name, "duckdb") for name in ("bits", "once"))
        try:
            world, whole = World(), World()
            known: dict[tuple[str, str], datetime] = {}
            for step in steps:
                _collect(world, step, known)
                world.publish(bit_by_bit, (_START + timedelta(days=step["watermark"])).isoformat(" "))
                assert rolled_up(bit_by_bit) == rolled_up_anew(bit_by_bit)
            known.clear()
            for step in steps:
                _collect(whole, step, known)
            _latest_only(whole)
            last = max(step["watermark"] for step in steps)
            whole.publish(at_once, (_START + timedelta(days=last)).isoformat(" "))
            assert _facts(bit_by_bit) == _facts(at_once)
            assert rolled_up(bit_by_bit) == rolled_up(at_once)
        finally:
            bit_by_bit.close()
            at_once.close()


def _latest_only(world: World) -> None:
    """One load takes a customer once."""
    world.rows["customer"] = list({row["customer_key"]: row for row in world.rows.get("customer", [])}.values())
    if not world.rows["customer"]:
        del world.rows["customer"]


@pytest.fixture
def fed(warehouse: Warehouse) -> Warehouse:
    world = World()
    for day in range(1, 11):
        world.contact("self", f"2026-03-{day:02} 12:00", customer_key=day, topic="card")
    world.publish(warehouse, "2026-03-08 12:05")
    return warehouse


def _durable(warehouse: Warehouse) -> dict[int, tuple[int, int, int]]:
    found = table(
        warehouse,
        "SELECT business_date, sum(contained_mature_1d), sum(contained_mature_3d), sum(contained_mature_7d) "
        "FROM daily GROUP BY 1",
    )
    return {row[0].day: row[1:] for row in found}


def test_watermark_that_moves_matures_contacts(fed: Warehouse) -> None:
    # Ended at 12:05: on the 1st seven days have passed, to the second.
    assert _durable(fed) == {
        1: (1, 1, 1),
        **dict.fromkeys(range(2, 6), (1, 1, 0)),
        **dict.fromkeys(range(6, 8), (1, 0, 0)),
        **dict.fromkeys(range(8, 11), (0, 0, 0)),
    }
    World().publish(fed, "2026-03-11 12:04:59")
    assert _durable(fed) == {
        **dict.fromkeys(range(1, 4), (1, 1, 1)),
        **dict.fromkeys(range(4, 8), (1, 1, 0)),
        **dict.fromkeys(range(8, 10), (1, 0, 0)),
        10: (0, 0, 0),
    }
    assert rolled_up(fed) == rolled_up_anew(fed)


def test_trap_slow_feed_that_appears_later_takes_maturity_back(fed: Warehouse) -> None:
    world = World(channels=["sms"])
    world.publish(fed, "2026-03-01 00:00")  # known feeds keep their watermarks, but sms was at the 8th: no change
    assert _durable(fed)[1] == (1, 1, 1)
    other = World()
    other.channels = ("branch",)
    other.carries["branch"] = {"topic"}
    other.rows.clear()
    other.publish(fed, "2026-03-03 12:05")
    assert _durable(fed)[1] == (1, 0, 0)
    assert _durable(fed)[3] == (0, 0, 0)
    assert rolled_up(fed) == rolled_up_anew(fed)


def test_older_data_moves_where_looking_back_begins(warehouse: Warehouse) -> None:
    world = World()
    for day in (3, 9, 12):
        world.contact("self", f"2026-03-{day:02} 12:00", customer_key=1, topic="card")
    world.publish(warehouse, "2026-03-20 00:00")
    linked = "SELECT business_date, sum(linked) FROM daily GROUP BY 1 ORDER BY 1"
    assert [row[1] for row in table(warehouse, linked)] == [0, 0, 1]
    world.contact("self", "2026-02-28 12:00", customer_key=2, topic="card")
    world.publish(warehouse, "2026-03-20 00:00")
    assert [row[1] for row in table(warehouse, linked)] == [0, 0, 1, 1]
    assert rolled_up(warehouse) == rolled_up_anew(warehouse)


def test_roll_ups_can_be_made_again_from_nothing(fed: Warehouse) -> None:
    before = rolled_up(fed)
    with fed.write() as connection:
        connection.exec_driver_sql("DELETE FROM daily")
        connection.exec_driver_sql("UPDATE daily_topic SET contacts = 99")
        rollup.rebuild_all(connection, fed.published(connection))
    assert rolled_up(fed) == before == rolled_up_anew(fed)
    assert any(before.values())
