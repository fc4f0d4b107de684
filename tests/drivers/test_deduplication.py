"""Which of several findings is told, and where most of it lies: by hand-made tables of two dimensions."""

from fractions import Fraction

import pytest

from kpi.drivers.deduplication import distinct, explained, located, pair
from kpi.drivers.finding import Finding
from kpi.drivers.search import search
from kpi.metrics.registry import METRICS
from kpi.stats.decomposition import Key, Pair, count_change, ratio_change

CSAT, VOLUME = METRICS["csat"], METRICS["volume"]


def by_two(before, now, *by):
    """(value, value) -> (numerator, denominator) of both periods, as a decomposition."""

    def table(numbers):
        return {key: Pair(top, bottom, bottom) for key, (top, bottom) in numbers.items()}

    found = ratio_change(table(before), table(now), by=by)
    assert found is not None
    return found


def one_way(table, at):
    """The same by one of the dimensions."""
    sums: tuple[dict, dict] = ({}, {})
    for effect in table.effects:
        for of, cell in zip(sums, (effect.before, effect.now), strict=True):
            key = (effect.key[at],)
            of[key] = of.get(key, Pair(0, 0)) + cell
    change = ratio_change if table.kind == "ratio" else count_change
    return change(*sums, by=(table.by[at],))


def found_in(metric, table):
    return search(metric, [one_way(table, 0), one_way(table, 1)], Fraction(1), {}).findings


# Content customers of two teams on two channels: the phone's "cards" fall from 90 to 60 %, all else stays.
FELL = by_two(
    {("hotline", "cards"): (450, 500), ("hotline", "loans"): (450, 500), ("wechat", "cards"): (45, 50),
     ("wechat", "loans"): (900, 1000)},
    {("hotline", "cards"): (300, 500), ("hotline", "loans"): (450, 500), ("wechat", "cards"): (45, 50),
     ("wechat", "loans"): (900, 1000)},
    "channel", "team",
)  # fmt: skip


def test_the_narrower_of_two_that_say_the_same_is_told():
    found = found_in(CSAT, FELL)
    assert {(one.dimension, one.value) for one in found} == {("channel", "hotline"), ("team", "cards")}
    (told,) = distinct(found, {pair("channel", "team"): FELL})
    # 550 of 2050 are about cards, 1000 by phone; both fell by 150.
    assert (told.dimension, told.value) == ("team", "cards")
    assert told.points == Fraction(-150, 2050)


def test_without_the_table_of_both_nothing_is_known_to_be_the_same():
    assert len(distinct(found_in(CSAT, FELL), {})) == 2


def test_most_of_it_lies_in_the_cell_that_carries_more_than_its_share():
    cards = next(one for one in found_in(CSAT, FELL) if one.dimension == "team")
    # Nearly all cards are by phone, so that "mostly phone" would say nothing.
    assert located(cards, {pair("channel", "team"): FELL}).where is None
    phone = next(one for one in found_in(CSAT, FELL) if one.dimension == "channel")
    where = located(phone, {pair("channel", "team"): FELL}).where
    assert where is not None
    assert (where.dimension, where.value, where.share) == ("team", "cards", 1.0)
    assert [filter_.dimension for filter_ in located(phone, {pair("channel", "team"): FELL}).filters] == [
        "channel", "team",
    ]  # fmt: skip


def test_how_much_of_one_finding_is_another():
    found = {one.dimension: one for one in found_in(CSAT, FELL)}
    assert explained(found["channel"], found["team"], FELL) == 1
    assert explained(found["team"], found["channel"], FELL) == 1
    mix = Finding("csat", "mix", Fraction(-1, 10), "channel", "hotline")
    assert explained(mix, found["team"], FELL) == 0


def test_one_that_falls_makes_no_cause_of_those_whose_shares_grow():
    # Of four alike one halves and the others stay: the centre shrinks, and their shares grow.
    before: dict[Key, Pair] = {(key,): Pair(1000, 0, 1000) for key in "abcd"}
    now = {**before, ("a",): Pair(500, 0, 500)}
    (told,) = search(VOLUME, [count_change(before, now, by=("topic",))], Fraction(1), {}).findings
    assert (told.value, told.points) == ("a", -500)


def test_where_everything_rises_alike_the_largest_ranks_no_higher_than_its_own_movement():
    before: dict[Key, Pair] = {(key,): Pair(800, 1000, 1000) for key in "abc"}
    now: dict[Key, Pair] = {(key,): Pair(700 if key == "c" else 900, 1000, 1000) for key in "abc"}
    table = ratio_change(before, now, by=("channel",))
    assert table is not None
    found = search(CSAT, [table], Fraction(1), {}).findings
    assert found[0].value == "c"


@pytest.mark.parametrize("n", [29, 30])
def test_a_rate_ranks_from_thirty_on(n):
    table = ratio_change({("a",): Pair(n, n, n), ("b",): Pair(500, 1000, 1000)},
                         {("a",): Pair(0, n, n), ("b",): Pair(500, 1000, 1000)}, by=("channel",))  # fmt: skip
    assert table is not None
    found = [one.value for one in search(CSAT, [table], Fraction(1), {}).findings if one.kind == "rate"]
    assert found == (["a"] if n == 30 else [])


def test_what_only_moved_less_than_the_others_is_no_cause():
    """A 10 % -> 20 %, B 10 % -> 11.5 %, each on ten thousand: B rose beyond chance, but by less than the whole."""
    before: dict[Key, Pair] = {("a",): Pair(1000, 10_000, 10_000), ("b",): Pair(1000, 10_000, 10_000)}
    now: dict[Key, Pair] = {("a",): Pair(2000, 10_000, 10_000), ("b",): Pair(1150, 10_000, 10_000)}
    table = ratio_change(before, now, by=("channel",))
    assert table is not None
    found = search(METRICS["csat"], [table], Fraction(1), {})
    assert [(one.kind, one.value, one.points) for one in found.findings] == [("rate", "a", Fraction(1, 20))]
    assert not found.small
    # A moved 5 of the 5.75 points: less than is worth telling where six are asked for.
    trifle = search(METRICS["csat"], [table], Fraction(1), {}, Fraction(6, 100))
    assert (trifle.findings, trifle.small) == ((), True)
