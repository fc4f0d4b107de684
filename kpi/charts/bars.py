"""Bars: interactions by channel over time, and a rate by channel."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from kpi.charts.goals import behind, limits, row_tip, target_ticks, target_tip, target_tips
from kpi.charts.lines import rule_of, target_pieces
from kpi.charts.notes import NOTES_ROOM, Note, note_layers
from kpi.charts.slots import Slots, x_domain
from kpi.charts.theme import Style, channel_rank, finish
from kpi.charts.tones import change_text, changes_at_right, comparison_ticks, text_colour
from kpi.i18n import Language, catalogue, phrase
from kpi.i18n.formats import axis_unit, format_count, format_percent, format_value
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS
from kpi.query.answer import Cell
from kpi.query.cell_rules import few

HEIGHT = 322
_LABEL_GAP = 16.5  # pixels between two labels


def unit_of_bars(totals: pd.DataFrame, language: Language) -> tuple[float, str]:
    """Divisor and letter (万, K) of the axis of stacked bars with these ``totals``, their comparison and targets."""
    return axis_unit(_highest(totals), language)


def _highest(totals: pd.DataFrame) -> float:
    columns = [name for name in ("value", "previous", "target_low", "target_high") if name in totals]
    return max([1.0, *(value for name in columns for value in totals[name].dropna())])


def volume_by_channel(
    by_channel: pd.DataFrame,
    totals: pd.DataFrame,
    slots: Slots,
    names: Mapping[str, str],
    style: Style,
    notes: Sequence[Note] = (),
) -> alt.LayerChart:
    """Stacked bars of interactions: one bar a slot, one colour a channel, labels beside the last bar.

    ``by_channel``: grain, channel, value. ``totals``: grain, value, previous; its ``previous`` is the grey line, and
    target_low, target_high and cell, where there are targets, a dashed rule.
    A slot that is cut by the period or still running is pale, and the running one has a dashed outline.
    """
    palette, language = style.palette, style.language
    place = {start: index for index, start in enumerate(slots.starts)}
    targets = target_pieces(totals, slots, 1.0)
    top = _highest(totals)
    divisor, _ = unit_of_bars(totals, language)
    total = {row[slots.grain]: row["value"] or 0 for row in totals.to_dict("records")}
    held = {row[slots.grain]: row_tip(row, METRICS["volume"], style) for row in totals.to_dict("records")}
    order = sorted(by_channel["channel"].dropna().unique(), key=channel_rank)
    label_of = {channel: names.get(channel, channel) for channel in order}

    # Rounded to whole things: a value the warehouse counted.
    grid = by_channel.assign(value=by_channel["value"].fillna(0)).pivot_table(
        index=slots.grain, columns="channel", values="value", aggfunc="sum", fill_value=0
    )
    pieces = []
    for start, row in zip(grid.index, grid.to_dict("records"), strict=True):
        base = 0.0
        for channel in order:
            value = float(row.get(channel, 0))
            pieces.append(
                {
                    "x": place[start] + 0.08,
                    "x2": place[start] + 0.92,
                    "y": base / divisor,
                    "y2": (base + value) / divisor,
                    "channel": channel,
                    "opacity": 0.38 if slots.partial(start) else 1.0,
                    "when": slots.name(start, language),
                    "at": f"{start:%Y-%m-%d}",
                    "name": label_of[channel],
                    "count": format_count(value, language, compact=False),
                    "share": format_percent(value / total[start], 1) if total.get(start) else "–",
                    "target": held.get(start, "–"),
                }
            )
            base += value
    margin = "width < 420 ? 66 : 124"
    x = alt.X("x:Q", scale=x_domain(slots, margin), axis=slots.axis(language))
    y_scale = alt.Scale(domain=[0, top / divisor * 1.06], nice=False)
    bars = (
        alt.Chart(pd.DataFrame(pieces))
        .mark_rect(stroke=palette.background, strokeWidth=0.7)
        .encode(
            x=x,
            x2=alt.X2("x2:Q"),
            y=alt.Y("y:Q", scale=y_scale, axis=alt.Axis(tickCount=4, format=",.2~f", grid=True)),
            y2=alt.Y2("y2:Q"),
            color=alt.Color(
                "channel:N",
                scale=alt.Scale(domain=order, range=[palette.channel(channel) for channel in order]),
                legend=None,
            ),
            opacity=alt.Opacity("opacity:Q", scale=None),
            tooltip=[
                alt.Tooltip("when:N", title=phrase(language, "chart_when")),
                alt.Tooltip("name:N", title=phrase(language, "chart_channel")),
                alt.Tooltip("count:N", title=phrase(language, "chart_interactions")),
                alt.Tooltip("share:N", title=phrase(language, "chart_share")),
                *([alt.Tooltip("target:N", title=phrase(language, "goal_of_all"))] if len(targets) else []),
            ],
        )
    )
    layers: list[alt.Chart] = [bars]
    if len(targets):
        layers.append(rule_of(targets.assign(y=targets["y"] / divisor), style))

    compared = totals.dropna(subset=["previous"])
    if len(compared):
        line = pd.DataFrame(
            {
                "x": [place[start] + 0.5 for start in compared[slots.grain]],
                "y": compared["previous"] / divisor,
                "when": [slots.name(start, language) for start in compared[slots.grain]],
                "count": [format_count(value, language, compact=False) for value in compared["previous"]],
            }
        )
        layers.append(
            alt.Chart(line)
            .mark_line(color=palette.compare, strokeWidth=1.4, interpolate="monotone")
            .encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
        )
        layers.append(
            alt.Chart(line)
            .mark_point(size=60, opacity=0, filled=True)
            .encode(
                x=alt.X("x:Q"),
                y=alt.Y("y:Q"),
                tooltip=[
                    alt.Tooltip("when:N", title=phrase(language, "chart_when")),
                    alt.Tooltip("count:N", title=phrase(language, "chart_compared")),
                ],
            )
        )
    running = [start for start in slots.starts if start <= slots.running <= slots.last_day(start)]
    if running and total.get(running[0]):
        slot = place[running[0]]
        frame = pd.DataFrame([{"x": slot + 0.04, "x2": slot + 0.96, "y": 0, "y2": total[running[0]] / divisor}])
        layers.append(
            alt.Chart(frame)
            .mark_rect(filled=False, stroke=palette.mute, strokeDash=[3, 2], strokeWidth=1.1)
            .encode(x=alt.X("x:Q"), x2=alt.X2("x2:Q"), y=alt.Y("y:Q"), y2=alt.Y2("y2:Q"))
        )
    noted = note_layers(notes, slots, style)
    layers += noted
    if len(grid):
        whole = [start for start in grid.index if not slots.partial(start)] or list(grid.index)
        ends = {channel: float(grid.loc[whole[-1], channel]) for channel in order}
        sums = grid.sum()
        shares = {channel: float(sums[channel] / (sums.sum() or 1)) for channel in order}
        layers += stack_labels(
            ends, shares, label_of, slots, top * 1.06, divisor, style, HEIGHT - (NOTES_ROOM if noted else 0)
        )
    return finish(layers, style, HEIGHT)


def stack_labels(
    ends: Mapping[str, float],
    shares: Mapping[str, float],
    names: Mapping[str, str],
    slots: Slots,
    top: float,
    divisor: float,
    style: Style,
    height: int = HEIGHT,
    told: Mapping[str, str] | None = None,
) -> list[alt.Chart]:
    """Swatch, name, share, and what is ``told`` of each channel (its change, a target), beside the last whole bar and
    kept apart.

    ``ends``: channel -> its piece of that bar, from the bottom; ``shares``: channel -> what it has of the period.
    ``top``: the upper end of the axis; ``divisor``: of its unit.
    """
    if not ends:
        return []
    gap = _LABEL_GAP * top / height
    middles, base = [], 0.0
    for piece in ends.values():
        middles.append(base + piece / 2)
        base += piece
    placed: list[float] = []
    for middle in middles:
        placed.append(max(middle, placed[-1] + gap) if placed else max(middle, gap / 2))
    if placed[-1] > top - gap / 2:
        # Push the pile down from the top, as far as needed.
        limit = top - gap / 2
        for index in range(len(placed) - 1, -1, -1):
            placed[index] = min(placed[index], limit)
            limit = placed[index] - gap
    frame = pd.DataFrame(
        {
            "x": [float(len(slots.starts))] * len(ends),
            "y": [value / divisor for value in placed],
            "channel": list(ends),
            "label": [
                f"{names[channel]} {format_percent(shares[channel], 1)} {(told or {}).get(channel, '')}".rstrip()
                for channel in ends
            ],
            "short": [
                f"{short_channel(channel, names[channel], style)} {format_percent(shares[channel])}" for channel in ends
            ],
        }
    )
    swatches = (
        alt.Chart(frame)
        .mark_square(size=62, xOffset=8, opacity=1)
        .encode(x=alt.X("x:Q"), y=alt.Y("y:Q"), color=alt.Color("channel:N", legend=None))
    )
    texts = (
        alt.Chart(frame)
        .mark_text(
            align="left",
            baseline="middle",
            dx=16,
            color=style.palette.ink2,
            fontSize=11.5,
            text=alt.ExprRef("width < 420 ? datum.short : datum.label"),
        )
        .encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
    )
    return [swatches, texts]


def short_channel(channel: str, name: str, style: Style) -> str:
    """A channel's name for a phone."""
    key = f"short_{channel}"
    return phrase(style.language, key) if key in catalogue() else name[:6]


