"""The child process that reads one source file and evaluates a mapping's expressions.

It has a DuckDB of its own that may open that one file and nothing else: no other file, no network, no
extension, its configuration locked. Those settings cover a whole instance and cannot be undone, which is why this
is a process apart. It imports nothing of the program and is told everything on standard input (``Job`` below, as
JSON); rows go out as an Arrow stream on standard output. What is wrong goes out as one line of JSON on standard
error: ``{"kind": "file" | "mapping", "key": phrase, "values": {…}}``, with exit code 3.

Columns of the stream: ``row_number`` (1 = first row of data), ``excluded`` (position of the reason, or null),
``problems`` (JSON list, or null: the row is good), ``raw`` (JSON, where there are problems), then the target columns;
times are UTC.
"""

import csv
import json
import re
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypedDict

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

FAILED = 3
BATCH_ROWS = 50_000
# Address space beyond DuckDB's own limit: interpreter, libraries, Arrow.
_OVERHEAD_GB = 3
_MESSAGE_BYTES = 1 << 16
_FIRST_YEAR, _LAST_YEAR = 1990, 2100


class TargetColumn(TypedDict):
    """One target column. ``kind``: a DuckDB type. ``codes``: value -> id. ``low``, ``high``: inclusive limits."""

    name: str
    kind: str
    sql: str
    codes: dict[str, str] | None
    choices: list[str] | None
    low: int | None
    high: int | None
    needed: bool


class Job(TypedDict):
    """What to read and how. ``guard``: what a text begins with, behind an apostrophe that is to be taken off, in an
    export of rejected rows; "" in any other file. ``exclude``, ``reject``: (reason, SQL condition). ``longest``:
    characters of a text; ``refused``: what none may hold, a regular expression.
    """

    file: str
    format: str
    delimiter: str
    quote: str
    header: bool
    names: list[str]
    guard: str
    required: list[str]
    zone: str
    memory_gb: int
    targets: list[TargetColumn]
    exclude: list[tuple[str, str]]
    reject: list[tuple[str, str]]
    longest: int
    refused: str


class Stop(Exception):
    """The file or the mapping cannot be used."""

    def __init__(self, kind: str, key: str, **values: object) -> None:
        super().__init__(key)
        self.kind, self.key, self.values = kind, key, values


