"""The usual range of a rate: the classic limits, Laney's p′ worked by hand, and what must not be judged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.metrics.registry import METRICS
from kpi.narrative.usual_range import usual_of, usual_text
from kpi.stats.control_chart import FEWEST, Usual, p_limits, usual_ranges


def test_the_classic_limits() -> None:
    assert p_limits(0.16, 200) == pytest.approx((0.0822, 0.2378), abs=5e-5)


def test_the_limits_by_laney_worked_by_hand() -> None:
    """Rates of 47.5 and 52.5 % in turn, 1000 a day: mean .5, √(.5 · .5 ÷ 1000) = .015811, z = ∓1.5811. Every move is
    3.1623, σz = 3.1623 ÷ 1.128 = 2.8034, and the limits are .5 ± 3 · 2.8034 · .015811 = .5 ± .13298.
    """
    ranges = usual_ranges([(475, 1000), (525, 1000)] * 4)
    for usual in ranges:
        assert usual is not None
        assert not usual.outside
        assert (usual.low, usual.high) == pytest.approx((0.36702, 0.63298), abs=5e-6)


def test_limits_end_at_nought_and_one() -> None:
    """40 and 60 % of 100 a day: √(.5 · .5 ÷ 100) = .05, z = ∓2, σz = 4 ÷ 1.128 = 3.546, ± .5319 about .5."""
    assert usual_ranges([(40, 100), (60, 100)] * 4) == [Usual(0.0, 1.0, outside=False)] * 8


def test_a_day_out_of_the_ordinary_is_told_from_noise() -> None:
    """Of 19 days between 89 and 91 % and one of 80 %. Classic limits of 10,000 a day, ± .9 points, would mark the days
    of noise too: σz makes them ± 4.
    """
    counted = [(9000 + 100 * (-1) ** day, 10_000) for day in range(20)]
    counted[7] = (8000, 10_000)
    outside = [day for day, usual in enumerate(usual_ranges(counted)) if usual is not None and usual.outside]
    assert outside == [7]
    mean = sum(x for x, _ in counted) / 200_000
    low, high = p_limits(mean, 10_000)
    assert sum(not low <= x / n <= high for x, n in counted) > 10


def test_the_more_are_counted_the_narrower_is_the_range() -> None:
    ranges = usual_ranges([(45, 100), (5500, 10_000)] * 5)
    widths = [usual.high - usual.low for usual in ranges if usual is not None]
    # The spread goes with 1 ÷ √n, as long as nothing is cut.
    assert len(widths) == 10
    assert widths[0] > 5 * widths[1]


@pytest.mark.parametrize(
    "counted",
    [
        [(50, 100), (60, 100)] * 3 + [(50, 100)],  # seven slots
        [(50, 100)] * 7 + [None] * 5,
        [(0, 0)] * 20,
        [(0, 100)] * 20,
        [(100, 100)] * 20,
        [(15, 29)] * 20,
        [],
    ],
)
def test_trap_nothing_is_usual_where_little_is_known(counted: list[tuple[int, int] | None]) -> None:
    assert usual_ranges(counted) == [None] * len(counted)


def test_trap_rates_that_are_all_equal_are_never_outside() -> None:
    """1 ÷ 3 in floating point is not 100 ÷ 300 to the last bit, and σz is 0."""
    ranges = usual_ranges([(33, 99), (100, 300), (41, 123), (1234, 3702)] * 3)
    assert all(usual is not None and not usual.outside and usual.low == usual.high for usual in ranges)


def test_a_slot_of_few_and_one_without_a_value_are_left_out() -> None:
    counted: list[tuple[float, float] | None] = [(50, 100), (52, 100)] * 5
    known = usual_ranges(counted)
    assert usual_ranges([*counted[:4], None, (1, 29), *counted[4:]]) == [*known[:4], None, None, *known[4:]]


def test_only_a_share_of_rows_has_a_usual_range_and_no_day_that_still_runs() -> None:
    slots: list[tuple[float | None, float | None, bool]] = [(50 + day % 2, 100, False) for day in range(FEWEST)]
    ranges = usual_of(METRICS["csat"], [*slots, (10, 100, True), (None, float("nan"), False)])
    assert [usual is not None for usual in ranges] == [True] * FEWEST + [False, False]
    for other in ("csat_mean", "volume", "nps", "long_tail_coverage", "asa"):
        assert usual_of(METRICS[other], slots) == [None] * FEWEST


def test_it_is_told_with_its_unit() -> None:
    csat = METRICS["csat"]
    assert usual_text(Usual(0.85, 0.9, outside=True), csat, "en") == "85.00% – 90.00%: outside"
    assert usual_text(Usual(0.85, 0.9, outside=False), csat, "zh") == "85.00% – 90.00%"
    assert usual_text(None, csat, "en") == "–"


PAIRS = st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(st.lists(st.none() | PAIRS, max_size=30))
def test_a_range_lies_within_nought_and_one_about_the_mean(counted: list[tuple[int, int] | None]) -> None:
    ranges = usual_ranges(counted)
    known = [pair for pair, usual in zip(counted, ranges, strict=True) if usual is not None and pair is not None]
    if not known:
        return
    mean = sum(x for x, _ in known) / sum(n for _, n in known)
    for pair, usual in zip(counted, ranges, strict=True):
        if usual is None or pair is None:
            continue
        x, n = pair
        assert 0 <= usual.low <= mean + 1e-12
        assert mean - 1e-12 <= usual.high <= 1
        slack = 1e-9
        if usual.outside:
            assert not usual.low + slack < x / n < usual.high - slack
        else:
            assert usual.low - slack <= x / n <= usual.high + slack


@given(st.floats(0, 1), st.integers(1, 10**6), st.floats(0, 20))
def test_limits_are_the_classic_ones_times_sigma(mean: float, trials: int, sigma: float) -> None:
    low, high = p_limits(mean, trials, sigma)
    assert p_limits(mean, trials, 1) == p_limits(mean, trials)
    assert low == pytest.approx(max(mean - 3 * sigma * (mean * (1 - mean) / trials) ** 0.5, 0))
    assert high == pytest.approx(min(mean + 3 * sigma * (mean * (1 - mean) / trials) ** 0.5, 1))