def channel_rows(
    whole: tuple[str, Cell], cells: Sequence[Cell], names: Mapping[str, str], style: Style
) -> list[tuple[str, str, Cell]]:
    """Name, colour and figure of everything, then of each channel in its order."""
    rows = [(whole[0], style.palette.ink2, whole[1])]
    rows += [
        (names.get(str(cell.key[0]), str(cell.key[0])), style.palette.channel(str(cell.key[0])), cell)
        for cell in sorted(cells, key=lambda cell: channel_rank(str(cell.key[0])))
        if cell.key[0] is not None
    ]
    return rows


def thickness(rows: int, height: int) -> alt.RelativeBandSize:
    """Of bars in their bands: a few in much room do not grow into blocks."""
    return alt.RelativeBandSize(min(0.56, 30 * rows / height))


def rates_by_channel(
    metric: Metric,
    whole: Cell,
    cells: Sequence[Cell],
    names: Mapping[str, str],
    style: Style,
    height: int = HEIGHT,
    whole_name: str | None = None,
) -> alt.LayerChart:
    """A rate as one bar a channel under the bar of all channels (or of what ``whole_name`` says); ``cells``: keyed by
    channel.
    """
    everything = whole_name or phrase(style.language, "all_channels")
    return rate_bars(metric, channel_rows((everything, whole), cells, names, style), style, height)


