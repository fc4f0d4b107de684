"""The usual range of a rate from slot to slot: is a day out of the ordinary, or is it noise?"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from kpi.stats.intervals import SMALL_N

# Slots below which nothing is said of what is usual.
FEWEST = 8
_SIGMAS = 3
# Mean range of two values from a normal distribution, in standard deviations (d₂ for n = 2).
_D2 = 1.128


@dataclass(frozen=True)
class Usual:
    """The usual range of one slot's rate, as shares from 0 to 1; ``outside``: the rate is not within it."""

    low: float
    high: float
    outside: bool


def p_limits(mean: float, trials: float, sigma_z: float = 1.0) -> tuple[float, float]:
    """Limits of a rate of ``trials`` about ``mean``, within 0 and 1: mean ± 3 · σz · √(mean · (1 − mean) ÷ trials).

    ``sigma_z`` 1 is the classic p-chart, which knows the chance of counting alone.
    """
    spread = _SIGMAS * sigma_z * sqrt(mean * (1 - mean) / trials)
    return max(mean - spread, 0.0), min(mean + spread, 1.0)


def usual_ranges(counted: Sequence[tuple[float, float] | None]) -> list[Usual | None]:
    """The usual range of each slot by Laney's p′-chart (Laney, 2002, "Improved control charts for attributes").

    ``counted``: numerator and denominator of each slot, in the order of time; None = has none. Where many are counted,
    chance is far smaller than the ways in which days really differ, and the classic limits would mark nearly all. p′
    widens them by σz, which is taken from the moves from slot to slot: z = (rate − mean) ÷ √(mean · (1 − mean) ÷ n),
    σz = mean |zᵢ − zᵢ₋₁| ÷ 1.128. A rate with a rhythm (weekends) moves much and so gets wide limits: what is marked
    is beyond its rhythm too.

    Slots of fewer than 30 say little: they are left out and get None. All get None where fewer than 8 are left, or
    where the mean is 0 or 1, so that no rate differs from it.
    """
    judged = [pair is not None and pair[1] >= SMALL_N for pair in counted]
    known = [pair for pair, kept in zip(counted, judged, strict=True) if pair is not None and kept]
    hits, trials = (sum(pair[side] for pair in known) for side in (0, 1))
    if len(known) < FEWEST or not 0 < hits < trials:
        return [None] * len(counted)
    mean = hits / trials
    # Differences of products of whole numbers are exact: where all rates are equal, z and σz are 0, not nearly so.
    zs = [(x * trials - hits * n) / (n * trials) / sqrt(mean * (1 - mean) / n) for x, n in known]
    sigma = sum(abs(now - before) for before, now in pairwise(zs)) / (len(zs) - 1) / _D2
    found = iter(
        Usual(*p_limits(mean, n, sigma), outside=abs(z) > _SIGMAS * sigma) for (_, n), z in zip(known, zs, strict=True)
    )
    return [next(found) if kept else None for kept in judged]
