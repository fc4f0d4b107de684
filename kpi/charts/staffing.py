"""The what-if of the service desk: what a number of agents gives."""

import altair as alt
import pandas as pd

from kpi.charts.theme import Style, finish
from kpi.i18n import phrase
from kpi.i18n.formats import format_value
from kpi.narrative.staffing_plan import Plan

_HEIGHT = 250


def agents_for_target(plan: Plan, target: float, target_name: str, style: Style) -> alt.LayerChart:
    """The share answered in time by the number of agents, by either model, with the target as a rule and, where a
    queue that nobody leaves has no end, a shade.
    """
    palette, language = style.palette, style.language
    models = (
        (1, phrase(language, "plan_model_c"), palette.accent),
        (2, phrase(language, "plan_model_a"), palette.ink2),
    )
    rows = [
        {
            "agents": point[0],
            "share": 100 * share,
            "model": name,
            "colour": colour,
            "text": format_value(share, "share", language),
        }
        for index, name, colour in models
        for point in plan.curve
        if (share := point[index]) is not None
    ]
    first, last = plan.curve[0][0], plan.curve[-1][0]
    x = alt.X(
        "agents:Q",
        scale=alt.Scale(
            domainMin=first,
            domainMax=alt.ExprRef(f"{first} + {max(1, last - first)} * width / max(80, width - 74)"),
            nice=False,
            zero=False,
        ),
        axis=alt.Axis(grid=False, tickMinStep=1, tickCount=8, format="d"),
    )
    y = alt.Y("share:Q", scale=alt.Scale(domain=[0, 100], nice=False), axis=alt.Axis(tickCount=5))
    base = alt.Chart(pd.DataFrame(rows))
    colour = alt.Color("colour:N", scale=None)
    lines = base.mark_line(strokeWidth=2.2).encode(x=x, y=y, color=colour, detail=alt.Detail("model:N"))
    dots = base.mark_point(size=34, filled=True, opacity=1).encode(
        x=x,
        y=y,
        color=colour,
        tooltip=[
            alt.Tooltip("model:N", title=phrase(language, "plan_model")),
            alt.Tooltip("agents:Q", title=phrase(language, "plan_agents")),
            alt.Tooltip("text:N", title=phrase(language, "plan_in_time")),
        ],
    )
    rule = pd.DataFrame([{"agents": first, "share": 100 * target, "text": target_name}])
    target_rule = alt.Chart(rule).mark_rule(color=palette.ink, strokeDash=[4, 3]).encode(y=alt.Y("share:Q"))
    target_text = (
        alt.Chart(rule)
        .mark_text(align="left", baseline="bottom", dx=4, dy=-3, color=palette.ink2)
        .encode(x=alt.X("agents:Q"), y=alt.Y("share:Q"), text=alt.Text("text:N"))
    )
    ends = pd.DataFrame([row for row in rows if row["agents"] == last])
    gap = 7.0
    shares = ends["share"].tolist()
    if len(shares) == 2 and abs(shares[0] - shares[1]) < gap:
        # The models meet at the top, Erlang A above: the name below gives way.
        ends["share"] = [max(shares) - gap, max(shares)]
    names = (
        alt.Chart(ends)
        .mark_text(align="left", dx=8, fontWeight=600, fontSize=12)
        .encode(x=alt.X("agents:Q"), y=alt.Y("share:Q"), text=alt.Text("model:N"), color=colour)
    )
    layers = [lines, dots, target_rule, target_text, names]
    if plan.load > first:
        shade = pd.DataFrame(
            [
                {
                    "agents": first,
                    "end": min(plan.load, last),
                    "share": 0,
                    "top": 100,
                    "text": phrase(language, "plan_shade"),
                }
            ]
        )
        area = (
            alt.Chart(shade)
            .mark_rect(color=palette.worse_fill, opacity=0.35)
            .encode(x=alt.X("agents:Q"), x2=alt.X2("end:Q"), y=alt.Y("share:Q"), y2=alt.Y2("top:Q"))
        )
        said = (
            alt.Chart(shade)
            .mark_text(align="left", baseline="bottom", dx=4, dy=-4, color=palette.ink2)
            .encode(x=alt.X("agents:Q"), y=alt.Y("share:Q"), text=alt.Text("text:N"))
        )
        layers = [area, *layers, said]
    return finish(layers, style, _HEIGHT)
