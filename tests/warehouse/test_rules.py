"""Dated rules: the long tail, service targets, and what a change derives again."""

from datetime import date

import pytest

from kpi.errors import InputError, UnknownName
from kpi.warehouse import Warehouse
from kpi.warehouse.rules import set_service_target, set_tail_rule
from tests.warehouse.conftest import one, rolled_up, rolled_up_anew, table
from tests.world import World

LATER = "2026-03-31 00:00"


def tails(warehouse: Warehouse, month: str = "2026-02-01") -> dict[int, bool | None]:
    found = table(warehouse, f"SELECT customer_key, is_tail FROM customer_month WHERE month = '{month}'")
    return {key: tail for key, tail in found}  # noqa: C416 - pairs of Any


def bank(customers: int = 6) -> World:
    world = World()
    for key in range(1, customers + 1):
        world.customer(key, tier=key)
    return world


def test_default_rule_leaves_the_top_fifth_out_of_the_tail(quick: Warehouse) -> None:
    world = bank()  # ⌈20 % of 6⌉ = 2
    world.months("2026-02-01", {1: 50, 2: 900, 3: -10, 4: 100, 5: None})  # 6 has no row at all
    world.publish(quick, LATER)
    assert tails(quick) == {1: True, 2: False, 3: True, 4: False, 5: True}


def test_trap_tail_ties_go_by_key(quick: Warehouse) -> None:
    world = bank()
    world.months("2026-02-01", {6: 100, 5: 100, 4: 100, 3: 100, 2: 100, 1: 7})
    world.publish(quick, LATER)
    assert tails(quick) == {1: True, 2: False, 3: False, 4: True, 5: True, 6: True}


def test_fewer_values_than_the_top_has_places(quick: Warehouse) -> None:
    world = bank()
    world.months("2026-02-01", {1: None, 2: None, 3: -5})
    world.publish(quick, LATER)
    assert tails(quick) == {1: True, 2: True, 3: False}


def test_only_customers_open_at_the_months_end_are_ranked(quick: Warehouse) -> None:
    world = World()
    for key in range(1, 6):
        world.customer(key)
    world.customer(6, closed_on="2026-02-28")  # its last day was the 27th
    world.customer(7, opened="2026-03-01")
    world.months("2026-02-01", {1: 10, 2: 20, 6: 1000, 7: 2000})  # five are open: the top is one
    world.publish(quick, LATER)
    assert tails(quick) == {1: True, 2: False, 6: None, 7: None}


def test_contact_takes_the_tail_of_the_last_closed_month(quick: Warehouse) -> None:
    world = bank()
    world.months("2026-01-01", {1: 100, 2: 50, 3: 1})
    world.months("2026-02-01", {1: 1, 2: 50, 3: 100})
    for name, at, key in (
        ("feb", "2026-02-28 10:00", 1),
        ("mar", "2026-03-01 00:00", 1),
        ("no row", "2026-03-01 10:00", 6),
        ("nobody", "2026-03-01 10:00", None),
    ):
        world.contact("call", at, interaction_id=name, customer_key=key)
    world.publish(quick, LATER)
    assert [one(quick, "is_tail", name) for name in ("feb", "mar", "no row", "nobody")] == [
        (False,),
        (True,),
        (True,),
        (None,),
    ]


