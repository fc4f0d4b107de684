"""The contacts that complaints and referrals came of, as every process sees them: each once, whatever engine."""

from datetime import date, datetime
from pathlib import Path

from kpi.query import Filter, Period, Question, answer
from kpi.warehouse import Warehouse
from tests.warehouse.conftest import table
from tests.world import World, make

ORIGIN = "SELECT interaction_id, tier FROM origin ORDER BY interaction_id"
MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
SIGNED = Question(("referred_amount", "complaints_open"), MARCH, filters=(Filter("tier", ("3",)),))


def _referral(world: World, key: str, contact: str) -> None:
    world.add("referral", source="hotline", referral_id=key, interaction_id=contact, scenario="investment",
              referred_at=datetime(2026, 3, 2, 3), completed_at=datetime(2026, 3, 9, 3), amount_fen=100)  # fmt: skip


def _complaint(world: World, key: str, contact: str | None) -> None:
    world.add("complaint", source="hotline", complaint_id=key, interaction_id=contact, opened_on=date(2026, 3, 3),
              due_on=date(2026, 3, 18))  # fmt: skip


def _first(warehouse: Warehouse) -> None:
    world = World()
    for contact, tier in (("plain", 1), ("twice", 3), ("complained", 3), ("both", 4)):
        world.contact("call", "2026-03-02 10:00", interaction_id=contact, tier=tier, source="hotline")
    for key, contact in (("r1", "twice"), ("r2", "twice"), ("r3", "both")):
        _referral(world, key, contact)
    for key, home in (("c1", "complained"), ("c2", "both"), ("c3", None)):
        _complaint(world, key, home)
    world.publish(warehouse, "2026-03-20 12:00")


def test_a_contact_is_there_once_whatever_came_of_it(warehouse: Warehouse) -> None:
    _first(warehouse)
    assert table(warehouse, ORIGIN) == [("both", 4), ("complained", 3), ("twice", 3)]
    found = answer(warehouse, SIGNED)
    assert (found.cell("referred_amount").numerator, found.cell("complaints_open").value) == (200, 1)


def test_a_later_complaint_and_a_corrected_contact_are_followed(warehouse: Warehouse) -> None:
    _first(warehouse)
    later = World()
    later.contact("call", "2026-03-02 10:00", interaction_id="twice", tier=5, source="hotline")
    _complaint(later, "c4", "plain")
    later.publish(warehouse, "2026-03-21 12:00")
    assert table(warehouse, ORIGIN) == [("both", 4), ("complained", 3), ("plain", 1), ("twice", 5)]


def test_an_earlier_version_and_a_copy_in_memory_show_their_own(tmp_path: Path) -> None:
    lake = make(tmp_path, "ducklake")
    server = Warehouse(lake.url, lake.settings, resident=True)
    _first(lake)
    before = lake.published().version
    later = World()
    _complaint(later, "c4", "plain")
    later.publish(lake, "2026-03-21 12:00")
    with lake.at(before) as past:
        assert table(past, ORIGIN) == [("both", 4), ("complained", 3), ("twice", 3)]
    now = [("both", 4), ("complained", 3), ("plain", 1), ("twice", 3)]
    assert table(server, ORIGIN) == now
    server.settle()
    assert table(server, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'origin'") == [(1,)]
    assert table(server, ORIGIN) == now
    server.close()
    lake.close()
