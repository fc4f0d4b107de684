"""Customer tiers: who moved between them, one KPI of each over time, and the channels of each."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import altair as alt
import pandas as pd

from kpi.charts.goals import limits, target_tip, target_tips
from kpi.charts.lines import rule_of
from kpi.charts.notes import Note, repeated_notes
from kpi.charts.slots import Slots
from kpi.charts.theme import Style, axis_format, channel_rank, finish
from kpi.charts.tones import change_text, compared_fields, compared_tips, text_colour
from kpi.i18n import phrase
from kpi.i18n.formats import format_bare, format_count, format_value
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS
from kpi.query.answer import Answer, Cell, DimensionValue
from kpi.query.cell_rules import few

HEIGHT = 300
_GAP = 0.16  # between two small figures, as a share of one's width
_SMALL = 30
_EXIT = "exit"


def tiers_of(cells: Sequence[Cell]) -> list[DimensionValue]:
    """The tiers that occur, from the lowest on; unknown is left out."""
    return sorted({cell.key[0] for cell in cells if cell.key[0] is not None}, key=lambda tier: int(str(tier)))


def migration(
    cells: Sequence[Cell], names: Mapping[str, str], after: Mapping[str, str], style: Style
) -> alt.LayerChart:
    """Tier on the first day (rows) against tier at the end, or exit (columns), each cell in per cent of its row.

    ``cells``: keyed by tier, tier_after. Who stayed is neutral, a move up is shaded as better, down as worse, each by
    its size among the moves; exit is grey. A row of fewer than 30 customers is pale.
    """
    palette, language = style.palette, style.language
    tiers = tiers_of(cells)
    found = {(cell.key[0], str(cell.key[1])): cell for cell in cells if cell.key[1] is not None}
    # Of one tier there is one row, and as many columns as there are tiers that its customers moved to.
    reached = {str(tier) for tier in tiers} | {to for _, to in found if to != _EXIT}
    columns = [*sorted(reached, key=int), _EXIT]
    moves = [c.value or 0.0 for (tier, to), c in found.items() if to not in {str(tier), _EXIT}]
    largest = max(moves, default=0.0) or 1.0
    rows = []
    for tier in tiers:
        for to in columns:
            cell = found.get((tier, to))
            value = cell.value if cell else None
            sign = 0 if to in {str(tier), _EXIT} or not value else 1 if int(to) > int(str(tier)) else -1
            rows.append(
                {
                    "before": names.get(str(tier), str(tier)),
                    "after": after.get(to, to),
                    "text": format_bare(value, "share") if value else "",
                    "shade": sign * ((value or 0.0) / largest) ** 0.5,
                    "kind": "exit" if to == _EXIT else "stay" if to == str(tier) else "move",
                    "pale": (cell.denominator or 0) < _SMALL if cell else True,
                    "full": format_value(value, "share", language, compact=False),
                    "n": format_count(cell.numerator or 0, language, compact=False) if cell else "–",
                    "of": format_count(cell.denominator or 0, language, compact=False) if cell else "–",
                    **compared_fields(cell, METRICS["tier_upgrade_rate"], style),
                }
            )
    frame = pd.DataFrame(rows)
    x = alt.X(
        "after:N",
        sort=[after.get(to, to) for to in columns],
        scale=alt.Scale(paddingInner=0.08, paddingOuter=0),
        axis=alt.Axis(orient="top", labelAngle=0, labelColor=palette.ink2, labelOverlap=False),
    )
    y = alt.Y(
        "before:N",
        sort=[names.get(str(tier), str(tier)) for tier in tiers],
        scale=alt.Scale(paddingInner=0.14, paddingOuter=0),
        axis=alt.Axis(labelColor=palette.ink2, labelPadding=8, grid=False),
    )
    tips = [
        alt.Tooltip("before:N", title=phrase(language, "moves_before")),
        alt.Tooltip("after:N", title=phrase(language, "moves_after")),
        alt.Tooltip("full:N", title=phrase(language, "moves_share")),
        *compared_tips(cells, style),
        alt.Tooltip("n:N", title=phrase(language, "moves_customers")),
        alt.Tooltip("of:N", title=phrase(language, "moves_of")),
    ]
    base = alt.Chart(frame).encode(x=x, y=y, tooltip=tips)
    shades = alt.Scale(
        domain=[-1, 0, 1], range=[palette.worse_fill, palette.neutral_fill, palette.better_fill], interpolate="rgb"
    )
    plain = {"stay": palette.tint, "exit": palette.border}
    layers = [
        base.transform_filter("datum.kind == 'move'")
        .mark_rect(cornerRadius=3)
        .encode(color=alt.Color("shade:Q", scale=shades, legend=None))
    ]
    for kind, colour in plain.items():
        layers.append(base.transform_filter(f"datum.kind == '{kind}'").mark_rect(cornerRadius=3, color=colour))
    layers.append(
        base.mark_text(
            fontSize=alt.ExprRef("width < 300 ? 9.5 : 12"),
            color=alt.ExprRef(f"datum.pale ? '{palette.mute}' : '{palette.ink}'"),
        ).encode(text=alt.Text("text:N"))
    )
    return finish(layers, style, HEIGHT)


def multiples(
    metric: Metric,
    parts: Answer,
    whole: pd.DataFrame,
    slots: Slots,
    names: Mapping[str, str],
    style: Style,
    notes: Sequence[Note] = (),
    period: Sequence[Cell] = (),
) -> alt.LayerChart:
    """One small figure a tier, side by side on one scale: the KPI over time in the tier's colour, that of all
    customers as a thin grey line in each, the target as a dashed rule, the change of the period under the tier's name.
    Of a count there is no such line, and nothing of a slot that still runs or is cut.

    ``parts``: by tier and grain; ``whole``: grain, value; ``period``: by tier. Slots of fewer than 30 are left out of a
    tier's rate.
    """
    palette, language = style.palette, style.language
    factor = 100.0 if metric.unit == "share" else 1.0
    tiers, count = tiers_of(parts.cells), len(slots.starts)
    place = {start: (index + 0.5) / count for index, start in enumerate(slots.starts)}
    every = [
        (place[row[slots.grain]], row["value"] * factor)
        for row in whole.sort_values(slots.grain).to_dict("records")
        if not metric.is_count_or_sum and not pd.isna(row["value"])
    ]
    lines, greys = [], []
    heads: list[dict[str, Any]] = []
    goals: list[dict[str, Any]] = []
    for index, tier in enumerate(tiers):
        left, name = index * (1 + _GAP), names.get(str(tier), str(tier))
        heads.append({"x": left, "text": name, "end": left + 1, **_period_change(metric, period, tier, style)})
        greys += [{"x": left + at, "y": value, "tier": name} for at, value in every]
        for cell in parts.cells:
            start = cell.key[1]
            if cell.key[0] == tier and isinstance(start, date):
                slot = round(place[start] * count - 0.5)
                for end in limits(cell):
                    last = goals[-1] if goals else None
                    if last is not None and (last["left"], last["y"], last["slot"] + 1) == (left, end * factor, slot):
                        last |= {"slot": slot, "x2": left + (slot + 1) / count}
                    else:
                        ends = {"x": left + slot / count, "x2": left + (slot + 1) / count}
                        goals.append({"left": left, "slot": slot, "y": end * factor, **ends})
            if cell.key[0] != tier or cell.value is None or not isinstance(start, date):
                continue
            if slots.partial(start) if metric.is_count_or_sum else few(cell):
                continue
            lines.append(
                {
                    "x": left + place[start],
                    "y": cell.value * factor,
                    "tier": name,
                    "colour": palette.tiers[min(int(str(tier)), len(palette.tiers)) - 1],
                    "when": slots.name(start, language),
                    "text": format_value(cell.value, metric.unit, language, compact=False),
                    "n": format_count(cell.n or 0, language, compact=False),
                    "target": target_tip(cell, metric, style),
                }
            )
    figures = [row["y"] for row in (*lines, *greys, *goals)] or [0.0]
    low, high = min(figures), max(figures)
    room = (high - low) * 0.1 or 1.0
    # A count starts from zero, a rate shows its differences; the axis says which.
    floor = min(0.0, low) if metric.is_count_or_sum else max(low - room, 0.0) if low >= 0 else low - room
    domain = [floor, high + 1.8 * room]  # above the lines, the names and the changes
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, len(tiers) * (1 + _GAP) - _GAP], nice=False), axis=None)
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=domain, nice=False, zero=False, clamp=True),
        axis=alt.Axis(tickCount=5, format=",.2~s" if metric.is_count_or_sum else axis_format(*domain), grid=True),
    )
    tips = [
        alt.Tooltip("tier:N", title=phrase(language, "chart_tier")),
        alt.Tooltip("when:N", title=phrase(language, "chart_when")),
        alt.Tooltip("text:N", title=metric.name(language)),
        *target_tips(parts.cells, style),
        alt.Tooltip("n:N", title="n"),
    ]
    detail = alt.Detail("tier:N")
    head = alt.Chart(pd.DataFrame(heads))
    layers = [
        head.mark_text(align="left", baseline="top", fontWeight=600, color=palette.ink, fontSize=12).encode(
            x=x, y=alt.value(5), text=alt.Text("text:N")
        ),
    ]
    changed = any(row["change"] for row in heads)
    if changed:
        layers.append(
            head.mark_text(align="left", baseline="top", fontSize=11, color=alt.ExprRef("datum.tone")).encode(
                x=x, y=alt.value(20), text=alt.Text("change:N")
            )
        )
    layers += repeated_notes(notes, slots, [head["x"] for head in heads], 42 if changed else 26, style)
    if goals:
        layers.append(rule_of(pd.DataFrame(goals), style))
    if greys:
        layers.append(
            alt.Chart(pd.DataFrame(greys))
            .mark_line(color=palette.compare, strokeWidth=1.2)
            .encode(x=x, y=y, detail=detail)
        )
    if lines:
        layers.append(
            alt.Chart(pd.DataFrame(lines))
            .mark_line(strokeWidth=1.8)
            .encode(x=x, y=y, detail=detail, color=alt.Color("colour:N", scale=None), tooltip=tips)
        )
    return finish(layers, style, HEIGHT)


def _period_change(metric: Metric, period: Sequence[Cell], tier: DimensionValue, style: Style) -> dict[str, str]:
    """The change of a tier's figure over the whole period, and its colour."""
    cell = next((one for one in period if one.key == (tier,) and one.change is not None), None)
    if cell is None:
        return {"change": "", "tone": style.palette.mute}
    return {"change": change_text(cell, metric, style), "tone": text_colour(cell, metric, style)}


