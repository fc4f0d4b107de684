"""Intervals of proportions, of their differences, and of NPS, at 95 %."""

from math import sqrt
from statistics import NormalDist

Z95 = NormalDist().inv_cdf(0.975)

# Below this a rate is marked: it says little.
SMALL_N = 30


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """Wilson's score interval of ``successes`` ÷ ``trials`` (Wilson, 1927).

    Raises ValueError unless 0 ≤ successes ≤ trials and trials > 0.
    """
    if not 0 <= successes <= trials or trials <= 0:
        raise ValueError(f"{successes} of {trials} is no proportion")
    share = successes / trials
    z2 = Z95 * Z95
    centre = share + z2 / (2 * trials)
    spread = Z95 * sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    scale = 1 + z2 / trials
    # At the ends the formula is exactly 0 or 1; rounding must not carry it past.
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == trials else (centre + spread) / scale
    return low, high


def newcombe(successes_1: float, trials_1: float, successes_2: float, trials_2: float) -> tuple[float, float]:
    """Newcombe's hybrid score interval of the difference p₁ − p₂ (Newcombe, 1998, method 10)."""
    p1, p2 = successes_1 / trials_1, successes_2 / trials_2
    low_1, high_1 = wilson(successes_1, trials_1)
    low_2, high_2 = wilson(successes_2, trials_2)
    difference = p1 - p2
    return (
        difference - sqrt((p1 - low_1) ** 2 + (high_2 - p2) ** 2),
        difference + sqrt((high_1 - p1) ** 2 + (p2 - low_2) ** 2),
    )


def nps_margin(promoters: float, passives: float, detractors: float) -> float:
    """Margin of error of NPS in points, from the numbers of answers (variance of a −1/0/+1 score)."""
    total = promoters + passives + detractors
    if total <= 0:
        raise ValueError("NPS of no answers")
    net = (promoters - detractors) / total
    return 100 * Z95 * sqrt(((promoters + detractors) / total - net * net) / total)


def response_bounds(share: float, response_rate: float) -> tuple[float, float]:
    """What the share would be if all who did not answer had been discontent, or content: [RR·p, RR·p + 1 − RR]."""
    return response_rate * share, response_rate * share + 1 - response_rate