def test_late_values_and_customers_derive_the_tail_again(warehouse: Warehouse) -> None:
    world = bank(5)  # ⌈20 % of 5⌉ = 1
    world.months("2026-02-01", {1: 100, 2: 50, 3: 10})
    for key in (1, 2, 3):
        world.contact("call", "2026-03-02 10:00", interaction_id=f"c{key}", customer_key=key)
    world.publish(warehouse, LATER)
    assert [one(warehouse, "is_tail", f"c{key}") for key in (1, 2, 3)] == [(False,), (True,), (True,)]
    world.months("2026-02-01", {3: 1000})  # corrected
    world.publish(warehouse, LATER)
    assert [one(warehouse, "is_tail", f"c{key}") for key in (1, 2, 3)] == [(True,), (True,), (False,)]
    world.customer(6)  # a sixth open customer: the top grows to two
    world.publish(warehouse, LATER)
    assert [one(warehouse, "is_tail, load_id", f"c{key}") for key in (1, 2, 3)] == [(False, 1), (True, 1), (False, 1)]
    assert table(warehouse, "SELECT segment, sum(contacts) FROM daily GROUP BY 1 ORDER BY 1") == [
        ("tail", 1),
        ("top", 2),
    ]


def test_changed_tail_rule_derives_again_from_its_month(warehouse: Warehouse) -> None:
    world = bank()
    world.months("2026-01-01", {1: 100, 6: 1})
    world.months("2026-02-01", {1: 100, 6: 1})
    world.rows["customer_month"] = [row | {"tier": row["customer_key"]} for row in world.rows["customer_month"]]
    for month in ("02", "03"):
        for key in (1, 6):
            world.contact("call", f"2026-{month}-10 10:00", interaction_id=f"{month}-{key}", customer_key=key)
    world.publish(warehouse, LATER)
    version = warehouse.published().version
    assert tails(warehouse) == {1: False, 6: False}  # two of six
    report = set_tail_rule(warehouse, "tier", 4, date(2026, 2, 1))
    assert (report.rows_read, report.loaded) == (1, 1)
    assert warehouse.published().version > version
    assert tails(warehouse, "2026-01-01") == {1: False, 6: False}
    assert tails(warehouse) == {1: True, 6: False}
    assert [one(warehouse, "is_tail", key) for key in ("02-1", "03-1", "02-6", "03-6")] == [
        (False,),
        (True,),
        (False,),
        (False,),
    ]
    set_tail_rule(warehouse, "value", 10, date(2026, 1, 1))
    assert tails(warehouse, "2026-01-01") == {1: False, 6: True}  # one of six
    assert tails(warehouse) == {1: True, 6: False}
    assert rolled_up(warehouse) == rolled_up_anew(warehouse)


def test_changed_service_target_derives_again_from_its_day(warehouse: Warehouse) -> None:
    world = World()
    for day in ("02", "03", "04"):
        world.contact("call", f"2026-03-{day} 10:00", interaction_id=day, wait_seconds=25)
    world.contact("vip", "2026-03-03 10:00", interaction_id="vip", wait_seconds=25)
    world.publish(warehouse, LATER)
    set_service_target(warehouse, "hotline", 30, date(2026, 3, 3))
    set_service_target(warehouse, "hotline", 15, date(2026, 3, 4))
    assert [one(warehouse, "in_target", key) for key in ("02", "03", "04", "vip")] == [
        (False,),
        (True,),
        (False,),
        (False,),
    ]
    assert table(warehouse, "SELECT sum(answered_in_time) FROM daily") == [(1,)]
    set_service_target(warehouse, "hotline", 25, date(2026, 3, 4))
    assert one(warehouse, "in_target", "04") == (True,)
    assert rolled_up(warehouse) == rolled_up_anew(warehouse)


def test_rules_that_make_no_sense_are_refused(warehouse: Warehouse) -> None:
    World().publish(warehouse, LATER)
    with pytest.raises(UnknownName, match="hotline"):
        set_service_target(warehouse, "hotlin", 30, date(2026, 3, 3))
    for kind, parameter, since, told in (
        ("value", 0, date(2026, 3, 1), "1 to 99 per cent"),
        ("tier", 8, date(2026, 3, 1), "1 to 7 stars"),
        ("luck", 3, date(2026, 3, 1), "value, tier"),
        ("tier", 3, date(2026, 3, 2), "2026-03-02"),
    ):
        with pytest.raises(InputError, match=told):
            set_tail_rule(warehouse, kind, parameter, since)
