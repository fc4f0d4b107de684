"""How a change is written beside a bar: without its unit, coloured when it is better or worse beyond chance."""

from kpi.charts.theme import Style
from kpi.i18n import phrase
from kpi.i18n.numbers import format_change
from kpi.insight.tone import goodness
from kpi.metrics.model import Metric
from kpi.query.answer import Cell


def change_text(cell: Cell, metric: Metric, style: Style) -> str:
    """The change with its sign; of a share without the word for points, which the title says."""
    unit = phrase(style.language, "unit_points_changed", value="")
    return format_change(cell, metric.unit, style.language).removesuffix(unit)


def text_colour(cell: Cell, metric: Metric, style: Style) -> str:
    """The colour of a change as text."""
    palette = style.palette
    return {1: palette.better, -1: palette.worse}.get(goodness(cell, metric), palette.mute)


def fill_colour(cell: Cell, metric: Metric, style: Style) -> str:
    """The colour of a bar whose value changed so."""
    palette = style.palette
    return {1: palette.better_fill, -1: palette.worse_fill}.get(goodness(cell, metric), palette.border)
