"""A KPI over time with its comparison."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kpi.charts.goals import row_tip
from kpi.charts.notes import NOTES_ROOM, Note, note_layers
from kpi.charts.slots import Slots, x_domain
from kpi.charts.theme import Style, axis_format, finish
from kpi.i18n import phrase
from kpi.i18n.formats import format_count, format_limit, format_value
from kpi.metrics.model import Metric
from kpi.narrative.usual_range import usual_of, usual_text

HEIGHT = 250
POINTS = "points"  # the layer, unseen, of a line's points with their tips
_AXIS = 24  # pixels of the horizontal axis
_LIMITS = ("target_low", "target_high")


def trend(
    metric: Metric,
    frame: pd.DataFrame,
    slots: Slots,
    style: Style,
    notes: Sequence[Note] = (),
    anchor: tuple[float, str] | None = None,
) -> alt.LayerChart:
    """The KPI as a line with its 95 % interval as a band, the comparison as a thin grey line.

    ``frame``: grain, value, low, high, previous, n; numerator, denominator and provisional where it can be told what
    is usual; target_low, target_high and cell where there are targets. Gaps stay gaps; the piece to a slot that runs
    or is cut by the period is dotted; a slot outside the usual range has a diamond. The axis does not start at zero:
    the figure shows change, its unit stands in the title. The target is a dashed rule with its name, a step where it
    changes.
    ``anchor``: a value to measure by, in the KPI's unit, and its name.
    """
    palette, language = style.palette, style.language
    factor = 100.0 if metric.unit == "share" else 1.0
    place = {start: index for index, start in enumerate(slots.starts)}
    rows = []
    frame = frame.sort_values(slots.grain)
    records = frame.to_dict("records")
    ranges = usual_of(
        metric, [(row.get("numerator"), row.get("denominator"), row.get("provisional", False)) for row in records]
    )
    for row, usual in zip(records, ranges, strict=True):
        start = row[slots.grain]
        figures_of = {
            name: None if pd.isna(row[name]) else row[name] * factor for name in ("value", "low", "high", "previous")
        }
        rows.append(
            {
                "x": place[start] + 0.5,
                **figures_of,
                "when": slots.name(start, language),
                "at": f"{start:%Y-%m-%d}",
                "text": format_value(
                    None if pd.isna(row["value"]) else row["value"], metric.unit, language, compact=False
                ),
                "before": format_value(
                    None if pd.isna(row["previous"]) else row["previous"], metric.unit, language, compact=False
                ),
                "n": "–" if pd.isna(row["n"]) else format_count(row["n"], language, compact=False),
                "cut": slots.partial(start),
                "target": row_tip(row, metric, style),
                "usual": usual_text(usual, metric, style.language),
                "outside": usual is not None and usual.outside,
            }
        )
    data = pd.DataFrame(rows)
    figures = data[["value", "previous"]].to_numpy(dtype=float).ravel()
    figures = figures[~pd.isna(figures)]
    targets = target_pieces(frame, slots, factor)
    figures = np.append(figures, targets["y"].to_numpy(dtype=float))
    if anchor is not None:
        figures = np.append(figures, anchor[0] * factor)
    low, high = (figures.min(), figures.max()) if len(figures) else (0.0, 1.0)
    room = (high - low) * 0.18 or max(abs(high) * 0.05, 0.5)
    top_limit = 100.0 if metric.unit == "share" else float("inf")
    y_domain = [max(low - room, 0.0) if low >= 0 else low - room, min(high + room, top_limit)]

    x = alt.X("x:Q", scale=x_domain(slots, "82" if len(targets) else "52"), axis=slots.axis(language))
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=y_domain, nice=False, clamp=True, zero=False),
        axis=alt.Axis(tickCount=5, format=axis_format(*y_domain), grid=True),
    )
    base = alt.Chart(data)
    band = base.mark_area(color=palette.tint, opacity=0.26, clip=True).encode(
        x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q")
    )
    compared = base.mark_line(color=palette.compare, strokeWidth=1.4, clip=True).encode(x=x, y=alt.Y("previous:Q"))
    line = alt.Chart(data[~data["cut"]]).mark_line(color=palette.accent, strokeWidth=2.2).encode(x=x, y=y)
    layers: list[alt.Chart] = [band, compared, line]
    for end, piece in ((0, data.head(2)), (-1, data.tail(2))):
        if len(data) > 1 and data["cut"].iloc[end]:
            dotted = alt.Chart(piece).mark_line(color=palette.accent, strokeWidth=2.2, strokeDash=[2, 3])
            layers.append(dotted.encode(x=x, y=y))
    known = data.dropna(subset=["value"])
    if len(known):
        layers.append(
            alt.Chart(known.tail(1))
            .mark_point(color=palette.accent, size=46, fill=palette.background, strokeWidth=2, opacity=1)
            .encode(x=x, y=y)
        )
    layers += _outside(data, x, y, style)
    layers.append(
        base.mark_point(size=240, opacity=0, filled=True)
        .properties(name=POINTS)
        .encode(
            x=x,
            y=y,
            tooltip=[
                alt.Tooltip("when:N", title=phrase(language, "chart_when")),
                alt.Tooltip("text:N", title=metric.name(language)),
                alt.Tooltip("before:N", title=phrase(language, "chart_compared")),
                *([alt.Tooltip("target:N", title=phrase(language, "define_target"))] if len(targets) else []),
                *([alt.Tooltip("usual:N", title=phrase(language, "chart_usual"))] if any(ranges) else []),
                alt.Tooltip("n:N", title="n"),
            ],
        )
    )
    noted = note_layers(notes, slots, style)
    layers += noted
    named = target_ends(targets, len(slots.starts), metric, factor, style)
    if len(targets):
        layers.insert(0, rule_of(targets, style))
    if anchor is not None:
        named.append((anchor[0] * factor, anchor[1]))
        rule = alt.Chart(pd.DataFrame([{"value": anchor[0] * factor, "x": 0, "x2": len(slots.starts)}])).mark_rule(
            color=palette.ink, strokeDash=[4, 3], strokeWidth=1.2
        )
        layers.insert(0, rule.encode(x=alt.X("x:Q"), x2=alt.X2("x2:Q"), y=alt.Y("value:Q")))
    layers += _labels(data, slots, y_domain, style, named, HEIGHT - _AXIS - (NOTES_ROOM if noted else 0))
    return finish(layers, style, HEIGHT)


def _outside(data: pd.DataFrame, x: alt.X, y: alt.Y, style: Style) -> list[alt.Chart]:
    """A diamond about each slot outside the usual range, and below the figure what it means."""
    found = data[data["outside"]]
    if found.empty:
        return []
    meaning = phrase(style.language, "chart_outside")
    marks = alt.Chart(found.assign(meaning=meaning)).mark_point(
        size=130, color=style.palette.ink, strokeWidth=1.6, filled=False, opacity=1
    )
    shape = alt.Shape(
        "meaning:N",
        scale=alt.Scale(domain=[meaning], range=["diamond"]),
        legend=alt.Legend(orient="bottom", title=None, labelColor=style.palette.ink2, symbolSize=70, offset=4),
    )
    return [marks.encode(x=x, y=y, shape=shape)]


def rule_of(steps: pd.DataFrame, style: Style) -> alt.Chart:
    """A target as a dashed rule. ``steps``: x, x2, y on the figure's own scales."""
    rule = alt.Chart(steps).mark_rule(color=style.palette.ink, strokeDash=[4, 3], strokeWidth=1.2, clip=True)
    return rule.encode(x=alt.X("x:Q"), x2=alt.X2("x2:Q"), y=alt.Y("y:Q"))


