"""A KPI over time with its comparison."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kpi.charts.notes import Note, note_layers
from kpi.charts.slots import Slots, x_domain
from kpi.charts.theme import Style, finish
from kpi.i18n import phrase
from kpi.i18n.numbers import format_count, format_value
from kpi.metrics.model import Metric

HEIGHT = 250


def trend(
    metric: Metric,
    frame: pd.DataFrame,
    slots: Slots,
    style: Style,
    notes: Sequence[Note] = (),
    anchor: tuple[float, str] | None = None,
) -> alt.LayerChart:
    """The KPI as a line with its 95 % interval as a band, the comparison as a thin grey line.

    ``frame``: grain, value, low, high, previous, n. Gaps stay gaps; the last piece is dotted while its slot runs.
    The axis does not start at zero: the figure shows change, its unit stands in the title. ``anchor``: a value to
    measure by, in the KPI's unit, and its name.
    """
    palette, language = style.palette, style.language
    factor = 100.0 if metric.unit == "share" else 1.0
    place = {start: index for index, start in enumerate(slots.starts)}
    rows = []
    for row in frame.sort_values(slots.grain).to_dict("records"):
        start = row[slots.grain]
        figures_of = {
            name: None if pd.isna(row[name]) else row[name] * factor for name in ("value", "low", "high", "previous")
        }
        rows.append(
            {
                "x": place[start] + 0.5,
                **figures_of,
                "when": slots.name(start, language),
                "text": format_value(
                    None if pd.isna(row["value"]) else row["value"], metric.unit, language, compact=False
                ),
                "before": format_value(
                    None if pd.isna(row["previous"]) else row["previous"], metric.unit, language, compact=False
                ),
                "n": "–" if pd.isna(row["n"]) else format_count(row["n"], language, compact=False),
                "cut": slots.last_day(start) >= slots.running,
            }
        )
    data = pd.DataFrame(rows)
    figures = data[["value", "previous"]].to_numpy(dtype=float).ravel()
    figures = figures[~pd.isna(figures)]
    if anchor is not None:
        figures = np.append(figures, anchor[0] * factor)
    low, high = (figures.min(), figures.max()) if len(figures) else (0.0, 1.0)
    room = (high - low) * 0.18 or max(abs(high) * 0.05, 0.5)
    top_limit = 100.0 if metric.unit == "share" else float("inf")
    y_domain = [max(low - room, 0.0) if low >= 0 else low - room, min(high + room, top_limit)]

    x = alt.X("x:Q", scale=x_domain(slots, "52"), axis=slots.axis(language))
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=y_domain, nice=False, clamp=True, zero=False),
        axis=alt.Axis(tickCount=5, format=",.2~f", grid=True),
    )
    base = alt.Chart(data)
    band = base.mark_area(color=palette.tint, opacity=0.26, clip=True).encode(
        x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q")
    )
    compared = base.mark_line(color=palette.compare, strokeWidth=1.4, clip=True).encode(x=x, y=alt.Y("previous:Q"))
    line = alt.Chart(data[~data["cut"]]).mark_line(color=palette.accent, strokeWidth=2.2).encode(x=x, y=y)
    layers: list[alt.Chart] = [band, compared, line]
    if data["cut"].any() and len(data) > 1:
        layers.append(
            alt.Chart(data.tail(2)).mark_line(color=palette.accent, strokeWidth=2.2, strokeDash=[2, 3]).encode(x=x, y=y)
        )
    known = data.dropna(subset=["value"])
    if len(known):
        layers.append(
            alt.Chart(known.tail(1))
            .mark_point(color=palette.accent, size=46, fill=palette.background, strokeWidth=2, opacity=1)
            .encode(x=x, y=y)
        )
    layers.append(
        base.mark_point(size=240, opacity=0, filled=True).encode(
            x=x,
            y=y,
            tooltip=[
                alt.Tooltip("when:N", title=phrase(language, "chart_when")),
                alt.Tooltip("text:N", title=metric.name(language)),
                alt.Tooltip("before:N", title=phrase(language, "chart_compared")),
                alt.Tooltip("n:N", title="n"),
            ],
        )
    )
    layers += note_layers(notes, slots, style)
    named = None
    if anchor is not None:
        named = anchor[0] * factor, anchor[1]
        rule = alt.Chart(pd.DataFrame([{"value": named[0], "x": 0, "x2": len(slots.starts)}])).mark_rule(
            color=palette.ink, strokeDash=[4, 3], strokeWidth=1.2
        )
        layers.insert(0, rule.encode(x=alt.X("x:Q"), x2=alt.X2("x2:Q"), y=alt.Y("value:Q")))
    layers += _labels(data, slots, y_domain, style, named)
    return finish(layers, style, HEIGHT)


def _labels(
    data: pd.DataFrame, slots: Slots, y_domain: list[float], style: Style, anchor: tuple[float, str] | None = None
) -> list[alt.Chart]:
    """The names of the lines (and of the anchor) at their ends, kept a line's height apart."""
    palette, language = style.palette, style.language
    ends: list[dict[str, Any]] = []
    for column, key, colour in (("value", "chart_now", palette.accent), ("previous", "chart_before", palette.mute)):
        known = data.dropna(subset=[column])
        if len(known):
            ends.append({"y": float(known[column].iloc[-1]), "name": phrase(language, key), "colour": colour})
    if anchor is not None:
        ends.append({"y": anchor[0], "name": anchor[1], "colour": palette.ink})
    gap = (y_domain[1] - y_domain[0]) * 16 / HEIGHT
    ends.sort(key=lambda end: end["y"])
    # Two that meet move apart by the same distance; a third is pushed on.
    for lower, upper in pairwise(ends):
        if upper["y"] - lower["y"] < gap:
            middle = (lower["y"] + upper["y"]) / 2
            if lower is ends[0]:
                lower["y"] = middle - gap / 2
            upper["y"] = lower["y"] + gap
    frame = pd.DataFrame([{"x": len(slots.starts), **end} for end in ends])
    if frame.empty:
        return []
    return [
        alt.Chart(frame)
        .mark_text(align="left", dx=6, fontSize=12, fontWeight=600)
        .encode(x=alt.X("x:Q"), y=alt.Y("y:Q"), text=alt.Text("name:N"), color=alt.Color("colour:N", scale=None))
    ]
