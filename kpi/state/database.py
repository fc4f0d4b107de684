"""The state database itself: where it lies, how it is opened, and one transaction at a time."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from filelock import FileLock, Timeout

from kpi.errors import KpiError, StateError, StateNotWritable
from kpi.home import copy_of_database, require_writable, to_be_written, writable
from kpi.settings import Settings
from kpi.state import migrate
from kpi.state.tables import annotation, saved_view, snapshot, snapshot_run, target

log = logging.getLogger("switchboard")

_WAIT = 30  # seconds for another process that migrates, or writes


class StateDatabase:
    """Opened by any number of processes at once. Raises StateError where it cannot be opened, saying why.

    One in a place that cannot be written is read all the same; what would write to it raises StateNotWritable.
    """

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home
        url = _url(settings)
        self.place = url.render_as_string(hide_password=True)
        self._file = _file(url)
        if self._file is not None:
            self._check_file(self._file)
        self._reads_only = self._file is not None and not _writable(self._file)
        self._engine = _reading_engine(self._file) if self._reads_only and self._file else _engine(url)
        with self.transaction() as connection:
            found = migrate.current(connection)
        if found is None and self._file is not None:
            raise StateError("state_damaged", place=self.place)
        if found != migrate.known()[-1]:
            with self._locked(), self.transaction() as connection:
                migrate.up(connection, self.place)

    def _check_file(self, file: Path) -> None:
        """Make the database where there is none; raises StateError where there was one, or it holds nothing."""
        if not os.path.lexists(file):
            self._refuse_lost(file)
            require_writable(file.parent, StateNotWritable)
            with self._locked():
                if not file.exists():
                    self._make(file)
        elif file.is_file() and not file.stat().st_size:
            raise StateError("state_damaged", place=self.place)

    def _refuse_lost(self, file: Path) -> None:
        logged = file.with_name(f"{file.name}-wal")
        left = [*([logged] if logged.exists() and logged.stat().st_size else []), *_runs(self._home)]
        if left:
            raise StateError("state_lost", place=self.place, left=", ".join(map(str, left)))

    def _make(self, file: Path) -> None:
        """Make it under another name, and name it when it is whole: whoever is killed before leaves none."""
        draft = file.with_name(f"{file.name}.new")
        for end in ("", "-wal", "-shm", "-journal"):
            draft.with_name(draft.name + end).unlink(missing_ok=True)
        engine = sa.create_engine(sa.URL.create("sqlite", database=str(draft)))
        # In the journal that it keeps: to change it needs the file alone, and several open it at once.
        sa.event.listen(engine, "connect", _as_several_processes_need_it)
        sa.event.listen(engine, "begin", _begin)
        try:
            with engine.begin() as connection:
                migrate.up(connection, self.place)
        finally:
            engine.dispose()
        os.replace(draft, file)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Two that start together: one makes or migrates, the other finds it done."""
        lock = FileLock(self._home / "state.lock")
        try:
            with to_be_written(self._home, StateNotWritable):
                for folder in {self._home, *([self._file.parent] if self._file is not None else [])}:
                    folder.mkdir(parents=True, exist_ok=True)
                lock.acquire(timeout=_WAIT)
        except (Timeout, OSError) as error:
            raise StateError("state_unreadable", place=self.place, problem=error) from error
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A connection whose statements all count, or none. Begin with the first that writes, if any does: then it
        waits for other writers, and what it reads afterwards is what they left.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except KpiError:
            raise
        except sa.exc.IntegrityError:
            raise
        except sa.exc.SQLAlchemyError as error:
            problem = getattr(error, "orig", None) or error
            if self._reads_only and "readonly" in str(problem):
                raise StateNotWritable("home_not_writable", home=self._home, problem=problem) from error
            raise StateError("state_unreadable", place=self.place, problem=problem) from error

    def close(self) -> None:
        self._engine.dispose()


