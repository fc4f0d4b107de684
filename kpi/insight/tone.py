"""Is a change good? Direction belongs to the KPI, not to the number."""

from typing import Literal

from kpi.i18n.numbers import shown_sign
from kpi.metrics.model import Metric
from kpi.query.answer import Cell

Tone = Literal["better", "worse", "same", "neutral", "none"]


def goodness(cell: Cell, metric: Metric) -> int:
    """1 better, −1 worse, 0 neither: no change that can be seen, or a KPI of which more is not better."""
    sign = shown_sign(cell, metric.unit)
    return {"up": sign, "down": -sign}.get(metric.direction, 0)


def tone(cell: Cell, metric: Metric) -> Tone:
    """How the change of ``cell`` is told: ``none`` without a comparison, ``neutral`` where up is neither good nor
    bad, ``same`` where it rounds to nothing.
    """
    if cell.change is None:
        return "none"
    if shown_sign(cell, metric.unit) == 0:
        return "same"
    good = goodness(cell, metric)
    return "better" if good > 0 else "worse" if good < 0 else "neutral"
