"""Absence is not emptiness: what says that there was a warehouse, and what does not; and files that are none."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb
import pytest

from kpi import cli
from kpi.errors import KpiError, StateError, WarehouseDamaged, WarehouseError
from kpi.ingest.customers import customer_key
from kpi.settings import Settings, load_settings
from kpi.snapshots.ledger import Ledger
from kpi.state import Annotation, StateDatabase, Target
from kpi.state.annotations import save_annotations
from kpi.state.targets import save_targets
from kpi.state.views import save_view
from kpi.warehouse import Warehouse
from seed.__main__ import main as seed
from tests.world import World


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one contact in its warehouse."""
    home = tmp_path_factory.mktemp("whole") / "home"
    warehouse = Warehouse.from_settings(load_settings({"KPI_HOME": str(home), "KPI_MEMORY": "1"}))
    warehouse.create()
    world = World()
    world.contact("call", "2026-03-02 10:00", interaction_id="a")
    world.publish(warehouse, "2026-03-02 23:00")
    warehouse.close()
    return home


def lie(home: Path) -> dict[str, bytes]:
    """Everything that lies in a home, but for logs, locks and what SQLite keeps beside a file that is open."""
    beside = ("-shm", "-wal", ".lock")
    return {
        str(file.relative_to(home)): file.read_bytes()
        for file in home.rglob("*")
        if file.is_file() and not file.name.endswith(beside) and file.parent.name != "tmp"
    }


