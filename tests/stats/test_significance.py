"""What is called more than chance."""

from statistics import NormalDist, fmean, variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.stats.significance import benjamini_hochberg, counts, events, means, proportions


def some(evidence):
    assert evidence is not None
    return evidence


def test_proportions_have_newcombes_interval_and_the_pooled_z():
    # 56/70 against 48/80 (the dictionary's fixture, here now − before); z by hand.
    found = some(proportions(48, 80, 56, 70))
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)
    assert found.beyond
    pooled = 104 / 150
    z = 0.2 / (pooled * (1 - pooled) * (1 / 70 + 1 / 80)) ** 0.5
    assert found.p == pytest.approx(2 * (1 - NormalDist().cdf(z)))


def test_proportions_that_are_equal_certain_or_none():
    assert some(proportions(0, 50, 0, 50)).p == 1
    assert not some(proportions(5, 50, 5, 50)).beyond
    assert some(proportions(50, 50, 40, 40)).p == 1
    assert proportions(0, 0, 1, 2) is None
    assert proportions(3, 2, 1, 2) is None


def test_means_by_hand():
    first, second = [3, 5, 7, 9], [10, 10, 14, 18, 18]
    found = some(means((4, 24, 164), (5, 70, 1044)))
    error = (variance(first) / 4 + variance(second) / 5) ** 0.5
    assert found.p == pytest.approx(2 * (1 - NormalDist().cdf((fmean(second) - fmean(first)) / error)))
    assert found.low == pytest.approx(8 - 1.959964 * error, abs=1e-5)
    assert means((1, 3, 9), (5, 70, 1044)) is None


def test_means_without_spread():
    assert some(means((3, 6, 12), (3, 6, 12))).p == 1
    assert some(means((3, 6, 12), (3, 9, 27))).p == 0


def test_counts_are_poisson():
    assert counts(100, 130).p == pytest.approx(2 * (1 - NormalDist().cdf(30 / 230**0.5)))
    assert counts(0, 0).p == 1
    assert counts(100, 150).beyond
    # Three times as long: 300 to be expected, of which the spread of the 100 is three times as wide.
    assert counts(100, 330, 3).p == pytest.approx(2 * (1 - NormalDist().cdf(30 / (900 + 330) ** 0.5)))


def test_events_per_contact():
    found = some(events(20, 10_000, 45, 10_000))
    assert found.beyond
    assert found.p == pytest.approx(0.0021, abs=0.0005)
    assert not some(events(0, 1000, 1, 1000)).beyond
    assert events(1, 0, 1, 1) is None


def test_false_discoveries_by_hand():
    # Ranks .01 .02 .03 .04 .05: .008 and .015 pass, .04 not; a step up carries the smaller ones with it.
    assert benjamini_hochberg([0.04, 0.008, 0.9, 0.015, 0.7]) == [False, True, False, True, False]
    assert benjamini_hochberg([0.021, 0.025, 0.03, 0.04, 0.05]) == [True] * 5
    assert benjamini_hochberg([]) == []


@given(st.lists(st.floats(0, 1), max_size=30))
def test_discoveries_are_the_smallest(ps):
    found = benjamini_hochberg(ps)
    assert all(p <= 0.05 for p, yes in zip(ps, found, strict=True) if yes)
    assert max([p for p, yes in zip(ps, found, strict=True) if yes], default=0) <= min(
        [p for p, yes in zip(ps, found, strict=True) if not yes], default=1
    )
