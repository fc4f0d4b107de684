"""A KPI over time, a line a value of another dimension."""

from collections.abc import Mapping, Sequence
from datetime import date

import altair as alt
import pandas as pd

from kpi.charts.goals import target_tip, target_tips
from kpi.charts.grid import Value
from kpi.charts.lines import rule_of, spread, target_ends, target_pieces
from kpi.charts.notes import Note, note_layers
from kpi.charts.slots import Slots, x_domain
from kpi.charts.theme import Palette, Style, axis_format, finish
from kpi.i18n import phrase
from kpi.i18n.formats import format_count, format_value
from kpi.metrics.model import Metric
from kpi.query.answer import Cell

HEIGHT = 290
_DASHES = ((1, 0), (7, 3), (2, 2))
_SAMPLES = ("━", "╍", "┉")  # how each looks beside a name
_LETTER = 0.021  # of the axis that a Latin letter takes: the names of the lines leave it less room
_GAP = 17.0  # pixels between the names of two lines


def series(
    metric: Metric,
    lines: Sequence[Value],
    cells: Mapping[tuple[int, date], Cell],
    slots: Slots,
    divisor: float,
    style: Style,
    notes: Sequence[Note] = (),
) -> alt.LayerChart:
    """``cells``: (line, first day of the slot) -> figure, on an axis in units of ``divisor``.

    A channel and a tier have their colours; other lines are told apart by colour and dashes, the same at their names at
    the end. Counts begin at zero; the axis of a rate shows its change. A target is a dashed rule:
    one with its name where it is the same for all lines, else one a line in its colour.
    """
    palette, language = style.palette, style.language
    looks = _looks(lines, palette)
    colours = [colour for colour, _ in looks]
    counted = metric.unit in {"count", "customers", "yuan"}
    place = {start: index for index, start in enumerate(slots.starts)}
    known = [
        (line, start, cell) for (line, start), cell in sorted(cells.items()) if line < len(lines) and start in place
    ]
    values = [cell.value for _, _, cell in known if cell.value is not None] or [0.0]
    factor = 100.0 if metric.unit == "share" else 1 / divisor
    rows = [
        {
            "x": place[start] + 0.5,
            "y": None if cell.value is None else cell.value * factor,
            "line": lines[line].name,
            "series": line,
            "when": slots.name(start, language),
            "text": format_value(cell.value, metric.unit, language, compact=False),
            "n": "–" if cell.n is None else format_count(cell.n, language, compact=False),
            "target": target_tip(cell, metric, style),
            "slot": place[start],
            "cut": slots.partial(start),
        }
        for line, start, cell in known
    ]
    targets = _targets(known, [line.name for line in lines], slots, factor)
    values = [*(value * factor for value in values), *targets["y"]]
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or max(abs(high) * 0.05, 0.5)
    least = min(0.0, low) if counted else low - room if low < 0 else max(low - room, 0.0)
    most = min(high + room, 100.0) if metric.unit == "share" else high + room
    data = pd.DataFrame(rows)
    x = alt.X("x:Q", scale=x_domain(slots, "width < 420 ? 70 : 118"), axis=slots.axis(language))
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=[least, most], nice=False, zero=False),
        axis=alt.Axis(tickCount=5, format=axis_format(least, most), grid=True),
    )
    # By number: Vega tells lines apart by keys of an object, which a name must not be.
    numbers = {line.name: number for number, line in enumerate(lines)}
    colour = alt.Color("series:N", scale=alt.Scale(domain=list(range(len(lines))), range=colours), legend=None)
    dash = alt.StrokeDash(
        "series:N",
        scale=alt.Scale(domain=list(range(len(lines))), range=[list(dashes) for _, dashes in looks]),
        legend=None,
    )
    base = alt.Chart(data)
    drawn = (
        base.transform_filter("!datum.cut")
        .mark_line(strokeWidth=1.8, clip=True)
        .encode(x=x, y=y, color=colour, strokeDash=dash)
    )
    # A slot at either end that is cut or still running, and its neighbour, from which its dotted piece comes.
    last = len(slots.starts) - 1
    dotted = [
        base.transform_filter(f"datum.slot >= {first} && datum.slot <= {first + 1}")
        .mark_line(strokeWidth=1.8, strokeDash=[2, 3], clip=True)
        .encode(x=x, y=y, color=colour)
        for end, first in ((0, 0), (last, last - 1))
        if last > 0 and slots.partial(slots.starts[end])
    ]
    points = base.mark_point(size=90, opacity=0, filled=True).encode(
        x=x,
        y=y,
        tooltip=[
            alt.Tooltip("line:N", title=phrase(language, "explore_cols")),
            alt.Tooltip("when:N", title=phrase(language, "chart_when")),
            alt.Tooltip("text:N", title=metric.name(language)),
            *target_tips(cells.values(), style),
            alt.Tooltip("n:N", title="n"),
        ],
    )
    layers = [
        drawn,
        *(dotted if len(data) else []),
        points,
        *note_layers(notes, slots, style, _LETTER),
    ]
    shared = targets[targets["line"] == ""]
    apart = targets[targets["line"] != ""]
    if len(shared):
        layers.insert(0, rule_of(shared, style))
    if len(apart):
        numbered = apart.assign(series=apart["line"].map(numbers))
        layers.insert(0, rule_of(numbered, style).encode(color=colour))
    named = target_ends(shared, len(slots.starts), metric, factor, style)
    ends = _ends(data, lines, named, least, most, len(slots.starts))
    if len(ends):
        label = alt.Chart(ends)
        samples = ends[~ends["line"].isin([name for _, name in named])]
        samples = samples.assign(series=samples["line"].map(numbers))
        looks_of = {line.name: _SAMPLES[_DASHES.index(dashes)] for line, (_, dashes) in zip(lines, looks, strict=True)}
        sample = alt.Chart(samples.assign(sample=samples["line"].map(looks_of)))
        layers += [
            sample.mark_text(align="left", dx=5, fontSize=13, fontWeight=700).encode(
                x=alt.X("x:Q"), y=alt.Y("y:Q"), text=alt.Text("sample:N"), color=colour
            ),
            label.mark_text(align="left", dx=22, fontSize=11.5, color=palette.ink2, limit=100).encode(
                x=alt.X("x:Q"), y=alt.Y("y:Q"), text=alt.Text("line:N")
            ),
        ]
    return finish(layers, style, HEIGHT)


