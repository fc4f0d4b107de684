"""Copies of the small tables in memory, one set a published version.

DuckLake looks up the files of every table that a statement reads, which takes longer than reading a small table. A
server answers many questions on one version, so it keeps what most of them read. The copies have the tables' own
names in a schema that is searched first; whatever has no copy is read from the lake.
"""

import logging
import threading

import duckdb

from kpi import schema
from kpi.metrics.rollups import ROLLUPS

log = logging.getLogger(__name__)

# Tables with more fields (rows × columns) are left in the lake: this many take some 70 MB.
_MOST_FIELDS = 8_000_000

# By files: what the catalogue counts of a table holds rows that were replaced since. The few rows that an older
# warehouse may hold in the catalogue itself do not matter.
_ROWS = """
SELECT t.table_name, coalesce(f.rows, 0) - coalesce(d.rows, 0)
FROM __ducklake_metadata_lake.ducklake_table t
LEFT JOIN (
    SELECT table_id, sum(record_count)::BIGINT AS rows FROM __ducklake_metadata_lake.ducklake_data_file
    WHERE end_snapshot IS NULL GROUP BY table_id
) f USING (table_id)
LEFT JOIN (
    SELECT table_id, sum(delete_count)::BIGINT AS rows FROM __ducklake_metadata_lake.ducklake_delete_file
    WHERE end_snapshot IS NULL GROUP BY table_id
) d USING (table_id)
WHERE t.end_snapshot IS NULL
"""


class Resident:
    """The copies of one engine. ``root``: its connection, with the lake attached as ``lake``. ``searched``: the schemas
    where a connection finds what has no copy.
    """

    def __init__(self, root: duckdb.DuckDBPyConnection, searched: str) -> None:
        self._root = root
        self._searched = searched
        self._lock = threading.Lock()
        self._ready: int | None = None
        self._making: int | None = None
        self._thread: threading.Thread | None = None
        self._widths = {table.name: len(table.columns) for table in (*schema.metadata.sorted_tables, schema.origin)}
        self._widths |= {rollup.table.name: len(rollup.table.columns) for rollup in ROLLUPS}

    @property
    def ready(self) -> int | None:
        """The version whose copies are made: whoever begins a transaction now sees them."""
        return self._ready

    def enter(self, connection: duckdb.DuckDBPyConnection, version: int, ready: int | None) -> None:
        """Let a connection whose transaction sees ``version`` read the copies of it, where they were made already when
        it began: ``ready`` is what was so before.

        Where they are not, they are begun to be made beside; the figures are the same either way.
        """
        with self._lock:
            if self._ready != version and self._making is None:
                self._making = version
                self._thread = threading.Thread(target=self._make, args=(version,), name="resident")
                self._thread.start()
        if ready == version:
            connection.execute(f"SET search_path = 'memory.{_schema(version)},{self._searched}'")

    def leave(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let the connection read the lake only, as whoever takes it next expects."""
        connection.execute(f"SET search_path = '{self._searched}'")

    def wait(self) -> None:
        """Until nothing is being made any more."""
        if self._thread is not None:
            self._thread.join()

    def _make(self, version: int) -> None:
        try:
            with self._root.cursor() as cursor:
                made = self._copy(cursor, version)
        except duckdb.Error:
            # Questions are answered from the lake then, only more slowly.
            log.exception("the small tables of version %s could not be copied", version)
            made = False
        with self._lock:
            self._making = None
            if made:
                self._ready = version

    def _copy(self, cursor: duckdb.DuckDBPyConnection, version: int) -> bool:
        """Copy what is small; False where the lake has moved on meanwhile."""
        cursor.execute(f"SET search_path = '{self._searched}'").execute("BEGIN")
        if cursor.execute("SELECT id FROM lake.current_snapshot()").fetchall() != [(version,)]:
            cursor.execute("ROLLBACK")
            return False
        rows = dict(cursor.execute(_ROWS).fetchall())
        rows["origin"] = rows["complaint"] + rows["referral"]  # at most
        cursor.execute(f"CREATE SCHEMA memory.{_schema(version)}")
        for name, width in self._widths.items():
            if rows[name] * width <= _MOST_FIELDS:
                cursor.execute(f'CREATE TABLE memory.{_schema(version)}."{name}" AS FROM "{name}"')
        # Who still reads an older version finds its copies until his transaction ends, and the lake's tables after.
        for (older,) in cursor.execute(
            "SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'memory' AND schema_name LIKE 'version_%' "
            f"AND schema_name <> '{_schema(version)}'"
        ).fetchall():
            cursor.execute(f"DROP SCHEMA memory.{older} CASCADE")
        cursor.execute("COMMIT")
        return True


def _schema(version: int) -> str:
    return f"version_{version}"
