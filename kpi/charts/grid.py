"""A KPI by one dimension as bars, by two as a heat map or as grouped bars."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd

from kpi.charts.goals import behind, grouped_ticks, limits, missed_corners, target_ticks, target_tip, target_tips
from kpi.charts.notes import Note, edge_notes
from kpi.charts.theme import Palette, Style, finish
from kpi.charts.tones import changes_at_right, comparison_ticks
from kpi.i18n import phrase
from kpi.i18n.formats import format_bare, format_change, format_count, format_value
from kpi.metrics.model import Metric
from kpi.narrative.change_tone import goodness
from kpi.query.answer import Cell, DimensionValue
from kpi.query.cell_rules import few

_BAR, _LEAST = 25, 250  # pixels: of a bar with its room, of a figure
_NARROW = 27  # pixels that a figure in a cell of the heat map needs


@dataclass(frozen=True)
class Value:
    """A value of a dimension: its name, its colour where it has one everywhere (a channel, a tier), and, of a time,
    what began then.
    """

    name: str
    colour: str | None = None
    happened: tuple[Note, ...] = ()


def colour_of(dimension: str, value: DimensionValue, palette: Palette) -> str | None:
    """The fixed colour of a channel or a tier; None for all else."""
    if dimension == "channel" and value is not None:
        return palette.channel(str(value))
    if dimension == "tier" and value is not None and 1 <= int(str(value)) <= len(palette.tiers):
        return palette.tiers[int(str(value)) - 1]
    return None


def bars(metric: Metric, whole: Cell | None, rows: Sequence[tuple[Value, Cell]], style: Style) -> alt.LayerChart:
    """One bar a value, from zero, with the comparison as a tick, the target as a dashed one, the change at the right.

    ``whole``: the figure of all of them, drawn first where one bar can stand beside it (a rate, not a count).
    """
    palette, language = style.palette, style.language
    listed = [*rows]
    if whole is not None and metric.unit not in {"count", "customers", "yuan"}:
        listed.insert(0, (Value(phrase(language, "pivot_all"), palette.ink2), whole))
    frame = pd.DataFrame(
        [
            {"name": value.name, "colour": value.colour or palette.accent, **_told(metric, cell, style)}
            for value, cell in listed
        ]
    )
    order = list(frame["name"])
    y = alt.Y("name:N", sort=order, axis=_labels(palette))
    least = min(0.0, float(frame["value"].min()))
    # A comparison that was higher has its tick within the axis, and the figure beside it room before the changes.
    top = max([float(frame["end"].max()), 0.0, *(end for _, cell in listed for end in limits(cell))]) or 1.0
    x = alt.X(
        "value:Q",
        scale=alt.Scale(
            domainMin=least, domainMax=alt.ExprRef(f"{top} * width / max(60, width - 130)"), nice=False, zero=True
        ),
        axis=None,
    )
    base = alt.Chart(frame)
    drawn = base.mark_bar(height=alt.RelativeBandSize(0.6), cornerRadiusEnd=2).encode(
        x=x,
        y=y,
        color=alt.Color("colour:N", scale=None),
        opacity=alt.Opacity("opacity:Q", scale=None),
        tooltip=_tips(metric, [cell for _, cell in listed], style),
    )
    ticks = comparison_ticks(base, y, 16, style)
    goals = target_ticks([(value.name, cell) for value, cell in listed], "name:N", order, metric, 1.0, style)
    values = base.mark_text(align="left", dx=6, fontWeight=600, color=palette.ink, fontSize=12).encode(
        x=alt.X("end:Q"), y=y, text=alt.Text("text:N")
    )
    halo = [behind(values, style)] if goals else []
    changes = changes_at_right(base, y)
    noted = edge_notes(_happened([value for value, _ in listed], "name"), style, y=y)
    return finish([drawn, ticks, *goals, *halo, values, changes, *noted], style, max(_LEAST, _BAR * len(listed)))


def grouped(
    metric: Metric,
    rows: Sequence[Value],
    cols: Sequence[Value],
    cells: Mapping[tuple[int, int], Cell],
    style: Style,
) -> alt.LayerChart:
    """A group of bars a row, a bar a column, each named at its end, the target as a dashed tick.

    ``cells``: (row, column) -> figure.
    """
    palette = style.palette
    shades = [1.0 - 0.6 * index / max(1, len(cols) - 1) for index in range(len(cols))]
    records = []
    for (row, col), cell in sorted(cells.items()):
        told, alpha = _told(metric, cell, style), _alpha(cell)
        told["opacity"] = alpha if cols[col].colour else alpha * shades[col]
        records.append(
            {
                "name": rows[row].name,
                "col": cols[col].name,
                "colour": cols[col].colour or palette.accent,
                "label": f"{cols[col].name}  {told['text']}",
                **told,
            }
        )
    frame = pd.DataFrame(records)
    order = [row.name for row in rows]
    y = alt.Y("name:N", sort=order, axis=_labels(palette), scale=alt.Scale(paddingInner=0.2))
    offset = alt.YOffset("col:N", sort=[col.name for col in cols])
    top = max([float(frame["value"].max()), 0.0, *(end for cell in cells.values() for end in limits(cell))]) or 1.0
    x = alt.X(
        "value:Q",
        scale=alt.Scale(
            domainMin=min(0.0, float(frame["value"].min())),
            domainMax=alt.ExprRef(f"{top} * width / max(60, width - 150)"),
            nice=False,
        ),
        axis=None,
    )
    base = alt.Chart(frame)
    drawn = base.mark_bar(cornerRadiusEnd=2).encode(
        x=x,
        y=y,
        yOffset=offset,
        color=alt.Color("colour:N", scale=None),
        opacity=alt.Opacity("opacity:Q", scale=None),
        tooltip=[
            alt.Tooltip("col:N", title=phrase(style.language, "explore_cols")),
            *_tips(metric, cells.values(), style),
        ],
    )
    texts = base.mark_text(align="left", dx=5, fontSize=11, color=palette.ink2).encode(
        x=alt.X("value:Q"), y=y, yOffset=offset, text=alt.Text("label:N")
    )
    placed = [({"name": rows[row].name, "col": cols[col].name}, cell) for (row, col), cell in sorted(cells.items())]
    goals = grouped_ticks(placed, y, offset, metric, style)
    halo = [behind(texts, style)] if goals else []
    within = [({"name": row.name} | fields, note) for row in rows for fields, note in _happened(cols, "col")]
    noted = edge_notes(_happened(rows, "name"), style, y=y) + edge_notes(within, style, y=y, yOffset=offset)
    return finish([drawn, *goals, *halo, texts, *noted], style, max(_LEAST, len(rows) * (15 * len(cols) + 8)))


def heat(
    metric: Metric,
    whole: Cell | None,
    rows: Sequence[Value],
    cols: Sequence[Value],
    cells: Mapping[tuple[int, int], Cell],
    divisor: float,
    style: Style,
) -> alt.LayerChart:
    """One cell a pair. A rate is coloured by its distance from the whole, better or worse; a count by its size.

    A rate of fewer than 30 is pale and not coloured; a missed target is a corner. ``cells``: (row, column) -> figure,
    written in units of ``divisor``.
    """
    palette, language = style.palette, style.language
    judged = metric.direction in {"up", "down"} and whole is not None and whole.value is not None
    centre = (whole.value or 0.0) if judged and whole is not None else 0.0
    sign = -1.0 if metric.direction == "down" else 1.0
    # What is not known (no agent, no topic) is often most of it, and would leave all else without a colour.
    firm = [cell.value for cell in cells.values() if cell.value is not None and not few(cell) and None not in cell.key]
    reach = max((abs(value - centre) for value in firm), default=0.0) or 1.0
    records = []
    for (row, col), cell in sorted(cells.items()):
        pale = cell.value is None or few(cell)
        records.append(
            {
                "name": rows[row].name,
                "col": cols[col].name,
                "shade": 0.0 if pale or cell.value is None else sign * (cell.value - centre) / reach,
                "pale": pale,
                "figure": format_bare(cell.value, metric.unit, divisor),
                **_told(metric, cell, style),
            }
        )
    frame = pd.DataFrame(records)
    x = alt.X(
        "col:N",
        sort=[col.name for col in cols],
        scale=alt.Scale(paddingInner=0.06, paddingOuter=0),
        axis=alt.Axis(
            orient="top", labelAngle=0, labelColor=palette.ink2, labelFontSize=11.5, labelOverlap=True, labelLimit=96
        ),
    )
    y = alt.Y(
        "name:N",
        sort=[row.name for row in rows],
        scale=alt.Scale(paddingInner=0.1, paddingOuter=0),
        axis=_labels(palette),
    )
    base = alt.Chart(frame).encode(x=x, y=y)
    scale = (
        alt.Scale(
            domain=[-1, 0, 1],
            range=[palette.worse_fill, palette.neutral_fill, palette.better_fill],
            interpolate="rgb",
            clamp=True,
        )
        if judged
        else alt.Scale(domain=[0, 1], range=[palette.neutral_fill, palette.tint], interpolate="rgb", clamp=True)
    )
    fills = base.mark_rect(cornerRadius=3).encode(
        color=alt.Color("shade:Q", scale=scale, legend=None),
        tooltip=[alt.Tooltip("col:N", title=phrase(language, "explore_cols")), *_tips(metric, cells.values(), style)],
    )
    texts = base.mark_text(
        fontSize=11.5,
        color=alt.ExprRef(f"datum.pale ? '{palette.mute}' : '{palette.ink}'"),
        text=alt.ExprRef(f"width / {max(1, len(cols))} < {_NARROW} ? '' : datum.figure"),
    )
    noted = edge_notes(_happened(rows, "name"), style, y=y) + edge_notes(_happened(cols, "col"), style, x=x)
    corners = missed_corners(frame, x, y, style)
    return finish([fills, texts, *corners, *noted], style, max(_LEAST, 24 * len(rows) + 24))


def _happened(values: Sequence[Value], field: str) -> list[tuple[dict[str, str], Note]]:
    return [({field: value.name}, note) for value in values for note in value.happened]


def _labels(palette: Palette) -> alt.Axis:
    return alt.Axis(
        labelColor=palette.ink2,
        labelLimit=alt.ExprRef("width < 300 ? 84 : 150"),
        labelPadding=8,
        grid=False,
    )


def _told(metric: Metric, cell: Cell, style: Style) -> dict[str, object]:
    """What every mark of a figure holds: its place, its texts, how pale it is."""
    palette, language = style.palette, style.language
    good = goodness(cell, metric)
    changed = format_change(cell, metric.unit, language) if cell.change is not None else ""
    return {
        "value": cell.value or 0.0,
        "end": max(cell.value or 0.0, cell.previous or 0.0, 0.0),
        "previous": cell.previous,
        "text": format_value(cell.value, metric.unit, language),
        "full": format_value(cell.value, metric.unit, language, compact=False)
        if cell.value is not None
        else phrase(language, f"reason_{cell.reason}"),
        "change": changed.replace(" 个百分点", "").replace(" pt", ""),
        "tone": palette.mute if good == 0 else palette.better if good > 0 else palette.worse,
        "opacity": _alpha(cell),
        "n": format_count(cell.n, language, compact=False) if cell.n is not None else "–",
        "target": target_tip(cell, metric, style),
        "missed": cell.met is False,
    }


def _alpha(cell: Cell) -> float:
    return 0.4 if cell.value is None or few(cell) else 1.0


def _tips(metric: Metric, cells: Iterable[Cell], style: Style) -> list[alt.Tooltip]:
    language = style.language
    return [
        alt.Tooltip("name:N", title=phrase(language, "explore_rows")),
        alt.Tooltip("full:N", title=metric.name(language)),
        alt.Tooltip("change:N", title=phrase(language, "chart_change")),
        *target_tips(cells, style),
        alt.Tooltip("n:N", title="n"),
    ]
