"""KPIs side by side, by star tier or by channel, each KPI on a scale of its own."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from kpi.charts.goals import missed_corners, target_tip
from kpi.charts.theme import Style, channel_rank, finish
from kpi.charts.tones import compared_fields, compared_tips, moved_arrows
from kpi.i18n import phrase
from kpi.i18n.formats import axis_unit, format_bare, format_count, format_value
from kpi.metrics.model import Metric
from kpi.query.answer import Answer, Cell, DimensionValue
from kpi.query.cell_rules import few

HEIGHT = 250
_NAME_WIDTH = 120  # pixels for the names of the rows


def by_tier(
    metrics: Sequence[Metric],
    wholes: Mapping[str, Cell],
    parts: Answer,
    titles: Mapping[str, str],
    names: Mapping[str, str],
    style: Style,
    height: int = HEIGHT,
    name_width: int = _NAME_WIDTH,
) -> alt.LayerChart:
    """``wholes``: KPI -> its figure of all customers; ``parts``: the same KPIs by tier. ``titles``: KPI -> the name of
    its row, in ``name_width`` pixels; ``names``: tier -> its column's.

    A rate's cell is coloured by its distance from all customers, better or worse, on the row's own scale; a count's
    by its size. Fewer than 30: pale, and uncoloured. No value: "–", with the reason in the tip. An arrow marks what
    became better or worse against the comparison.
    """
    language = style.language
    tiers = sorted({cell.key[0] for cell in parts.cells if cell.key[0] is not None}, key=lambda tier: int(str(tier)))
    unknown = any(cell.key[0] is None and cell.n for cell in parts.cells)
    heads = [phrase(language, "all_tiers"), *(names.get(str(tier), str(tier)) for tier in tiers)]
    columns: list[DimensionValue] = [*tiers, *([None] if unknown else [])]
    if unknown:
        heads.append(phrase(language, "unknown_short"))
    rows = []
    for metric in metrics:
        all_of_it = wholes[metric.id]
        cells = {cell.key[0]: cell for cell in parts.cells if cell.kpi == metric.id}
        shades = _shades(metric, all_of_it, cells)
        divisor, letter = axis_unit(max(cell.value or 0 for cell in (all_of_it, *cells.values())), language)
        if metric.unit not in {"count", "customers", "yuan"}:
            divisor, letter = 1.0, ""
        label = titles[metric.id] + (f" {letter}" if letter else " %" if metric.unit == "share" else "")
        for head, key in zip(heads, ["*", *columns], strict=True):
            cell = all_of_it if key == "*" else cells.get(key)
            rows.append(
                {
                    "kpi": label,
                    "tier": head,
                    "text": format_bare(cell.value if cell else None, metric.unit, divisor),
                    "shade": 0.0 if key == "*" else shades.get(key, 0.0),
                    "neutral": _by_size(metric),
                    "whole": key == "*",
                    "pale": cell is None or cell.value is None or few(cell),
                    "full": _tip(cell, metric, style),
                    "target": target_tip(cell, metric, style) if cell is not None else "–",
                    "missed": cell is not None and cell.met is False,
                    "n": format_count(cell.n, language, compact=False) if cell and cell.n is not None else "–",
                    "name": titles[metric.id],
                    **compared_fields(cell, metric, style),
                }
            )
    chart = finish(_layers(pd.DataFrame(rows), parts.cells, heads, ("tier", "kpi"), name_width, style), style, height)
    return chart.resolve_scale(color="independent", fill="independent")


def by_channel(
    metrics: Sequence[Metric],
    wholes: Mapping[str, Cell],
    parts: Answer,
    titles: Mapping[str, str],
    names: Mapping[str, str],
    style: Style,
    whole_name: str,
) -> alt.LayerChart:
    """As ``by_tier`` turned round: one row a channel under that of all (``whole_name``), one column a KPI."""
    language = style.language
    channels = sorted({str(cell.key[0]) for cell in parts.cells if cell.key[0] is not None}, key=channel_rank)
    rows = []
    for metric in metrics:
        cells = {cell.key[0]: cell for cell in parts.cells if cell.kpi == metric.id}
        shades = _shades(metric, wholes[metric.id], cells)
        for key in (None, *channels):
            cell = wholes[metric.id] if key is None else cells.get(key)
            rows.append(
                {
                    "kpi": titles[metric.id],
                    "channel": whole_name if key is None else names.get(key, key),
                    "text": format_value(cell.value if cell else None, metric.unit, language),
                    "shade": 0.0 if key is None else shades.get(key, 0.0),
                    "neutral": _by_size(metric),
                    "whole": key is None,
                    "pale": cell is None or cell.value is None or few(cell),
                    "full": _tip(cell, metric, style),
                    "target": target_tip(cell, metric, style) if cell is not None else "–",
                    "missed": cell is not None and cell.met is False,
                    "n": format_count(cell.n, language, compact=False) if cell and cell.n is not None else "–",
                    "name": titles[metric.id],
                    **compared_fields(cell, metric, style),
                }
            )
    heads = [titles[metric.id] for metric in metrics]
    chart = finish(
        _layers(pd.DataFrame(rows), parts.cells, heads, ("kpi", "channel"), _NAME_WIDTH, style),
        style,
        300,
    )
    return chart.resolve_scale(color="independent", fill="independent")


def _tip(cell: Cell | None, metric: Metric, style: Style) -> str:
    if cell is None:
        return phrase(style.language, "reason_no_data")
    if cell.value is None:
        return phrase(style.language, f"reason_{cell.reason}")
    return format_value(cell.value, metric.unit, style.language, compact=False)


def _by_size(metric: Metric) -> bool:
    """A KPI of which no value is better, or of which that of a tier cannot be held against that of all."""
    return metric.is_count_or_sum or metric.direction not in {"up", "down"}


def _shades(metric: Metric, whole: Cell, cells: Mapping[DimensionValue, Cell]) -> dict[DimensionValue, float]:
    """Key -> −1 (worst of the row) … 1 (best), 0 for what cannot be judged; a count: 0 … 1 by size."""
    judged = {
        key: cell.value for key, cell in cells.items() if cell.value is not None and not few(cell) and key is not None
    }
    if not judged:
        return {}
    if _by_size(metric):
        largest = max(judged.values()) or 1
        return {key: value / largest for key, value in judged.items()}
    if whole.value is None:
        return {}
    sign = 1 if metric.direction == "up" else -1
    distance = {key: (value - whole.value) * sign for key, value in judged.items()}
    largest = max(abs(value) for value in distance.values()) or 1
    return {key: value / largest for key, value in distance.items()}


def _layers(
    frame: pd.DataFrame,
    cells: Sequence[Cell],
    heads: Sequence[str],
    fields: tuple[str, str],
    name_width: int,
    style: Style,
) -> list[alt.Chart]:
    """``cells``: what ``frame`` is of; ``heads``: the columns in order; ``fields``: what the columns and what the rows
    are.
    """
    palette, language = style.palette, style.language
    x = alt.X(
        f"{fields[0]}:N",
        sort=list(heads),
        scale=alt.Scale(paddingInner=0.1, paddingOuter=0),
        axis=alt.Axis(orient="top", labelAngle=0, labelColor=palette.ink2, labelFontSize=11.5, labelOverlap=False),
    )
    y = alt.Y(
        f"{fields[1]}:N",
        sort=list(dict.fromkeys(frame[fields[1]])),
        scale=alt.Scale(paddingInner=0.16, paddingOuter=0),
        axis=alt.Axis(
            labelColor=palette.ink2,
            labelFontSize=12,
            labelLimit=alt.ExprRef(f"containerSize()[0] < 420 ? {min(name_width, 92)} : {name_width}"),
            labelPadding=8,
            grid=False,
        ),
    )
    tips = [
        alt.Tooltip("name:N", title=phrase(language, "chart_kpi")),
        alt.Tooltip("tier:N", title=phrase(language, "chart_tier"))
        if "tier" in fields
        else alt.Tooltip("channel:N", title=phrase(language, "chart_channel")),
        alt.Tooltip("full:N", title=phrase(language, "chart_value")),
        *compared_tips(cells, style),
        *([alt.Tooltip("target:N", title=phrase(language, "define_target"))] if (frame["target"] != "–").any() else []),
        alt.Tooltip("n:N", title="n"),
    ]
    base = alt.Chart(frame).encode(x=x, y=y, tooltip=tips)
    judged = (
        base.transform_filter("!datum.neutral")
        .mark_rect(cornerRadius=3)
        .encode(
            color=alt.Color(
                "shade:Q",
                scale=alt.Scale(
                    domain=[-1, 0, 1],
                    range=[palette.worse_fill, palette.neutral_fill, palette.better_fill],
                    interpolate="rgb",
                ),
                legend=None,
            )
        )
    )
    sized = (
        base.transform_filter("datum.neutral")
        .mark_rect(cornerRadius=3)
        .encode(
            fill=alt.Fill(
                "shade:Q",
                scale=alt.Scale(domain=[0, 1], range=[palette.neutral_fill, palette.tint], interpolate="rgb"),
                legend=None,
            )
        )
    )
    text = base.mark_text(
        fontSize=alt.ExprRef("width < 270 ? 9 : width < 300 ? 10 : 12"),
        fontWeight=alt.ExprRef("datum.whole ? 600 : 400"),
        color=alt.ExprRef(f"datum.pale ? '{palette.mute}' : '{palette.ink}'"),
    ).encode(text=alt.Text("text:N"))
    return [judged, sized, text, *moved_arrows(frame, x, y), *missed_corners(frame, x, y, style)]
