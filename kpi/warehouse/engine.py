"""Opening a warehouse: a transaction for every reading, a lock around every writing.

The default engine is DuckDB over DuckLake: a catalogue in SQLite and Parquet files beside it. Readers in any
process see the last published state while one process loads. A plain DuckDB file (``duckdb:///FILE``) serves
analysts and tests; it cannot be read by one process while another writes.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
import sqlalchemy as sa
from filelock import FileLock, Timeout

from kpi import schema
from kpi.errors import UnknownName, WarehouseBusy, WarehouseDamaged, WarehouseEmpty, WarehouseError
from kpi.home import require_writable, to_be_written, writable
from kpi.metrics.rollups import ROLLUPS
from kpi.settings import Settings
from kpi.state.database import traces_of_a_warehouse
from kpi.warehouse import calendar_table, damage
from kpi.warehouse.files import META, LakeFiles, holds_facts
from kpi.warehouse.instance import Instance, load_extensions, quoted
from kpi.warehouse.published import Published, read_published, write_facts
from kpi.warehouse.resident import Resident
from kpi.warehouse.rollup import rebuild_all
from kpi.warehouse.tail import DEFAULT_RULE

# 2: parts of the self-service chain, of unfinished functions and unmatched questions in the roll-ups.
# 3: when an interaction was updated.
SCHEMA_VERSION = 3
_ROLLUPS_SINCE = 2  # the version from which on the roll-ups are as they are now

# Data files of one table above which a load merges the small ones, and what is small, in bytes. Files of which rows
# were replaced stay as they are.
_FILES_BEFORE_MERGE, _SMALL_FILE = 200, 8_000_000

# The catalogue's own tables without which nothing can be said of its files.
_CATALOGUE = (
    *("metadata", "snapshot", "snapshot_changes", "schema", "table", "column", "data_file", "delete_file"),
    *("table_stats", "table_column_stats", "file_column_stats", "files_scheduled_for_deletion"),
)
_CATALOGUE_CHECK = "SELECT " + ", ".join(f"EXISTS (FROM {META}.ducklake_{name})" for name in _CATALOGUE)
_LAKE_TABLES = f"SELECT table_name FROM {META}.ducklake_table WHERE end_snapshot IS NULL"
_FILE_TABLES = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"


class Warehouse:
    """One open warehouse. Keep one a process: every thread takes its own connection from it.

    ``read()`` and ``write()`` give a SQLAlchemy connection inside a transaction.
    """

    def __init__(self, url: str, settings: Settings, *, resident: bool = False, version: int | None = None) -> None:
        """Open what ``url`` names; it may not exist yet (see ``exists`` and ``create``).

        ``resident``: keep copies of its small tables in memory, for a server that answers many questions.
        ``version``: see that published state for good, for reading only (see ``at``).
        Raises UnknownName for an engine that is none, WarehouseError for a place that cannot be opened.
        """
        self.url = url
        self.settings = settings
        kind, _, place = url.partition(":///")
        if kind not in {"ducklake", "duckdb"} or not place:
            raise UnknownName("engine", url, ["ducklake:///FOLDER", "duckdb:///FILE"])
        self.kind = kind
        self.place = Path(place)
        self._lock = threading.Lock()
        self._reading: Instance | None = None
        self._writing: Instance | None = None  # what reads, too, where it was opened first
        self._known: Published | None = None  # the state that was read last
        self._inside: duckdb.DuckDBPyConnection | None = None  # see ``_stay_in``
        self._reader: duckdb.DuckDBPyConnection | None = None
        self._keeps_copies = resident and kind == "ducklake"
        self._version = version
        self._resident: Resident | None = None
        self._lake_files = LakeFiles(self.place / "data", settings.leftover_days) if kind == "ducklake" else None
        self._whole: object = None  # the version and the state of its files of which a row of each table was read

    @classmethod
    def from_settings(cls, settings: Settings, *, resident: bool = False) -> "Warehouse":
        return cls(settings.warehouse_url, settings, resident=resident)

    @contextmanager
    def at(self, version: int | None) -> Iterator["Warehouse"]:
        """This warehouse as it was published in ``version``; itself where that is None or the newest.

        Raises WarehouseError where that version is not kept: it never was, or the engine keeps only the newest.
        """
        if version is None or version == self.published().version:
            yield self
            return
        past = Warehouse(self.url, self.settings, version=version)
        if self.kind != "ducklake":
            raise WarehouseError("version_not_kept", version=version)
        try:
            past.engine()
        except WarehouseError as error:
            raise WarehouseError("version_not_kept", version=version) from error
        try:
            yield past
        finally:
            past.close()

    # --- places ---

    @property
    def catalogue(self) -> Path:
        """The file whose presence means that there is a warehouse."""
        return self.place / "catalogue.sqlite" if self.kind == "ducklake" else self.place

    @property
    def writer_lock(self) -> Path:
        folder = self.place if self.kind == "ducklake" else self.place.parent
        return folder / "writer.lock"

    @property
    def present(self) -> bool:
        """Whether there is a catalogue; where there is none, ``exists`` says whether there was."""
        return os.path.lexists(self.catalogue)

    def exists(self) -> bool:
        """Whether there is a warehouse, be it a damaged one.

        Absence is not emptiness: raises WarehouseError where its catalogue is missing and what lies in its place, or
        in the home, says that there was one.
        """
        return self._exists()

    def _exists(self, anew: bool = False) -> bool:
        if self.present:
            return True
        left = self._left_here()
        if not anew and self.url == self.settings.warehouse_url:  # else it is one beside the home's own
            left += self._left_in_home()
        if left:
            raise WarehouseError("warehouse_lost", catalogue=self.catalogue, left=", ".join(map(str, left)))
        return False

    def _left_here(self) -> list[Path]:
        """What of a warehouse is left in its place, where its catalogue is missing."""
        logs = [self.catalogue.with_name(self.catalogue.name + end) for end in ("-wal", ".wal")]
        data = self.place / "data"
        facts = [data] if self.kind == "ducklake" and holds_facts(data) else []
        return [log for log in logs if log.exists() and log.stat().st_size] + facts

    def _left_in_home(self) -> list[Path]:
        """What in the home says that there was a warehouse."""
        key = self.settings.home / "customer.key"
        return ([key] if os.path.lexists(key) else []) + traces_of_a_warehouse(self.settings)

    # --- opening ---

    def create(self, *, anew: bool = False) -> None:
        """Make the warehouse where there is none. Harmless on one that exists.

        ``anew``: it is meant to be a new one, whatever the home holds beside it of an earlier one (a key, notes); files
        in its own place are in the way all the same. Raises WarehouseError where there was one (see ``exists``), or the
        place cannot be written.
        """
        if not self._exists(anew):
            require_writable(self.catalogue.parent)
            self.catalogue.parent.mkdir(parents=True, exist_ok=True)
            with self.write_lock():
                if not self._exists(anew):
                    self._make()
        self.writing_engine()

    def _make(self) -> None:
        """Make a warehouse under another name, and name it when it is whole: whoever is killed before leaves none."""
        draft = self.catalogue.with_name(f"{self.catalogue.name}.new")
        for end in ("", "-wal", "-shm", ".wal"):
            draft.with_name(draft.name + end).unlink(missing_ok=True)
        try:
            if self.kind == "duckdb":
                made = Instance.of_file(draft, self.settings)
            else:
                made = Instance.of_lake(draft, self.place / "data", self.settings, create=True)
        except duckdb.Error as error:
            raise WarehouseError("warehouse_unreadable", place=self.place, problem=error) from error
        try:
            with made.engine.begin() as connection:
                for table in (*schema.metadata.sorted_tables, *(rollup.table for rollup in ROLLUPS)):
                    table.create(connection, checkfirst=False)
                connection.execute(
                    schema.warehouse_fact.insert(),
                    [
                        {"name": "schema_version", "value": str(SCHEMA_VERSION)},
                        {"name": "time_zone", "value": self.settings.time_zone.key},
                        *({"name": name, "value": value} for name, value in calendar_table.NEW.items()),
                    ],
                )
                connection.execute(schema.tail_rule.insert(), DEFAULT_RULE)
            if self._lake_files is not None:
                with made.engine.connect() as connection, connection.begin():
                    self._lake_files.claim(connection.exec_driver_sql, new=True)
        finally:
            made.close()
        os.replace(draft, self.catalogue)

    def engine(self) -> sa.Engine:
        """The SQLAlchemy engine to read with, opened at the first call; a warehouse of an older version is brought up
        to date then.

        Raises WarehouseError when there is no warehouse.
        """
        with self._lock:
            if self._reading is None:
                self._reading = self._writing or self._open_to_read()
                if self._keeps_copies:
                    self._resident = Resident(self._reading.root, self._reading.searched)
            return self._reading.engine

    def writing_engine(self) -> sa.Engine:
        """The same, to write with."""
        return self._opened_for_writing().engine

    def _open_to_read(self) -> Instance:
        """An instance that cannot write. Whenever one that might have leaves the catalogue, SQLite locks it for a
        moment, and who comes in at that moment sleeps for a second before he tries again.
        """
        if self.kind == "duckdb" and self._writable():
            return self._open_to_write()  # a file cannot be open in both ways at once
        opened = self._open(read_only=True)
        with opened.engine.connect() as connection, connection.begin():
            older = self._version is None and self._is_older(connection)
        if older:
            opened.close()
            if not self._writable():
                raise WarehouseError("warehouse_older", place=self.place)
            return self._open_to_write()
        self._define_origin(opened)
        return opened

    def _writable(self) -> bool:
        return writable(self.catalogue) and writable(self.catalogue.parent)

    def _opened_for_writing(self) -> Instance:
        with self._lock:
            return self._open_to_write()

    def _open_to_write(self) -> Instance:
        if self._writing is None:
            if self.exists():
                for place in (self.catalogue.parent, self.catalogue):
                    require_writable(place)
            opened = self._open()
            try:
                with self._told():
                    if self._lake_files is not None:
                        with opened.engine.connect() as connection, connection.begin():
                            self._lake_files.claim(connection.exec_driver_sql)
                    if self._version is None:
                        self._bring_up_to_date(opened.engine)
                    self._define_origin(opened)
            except BaseException:
                opened.close()
                raise
            self._writing = opened
        return self._writing

    def _stored_version(self, connection: sa.Connection) -> int | None:
        """The version of the schema that the tables have; None where that is not told."""
        fact = schema.warehouse_fact
        stored = connection.scalars(sa.select(fact.c.value).where(fact.c.name == "schema_version")).one_or_none()
        return None if stored is None else int(stored)

    def _is_older(self, connection: sa.Connection) -> bool:
        stored = self._stored_version(connection)
        if stored is None or stored < SCHEMA_VERSION:
            return stored is not None
        # What only knows less of its holidays can be read as it is where nothing may be written.
        return os.access(self.catalogue, os.W_OK) and calendar_table.is_behind(connection)

    def _bring_up_to_date(self, engine: sa.Engine) -> None:
        """Upgrade a warehouse of an older version. Of several processes that open it, the first does it."""
        with engine.connect() as connection, connection.begin():
            if not self._is_older(connection):
                return
        with self.write_lock(), engine.connect() as connection, self._noted(connection), connection.begin():
            if self._is_older(connection):
                self._upgrade(connection)

    def _define_origin(self, opened: Instance) -> None:
        """Make the view ``schema.origin`` for this process."""
        with opened.engine.connect() as connection, connection.begin():
            columns, key = (
                ", ".join(names) for names in (schema.origin.columns.keys(), schema.interaction.info["key"])
            )
            connection.exec_driver_sql(
                f"CREATE OR REPLACE VIEW memory.main.origin AS SELECT {columns} FROM {opened.main}.interaction "
                f"SEMI JOIN (SELECT {key} FROM {opened.main}.complaint UNION SELECT {key} FROM {opened.main}.referral) "
                f"USING ({key})"
            )

    def _upgrade(self, connection: sa.Connection) -> None:
        """Add the columns that the facts lack, not known in any row, and make roll-ups of other columns anew: they
        follow from the facts. Days of years whose holidays were published since are corrected.
        """
        stored = self._stored_version(connection)
        columns = "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = current_database()"
        known = {(table, column) for table, column in connection.exec_driver_sql(columns)}
        for table in schema.metadata.sorted_tables:
            for column in table.columns:
                if (table.name, column.name) not in known:
                    kind = column.type.compile(connection.dialect)
                    connection.exec_driver_sql(f'ALTER TABLE {table.name} ADD COLUMN "{column.name}" {kind}')
        if stored is not None and stored < _ROLLUPS_SINCE:
            for rollup in ROLLUPS:
                rollup.table.drop(connection, checkfirst=True)
                rollup.table.create(connection)
            rebuild_all(connection, read_published(connection, self._version_query()))
        if calendar_table.is_behind(connection):
            calendar_table.catch_up(connection)
        write_facts(connection, {"schema_version": str(SCHEMA_VERSION)})

    def _open(self, *, read_only: bool = False) -> Instance:
        """Open what is there; nothing is made. Raises WarehouseError, WarehouseDamaged for what is no warehouse."""
        if not self.exists():
            raise WarehouseError("warehouse_missing", place=self.place)
        try:
            if not self.catalogue.stat().st_size:
                # The engine would take it for a new one.
                raise WarehouseDamaged("catalogue_damaged", catalogue=self.catalogue)
            if self.kind == "duckdb":
                opened = Instance.of_file(self.place, self.settings, read_only=read_only)
            else:
                opened = Instance.of_lake(
                    self.catalogue, self.place / "data", self.settings, read_only=read_only, version=self._version
                )
        except (duckdb.Error, OSError) as error:
            if read_only and "readonly database" in str(error) and self._writable():
                return self._open()  # its journal is not of the kind that goes with readers: who writes changes it
            raise damage.of_opening(error, self.catalogue) from error
        try:
            with opened.engine.connect() as connection, connection.begin():
                self._check_opened(connection)
        except (sa.exc.DBAPIError, duckdb.Error) as error:
            told = damage.of_reading(error, self.catalogue, opened, self._lake_files)
            opened.close()
            raise told or damage.of_opening(error, self.catalogue) from error
        except BaseException:
            opened.close()
            raise
        return opened

    def _check_opened(self, connection: sa.Connection) -> None:
        """Raises WarehouseDamaged for what is no warehouse, or not a whole one; see ``LakeFiles.check``."""
        if self._lake_files is not None:
            connection.exec_driver_sql(_CATALOGUE_CHECK).fetchall()
            self._lake_files.check(connection.exec_driver_sql)
        tables = set(connection.exec_driver_sql(_LAKE_TABLES if self.kind == "ducklake" else _FILE_TABLES).scalars())
        stored = self._stored_version(connection) if schema.warehouse_fact.name in tables else None
        wanted = {table.name for table in schema.metadata.sorted_tables} | {one.table.name for one in ROLLUPS}
        if stored is None or (stored >= SCHEMA_VERSION and not wanted <= tables):
            raise WarehouseDamaged("catalogue_damaged", catalogue=self.catalogue)

    def close(self) -> None:
        with self._lock:
            if self._resident is not None:
                self._resident.wait()
                self._resident = None
            for opened in (self._reading, self._writing):
                if opened is not None:
                    opened.close()
            for inside in (self._reader, self._inside):
                if inside is not None:
                    inside.close()
            self._reading = self._writing = self._reader = self._inside = None

    # --- reading and writing ---

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection that sees one published state from its first statement to its last. It leaves nothing behind."""
        engine = self.engine()
        # Before the transaction begins: one that began before the copies were there does not see them.
        ready = self._resident.ready if self._resident is not None else None
        with self._told(), engine.connect() as connection:
            connection.begin()
            if self._resident is None:
                yield connection
                return
            version = connection.execute(sa.text(self._version_query())).scalar_one()
            driver = connection.connection.driver_connection
            assert driver is not None
            self._resident.enter(driver, version, ready)
            try:
                yield connection
            except BaseException:
                # Nothing can be set in a transaction that broke off, and that error would hide this one.
                connection.rollback()
                raise
            finally:
                self._resident.leave(driver)

    def settle(self) -> None:
        """Until the copies that a first reader began to make are made."""
        if self._resident is not None:
            self._resident.wait()

    @contextmanager
    def write_lock(self) -> Iterator[None]:
        """Hold the writer's lock. The operating system drops it when the process dies.

        Raises WarehouseBusy after ``KPI_LOAD_WAIT`` seconds.
        """
        lock = FileLock(self.writer_lock)
        try:
            with to_be_written(self.writer_lock.parent):
                lock.acquire(timeout=self.settings.load_wait)
        except Timeout as error:
            raise WarehouseBusy("warehouse_busy", seconds=self.settings.load_wait, lock=self.writer_lock) from error
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def write(self, connection: sa.Connection | None = None) -> Iterator[sa.Connection]:
        """The writer's lock and a transaction: committed at the end, rolled back by any exception. ``connection``: one
        of ``writing_engine``, where it is not to be a new one. What follows a committed load is done then (``_tidy``).
        """
        engine = self.writing_engine()  # before the lock, which opening an older warehouse takes too
        with self._told(), self.write_lock(), ExitStack() as stack:
            used = connection if connection is not None else stack.enter_context(engine.connect())
            with self._noted(used), used.begin():
                yield used
            self._tidy(used)

    @contextmanager
    def _noted(self, connection: sa.Connection) -> Iterator[None]:
        """While files are written to the lake, under the writer's lock (see ``LakeFiles.noted``)."""
        if self._lake_files is None:
            yield
            return
        with connection.begin():
            version = connection.execute(sa.text(self._version_query())).scalar_one()
            self._lake_files.begin_writing(connection.exec_driver_sql, version)
        yield
        # Not after an error: what could not be removed then is looked for by the next one.
        self._lake_files.end_writing()

    def _tidy(self, connection: sa.Connection) -> None:
        """Remove what killed loads left behind, and put many small files together. Under the writer's lock only.

        Past versions stay readable, and readers are not disturbed: a file goes only when no version names it.
        """
        if self._lake_files is None:
            return
        with connection.begin():
            self._lake_files.delete_left(connection.exec_driver_sql)
            files = connection.exec_driver_sql("SELECT max(file_count) FROM ducklake_table_info('lake')").scalar_one()
        if files > _FILES_BEFORE_MERGE:
            with self._noted(connection), connection.begin():
                connection.exec_driver_sql(
                    f"CALL ducklake_merge_adjacent_files('lake', max_file_size => {_SMALL_FILE})"
                ).fetchall()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """While the engine is asked: what it says of files that it cannot read becomes an error that a person can use.

        Raises WarehouseDamaged, naming the table, or WarehouseError.
        """
        try:
            yield
        except (sa.exc.DBAPIError, duckdb.Error) as error:
            opened = self._reading or self._writing
            told = damage.of_reading(error, self.catalogue, opened, self._lake_files)
            if told is None:
                raise
            raise told from error

    def check_readable(self) -> None:
        """Look whether everything that is published can be read: the ends of each of its files, and a row of each
        table, the latter again whenever a file, or the version, is another one than the last time.

        Takes milliseconds, however many rows there are. Raises WarehouseError, WarehouseDamaged.
        """
        with self.read() as connection:
            opened = self._reading
            assert opened is not None
            version = connection.execute(sa.text(self._version_query())).scalar_one()
            seen = None  # by which it would be known that nothing has changed
            if (files := self._lake_files) is not None:
                seen = version, files.check_whole(files.named(connection.exec_driver_sql))
                if seen == self._whole:
                    return
            for table in (*schema.metadata.sorted_tables, *(rollup.table for rollup in ROLLUPS)):
                first = table.columns.keys()[0]
                connection.exec_driver_sql(f'SELECT "{first}" FROM {opened.main}."{table.name}" LIMIT 1').fetchall()
            self._whole = seen

    def published(self, connection: sa.Connection | None = None) -> Published:
        """What is published now, or as the given reading connection sees it."""
        if connection is not None:
            return read_published(connection, self._version_query())
        with self.read() as own:
            return read_published(own, self._version_query())

    def require_data(self, connection: sa.Connection) -> Published:
        """What is published, for a reading connection; raises WarehouseEmpty when no fact was ever loaded.

        What a version says of itself never changes, so it is read once. (A load asks ``published``: it changes it.)
        """
        version = connection.execute(sa.text(self._version_query())).scalar_one()
        published = self._known
        if published is None or published.version != version:
            self._known = published = self.published(connection)
            self._stay_in()
        if published.data_start is None:
            raise WarehouseEmpty("warehouse_empty", place=self.place)
        return published

    def _stay_in(self) -> None:
        """Keep a reader of one's own in the catalogue, of its newest state.

        When its last reader leaves, SQLite locks the file to tidy up, and who comes in at that moment sleeps for a
        second before he tries again. In an engine of its own, since an open transaction keeps others' leavings.
        """
        if self.kind != "ducklake":
            return
        with self._lock:
            if self._inside is None:
                self._inside = duckdb.connect(":memory:", config={"threads": 1, "autoload_known_extensions": False})
                load_extensions(self._inside, "sqlite_scanner")
                opened = self._reading or self._writing
                assert opened is not None
                self._inside.execute(f"ATTACH '{quoted(opened.catalogue)}' AS catalogue (TYPE sqlite, READ_ONLY)")
            before, self._reader = self._reader, self._inside.cursor()
            self._reader.execute("BEGIN").execute("SELECT count(*) FROM catalogue.ducklake_snapshot").fetchall()
            if before is not None:
                before.close()

    def _version_query(self) -> str:
        if self.kind == "ducklake":
            return "SELECT id FROM lake.current_snapshot()"
        return "SELECT coalesce(max(load_id), 0) FROM load_batch"
