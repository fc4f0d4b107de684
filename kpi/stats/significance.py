"""Is a difference between two periods more than chance? Tests at 5 %, and the control of many of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, sqrt

from kpi.stats.intervals import Z95, newcombe

# Share of false ones among what a search finds.
FALSE_DISCOVERIES = 0.05


@dataclass(frozen=True)
class Evidence:
    """``p``: how likely a difference of this size is by chance alone; ``low``, ``high``: 95 % interval of the
    difference, now − before.
    """

    p: float
    low: float
    high: float

    @property
    def beyond(self) -> bool:
        """The interval leaves out nought."""
        return not self.low <= 0 <= self.high


def proportions(before: int, of_before: int, now: int, of_now: int) -> Evidence | None:
    """Two proportions: the pooled z test, and Newcombe's interval. None where either is none."""
    if not (0 <= before <= of_before and 0 <= now <= of_now and of_before and of_now):
        return None
    low, high = newcombe(now, of_now, before, of_before)
    pooled = (before + now) / (of_before + of_now)
    error = sqrt(pooled * (1 - pooled) * (1 / of_before + 1 / of_now))
    return Evidence(_p(now / of_now - before / of_before, error), low, high)


def means(before: tuple[int, int, int], now: tuple[int, int, int]) -> Evidence | None:
    """Two means by Welch's z; each is (n, Σx, Σx²), exact. None where either stands on less than two."""
    (n1, sum1, squares1), (n2, sum2, squares2) = before, now
    if n1 < 2 or n2 < 2:
        return None
    # n · Σx² − (Σx)² in whole numbers: the usual loss of digits cannot happen.
    variance = (n1 * squares1 - sum1 * sum1) / (n1 * n1 * (n1 - 1)) + (n2 * squares2 - sum2 * sum2) / (
        n2 * n2 * (n2 - 1)
    )
    return _normal(sum2 / n2 - sum1 / n1, sqrt(max(0.0, variance)))


def events(before: int, of_before: int, now: int, of_now: int) -> Evidence | None:
    """Two ratios of counts that are no proportions (complaints per contact), both sides Poisson: the variance of x ÷ y
    is (x ÷ y)² · (1 ÷ x + 1 ÷ y).
    """
    if min(before, now) < 0 or min(of_before, of_now) <= 0:
        return None

    def variance(x: int, y: int) -> float:
        # Of nothing seen, as if one had been.
        return (max(x, 1) / y) ** 2 * (1 / max(x, 1) + 1 / y)

    error = sqrt(variance(before, of_before) + variance(now, of_now))
    return _normal(now / of_now - before / of_before, error)


def counts(before: int, now: int, times: float = 1.0) -> Evidence:
    """Two Poisson counts, the later of a period ``times`` as long: now against what ``before`` makes in that time."""
    return _normal(now - before * times, sqrt(max(1.0, before * times * times + now)))


def benjamini_hochberg(ps: Sequence[float], rate: float = FALSE_DISCOVERIES) -> list[bool]:
    """Which of several tests are discoveries, of which the share ``rate`` is false (Benjamini & Hochberg, 1995)."""
    ordered = sorted(range(len(ps)), key=lambda i: ps[i])
    passed = 0
    for rank, index in enumerate(ordered, start=1):
        if ps[index] <= rate * rank / len(ps):
            passed = rank
    found = set(ordered[:passed])
    return [index in found for index in range(len(ps))]


def _normal(difference: float, error: float) -> Evidence:
    return Evidence(_p(difference, error), difference - Z95 * error, difference + Z95 * error)


def _p(difference: float, error: float) -> float:
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return erfc(abs(difference) / error / sqrt(2))
