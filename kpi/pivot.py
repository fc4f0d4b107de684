"""A pivot table: KPIs by two dimensions, each total asked for itself and never added up from what is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from typing import Final, Literal

import pandas as pd

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_date, format_period, weekday
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS
from kpi.narrative.caveats import caveats_of
from kpi.query.answer import Answer, Cell, DimensionValue
from kpi.query.cell_rules import few
from kpi.query.question import Period
from kpi.table_file import COUNT, UNITS, described
from kpi.targets.target_text import since

MOST_ROWS, MOST_COLUMNS, MOST_CELLS = 100, 31, 2400  # what a browser shows without a pause
Names = Mapping[str, Mapping[str, str]]


class _All(Enum):
    ALL = "all"


ALL: Final = _All.ALL
Place = DimensionValue | Literal[_All.ALL]


def has_total(metric: Metric) -> bool:
    """Whether the KPI has a total over the values of a dimension: percentiles and states at a date have none."""
    return metric.roll_up in {"additive", "ratio", "distinct"}


@dataclass(frozen=True)
class Axis:
    """The values of a dimension in the order to show; ``left_out``: how many more there are. ``cut``: of weeks and
    months that are not whole, the days that there are.
    """

    dimension: str
    values: tuple[DimensionValue, ...]
    left_out: int = 0
    cut: tuple[tuple[DimensionValue, Period], ...] = ()

    def name(self, place: "Place", names: "Names", language: Language) -> str:
        """What a value is called, with the days that there are of one that is cut; ALL is the total."""
        days = None if place is ALL else dict(self.cut).get(place)
        if days is not None:
            return phrase(language, "cut_days", days=days_name(self.dimension, days, language))
        return place_name(self.dimension, place, names, language)


def axis(answer: Answer, most: int, names: Mapping[str, str]) -> Axis:
    """The axis of an answer by one dimension.

    What has an order of its own (time, tiers, closed lists) keeps it, other values come by the n of the
    first KPI. Where there are more than ``most``, those with the greatest n stay; of time, the latest. A value whose
    figures are hidden stands among them.
    """
    (dimension,) = answer.question.by
    declared = DIMENSIONS[dimension]
    size: dict[DimensionValue, float] = {}
    for cell in answer.cells:
        if cell.n or cell.value is not None or cell.reason == "hidden":
            size[cell.key[0]] = max(
                size.get(cell.key[0], 0), (cell.n or 0) if cell.kpi == answer.question.kpis[0] else 0
            )
    if declared.kind in {"date", "number"}:
        ordered = sorted((value for value in size if value is not None), key=lambda value: value)
    elif declared.values is not None:
        place = {value: index for index, value in enumerate(names)}
        ordered = sorted((value for value in size if value is not None), key=lambda v: (place.get(str(v), 999), str(v)))
    else:
        ordered = sorted((value for value in size if value is not None), key=lambda v: (-size[v], str(v)))
    everything = [*ordered, *([None] if None in size else [])]
    if declared.kind == "date":
        kept = set(everything[-most:])
    else:
        kept = set(sorted(everything, key=lambda value: -size[value])[:most])
    shown = tuple(value for value in everything if value in kept)
    cut = {cell.key[0]: cell.days for cell in answer.cells if cell.days is not None}
    return Axis(
        dimension,
        shown,
        len(everything) - len(shown),
        tuple((value, cut[value]) for value in shown if value in cut),
    )


@dataclass(frozen=True)
class Pivot:
    """``whole``: the KPIs without a dimension; ``by_rows``, ``by_cols``: by one of them; ``cells``: by both.

    Without a second dimension ``cols``, ``by_cols`` and ``cells`` are None; without any ``rows`` and ``by_rows`` too.
    """

    whole: Answer
    rows: Axis | None = None
    by_rows: Answer | None = None
    cols: Axis | None = None
    by_cols: Answer | None = None
    cells: Answer | None = None

    @property
    def kpis(self) -> tuple[str, ...]:
        return self.whole.question.kpis

    @property
    def row_places(self) -> list[Place]:
        return [*(self.rows.values if self.rows else ()), ALL]

    @property
    def col_places(self) -> list[Place]:
        return [*(self.cols.values if self.cols else ()), ALL]

    def cell(self, kpi: str, row: Place = ALL, col: Place = ALL) -> Cell | None:
        """One figure; ALL asks for the total. None where there is nothing, or no total."""
        if (
            (row is ALL or (col is ALL and self.cols is not None))
            and self.rows is not None
            and not has_total(METRICS[kpi])
        ):
            return None
        answer, key = (
            (self.whole, ())
            if row is ALL and col is ALL
            else (self.by_rows, (row,))
            if col is ALL
            else (self.by_cols, (col,))
            if row is ALL
            else (self.cells, (row, col))
        )
        try:
            return answer.cell(kpi, *key) if answer is not None else None
        except KeyError:
            return None

    def counted_twice(self, kpi: str) -> int:
        """Of a count of distinct customers: how many stand in several rows or columns."""
        parts = self.cells or self.by_rows
        return parts.counted_twice.get(kpi, 0) if parts is not None else 0


def by_one(whole: Answer, parts: Answer, names: Mapping[str, str], kpis: Sequence[str]) -> Pivot:
    """Those of the KPIs that both answers hold, by the one dimension of ``parts`` with the totals of ``whole``."""
    both = tuple(kpi for kpi in kpis if kpi in whole.question.kpis)
    total = replace(whole, question=replace(whole.question, kpis=both))
    return Pivot(total, axis(parts, MOST_ROWS, names), parts)


def value_name(dimension: str, value: DimensionValue, names: Names, language: Language) -> str:
    """What a value of a dimension is called."""
    if value is None:
        return names.get(dimension, {}).get("", phrase(language, "unknown_value"))
    if isinstance(value, date):
        return f"{value:%Y-%m}" if dimension == "month" else format_date(value, language)
    if dimension == "weekday":
        return weekday(int(value), language)
    if dimension == "hour":
        return f"{int(value):02}:00"
    if dimension == "half_hour":
        return f"{int(value) // 2:02}:{int(value) % 2 * 30:02}"
    return names.get(dimension, {}).get(str(value), str(value))


def days_name(dimension: str, days: Period, language: Language) -> str:
    """The days that there are of a week or month: of a month with the year, which its whole name has too."""
    return format_period(days.start, days.end, language, year=dimension == "month")


def place_name(dimension: str, place: Place, names: Names, language: Language) -> str:
    """As ``value_name``; ALL is the total."""
    return phrase(language, "pivot_all") if place is ALL else value_name(dimension, place, names, language)


def _said(cell: Cell | None, metric: Metric, language: Language) -> dict[str, str | None]:
    """What has to be said of a figure, by the name of its column."""
    return {
        "table_target_since": (since(cell, metric, language) or None) if cell else None,
        "table_doubts": (phrase(language, "say_and").join(caveats_of(cell, language)) or None) if cell else None,
    }


def to_frame(pivot: Pivot, names: Names, language: Language) -> pd.DataFrame:
    """The pivot as it is downloaded: a row a value of the first dimension, then the total; of each KPI and value of
    the second dimension the value with its comparison, change, interval, target and n, and what has to be said of it.
    Figures in full, shares as 0–1; dates are dates.
    """
    told = (
        ("value", "chart_value"),
        ("previous", "chart_compared"),
        ("change", "chart_change"),
        ("low", "table_low"),
        ("high", "table_high"),
        ("target_low", "table_target_low"),
        ("target_high", "table_target_high"),
        ("n", "table_n"),
    )
    rows = []
    formats: dict[str, str] = {}
    small: dict[str, list[int]] = {}
    for number, row in enumerate(pivot.row_places):
        record: dict[str, object] = {}
        if pivot.rows is not None:
            name = row if isinstance(row, date) else pivot.rows.name(row, names, language)
            record[DIMENSIONS[pivot.rows.dimension].name(language)] = name
        for kpi in pivot.kpis:
            for col in pivot.col_places:
                cell = pivot.cell(kpi, row, col)
                head = [METRICS[kpi].name(language)]
                if pivot.cols is not None:
                    whole = isinstance(col, date) and col not in dict(pivot.cols.cut)
                    head.append(str(col) if whole else pivot.cols.name(col, names, language))
                for field, key in told:
                    column = " · ".join([*head, phrase(language, key)])
                    record[column] = getattr(cell, field) if cell else None
                    if field != "change":
                        formats[column] = COUNT if field == "n" else UNITS.get(METRICS[kpi].unit, "")
                    if field == "value" and cell is not None and few(cell):
                        small.setdefault(column, []).append(number)
                for key, text in _said(cell, METRICS[kpi], language).items():
                    record[" · ".join([*head, phrase(language, key)])] = text
        rows.append(record)
    table = pd.DataFrame(rows).dropna(axis="columns", how="all")
    return described(table, pivot.whole.period, formats, small)
