"""The long tail: how far it was covered, how often its members came, what they bring served and not served."""

import math
from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from kpi.charts.goals import row_tip, target_tip, target_tips
from kpi.charts.lines import rule_of
from kpi.charts.notes import Note, note_layers
from kpi.charts.slots import Slots, x_domain
from kpi.charts.theme import Style, edge, finish, looked_up
from kpi.charts.tones import change_text, compared_fields, compared_tips, comparison_ticks
from kpi.i18n import phrase
from kpi.i18n.formats import axis_unit, format_count, format_date, format_limit, format_percent, format_value
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS
from kpi.query.answer import Cell
from kpi.query.cell_rules import few

_UPPER, _GAP, _LOWER = 186, 40, 96  # pixels: the course of the coverage, room between, the bars of the days
HEIGHT = _UPPER + _GAP + _LOWER
_REACH = ("0", "1", "2-3", "4-9", "10+")
_SMALL = 30
_LINE = 18  # pixels between two labels


def coverage(
    through: pd.DataFrame, daily: pd.DataFrame, average: Cell, slots: Slots, style: Style, notes: Sequence[Note] = ()
) -> alt.LayerChart:
    """Above, the coverage up to each day as a line from zero; below, on the same days, the tail customers served a
    day as bars. The comparison is a thin grey line in both.

    ``through``: through, value, previous (shares), target_low and cell where there is a target: a dashed rule with its
    name.
    ``daily``: grain, value, previous (customers a day). ``average``: the mean over the days, told beside the bars. Both
    halves stand on one number line of pixels, each from its own zero, so that the days lie exactly above each other.
    """
    palette, language = style.palette, style.language
    place = {start: index for index, start in enumerate(slots.starts)}
    top = max([_highest(through), *through.get("target_low", pd.Series(dtype=float)).dropna()]) * 100
    most = _highest(daily)
    divisor, letter = axis_unit(most, language)
    upper_ticks, lower_ticks = ticks(top), ticks(most / divisor)
    rise = _UPPER / max(top * 1.08, upper_ticks[-1])
    height = _LOWER / max(most / divisor * 1.05, lower_ticks[-1])
    labels = {tick * height: f"{tick:,g}{letter if tick else ''}" for tick in lower_ticks} | {
        _LOWER + _GAP + tick * rise: f"{tick:g}%" for tick in upper_ticks
    }

    course = []
    for row in through.to_dict("records"):
        start = max(start for start in slots.starts if start <= row["through"])
        length = (slots.last_day(start) - start).days + 1
        course.append(
            {
                "x": place[start] + ((row["through"] - start).days + 0.5) / length,
                "y": _raised(row["value"], rise),
                "before": _raised(row["previous"], rise),
                "foot": _LOWER + _GAP,
                "when": phrase(language, "tail_until", day=format_date(row["through"], language)),
                "text": format_value(_number(row["value"]), "share", language),
                "compared": format_value(_number(row["previous"]), "share", language),
                "target": row_tip(row, METRICS["long_tail_coverage"], style),
            }
        )
    bars = [
        {
            "x": place[row[slots.grain]] + 0.12,
            "x2": place[row[slots.grain]] + 0.88,
            "middle": place[row[slots.grain]] + 0.5,
            "y": 0.0,
            "y2": (_number(row["value"]) or 0.0) / divisor * height,
            "before": None if _number(row["previous"]) is None else row["previous"] / divisor * height,
            "opacity": 0.4 if slots.partial(row[slots.grain]) else 1.0,
            "when": slots.name(row[slots.grain], language),
            "text": format_value(_number(row["value"]), "customers", language, compact=False),
            "compared": format_value(_number(row["previous"]), "customers", language, compact=False),
        }
        for row in daily.sort_values(slots.grain).to_dict("records")
    ]
    x = alt.X("x:Q", scale=x_domain(slots, "width < 420 ? 58 : 96"), axis=slots.axis(language))
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=[0, HEIGHT], nice=False),
        axis=alt.Axis(
            values=list(labels),
            labelExpr=looked_up({round(at): text for at, text in labels.items()}, "round(datum.value)"),
            grid=True,
        ),
    )
    tips = [
        alt.Tooltip("when:N", title=phrase(language, "chart_when")),
        alt.Tooltip("text:N", title=phrase(language, "chart_value")),
        alt.Tooltip("compared:N", title=phrase(language, "chart_compared")),
    ]
    goal = _target(through, rise, len(slots.starts), style)
    held = [alt.Tooltip("target:N", title=phrase(language, "define_target"))] if goal else []
    line, days = alt.Chart(pd.DataFrame(course)), alt.Chart(pd.DataFrame(bars))
    layers: list[alt.Chart] = [
        line.mark_area(color=palette.tint, opacity=0.3).encode(x=x, y=y, y2=alt.Y2("foot:Q")),
        line.mark_line(color=palette.compare, strokeWidth=1.4).encode(x=x, y=alt.Y("before:Q")),
        line.mark_line(color=palette.accent, strokeWidth=2.2).encode(x=x, y=y, tooltip=[*tips, *held]),
        days.mark_rect(color=palette.tint, **edge(style)).encode(
            x=x, x2=alt.X2("x2:Q"), y=y, y2=alt.Y2("y2:Q"), opacity=alt.Opacity("opacity:Q", scale=None), tooltip=tips
        ),
        days.mark_line(color=palette.compare, strokeWidth=1.4).encode(x=alt.X("middle:Q"), y=alt.Y("before:Q")),
    ]
    layers += goal
    layers += note_layers(notes, slots, style)
    layers += _ends(course, bars, average, len(slots.starts), style)
    return finish(layers, style, HEIGHT)


