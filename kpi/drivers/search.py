"""What of a decomposition may be a cause: tested against chance, and by how much it moved the whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from kpi.drivers.finding import Finding
from kpi.metrics.model import Custom, Metric, Ratio, Total
from kpi.query.answer import DimensionValue
from kpi.query.question import Filter
from kpi.stats.decomposition import Decomposition, Effect, Key, Pair, count_change, total_of
from kpi.stats.intervals import SMALL_N
from kpi.stats.significance import Evidence, benjamini_hochberg, counts, events, means, proportions

# Stands for the cells that the viewer may not see one by one.
HIDDEN = "\N{HORIZONTAL ELLIPSIS}"
# So many values of one dimension are taken away, one after the other.
_SEVERAL = 3
# Of both denominators, what the values must make up that are called "every".
_EVERY = Fraction(95, 100)

Chance = Literal["proportion", "mean", "events", "count"]
Squares = tuple[Mapping[Key, int], Mapping[Key, int]]  # Σx² before and now


@dataclass(frozen=True)
class Search:
    """What was found in a search, and in how many tests. ``small``: whether more is beyond chance than moved the whole
    enough to be told.
    """

    findings: tuple[Finding, ...]
    tested: int
    small: bool


def chance_of(metric: Metric) -> Chance | None:
    """How the KPI's differences are tested; None where nothing is known of their spread."""
    match metric.measure:
        case Total(part=part):
            return "count" if part.value is None or metric.unit == "count" else None
        case Ratio() | Custom() if metric.proportion:
            return "proportion"
        case Ratio(numerator=top, denominator=bottom) if bottom.value is None:
            return "events" if top.value is None else "mean"
    return None


def evidence(
    chance: Chance | None,
    before: Pair,
    now: Pair,
    scale: Fraction,
    squares: tuple[int, int] | None = None,
    times: float = 1.0,
) -> Evidence | None:
    """The test of one cell's value (of a count, of its number in a period that is ``times`` as long); the interval in
    the KPI's unit.
    """
    match chance:
        case "proportion":
            found = proportions(before.numerator, before.denominator, now.numerator, now.denominator)
        case "events":
            found = events(before.numerator, before.denominator, now.numerator, now.denominator)
        case "mean" if squares is not None:
            found = means(
                (before.denominator, before.numerator, squares[0]), (now.denominator, now.numerator, squares[1])
            )
        case "count":
            found = counts(before.numerator, now.numerator, times)
        case _:
            return None
    if found is None:
        return None
    return Evidence(found.p, found.low * float(scale), found.high * float(scale))


def search(
    metric: Metric,
    decompositions: Sequence[Decomposition],
    scale: Fraction,
    squares: Mapping[str, Squares],
    least: Fraction = Fraction(0),
    times: float = 1.0,
) -> Search:
    """Every candidate of every decomposition (of one dimension each) that is beyond chance when all their tests are
    taken together, by what it moved. ``squares``: by dimension, where the KPI is a mean. ``least``: what a cause must
    have moved. ``times``: how many times as long as the comparison the period is.
    """
    tried: list[Finding] = []
    for decomposition in decompositions:
        if decomposition.kind == "count":
            tried += _movements(metric, decomposition, times)
        else:
            tried += _rates(metric, decomposition, scale, squares.get(decomposition.by[0]))
            tried += _mix(metric, decomposition, scale, squares.get(decomposition.by[0]))
    passed = benjamini_hochberg([one.p for one in tried])
    found = [one for one, yes in zip(tried, passed, strict=True) if yes and one.rank]
    told = [one for one in found if abs(one.points) >= least]
    ordered = sorted(told, key=lambda one: (-abs(one.rank), one.weight, str(one.value)))
    return Search(tuple(ordered), len(tried), len(told) < len(found))


def _rates(metric: Metric, decomposition: Decomposition, scale: Fraction, squares: Squares | None) -> list[Finding]:
    """Values whose own rate moved; those with fewer than 30 rank nowhere.

    What ranks is the movement against the general one of all rates: where all rise alike, or a value is nearly
    everything, naming it would only restate the whole. It ranks by no more than it moved, and one that only moved less
    than the others is no cause: tried all the same, so that it counts among the tests.
    """
    found, general = [], decomposition.rate
    for effect in _named(decomposition):
        before, now = effect.before.rate, effect.now.rate
        if before is None or now is None or not decomposition.ranks(effect):
            continue
        both = (squares[0].get(effect.key, 0), squares[1].get(effect.key, 0)) if squares is not None else None
        test = evidence(chance_of(metric), effect.before, effect.now, scale, both)
        if test is not None:
            rates = (float(before * scale), float(now * scale))
            own = effect.rate - effect.weight * general
            if own * effect.rate > 0:
                own = min(own, effect.rate, key=abs)
            else:
                own, test = effect.rate, replace(test, p=1.0)
            found.append(_finding(metric, decomposition, effect, "rate", effect.rate, *rates, test, rank=own))
    return found