def _looks(lines: Sequence[Value], palette: Palette) -> list[tuple[str, tuple[int, ...]]]:
    """Colour and dashes of each line: no two of them alike."""
    free = [(colour, dashes) for dashes in _DASHES for colour in (palette.accent, palette.ink, palette.compare)]
    found: list[tuple[str, tuple[int, ...]]] = []
    at = 0
    for line in lines:
        if line.colour is not None:
            found.append((line.colour, _DASHES[0]))
        else:
            found.append(free[at % len(free)])
            at += 1
    return found


def _targets(
    known: Sequence[tuple[int, date, Cell]], names: Sequence[str], slots: Slots, factor: float
) -> pd.DataFrame:
    """The targets as pieces: x, x2, y, column, and the name of the line; "" where all lines have the same."""
    found = []
    for line, name in enumerate(names):
        held = [
            {slots.grain: start, "target_low": cell.target_low, "target_high": cell.target_high}
            for at, start, cell in known
            if at == line
        ]
        found.append(target_pieces(pd.DataFrame(held), slots, factor).assign(line=name))
    if len(found) > 1 and all(one.drop(columns="line").equals(found[0].drop(columns="line")) for one in found):
        found = [found[0].assign(line="")]
    return pd.concat(found, ignore_index=True)


def _ends(
    data: pd.DataFrame,
    lines: Sequence[Value],
    named: Sequence[tuple[float, str]],
    least: float,
    most: float,
    end: int,
) -> pd.DataFrame:
    """Where the name of each line stands: at its last value that is no longer running, a line's height from others;
    and those of other heights (``named``).
    """
    if len(data) and not data["cut"].all():
        data = data[~data["cut"]]
    found = data.dropna(subset=["y"]).groupby("line")["y"].last() if len(data) else pd.Series(dtype=float)
    last = {name: float(found[name]) for line in lines if (name := line.name) in found}
    last |= {name: height for height, name in named}
    order = sorted(last, key=lambda name: last[name])
    gap = (most - least) * _GAP / HEIGHT
    placed = spread([last[name] for name in order], (least + gap / 2, most), gap)
    return pd.DataFrame({"x": [float(end)] * len(order), "y": placed, "line": order})
