"""Copies of the small tables in memory: the same figures as the lake's, of the version that a reader sees."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kpi import schema
from kpi.errors import WarehouseDamaged
from kpi.query import Period, Question, answer
from kpi.warehouse import Warehouse, resident
from tests.warehouse.conftest import table
from tests.world import World, make

WEEK = Period(date(2026, 3, 2), date(2026, 3, 8))
VOLUME = Question(("volume", "csat", "long_tail_coverage"), WEEK, by=("tier",))
FROM_MEMORY = "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'memory' AND table_name = 'daily'"
READS = "SELECT current_setting('search_path')"


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Warehouse]:
    made = make(tmp_path, "ducklake")
    yield made
    made.close()


@pytest.fixture
def server(lake: Warehouse) -> Iterator[Warehouse]:
    """A reader of the same lake, as a server is: it keeps copies."""
    made = Warehouse(lake.url, lake.settings, resident=True)
    yield made
    made.close()


def load(lake: Warehouse, day: int) -> None:
    world = World()
    if day == 1:
        for key in (1, 2, 3):
            world.customer(key, tier=key)
    for customer in (1, 2):
        world.contact("call", f"2026-03-0{day + 1} 10:00", customer_key=customer, interaction_id=f"{day}-{customer}",
                      csat_asked=True, csat_score=3 + customer)  # fmt: skip
    world.publish(lake, "2026-03-20 12:00")


def copied(server: Warehouse) -> bool:
    """Whether a reader that comes now reads copies, once they are made."""
    with server.read():
        pass
    server.settle()
    return str(table(server, READS)[0][0]).startswith("memory.")


def test_a_server_reads_copies_and_finds_the_same(lake: Warehouse, server: Warehouse) -> None:
    load(lake, 1)
    first = answer(server, VOLUME)
    assert copied(server)
    assert answer(server, VOLUME) == first == answer(lake, VOLUME)
    assert first.cell("volume", 2).value == 1


def test_trap_a_new_version_is_never_answered_from_the_copies_of_an_old_one(lake: Warehouse, server: Warehouse) -> None:
    for day in range(1, 5):
        load(lake, day)
        assert answer(server, VOLUME).cell("volume", 1).value == day
        assert copied(server)
        assert answer(server, VOLUME) == answer(lake, VOLUME)
    assert table(server, FROM_MEMORY) == [(1,)]  # the older ones are gone


def test_a_reader_keeps_his_version_while_newer_copies_are_made(lake: Warehouse, server: Warehouse) -> None:
    load(lake, 1)
    assert copied(server)
    with server.read() as reading:
        assert reading.exec_driver_sql("SELECT sum(contacts) FROM daily").scalar_one() == 2
        load(lake, 2)
        assert copied(server)
        assert reading.exec_driver_sql("SELECT sum(contacts) FROM daily").scalar_one() == 2
    assert table(server, "SELECT sum(contacts) FROM daily") == [(4,)]


def test_trap_copies_that_are_ready_only_after_a_reading_began(
    lake: Warehouse, server: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(lake, 1)
    real = resident.Resident.enter

    def enter(self: resident.Resident, *given: Any) -> None:
        monkeypatch.setattr(resident.Resident, "enter", real)
        assert copied(server)  # what another reader began is ready meanwhile
        real(self, *given)

    monkeypatch.setattr(resident.Resident, "enter", enter)
    assert answer(server, VOLUME) == answer(lake, VOLUME)
    assert copied(server)


def test_trap_a_broken_file_is_told_by_a_server_too(lake: Warehouse, server: Warehouse) -> None:
    """Its transaction broke off, in which nothing more can be set: that hid what had happened."""
    load(lake, 1)
    for file in (lake.place / "data" / "main" / "interaction").rglob("*.parquet"):
        content = bytearray(file.read_bytes())
        content[4 : len(content) * 3 // 4] = bytes(255 - byte for byte in content[4 : len(content) * 3 // 4])
        file.write_bytes(content)
    with pytest.raises(WarehouseDamaged, match="interaction"), server.read() as connection:
        connection.exec_driver_sql("SELECT max(hash(t)) FROM interaction t").fetchall()


def test_a_large_table_stays_in_the_lake(lake: Warehouse, server: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resident, "_MOST_FIELDS", 0)
    load(lake, 1)
    assert copied(server)
    assert table(server, FROM_MEMORY) == [(0,)]
    assert answer(server, VOLUME) == answer(lake, VOLUME)


def test_what_a_version_says_of_itself_is_read_again_after_a_load(lake: Warehouse) -> None:
    load(lake, 1)
    with lake.read() as connection:
        before = lake.require_data(connection)
    load(lake, 2)
    with lake.read() as connection:
        after = lake.require_data(connection)
    assert after.version > before.version
    assert after == lake.published()


def test_trap_rows_that_were_replaced_do_not_make_a_table_large(
    lake: Warehouse, server: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    for score in (1, 2, 3, 4, 5):
        world = World()
        world.contact("call", "2026-03-03 10:00", interaction_id="one", csat_asked=True, csat_score=score)
        world.publish(lake, "2026-03-20 12:00")
    monkeypatch.setattr(resident, "_MOST_FIELDS", len(schema.interaction.columns))
    assert copied(server)
    assert table(server, FROM_MEMORY.replace("daily", "interaction")) == [(1,)]
