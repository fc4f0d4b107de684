"""Intervals against published figures (Wilson 1927; Newcombe 1998, tables of methods for proportions)."""

import pytest

from kpi.stats.intervals import newcombe, nps_margin, response_bounds, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(6, 32, 0.0889, 0.3531), (81, 263, 0.2553, 0.3662), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718),
     (970, 1000, 0.9575, 0.9789)],
)  # fmt: skip
def test_wilson(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((5, 56), (0, 29), -0.0381, 0.1926),
     ((0, 10), (0, 20), -0.1611, 0.2775)],
)  # fmt: skip
def test_newcombe(one: tuple[int, int], other: tuple[int, int], low: float, high: float) -> None:
    assert newcombe(*one, *other) == pytest.approx((low, high), abs=5e-5)


def test_newcombe_of_the_exchanged_proportions_is_the_mirror() -> None:
    low, high = newcombe(56, 70, 48, 80)
    assert newcombe(48, 80, 56, 70) == pytest.approx((-high, -low))


@pytest.mark.parametrize(("answers", "margin"), [(100, 15.3), (1000, 4.84)])
def test_margin_of_nps(answers: int, margin: float) -> None:
    assert nps_margin(0.5 * answers, 0.3 * answers, 0.2 * answers) == pytest.approx(
        margin, abs=0.05 if margin > 9 else 0.005
    )


def test_bounds_of_those_who_did_not_answer() -> None:
    assert response_bounds(0.9, 0.2) == pytest.approx((0.18, 0.98))


@pytest.mark.parametrize("successes", [0, 1, 17, 40])
def test_wilson_stays_within_nought_and_one_and_holds_the_share(successes: int) -> None:
    low, high = wilson(successes, 40)
    assert 0 <= low <= successes / 40 <= high <= 1


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (3, 2), (-1, 5)])
def test_trap_a_proportion_that_is_none_is_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="no proportion"):
        wilson(successes, trials)
