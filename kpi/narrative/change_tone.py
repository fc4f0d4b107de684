"""Is a change good, and is it more than chance? Direction belongs to the KPI, not to the number."""

from typing import Literal

from kpi.i18n.formats import shown_sign
from kpi.metrics.model import Metric
from kpi.query.answer import Cell

Tone = Literal["better", "worse", "chance", "same", "neutral", "none"]


def goodness(cell: Cell, metric: Metric) -> int:
    """1 better, −1 worse, 0 neither: no change that can be seen, one within chance, or a KPI of which more is not
    better.
    """
    return {"better": 1, "worse": -1}.get(tone(cell, metric), 0)


def tone(cell: Cell, metric: Metric) -> Tone:
    """How the change of ``cell`` is told.

    ``none`` without a comparison, ``same`` where it rounds to nothing, ``neutral`` where up is neither good nor bad, or
    comes of the length of the periods,
    ``chance`` where its 95 % interval holds zero; a change without an interval (a mean, a count) counts as it is.
    """
    if cell.change is None:
        return "none"
    sign = shown_sign(cell, metric.unit)
    if sign == 0:
        return "same"
    if metric.direction not in {"up", "down"} or cell.uneven:
        return "neutral"
    if cell.change_low is not None and cell.change_high is not None and cell.change_low <= 0 <= cell.change_high:
        return "chance"
    return "better" if sign == (1 if metric.direction == "up" else -1) else "worse"
