"""Figures of the service desk: the day by half hour and team, waits, a rate by channel and tier."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from kpi.charts.bars import HEIGHT
from kpi.charts.goals import behind, limits, missed_corners, target_ticks, target_tip, target_tips
from kpi.charts.theme import Style, channel_rank, finish
from kpi.charts.tones import change_text, changes_at_right, compared_fields, compared_tips, moved_arrows
from kpi.i18n import phrase
from kpi.i18n.formats import format_count, format_value
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS
from kpi.narrative.service_desk import clock
from kpi.query.answer import Cell, DimensionValue
from kpi.query.cell_rules import few
from kpi.targets.target_text import named, verdict

_HALF_HOURS = 48
_BAND = (0.70, 0.85)  # where occupancy should be, unless a target says otherwise
_REACH = 0.2  # from the centre of a rate's colours to their ends
_ROW_HEIGHT = 250


def half_hours(
    metric: Metric,
    whole: Sequence[Cell],
    parts: Sequence[Cell],
    names: Mapping[str, str],
    style: Style,
    counted: bool = False,
) -> alt.LayerChart:
    """A map of the day: one row a team, under the row of all where there are several, one column a half hour.

    ``whole``: keyed by half hour; ``parts``: by half hour and team. ``counted``: shows what the KPI is a share of. A
    rate is coloured by its distance from its target, else from the centre's average half hour; occupancy by the band
    of its target, else by the usual one; a count by its size.
    """
    palette, language = style.palette, style.language
    everybody = phrase(language, "desk_all_teams")
    teams = sorted({str(cell.key[1]) for cell in parts if cell.key[1] is not None and cell.n}, key=list(names).index)
    rows = []
    for name, cells in [
        *([(everybody, [(cell.key[0], cell) for cell in whole])] if len(teams) > 1 else []),
        *((names[team], [(cell.key[0], cell) for cell in parts if cell.key[1] == team]) for team in teams),
    ]:
        for half_hour, cell in cells:
            value = cell.denominator if counted else cell.value
            if half_hour is None or value is None:
                continue
            at = int(str(half_hour))
            rows.append(
                {
                    "x": at + 0.04,
                    "x2": at + 0.96,
                    "team": name,
                    "half_hour": at,
                    "value": float(value),
                    "opacity": 1.0 if counted or not few(cell) else 0.45,
                    "when": f"{clock(at)}–{clock((at + 1) % _HALF_HOURS)}",
                    "text": format_count(value, language, compact=False)
                    if counted
                    else format_value(value, metric.unit, language, compact=False),
                    "n": "–" if cell.n is None else format_count(cell.n, language, compact=False),
                    "target": target_tip(cell, metric, style),
                    **({} if counted else compared_fields(cell, metric, style)),
                }
            )
    frame = pd.DataFrame(rows)
    # Targets are set neither by half hour nor by team: it is the same for all.
    held = None if counted else next((cell for cell in (*whole, *parts) if cell.goal is not None), None)
    if counted:
        largest = float(frame.loc[frame["team"] != everybody, "value"].max()) if len(teams) else 1.0
        colour = alt.Scale(
            domain=[0, largest], range=[palette.neutral_fill, palette.accent], clamp=True, interpolate="rgb"
        )
    elif metric.direction == "band":
        # Neutral in the middle of the band, full colour as far beyond its ends as they are apart.
        low, high = _band(held)
        middle, reach = (low + high) / 2, high - low
        colour = alt.Scale(
            domain=[middle - reach, middle, middle + reach],
            range=[palette.tint, palette.neutral_fill, palette.worse_fill],
            clamp=True,
            interpolate="rgb",
        )
    else:
        centre = _average(whole) if held is None else limits(held)[0]
        colour = alt.Scale(
            domain=[centre - _REACH, centre, min(1.0, centre + _REACH)],
            range=[palette.worse_fill, palette.neutral_fill, palette.better_fill],
            clamp=True,
            interpolate="rgb",
        )
    axis = alt.Axis(
        values=list(range(0, _HALF_HOURS + 1, 4)),
        labelExpr="(datum.value < 20 ? '0' : '') + datum.value / 2 + ':00'",
        labelOverlap=True,
        labelFlush=True,
        grid=False,
    )
    chart = (
        alt.Chart(frame)
        .mark_rect()
        .encode(
            x=alt.X("x:Q", scale=alt.Scale(domain=[0, _HALF_HOURS], nice=False), axis=axis),
            x2=alt.X2("x2:Q"),
            y=alt.Y(
                "team:N",
                sort=[everybody, *(names[team] for team in teams)],
                scale=alt.Scale(paddingInner=0.08, paddingOuter=0),
                axis=alt.Axis(labelColor=palette.ink2, labelLimit=104, labelPadding=8, grid=False),
            ),
            color=alt.Color("value:Q", scale=colour, legend=None),
            opacity=alt.Opacity("opacity:Q", scale=None),
            tooltip=[
                alt.Tooltip("team:N", title=phrase(language, "desk_team")),
                alt.Tooltip("when:N", title=phrase(language, "chart_when")),
                alt.Tooltip("text:N", title=phrase(language, "desk_offered") if counted else metric.name(language)),
                *compared_tips([] if counted else [*whole, *parts], style),
                *target_tips([] if held is None else [held], style),
                alt.Tooltip("n:N", title="n"),
            ],
        )
    )
    layers = [chart]
    if held is not None:
        words = pd.DataFrame([{"x": 0, "words": named(held, metric, language)}])
        text = alt.Chart(words).mark_text(align="left", baseline="bottom", color=palette.ink, fontSize=11)
        layers.append(text.encode(x=alt.X("x:Q"), y=alt.value(-1), text=alt.Text("words:N")))
    return finish(layers, style, HEIGHT)


def _band(held: Cell | None) -> tuple[float, float]:
    """The band of a target, with the usual end where it has only one."""
    low, high = (None, None) if held is None else (held.target_low, held.target_high)
    return _BAND[0] if low is None else low, _BAND[1] if high is None else high


def _average(cells: Sequence[Cell]) -> float:
    """The rate over all cells: the sums of both parts."""
    bottom = sum(cell.denominator or 0 for cell in cells)
    return sum(cell.numerator or 0 for cell in cells) / bottom if bottom else 0.5


def by_channel_and_tier(
    metric: Metric,
    cells: Sequence[Cell],
    channels: Mapping[str, str],
    tiers: Mapping[str, str],
    style: Style,
) -> alt.LayerChart:
    """A rate as a matrix: one row a channel, one column a star tier, coloured by its distance from all together, an
    arrow where it became better or worse against the comparison.

    ``cells``: keyed by channel and tier. Fewer than 30: pale and uncoloured.
    """
    palette, language = style.palette, style.language
    average = _average(cells)
    order = sorted({str(cell.key[0]) for cell in cells if cell.key[0] is not None}, key=channel_rank)
    stars: list[DimensionValue] = [star for star in tiers if star]
    rows = []
    for cell in cells:
        if cell.key[0] is None or cell.key[1] is None:
            continue
        small = cell.value is None or few(cell)
        rows.append(
            {
                "channel": channels.get(str(cell.key[0]), str(cell.key[0])),
                "tier": tiers.get(str(cell.key[1]), str(cell.key[1])),
                "away": 0.0 if small or cell.value is None else cell.value - average,
                "text": "–" if cell.value is None else format_value(cell.value, metric.unit, language).rstrip("%"),
                "full": format_value(cell.value, metric.unit, language, compact=False),
                "small": small,
                "n": "–" if cell.n is None else format_count(cell.n, language, compact=False),
                "target": target_tip(cell, metric, style),
                "missed": cell.met is False,
                **compared_fields(cell, metric, style),
            }
        )
    frame = pd.DataFrame(rows)
    x = alt.X(
        "tier:N",
        sort=[tiers[str(star)] for star in stars],
        scale=alt.Scale(paddingInner=0.1, paddingOuter=0),
        axis=alt.Axis(orient="top", labelAngle=0, labelColor=palette.ink2, labelOverlap=False),
    )
    y = alt.Y(
        "channel:N",
        sort=[channels.get(channel, channel) for channel in order],
        scale=alt.Scale(paddingInner=0.14, paddingOuter=0),
        axis=alt.Axis(labelColor=palette.ink2, labelLimit=110, labelPadding=8, grid=False),
    )
    base = alt.Chart(frame).encode(
        x=x,
        y=y,
        tooltip=[
            alt.Tooltip("channel:N", title=phrase(language, "chart_channel")),
            alt.Tooltip("tier:N", title=phrase(language, "chart_tier")),
            alt.Tooltip("full:N", title=metric.name(language)),
            *compared_tips(cells, style),
            *target_tips(cells, style),
            alt.Tooltip("n:N", title="n"),
        ],
    )
    cells_drawn = base.mark_rect(cornerRadius=3).encode(
        color=alt.Color(
            "away:Q",
            scale=alt.Scale(
                domain=[-0.15, 0, 0.15],
                range=[palette.worse_fill, palette.neutral_fill, palette.better_fill],
                clamp=True,
                interpolate="rgb",
            ),
            legend=None,
        )
    )
    text = base.mark_text(
        fontSize=alt.ExprRef("width < 300 ? 10 : 12"),
        color=alt.ExprRef(f"datum.small ? '{palette.mute}' : '{palette.ink}'"),
    ).encode(text=alt.Text("text:N"))
    layers = [cells_drawn, text, *moved_arrows(frame, x, y), *missed_corners(frame, x, y, style)]
    return finish(layers, style, _ROW_HEIGHT)


def waits_by_channel(
    slow: Sequence[Cell], mean: Mapping[DimensionValue, Cell], names: Mapping[str, str], style: Style
) -> alt.LayerChart:
    """How long nine in ten wait at most, one bar a channel, the average as a tick, the target as a dashed one, at the
    right the change.

    ``slow``: wait_p90 by channel; ``mean``: channel -> asa, whose target stands in the tip.
    """
    palette, language, metric = style.palette, style.language, METRICS["wait_p90"]
    rows = []
    slow = [cell for cell in sorted(slow, key=lambda cell: channel_rank(str(cell.key[0]))) if cell.key[0] is not None]
    for cell in slow:
        average = mean.get(cell.key[0])
        rows.append(
            {
                "name": names.get(str(cell.key[0]), str(cell.key[0])),
                "colour": palette.channel(str(cell.key[0])),
                "value": cell.value or 0.0,
                "mean": average.value if average is not None else None,
                "text": format_value(cell.value, "seconds", language),
                "mean_text": _mean_text(average, style),
                "target": target_tip(cell, metric, style),
                "opacity": 0.4 if few(cell) else 1.0,
                "n": "–" if cell.n is None else format_count(cell.n, language, compact=False),
                **compared_fields(cell, metric, style),
                "short": change_text(cell, metric, style),
            }
        )
    frame = pd.DataFrame(rows)
    y = alt.Y(
        "name:N",
        sort=list(frame["name"]),
        axis=alt.Axis(labelColor=palette.ink2, labelLimit=110, labelPadding=8, grid=False),
    )
    top = max([1.0, float(frame["value"].max()), *(end for cell in slow for end in limits(cell))])
    x = alt.X(
        "value:Q",
        scale=alt.Scale(
            domainMin=0,
            domainMax=alt.ExprRef(f"{top} * width / max(60, width - 110)"),
            nice=False,
        ),
        axis=None,
    )
    base = alt.Chart(frame)
    bars = base.mark_bar(height=alt.RelativeBandSize(0.56), cornerRadiusEnd=2).encode(
        x=x,
        y=y,
        color=alt.Color("colour:N", scale=None),
        opacity=alt.Opacity("opacity:Q", scale=None),
        tooltip=[
            alt.Tooltip("name:N", title=phrase(language, "chart_channel")),
            alt.Tooltip("text:N", title="P90"),
            *compared_tips(slow, style),
            *target_tips(slow, style),
            alt.Tooltip("mean_text:N", title=phrase(language, "desk_mean")),
            alt.Tooltip("n:N", title="n"),
        ],
    )
    ticks = base.mark_tick(color=palette.ink, thickness=2, size=20).encode(x=alt.X("mean:Q"), y=y)
    texts = base.mark_text(align="left", dx=6, fontWeight=600, color=palette.ink, fontSize=12).encode(
        x=x, y=y, text=alt.Text("text:N")
    )
    named_rows = list(zip(frame["name"], slow, strict=True))
    goals = target_ticks(named_rows, "name:N", list(frame["name"]), metric, 1.0, style)
    layers = [bars, ticks, *goals, *([behind(texts, style)] if goals else []), texts]
    if any(cell.previous is not None for cell in slow):
        layers.append(changes_at_right(base, y, "short"))
    return finish(layers, style, _ROW_HEIGHT)


def _mean_text(cell: Cell | None, style: Style) -> str:
    """The average wait, with its target where it has one."""
    told = format_value(None if cell is None else cell.value, "seconds", style.language)
    if cell is None or cell.goal is None:
        return told
    return f"{told} ({named(cell, METRICS['asa'], style.language)} {verdict(cell, style.language)})"
