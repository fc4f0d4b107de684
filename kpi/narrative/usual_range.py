"""The usual range of a KPI's rate from slot to slot, and how it is told."""

from collections.abc import Iterable
from math import isnan

from kpi.i18n import Language, phrase
from kpi.i18n.formats import ABSENT, format_value
from kpi.metrics.model import Metric, Ratio
from kpi.stats.control_chart import Usual, usual_ranges


def usual_of(metric: Metric, slots: Iterable[tuple[float | None, float | None, bool]]) -> list[Usual | None]:
    """As ``usual_ranges``, of a KPI's ``slots``: numerator, denominator (None or NaN = has none), and whether data
    still arrive, so that the slot cannot be judged yet.

    No slot of a KPI is judged that is no share of rows which each slot has for itself: a mean, a count of customers, a
    figure up to a date.
    """
    counted = [
        None if provisional or x is None or n is None or isnan(x) or isnan(n) else (x, n) for x, n, provisional in slots
    ]
    judged = isinstance(metric.measure, Ratio) and metric.measure.proportion
    return usual_ranges(counted) if judged else [None] * len(counted)


def usual_text(usual: Usual | None, metric: Metric, language: Language) -> str:
    """The usual range for a tip, and whether the rate is outside of it; "–" where nothing is known of it."""
    if usual is None:
        return ABSENT
    low, high = (format_value(end, metric.unit, language, compact=False) for end in (usual.low, usual.high))
    within = f"{low} – {high}"
    return phrase(language, "usual_outside", range=within) if usual.outside else within
