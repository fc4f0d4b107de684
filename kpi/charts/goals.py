"""The target of a figure: in a chart of bars or dots a dashed tick across its row, in a map a corner of its cell."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from kpi.charts.theme import Style
from kpi.i18n import phrase
from kpi.metrics.model import Metric
from kpi.query.answer import Cell
from kpi.targets.target_text import band_text, named, since, verdict

_UPRIGHT, _LYING = "M0,-1L0,1", "M-1,0L1,0"
_CORNER = "M-1,-1L1,-1L1,1Z"
_LENGTH, _THIN = 24, 13  # pixels: of a tick, of one across a bar of a group
_ABOVE = -1  # pixels: where the name of a target stands


def limits(cell: Cell) -> list[float]:
    """The limits of a figure's target, in the KPI's unit."""
    return [end for end in (cell.target_low, cell.target_high) if end is not None]


def target_ticks(
    rows: Sequence[tuple[Any, Cell]],
    field: str,
    order: Sequence[Any] | None,
    metric: Metric,
    factor: float,
    style: Style,
    foot: int | None = None,
) -> list[alt.Chart]:
    """A dashed tick at each limit, and above the figure the name of the first row's target.

    ``rows``: value of ``field`` (the row's encoding, such as ``name:N``) and figure; ``factor``: from the KPI's unit to
    that of the axis; ``foot``: the figure's height, where the name stands below it. Nothing where no figure has a
    target.
    """
    name = field.partition(":")[0]
    found = [{name: row, "goal": end * factor} for row, cell in rows for end in limits(cell)]
    if not found:
        return []
    y = alt.Y(field) if order is None else alt.Y(field, sort=list(order))
    first = next(cell for _, cell in rows if cell.goal is not None)
    return [
        _ticks(found, _UPRIGHT, style).encode(x=alt.X("goal:Q"), y=y),
        _name(found[0]["goal"], first, metric, style, foot),
    ]


def grouped_ticks(
    bars: Sequence[tuple[dict[str, Any], Cell]], y: alt.Y, offset: alt.YOffset, metric: Metric, style: Style
) -> list[alt.Chart]:
    """As ``target_ticks``, for bars in groups. ``bars``: the fields that place it, and figure."""
    found = [row | {"goal": end} for row, cell in bars for end in limits(cell)]
    if not found:
        return []
    first = next(cell for _, cell in bars if cell.goal is not None)
    return [
        _ticks(found, _UPRIGHT, style, _THIN).encode(x=alt.X("goal:Q"), y=y, yOffset=offset),
        _name(found[0]["goal"], first, metric, style),
    ]


def _name(goal: float, cell: Cell, metric: Metric, style: Style, foot: int | None = None) -> alt.Chart:
    """The name of a target over its tick, or below a figure of ``foot`` pixels."""
    words = pd.DataFrame([{"goal": goal, "words": named(cell, metric, style.language)}])
    text = alt.Chart(words).mark_text(
        baseline="bottom" if foot is None else "top", color=style.palette.ink, fontSize=11
    )
    at = _ABOVE if foot is None else foot - _ABOVE
    return text.encode(x=alt.X("goal:Q"), y=alt.value(at), text=alt.Text("words:N"))


def lying_ticks(found: Sequence[dict[str, Any]], length: float, style: Style) -> alt.Chart:
    """As ``target_ticks``, across upright bars; not placed yet."""
    return _ticks(found, _LYING, style, length)


def _ticks(found: Sequence[dict[str, Any]], shape: str, style: Style, length: float = _LENGTH) -> alt.Chart:
    return alt.Chart(pd.DataFrame(found)).mark_point(
        shape=shape,
        size=length**2,
        stroke=style.palette.ink,
        strokeWidth=1.5,
        strokeDash=[3, 2],
        opacity=1,
        fillOpacity=0,
    )


def behind(texts: alt.Chart, style: Style) -> alt.Chart:
    """What keeps a figure that stands on a tick readable: the same texts as an edge of the ground's colour."""
    edge = texts.copy()
    edge.mark = alt.MarkDef(**{**texts.mark.to_dict(), "stroke": style.palette.background, "strokeWidth": 4})
    return edge


def missed_corners(frame: pd.DataFrame, x: alt.X, y: alt.Y, style: Style) -> list[alt.Chart]:
    """A corner in each cell of a map that misses its target, named once below. ``frame``: has the column ``missed``;
    ``x``, ``y``: where the cells stand. Nothing where none is missed.
    """
    found = frame[frame["missed"]]
    if found.empty:
        return []
    word = phrase(style.language, "goal_corner")
    shape = alt.Shape(
        "word:N",
        scale=alt.Scale(domain=[word], range=[_CORNER]),
        legend=alt.Legend(
            orient="bottom",
            title=None,
            labelColor=style.palette.ink2,
            symbolFillColor=style.palette.worse,
            symbolStrokeWidth=0,
            symbolSize=24,
            offset=4,
        ),
    )
    corners = alt.Chart(found.assign(word=word)).mark_point(
        filled=True, color=style.palette.worse, size=26, opacity=1, xOffset=-3, yOffset=3
    )
    return [corners.encode(x=x.bandPosition(1), y=y.bandPosition(0), shape=shape)]


def target_tip(cell: Cell, metric: Metric, style: Style) -> str:
    """The target of a figure, whether it is met, and since when it is another one than before."""
    if cell.goal is None:
        return "–"
    told = " ".join(filter(None, [band_text(cell.goal, metric, style.language), verdict(cell, style.language)]))
    return " · ".join(filter(None, [told, since(cell, metric, style.language)]))


def row_tip(row: Mapping[Any, Any], metric: Metric, style: Style) -> str:
    """As ``target_tip``, of a row of ``Answer.frame``."""
    return target_tip(row["cell"], metric, style) if "cell" in row else "–"


def target_tips(cells: Iterable[Cell], style: Style) -> list[alt.Tooltip]:
    """The line of a tip that ``target_tip`` fills (field ``target``), where any of the figures has a target."""
    held = any(cell.goal is not None for cell in cells)
    return [alt.Tooltip("target:N", title=phrase(style.language, "define_target"))] if held else []
