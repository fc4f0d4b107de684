"""The state database itself: where it lies, how it is opened, and one transaction at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock, Timeout

from kpi.errors import KpiError, StateError
from kpi.settings import Settings
from kpi.state import migrate

_WAIT = 30  # seconds for another process that migrates, or writes


class StateDatabase:
    """Opened by any number of processes at once. Raises StateError where it cannot be opened, saying why."""

    def __init__(self, settings: Settings) -> None:
        try:
            url = sa.make_url(settings.state_url)
            self.place = url.render_as_string(hide_password=True)
            self._engine = sa.create_engine(url)
        except (sa.exc.ArgumentError, ImportError) as error:
            # Not the URL itself: it may hold a password.
            raise StateError("state_bad_url", problem=type(error).__name__) from error
        if url.get_backend_name() == "sqlite":
            sa.event.listen(self._engine, "connect", _as_several_processes_need_it)
            sa.event.listen(self._engine, "begin", _begin)
            if url.database and url.database != ":memory:":
                self._make(Path(url.database).parent)
        self._make(settings.home)
        try:
            # Two that start together: one migrates, the other finds it done.
            with FileLock(settings.home / "state.lock", timeout=_WAIT), self.transaction() as connection:
                migrate.up(connection, self.place)
        except Timeout as error:
            raise StateError("state_unreadable", place=self.place, problem=error) from error

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError("state_unreadable", place=self.place, problem=error) from error

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
            raise StateError("state_unreadable", place=self.place, problem=problem) from error

    def close(self) -> None:
        self._engine.dispose()


def begun(settings: Settings) -> bool:
    """Whether there may be anything in the state database: to look for it would make one of SQLite."""
    try:
        url = sa.make_url(settings.state_url)
    except sa.exc.ArgumentError:
        return True
    return url.get_backend_name() != "sqlite" or not url.database or Path(url.database).exists()


def now() -> datetime:
    """The moment a row is changed at: UTC, without a zone, as all times are kept."""
    return datetime.now(UTC).replace(tzinfo=None)


def _as_several_processes_need_it(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
    """Readers go on while one writes; a second writer waits. Transactions: see ``_begin``."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_WAIT * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    """The driver by itself begins none before a CREATE TABLE: a migration that breaks off would leave half of it."""
    connection.exec_driver_sql("BEGIN")
