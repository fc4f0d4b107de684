"""Import of one file: read in a child process, judged row by row, staged, and published in one transaction."""

import io
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from kpi import schema, table_file
from kpi.errors import FileError, KpiError, MappingError, UnknownName
from kpi.i18n import Language, phrase
from kpi.ingest import reader
from kpi.ingest.customers import customer_key, key_mark, pseudonyms
from kpi.ingest.mapping import CHOICES, LIMITS, NEVER_EMPTY, Mapping, Source, load_mapping
from kpi.ingest.source_file import EXPORT_COLUMNS, is_export, readable
from kpi.plain_text import LONGEST, REFUSED_RE2, clean
from kpi.warehouse import Warehouse
from kpi.warehouse.load import Load, LoadReport

# The child is ended when it says nothing for so long, and may use so much memory for DuckDB.
SILENCE_SECONDS = 300.0
CHILD_MEMORY_GB = 2
_QUOTED = 100  # characters of a row's value that a reason quotes

_KINDS = {
    sa.String: "VARCHAR",
    sa.DateTime: "TIMESTAMP",
    sa.Boolean: "BOOLEAN",
    sa.SmallInteger: "SMALLINT",
    sa.Integer: "INTEGER",
}


def import_file(
    warehouse: Warehouse, file: Path, mapping: Path | str, *, allow_mixed: bool = False, anew: bool = False
) -> LoadReport:
    """Load ``file`` by ``mapping`` (a path, or the name of a shipped one) as one load.

    Rows that break a rule are kept as rejected with every reason; see ``rejected_rows_csv``. The feed's watermark
    is the end of the day of the latest contact (or that contact, see [source] watermark), never earlier than before.

    ``anew``: into a new warehouse beside the key and the notes of an earlier one (see ``Warehouse.create``).

    Raises MappingError, FileError (nothing is loaded), MixedData for a warehouse that holds synthetic data,
    SettingError when the key that customers were hashed with is gone, or another one; WarehouseError where there was
    a warehouse that is not there.
    """
    plan = load_mapping(mapping)
    language = warehouse.settings.language
    with readable(file, plan.source, warehouse.settings.home) as path:
        warehouse.create(anew=anew)
        published = warehouse.published()
        hashed = any("customer_key" in feed.carries for feed in published.feeds.values()) and not published.synthetic
        key = customer_key(warehouse.settings.home, hashed_before=hashed, mark=published.key_mark)
        with Load(
            warehouse,
            description=clean(f"{file.name} ({plan.source.id})"),
            synthetic=False,
            allow_mixed=allow_mixed,
            zone=plan.source.time_zone,
            key_mark=key_mark(key) if "customer_key" in plan.columns else "",
        ) as load:
            latest: datetime | None = None
            excluded = dict.fromkeys(plan.exclude, 0)
            for batch in _batches(path, file, plan):
                for number in pc.value_counts(batch["excluded"].drop_null()).to_pylist():
                    excluded[list(plan.exclude)[number["values"]]] += number["counts"]
                bad = batch.filter(pc.is_valid(batch["problems"]))
                for row in bad.select(["row_number", "raw", "problems"]).to_pylist():
                    reasons = [_reason(problem, plan, language) for problem in json.loads(row["problems"])]
                    load.reject(row["row_number"], json.loads(row["raw"]), reasons)
                good = batch.filter(pc.and_(pc.is_null(batch["problems"]), pc.is_null(batch["excluded"])))
                if good.num_rows:
                    load.stage("interaction", _interactions(good, plan, key))
                    newest = pc.max(good["started_at"]).as_py()
                    latest = newest if latest is None else max(latest, newest)
            for reason, rows in excluded.items():
                if rows:
                    load.exclude(reason, rows)
            if latest is not None:
                for table, named in plan.tables.items():
                    load.stage(table, pa.Table.from_pylist(named, schema=_arrow_schema(table)))
                load.feed(
                    plan.source.id,
                    plan.source.name_zh,
                    plan.source.name_en,
                    _watermark(plan.source, latest),
                    plan.carries,
                )
            return load.publish()


def rejected_rows_csv(warehouse: Warehouse, load_id: int) -> str:
    """The rejected rows of a load as CSV: number, reasons, then the row as it stood, its texts guarded.

    Mended, the file can be loaded again with the mapping of the first time, which takes the guard off to the letter.
    Raises UnknownName for no such load.
    """
    with warehouse.read() as connection:
        loads = connection.scalars(sa.select(schema.load_batch.c.load_id).order_by(sa.desc("load_id"))).all()
        if load_id not in loads:
            raise UnknownName("load", str(load_id), [str(known) for known in loads])
        rejected = connection.execute(
            sa.select(schema.rejected_row).where(schema.rejected_row.c.load_id == load_id).order_by("row_number")
        ).all()
    raws = [json.loads(row.raw) for row in rejected]
    names = [name for name in dict.fromkeys(name for raw in raws for name in raw) if name not in EXPORT_COLUMNS]
    text = io.StringIO(newline="")
    rows = (
        [row.row_number, "; ".join(json.loads(row.reasons)), *(_as_it_stood(raw.get(name)) for name in names)]
        for row, raw in zip(rejected, raws, strict=True)
    )
    table_file.write_csv([*EXPORT_COLUMNS, *names], rows, text)
    return text.getvalue()


def _as_it_stood(value: object) -> str | None:
    return None if value is None else str(value)


# --- the child process --------------------------------------------------------------------------------------------


