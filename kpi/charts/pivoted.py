"""A KPI of a pivot table as a figure of the kind that is asked for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Literal, cast, get_args

import altair as alt

from kpi.charts.grid import Value, bars, colour_of, grouped, heat
from kpi.charts.lines import trend
from kpi.charts.notes import Note, begun
from kpi.charts.series import series
from kpi.charts.slots import Grain, Slots
from kpi.charts.theme import Style
from kpi.i18n import Language
from kpi.i18n.numbers import axis_unit
from kpi.metrics.model import Metric
from kpi.pivot import Axis, Names, Pivot, value_name
from kpi.query.answer import Cell

ChartKind = Literal["bars", "line", "heat", "grouped"]


def picture(
    kind: ChartKind,
    metric: Metric,
    pivot: Pivot,
    names: Names,
    slots: Slots,
    style: Style,
    notes: Sequence[Note] = (),
) -> alt.LayerChart:
    """``line`` needs the grain of ``slots`` as one of the dimensions; ``heat`` and ``grouped`` need two dimensions."""
    assert pivot.rows is not None
    assert pivot.by_rows is not None
    whole, rows = pivot.cell(metric.id), _values(pivot.rows, names, slots, notes, style)
    if kind == "bars":
        pairs = zip(rows, pivot.rows.values, strict=True)
        found = [(value, cell) for value, key in pairs if (cell := pivot.cell(metric.id, key)) is not None]
        return bars(metric, whole, found, style)
    if pivot.cols is None:
        return trend(metric, pivot.by_rows.frame(metric.id), slots, style, notes)
    cols = _values(pivot.cols, names, slots, notes, style)
    grid: dict[tuple[int, int], Cell] = {
        (row, col): cell
        for row, row_key in enumerate(pivot.rows.values)
        for col, col_key in enumerate(pivot.cols.values)
        if (cell := pivot.cell(metric.id, row_key, col_key)) is not None
    }
    divisor, _ = scale_of(metric, pivot, style.language)
    if kind == "line":
        upright = pivot.rows.dimension == slots.grain  # the time goes down the rows
        starts = (pivot.rows if upright else pivot.cols).values
        by_time: dict[tuple[int, date], Cell] = {}
        for (row, col), cell in grid.items():
            start, line = (starts[row], col) if upright else (starts[col], row)
            if isinstance(start, date):
                by_time[line, start] = cell
        return series(metric, cols if upright else rows, by_time, slots, divisor, style, notes)
    return (
        grouped(metric, rows, cols, grid, style)
        if kind == "grouped"
        else heat(metric, whole, rows, cols, grid, divisor, style)
    )


def scale_of(metric: Metric, pivot: Pivot, language: Language) -> tuple[float, str]:
    """Divisor and letter (万, K) that the bare figures of ``line`` and ``heat`` by two dimensions are written in."""
    if metric.unit not in {"count", "customers", "yuan"} or pivot.cells is None:
        return 1.0, ""
    found = (cell.value for cell in pivot.cells.cells if cell.kpi == metric.id and None not in cell.key)
    return axis_unit(max((value for value in found if value is not None), default=0.0), language)


def _values(axis: Axis, names: Names, slots: Slots, notes: Sequence[Note], style: Style) -> list[Value]:
    """The values of an axis; those of a time with what began then."""
    happened = {}
    if axis.dimension in get_args(Grain):
        happened = begun(notes, replace(slots, grain=cast(Grain, axis.dimension)))
    return [
        Value(
            value_name(axis.dimension, value, names, style.language),
            colour_of(axis.dimension, value, style.palette),
            tuple(happened.get(value, ())) if isinstance(value, date) else (),
        )
        for value in axis.values
    ]
