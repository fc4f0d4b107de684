"""From the comparison's value to the period's, cause by cause."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from kpi.charts.theme import Style, edge, finish, looked_up
from kpi.i18n import phrase
from kpi.i18n.formats import format_parts, format_value, part_decimals
from kpi.metrics.model import Metric
from kpi.narrative.driver_sentences import Names, part_tone, value_name
from kpi.narrative.waterfall_steps import Step

_ROW = 30  # pixels a step
_ROOM = 74  # pixels right of the furthest mark, for its number
_LEFT = 0.06  # of what is drawn, left of the lowest mark


def waterfall(
    metric: Metric, steps: Sequence[Step], by: Sequence[str], names: Names, style: Style, uneven: bool = False
) -> alt.LayerChart:
    """A row a step, from before to now: floating bars for what moved the figure, a marker for its two values.

    ``steps``: as ``kpi.narrative.waterfall_steps`` gives them, at least one; ``by``: the dimensions of their keys. The
    axis is cut, so that the values are no bars, which would be read from nought. Coloured where the KPI has a better
    and a worse, and not ``uneven``, as the cell of the whole says.
    """
    palette, language = style.palette, style.language
    fills = {"better": palette.better_fill, "worse": palette.worse_fill}
    inks = {"better": palette.better, "worse": palette.worse}
    decimals = part_decimals(metric.unit, float(steps[0].end), float(steps[-1].end))
    texts = format_parts([step.told for step in steps], metric.unit, decimals)
    rows = []
    for index, (step, text) in enumerate(zip(steps, texts, strict=True)):
        total = step.kind in {"before", "now"}
        tone = "neutral" if total or step.kind == "others" else part_tone(step.told, metric, uneven)
        rows.append(
            {
                "row": index,
                "name": step_name(step, by, names, style),
                "total": total,
                "start": float(step.start),
                "end": float(step.end),
                "high": float(max(step.start, step.end)),
                "next": index + 1 if index + 1 < len(steps) else None,
                "text": format_value(float(step.end), metric.unit, language) if total else text,
                "fill": fills.get(tone, palette.compare),
                "ink": palette.ink if total else inks.get(tone, palette.ink2),
                "full": format_value(float(step.end), metric.unit, language, compact=False),
            }
        )
    ends = [float(at) for step in steps for at in (step.start, step.end)]
    low, high = min(ends), max(ends)
    span = (high - low) or abs(high) or 1.0
    x = alt.X(
        "start:Q",
        scale=alt.Scale(
            domainMin=low - _LEFT * span,
            domainMax=alt.ExprRef(f"{low} + {span} * width / max(60, width - {_ROOM})"),
            nice=False,
            zero=False,
        ),
        axis=None,
    )
    order = list(range(len(rows)))
    labels = looked_up({row["row"]: row["name"] for row in rows}, "datum.value")
    y = alt.Y(
        "row:O",
        sort=order,
        scale=alt.Scale(paddingInner=0.3, paddingOuter=0.1),
        axis=alt.Axis(
            labelExpr=labels,
            labelColor=palette.ink2,
            labelFontSize=12,
            labelLimit=alt.ExprRef("containerSize()[0] < 420 ? 112 : 190"),
            labelPadding=8,
            grid=False,
        ),
    )
    base = alt.Chart(pd.DataFrame(rows))
    tips = [
        alt.Tooltip("name:N", title=phrase(language, "chart_group")),
        alt.Tooltip("text:N", title=phrase(language, "chart_change")),
        alt.Tooltip("full:N", title=metric.name(language)),
    ]
    bars = (
        base.transform_filter("!datum.total")
        .mark_bar(height=alt.RelativeBandSize(0.75), **edge(style))
        .encode(x=x, x2=alt.X2("end:Q"), y=y, color=alt.Color("fill:N", scale=None), tooltip=tips)
    )
    # From where one step ends down to the next, which begins there.
    lines = (
        base.transform_filter("isValid(datum.next)")
        .mark_rule(color=palette.compare, strokeDash=[2, 2], strokeWidth=1)
        .encode(x=alt.X("end:Q"), y=y, y2=alt.Y2("next:O"))
    )
    marks = (
        base.transform_filter("datum.total")
        .mark_point(shape="diamond", filled=True, size=80, opacity=1, color=palette.ink)
        .encode(x=x, y=y, tooltip=tips)
    )
    numbers = base.mark_text(align="left", dx=8, fontSize=12, fontWeight=600).encode(
        x=alt.X("high:Q"), y=y, text=alt.Text("text:N"), color=alt.Color("ink:N", scale=None)
    )
    return finish([lines, bars, marks, numbers], style, _ROW * len(rows))


def subtitle(style: Style) -> str:
    """What must stand above the figure: that its axis does not start at nought."""
    return phrase(style.language, "cause_figure_sub")


def step_name(step: Step, by: Sequence[str], names: Names, style: Style) -> str:
    """What a step is called."""
    language = style.language
    match step.kind:
        case "before" | "now":
            return phrase(language, "cause_step_before" if step.kind == "before" else "cause_step_now")
        case "mix":
            return phrase(language, "cause_step_mix")
        case "others":
            return phrase(language, "cause_step_others", count=step.count)
    return " × ".join(value_name(one, value, names, language) for one, value in zip(by, step.key, strict=True))
