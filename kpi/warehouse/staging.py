"""Rows that wait to be published: in temporary tables of the process, outside any transaction on the warehouse."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from kpi import schema
from kpi.errors import KpiError, LoadError, UnknownName
from kpi.plain_text import LONGEST, REFUSED_RE2, refusal

# What a feed may fill. The rest is the warehouse's own book-keeping.
_OWN = {"calendar", "warehouse_fact", "feed", "load_batch", "exclusion", "rejected_row"}
STAGEABLE = {name: table for name, table in schema.metadata.tables.items() if name not in _OWN}

# First bytes, in UTF-8, of what no text may hold: C0 and DEL, C1, U+2028 and U+2029, U+FFFE and U+FFFF.
_SUSPICIOUS = np.zeros(256, bool)
_SUSPICIOUS[[*range(0x20), 0x7F, 0xC2, 0xE2, 0xEF]] = True

# Rows of Arrow that one thread of the engine takes in at once: a row group of its tables.
_ROWS_A_BATCH = 122_880

_NOT_NEGATIVE = ("wait_seconds", "first_response_seconds", "transfers", "talk_seconds", "hold_seconds", "wrap_seconds")

# Per table, what a row must not be. The condition is what the message shows.
_WRONG: dict[str, tuple[str, ...]] = {
    "interaction": (
        "ended_at < started_at",
        "direction NOT IN ('inbound', 'outbound')",
        "tier NOT BETWEEN 1 AND 7",
        *(f"{column} < 0" for column in _NOT_NEGATIVE),
    ),
    "handling_leg": ("talk_seconds < 0", "hold_seconds < 0", "wrap_seconds < 0"),
    "function_use": ("started < 0", "completed < 0", "failed < 0", "completed + failed > started"),
    "complaint": ("due_on < opened_on", "decided_on < opened_on", "closed_on < opened_on"),
    "referral": ("visited_at < referred_at", "completed_at < referred_at", "amount_fen < 0"),
    "agent_time": ("handle_seconds < 0", "idle_seconds < 0", "break_seconds < 0"),
    "customer": ("closed_on < opened_on",),
    "customer_tier": ("valid_to <= valid_from", "tier NOT BETWEEN 1 AND 7"),
    "customer_month": ("day(month) <> 1", "tier NOT BETWEEN 1 AND 7"),
    "agent": ("valid_to <= valid_from",),
    "unit_cost": ("valid_to <= valid_from", "cost_fen < 0"),
    "service_target": ("seconds < 0",),
    "tail_rule": (
        "day(valid_from) <> 1",
        "kind NOT IN ('value', 'tier')",
        "kind = 'value' AND parameter NOT BETWEEN 1 AND 99",
        "kind = 'tier' AND parameter NOT BETWEEN 1 AND 7",
    ),
}


def listed(names: list[str] | tuple[str, ...], prefix: str = "") -> str:
    """Column names as SQL."""
    return ", ".join(f'{prefix}"{name}"' for name in names)


def all_differ(connection: sa.Connection, relation: str, key: str) -> bool:
    """True where no two rows of ``relation`` have the same ``key``; False where they may: equal hashes were found."""
    differ = connection.exec_driver_sql(f"SELECT count(*) = count(DISTINCT hash({key})) FROM {relation}").scalar_one()
    return bool(differ)


def example(connection: sa.Connection, table: sa.Table, where: str, relation: str | None = None) -> str:
    """The key of the first row of ``relation`` (default: what is staged) that ``where`` holds for, to name it."""
    key = list(table.info["key"])
    row = connection.exec_driver_sql(
        f"SELECT {listed(key)} FROM {relation or staged(table)} WHERE {where} LIMIT 1"
    ).one()
    return ", ".join(f"{name} {value}" for name, value in zip(key, row, strict=True))


def literal(text: object) -> str:
    """A value as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def create_empty(connection: sa.Connection, name: str, columns: Iterable[sa.Column]) -> None:
    """A temporary table with these columns, none of them required."""
    dialect = connection.dialect
    typed = ", ".join(f'"{column.name}" {column.type.compile(dialect)}' for column in columns)
    connection.exec_driver_sql(f"CREATE OR REPLACE TEMP TABLE {name} ({typed})")