def _target(through: pd.DataFrame, rise: float, end: int, style: Style) -> list[alt.Chart]:
    """The target of the coverage over the whole period, where it has one."""
    known = through["target_low"].dropna() if "target_low" in through else through["value"][:0]
    if known.empty:
        return []
    goal = float(known.iloc[-1])
    told = phrase(style.language, "goal", band=f"≥{format_limit(goal, 'share', style.language)}")
    frame = pd.DataFrame([{"x": 0.0, "x2": float(end), "y": _raised(goal, rise), "text": told}])
    text = alt.Chart(frame).mark_text(align="left", dx=4, dy=-7, fontSize=11.5, color=style.palette.ink)
    return [rule_of(frame, style), text.encode(x=alt.X("x:Q"), y=alt.Y("y:Q"), text=alt.Text("text:N"))]


def _ends(
    course: Sequence[Mapping[str, object]], bars: Sequence[Mapping[str, object]], average: Cell, end: int, style: Style
) -> list[alt.Chart]:
    """What stands beside the ends: the coverage now and before, kept apart, and the average of the days."""
    palette, language = style.palette, style.language
    rows: list[dict[str, object]] = []
    last = course[-1] if course else {}
    if last.get("y") is not None:
        rows.append({"y": last["y"], "text": last["text"], "colour": palette.accent})
    if last.get("before") is not None:
        now, before = float(str(last["y"] or 0)), float(str(last["before"]))
        apart = before if abs(now - before) >= _LINE else now - _LINE if before <= now else now + _LINE
        told = phrase(language, "tail_before", value=last["compared"])
        rows.append({"y": apart, "text": told, "colour": palette.mute})
    if average.value is not None and bars:
        told = phrase(language, "tail_average", value=format_value(average.value, "customers", language))
        rows.append({"y": _LOWER / 2, "text": told, "colour": palette.ink})
    if not rows:
        return []
    frame = pd.DataFrame([{"x": float(end), **row} for row in rows])
    return [
        alt.Chart(frame)
        .mark_text(align="left", dx=6, fontSize=alt.ExprRef("width < 420 ? 10.5 : 12"), fontWeight=600)
        .encode(x=alt.X("x:Q"), y=alt.Y("y:Q"), text=alt.Text("text:N"), color=alt.Color("colour:N", scale=None))
    ]


def reach_bars(cells: Sequence[Cell], year: Cell | None, names: Mapping[str, str], style: Style) -> alt.LayerChart:
    """The base as bars by how often its members came in the period, above them who did not come for a year; what it
    was in the comparison as a tick.

    ``cells``: members by ``reach`` over all members; ``year``: the share not reached in a year. One scale from zero.
    """
    palette, language = style.palette, style.language
    counted = {str(cell.key[0]): cell for cell in cells}
    rows: list[tuple[str, float, float, float | None, Cell | None, str]] = []
    if year is not None and year.value is not None and year.numerator is not None:
        before = year.before.numerator if year.before is not None else None
        rows.append((phrase(language, "tail_year"), year.numerator, year.value, before, year, palette.worse_fill))
    for reach in _REACH:
        cell = counted.get(reach)
        members, base = (cell.value or 0.0, cell.denominator or 0.0) if cell else (0.0, 0.0)
        name = phrase(language, "tail_never") if reach == "0" else names.get(reach, reach)
        colour = palette.border if reach == "0" else palette.tint
        before = cell.previous if cell else None
        rows.append((name, members, members / base if base else 0.0, before, cell, colour))
    frame = pd.DataFrame(
        {
            "name": name,
            "value": members,
            "text": f"{format_count(members, language)} · {format_percent(share, 1)}",
            "full": format_count(members, language, compact=False),
            "previous": before,
            "end": max(members, before or 0.0),
            **compared_fields(cell, METRICS["tail_unreached_year" if cell is year else "tail_reach_frequency"], style),
            "colour": colour,
            "target": target_tip(year, METRICS["tail_unreached_year"], style) if cell is year and year else "–",
        }
        for name, members, share, before, cell, colour in rows
    )
    order = list(frame["name"])
    top = max(1.0, frame["end"].max())
    y = alt.Y("name:N", sort=order, axis=alt.Axis(labelColor=palette.ink2, labelLimit=96, labelPadding=8, grid=False))
    x = alt.X(
        "value:Q",
        scale=alt.Scale(domainMin=0, domainMax=alt.ExprRef(f"{top} * width / max(60, width - 108)"), nice=False),
        axis=None,
    )
    tips = [
        alt.Tooltip("name:N", title=phrase(language, "tail_reach")),
        alt.Tooltip("full:N", title=phrase(language, "chart_value")),
        *target_tips([] if year is None else [year], style),
        *compared_tips(cells, style),
    ]
    base_chart = alt.Chart(frame)
    bars = base_chart.mark_bar(height=alt.RelativeBandSize(0.56), cornerRadiusEnd=2, **edge(style)).encode(
        x=x, y=y, color=alt.Color("colour:N", scale=None), tooltip=tips
    )
    ticks = comparison_ticks(base_chart, y, 26, style)
    texts = base_chart.mark_text(align="left", dx=6, color=palette.ink, fontSize=12).encode(
        x=alt.X("end:Q"), y=y, text=alt.Text("text:N")
    )
    return finish([bars, ticks, texts], style, HEIGHT)


