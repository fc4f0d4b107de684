"""What each channel has of the whole over time, and how each changed."""

from collections.abc import Mapping, Sequence
from datetime import date

import altair as alt
import pandas as pd

from kpi.charts.bars import channel_rows, stack_labels, thickness
from kpi.charts.goals import row_tip, target_tip, target_tips
from kpi.charts.notes import NOTES_ROOM, Note, note_layers
from kpi.charts.slots import Slots, x_domain
from kpi.charts.theme import Style, channel_rank, finish
from kpi.charts.tones import change_text
from kpi.i18n import phrase
from kpi.i18n.formats import format_change, format_percent, format_value
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS
from kpi.query.answer import Cell
from kpi.targets.target_text import mark

HEIGHT = 250
CHANGES_HEIGHT = 322


def mix_by_channel(
    shares: pd.DataFrame,
    period: Sequence[Cell],
    slots: Slots,
    names: Mapping[str, str],
    style: Style,
    notes: Sequence[Note] = (),
) -> alt.LayerChart:
    """Every slot as one full bar, divided by channel. ``shares``: grain, channel, value (0–1), and cell where there
    are targets, which the tips tell; ``period``: what each has of the whole period, told by its name with its change
    and whether its target is met.

    A slot that is cut by the period or still running is pale.
    """
    palette, language = style.palette, style.language
    place = {start: index for index, start in enumerate(slots.starts)}
    order = sorted(shares["channel"].dropna().unique(), key=channel_rank)
    label_of = {channel: names.get(channel, channel) for channel in order}
    grid = shares.assign(value=shares["value"].fillna(0)).pivot_table(
        index=slots.grain, columns="channel", values="value", aggfunc="sum", fill_value=0
    )
    metric = METRICS["channel_mix"]
    held = {(row[slots.grain], row["channel"]): row_tip(row, metric, style) for row in shares.to_dict("records")}
    pieces = []
    shared: dict[date, dict] = dict(zip(grid.index, grid.to_dict("records"), strict=True))
    for start, row in shared.items():
        base = 0.0
        for channel in order:
            share = float(row[channel])
            pieces.append(
                {
                    "x": place[start] + 0.08,
                    "x2": place[start] + 0.92,
                    "y": base * 100,
                    "y2": (base + share) * 100,
                    "channel": channel,
                    "opacity": 0.38 if slots.partial(start) else 1.0,
                    "when": slots.name(start, language),
                    "at": f"{start:%Y-%m-%d}",
                    "name": label_of[channel],
                    "share": format_percent(share, 1),
                    "target": held.get((start, channel), "–"),
                }
            )
            base += share
    bars = (
        alt.Chart(pd.DataFrame(pieces))
        .mark_rect(stroke=palette.background, strokeWidth=0.7)
        .encode(
            x=alt.X("x:Q", scale=x_domain(slots, "width < 420 ? 66 : 156"), axis=slots.axis(language)),
            x2=alt.X2("x2:Q"),
            y=alt.Y("y:Q", scale=alt.Scale(domain=[0, 100], nice=False), axis=alt.Axis(tickCount=4, grid=True)),
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
                alt.Tooltip("share:N", title=phrase(language, "chart_share")),
                *target_tips(shares.get("cell", ()), style),
            ],
        )
    )
    whole = [start for start in shared if not slots.partial(start)] or list(shared)
    ends = {channel: float(shared[whole[-1]][channel]) for channel in order}
    cells = {str(cell.key[0]): cell for cell in period}
    of_period = {channel: (cells[channel].value or 0.0) if channel in cells else 0.0 for channel in order}
    changed = {channel: change_text(cell, metric, style) for channel, cell in cells.items() if cell.change is not None}
    told = {channel: f"{changed.get(channel, '')} {mark(cell)}".strip() for channel, cell in cells.items()}
    noted = note_layers(notes, slots, style)
    room = HEIGHT - (NOTES_ROOM if noted else 0)
    labels = stack_labels(ends, of_period, label_of, slots, 1.0, 0.01, style, room, told)
    return finish([bars, *noted, *labels], style, HEIGHT)


def changes_by_channel(
    metric: Metric, whole: tuple[str, Cell], cells: Sequence[Cell], names: Mapping[str, str], style: Style
) -> alt.LayerChart:
    """How much each channel's count changed, relatively: bars to either side of nought. ``whole``: name and figure of
    all of them, the first row.
    """
    palette, language = style.palette, style.language
    rows = channel_rows(whole, cells, names, style)
    frame = pd.DataFrame(
        {
            "name": name,
            "colour": colour,
            "zero": 0.0,
            "change": (cell.relative_change or 0.0) * 100,
            "text": format_change(cell, metric.unit, language),
            "value": format_value(cell.value, metric.unit, language, compact=False),
            "previous": format_value(cell.previous, metric.unit, language, compact=False),
            "opacity": 0.4 if (cell.n or 0) < 30 else 1.0,
            "target": target_tip(cell, metric, style),
        }
        for name, colour, cell in rows
    )
    low, high = min(0.0, *frame["change"]), max(0.0, *frame["change"])
    span = high - low or 1.0
    y = alt.Y(
        "name:N",
        sort=list(frame["name"]),
        axis=alt.Axis(labelColor=palette.ink2, labelLimit=110, labelPadding=8, grid=False),
    )
    # Room for the numbers on the sides that have bars.
    domain = [low - span * (0.3 if low < 0 else 0.02), high + span * (0.3 if high > 0 else 0.02)]
    x = alt.X("change:Q", scale=alt.Scale(domain=domain, nice=False), axis=None)
    base = alt.Chart(frame)
    tips = [
        alt.Tooltip("name:N", title=phrase(language, "chart_channel")),
        alt.Tooltip("value:N", title=metric.name(language)),
        alt.Tooltip("previous:N", title=phrase(language, "chart_compared")),
        alt.Tooltip("text:N", title=phrase(language, "chart_change")),
        *target_tips((cell for _, _, cell in rows), style),
    ]
    bars = base.mark_bar(height=thickness(len(frame), CHANGES_HEIGHT)).encode(
        x=x,
        x2=alt.X2("zero:Q"),
        y=y,
        color=alt.Color("colour:N", scale=None),
        opacity=alt.Opacity("opacity:Q", scale=None),
        tooltip=tips,
    )
    axis = base.mark_rule(color=palette.border).encode(x=alt.X("zero:Q"))
    right = base.transform_filter("datum.change >= 0").mark_text(align="left", dx=6, fontSize=12, color=palette.ink)
    left = base.transform_filter("datum.change < 0").mark_text(align="right", dx=-6, fontSize=12, color=palette.ink)
    texts = [side.encode(x=x, y=y, text=alt.Text("text:N")) for side in (right, left)]
    return finish([axis, bars, *texts], style, CHANGES_HEIGHT)
