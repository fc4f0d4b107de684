"""Whether the parts of a figure add up to it, and how that is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kpi.metrics.model import Metric
from kpi.query.answer import Cell

Kind = Literal["adds", "several", "no_sum"]


@dataclass(frozen=True)
class Additivity:
    """``adds``: both parts of the figure are the sums of the rows'. ``several``: the rows add to more, since some are
    counted in more than one; ``times``: how many are, where that is known. ``no_sum``: the KPI has no sum.
    """

    kind: Kind
    numerator: float | None = None
    denominator: float | None = None
    times: int | None = None


def additivity(metric: Metric, whole: Cell, parts: Sequence[Cell], counted_twice: int | None) -> Additivity:
    """How ``parts`` (of one dimension, all its values) stand to ``whole``. ``counted_twice``: of a distinct count, how
    many stand in several rows.
    """
    if metric.roll_up in {"percentile", "snapshot"} or whole.value is None or not parts:
        return Additivity("no_sum")
    if counted_twice:
        return Additivity("several", times=counted_twice)
    numerator = _sum([part.numerator for part in parts])
    denominator = _sum([part.denominator for part in parts])
    same = numerator == (whole.numerator or 0) and (whole.denominator is None or denominator == whole.denominator)
    if same:
        return Additivity("adds", whole.numerator, whole.denominator)
    # A share of the whole: its parts are shares of one and the same denominator.
    if numerator == whole.denominator and all(part.denominator == whole.denominator for part in parts):
        return Additivity("adds", whole.denominator, whole.denominator)
    return Additivity("several" if metric.roll_up == "distinct" or numerator > (whole.numerator or 0) else "no_sum")


def _sum(numbers: Sequence[float | None]) -> float:
    return sum(number or 0 for number in numbers)