def rate_bars(
    metric: Metric, rows: Sequence[tuple[str, str, Cell]], style: Style, height: int = HEIGHT
) -> alt.LayerChart:
    """A rate (or a mean) as one bar a row, with the comparison as a tick, the target as a dashed one, and the change.

    ``rows``: name, colour and figure, the first of them set apart by its bold value. One without a value says "–";
    with fewer than 30 contacts it is pale.
    """
    palette, language = style.palette, style.language
    cells = [cell for _, _, cell in rows]
    reach = [end or 0.0 for cell in cells for end in (cell.value, cell.previous, *limits(cell))]
    top = 1.0 if metric.unit == "share" else max([0.0, *reach]) or 1.0
    frame = pd.DataFrame(
        {
            "row": index,
            "name": name,
            "colour": colour,
            "value": cell.value or 0.0,
            "previous": cell.previous,
            "end": max(cell.value or 0.0, cell.previous or 0.0),
            "text": format_value(cell.value, metric.unit, language),
            "change": change_text(cell, metric, style),
            "tone": text_colour(cell, metric, style),
            "opacity": 0.4 if few(cell) else 1.0,
            "weight": index == 0,
            "n": format_count(cell.n, language, compact=False) if cell.n is not None else "–",
            "target": target_tip(cell, metric, style),
        }
        for index, (name, colour, cell) in enumerate(rows)
    )
    order = list(frame["name"])
    y = alt.Y("name:N", sort=order, axis=alt.Axis(labelColor=palette.ink2, labelLimit=110, labelPadding=8, grid=False))
    x = alt.X(
        "value:Q",
        scale=alt.Scale(domainMin=0, domainMax=alt.ExprRef(f"{top} * width / max(60, width - 96)"), nice=False),
        axis=None,
    )
    tips = [
        alt.Tooltip("name:N", title=phrase(language, "chart_channel")),
        alt.Tooltip("text:N", title=metric.name(language)),
        alt.Tooltip("change:N", title=phrase(language, "chart_change")),
        *target_tips(cells, style),
        alt.Tooltip("n:N", title="n"),
    ]
    base = alt.Chart(frame)
    bars = base.mark_bar(height=thickness(len(frame), height), cornerRadiusEnd=2).encode(
        x=x,
        y=y,
        color=alt.Color("colour:N", scale=None),
        opacity=alt.Opacity("opacity:Q", scale=None),
        tooltip=tips,
    )
    ticks = comparison_ticks(base, y, 20, style)
    goals = target_ticks([(name, cell) for name, _, cell in rows], "name:N", order, metric, 1.0, style)
    values = base.mark_text(align="left", dx=6, fontWeight=600, color=palette.ink, fontSize=12).encode(
        x=alt.X("end:Q"), y=y, text=alt.Text("text:N")
    )
    halo = [behind(values, style)] if goals else []
    changes = changes_at_right(base, y)
    return finish([bars, ticks, *goals, *halo, values, changes], style, height)
