"""Cohorts that narrow: as a funnel with its losses named, and nested in one bar a group."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from kpi.charts.goals import behind, target_ticks, target_tip, target_tips
from kpi.charts.theme import Style, edge, finish, legend, looked_up
from kpi.charts.tones import change_text, changes_at_right, comparison_ticks, text_colour
from kpi.i18n import phrase
from kpi.i18n.formats import format_count, format_value
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS
from kpi.narrative.funnel import Funnel, Step
from kpi.stats.intervals import SMALL_N

HEIGHT, NESTED_HEIGHT = 322, 280


def funnel(funnels: Mapping[str, Funnel], style: Style, height: int = HEIGHT) -> alt.LayerChart:
    """One bar a step, as a share of its cohort; what did not reach it lies at its end and is named beside it.

    ``funnels``: heading -> cohort, one below the other; the heading of a single one is not shown. A tick marks the
    step in the comparison, a dashed one the target of the last step. A cohort below 30 is pale.
    """
    palette, language = style.palette, style.language
    rows = _rows(funnels, style)
    bars, ends = pd.DataFrame(rows), pd.DataFrame(_ends(funnels, style))
    tall = height / len(rows) > 40
    names = looked_up({row["row"]: row["axis"] for row in rows}, "datum.value")
    y = alt.Y(
        "row:N",
        sort=[str(row["row"]) for row in rows],
        scale=alt.Scale(paddingInner=0.22 if tall else 0.16, paddingOuter=0.04),
        axis=alt.Axis(labelExpr=names, labelColor=palette.ink2, labelFontSize=12.5, labelPadding=8,
                      labelLimit=130, grid=False),
    )  # fmt: skip
    margin = "width < 420 ? 56 : 236"
    x = alt.X(
        "share:Q",
        scale=alt.Scale(domainMin=0, domainMax=alt.ExprRef(f"width / max(80, width - ({margin}))"), nice=False),
        axis=None,
    )
    band = alt.RelativeBandSize(0.94)
    tips = [
        alt.Tooltip("name:N", title=phrase(language, "funnel_step")),
        alt.Tooltip("count:N", title="n"),
        alt.Tooltip("of:N", title=phrase(language, "funnel_share")),
        alt.Tooltip("before:N", title=phrase(language, "chart_compared")),
        alt.Tooltip("losses:N", title=phrase(language, "funnel_lost")),
    ]
    base = alt.Chart(bars)
    kept = base.mark_bar(height=band, cornerRadiusEnd=2, **edge(style)).encode(
        x=x, y=y, color=alt.Color("colour:N", scale=None), opacity=alt.Opacity("opacity:Q", scale=None), tooltip=tips
    )
    lost = (
        alt.Chart(ends)
        .mark_bar(height=band, **edge(style))
        .encode(
            x=alt.X("from:Q"),
            x2=alt.X2("to:Q"),
            y=y,
            color=alt.Color("colour:N", scale=None),
        )
    )
    ticks = comparison_ticks(base, y, height / len(rows) * 0.72, style)
    # Words stand in the bar where it is long enough, else over what was lost, else before what is said beside it.
    room, least = f"(width - ({margin}))", 120 if tall else 76
    fits = f"datum.share * {room} >= {least}"
    over = f"(datum.end - datum.share) * {room} >= {least}"
    size = 13 if tall else 12
    words = base.mark_text(
        align="left", dx=8, fontSize=size, fontWeight=600, text=alt.ExprRef(f"{fits} ? datum.inside : ''")
    ).encode(x=alt.value(0), y=y, color=alt.Color("ink:N", scale=None))
    after = base.mark_text(
        align="left",
        dx=6,
        fontSize=size,
        fontWeight=600,
        color=palette.ink,
        text=alt.ExprRef(f"!({fits}) && {over} ? datum.inside : ''"),
    ).encode(x=alt.X("after:Q"), y=y)
    told = f"(({fits}) || ({over}) ? '' : datum.inside + ' · ') + (width < 420 ? datum.short : datum.losses)"
    beside = base.mark_text(align="left", dx=8, dy=-8 if tall else 0, fontSize=12, text=alt.ExprRef(told)).encode(
        x=alt.X("beside:Q"), y=y
    )
    lasts = [(f"{heading}{len(cohort.steps) - 1}", cohort.last) for heading, cohort in funnels.items()]
    metric = METRICS[lasts[0][1].kpi]
    goals = target_ticks(lasts, "row:N", [str(row["row"]) for row in rows], metric, 1.0, style, height)
    halo = [behind(beside, style)] if goals else []
    layers = [kept, lost, *goals, *halo, words, after, beside]
    if bars["previous"].notna().any():
        layers.append(ticks)
    if tall:
        layers.append(
            base.mark_text(
                align="left", dx=8, dy=8, fontSize=12, fontWeight=600, color=palette.worse,
                text=alt.ExprRef("width < 420 ? '' : datum.second"),
            ).encode(x=alt.X("beside:Q"), y=y)
        )  # fmt: skip
    return finish(layers, style, height)


def _rows(funnels: Mapping[str, Funnel], style: Style) -> list[dict[str, object]]:
    palette, language = style.palette, style.language
    rows: list[dict[str, object]] = []
    for heading, cohort in funnels.items():
        before, pale = 1.0, cohort.cohort < SMALL_N
        for place, step in enumerate(cohort.steps):
            # A short cohort uses the chain's ends, which differ most.
            colour = place if len(cohort.steps) == len(palette.chain) else (0, 2, 3)[place]
            name = phrase(language, f"step_{step.id}")
            share = format_value(step.share, "share", language)
            count = format_count(step.count, language)
            lost = phrase(language, "funnel_lost_share", value=format_value(before - step.share, "share", language))
            rows.append(
                {
                    "row": f"{heading}{place}",
                    "axis": name if len(funnels) == 1 else heading if place == 0 else name,
                    "name": name if len(funnels) == 1 else f"{heading} · {name}",
                    "share": step.share,
                    "end": before,
                    # Words after the bar begin behind a tick that lies close to its end.
                    "after": step.previous if step.previous and 0 < step.previous - step.share < 0.08 else step.share,
                    # And words beside it behind one that lies farther out.
                    "beside": max(before, step.previous or 0.0),
                    "previous": step.previous,
                    "colour": palette.chain[colour],
                    "ink": palette.ink if colour < 2 or pale else palette.background,
                    "opacity": 0.45 if pale else 1.0,
                    "inside": f"{count} · {share}" if place else count if len(funnels) == 1 else f"{count} · {name}",
                    "count": format_count(step.count, language, compact=False),
                    "of": format_value(step.share, "share", language, compact=False),
                    "before": format_value(step.previous, "share", language, compact=False),
                    "losses": _lost(step, style),
                    "second": lost if step.losses else "",
                    "short": f"\u2212{format_count(step.lost, language)}" if step.losses else "",
                }
            )
            before = step.share
    return rows


def _lost(step: Step, style: Style) -> str:
    """What did not reach the step, and after how many days came what did."""
    language = style.language
    said = [
        phrase(language, f"loss_{loss.id}", count=format_count(loss.count, language))
        for loss in step.losses
        if loss.count
    ]
    if step.days is not None:
        median, late = (format_value(days, "days", language) for days in step.days)
        said.append(phrase(language, "funnel_days", median=median, late=late))
    return " · ".join(said)


def _ends(funnels: Mapping[str, Funnel], style: Style) -> list[dict[str, object]]:
    """The pieces between a step's end and that of the step before: orange, or grey where a human took over."""
    pieces: list[dict[str, object]] = []
    for heading, cohort in funnels.items():
        for place, step in enumerate(cohort.steps):
            at = step.share
            for loss in step.losses:
                to = at + loss.count / cohort.cohort
                colour = style.palette.worse_fill if loss.bad else style.palette.border
                pieces.append({"row": f"{heading}{place}", "from": at, "to": to, "colour": colour})
                at = to
    return pieces