def target_pieces(frame: pd.DataFrame, slots: Slots, factor: float) -> pd.DataFrame:
    """The limits in force as pieces from slot to slot, as long as they stay the same: x, x2, y, column."""
    place = {start: index for index, start in enumerate(slots.starts)}
    pieces: list[dict[str, Any]] = []
    for column in (one for one in _LIMITS if one in frame):
        for start, value in zip(frame[slots.grain], frame[column], strict=True):
            if pd.isna(value):
                continue
            at, last = place[start], pieces[-1] if pieces else None
            if last is not None and (last["column"], last["x2"], last["y"]) == (column, at, value * factor):
                last["x2"] = at + 1
            else:
                pieces.append({"x": at, "x2": at + 1, "y": value * factor, "column": column})
    return pd.DataFrame(pieces, columns=["x", "x2", "y", "column"])


def target_ends(
    targets: pd.DataFrame, slots: int, metric: Metric, factor: float, style: Style
) -> list[tuple[float, str]]:
    """Height and name of the limits that are in force at the end of the axis."""
    ends = targets.loc[targets["x2"] == slots, "y"]
    return [
        (end, phrase(style.language, "goal", band=format_limit(end / factor, metric.unit, style.language)))
        for end in ends
    ]


def _apart(heights: Sequence[float], gap: float) -> list[float]:
    """The heights, in ascending order, at least ``gap`` apart: those that would meet stand around their mean."""
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while len(groups) > 1:
            lower, upper = (sum(group) / len(group) for group in groups[-2:])
            if upper - lower >= gap * (len(groups[-2]) + len(groups[-1])) / 2:
                break
            groups[-2:] = [groups[-2] + groups[-1]]
    placed = []
    for group in groups:
        bottom = sum(group) / len(group) - gap * (len(group) - 1) / 2
        placed += [bottom + gap * at for at in range(len(group))]
    return placed


