"""A section as a table: named columns, a number and its text in every cell. Each form writes the one or the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_change, format_value
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS
from kpi.narrative.change_tone import Tone, tone
from kpi.pivot import ALL, Axis, Place
from kpi.query.answer import Cell
from kpi.query.cell_rules import few
from kpi.snapshots.render.report import Block, Report
from kpi.table_file import DAY, MONTH
from kpi.targets.target_text import band_text, verdict

Kind = Literal["name", "value", "n", "target"]
# Stands for a figure of too few customers; a note below says so.
HIDDEN = "*"
# Across a page fit so many columns of one KPI; more go down.
_ACROSS = 12


@dataclass(frozen=True)
class Column:
    """``metric``: whose figures stand in it; None for names. ``by``: the dimension whose values its names, or its
    ``title``, are; ``day``: the one that the title names.
    """

    title: str
    kind: Kind
    metric: Metric | None = None
    by: str = ""
    day: date | None = None


@dataclass(frozen=True)
class Entry:
    """``text``: as it is read. ``number``: the figure, in the KPI's unit, of ``cell``. ``change``: its change in words,
    coloured by ``tone``. ``pale``: it stands on few. ``place``: of a name, where its value stands among the others (a
    day, or a number), None where it goes by its text; ``unknown``: it names none, and stands last. ``cut``: it names
    the days of a week or month that is not whole.
    """

    text: str
    number: float | None = None
    cell: Cell | None = None
    change: str = ""
    tone: Tone = "none"
    pale: bool = False
    place: date | float | None = None
    unknown: bool = False
    cut: bool = False


@dataclass(frozen=True)
class Table:
    """``total``: whether the last row is the whole."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Entry, ...], ...]
    total: bool = False


def table(block: Block, report: Report) -> Table:
    """The section's figures. Of one KPI by two dimensions a matrix with the shorter one across; else a row a value (or
    a pair of values) and a column a KPI. The last row is the whole, asked for and never added up.
    """
    pivot = block.pivot
    if pivot is None:
        return _plain(block, report)
    assert pivot.rows is not None
    if pivot.cols is None:
        return _down(block, report, pivot.rows)
    if len(block.kpis) == 1:
        shorter = min(len(pivot.rows.values), len(pivot.cols.values))
        if shorter <= _ACROSS:
            return _matrix(block, report, turned=len(pivot.cols.values) > _ACROSS)
    return _pairs(block, report, pivot.rows, pivot.cols)


def _plain(block: Block, report: Report) -> Table:
    """KPIs without a dimension: a row a KPI."""
    language = report.language
    columns = (
        Column(phrase(language, "chart_kpi"), "name"),
        Column(phrase(language, "chart_value"), "value"),
        Column(phrase(language, "define_target"), "target"),
        Column("n", "n"),
    )
    rows = []
    for kpi in block.kpis:
        cell, metric = report.whole.cell(kpi), METRICS[kpi]
        goal = (
            "" if cell.goal is None else f"{band_text(cell.goal, metric, language)} {verdict(cell, language)}".strip()
        )
        n = Entry("–" if cell.n is None else f"{cell.n:,}", cell.n)
        rows.append((Entry(_upper(metric, language)), _entry(cell, metric, report), Entry(goal, cell=cell), n))
    return Table(columns, tuple(rows))


def _down(block: Block, report: Report, axis: Axis) -> Table:
    pivot, language = block.pivot, report.language
    assert pivot is not None
    columns = (
        _of_names(axis.dimension, language),
        *(Column(_upper(METRICS[kpi], language), "value", METRICS[kpi]) for kpi in block.kpis),
    )
    places: list[Place] = [*axis.values, ALL]
    rows = [
        (
            _named(axis, place, report),
            *(_entry(pivot.cell(kpi, place), METRICS[kpi], report) for kpi in block.kpis),
        )
        for place in places
    ]
    return Table(columns, tuple(rows), total=True)


