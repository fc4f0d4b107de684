"""Opening a warehouse: a transaction for every reading, a lock around every writing.

The default engine is DuckDB over DuckLake: a catalogue in SQLite and Parquet files beside it. Readers in any
process see the last published state while one process loads. A plain DuckDB file (``duckdb:///FILE``) serves
analysts and tests; it cannot be read by one process while another writes.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import sqlalchemy as sa
from filelock import FileLock, Timeout

from kpi import schema
from kpi.errors import UnknownName, WarehouseBusy, WarehouseEmpty, WarehouseError
from kpi.metrics.rollups import ROLLUPS
from kpi.settings import Settings
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

    def exists(self) -> bool:
        return self.catalogue.exists()

    # --- opening ---

    def create(self) -> None:
        """Make the warehouse and its tables where they are missing. Harmless on one that exists."""
        self.place.parent.mkdir(parents=True, exist_ok=True)
        if self.kind == "ducklake":
            self.place.mkdir(exist_ok=True)
        with self.write_lock(), self._opened_for_writing(create=True).engine.begin() as connection:
            if self._stored_version(connection) is not None:
                if self._is_older(connection):
                    self._upgrade(connection)
                return
            for table in (*schema.metadata.sorted_tables, *(rollup.table for rollup in ROLLUPS)):
                table.create(connection, checkfirst=True)
            connection.execute(
                schema.warehouse_fact.insert(),
                [
                    {"name": "schema_version", "value": str(SCHEMA_VERSION)},
                    {"name": "time_zone", "value": self.settings.time_zone.key},
                ],
            )
            connection.execute(schema.tail_rule.insert(), DEFAULT_RULE)
        self._define_origin(self._opened_for_writing())

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
        if self.kind == "duckdb":
            return self._open_to_write()  # a file cannot be open in both ways at once
        opened = self._open(read_only=True)
        with opened.engine.connect() as connection, connection.begin():
            older = self._version is None and self._is_older(connection)
        if older:
            opened.close()
            return self._open_to_write()
        self._define_origin(opened)
        return opened

    def _opened_for_writing(self, create: bool = False) -> Instance:
        with self._lock:
            return self._open_to_write(create)

    def _open_to_write(self, create: bool = False) -> Instance:
        if self._writing is None:
            opened = self._open(create=create)
            if not create and self._version is None:
                self._bring_up_to_date(opened.engine)
            self._define_origin(opened)
            self._writing = opened
        return self._writing

    def _stored_version(self, connection: sa.Connection) -> int | None:
        """The version of the schema that the tables have; None where there are no tables yet."""
        fact = schema.warehouse_fact
        # To ask for the table first would have DuckLake read all that it knows of all tables: 0.2 s at every opening.
        try:
            stored = connection.scalars(sa.select(fact.c.value).where(fact.c.name == "schema_version")).one()
        except sa.exc.ProgrammingError as error:
            if isinstance(error.orig, duckdb.CatalogException):
                return None
            raise
        return int(stored)

    def _is_older(self, connection: sa.Connection) -> bool:
        stored = self._stored_version(connection)
        return stored is not None and stored < SCHEMA_VERSION

    def _bring_up_to_date(self, engine: sa.Engine) -> None:
        """Upgrade a warehouse of an older version. Of several processes that open it, the first does it."""
        with engine.connect() as connection, connection.begin():
            if not self._is_older(connection):
                return
        with self.write_lock(), engine.begin() as connection:
            if self._is_older(connection):
                self._upgrade(connection)

    def _define_origin(self, opened: Instance) -> None:
        """Make the view ``schema.origin`` for this process, where there are tables already."""
        with opened.engine.connect() as connection, connection.begin():
            if self._stored_version(connection) is None:
                return
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
        follow from the facts.
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
        write_facts(connection, {"schema_version": str(SCHEMA_VERSION)})

    def _open(self, *, create: bool = False, read_only: bool = False) -> Instance:
        if not create and not self.exists():
            raise WarehouseError("warehouse_missing", place=self.place)
        try:
            if self.kind == "duckdb":
                return Instance.of_file(self.place, self.settings)
            return Instance.of_lake(
                self.catalogue, self.place / "data", self.settings, read_only=read_only, version=self._version
            )
        except duckdb.Error as error:
            raise WarehouseError("warehouse_unreadable", place=self.place, problem=error) from error

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
        with engine.connect() as connection:
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
            with lock.acquire(timeout=self.settings.load_wait):
                yield
        except Timeout as error:
            raise WarehouseBusy("warehouse_busy", seconds=self.settings.load_wait, lock=self.writer_lock) from error

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """The writer's lock and a transaction: committed at the end, rolled back by any exception."""
        engine = self.writing_engine()  # before the lock, which opening an older warehouse takes too
        with self.write_lock(), engine.begin() as connection:
            yield connection

    def tidy(self, connection: sa.Connection) -> None:
        """Remove what killed loads left behind, and put many small files together. Under the writer's lock only.

        Past versions stay readable, and readers are not disturbed: a file goes only when no version names it.
        """
        if self.kind != "ducklake":
            return
        with connection.begin():
            connection.exec_driver_sql("CALL ducklake_delete_orphaned_files('lake', cleanup_all => true)").fetchall()
        with connection.begin():
            files = connection.exec_driver_sql("SELECT max(file_count) FROM ducklake_table_info('lake')").scalar_one()
        if files > _FILES_BEFORE_MERGE:
            with connection.begin():
                connection.exec_driver_sql(
                    f"CALL ducklake_merge_adjacent_files('lake', max_file_size => {_SMALL_FILE})"
                ).fetchall()

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
                self._inside.execute(f"ATTACH '{quoted(self.catalogue)}' AS catalogue (TYPE sqlite, READ_ONLY)")
            before, self._reader = self._reader, self._inside.cursor()
            self._reader.execute("BEGIN").execute("SELECT count(*) FROM catalogue.ducklake_snapshot").fetchall()
            if before is not None:
                before.close()

    def _version_query(self) -> str:
        if self.kind == "ducklake":
            return "SELECT id FROM lake.current_snapshot()"
        return "SELECT coalesce(max(load_id), 0) FROM load_batch"