def _mix(metric: Metric, decomposition: Decomposition, scale: Fraction, squares: Squares | None) -> list[Finding]:
    """What all shares of one dimension moved, named after the value that moved most of it; of a denominator that is a
    number of contacts. Beyond chance is what that value's share moved by, and what its rate differs by from the rest's.
    """
    measure, total = metric.measure, decomposition.mix
    if isinstance(measure, Ratio) and measure.denominator.value is not None and not metric.proportion:
        return []
    named = [
        effect
        for effect in _named(decomposition)
        if effect.mix * total > 0 and max(effect.before.n, effect.now.n) >= SMALL_N
    ]
    if not named:
        return []
    effect = max(named, key=lambda one: abs(one.mix))
    before = total_of({one.key: one.before for one in decomposition.effects})
    now = total_of({one.key: one.now for one in decomposition.effects})
    test = proportions(effect.before.denominator, before.denominator, effect.now.denominator, now.denominator)
    if test is None:
        return []
    inside, all_squares = effect.before + effect.now, _sums(squares, None)
    own_squares = _sums(squares, effect.key)
    between = None if own_squares is None or all_squares is None else (all_squares - own_squares, own_squares)
    differs = evidence(chance_of(metric), before + now - inside, inside, scale, between)
    if differs is None:
        return []
    # The largest of so many was picked, so that its chance counts as often.
    test = replace(test, p=min(1.0, max(test.p, differs.p) * len(decomposition.effects)))
    shares = (effect.before.denominator / before.denominator, effect.now.denominator / now.denominator)
    whole = evidence(chance_of(metric), before, now, Fraction(1))
    paradox = is_paradox(decomposition) and (whole is None or whole.beyond)
    kind: Literal["mix", "simpson"] = "simpson" if paradox else "mix"
    return [_finding(metric, decomposition, effect, kind, total, *shares, test)]


def _sums(squares: Squares | None, key: Key | None) -> int | None:
    """Σx² of both periods, of one cell or of all."""
    if squares is None:
        return None
    return sum(number for one in squares for at, number in one.items() if key is None or at == key)


def is_paradox(decomposition: Decomposition) -> bool:
    """Simpson's: every value's own rate moved against the whole. Values with fewer than 30 do not count, and the others
    must be nearly all there is.
    """
    told = [
        effect
        for effect in decomposition.effects
        if effect.before.rate is not None
        and effect.now.rate is not None
        and min(effect.before.n, effect.now.n) >= SMALL_N
    ]
    moves = [(one.now.rate or Fraction(0)) - (one.before.rate or Fraction(0)) for one in told]
    if len(told) < 2 or sum((one.weight for one in told), Fraction(0)) < _EVERY:
        return False
    return all(move * decomposition.change < 0 for move in moves)


def _movements(metric: Metric, decomposition: Decomposition, times: float) -> list[Finding]:
    """Values whose number moved by itself, the most first; each against the general movement of those that are left
    when the ones before are taken away, since one that falls makes the shares of all others grow.

    Its own movement ranks. Where the number as such did not move that way it is no cause.
    """
    found: list[Finding] = []
    left = decomposition
    for _ in range(_SEVERAL):
        tried = [one for effect in _named(left) if (one := _movement(metric, left, effect, times)) is not None]
        likely = [one for one in tried if one.p < 1]
        if not likely:
            return found + tried
        first = max(likely, key=lambda one: abs(one.rank))
        found.append(first)
        rest = [effect for effect in left.effects if effect.key != (first.value,)]
        left = count_change(
            {one.key: one.before for one in rest}, {one.key: one.now for one in rest}, by=decomposition.by
        )
    return found + [one for effect in _named(left) if (one := _movement(metric, left, effect, times)) is not None]


def _movement(metric: Metric, decomposition: Decomposition, effect: Effect, times: float) -> Finding | None:
    before = sum(one.before.numerator for one in decomposition.effects)
    now = sum(one.now.numerator for one in decomposition.effects)
    moved = evidence(chance_of(metric), effect.before, effect.now, Fraction(1), times=times)
    share = proportions(effect.before.numerator, before, effect.now.numerator, now)
    if moved is None or share is None or max(effect.before.n, effect.now.n) < SMALL_N:
        return None
    # Against the general movement: tried all the same, so that it counts among the tests.
    own = moved.beyond and (moved.low > 0) == (effect.rate > 0)
    test = Evidence(max(share.p, moved.p) if own else 1.0, moved.low, moved.high)
    numbers = (float(effect.before.numerator), float(effect.now.numerator))
    return _finding(metric, decomposition, effect, "count", effect.total, *numbers, test, rank=effect.rate)


def _named(decomposition: Decomposition) -> list[Effect]:
    """The cells that can be named: not the unknown, nor what is hidden."""
    return [effect for effect in decomposition.effects if effect.key[0] is not None and effect.key[0] != HIDDEN]


def _finding(
    metric: Metric,
    decomposition: Decomposition,
    effect: Effect,
    kind: Literal["mix", "rate", "count", "simpson"],
    points: Fraction,
    before: float,
    now: float,
    test: Evidence,
    rank: Fraction | None = None,
) -> Finding:
    dimension, value = decomposition.by[0], effect.key[0]
    return Finding(
        kpi=metric.id,
        kind=kind,
        points=points,
        dimension=dimension,
        value=value,
        before=before,
        now=now,
        low=test.low,
        high=test.high,
        n_before=effect.before.n,
        n_now=effect.now.n,
        p=test.p,
        rank=points if rank is None else rank,
        weight=effect.weight,
        filters=(filter_of(dimension, value),),
    )


def filter_of(dimension: str, value: DimensionValue) -> Filter:
    """The filter that leads to one value's rows."""
    return Filter(dimension, ("" if value is None else str(value),))