def mix_by_tier(
    shares: Sequence[Cell], totals: Sequence[Cell], names: Mapping[str, Mapping[str, str]], style: Style, height: int
) -> alt.LayerChart:
    """A bar a tier, from 0 to 100 %, cut by channel; beside it how many interactions that is.

    ``shares``: channel_mix keyed by tier, channel; ``totals``: volume keyed by tier. ``names``: of both dimensions.
    """
    palette, language = style.palette, style.language
    tiers, volumes = tiers_of(totals), {cell.key[0]: cell for cell in totals}
    channels = sorted({str(cell.key[1]) for cell in shares if cell.key[1] is not None}, key=channel_rank)
    found = {(cell.key[0], str(cell.key[1])): cell for cell in shares}
    rows, ends = [], []
    for tier in tiers:
        base, name = 0.0, names["tier"].get(str(tier), str(tier))
        for channel in channels:
            cell = found.get((tier, channel))
            share = (cell.value or 0.0) if cell is not None else 0.0
            rows.append(
                {
                    "tier": name,
                    "x": base,
                    "x2": base + share,
                    "channel": names["channel"].get(channel, channel),
                    "text": format_value(share, "share", language),
                    **compared_fields(cell, METRICS["channel_mix"], style),
                }
            )
            base += share
        told = format_value(volumes[tier].value, "count", language)
        ends.append({"tier": name, "x": 1.0, "text": told, **compared_fields(volumes[tier], METRICS["volume"], style)})
    frame = pd.DataFrame(rows)
    y = alt.Y(
        "tier:N",
        sort=[names["tier"].get(str(tier), str(tier)) for tier in tiers],
        axis=alt.Axis(labelColor=palette.ink2, labelPadding=8, grid=False),
        scale=alt.Scale(paddingInner=0.3, paddingOuter=0.1),
    )
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domainMin=0, domainMax=alt.ExprRef("width / max(60, width - 52)"), nice=False),
        axis=None,
    )
    tips = [
        alt.Tooltip("tier:N", title=phrase(language, "chart_tier")),
        alt.Tooltip("channel:N", title=phrase(language, "chart_channel")),
        alt.Tooltip("text:N", title=phrase(language, "chart_share")),
        *compared_tips(shares, style),
    ]
    bars = (
        alt.Chart(frame)
        .mark_bar(stroke=palette.background, strokeWidth=0.7)
        .encode(
            x=x,
            x2=alt.X2("x2:Q"),
            y=y,
            color=alt.Color(
                "channel:N",
                scale=alt.Scale(
                    domain=[names["channel"].get(channel, channel) for channel in channels],
                    range=[palette.channel(channel) for channel in channels],
                ),
                # Too thin to be named on the bars.
                legend=alt.Legend(orient="bottom", columns=3, title=None, labelColor=palette.ink2, symbolType="square"),
            ),
            tooltip=tips,
        )
    )
    said = (
        alt.Chart(pd.DataFrame(ends))
        .mark_text(align="left", dx=5, color=palette.ink, fontSize=11.5)
        .encode(
            x=x,
            y=y,
            text=alt.Text("text:N"),
            tooltip=[
                tips[0],
                alt.Tooltip("text:N", title=METRICS["volume"].name(language)),
                *compared_tips(totals, style),
            ],
        )
    )
    return finish([bars, said], style, height)