def update_time(table: sa.Table, alias: str = "") -> str:
    """SQL of the time by which the later version of a row is told, not known = before all; "" for a table without."""
    return f"coalesce({alias}updated_at, TIMESTAMP '-infinity')" if "updated_at" in table.columns else ""


def staged(table: sa.Table) -> str:
    """Name of the temporary table in which rows for ``table`` wait."""
    return f"staged_{table.name}"


@dataclass
class Stage:
    """The staged rows of one load. ``rows``: table -> rows handed over; ``duplicate``: of these, how many another of
    the same key in the load replaced.
    """

    connection: sa.Connection

    def __post_init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.duplicate: dict[str, int] = {}

    def add(self, name: str, data: pa.Table | pa.RecordBatch | pd.DataFrame) -> None:
        """Append rows for a table; columns that are missing stay null.

        Raises UnknownName for a table or column that is none, LoadError for a derived column or a wrong type.
        """
        if name not in STAGEABLE:
            raise UnknownName("table", name, list(STAGEABLE))
        table = STAGEABLE[name]
        try:
            arrow = _arrow(data)
        except pa.ArrowException as error:
            raise LoadError("stage_type", table=name, problem=_first_line(error)) from error
        columns = list(arrow.column_names)
        valid = schema.source_columns(table)
        for column in columns:
            if column not in table.columns:
                raise UnknownName("column", f"{name}.{column}", valid)
            if column not in valid:
                raise LoadError("derived_column", table=name, column=column, valid=", ".join(valid))
        _refuse_fractions(table, arrow)
        _refuse_texts(table, arrow)
        with self.connection.begin():
            if name not in self.rows:
                self._create(table)
            try:
                insert_arrow(self.connection, staged(table), arrow)
            except sa.exc.DBAPIError as error:
                raise LoadError("stage_type", table=name, problem=_first_line(error.orig)) from error
        self.rows[name] = self.rows.get(name, 0) + arrow.num_rows

    def _create(self, table: sa.Table) -> None:
        create_empty(self.connection, staged(table), [table.c[name] for name in schema.source_columns(table)])

    def require(self, *tables: sa.Table) -> None:
        """Make empty staging tables where nothing was staged, for steps that write derived columns only."""
        for table in tables:
            if table.name not in self.rows:
                self._create(table)
                self.rows[table.name] = self.duplicate[table.name] = 0

    def settle(self) -> None:
        """Check every staged row, and keep of each key the latest update; of equal ones the row that came last.

        Raises LoadError naming the rule and the first row that breaks it.
        """
        with self.connection.begin():
            for name in self.rows:
                self._check(STAGEABLE[name])
                self.duplicate[name] = self._keep_latest(STAGEABLE[name])

    def _check(self, table: sa.Table) -> None:
        needed = [name for name in schema.source_columns(table) if not table.c[name].nullable]
        wrong = {f'"{name}" IS NULL': name for name in needed} | dict.fromkeys(_WRONG.get(table.name, ()), "")
        counts = ", ".join(f"count(CASE WHEN {condition} THEN 1 END)" for condition in wrong)
        found = self.connection.exec_driver_sql(f"SELECT {counts} FROM {staged(table)}").one()
        for (condition, column), rows in zip(wrong.items(), found, strict=True):
            if rows:
                first = example(self.connection, table, condition)
                if column:
                    raise LoadError("stage_null", table=table.name, column=column, rows=rows, example=first)
                raise LoadError("stage_rule", table=table.name, rule=condition, rows=rows, example=first)

    def _keep_latest(self, table: sa.Table) -> int:
        run, key, name = self.connection.exec_driver_sql, listed(table.info["key"]), staged(table)
        # Most loads repeat no key, which counting hashes tells fastest.
        if all_differ(self.connection, name, key):
            return 0
        keys = run(f"SELECT count(*) FROM (SELECT 1 FROM {name} GROUP BY {key})").scalar_one()
        repeated: int = self.rows[table.name] - keys
        if table is schema.customer:
            self._refuse_contradictions(table)
        updated = update_time(table)
        latest = f"arg_max(rowid, ({updated}, rowid))" if updated else "max(rowid)"
        run(f"DELETE FROM {name} WHERE rowid NOT IN (SELECT {latest} FROM {name} GROUP BY {key})")
        return repeated

    def _refuse_contradictions(self, table: sa.Table) -> None:
        """Customers are master data: two different rows of one mean that the feed, or its key, is broken."""
        columns, key = listed(schema.source_columns(table)), listed(table.info["key"])
        several = (
            f"(SELECT {key} FROM (SELECT DISTINCT {columns} FROM {staged(table)}) GROUP BY {key} HAVING count(*) > 1)"
        )
        rows = self.connection.exec_driver_sql(f"SELECT count(*) FROM {several}").scalar_one()
        if rows:
            first = example(self.connection, table, "true", several)
            raise LoadError("customer_twice", rows=rows, example=first)


