"""The state database comes up to date when it is opened, whoever opens it, and says what is wrong where it cannot."""

import multiprocessing
import sqlite3
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from kpi.errors import StateError
from kpi.settings import Settings
from kpi.state import Annotation, StateDatabase, Target, migrate
from kpi.state.annotations import annotations, save_annotations
from kpi.state.tables import metadata
from kpi.state.targets import save_targets, targets
from kpi.state.views import save_view, views
from tests.code import PATIENCE

SNAPSHOTS = {
    *("snapshot", "snapshot_run", "snapshot_delivery", "snapshot_file", "snapshot_figure", "snapshot_worker"),
    "snapshot_decision",
}
SALE = Annotation(date(2026, 11, 9), date(2026, 11, 12), "campaign", "双十一", "11.11")


def shape(connection: sa.Connection) -> dict[str, list[tuple[str, str, bool]]]:
    """Table -> its columns with type and whether they may be null, and its unique constraints."""
    inspector = sa.inspect(connection)
    return {
        name: [
            *((one["name"], str(one["type"]), bool(one["nullable"])) for one in inspector.get_columns(name)),
            *(
                (one["name"] or "", ",".join(one["column_names"]), False)
                for one in inspector.get_unique_constraints(name)
            ),
        ]
        for name in inspector.get_table_names()
        if name not in {"alembic_version", "sqlite_sequence"}
    }


def test_an_empty_database_is_migrated_to_what_the_tables_say(settings: Settings) -> None:
    state = StateDatabase(settings)
    declared = sa.create_engine("sqlite://")
    with state.transaction() as connection, declared.begin() as fresh:
        metadata.create_all(fresh)
        assert migrate.current(connection) == migrate.known()[-1] == "0004"
        assert shape(connection) == shape(fresh)
        assert set(shape(connection)) == {"annotation", "saved_view", "target", *SNAPSHOTS}


def test_every_revision_leads_down_and_up_again(settings: Settings) -> None:
    state = StateDatabase(settings)
    with state.transaction() as connection:
        whole = shape(connection)
        for revision in [*migrate.known()[-2::-1], "base"]:
            migrate.to(connection, revision)
        assert shape(connection) == {}
        for revision in migrate.known():
            migrate.to(connection, revision)
        assert shape(connection) == whole


def test_a_database_of_the_first_revision_keeps_its_rows(settings: Settings) -> None:
    state = StateDatabase(settings)
    save_annotations(state, [], [SALE], "ann")
    save_view(state, "ann", "Morning", "overview", {"channel": "wechat"})
    before = annotations(state), views(state, "ann")
    with state.transaction() as connection:
        migrate.to(connection, "0001")
        assert "target" not in shape(connection)
    state.close()
    state = StateDatabase(settings)
    assert (annotations(state), views(state, "ann")) == before
    assert targets(state) == []
    save_targets(state, [], [Target("csat", low=0.95, first=date(2026, 1, 1))], "ann")
    assert [row.kpi for row in targets(state)] == ["csat"]
    state.close()


def test_a_database_of_the_second_revision_keeps_its_rows_and_gets_snapshots(settings: Settings) -> None:
    state = StateDatabase(settings)
    save_annotations(state, [], [SALE], "ann")
    save_targets(state, [], [Target("csat", low=0.95, first=date(2026, 1, 1))], "ann")
    before = annotations(state), targets(state)
    with state.transaction() as connection:
        migrate.to(connection, "0002")
        assert not SNAPSHOTS & set(shape(connection))
    state.close()
    state = StateDatabase(settings)
    assert (annotations(state), targets(state)) == before
    with state.transaction() as connection:
        assert migrate.current(connection) == "0004"
        assert set(shape(connection)) > SNAPSHOTS
    state.close()


def test_a_migration_that_breaks_off_leaves_nothing(settings: Settings) -> None:
    state = StateDatabase(settings)
    with state.transaction() as connection:
        migrate.to(connection, "base")

    def broken() -> None:
        with state.transaction() as connection:
            migrate.up(connection, state.place)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        broken()
    with state.transaction() as connection:
        assert shape(connection) == {}
        assert migrate.current(connection) is None


def test_trap_a_newer_database_is_not_touched(settings: Settings) -> None:
    StateDatabase(settings).close()
    file = settings.home / "state.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StateError) as caught:
        StateDatabase(settings)
    assert "9999" in caught.value.message("zh")
    assert "更新版本的程序" in caught.value.message("zh")
    assert "newer program (revision 9999; this one knows up to 0004)" in caught.value.message("en")


def _open(settings: Settings, ready: "multiprocessing.synchronize.Barrier") -> None:
    ready.wait(PATIENCE)
    StateDatabase(settings).close()


def test_several_processes_may_start_together(settings: Settings) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(3)
    processes = [context.Process(target=_open, args=(settings, ready)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
    assert [process.exitcode for process in processes] == [0, 0, 0]


def test_readers_go_on_while_one_writes(settings: Settings) -> None:
    one, other = StateDatabase(settings), StateDatabase(settings)
    with one.transaction() as writing:
        writing.execute(sa.text("INSERT INTO saved_view VALUES (1, 'a', 'b', 'c', '{}', '2026-11-22 00:00:00')"))
        with other.transaction() as reading:
            assert reading.execute(sa.text("SELECT count(*) FROM saved_view")).scalar_one() == 0
            assert reading.execute(sa.text("PRAGMA busy_timeout")).scalar_one() == 30_000
            assert reading.execute(sa.text("PRAGMA journal_mode")).scalar_one() == "wal"
    with other.transaction() as reading:
        assert reading.execute(sa.text("SELECT count(*) FROM saved_view")).scalar_one() == 1


def test_a_file_that_is_none_is_told(settings: Settings) -> None:
    settings.home.mkdir()
    (settings.home / "state.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(StateError, match="cannot be read or written"):
        StateDatabase(settings)


@pytest.mark.parametrize("url", ["nonsense", "nosuch://user:secret@host/name"])
def test_trap_a_bad_address_is_told_without_its_password(settings: Settings, url: str) -> None:
    with pytest.raises(StateError, match="KPI_STATE_URL") as caught:
        StateDatabase(replace(settings, state_url=url))
    assert "secret" not in caught.value.message("en")
