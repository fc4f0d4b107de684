"""Parts that are shown add up to the whole that is shown."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kpi.stats.rounding import add_up, shown

decimal = st.fractions(min_value=-50, max_value=50, max_denominator=7919)


def test_by_hand():
    thirds = [Fraction(1, 3)] * 3
    assert add_up(thirds, Fraction(1), 1) == [Fraction(4, 10), Fraction(3, 10), Fraction(3, 10)]
    assert add_up([Fraction(-113, 100), Fraction(34, 100)], Fraction(-79, 100), 1) == [
        Fraction(-11, 10), Fraction(3, 10),
    ]  # fmt: skip
    assert add_up([Fraction(26, 10), Fraction(-26, 10)], Fraction(0), 0) == [3, -3]
    assert add_up([], Fraction(0), 1) == []


@given(st.lists(decimal, min_size=1, max_size=12), st.integers(0, 4))
def test_they_add_up_and_none_is_further_off_than_one_digit(parts, decimals):
    whole = sum(parts)
    told = add_up(parts, whole, decimals)
    assert sum(told) == shown(whole, decimals)
    step = Fraction(1, 10**decimals)
    assert all(abs(one - part) <= step for one, part in zip(told, parts, strict=True))
    assert all((one / step).denominator == 1 for one in told)