def is_begun_at(settings: Settings) -> bool:
    """Whether there may be anything in the state database, or was: to look for it would make one of SQLite."""
    try:
        file = _file(_url(settings))
    except StateError:
        return True
    return file is None or os.path.lexists(file) or bool(_runs(settings.home))


def _url(settings: Settings) -> sa.URL:
    try:
        return sa.make_url(settings.state_url)
    except sa.exc.ArgumentError as error:
        # Not the URL itself: it may hold a password.
        raise StateError("state_bad_url", problem=type(error).__name__) from error


def _file(url: sa.URL) -> Path | None:
    """The file of a SQLite database; None for another kind, or one in memory."""
    kept = url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:"
    return Path(str(url.database)) if kept else None


def _engine(url: sa.URL) -> sa.Engine:
    try:
        engine = sa.create_engine(url)
    except (sa.exc.ArgumentError, ImportError) as error:
        raise StateError("state_bad_url", problem=type(error).__name__) from error
    if url.get_backend_name() == "sqlite":
        sa.event.listen(engine, "connect", _as_several_processes_need_it)
        sa.event.listen(engine, "begin", _begin)
    return engine


def _reading_engine(file: Path) -> sa.Engine:
    """An engine of which every transaction reads a copy of the file as it is then: SQLite wants to write beside a file
    whatever it is opened for.
    """

    def connect() -> sqlite3.Connection:
        copied = sqlite3.connect(":memory:", check_same_thread=False)
        try:
            with (
                TemporaryDirectory(prefix="switchboard-") as folder,
                closing(sqlite3.connect(copy_of_database(file, Path(folder)))) as copy,
            ):
                copy.backup(copied)
        except OSError as error:
            raise sqlite3.OperationalError(str(error)) from error
        copied.execute("PRAGMA query_only = ON")
        return copied

    return sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)


def _writable(file: Path) -> bool:
    return writable(file) and writable(file.parent)


def _runs(home: Path) -> list[Path]:
    """The folder of the files of runs, where it holds any: they are written down in the state database."""
    folder = home / "snapshots"
    return [folder] if next(folder.glob("*/*/r*"), None) is not None else []


# Rows that say that there was a warehouse.
_TRACES = (
    *((table, sa.select(table.c.id)) for table in (annotation, saved_view, target, snapshot)),
    (snapshot_run, sa.select(snapshot_run.c.id).where(snapshot_run.c.version.is_not(None))),
)


def traces_of_a_warehouse(settings: Settings) -> list[Path]:
    """What in the home was written down beside figures, and so says that there was a warehouse: notes, targets, views
    and snapshots in the state database, or the files of a run. A worker's signs of life say nothing of it.
    """
    found = _runs(settings.home)
    url = _url(settings)
    file = _file(url)
    if file is not None and not os.path.lexists(file):
        return found
    engine = _engine(url) if file is None else _reading_engine(file)
    try:
        with engine.connect() as connection:
            there = set(sa.inspect(connection).get_table_names())
            asked = [query for table, query in _TRACES if table.name in there]
            if any(connection.execute(query.limit(1)).first() is not None for query in asked):
                found.append(file or Path(url.render_as_string(hide_password=True)))
    except sa.exc.SQLAlchemyError as error:
        log.warning("%s: %s", url.render_as_string(hide_password=True), error)  # whoever opens it is told
    finally:
        engine.dispose()
    return found


def now() -> datetime:
    """The moment a row is changed at: UTC, without a zone, as all times are kept."""
    return datetime.now(UTC).replace(tzinfo=None)


def _as_several_processes_need_it(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
    """Readers go on while one writes; a second writer waits."""
    _by_hand(connection, _)
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_WAIT * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _by_hand(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
    """Transactions are begun by ``_begin``."""
    connection.isolation_level = None


def _begin(connection: sa.Connection) -> None:
    """The driver by itself begins none before a CREATE TABLE: a migration that breaks off would leave half of it."""
    connection.exec_driver_sql("BEGIN")