def _within(heights: Sequence[float], domain: Sequence[float], gap: float) -> list[float]:
    """Ascending heights that lie ``gap`` apart, pushed into an axis that would clamp what is beyond its ends."""
    placed, top = [*heights], domain[1]
    for at in reversed(range(len(placed))):
        placed[at] = top = min(placed[at], top)
        top -= gap
    bottom = domain[0]
    for at, height in enumerate(placed):
        placed[at] = bottom = max(height, bottom)
        bottom += gap
    return placed


def spread(heights: Sequence[float], domain: Sequence[float], gap: float) -> list[float]:
    """Where names stand whose ``heights`` ascend: ``gap`` apart, within the ``domain`` of the axis."""
    return _within(_apart(heights, gap), domain, gap)


def _labels(
    data: pd.DataFrame,
    slots: Slots,
    y_domain: list[float],
    style: Style,
    named: Sequence[tuple[float, str]],
    height: float,
) -> list[alt.Chart]:
    """The names of the lines (and ``named`` heights) at their ends, a line apart on an axis of ``height`` pixels."""
    palette, language = style.palette, style.language
    ends: list[dict[str, Any]] = []
    for column, key, colour in (("value", "chart_now", palette.accent), ("previous", "chart_before", palette.mute)):
        known = data.dropna(subset=[column])
        if len(known):
            ends.append({"y": float(known[column].iloc[-1]), "name": phrase(language, key), "colour": colour})
    ends += [{"y": height, "name": name, "colour": palette.ink} for height, name in named]
    gap = (y_domain[1] - y_domain[0]) * 15 / height
    ends.sort(key=lambda end: end["y"])
    for end, place in zip(ends, spread([end["y"] for end in ends], y_domain, gap), strict=True):
        end["y"] = place
    frame = pd.DataFrame([{"x": len(slots.starts), **end} for end in ends])
    if frame.empty:
        return []
    return [
        alt.Chart(frame)
        .mark_text(align="left", dx=6, fontSize=12, fontWeight=600)
        .encode(x=alt.X("x:Q"), y=alt.Y("y:Q"), text=alt.Text("name:N"), color=alt.Color("colour:N", scale=None))
    ]
