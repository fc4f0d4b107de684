"""The files of the lake: merged when there are many, gone when no version names them, readable in the past."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from kpi.errors import WarehouseError
from kpi.query.identity import audit
from kpi.warehouse import Warehouse, engine, instance
from tests.world import World, make


def test_merged_files_change_no_number_now_or_in_the_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_FILES_BEFORE_MERGE", 2)
    warehouse = make(tmp_path, "ducklake")
    versions = []
    for day in range(1, 6):
        world = World()
        for number in range(40):  # so many that they become a file of their own
            world.contact("call", f"2026-03-{day:02} 10:{number:02}", interaction_id=f"{day}-{number:02}")
        world.publish(warehouse, f"2026-03-{day:02} 23:00")
        versions.append(warehouse.published().version)
    with warehouse.read() as connection:
        files = "SELECT file_count FROM ducklake_table_info('lake') WHERE table_name = 'interaction'"
        assert connection.exec_driver_sql(files).scalar_one() < 5
        for day, version in enumerate(versions, start=1):
            past = f"SELECT count(*), count(DISTINCT interaction_id) FROM interaction AT (VERSION => {version})"
            assert connection.exec_driver_sql(past).one() == (40 * day, 40 * day)
    warehouse.close()


def test_files_that_no_version_names_are_removed_by_the_next_load(tmp_path: Path) -> None:
    warehouse = make(tmp_path, "ducklake")
    World().publish(warehouse, "2026-03-02 00:00")
    left = tmp_path / "lake" / "data" / "main" / "interaction" / "ducklake-left-behind.parquet"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"half a file")
    World().publish(warehouse, "2026-03-03 00:00")
    assert not left.exists()
    warehouse.close()


def rows_in_catalogue(place: Path) -> dict[str, int]:
    """How many rows each table of rows in the catalogue has."""
    with closing(sqlite3.connect(place / "lake" / "catalogue.sqlite")) as catalogue:
        tables = [name for (name,) in catalogue.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert "ducklake_data_file" in tables
        inside = [name for name in tables if name.startswith("ducklake_inlined_data") and name[-1].isdigit()]
        return {name: catalogue.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in inside}


def test_few_rows_are_files_too(tmp_path: Path) -> None:
    warehouse = make(tmp_path, "ducklake")
    World().publish(warehouse, "2026-03-02 00:00")
    warehouse.close()
    assert rows_in_catalogue(tmp_path) == {}


def test_a_warehouse_with_rows_in_its_catalogue_is_read_and_loaded_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance, "_ROWS_IN_CATALOGUE", 10)  # as the version before had it
    older, later = World(), World()
    older.contact("self", "2026-03-02 10:00", interaction_id="a")
    older.contact("self", "2026-03-02 11:00", interaction_id="b")
    warehouse = make(tmp_path, "ducklake")
    older.publish(warehouse, "2026-03-02 23:00")
    warehouse.close()
    assert sum(rows_in_catalogue(tmp_path).values()) > 0
    monkeypatch.undo()
    later.contact("self", "2026-03-02 11:00", interaction_id="b")
    later.contact("self", "2026-03-03 10:00", interaction_id="c")
    warehouse = Warehouse.from_settings(warehouse.settings)
    later.publish(warehouse, "2026-03-03 23:00")
    with warehouse.read() as connection:
        found = connection.exec_driver_sql("SELECT interaction_id FROM interaction ORDER BY 1").fetchall()
    assert [row[0] for row in found] == ["a", "b", "c"]
    assert all(check.holds for check in audit(warehouse))
    warehouse.close()


def test_trap_an_extension_that_was_tampered_with_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, real = make(tmp_path / "home", "ducklake"), instance._extension

    def tampered(package: str) -> Path:
        (tmp_path / package).mkdir()
        file = tmp_path / package / real(package).name
        content = bytearray(real(package).read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        return file

    monkeypatch.setattr(instance, "_extension", tampered)
    monkeypatch.setattr(instance, "_checked", False)  # as in a process that has opened none
    with pytest.raises(WarehouseError, match="signature"):
        warehouse.published()


def test_trap_who_only_reads_cannot_write_and_locks_nobody_out(tmp_path: Path) -> None:
    # Of an instance that could write, the catalogue would be locked for a moment at the end of every reading.
    loaded = make(tmp_path, "ducklake")
    world = World()
    world.contact("call", "2026-03-02 10:00", interaction_id="a")
    world.publish(loaded, "2026-03-02 23:00")
    loaded.close()
    reader = Warehouse.from_settings(loaded.settings)
    with reader.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM interaction").scalar_one() == 1
        with pytest.raises(sa.exc.DBAPIError, match="read-only"):
            connection.exec_driver_sql("DELETE FROM interaction")
    # It may still write where it is asked to, and reads what was written.
    world.contact("call", "2026-03-02 11:00", interaction_id="b")
    world.publish(reader, "2026-03-02 23:30")
    with reader.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM interaction").scalar_one() == 2
    reader.close()