class _WithoutPandas:
    """Arrow looks for pandas at its first call; nothing here uses it, and importing it takes longer than most files."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def main() -> None:
    """Read the job from standard input and do it."""
    sys.meta_path.insert(0, _WithoutPandas())
    job: Job = json.load(sys.stdin)
    limit = (job["memory_gb"] + _OVERHEAD_GB) << 30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    # Pipes are no files: no file can grow beyond what a message on standard error takes. A module compiled from here
    # on must not be cached: it would be cut off there, and break every later import of it.
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MESSAGE_BYTES, _MESSAGE_BYTES))
    try:
        _write(job)
    except Stop as stop:
        json.dump({"kind": stop.kind, "key": stop.key, "values": stop.values}, sys.stderr, default=str)
        sys.exit(FAILED)


def _write(job: Job) -> None:
    header: list[str] = []
    if job["format"] == "csv":
        header = _header(job)
        _require(job, header)
    reading = FileReading(job, header)
    stream = None
    for batch in reading.batches():
        if stream is None:
            stream = pa.ipc.new_stream(sys.stdout.buffer, batch.schema)
        stream.write_batch(batch)
    if stream is None:
        raise Stop("file", "file_no_rows")
    stream.close()


def _header(job: Job) -> list[str]:
    """Names of the columns of a CSV file: those of the mapping, or the header's.

    A column without a name is ``column_N``, N counted from 1.
    """
    with open(job["file"], encoding="utf-8-sig", newline="") as file:
        try:
            first = next(csv.reader(file, delimiter=job["delimiter"], quotechar=job["quote"]), [])
        except csv.Error as error:
            raise Stop("file", "file_unreadable", problem=error) from error
    if not first:
        raise Stop("file", "file_no_header")
    if job["names"]:
        if len(first) != len(job["names"]):
            raise Stop("file", "file_columns_count", expected=len(job["names"]), found=len(first))
        return job["names"]
    if job["guard"]:
        first = [name[1:] if re.match(f"'{job['guard']}", name) else name for name in first]
    names = [name.strip() or f"column_{position}" for position, name in enumerate(first, start=1)]
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:  # SQL does not tell "ID" from "id"
            raise Stop("file", "file_columns_repeat", name=name)
        seen.add(name.lower())
    return names


def _require(job: Job, columns: list[str]) -> None:
    missing = [name for name in job["required"] if name not in columns]
    if missing:
        raise Stop("file", "file_columns_missing", missing=missing, found=columns)


class FileReading:
    """One file as a view in a locked database, and the query over it."""

    def __init__(self, job: Job, header: list[str]) -> None:
        self.job = job
        self.connection = _locked(job)
        self._make_view(header)
        self.columns = [row[0] for row in self.connection.execute("DESCRIBE source").fetchall() if row[0] != "__row"]
        _require(job, self.columns)
        self.absolute: set[str] = set()  # targets whose times name a moment by themselves
        self.checks: list[dict[str, Any]] = []  # what each number in a row's list of problems means

    def _make_view(self, header: list[str]) -> None:
        job, place = self.job, _text(self.job["file"])
        if job["format"] == "csv":
            columns = ", ".join(f"{_text(name)}: 'VARCHAR'" for name in header)
            table = (
                f"read_csv({place}, auto_detect = false, header = {job['header']}, delim = {_text(job['delimiter'])}, "
                f"quote = {_text(job['quote'])}, escape = {_text(job['quote'])}, strict_mode = true, "
                f"columns = {{{columns}}})"
            )
        elif job["format"] == "json":
            # Names from every record, no types: what a value is, is for the mapping to say.
            table = f"read_json({place}, sample_size = -1, maximum_depth = 1)"
        else:
            table = f"read_parquet([{place}])"
        with _reading():
            columns = "*"
            if job["format"] == "json":
                found = self.connection.execute(f"DESCRIBE FROM {table}").fetchall()
                columns = ", ".join(f"{_name(row[0])} ->> '$' AS {_name(row[0])}" for row in found)
            elif job["guard"]:
                guarded = _text(f"^'{job['guard']}")
                columns = ", ".join(
                    f"CASE WHEN regexp_matches({_name(name)}, {guarded}) THEN substr({_name(name)}, 2) "
                    f"ELSE {_name(name)} END AS {_name(name)}"
                    for name in header
                )
            self.connection.execute(
                f"CREATE TEMP VIEW source AS SELECT row_number() OVER () AS __row, {columns} FROM {table}"
            )

    # --- the mapping's expressions ---

    def used(self, place: str, sql: str) -> list[str]:
        """Check that ``sql`` is one expression over the file's columns and say which of them it uses."""
        question = _text(f"SELECT (\n{sql}\n)")
        text = self.connection.execute(f"SELECT json_serialize_sql({question})").fetchone()
        assert text is not None
        tree = json.loads(text[0])
        if tree["error"]:
            raise Stop("mapping", "mapping_sql", place=place, problem=tree["error_message"])
        tops = [_select_list(statement["node"]) for statement in tree["statements"]]
        if len(tops) != 1 or tops[0] is None:
            raise Stop("mapping", "mapping_not_one_expression", place=place)
        found: list[str] = []
        for node in _nodes(tops[0]):
            if node.get("class") in {"SUBQUERY", "WINDOW", "STAR", "PARAMETER"}:
                raise Stop("mapping", "mapping_sql_not_allowed", place=place, what=node["class"].lower())
            found += [name for name in node.get("column_names", ()) if node.get("class") == "COLUMN_REF"]
        by_name = {name.lower(): name for name in self.columns}
        return list(dict.fromkeys(by_name[name.lower()] for name in found if name.lower() in by_name))

    def guarded(self, place: str, sql: str, kind: str) -> str:
        """``sql`` cast to ``kind`` so that a value it fails on is told from an empty one: null against {v: null}."""
        guarded = f"TRY({{'v': CAST((\n{sql}\n) AS {kind})}})"
        self._bind(place, guarded)
        return guarded

    def _bind(self, place: str, sql: str) -> str:
        """The type of an expression; Stop with DuckDB's own words where it is none."""
        try:
            row = self.connection.execute(f"DESCRIBE SELECT {sql} FROM source").fetchone()
        except duckdb.Error as error:
            raise Stop("mapping", "mapping_sql", place=place, problem=_said(error)) from error
        assert row is not None
        return str(row[1])

    def _time(self, place: str, target: TargetColumn) -> str:
        kind = self._bind(place, f"(\n{target['sql']}\n)")
        if kind == "TIMESTAMP WITH TIME ZONE":
            self.absolute.add(target["name"])
            return f"(\n{target['sql']}\n) AT TIME ZONE 'UTC'"
        # Text is not turned into a time by itself: DuckDB would drop the offset of “…T10:00+08:00” without a word.
        if not (kind.startswith("TIMESTAMP") or kind in {"DATE", '"NULL"', "NULL"}):
            raise Stop("mapping", "mapping_no_time", place=place, found=kind)
        return target["sql"]

    def query(self) -> str:
        """One row of the file a row: its number, raw columns, problems by number, and the target columns."""
        self.guards: list[str] = []  # every expression, told apart where it fails
        self.problems: list[str] = []
        excluded = [
            f"WHEN {self._condition('exclude', number, reason, sql)}.v THEN {number}"
            for number, (reason, sql) in enumerate(self.job["exclude"])
        ]
        for number, (reason, sql) in enumerate(self.job["reject"]):
            name = self._condition("reject", number, reason, sql)
            self._check(f"{name}.v", key="row_check", name=reason, columns=self.used(f"[reject] {reason}", sql))
        values = [self._target(number, target) for number, target in enumerate(self.job["targets"])]
        raw = [f"{_name(column)} AS __raw_{number}" for number, column in enumerate(self.columns)]
        kept = [f"__raw_{number}" for number in range(len(raw))]
        case = f"CASE {' '.join(excluded)} END" if excluded else "NULL"
        return (
            f"SELECT __row AS row_number, CAST({case} AS INTEGER) AS excluded, "
            f"list_filter([{', '.join(self.problems)}], x -> x IS NOT NULL) AS __problems, {', '.join(values + kept)} "
            f"FROM (SELECT __row, {', '.join(raw + self.guards)} FROM source)"
        )

    def _check(self, condition: str, **meaning: object) -> None:
        """A problem of the rows that ``condition`` holds for."""
        self.problems.append(f"CASE WHEN {condition} THEN {len(self.checks)} END")
        self.checks.append(meaning)

    def _condition(self, table: str, number: int, reason: str, sql: str) -> str:
        """The name under which a condition of [exclude] or [reject] stands in the query."""
        place, name = f"[{table}] {reason}", f"__{table}_{number}"
        columns = self.used(place, sql)
        self.guards.append(f"{self.guarded(place, sql, 'BOOLEAN')} AS {name}")
        self._check(f"{name} IS NULL", key="row_check_failed", name=reason, columns=columns)
        return name

    def _target(self, number: int, target: TargetColumn) -> str:
        """Guard and check a target; its value and the value's text as columns of the query."""
        place, name = f"[columns] {target['name']}", f"__target_{number}"
        meaning = {"name": target["name"], "columns": self.used(place, target["sql"])}
        sql = self._time(place, target) if target["kind"] == "TIMESTAMP" else target["sql"]
        self.guards.append(f"{self.guarded(place, sql, target['kind'])} AS {name}")
        value, text = f"{name}.v", f"CAST({name}.v AS VARCHAR)"
        self._check(f"{name} IS NULL", key="row_failed", **meaning)
        if target["codes"] is not None:
            arms = " ".join(f"WHEN {_text(code)} THEN {_text(id_)}" for code, id_ in target["codes"].items())
            value = f"CASE {text} {arms} END"
            self._check(f"{name}.v IS NOT NULL AND {value} IS NULL", key="row_unmapped", value=number, **meaning)
        elif target["choices"] is not None:
            valid = ", ".join(_text(choice) for choice in target["choices"])
            self._check(f"{text} NOT IN ({valid})", key="row_not_valid", value=number, **meaning)
        elif target["kind"] == "VARCHAR":
            longest, refused = self.job["longest"], _text(self.job["refused"])
            self._check(f"length({text}) > {longest}", key="row_text_long", longest=longest, value=number, **meaning)
            self._check(f"regexp_matches({text}, {refused})", key="row_text_control", value=number, **meaning)
        for sign, limit in (("<", target["low"]), (">", target["high"])):
            if limit is not None:
                self._check(f"{name}.v {sign} {limit}", key="row_limits", value=number, **meaning)
        if target["kind"] == "TIMESTAMP":
            years = {"first": _FIRST_YEAR, "last": _LAST_YEAR}
            limits = f"TIMESTAMP '{_FIRST_YEAR}-01-01' AND TIMESTAMP '{_LAST_YEAR}-01-01'"
            self._check(f"{name}.v NOT BETWEEN {limits}", key="row_year", value=number, **years, **meaning)
        if target["needed"]:
            empty = f"trim({name}.v) = ''" if target["kind"] == "VARCHAR" else "FALSE"
            self._check(f"{name} IS NOT NULL AND ({name}.v IS NULL OR {empty})", key="row_empty", **meaning)
        return f"{value} AS {_name(target['name'])}, {text} AS __value_{number}"

    # --- the rows ---

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, judged. Stop where the file cannot be read to its end."""
        query = self.query()
        with _reading():
            reader = self.connection.execute(query).to_arrow_reader(BATCH_ROWS)
        while True:
            with _reading():
                batch = next(reader, None)
            if batch is None:
                return
            if batch.num_rows:
                yield self._judged(batch)

    def _judged(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Times to UTC, and each bad row's problems and raw text."""
        columns: dict[str, pa.Array] = {
            "row_number": batch["row_number"],
            "excluded": batch["excluded"],
        }
        found: dict[int, list[dict[str, Any]]] = {}
        numbers = batch["__problems"]
        for row in pc.indices_nonzero(pc.greater(pc.list_value_length(numbers), pa.scalar(0))).to_pylist():
            found[row] = [self._problem(batch, row, number) for number in numbers[row].as_py()]
        for number, target in enumerate(self.job["targets"]):
            values = batch[target["name"]]
            if target["kind"] == "TIMESTAMP":
                values = values.cast(pa.timestamp("us"))
                if target["name"] not in self.absolute:
                    values = self._utc(batch, number, values, columns.get("started_at"), found)
            columns[target["name"]] = values
        backwards = pc.less(columns["ended_at"], columns["started_at"])
        for row in pc.indices_nonzero(backwards).to_pylist():
            used = [
                c for check in self.checks if check.get("name") in {"started_at", "ended_at"} for c in check["columns"]
            ]
            found.setdefault(row, []).append({"key": "row_backwards", "values": self._raw(batch, row, used)})
        # What is left out is not judged.
        bad = [row for row in found if not batch["excluded"][row].is_valid]
        problems: list[str | None] = [None] * batch.num_rows
        raw: list[str | None] = [None] * batch.num_rows
        for row in bad:
            problems[row] = json.dumps(found[row], ensure_ascii=False)
            raw[row] = json.dumps(self._raw(batch, row, self.columns), ensure_ascii=False)
        columns["problems"] = pa.array(problems, pa.string())
        columns["raw"] = pa.array(raw, pa.string())
        return pa.RecordBatch.from_pydict(columns)

    def _problem(self, batch: pa.RecordBatch, row: int, number: int) -> dict[str, Any]:
        problem = dict(self.checks[number])
        problem["values"] = self._raw(batch, row, problem.pop("columns"))
        if "value" in problem:
            problem["value"] = batch[f"__value_{problem['value']}"][row].as_py()
        return problem

    def _raw(self, batch: pa.RecordBatch, row: int, names: list[str]) -> dict[str, str | None]:
        """The row's source columns as text."""
        numbers = {name: number for number, name in enumerate(self.columns)}
        return {name: _as_text(batch[f"__raw_{numbers[name]}"][row].as_py()) for name in dict.fromkeys(names)}

    def _utc(
        self,
        batch: pa.RecordBatch,
        number: int,
        local: pa.Array,
        started: pa.Array | None,
        found: dict[int, list[dict[str, Any]]],
    ) -> pa.Array:
        """Wall-clock times of the source's zone as UTC.

        A time that occurs twice (clocks put back) is the first of the two; an end, the second where the first would
        lie before the start. A time that does not occur (clocks put forward) is a problem of its row.
        """
        zone = self.job["zone"]

        def at(choice: str) -> pa.Array:
            moments = pc.assume_timezone(local, zone, ambiguous=choice, nonexistent=choice)
            return moments.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))

        # Years outside the accepted ones are a problem already, and beyond what the zone's tables can tell.
        year = pc.year(local)
        late, early = pc.greater(year, pa.scalar(_LAST_YEAR)), pc.less(year, pa.scalar(_FIRST_YEAR))
        local = pc.if_else(pc.or_(late, early), pa.scalar(None, local.type), local)
        first, second = at("earliest"), at("latest")
        # Around a gap both choices fall on its edge, a moment apart, and neither reads as the given wall-clock time.
        back = pc.local_timestamp(first.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us", zone)))
        name = self.job["targets"][number]["name"]
        for row in pc.indices_nonzero(pc.not_equal(back, local)).to_pylist():
            value = batch[f"__value_{number}"][row].as_py()
            found.setdefault(row, []).append({"key": "row_no_such_time", "name": name, "value": value})
        if name == "ended_at" and started is not None:
            return pc.if_else(pc.less(first, started), second, first)
        return first


def _locked(job: Job) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "memory_limit": f"{job['memory_gb']}GB",
            "threads": 2,
            "temp_directory": "",
        },
    )
    # The zone that text with an offset is shown in, and that casts to a time with zone assume.
    connection.execute(f"SET TimeZone = {_text(job['zone'])}")
    connection.execute(f"SET allowed_paths = [{_text(job['file'])}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _select_list(node: dict[str, Any]) -> dict[str, Any] | None:
    """The one expression of ``SELECT (…)``; None where the text closed the bracket and said more."""
    if node["type"] != "SELECT_NODE" or len(node["select_list"]) != 1 or node["modifiers"] or node["cte_map"]["map"]:
        return None
    if node["from_table"]["type"] != "EMPTY" or node["group_expressions"]:
        return None
    if any(node[part] is not None for part in ("where_clause", "having", "sample", "qualify")):
        return None
    top: dict[str, Any] = node["select_list"][0]
    return None if top["alias"] else top


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for each in tree.values():
            yield from _nodes(each)
    elif isinstance(tree, list):
        for each in tree:
            yield from _nodes(each)


@contextmanager
def _reading() -> Iterator[None]:
    """Turn DuckDB's errors about the file into a Stop."""
    try:
        yield
    # An error on the way, after the first rows, comes through Arrow as an OSError.
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        said = str(error)
        if "Out of Memory Error" in said:
            raise Stop("file", "file_memory") from error
        line = re.search(r"CSV Error on Line: (\d+)", said)
        fields = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", said)
        if line and fields:
            raise Stop("file", "file_fields", line=line[1], expected=fields[1], found=fields[2]) from error
        if line and "unterminated quote" in said:
            raise Stop("file", "file_quote", line=line[1]) from error
        raise Stop("file", "file_unreadable", problem=_said(error)) from error


def _said(error: BaseException) -> str:
    """DuckDB's message without its advice on options that only we can set, and without the query's text."""
    return re.split(r"\n\s*(?:LINE \d+:|Possible fixes|Possible Solution|file = )", str(error))[0].strip()[:500]


def _as_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _text(value: str) -> str:
    """An SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def _name(value: str) -> str:
    """A quoted SQL name."""
    return '"' + value.replace('"', '""') + '"'


if __name__ == "__main__":
    main()