def _batches(path: Path, file: Path, plan: Mapping) -> Iterator[pa.RecordBatch]:
    """What the child reads from ``path``; errors speak of ``file``."""
    job = json.dumps(reading_job(path, file, plan))
    # Nothing of our environment, and no module path of the caller's, goes to it.
    command = [sys.executable, "-I", str(Path(reader.__file__).resolve())]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env={}) as child,
    ):
        assert child.stdin is not None
        assert child.stdout is not None
        silent, broken = threading.Event(), None
        try:
            with _watched(child, silent):
                child.stdin.write(job.encode())
                child.stdin.close()
                stream = pa.ipc.open_stream(child.stdout)
            while True:
                with _watched(child, silent):
                    batch = next(stream, None)
                if batch is None:
                    break
                yield batch
        except (pa.ArrowInvalid, OSError) as error:
            broken = error  # why is what the child says at its end
        except GeneratorExit:
            child.kill()
            raise
        with _watched(child, silent):
            code = child.wait()
        if silent.is_set():
            raise FileError("file_silent", file=file, seconds=int(SILENCE_SECONDS))
        if code != 0 or broken is not None:
            raise _child_error(code, said, file, plan)


@contextmanager
def _watched(child: "subprocess.Popen[bytes]", silent: threading.Event) -> Iterator[None]:
    """End the child when the block, in which it is waited for, takes too long."""

    def end() -> None:
        silent.set()
        child.kill()

    timer = threading.Timer(SILENCE_SECONDS, end)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def reading_job(path: Path, file: Path, plan: Mapping) -> reader.Job:
    """What the child is told: read ``path``, which is ``file`` or its copy in UTF-8, by ``plan``."""
    source = plan.source
    export = is_export(file)
    targets: list[reader.TargetColumn] = []
    for name, sql in plan.columns.items():
        low, high = LIMITS.get(name, (None, None))
        codes = plan.codes.get(name)
        choices = None if codes else CHOICES.get(name)
        targets.append(
            {
                "name": name,
                "kind": _kind(name),
                "sql": sql,
                "codes": codes,
                "choices": list(choices) if choices else None,
                "low": low,
                "high": high,
                "needed": name in NEVER_EMPTY,
            }
        )
    return {
        "file": str(path),
        "format": "csv" if export else source.format,
        "delimiter": "," if export else source.delimiter,
        "quote": '"' if export else source.quote,
        "header": export or source.header,
        "names": [] if export else list(source.names),
        "guard": table_file.FORMULA if export else "",
        "required": list(source.required),
        "zone": source.time_zone.key,
        "memory_gb": CHILD_MEMORY_GB,
        "targets": targets,
        "exclude": list(plan.exclude.items()),
        "reject": list(plan.reject.items()),
        "longest": LONGEST,
        "refused": REFUSED_RE2,
    }


def _kind(target: str) -> str:
    """The DuckDB type of a target's expression; a customer's id is text until it is hashed."""
    if target == "customer_key":
        return "VARCHAR"
    return _KINDS[type(schema.interaction.c[target].type)]


def _child_error(code: int, said: IO[bytes], file: Path, plan: Mapping) -> KpiError:
    said.seek(0)
    lines = said.read().decode("utf-8", "replace").strip().splitlines()
    if code != reader.FAILED:
        return FileError("file_child_died", file=file, code=code, problem=lines[-1] if lines else "–")
    told = json.loads(lines[-1])
    values: dict[str, Any] = told["values"]
    if told["kind"] == "mapping":
        return MappingError(told["key"], path=plan.path, **values)
    shown = {name: ", ".join(value) if isinstance(value, list) else value for name, value in values.items()}
    return FileError(told["key"], file=file, mapping=plan.path.name, **shown)


# --- rows ---------------------------------------------------------------------------------------------------------


def _interactions(rows: pa.RecordBatch, plan: Mapping, key: bytes) -> pa.Table:
    """Good rows as the warehouse takes them."""
    columns = {name: rows[name] for name in plan.columns}
    if "customer_key" in columns:
        columns["customer_key"] = pseudonyms(columns["customer_key"], key)
    return pa.table({"source": pa.repeat(plan.source.id, rows.num_rows), **columns})


def _arrow_schema(table: str) -> pa.Schema:
    kinds = {sa.String: pa.string(), sa.Boolean: pa.bool_(), sa.SmallInteger: pa.int16()}
    columns = schema.metadata.tables[table].columns
    return pa.schema([(column.name, kinds[type(column.type)]) for column in columns])


def _watermark(source: Source, latest: datetime) -> datetime:
    """UTC: what started before it is in the file."""
    if source.watermark == "last_start":
        return latest
    local = latest.replace(tzinfo=UTC).astimezone(source.time_zone)
    midnight = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), source.time_zone)
    return midnight.astimezone(UTC).replace(tzinfo=None)


def _reason(problem: dict[str, Any], plan: Mapping, language: Language) -> str:
    """A problem as a sentence: what is wrong, with the row's own values, and what would be right."""
    key, name = problem.pop("key"), problem.get("name", "")
    values = (
        ", ".join(
            f"{clean(column, _QUOTED)} “{clean(value or '', _QUOTED)}”"
            for column, value in problem.get("values", {}).items()
        )
        or "–"
    )
    low, high = LIMITS.get(name, (None, None))
    valid = plan.codes.get(name) or CHOICES.get(name, ())
    return phrase(
        language,
        key,
        **{
            **{part: clean(said, _QUOTED) if isinstance(said, str) else said for part, said in problem.items()},
            "values": values,
            "valid": ", ".join(valid),
            "low": "–" if low is None else low,
            "high": "–" if high is None else high,
            "zone": plan.source.time_zone.key,
        },
    )
