"""What was answered: the distribution of scores, promoters and detractors, complaints by their clocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import altair as alt
import pandas as pd

from kpi.charts.goals import target_tip
from kpi.charts.theme import Style, channel_rank, edge, finish
from kpi.charts.tones import change_text, changes_at_right, text_colour
from kpi.i18n import phrase
from kpi.i18n.formats import format_count, format_percent, format_value
from kpi.metrics.registry import METRICS
from kpi.query.answer import Answer, Cell
from kpi.stats.intervals import SMALL_N
from kpi.targets.target_text import mark

HEIGHT = 322
_NPS_GROUPS = ("detractor", "passive", "promoter")
_AGES = ("0-15", "16-30", "31-60", "61+")
_STATES = ("in_time", "overdue")


def score_distribution(parts: Answer, names: Mapping[str, str], style: Style) -> alt.LayerChart:
    """The share of each score from 1 to 5 as a bar; 4 and 5, which count as satisfied, in colour; the comparison as a
    tick. ``parts``: score_share by score.
    """
    palette, language = style.palette, style.language
    cells = {int(str(cell.key[0])): cell for cell in parts.cells if cell.key[0] is not None}
    frame = pd.DataFrame(
        {
            "score": names.get(str(score), str(score)),
            "value": ((cell.value or 0.0) if cell else 0.0) * 100,
            "previous": None if cell is None or cell.previous is None else cell.previous * 100,
            "text": format_value(cell.value if cell else 0.0, "share", language),
            "count": format_count((cell.numerator or 0) if cell else 0, language, compact=False),
            "colour": palette.accent if score >= 4 else palette.compare,
        }
        for score in range(1, 6)
        for cell in [cells.get(score)]
    )
    x = alt.X(
        "score:N",
        sort=list(frame["score"]),
        scale=alt.Scale(paddingInner=0.3, paddingOuter=0.15),
        axis=alt.Axis(labelAngle=0, labelColor=palette.ink2, grid=False),
    )
    top = max([10.0, *frame["value"], *frame["previous"].dropna()])
    y = alt.Y("value:Q", scale=alt.Scale(domain=[0, top * 1.1], nice=False), axis=alt.Axis(tickCount=4, grid=True))
    tips = [
        alt.Tooltip("score:N", title=phrase(language, "satisfaction_score")),
        alt.Tooltip("text:N", title=phrase(language, "chart_share")),
        alt.Tooltip("count:N", title=phrase(language, "satisfaction_answers")),
    ]
    base = alt.Chart(frame)
    bars = base.mark_bar(cornerRadiusEnd=2).encode(x=x, y=y, color=alt.Color("colour:N", scale=None), tooltip=tips)
    ticks = (
        base.transform_filter("isValid(datum.previous)")
        .mark_tick(color=palette.ink, thickness=1.2, size=26, opacity=0.6)
        .encode(x=x, y=alt.Y("previous:Q"))
    )
    texts = base.mark_text(dy=-8, fontSize=12, fontWeight=600, color=palette.ink).encode(
        x=x, y=y, text=alt.Text("text:N")
    )
    return finish([bars, ticks, texts], style, HEIGHT)


@dataclass(frozen=True)
class _Piece:
    row: str
    part: str
    size: float
    text: str  # within the piece, where it is wide enough
    tip: str
    pale: bool = False


def nps_groups(shares: Answer, nets: Answer, names: Mapping[str, str], groups: Mapping[str, str], style: Style,
               height: int) -> alt.LayerChart:  # fmt: skip
    """Detractors, passives and promoters of each channel as one full bar, the net at its end, marked where a target
    is set for it, and its change.

    ``shares``: nps_share by channel and group; ``nets``: nps by channel. n < 30 is pale.
    """
    language = style.language
    net = {str(cell.key[0]): cell for cell in nets.cells if cell.kpi == "nps" and cell.value is not None}
    found = {(str(cell.key[0]), str(cell.key[1])): cell for cell in shares.cells if cell.value is not None}
    order = sorted((channel for channel in net if channel != "None"), key=channel_rank)
    pieces = []
    for channel in order:
        for group in _NPS_GROUPS:
            cell = found.get((channel, group))
            share = (cell.value or 0.0) if cell else 0.0
            count = format_count((cell.numerator or 0) if cell else 0, language, compact=False)
            told = format_percent(share) if share >= 0.1 else ""
            few = (net[channel].n or 0) < SMALL_N
            tip = f"{format_percent(share, 1)} · {count}" + _net_target(net[channel], style)
            pieces.append(_Piece(names.get(channel, channel), groups[group], share * 100, told, tip, few))
    ends = {names.get(channel, channel): _net(net[channel], style) for channel in order}
    colours = [style.palette.worse_fill, style.palette.border, style.palette.better_fill]
    metric = METRICS["nps"]
    changes = {
        names.get(channel, channel): (
            change_text(net[channel], metric, style),
            text_colour(net[channel], metric, style),
        )
        for channel in order
        if net[channel].change is not None
    }
    return _stacked(pieces, ends, dict(zip([groups[group] for group in _NPS_GROUPS], colours, strict=True)), 100.0,
                    style, height, changes)  # fmt: skip


def _net(cell: Cell, style: Style) -> str:
    text = format_value(cell.value, "points", style.language)
    few = (cell.n or 0) < SMALL_N
    return " ".join(filter(None, [text, mark(cell), f"· n {cell.n or 0}" if few else ""]))


def _net_target(cell: Cell, style: Style) -> str:
    """The target of the net, for a tip; "" without one."""
    if cell.goal is None:
        return ""
    return f" · {phrase(style.language, 'define_target')} {target_tip(cell, METRICS['nps'], style)}"


def complaints_by_age(
    parts: Answer, ages: Mapping[str, str], states: Mapping[str, str], style: Style, height: int
) -> alt.LayerChart:
    """Open complaints, a bar an age, what is overdue set apart; at the right the change of each age. ``parts``:
    complaints_open by age and due state.
    """
    language, metric = style.language, METRICS["complaints_open"]
    counts = {(str(cell.key[0]), str(cell.key[1])): cell.value or 0.0 for cell in parts.cells}
    pieces, sums = [], {}
    for age in _AGES:
        sums[age] = sum(counts.get((age, state), 0.0) for state in _STATES)
        for state in _STATES:
            count = counts.get((age, state), 0.0)
            told = format_count(count, language, compact=False)
            pieces.append(_Piece(ages[age], states[state], count, "", told))
    ends = {ages[age]: format_count(count, language, compact=False) for age, count in sums.items()}
    changes = {}
    for age, count in sums.items():
        known = [cell for cell in parts.cells if cell.key[0] == age and cell.previous is not None]
        if known:
            before = sum(cell.previous or 0.0 for cell in known)
            both = replace(known[0], value=count, previous=before, change=count - before)
            changes[ages[age]] = change_text(both, metric, style), text_colour(both, metric, style)
    colours = dict(zip([states[state] for state in _STATES], [style.palette.tint, style.palette.worse], strict=True))
    return _stacked(pieces, ends, colours, max([1.0, *sums.values()]), style, height, changes)


def _stacked(
    pieces: Sequence[_Piece],
    ends: Mapping[str, str],
    colours: Mapping[str, str],
    top: float,
    style: Style,
    height: int,
    changes: Mapping[str, tuple[str, str]],
) -> alt.LayerChart:
    """Rows of pieces from zero on, a text at the end of each row, the parts named above. ``changes``: row -> text at
    the right, and its colour.
    """
    palette, language = style.palette, style.language
    rows, base_of = [], dict.fromkeys(ends, 0.0)
    for piece in pieces:
        begin = base_of[piece.row]
        base_of[piece.row] = begin + piece.size
        rows.append(
            {
                "row": piece.row,
                "part": piece.part,
                "x": begin,
                "x2": begin + piece.size,
                "middle": begin + piece.size / 2,
                "text": piece.text,
                "tip": piece.tip,
                "opacity": 0.45 if piece.pale else 1.0,
            }
        )
    y = alt.Y(
        "row:N",
        sort=list(ends),
        scale=alt.Scale(paddingInner=0.35, paddingOuter=0.15),
        axis=alt.Axis(labelColor=palette.ink2, labelLimit=118, labelPadding=8, grid=False),
    )
    room = "(width < 420 ? 104 : 130)" if changes else "(width < 420 ? 74 : 110)"
    scale = alt.Scale(domainMin=0, domainMax=alt.ExprRef(f"{top} * width / max(60, width - {room})"), nice=False)
    color = alt.Color(
        "part:N",
        sort=list(colours),
        scale=alt.Scale(domain=list(colours), range=list(colours.values())),
        legend=alt.Legend(
            orient="top", title=None, labelColor=palette.ink2, labelFontSize=11.5, symbolType="square", offset=4
        ),
    )
    base = alt.Chart(pd.DataFrame(rows)).encode(y=y)
    bars = base.mark_bar(**edge(style)).encode(
        x=alt.X("x:Q", scale=scale, axis=None),
        x2=alt.X2("x2:Q"),
        color=color,
        opacity=alt.Opacity("opacity:Q", scale=None),
        tooltip=[
            alt.Tooltip("row:N", title=" "),
            alt.Tooltip("part:N", title=phrase(language, "satisfaction_part")),
            alt.Tooltip("tip:N", title=phrase(language, "chart_value")),
        ],
    )
    inside = base.mark_text(fontSize=11.5, color=palette.ink).encode(x=alt.X("middle:Q"), text=alt.Text("text:N"))
    totals = pd.DataFrame([{"row": row, "x": base_of[row], "text": text} for row, text in ends.items()])
    texts = (
        alt.Chart(totals)
        .mark_text(align="left", dx=6, fontSize=12, fontWeight=600, color=palette.ink)
        .encode(x=alt.X("x:Q"), y=y, text=alt.Text("text:N"))
    )
    layers = [bars, inside, texts]
    if changes:
        moved = pd.DataFrame([{"row": row, "text": text, "tone": tone} for row, (text, tone) in changes.items()])
        layers.append(changes_at_right(alt.Chart(moved), y, "text"))
    return finish(layers, style, height)