def nested(funnels: Mapping[str, Funnel], metric: Metric, style: Style, height: int = NESTED_HEIGHT) -> alt.LayerChart:
    """One bar a group with the later steps within the earlier ones; the last step's share and its change beside it.

    ``funnels``: name of the group -> cohort, all of the same steps; ``metric``: the KPI of the last step. The first
    group, the whole, is set bold, and its last step runs through all groups as a line. Below 30 a cohort is pale. The
    target of the last step is a tick.
    """
    palette, language = style.palette, style.language
    colours = (
        palette.chain[1:] if len(next(iter(funnels.values())).steps) == len(palette.chain) else palette.chain[1::2]
    )
    pieces, ends = [], []
    for place, (name, cohort) in enumerate(funnels.items()):
        opacity = 0.45 if cohort.cohort < SMALL_N else 1.0
        for depth, step in enumerate(cohort.steps[1:]):
            pieces.append(
                {
                    "name": name,
                    "step": phrase(language, f"step_{step.id}"),
                    "share": step.share,
                    "text": format_value(step.share, "share", language, compact=False),
                    "count": format_count(step.count, language, compact=False),
                    "n": format_count(cohort.cohort, language, compact=False),
                    "target": target_tip(cohort.last, metric, style),
                    "opacity": opacity,
                    "depth": depth,
                }
            )
        ends.append(
            {
                "name": name,
                "share": cohort.steps[1].share,
                "text": format_value(cohort.last.value, metric.unit, language),
                "change": change_text(cohort.last, metric, style),
                "tone": text_colour(cohort.last, metric, style),
                "whole": place == 0,
            }
        )
    steps = [phrase(language, f"step_{step.id}") for step in next(iter(funnels.values())).steps[1:]]
    y = alt.Y(
        "name:N",
        sort=list(funnels),
        scale=alt.Scale(paddingInner=0.2, paddingOuter=0.05),
        axis=alt.Axis(labelColor=palette.ink2, labelLimit=110, labelPadding=8, grid=False),
    )
    scale = alt.Scale(domainMin=0, domainMax=alt.ExprRef("width / max(60, width - 92)"), nice=False)
    x = alt.X("share:Q", scale=scale, axis=None, stack=None)
    bars = (
        alt.Chart(pd.DataFrame(pieces))
        .mark_bar(height=alt.RelativeBandSize(0.86), cornerRadiusEnd=2, **edge(style))
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "step:N",
                scale=alt.Scale(domain=steps, range=list(colours)),
                legend=legend(style),
            ),
            order=alt.Order("depth:Q"),
            opacity=alt.Opacity("opacity:Q", scale=None),
            tooltip=[
                alt.Tooltip("name:N", title=phrase(language, "chart_group")),
                alt.Tooltip("step:N", title=phrase(language, "funnel_step")),
                alt.Tooltip("text:N", title=phrase(language, "funnel_share")),
                alt.Tooltip("count:N", title="n"),
                alt.Tooltip("n:N", title=phrase(language, "funnel_cohort")),
                *target_tips([cohort.last for cohort in funnels.values()], style),
            ],
        )
    )
    base = alt.Chart(pd.DataFrame(ends))
    whole = next(iter(funnels.values())).steps[-1].share
    rule = (
        alt.Chart(pd.DataFrame([{"share": whole}]))
        .mark_rule(color=palette.ink, strokeDash=[3, 3], strokeWidth=1, opacity=0.7)
        .encode(x=alt.X("share:Q"))
    )
    values = base.mark_text(
        align="left", dx=6, fontSize=12, color=palette.ink, fontWeight=alt.ExprRef("datum.whole ? 700 : 400")
    ).encode(x=x, y=y, text=alt.Text("text:N"))
    changes = changes_at_right(base, y)
    lasts = [(name, cohort.last) for name, cohort in funnels.items()]
    goals = target_ticks(lasts, "name:N", list(funnels), metric, 1.0, style, height)
    halo = [behind(values, style)] if goals else []
    return finish([bars, rule, *goals, *halo, values, changes], style, height).resolve_scale(color="independent")
