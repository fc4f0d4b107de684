"""A KPI of a pivot table as a figure of the kind that is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, cast, get_args

import altair as alt

from kpi.charts.grid import Value, bars, colour_of, grouped, heat
from kpi.charts.lines import trend
from kpi.charts.notes import Note, notes_by_slot
from kpi.charts.series import series
from kpi.charts.slots import Grain, Slots
from kpi.charts.theme import Style
from kpi.i18n import Language, phrase
from kpi.i18n.formats import axis_unit
from kpi.metrics.model import Metric
from kpi.narrative.extremes import MOST_NAMED, ends
from kpi.pivot import ALL, Axis, Names, Pivot
from kpi.query.answer import Cell

ChartKind = Literal["bars", "line", "heat", "grouped"]
MOST_BARS, MOST_LINES = 30, 8  # with a mark of their own, or gathered in one


def picture(
    kind: ChartKind,
    metric: Metric,
    pivot: Pivot,
    names: Names,
    slots: Slots,
    style: Style,
    notes: Sequence[Note] = (),
) -> alt.LayerChart:
    """``line`` needs the grain of ``slots`` as one of the dimensions; ``heat`` and ``grouped`` need two dimensions.
    What of the pivot has a mark of its own is said by ``part_drawn``.
    """
    assert pivot.rows is not None
    assert pivot.by_rows is not None
    whole, rows = pivot.cell(metric.id), _values(pivot.rows, names, slots, notes, style)
    shown = _shown(kind, metric, pivot)
    rest = Value(phrase(style.language, "chart_others", count=shown.others), style.palette.mute)
    if kind == "bars":
        own = [(rows[at], cell) for at in shown.places if (cell := pivot.cell(metric.id, pivot.rows.values[at]))]
        others = [(rest, _others(whole, [cell for _, cell in own]))] if shown.others and whole else []
        return bars(metric, whole, [*own, *others], style)
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
        place = {at: number for number, at in enumerate(shown.places)}
        by_time: dict[tuple[int, date], Cell] = {}
        for (row, col), cell in grid.items():
            start, line = (starts[row], col) if upright else (starts[col], row)
            if isinstance(start, date) and line in place:
                by_time[place[line], start] = cell
        lines = [(cols if upright else rows)[at] for at in shown.places]
        if shown.others:
            for start in (one for one in starts if isinstance(one, date)):
                total = pivot.cell(metric.id, start) if upright else pivot.cell(metric.id, ALL, start)
                if total is not None:
                    parts = [cell for (_, at), cell in by_time.items() if at == start]
                    by_time[len(lines), start] = _others(total, parts)
            lines.append(rest)
        return series(metric, lines, by_time, slots, divisor, style, notes)
    return (
        grouped(metric, rows, cols, grid, style)
        if kind == "grouped"
        else heat(metric, whole, rows, cols, grid, divisor, style)
    )


@dataclass(frozen=True)
class _Shown:
    """Which values of an axis have a mark of their own, by their places; how many others are gathered in one."""

    places: tuple[int, ...]
    others: int


def _shown(kind: ChartKind, metric: Metric, pivot: Pivot) -> _Shown:
    """All where they find room; else those that a sentence names (the highest and the lowest of the rows), the
    greatest, and, where the KPI adds, one for the others.
    """
    axis = _marked(kind, pivot)
    assert axis is not None
    everything, total = tuple(range(len(axis.values))), len(axis.values) + axis.left_out
    most = {"bars": MOST_BARS, "line": MOST_LINES}.get(kind)
    if most is None or (kind == "line" and pivot.cols is None) or (total <= most and not axis.left_out):
        return _Shown(everything, 0)
    gathered = metric.roll_up == "additive"
    room = most - 1 if gathered else most
    ofrows = axis is pivot.rows
    cells = [pivot.cell(metric.id, value) if ofrows else pivot.cell(metric.id, ALL, value) for value in axis.values]
    known = [(at, cell) for at, cell in enumerate(cells) if cell is not None]
    named = [at for end in ends(known) if len(end) <= MOST_NAMED for at in end] if ofrows else []
    by_size = sorted(known, key=lambda one: -((one[1].value if metric.is_count_or_sum else one[1].n) or 0))
    kept = list(dict.fromkeys([*named, *(at for at, _ in by_size)]))[:room]
    return _Shown(tuple(sorted(kept)), total - len(kept) if gathered else 0)


def _marked(kind: ChartKind, pivot: Pivot) -> Axis | None:
    """The axis whose values have bars or lines of their own."""
    if kind == "line" and pivot.cols is not None and pivot.rows is not None and pivot.rows.dimension in get_args(Grain):
        return pivot.cols
    return pivot.rows


def _others(whole: Cell, parts: Sequence[Cell]) -> Cell:
    """What is left of a count or a sum beside some of its parts."""

    def rest(name: str) -> float | None:
        total = getattr(whole, name)
        return None if total is None else total - sum(getattr(part, name) or 0 for part in parts)

    value, previous, n = rest("value"), rest("previous"), rest("n")
    return replace(
        whole,
        value=value,
        numerator=value,
        n=None if n is None else int(n),
        previous=previous,
        change=value - previous if value is not None and previous is not None else None,
        goal=None,
    )


def part_drawn(kind: ChartKind, metric: Metric, pivot: Pivot, language: Language) -> str:
    """What a figure does not show of the pivot, in words; "" where it shows all of it."""
    axis = _marked(kind, pivot)
    if axis is None:
        return ""
    shown, total = _shown(kind, metric, pivot), len(axis.values) + axis.left_out
    numbers = {"shown": len(shown.places), "total": total, "tabled": len(axis.values)}
    if shown.others:
        return phrase(language, "chart_part_others", **numbers)
    if len(shown.places) < total:
        return phrase(language, "chart_part_drawn" if axis.left_out else "chart_part_all", **numbers)
    across = pivot.cols
    if kind in {"heat", "grouped"} and across is not None and across.left_out:
        numbers = {"shown": len(across.values), "total": len(across.values) + across.left_out}
        return phrase(language, "chart_part_drawn", **numbers, tabled=numbers["shown"])
    return ""


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
        happened = notes_by_slot(notes, replace(slots, grain=cast(Grain, axis.dimension)))
    return [
        Value(
            axis.name(value, names, style.language),
            colour_of(axis.dimension, value, style.palette),
            tuple(happened.get(value, ())) if isinstance(value, date) else (),
        )
        for value in axis.values
    ]
