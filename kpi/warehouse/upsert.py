"""Staged rows against stored ones: which are new, which correct a stored row, which change nothing."""

from dataclasses import dataclass

import sqlalchemy as sa

from kpi import schema
from kpi.warehouse.staging import create_empty, listed, staged, update_time


@dataclass(frozen=True)
class Counts:
    """What became of the staged rows of one table. ``duplicate``: changed nothing, were replaced in the batch, or are
    older than what is stored.
    """

    loaded: int = 0
    updated: int = 0
    duplicate: int = 0

    @property
    def rows(self) -> int:
        return self.loaded + self.updated + self.duplicate


def stored(table: sa.Table) -> str:
    """Name of the temporary table with the old versions of the rows that staged ones replace."""
    return f"stored_{table.name}"


def same_key(table: sa.Table, left: str, right: str) -> str:
    """SQL: both sides name the same row."""
    return " AND ".join(f'{left}."{name}" = {right}."{name}"' for name in table.info["key"])


def compare(
    connection: sa.Connection,
    table: sa.Table,
    repeated: int,
    where: str = "true",
    given: dict[str, str] | None = None,
) -> Counts:
    """Sort out the staged rows of ``table``; afterwards its staging table holds only rows to be written, and
    ``stored_<table>`` the stored rows that they replace. A row that was updated before the stored one is not written.

    ``repeated``: rows that a later one of the same load replaced. ``where``: limits the stored rows (``t``) that can
    be meant. ``given``: columns whose given value is stored under another name.
    """
    if not connection.exec_driver_sql(f"SELECT count(*) FROM {staged(table)}").scalar_one():
        create_empty(connection, stored(table), table.columns)
        return Counts(duplicate=repeated)
    run, name, old, key = connection.exec_driver_sql, staged(table), stored(table), listed(table.info["key"])
    limits = " AND ".join([where, *_ranges(connection, table)])
    run(
        f"CREATE OR REPLACE TEMP TABLE {old} AS "
        f"SELECT t.* FROM {table.name} t SEMI JOIN {name} USING ({key}) WHERE {limits}"
    )
    same = " AND ".join(
        f's."{column}" IS NOT DISTINCT FROM o."{(given or {}).get(column, column)}"'
        for column in schema.source_columns(table)
        if column not in table.info["key"]
    )
    older = f"{update_time(table, 's.')} < {update_time(table, 'o.')}" if update_time(table) else "false"
    matched = run(f"SELECT count(*) FROM {old}").scalar_one()
    unchanged = 0
    if matched:
        run(
            f"CREATE OR REPLACE TEMP TABLE unchanged AS SELECT s.rowid AS row_id, {listed(table.info['key'], 's.')} "
            f"FROM {name} s JOIN {old} o ON {same_key(table, 's', 'o')} WHERE ({same or 'true'}) OR {older}"
        )
        unchanged = run("SELECT count(*) FROM unchanged").scalar_one()
    if unchanged:
        run(f"DELETE FROM {name} WHERE rowid IN (SELECT row_id FROM unchanged)")
        run(f"DELETE FROM {old} o USING unchanged u WHERE {same_key(table, 'o', 'u')}")
    left = run(f"SELECT count(*) FROM {name}").scalar_one()
    updated = matched - unchanged
    return Counts(loaded=left - updated, updated=updated, duplicate=repeated + unchanged)


def _ranges(connection: sa.Connection, table: sa.Table) -> list[str]:
    """Limits by the dates in the key: stored files outside them need not be read."""
    dates = [name for name in table.info["key"] if isinstance(table.c[name].type, sa.Date | sa.DateTime)]
    limits = []
    for name in dates:
        low, high = connection.exec_driver_sql(f'SELECT min("{name}"), max("{name}") FROM {staged(table)}').one()
        if low is not None:
            limits.append(f"t.\"{name}\" BETWEEN '{low}' AND '{high}'")
    return limits


def remove_stored(connection: sa.Connection, table: sa.Table, counts: Counts) -> None:
    """Delete the stored rows that staged ones replace."""
    if counts.updated:
        connection.exec_driver_sql(
            f"DELETE FROM {table.name} t USING {stored(table)} o WHERE {same_key(table, 't', 'o')}"
        )


def write(
    connection: sa.Connection, table: sa.Table, counts: Counts, derived: dict[str, str] | None = None, join: str = ""
) -> None:
    """Replace and add rows: the staged ones (``s``), with ``derived`` columns computed by SQL, over ``join`` too."""
    remove_stored(connection, table, counts)
    if not counts.loaded + counts.updated:
        return
    columns = schema.source_columns(table)
    values = [f's."{column}"' for column in columns] + list((derived or {}).values())
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({listed([*columns, *(derived or {})])}) "
        f"SELECT {', '.join(values)} FROM {staged(table)} s {join}"
    )
