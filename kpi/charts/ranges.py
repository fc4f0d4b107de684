"""Rates with their 95 % intervals, one row each: what is known, and how surely."""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from kpi.charts.goals import limits, target_ticks, target_tip, target_tips
from kpi.charts.theme import Style, channel_rank, finish, looked_up
from kpi.i18n import phrase
from kpi.i18n.formats import format_change, format_count, format_value
from kpi.metrics.model import Metric
from kpi.query.answer import Cell
from kpi.stats.intervals import SMALL_N


def worst_first(cells: Sequence[Cell], direction: str, most: int | None = None) -> list[Cell]:
    """Worst first; those that stand on fewer than 30 rank nowhere and come last, those without a value not at all.

    ``most``: at most so many, the worst.
    """
    known = [cell for cell in cells if cell.value is not None and cell.key[0] is not None]
    sure = [cell for cell in known if (cell.n or 0) >= SMALL_N]
    unsure = [cell for cell in known if (cell.n or 0) < SMALL_N]
    sure.sort(key=lambda cell: (cell.value if direction == "up" else -(cell.value or 0), str(cell.key[0])))
    unsure.sort(key=lambda cell: (-(cell.n or 0), str(cell.key[0])))
    return [*sure, *unsure][:most]


def in_order_of_channels(cells: Sequence[Cell]) -> list[Cell]:
    """As the channels stand everywhere."""
    known = [cell for cell in cells if cell.key[0] is not None]
    return sorted(known, key=lambda cell: channel_rank(str(cell.key[0])))


def rate_ranges(
    metric: Metric,
    whole: tuple[str, Cell],
    cells: Sequence[Cell],
    names: Mapping[str, str],
    beside: tuple[Metric, Mapping[object, Cell]],
    style: Style,
    height: int,
) -> alt.LayerChart:
    """A dot with its interval a row, the whole as a line through all of them, the comparison as a tick, the target as
    a dashed one.

    ``whole``: name and figure of everything. ``beside``: the KPI of the last column and its cells by value of the
    dimension (None: of everything). Below 30 the row is pale and marked. The axis need not begin at zero: a
    position is read, no length.
    """
    palette, language = style.palette, style.language
    rows = [(whole[0], whole[1], None), *((names.get(str(c.key[0]), str(c.key[0])), c, c.key[0]) for c in cells)]
    frame = pd.DataFrame(
        {"row": index} | _row(metric, name, cell, key, beside, style) for index, (name, cell, key) in enumerate(rows)
    )
    ends = frame[["low", "high", "value", "previous"]].to_numpy(dtype=float).ravel()
    ends = np.append(ends[~pd.isna(ends)], [end * 100 for _, cell, _ in rows for end in limits(cell)])
    low, high = (max(0.0, ends.min() - 1), min(100.0, ends.max() + 1)) if len(ends) else (0.0, 100.0)
    room = "(width < 420 ? 108 : 150)"
    x = alt.X(
        "value:Q",
        scale=alt.Scale(
            domainMin=low,
            domainMax=alt.ExprRef(f"{low} + {high - low} * width / max(60, width - {room})"),
            nice=False,
            zero=False,
        ),
        # No tick below the columns of figures.
        axis=alt.Axis(
            tickCount=6,
            grid=True,
            gridOpacity=alt.condition(f"datum.value <= {high}", alt.value(1), alt.value(0)),
            labelExpr=f"datum.value <= {high} ? datum.label : ''",
        ),
    )
    y = alt.Y(
        "row:O",
        axis=alt.Axis(
            labelColor=palette.ink2,
            labelLimit=118,
            labelPadding=8,
            grid=False,
            labelExpr=looked_up(dict(enumerate(frame["name"])), "datum.value"),
        ),
    )
    tips = [alt.Tooltip("name:N", title=" "), alt.Tooltip("full:N", title=metric.name(language))]
    tips += [
        alt.Tooltip("range:N", title=phrase(language, "satisfaction_interval")),
        alt.Tooltip("change:N", title=phrase(language, "chart_change")),
        *target_tips([cell for _, cell, _ in rows], style),
        alt.Tooltip("n:N", title="n"),
    ]
    tips.append(alt.Tooltip("beside:N", title=beside[0].name(language)))
    base = alt.Chart(frame)
    ink = alt.Color("colour:N", scale=None)
    ranges = base.mark_rule(strokeWidth=2.4).encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"), y=y, color=ink, tooltip=tips)
    ticks = (
        base.transform_filter("isValid(datum.previous)")
        .mark_tick(color=palette.compare, thickness=1.4, size=15)
        .encode(x=alt.X("previous:Q"), y=y)
    )
    dots = base.mark_point(filled=True, size=62, opacity=1).encode(x=x, y=y, color=ink, tooltip=tips)
    everything = (
        alt.Chart(frame[:1]).mark_rule(color=palette.mute, strokeDash=[2, 3], strokeWidth=1).encode(x=alt.X("value:Q"))
    )
    right = base.mark_text(align="right", fontSize=11.5, x=alt.ExprRef("width")).encode(
        y=y,
        text=alt.Text("right:N"),
        color=alt.ColorValue(palette.mute),
    )
    middle = base.mark_text(
        align="right", fontSize=12, fontWeight=600, x=alt.ExprRef("width - (width < 420 ? 64 : 92)")
    )
    values = middle.encode(y=y, text=alt.Text("text:N"), color=alt.Color("ink:N", scale=None))
    goals = target_ticks(
        [(index, cell) for index, (_, cell, _) in enumerate(rows)], "row:O", None, metric, 100.0, style
    )
    return finish([everything, ticks, *goals, ranges, dots, values, right], style, height)


def _row(
    metric: Metric,
    name: str,
    cell: Cell,
    key: object,
    beside: tuple[Metric, Mapping[object, Cell]],
    style: Style,
) -> dict[str, object]:
    palette, language = style.palette, style.language
    second = beside[1].get(key)
    few = (cell.n or 0) < SMALL_N
    told = format_value(second.value if second else None, beside[0].unit, language)
    low, high = (format_value(end, metric.unit, language, compact=False) for end in (cell.low, cell.high))
    right = phrase(language, "satisfaction_few", n=cell.n or 0) if few else told
    return {
        "name": name,
        "value": None if cell.value is None else cell.value * 100,
        "low": None if cell.low is None else cell.low * 100,
        "high": None if cell.high is None else cell.high * 100,
        "previous": None if cell.previous is None else cell.previous * 100,
        "text": format_value(cell.value, metric.unit, language),
        "full": format_value(cell.value, metric.unit, language, compact=False),
        "range": f"{low} – {high}",
        "change": format_change(cell, metric.unit, language),
        "n": format_count(cell.n or 0, language, compact=False),
        "target": target_tip(cell, metric, style),
        "beside": told,
        "right": right,
        "colour": palette.compare if few else palette.ink2 if key is None else palette.accent,
        "ink": palette.mute if few else palette.ink,
    }