def _matrix(block: Block, report: Report, turned: bool) -> Table:
    pivot, language = block.pivot, report.language
    assert pivot is not None
    assert pivot.rows is not None
    assert pivot.cols is not None
    metric = METRICS[block.kpis[0]]
    down, across = (pivot.cols, pivot.rows) if turned else (pivot.rows, pivot.cols)
    heads: list[Place] = [*across.values, ALL]
    columns = (
        _of_names(down.dimension, language),
        *(
            Column(
                _name(across, place, report),
                "value",
                metric,
                across.dimension,
                place if isinstance(place, date) and place not in dict(across.cut) else None,
            )
            for place in heads
        ),
    )
    places: list[Place] = [*down.values, ALL]
    rows = []
    for place in places:
        pairs = [(head, place) if turned else (place, head) for head in heads]
        found = [_entry(pivot.cell(metric.id, *pair), metric, report) for pair in pairs]
        rows.append((_named(down, place, report), *found))
    return Table(columns, tuple(rows), total=True)


def _pairs(block: Block, report: Report, first: Axis, second: Axis) -> Table:
    pivot, language = block.pivot, report.language
    assert pivot is not None
    columns = (
        *(_of_names(axis.dimension, language) for axis in (first, second)),
        *(Column(_upper(METRICS[kpi], language), "value", METRICS[kpi]) for kpi in block.kpis),
    )
    pairs: list[tuple[Place, Place]] = [(row, col) for row in first.values for col in second.values]
    rows = []
    for row, col in [*pairs, (ALL, ALL)]:
        found = [pivot.cell(kpi, row, col) for kpi in block.kpis]
        if all(cell is None for cell in found):
            continue
        names = (_named(first, row, report), _named(second, col, report))
        entries = (_entry(cell, METRICS[kpi], report) for cell, kpi in zip(found, block.kpis, strict=True))
        rows.append((*names, *entries))
    return Table(columns, tuple(rows), total=True)


def _entry(cell: Cell | None, metric: Metric, report: Report) -> Entry:
    if cell is None:
        return Entry("")
    language = report.language
    how = tone(cell, metric)
    change = "" if how == "none" else format_change(cell, metric.unit, language)
    text = HIDDEN if cell.reason == "hidden" else format_value(cell.value, metric.unit, language, compact=False)
    return Entry(text, cell.value, cell, change, how, few(cell))


def day_format(column: Column) -> str:
    """How a workbook writes the days that a column, or its title, names."""
    return MONTH if column.by == "month" else DAY


def _of_names(dimension: str, language: Language) -> Column:
    return Column(DIMENSIONS[dimension].name(language), "name", by=dimension)


def _named(axis: Axis, place: Place, report: Report) -> Entry:
    """The name of a value, and where it stands: days, hours, tiers and closed lists have an order of their own."""
    text, declared = _name(axis, place, report), DIMENSIONS[axis.dimension]
    if place is ALL:
        return Entry(text)
    if place is None:
        return Entry(text, unknown=True)
    if isinstance(place, date):
        return Entry(text, place=place, cut=place in dict(axis.cut))
    if declared.kind == "number":
        return Entry(text, place=float(place))
    if declared.values is not None and str(place) in (known := list(report.names.get(axis.dimension, {}))):
        return Entry(text, place=float(known.index(str(place))))
    return Entry(text)


def _name(axis: Axis, place: Place, report: Report) -> str:
    return axis.name(place, report.names, report.language)


def _upper(metric: Metric, language: Language) -> str:
    name = metric.name(language)
    return name[:1].upper() + name[1:]


def widest(rows: Sequence[tuple[Entry, ...]], column: int) -> int:
    """The longest text of a column, a Chinese character counting as two."""
    return max((sum(2 if ord(letter) > 0x2E7F else 1 for letter in row[column].text) for row in rows), default=0)