def contrast(metrics: Sequence[Metric], cells: Sequence[Cell], style: Style) -> alt.LayerChart:
    """KPIs of members served and not served: a row a KPI on a scale of its own from zero, two dots and their values, at
    the right their changes.

    ``cells``: keyed by ``served`` (yes, no). Fewer than 30 members: pale.
    """
    palette, language = style.palette, style.language
    words = {"yes": phrase(language, "tail_served"), "no": phrase(language, "tail_not_served")}
    colours = {"yes": palette.accent, "no": palette.mute}
    rows = []
    for metric in metrics:
        found = {str(cell.key[0]): cell for cell in cells if cell.kpi == metric.id and cell.value is not None}
        largest = max((abs(cell.value or 0) for cell in found.values()), default=0) or 1.0
        values = {key: (cell.value or 0) for key, cell in found.items()}
        for key, cell in found.items():
            value = format_value(cell.value, metric.unit, language)
            rows.append(
                {
                    "kpi": metric.name(language),
                    "x": values[key] / largest,
                    "who": words[key],
                    "colour": colours[key],
                    "text": f"{words[key]} {value}",
                    "over": key == "yes",
                    "opacity": 0.4 if few(cell) else 1.0,
                    "n": format_count(cell.n or 0, language, compact=False),
                    "target": target_tip(cell, metric, style),
                    **compared_fields(cell, metric, style),
                    "short": change_text(cell, metric, style) if cell.change is not None else "",
                }
            )
    frame = pd.DataFrame(rows)
    order = list(dict.fromkeys(frame["kpi"]))
    y = alt.Y("kpi:N", sort=order, axis=alt.Axis(labelColor=palette.ink2, labelLimit=110, labelPadding=8, grid=False))
    room = alt.ExprRef("width / max(60, width - 52)")
    x = alt.X("x:Q", scale=alt.Scale(domainMin=0, domainMax=room, nice=False), axis=None)
    tips = [
        alt.Tooltip("kpi:N", title=phrase(language, "chart_kpi")),
        alt.Tooltip("text:N", title=phrase(language, "chart_value")),
        *target_tips(cells, style),
        *compared_tips(cells, style),
        alt.Tooltip("n:N", title="n"),
    ]
    base = alt.Chart(frame)
    layers = [
        base.mark_line(color=palette.tint, strokeWidth=4).encode(x=x, y=y, detail=alt.Detail("kpi:N")),
        base.mark_point(filled=True, size=110, opacity=1).encode(
            x=x,
            y=y,
            color=alt.Color("colour:N", scale=None),
            opacity=alt.Opacity("opacity:Q", scale=None),
            tooltip=tips,
        ),
    ]
    for over in (True, False):
        side, height = alt.Chart(frame[frame["over"] == over]).encode(y=y), -17 if over else 17
        texts = side.mark_text(
            align="right", dy=height, color=palette.ink, fontSize=12, fontWeight=600 if over else 400
        )
        changes = side.mark_text(
            align="right", dy=height, x=alt.ExprRef("width"), color=alt.ExprRef("datum.tone"), fontSize=11.5
        )
        layers.append(texts.encode(x=x, text=alt.Text("text:N")))
        if frame["short"].any():
            layers.append(changes.encode(text=alt.Text("short:N")))
    return finish(layers, style, 250)


def ticks(top: float, most: int = 4) -> list[float]:
    """Round numbers from zero up to about ``top``, at most ``most`` steps."""
    if top <= 0:
        return [0.0, 1.0]
    raw = top / most
    scale = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * scale for factor in (1, 2, 2.5, 5, 10) if factor * scale >= raw)
    return [round(step * index, 10) for index in range(math.floor(top / step) + 1)] or [0.0]


def _highest(frame: pd.DataFrame) -> float:
    return max([0.0, *frame["value"].dropna(), *frame["previous"].dropna()])


def _number(value: float | None) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _raised(share: float | None, rise: float) -> float | None:
    value = _number(share)
    return None if value is None else _LOWER + _GAP + value * 100 * rise