def _arrow(data: pa.Table | pa.RecordBatch | pd.DataFrame) -> pa.Table:
    if isinstance(data, pd.DataFrame):
        return pa.Table.from_pandas(data, preserve_index=False)
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    return data


def _refuse_fractions(table: sa.Table, arrow: pa.Table) -> None:
    """DuckDB would round; a whole number that came as 3.0 is fine, 3.5 is a mistake."""
    for name in arrow.column_names:
        if isinstance(table.c[name].type, sa.Integer) and pa.types.is_floating(arrow[name].type):
            odd = arrow[name].filter(pc.not_equal(arrow[name], pc.round(arrow[name])))
            if len(odd):
                raise LoadError("stage_fraction", table=table.name, column=name, example=odd[0].as_py())


def _refuse_texts(table: sa.Table, arrow: pa.Table) -> None:
    """No text holds what a browser, a terminal or a native library takes for more than a letter, or is too long."""
    for name in arrow.column_names:
        kind = arrow[name].type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            continue
        for chunk in arrow[name].chunks:
            texts = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
            if _unsuspicious(texts):
                continue
            odd = pc.or_(pc.match_substring_regex(texts, REFUSED_RE2), pc.greater(pc.utf8_length(texts), LONGEST))
            for text in texts.filter(odd).slice(0, 1).to_pylist():
                wrong = refusal(text)
                if wrong is not None:
                    raise LoadError("stage_text", table=table.name, column=name, what=KpiError(wrong[0], **wrong[1]))


def _unsuspicious(texts: pa.Array) -> bool:
    """Whether no text can be refused, told by its bytes alone: what is refused begins with a byte of few, and a text of
    few bytes has few characters. Nearly all texts are told so, at a hundredth of what a pattern costs.
    """
    _, offsets, content = texts.buffers()
    if content is None or not len(texts):
        return True
    wide = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    ends = np.frombuffer(offsets, wide)[texts.offset : texts.offset + len(texts) + 1]
    letters = np.frombuffer(content, np.uint8)[ends[0] : ends[-1]]
    return bool(np.diff(ends).max() <= LONGEST) and not _SUSPICIOUS[letters].any()


def insert_arrow(connection: sa.Connection, table: str, arrow: pa.Table) -> None:
    """Append ``arrow`` to a table, by the names of its columns."""
    driver = connection.connection.driver_connection
    assert driver is not None
    columns = listed(arrow.column_names)
    # In batches, which the engine takes in side by side.
    driver.register("arrived", pa.Table.from_batches(arrow.to_batches(_ROWS_A_BATCH), arrow.schema))
    try:
        connection.exec_driver_sql(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM arrived")
    finally:
        driver.unregister("arrived")


def fetch_numpy(connection: sa.Connection, query: str) -> dict[str, np.ndarray]:
    """Column -> array, of a query whose columns hold no null."""
    driver = connection.connection.driver_connection
    assert driver is not None
    found: dict[str, np.ndarray] = driver.execute(query).fetchnumpy()
    return found


def _first_line(error: BaseException | None) -> str:
    return str(error).splitlines()[0].removeprefix("Conversion Error: ") if error else "–"