def refused(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What every way to begin says; nothing is made or deleted."""
    before = lie(home)
    file, mapping = tmp_path / "calls.csv", tmp_path / "calls.toml"
    file.write_text("id,began\n1,2026-03-02 10:00\n")
    mapping.write_text(MAPPING)
    said = set()
    for begin in (
        lambda: cli.main(["import", str(file), "--mapping", str(mapping)]),
        lambda: seed(["--days", "35", "--interactions", "50", "--customers", "1000"]),
        lambda: cli.main(["check"]),
    ):
        assert begin() == 1
        said.add(capsys.readouterr().err.strip())
    assert lie(home) == before
    (one,) = said
    return one


MAPPING = """[source]
id = "calls"
name_zh = "电话"
name_en = "calls"
format = "csv"
time_zone = "Asia/Shanghai"
required = ["id", "began"]

[columns]
interaction_id = "id"
started_at = "CAST(began AS TIMESTAMP)"
ended_at = "CAST(began AS TIMESTAMP)"
channel = "'hotline'"
direction = "'inbound'"

[channels.hotline]
name_zh = "热线"
name_en = "Hotline"
family = "phone"
messaging = false
"""


# --- what is left ----------------------------------------------------------------------------------------------------


def _noted(settings: Settings) -> None:
    state = StateDatabase(settings)
    save_annotations(state, [], [Annotation(date(2026, 3, 1), None, "campaign", "活动", "sale")], "ann")
    state.close()


def _wanted(settings: Settings) -> None:
    state = StateDatabase(settings)
    save_targets(state, [], [Target("csat", low=0.9, first=date(2026, 1, 1))], "ann")
    state.close()


def _viewed(settings: Settings) -> None:
    state = StateDatabase(settings)
    save_view(state, "ann", "morning", "overview", {})
    state.close()


def _ran(settings: Settings) -> None:
    (settings.home / "snapshots" / "weekly" / "20260309T000000Z" / "r1").mkdir(parents=True)


def _hashed(settings: Settings) -> None:
    customer_key(settings.home)


LEFT: list[tuple[Callable[[Settings], None], str]] = [
    (_noted, "state.sqlite"), (_wanted, "state.sqlite"), (_viewed, "state.sqlite"), (_ran, "snapshots"),
    (_hashed, "customer.key"),
]  # fmt: skip


@pytest.mark.parametrize(("leave", "told"), LEFT)
def test_trap_what_is_left_of_a_warehouse_is_no_empty_home(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], leave: Callable[[Settings], None], told: str
) -> None:
    leave(load_settings())
    said = refused(home, tmp_path, capsys)
    for part in (str(home / told), str(home / "warehouse" / "catalogue.sqlite"), "backup"):
        assert part in said


def test_trap_data_files_without_a_catalogue_are_kept(
    home: Path, tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole, home)
    (home / "warehouse" / "catalogue.sqlite").unlink()
    assert str(home / "warehouse" / "data") in refused(home, tmp_path, capsys)
    # Neither is a new warehouse made in the place of its files when one is asked for.
    assert cli.main(["import", str(tmp_path / "calls.csv"), "--mapping", str(tmp_path / "calls.toml"), "--new"]) == 1


@pytest.mark.parametrize("content", [b"\xf5\x80\xff", b""], ids=["garbled", "empty"])
def test_trap_a_mark_that_cannot_be_read_is_damage(settings: Settings, content: bytes) -> None:
    warehouse = Warehouse.from_settings(settings)
    warehouse.create()
    warehouse.close()
    (warehouse.place / "data" / "catalogue.id").write_bytes(content)
    opened = Warehouse.from_settings(settings)
    with pytest.raises(WarehouseDamaged, match=r"catalogue\.id"):
        opened.writing_engine()
    opened.close()


def test_a_home_in_which_the_program_itself_began_is_an_empty_one(home: Path, settings: Settings) -> None:
    state = StateDatabase(settings)
    Ledger(state).beat()
    state.close()
    (home / "tmp").mkdir()
    (home / ".customer.key.ab12").write_text("")
    warehouse = Warehouse.from_settings(settings)
    # As somebody leaves it who was killed while he made it.
    (home / "warehouse" / "data" / "main" / "tail_rule").mkdir(parents=True)
    (home / "warehouse" / "data" / "main" / "tail_rule" / "ducklake-1.parquet").write_bytes(b"half")
    (home / "warehouse" / "data" / "catalogue.id").write_text("another")
    (home / "warehouse" / "catalogue.sqlite.new").write_bytes(b"half")
    assert not warehouse.exists()
    warehouse.create()
    assert warehouse.published().data_start is None
    warehouse.check_readable()
    warehouse.close()


def test_a_new_warehouse_may_be_made_beside_an_old_key_where_it_is_asked_for(
    home: Path, settings: Settings, tmp_path: Path
) -> None:
    key = customer_key(home)
    file, mapping = tmp_path / "calls.csv", tmp_path / "calls.toml"
    file.write_text("id,began\n1,2026-03-02 10:00\n")
    mapping.write_text(MAPPING)
    assert cli.main(["import", str(file), "--mapping", str(mapping)]) == 1
    assert cli.main(["import", str(file), "--mapping", str(mapping), "--new"]) == 0
    assert customer_key(home) == key


def test_a_warehouse_elsewhere_does_not_ask_the_home(home: Path, settings: Settings, tmp_path: Path) -> None:
    customer_key(home)
    other = Warehouse(f"duckdb:///{tmp_path}/other.duckdb", settings)
    assert not other.exists()


# --- what is no warehouse --------------------------------------------------------------------------------------------


def _sql(*statements: str) -> Callable[[Path], None]:
    def run(file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    return run


def _anew(change: Callable[[Path], object]) -> Callable[[Path], None]:
    def run(file: Path) -> None:
        file.unlink()
        change(file)

    return run


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: file.write_bytes(b""),
    "text": lambda file: file.write_text("this is no catalogue" * 500),
    "zeros": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "cut in half": lambda file: os.truncate(file, file.stat().st_size // 2),
    "cut at its end": lambda file: os.truncate(file, file.stat().st_size * 9 // 10),
    "folder": _anew(Path.mkdir),
    "another database": _anew(_sql("CREATE TABLE x (a)")),
    "no files": _sql("DROP TABLE ducklake_data_file"),
    "no versions": _sql("DROP TABLE ducklake_snapshot"),
    "no interactions": _sql("DELETE FROM ducklake_table WHERE table_name = 'interaction'"),
    "no tables": _sql("DELETE FROM ducklake_table"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_trap_a_catalogue_that_is_none_is_told_and_left_alone(home: Path, whole: Path, damage: str) -> None:
    shutil.copytree(whole, home)
    catalogue = home / "warehouse" / "catalogue.sqlite"
    DAMAGES[damage](catalogue)
    before = lie(home)
    for ask in (Warehouse.published, Warehouse.create, Warehouse.check_readable):
        warehouse = Warehouse.from_settings(load_settings())
        with pytest.raises(WarehouseError) as caught:
            ask(warehouse)
        warehouse.close()
        for language in ("zh", "en"):
            assert str(catalogue) in caught.value.message(language)
    after = lie(home)
    assert {name for name in before if name.endswith(".parquet")} <= after.keys()
    assert after.keys() == before.keys()


@pytest.mark.parametrize("damage", ["empty", "text", "another database"])
def test_trap_a_file_of_the_plain_engine_that_is_none_is_told(home: Path, settings: Settings, damage: str) -> None:
    home.mkdir()
    place = home / "bank.duckdb"
    if damage == "empty":
        place.write_bytes(b"")
    elif damage == "text":
        place.write_text("no database" * 500)
    else:
        with duckdb.connect(str(place)) as other:
            other.execute("CREATE TABLE x (a INTEGER)")
    before = place.read_bytes()
    for ask in (Warehouse.published, Warehouse.create):
        warehouse = Warehouse(f"duckdb:///{place}", settings)
        with pytest.raises(WarehouseError, match="catalogue of a warehouse"):
            ask(warehouse)
        warehouse.close()
    assert place.read_bytes() == before


def test_trap_a_data_folder_that_is_gone_is_told(home: Path, whole: Path) -> None:
    shutil.copytree(whole, home)
    shutil.rmtree(home / "warehouse" / "data")
    for ask in (Warehouse.published, Warehouse.create):
        with pytest.raises(WarehouseError) as caught:
            ask(Warehouse.from_settings(load_settings()))
        assert str(home / "warehouse" / "data") in caught.value.message("zh")
        assert "interaction" in caught.value.message("en")


def _gone(file: Path) -> None:
    file.unlink()


def _cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def _zeroed(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def _hollow(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:4] + bytes(len(content) - 4 - 3000) + content[-3000:])


@pytest.mark.parametrize("damage", [_gone, _cut, _zeroed, _hollow])
def test_trap_a_file_that_cannot_be_read_is_told_with_its_table(
    home: Path, whole: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None]
) -> None:
    shutil.copytree(whole, home)
    (file,) = (home / "warehouse" / "data" / "main" / "interaction").glob("*.parquet")
    damage(file)
    warehouse = Warehouse.from_settings(load_settings())

    def read() -> None:
        with warehouse.read() as connection:
            connection.exec_driver_sql("SELECT * FROM interaction").fetchall()

    for ask in (read, warehouse.check_readable):
        with pytest.raises(WarehouseError) as caught:
            ask()
        assert "table interaction" in caught.value.message("en")
        assert "interaction" in caught.value.message("zh")
        assert str(file) in caught.value.message("zh")
    warehouse.close()
    assert cli.main(["rows", "volume", "--from", "2026-03-02", "--to", "2026-03-02"]) == 1
    said = capsys.readouterr()
    assert "table interaction" in said.err
    assert "SELECT" not in said.err + said.out


def test_trap_the_proof_of_the_whole_does_not_pass_over_a_table_that_it_does_not_ask(
    home: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole, home)
    assert cli.main(["check"]) == 0
    capsys.readouterr()
    for file in (home / "warehouse" / "data" / "main" / "calendar").glob("*.parquet"):
        _zeroed(file)
    assert cli.main(["check"]) == 1
    assert "table calendar" in capsys.readouterr().err


def test_a_file_that_breaks_after_it_was_looked_at_is_told(home: Path, whole: Path) -> None:
    shutil.copytree(whole, home)
    warehouse = Warehouse.from_settings(load_settings())
    warehouse.check_readable()
    warehouse.check_readable()
    for file in (home / "warehouse" / "data" / "main" / "interaction").glob("*.parquet"):
        _zeroed(file)
    with pytest.raises(KpiError, match="table interaction"):
        warehouse.check_readable()
    warehouse.close()


# --- the state database ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["empty", "no tables", "folder", "gone"])
def test_trap_a_state_database_that_is_lost_is_no_new_one(home: Path, settings: Settings, damage: str) -> None:
    StateDatabase(settings).close()
    _ran(settings)
    file = home / "state.sqlite"
    file.unlink()
    if damage == "empty":
        file.write_bytes(b"")
    elif damage == "folder":
        file.mkdir()
    elif damage == "no tables":
        _sql("CREATE TABLE x (a)")(file)
    before = lie(home)
    with pytest.raises(StateError) as caught:
        StateDatabase(settings)
    for language in ("zh", "en"):
        assert str(file) in caught.value.message(language)
    assert lie(home).keys() == before.keys()


def test_a_state_database_whose_making_was_killed_is_made(home: Path, settings: Settings) -> None:
    home.mkdir()
    (home / "state.sqlite.new").write_bytes(b"half")
    state = StateDatabase(settings)
    save_view(state, "ann", "morning", "overview", {})
    state.close()
    assert not (home / "state.sqlite.new").exists()
