"""One table of the warehouse as a Parquet file, for other programs."""

import os
import tempfile
from pathlib import Path

import sqlalchemy as sa

from kpi import schema
from kpi.errors import FileError, UnknownName
from kpi.home import require_foreign
from kpi.metrics.rollups import ROLLUPS
from kpi.warehouse.engine import Warehouse

TABLES: dict[str, sa.Table] = {
    table.name: table for table in (*schema.metadata.sorted_tables, *(rollup.table for rollup in ROLLUPS))
}


def export_table(warehouse: Warehouse, name: str, to: Path) -> int:
    """Write a table as it is published now; gives the number of rows.

    The file appears whole or not at all, and replaces one of that name. Its metadata holds the version and whether
    the data is synthetic. Raises UnknownName for a table that is none, FileError for a place that cannot be written,
    InputError for one among the program's own files.
    """
    if name not in TABLES:
        raise UnknownName("table", name, TABLES)
    require_foreign(to, warehouse.settings)
    try:
        handle, unfinished = tempfile.mkstemp(dir=to.parent, prefix=f".{to.name}.")
        os.close(handle)
    except OSError as error:
        raise FileError("cannot_write", path=to, problem=error.strerror) from error
    try:
        with warehouse.read() as connection:
            published = warehouse.require_data(connection)
            columns = ", ".join(f'"{column.name}"' for column in TABLES[name].columns)
            place = unfinished.replace("'", "''")
            rows: int = connection.exec_driver_sql(
                f"COPY (SELECT {columns} FROM {name}) TO '{place}' (FORMAT parquet, COMPRESSION zstd, "
                f"KV_METADATA {{version: '{published.version}', synthetic: '{str(published.synthetic).lower()}'}})"
            ).scalar_one()
        # What mkstemp made is for the owner alone; the file gets the rights any new file would.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(unfinished, 0o666 & ~umask)
        os.replace(unfinished, to)
    finally:
        Path(unfinished).unlink(missing_ok=True)
    return rows
