"""The files of the lake: merged when there are many, gone when no version names them, readable in the past."""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from kpi.errors import WarehouseDamaged, WarehouseError
from kpi.query.integrity import audit
from kpi.settings import Settings, load_settings
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


def _at(home: Path) -> Settings:
    return load_settings({"KPI_HOME": str(home), "KPI_MEMORY": "1"})


def _contact(warehouse: Warehouse, name: str) -> None:
    world = World()
    world.contact("call", "2026-03-02 10:00", interaction_id=name)
    world.publish(warehouse, "2026-03-02 23:00")


def _parquet(data: Path) -> set[str]:
    return {str(file.relative_to(data)) for file in data.rglob("*.parquet")}


def _killed(warehouse: Warehouse, folder: Path) -> str:
    """Leave what a load leaves that is killed before it is published; the path of a file, below the data folder."""
    copied = folder / "killed"
    before = _parquet(warehouse.place / "data")
    shutil.copytree(warehouse.place, copied / "lake")
    _contact(Warehouse.from_settings(replace(warehouse.settings, warehouse_url=f"ducklake:///{copied}/lake")), "killed")
    (file,) = {one for one in _parquet(copied / "lake" / "data") - before if one.startswith("main/interaction/")}
    with warehouse.writing_engine().connect() as connection, warehouse.write_lock(), warehouse._noted(connection):
        # As the engine would have: with a name of now.
        now = f"{int(datetime.now(UTC).timestamp() * 1000) + 1:012x}"
        named = f"ducklake-{now[:8]}-{now[8:]}{Path(file).name[22:]}"
        place = warehouse.place / "data" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(copied / "lake" / "data" / file, place.with_name(named))
        note = (warehouse.place / "writing.json").read_text()
    (warehouse.place / "writing.json").write_text(note)
    return str(Path(file).with_name(named))


def _age(file: Path, days: float) -> None:
    moment = file.stat().st_mtime - timedelta(days=days).total_seconds()  # by the clock that files are written by
    os.utime(file, (moment, moment))


def test_what_a_killed_load_left_is_deleted_when_it_is_old_and_nothing_else(tmp_path: Path) -> None:
    warehouse = make(tmp_path / "home", "ducklake", KPI_LEFTOVER_DAYS="3")
    _contact(warehouse, "a")
    data = warehouse.place / "data"
    left = data / _killed(warehouse, tmp_path)
    others = [
        left.with_name("ducklake-left-behind.parquet"),  # of nobody
        left.with_name("ducklake-019c0000-0000-7000-8000-000000000000.parquet"),  # written long before the load began
        data / "notes.parquet",
    ]
    for other in others:
        other.write_bytes(b"half a file")
        _age(other, 400)
    _contact(warehouse, "b")
    assert left.exists()
    _age(left, 2.9)
    _contact(warehouse, "c")
    assert left.exists()
    _age(left, 3.1)
    before = _parquet(data)
    _contact(warehouse, "d")
    assert before - _parquet(data) == {str(left.relative_to(data))}
    assert all(other.exists() for other in others)
    warehouse.close()


def test_trap_beside_a_restored_catalogue_the_files_of_later_versions_stay(tmp_path: Path) -> None:
    warehouse = make(tmp_path / "home", "ducklake", KPI_LEFTOVER_DAYS="1")
    _contact(warehouse, "a")
    warehouse.close()
    backup = tmp_path / "backup.sqlite"
    shutil.copy(warehouse.catalogue, backup)
    _contact(warehouse, "b")
    left = _killed(warehouse, tmp_path)  # and the last thing before the restore was a load that was killed
    warehouse.close()
    data = warehouse.place / "data"
    for file in data.rglob("*.parquet"):
        _age(file, 400)
    before = _parquet(data)
    assert left in before
    shutil.copy(backup, warehouse.catalogue)
    restored = Warehouse.from_settings(warehouse.settings)
    for name in ("c", "d"):
        _contact(restored, name)
    assert before <= _parquet(data)
    with restored.read() as connection:
        found = connection.exec_driver_sql("SELECT interaction_id FROM interaction ORDER BY 1").fetchall()
    assert [row[0] for row in found] == ["a", "c", "d"]
    restored.close()


def test_trap_a_data_folder_of_another_warehouse_is_refused_and_left_alone(tmp_path: Path) -> None:
    one, other = make(tmp_path / "one", "ducklake"), Warehouse.from_settings(_at(tmp_path / "other"))
    other.create()
    for warehouse in (one, other):
        _contact(warehouse, "a")
        warehouse.close()
    shutil.rmtree(one.place / "data")
    shutil.copytree(other.place / "data", one.place / "data")
    before = _parquet(one.place / "data")
    for asked in (one.published, one.writing_engine, one.create):
        with pytest.raises(WarehouseError) as caught:
            asked()
        assert caught.value.key == "warehouse_other_data"
        assert str(one.place / "data") in caught.value.message("zh")
    assert _parquet(one.place / "data") == before


def test_a_warehouse_of_the_version_before_has_no_mark_and_gets_one_with_its_first_load(tmp_path: Path) -> None:
    warehouse = make(tmp_path, "ducklake")
    _contact(warehouse, "a")
    warehouse.close()
    mark, note = warehouse.place / "data" / "catalogue.id", warehouse.place / "writing.json"
    identity = mark.read_text()
    mark.unlink()
    note.unlink()
    with warehouse.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM interaction").scalar_one() == 1
    assert not mark.exists()
    _contact(warehouse, "b")
    assert mark.read_text() == identity
    with warehouse.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM interaction").scalar_one() == 2
    assert all(check.holds for check in audit(warehouse))
    warehouse.close()


def test_trap_an_unmarked_folder_without_the_catalogues_files_is_not_taken_for_its_own(tmp_path: Path) -> None:
    warehouse = make(tmp_path, "ducklake")
    _contact(warehouse, "a")
    warehouse.close()
    (warehouse.place / "data").rename(tmp_path / "gone")
    (warehouse.place / "data").mkdir()
    with pytest.raises(WarehouseDamaged, match=r"interaction|warehouse_fact|daily"):
        warehouse.writing_engine()
    assert list((warehouse.place / "data").iterdir()) == []


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
