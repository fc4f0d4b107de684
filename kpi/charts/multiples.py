"""A rate by channel and star tier, on one scale."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from kpi.charts.bars import short_channel
from kpi.charts.goals import limits, lying_ticks, target_tip, target_tips
from kpi.charts.theme import Style, channel_rank, finish, looked_up
from kpi.charts.tones import compared_fields, compared_tips
from kpi.i18n import phrase
from kpi.i18n.formats import format_count, format_value
from kpi.metrics.model import Metric
from kpi.query.answer import Answer
from kpi.query.cell_rules import few

HEIGHT = 300
_TICK = 9  # pixels of a target, or a comparison, across a bar


def by_channel_and_tier(
    metric: Metric, parts: Answer, names: Mapping[str, str], tiers: Mapping[str, str], style: Style
) -> alt.LayerChart:
    """A group of bars a channel, a bar a tier from one to seven, all from zero to 100 %, each with its target and, as a
    tick, its comparison.

    ``parts``: the rate by channel and tier. A channel of which no tier has a value is left out; n < 30 is pale.
    """
    palette, language = style.palette, style.language
    cells = [
        (str(cell.key[0]), int(str(cell.key[1])), cell)
        for cell in parts.cells
        if cell.kpi == metric.id and None not in cell.key and cell.value is not None
    ]
    order = sorted({channel for channel, _, _ in cells}, key=channel_rank)
    frame = pd.DataFrame(
        {
            "channel": names.get(channel, channel),
            "short": short_channel(channel, names.get(channel, channel), style),
            "tier": tier,
            "tier_name": tiers.get(str(tier), str(tier)),
            "value": (cell.value or 0.0) * 100,
            "text": format_value(cell.value, metric.unit, language, compact=False),
            "n": format_count(cell.n or 0, language, compact=False),
            "opacity": 0.4 if few(cell) else 1.0,
            "target": target_tip(cell, metric, style),
            "previous": None if cell.previous is None else cell.previous * 100,
            **compared_fields(cell, metric, style),
        }
        for channel, tier, cell in cells
    )
    shorts = {names.get(channel, channel): short_channel(channel, names.get(channel, channel), style)
              for channel in order}  # fmt: skip
    short = looked_up(shorts, "datum.label")
    bars = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X(
                "channel:N",
                sort=list(shorts),
                scale=alt.Scale(paddingInner=0.22, paddingOuter=0.05),
                axis=alt.Axis(
                    labelAngle=0,
                    grid=False,
                    labelColor=palette.ink2,
                    labelOverlap=False,
                    labelExpr=f"width < 700 ? {short} : datum.label",
                ),
            ),
            xOffset=alt.XOffset("tier:O", scale=alt.Scale(domain=list(range(1, 8)), paddingInner=0.08)),
            y=alt.Y(
                "value:Q",
                scale=alt.Scale(domain=[0, 100], nice=False),
                axis=alt.Axis(values=[0, 25, 50, 75, 100], grid=True),
            ),
            color=alt.Color(
                "tier:O", scale=alt.Scale(domain=list(range(1, 8)), range=list(palette.tiers)), legend=None
            ),
            opacity=alt.Opacity("opacity:Q", scale=None),
            tooltip=[
                alt.Tooltip("channel:N", title=phrase(language, "chart_channel")),
                alt.Tooltip("tier_name:N", title=phrase(language, "chart_tier")),
                alt.Tooltip("text:N", title=metric.name(language)),
                *compared_tips([cell for _, _, cell in cells], style),
                *target_tips([cell for _, _, cell in cells], style),
                alt.Tooltip("n:N", title="n"),
            ],
        )
    )
    goals = [
        {"channel": names.get(channel, channel), "tier": tier, "goal": end * 100}
        for channel, tier, cell in cells
        for end in limits(cell)
    ]
    layers: list[alt.Chart] = [bars]
    before = frame[frame["previous"].notna()]
    if len(before):
        ticks = alt.Chart(before).mark_tick(
            orient="horizontal", color=palette.ink, thickness=1.2, size=_TICK, opacity=0.6
        )
        layers.append(
            ticks.encode(x=alt.X("channel:N", sort=list(shorts)), xOffset=alt.XOffset("tier:O"), y=alt.Y("previous:Q"))
        )
    if goals:
        ticks = lying_ticks(goals, _TICK, style)
        layers.append(
            ticks.encode(x=alt.X("channel:N", sort=list(shorts)), xOffset=alt.XOffset("tier:O"), y=alt.Y("goal:Q"))
        )
    return finish(layers, style, HEIGHT)
