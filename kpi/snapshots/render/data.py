"""The data of a copy as one table: a row a figure, in a declared order, the same bytes whenever it is made again."""

from collections.abc import Iterator
from io import BytesIO, StringIO

import pyarrow as pa
import pyarrow.parquet as pq

from kpi import table_file
from kpi.i18n import phrase
from kpi.metrics.registry import METRICS
from kpi.plain_text import clean
from kpi.query.answer import Answer, Cell
from kpi.snapshots.render.report import Block, Report

Row = dict[str, object]

_FIGURES = (
    *("value", "numerator", "denominator", "low", "high", "previous", "change", "change_low", "change_high"),
    *("target_low", "target_high"),
)


def dimensions(report: Report) -> list[str]:
    """The dimensions of all sections, in the order in which they come up."""
    return list(dict.fromkeys(dimension for block in report.blocks for dimension in block.section.by or block.by))


def columns(report: Report) -> dict[str, pa.DataType]:
    """Name -> type of the columns of the data. A dimension has its value, and its name in the copy's language."""
    text, number = pa.string(), pa.float64()
    keys = {name: text for dimension in dimensions(report) for name in (dimension, f"{dimension}_name")}
    return {
        **dict.fromkeys(("section", "kpi", "kpi_name", "unit", "by"), text),
        **keys,
        **dict.fromkeys(("from", "to"), pa.date32()),
        **dict.fromkeys(_FIGURES, number),
        "n": pa.int64(),
        "met": pa.bool_(),
        "provisional": pa.bool_(),
        "partial": pa.bool_(),
        **dict.fromkeys(("reason", "note"), text),
        **({"synthetic": pa.bool_()} if report.published.synthetic else {}),
    }


def sorted_by(report: Report) -> list[str]:
    """The declared order: sections and KPIs as in the definition, the whole before its parts, then by the values of the
    dimensions, unknown last.
    """
    return ["section", "kpi", "by", *dimensions(report), "from"]


def figure_key(answer: Answer, cell: Cell, report: Report) -> str:
    """A figure's key within its section and KPI: "channel=wechat|tier=6", "" for the whole; the last mature period,
    where the report's own holds none, behind an "@".
    """
    named = zip(answer.question.by, cell.key, strict=True)
    text = "|".join(f"{dimension}={'' if value is None else value}" for dimension, value in named)
    moved = answer.period != report.period
    return f"{text}@{answer.period.start}/{answer.period.end}" if moved else text


def figures(report: Report) -> dict[tuple[str, str, str], float | None]:
    """(section, KPI, key) -> value: what a revision is compared by."""
    return {
        (block.section.id, cell.kpi, figure_key(answer, cell, report)): cell.value
        for block in report.blocks
        for answer, cell in _cells(block)
    }


def rows(report: Report) -> dict[str, list[Row]]:
    """Section -> its rows, in the declared order."""
    return {
        block.section.id: [_row(block, answer, cell, report) for answer, cell in _cells(block)]
        for block in report.blocks
    }


def csv(report: Report) -> bytes:
    """UTF-8 with a mark that spreadsheets recognise; numbers in full, texts guarded."""
    names = list(columns(report))
    to = StringIO(newline="")
    records = ([row.get(name) for name in names] for part in rows(report).values() for row in part)
    table_file.write_csv(names, records, to)
    return to.getvalue().encode("utf-8-sig")


def parquet(report: Report) -> bytes:
    """The same rows with their types; texts as they are."""
    schema = pa.schema(list(columns(report).items()))
    records = [row for part in rows(report).values() for row in part]
    buffer = BytesIO()
    pq.write_table(pa.Table.from_pylist(records, schema=schema), buffer, compression="zstd")
    return buffer.getvalue()


def _cells(block: Block) -> Iterator[tuple[Answer, Cell]]:
    for kpi in block.kpis:
        for answer in block.answers:
            found = [cell for cell in answer.cells if cell.kpi == kpi]
            yield from ((answer, cell) for cell in sorted(found, key=_by_key))


def _by_key(cell: Cell) -> tuple[tuple[bool, object], ...]:
    """Values of one dimension are of one type; unknown last."""
    return tuple((value is None, "" if value is None else value) for value in cell.key)


def _row(block: Block, answer: Answer, cell: Cell, report: Report) -> Row:
    metric, language = METRICS[cell.kpi], report.language
    note = phrase(language, f"reason_{cell.reason}") if cell.reason else ""
    if report.empty:
        note = phrase(language, "report_no_data")
    row: Row = {
        "section": block.section.id,
        "kpi": cell.kpi,
        "kpi_name": metric.name(language),
        "unit": metric.unit,
        "by": ",".join(answer.question.by),
        "from": answer.period.start,
        "to": answer.period.end,
        "n": cell.n,
        "met": cell.met,
        "provisional": cell.provisional,
        "partial": cell.partial,
        "reason": cell.reason or "",
        "note": note,
        **({"synthetic": True} if report.published.synthetic else {}),
    }
    for dimension, value in zip(answer.question.by, cell.key, strict=True):
        text = "" if value is None else str(value)
        row |= {dimension: clean(text), f"{dimension}_name": report.names.get(dimension, {}).get(text, text)}
    figures_of = {name: getattr(cell, name) for name in _FIGURES}
    return row | {name: None if value is None else float(value) for name, value in figures_of.items()}
