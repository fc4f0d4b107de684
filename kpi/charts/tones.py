"""How a change is shown: beside a bar without its unit, in a map as an arrow, in a tip with what it is a change from;
coloured when it is better or worse beyond chance.
"""

from collections.abc import Iterable
from typing import Any

import altair as alt
import pandas as pd

from kpi.charts.theme import Style
from kpi.i18n import phrase
from kpi.i18n.formats import format_change, format_value, shown_sign
from kpi.metrics.model import Metric
from kpi.narrative.change_tone import goodness
from kpi.query.answer import Cell
from kpi.query.cell_rules import few

_PHONE = "width < 300"


def change_text(cell: Cell, metric: Metric, style: Style) -> str:
    """The change with its sign; of a share, or of points, without that word, which the title says."""
    text = format_change(cell, metric.unit, style.language)
    for key in ("unit_points_changed", "unit_points_changed_nps"):
        text = text.removesuffix(phrase(style.language, key, value=""))
    return text


def text_colour(cell: Cell, metric: Metric, style: Style) -> str:
    """The colour of a change as text."""
    palette = style.palette
    return {1: palette.better, -1: palette.worse}.get(goodness(cell, metric), palette.mute)


def fill_colour(cell: Cell, metric: Metric, style: Style) -> str:
    """The colour of a bar whose value changed so; grey too where nobody can tell the change from chance, as of sums: a
    colour that every bar has says nothing.
    """
    palette = style.palette
    if cell.change_low is None:
        return palette.border
    return {1: palette.better_fill, -1: palette.worse_fill}.get(goodness(cell, metric), palette.border)


def compared_fields(cell: Cell | None, metric: Metric, style: Style) -> dict[str, str | int]:
    """What ``compared_tips`` and ``moved_arrows`` show of a figure. ``moved``: 1 up, −1 down, 0 where the change is
    within chance, neither good nor bad, or stands on few.
    """
    if cell is None:
        return {"compared": "–", "change": "–", "moved": 0, "tone": style.palette.mute}
    return {
        "compared": format_value(cell.previous, metric.unit, style.language, compact=False),
        "change": format_change(cell, metric.unit, style.language),
        "moved": shown_sign(cell, metric.unit) if goodness(cell, metric) and not few(cell) else 0,
        "tone": text_colour(cell, metric, style),
    }


def compared_tips(cells: Iterable[Cell], style: Style) -> list[alt.Tooltip]:
    """The lines of a tip with the comparison and the change, where any of the figures has one."""
    if all(cell.previous is None for cell in cells):
        return []
    return [
        alt.Tooltip("compared:N", title=phrase(style.language, "chart_compared")),
        alt.Tooltip("change:N", title=phrase(style.language, "chart_change")),
    ]


def comparison_ticks(base: alt.Chart, y: alt.Y, size: float, style: Style) -> alt.Chart:
    """A tick across each bar, or behind it, at what it was in the period compared with (``previous``, on the scale of
    the bars); ``size``: its length in pixels.
    """
    return (
        base.transform_filter("isValid(datum.previous)")
        .mark_tick(color=style.palette.ink, thickness=1.2, size=size, opacity=0.6)
        .encode(x=alt.X("previous:Q"), y=y)
    )


def changes_at_right(base: alt.Chart, y: alt.Y, field: str = "change", x: str = "width") -> alt.Chart:
    """The change of each row, in its ``tone``, as a column that ends at ``x``."""
    # The colour is a mark's property: the bars have the scale of colours to themselves.
    return base.mark_text(align="right", fontSize=11.5, x=alt.ExprRef(x), color=alt.ExprRef("datum.tone")).encode(
        y=y, text=alt.Text(f"{field}:N")
    )


def moved_arrows(frame: pd.DataFrame, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """An arrow in the lower corner of each cell of a map that became better or worse; ``x``, ``y``: where the cells
    stand. Nothing where none did.
    """
    # The colour is a mark's property: the cells have the scale of colours to themselves.
    aside = [alt.ExprRef(f"{_PHONE} ? {near} : {usual}") for near, usual in ((2, 5), (-2, -5))]
    arrows: dict[str, Any] = {"filled": True, "opacity": 1, "xOffset": aside[0], "yOffset": aside[1]}
    arrows["size"] = alt.ExprRef(f"{_PHONE} ? 9 : 30")  # clear of the figures of narrow cells
    arrows["color"] = alt.ExprRef("datum.tone")
    return [
        alt.Chart(frame[frame["moved"] == sign])
        .mark_point(shape=shape, **arrows)
        .encode(x=x.bandPosition(0), y=y.bandPosition(1))
        for sign, shape in ((1, "triangle-up"), (-1, "triangle-down"))
        if (frame["moved"] == sign).any()
    ]
