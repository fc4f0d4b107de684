"""What the engine says of files that it cannot read, as errors that name the table or the catalogue, and a way out."""

import logging
import re
import time
from pathlib import Path

import duckdb
import sqlalchemy as sa

from kpi.errors import WarehouseDamaged, WarehouseError
from kpi.warehouse.files import LakeFiles, Named, damaged
from kpi.warehouse.instance import Instance, quoted

log = logging.getLogger("switchboard")

_NO_CATALOGUE = re.compile(
    r"malformed|not a database|not a valid DuckDB|explicitly disabled|unsupported file format|corrupt|Checksum|"
    r"ducklake_\w+ does not exist|no such table|not an? (?:initiali|DuckLake)|Could not read enough bytes|"
    r"Cannot open file \"[^\"]*\": Is a directory",
    re.IGNORECASE,
)
_SECONDS = 5.0  # for which a file that cannot be read is looked for
_FILE = re.compile(r"[^\s\"'“]+\.parquet")
# What is wrong with a statement, or with how much it needs, and not with a file.
_OF_STATEMENTS = (
    duckdb.BinderException,
    duckdb.ParserException,
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.OutOfMemoryException,
    duckdb.ConstraintException,
    duckdb.InterruptException,
    duckdb.TransactionException,
    duckdb.NotImplementedException,
    duckdb.PermissionException,
    duckdb.TypeMismatchException,
)
_OF_FILES = (duckdb.IOException, duckdb.SerializationException, duckdb.InternalException, duckdb.FatalException)


def of_opening(error: Exception, catalogue: Path) -> WarehouseError:
    """The error that a warehouse could not be opened."""
    problem = _of_engine(error)
    log.info("%s: %s", catalogue, problem)
    if not catalogue.is_file() or isinstance(problem, duckdb.CatalogException) or _NO_CATALOGUE.search(str(problem)):
        return WarehouseDamaged("catalogue_damaged", catalogue=catalogue)
    return WarehouseError("warehouse_unreadable", place=catalogue.parent, problem=problem)


def of_reading(
    error: Exception, catalogue: Path, opened: Instance | None, files: LakeFiles | None
) -> WarehouseError | None:
    """The error that a file could not be read; None for an error that is not of a file. ``files``: of a lake."""
    problem = _of_engine(error)
    if isinstance(problem, _OF_STATEMENTS):
        return None
    log.info("%s: %s", catalogue, problem)
    if opened is not None and files is not None:
        try:
            with opened.root.cursor() as cursor:
                named = files.named(cursor.execute)
                files.check_whole(named)
                if (found := _unreadable(cursor, named, problem)) is not None:
                    return damaged(found.table, found.place)
        except WarehouseDamaged as told:
            return told
        except duckdb.Error as other:
            return of_opening(other, catalogue)
    if _NO_CATALOGUE.search(str(problem)):
        return WarehouseDamaged("catalogue_damaged", catalogue=catalogue)
    if isinstance(problem, _OF_FILES) or type(problem) is duckdb.Error:
        return WarehouseError("warehouse_unreadable", place=catalogue.parent, problem=problem)
    return None


def _unreadable(cursor: duckdb.DuckDBPyConnection, named: list[Named], problem: BaseException) -> Named | None:
    """The file that the engine complains of, by its name, else the first that it cannot read; None where that is not
    found soon.
    """
    told = _FILE.search(str(problem))
    for one in named:
        if told is not None and one.place.name == Path(told[0]).name:
            return one
    if told is not None or not (isinstance(problem, _OF_FILES) or type(problem) is duckdb.Error):
        return None
    until = time.monotonic() + _SECONDS
    for one in sorted(named, key=lambda file: file.bytes):
        if time.monotonic() > until:
            break
        try:
            cursor.execute(f"SELECT max(hash(t)) FROM read_parquet('{quoted(one.place)}') t").fetchall()
        except duckdb.Error:
            return one
    return None


def _of_engine(error: Exception) -> BaseException:
    """What the engine itself raised."""
    return error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig is not None else error
