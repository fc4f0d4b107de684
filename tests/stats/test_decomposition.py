"""Mix and rate, contributions and quotients: the published fixture, and adding up whatever the table."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.stats.decomposition import Pair, count_change, quotient_change, ratio_change, total_of

A, B, C = ("a",), ("b",), ("c",)


def taken_apart(before, now):
    found = ratio_change(before, now)
    assert found is not None
    return found


def table(**cells):
    return {(key,): Pair(*pair) for key, pair in cells.items()}


def test_the_fixture_of_the_dictionary():
    found = taken_apart(table(a=(150, 1000), b=(150, 2000)), table(a=(88, 800), b=(48, 1200)))
    assert found.change == Fraction(68, 1000) - Fraction(1, 10)
    assert round(float(found.rate) * 100, 3) == -3.683
    assert round(float(found.mix) * 100, 3) == 0.483
    assert found.mix + found.rate == found.change


def test_kitagawas_formula_by_hand():
    # A 10/100 -> 30/150, B 40/100 -> 20/50: shares 1/2 -> 3/4 and 1/2 -> 1/4, rates .1 -> .2 and .4 -> .4.
    found = taken_apart(table(a=(10, 100), b=(40, 100)), table(a=(30, 150), b=(20, 50)))
    assert found.rate == Fraction(5, 8) * Fraction(1, 10)
    assert found.mix == Fraction(1, 4) * Fraction(15, 100) - Fraction(1, 4) * Fraction(40, 100)
    # A cell's mix is against the mean rate of all, (.25 + .25) / 2: more of the worse one, less of the better one.
    assert found.effect(A).mix == Fraction(1, 4) * (Fraction(15, 100) - Fraction(1, 4))
    assert found.effect(B).mix == Fraction(-1, 4) * (Fraction(40, 100) - Fraction(1, 4))
    assert found.effect(B).rate == 0


def test_a_cell_of_one_period_is_all_mix_and_said():
    found = taken_apart(table(a=(50, 100), b=(10, 100)), table(a=(50, 100), c=(90, 100)))
    assert found.effect(B).only == "before"
    assert found.effect(C).only == "now"
    assert found.effect(A).only is None
    assert found.effect(B).rate == found.effect(C).rate == 0
    assert found.mix == found.change == Fraction(140, 200) - Fraction(60, 200)
    with pytest.raises(KeyError):
        found.effect(("nowhere",))


def test_a_cell_without_a_denominator_is_all_rate():
    # WeChat's contacts over answered calls: the channel WeChat answers none.
    found = taken_apart(table(wechat=(700, 0), phone=(0, 100)), table(wechat=(900, 0), phone=(0, 120)))
    assert found.effect(("wechat",)).mix == 0
    assert found.effect(("wechat",)).rate == Fraction(900, 120) - 7
    assert found.change == Fraction(1, 2)


def test_nothing_to_divide_by_has_no_change():
    assert ratio_change(table(a=(0, 0)), table(a=(1, 2))) is None
    assert ratio_change(table(a=(1, 2)), {}) is None
    assert quotient_change(Pair(1, 0), Pair(1, 2)) is None


def test_simpsons_table_is_all_mix_against_the_rates():
    # Both rise by a tenth, and the whole falls.
    found = taken_apart(table(a=(80, 100), b=(10, 50)), table(a=(45, 50), b=(60, 200)))
    assert found.change < 0 < found.rate
    assert found.mix < 0


def test_counts_by_hand():
    # 100 -> 150: a 60 -> 60, b 40 -> 90. Mean shares .5 and .5; a's share falls by .2, b's rises, of a mean of 125.
    found = count_change(table(a=(60, 0), b=(40, 0)), table(a=(60, 0), b=(90, 0)))
    a, b = found.effect(A), found.effect(B)
    assert (a.mix, a.rate, a.total) == (25, -25, 0)
    assert (b.mix, b.rate, b.total) == (25, 25, 50)
    assert found.change == 50


def test_counts_that_begin_or_end_with_nothing():
    grown = count_change({}, table(a=(3, 0), b=(7, 0)))
    assert [effect.total for effect in grown.effects] == [3, 7]
    assert all(effect.only == "now" for effect in grown.effects)
    assert count_change(table(a=(3, 0)), {}).change == -3
    assert count_change({}, {}).change == 0


def test_a_quotients_two_sides():
    # 6/2 -> 8/4: the numerator alone adds 2 · (1/2 + 1/4) / 2, the denominator takes (1/4 − 1/2) · 14 / 2.
    sides = quotient_change(Pair(6, 2), Pair(8, 4))
    assert sides is not None
    top, bottom = sides
    assert (top, bottom) == (Fraction(3, 4), Fraction(-7, 4))
    assert top + bottom == 2 - 3


pairs = st.one_of(
    st.just(Pair(0, 0)),
    st.builds(lambda d, n: Pair(min(n, d), d), st.integers(1, 5000), st.integers(0, 5000)),
    st.builds(Pair, st.integers(-50, 5000), st.integers(0, 5000)),
)
tables = st.dictionaries(st.tuples(st.integers(0, 9)), pairs, max_size=8)
scales = st.sampled_from([Fraction(1), Fraction(100), Fraction(1, 100), Fraction(10_000)])


@given(tables, tables, scales)
def test_a_ratio_adds_up_to_the_last_digit(before, now, scale):
    found = ratio_change(before, now, scale)
    old, new = total_of(before), total_of(now)
    if found is None:
        assert not (old.denominator and new.denominator)
        return
    change = (Fraction(new.numerator, new.denominator) - Fraction(old.numerator, old.denominator)) * scale
    assert (
        found.change == found.mix + found.rate == sum((effect.total for effect in found.effects), Fraction(0)) == change
    )
    # Each cell that holds anything in either period, once.
    held = {key for cells in (before, now) for key, pair in cells.items() if pair != Pair(0, 0)}
    assert [effect.key for effect in found.effects] == [key for key in dict.fromkeys([*before, *now]) if key in held]


def test_a_cell_on_few_has_its_rate_left_aside_where_cells_are_ordered():
    # 20 of whom twice as many were content, beside 1000 of whom a few more were.
    few, many = (Pair(5, 20, 20), Pair(10, 20, 20)), (Pair(500, 1000, 1000), Pair(502, 1000, 1000))
    found = ratio_change({("few",): few[0], ("many",): many[0]}, {("few",): few[1], ("many",): many[1]})
    assert found is not None
    assert abs(found.effect(("few",)).total) > abs(found.effect(("many",)).total)
    assert [(effect.key, found.ranks(effect)) for effect in found.ordered] == [(("many",), True), (("few",), False)]
    # A number ranks where it stands on enough in one of the periods: 10 -> 40.
    counted = count_change({("a",): Pair(10, 0, 10)}, {("a",): Pair(40, 0, 40)})
    assert counted.ranks(counted.effect(("a",)))


@given(tables, tables, scales)
def test_a_count_adds_up_cell_by_cell(before, now, scale):
    found = count_change(before, now, scale)
    for effect in found.effects:
        moved = now.get(effect.key, Pair(0, 0)).numerator - before.get(effect.key, Pair(0, 0)).numerator
        assert effect.total == moved * scale
    assert found.mix + found.rate == found.change == sum(effect.total for effect in found.effects)


@given(tables, tables, st.lists(st.integers(0, 9), min_size=10, max_size=10))
def test_coarser_cells_add_up_to_the_same(before, now, coarser):
    def joined(cells):
        sums: dict = {}
        for (key,), pair in cells.items():
            sums[coarser[key],] = sums.get((coarser[key],), Pair(0, 0)) + pair
        return sums

    fine, coarse = ratio_change(before, now), ratio_change(joined(before), joined(now))
    assert (fine is None) == (coarse is None)
    if fine is not None and coarse is not None:
        assert fine.change == coarse.change
