"""From counts to a decomposition: the parts must add up to the whole in both periods."""

from collections.abc import Sequence
from fractions import Fraction

from kpi.drivers.grouping_sets import By
from kpi.drivers.period_counts import Counts
from kpi.drivers.search import HIDDEN
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Custom, Distinct, DistinctRatio, Metric, Percentile, Ratio, Total
from kpi.query.answer import Cell
from kpi.stats.decomposition import EMPTY, Decomposition, Pair, count_change, ratio_change, total_of


def scale_of(metric: Metric) -> Fraction:
    """What turns the facts' units into the KPI's, exactly."""
    return Fraction(str(getattr(metric.measure, "scale", 1)))


def both(cell: Cell) -> tuple[Pair, Pair]:
    """What a cell counted in the comparison and in the period; nought where there is nothing."""
    before = cell.before
    return (
        _pair(before.numerator, before.denominator, before.n) if before is not None else EMPTY,
        _pair(cell.numerator, cell.denominator, cell.n),
    )


def parts_add(metric: Metric, by: Sequence[str]) -> bool:
    """Whether the cells by these dimensions are parts of the whole, by what kind of KPI it is."""
    if metric.within is not None and not metric.within[0].isdisjoint(by):
        return False  # told by another measure, in which one contact may stand in several cells
    match metric.measure:
        case Distinct() | DistinctRatio() | Percentile():
            return False
        case Custom():
            cohort = metric.proportion and metric.roll_up == "ratio"
            return cohort and all(DIMENSIONS[dimension].customer for dimension in by)
        case Ratio(whole_of=whole):
            return not set(whole) & set(by)
        case Total():
            return True
    return False


def parted(metric: Metric, whole: Cell, counts: Counts, by: By) -> Decomposition | None:
    """The change of ``whole`` by the cells of some dimensions; None where they do not add up to it.

    Cells that the viewer may not see are one remainder: what the whole has beyond the others.
    """
    before, now = dict(counts.before), dict(counts.now)
    rest_before, rest_now = (w - total_of(t) for w, t in zip(both(whole), (before, now), strict=True))
    if not (_nought(rest_before, metric) and _nought(rest_now, metric)):
        if not counts.hidden:
            return None
        before[(HIDDEN,) * len(by)], now[(HIDDEN,) * len(by)] = rest_before, rest_now
    if isinstance(metric.measure, Total):
        return count_change(before, now, scale_of(metric), by)
    return ratio_change(before, now, scale_of(metric), by)


def _nought(rest: Pair, metric: Metric) -> bool:
    return not rest.numerator and (isinstance(metric.measure, Total) or not rest.denominator)


def _pair(numerator: float | None, denominator: float | None, n: int | None) -> Pair:
    return Pair(int(numerator or 0), int(denominator or 0), n or 0)
