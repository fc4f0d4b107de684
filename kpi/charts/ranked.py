"""Ranked lists: what is highest, and how it moved."""

from collections.abc import Mapping, Sequence
from typing import Literal

import altair as alt
import pandas as pd

from kpi.charts.goals import behind, limits, target_ticks, target_tip, target_tips
from kpi.charts.theme import Style, edge, finish
from kpi.charts.tones import change_text, changes_at_right, comparison_ticks, fill_colour, text_colour
from kpi.i18n import phrase
from kpi.i18n.formats import format_count, format_value
from kpi.metrics.model import Metric
from kpi.query.answer import Cell
from kpi.query.cell_rules import few

HEIGHT = 280
By = Literal["value", "numerator"]


def top(cells: Sequence[Cell], by: By, most: int) -> list[Cell]:
    """The cells with a known key that rank highest; by the value of a rate or a mean only those with n ≥ 30."""
    named = [
        cell
        for cell in cells
        if cell.key[0] is not None and getattr(cell, by) and cell.n and not (by == "value" and few(cell))
    ]
    return sorted(named, key=lambda cell: (-(getattr(cell, by) or 0), str(cell.key[0])))[:most]


def ranked(
    metric: Metric,
    cells: Sequence[Cell],
    names: Mapping[str, str],
    style: Style,
    by: By = "value",
    height: int = HEIGHT,
) -> alt.LayerChart:
    """Bars of ``cells`` in their order, keyed by one dimension; the comparison's value as a tick, the target as a
    dashed one.

    By ``value``: the KPI beside the bar, its change and the numerator's count in columns at the right. By
    ``numerator``: the bar shows the count, the KPI stands behind it, and its target in the tip. What
    moved beyond chance is coloured.
    """
    palette, language = style.palette, style.language
    rates = by == "value" and metric.unit == "share"
    rows = []
    for cell in cells:
        key = "" if cell.key[0] is None else str(cell.key[0])
        value = format_value(cell.value, metric.unit, language)
        count = "–" if cell.numerator is None else format_count(cell.numerator, language)
        rows.append(
            {
                "name": names.get(key, key),
                "bar": getattr(cell, by) or 0,
                "end": max(getattr(cell, by) or 0, (cell.previous or 0) if by == "value" else 0),
                "previous": cell.previous if by == "value" else None,
                "text": value if by == "value" else f"{count} · {value}",
                "change": change_text(cell, metric, style),
                "tone": text_colour(cell, metric, style),
                "fill": fill_colour(cell, metric, style),
                "count": count if rates else "",
                "full": format_value(cell.value, metric.unit, language, compact=False),
                "n": "–" if cell.n is None else format_count(cell.n, language, compact=False),
                "target": target_tip(cell, metric, style),
            }
        )
    held = [end for cell in cells for end in limits(cell)] if by == "value" else []
    longest = max([*(float(str(row["end"])) for row in rows), *held], default=0.0)
    room = (150 if rates else 110) if by == "value" else 134
    y = alt.Y(
        "name:N",
        sort=[str(row["name"]) for row in rows],
        scale=alt.Scale(paddingInner=0.25, paddingOuter=0.05),
        axis=alt.Axis(
            labelColor=palette.ink2,
            labelFontSize=12,
            labelLimit=alt.ExprRef("containerSize()[0] < 420 ? 112 : 165"),
            labelPadding=8,
            grid=False,
        ),
    )
    x = alt.X(
        "bar:Q",
        scale=alt.Scale(
            domainMin=0, domainMax=alt.ExprRef(f"{longest or 1} * width / max(50, width - {room})"), nice=False
        ),
        axis=None,
    )
    base = alt.Chart(pd.DataFrame(rows))
    bars = base.mark_bar(height=alt.RelativeBandSize(0.8), cornerRadiusEnd=2, **edge(style)).encode(
        x=x,
        y=y,
        color=alt.Color("fill:N", scale=None),
        tooltip=[
            alt.Tooltip("name:N", title=phrase(language, "chart_group")),
            alt.Tooltip("full:N", title=metric.name(language)),
            alt.Tooltip("change:N", title=phrase(language, "chart_change")),
            *target_tips(cells, style),
            alt.Tooltip("count:N", title=phrase(language, "table_numerator")),
            alt.Tooltip("n:N", title="n"),
        ],
    )
    ticks = comparison_ticks(base, y, height / max(1, len(rows)) * 0.66, style)
    values = base.mark_text(align="left", dx=6, fontWeight=600, color=palette.ink, fontSize=12).encode(
        x=alt.X("end:Q"), y=y, text=alt.Text("text:N")
    )
    changes = changes_at_right(base, y, x="width - 46" if rates else "width")
    layers = [bars, values]
    if held:
        named = [(row["name"], cell) for row, cell in zip(rows, cells, strict=True)]
        goals = target_ticks(named, "name:N", [row["name"] for row in rows], metric, 1.0, style)
        layers = [bars, *goals, behind(values, style), values]
    if any(cell.previous is not None for cell in cells):
        layers += [ticks, changes] if by == "value" else [changes]
    if rates:
        layers.append(
            base.mark_text(align="right", fontSize=11.5, color=palette.mute, x=alt.ExprRef("width")).encode(
                y=y, text=alt.Text("count:N")
            )
        )
    return finish(layers, style, height)
