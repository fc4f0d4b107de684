"""A change taken apart, exactly: a ratio's into mix and rate, a count's into contributions, a quotient's into its two
sides. Parts are whole numbers and effects fractions, so that the effects add up to the change to the last digit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import Literal

from kpi.stats.intervals import SMALL_N

Key = tuple[str | int | date | None, ...]
NOUGHT = Fraction(0)
_HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Pair:
    """Numerator and denominator of one cell in one period; ``n``: the contacts (answers) it stands on."""

    numerator: int
    denominator: int
    n: int = 0

    @property
    def rate(self) -> Fraction | None:
        """None over nought."""
        return Fraction(self.numerator, self.denominator) if self.denominator else None

    def __add__(self, other: "Pair") -> "Pair":
        return Pair(self.numerator + other.numerator, self.denominator + other.denominator, self.n + other.n)

    def __sub__(self, other: "Pair") -> "Pair":
        return Pair(self.numerator - other.numerator, self.denominator - other.denominator, self.n - other.n)


EMPTY = Pair(0, 0)
Table = Mapping[Key, Pair]


@dataclass(frozen=True)
class Effect:
    """What one cell adds to the change, in the KPI's unit (a share as 0–1).

    Of a ratio, ``mix``: through its share of the denominator, against the mean rate of both periods; ``rate``: through
    its own rate. Of a count, ``mix``: its share in the general movement; ``rate``: its own movement.
    ``weight``: its share of the denominator (of the count), the mean of both periods. ``only``: the one period in which
    it exists.
    """

    key: Key
    before: Pair
    now: Pair
    mix: Fraction
    rate: Fraction
    weight: Fraction
    only: Literal["before", "now"] | None = None

    @property
    def total(self) -> Fraction:
        return self.mix + self.rate


@dataclass(frozen=True)
class Decomposition:
    """Every cell's effects; their sum is ``change``. ``by``: the dimensions of the cells' keys."""

    by: tuple[str, ...]
    kind: Literal["ratio", "count"]
    change: Fraction
    effects: tuple[Effect, ...]

    @cached_property
    def mix(self) -> Fraction:
        return sum((effect.mix for effect in self.effects), NOUGHT)

    @cached_property
    def rate(self) -> Fraction:
        return sum((effect.rate for effect in self.effects), NOUGHT)

    @property
    def wholes(self) -> tuple[Pair, Pair]:
        """Before and now, of all cells together."""
        return total_of({one.key: one.before for one in self.effects}), total_of(
            {one.key: one.now for one in self.effects}
        )

    def ranks(self, effect: Effect) -> bool:
        """Whether a cell stands on enough to be a cause: a rate in both periods, a number in one."""
        counts = effect.before.n, effect.now.n
        return (min(counts) if self.kind == "ratio" else max(counts)) >= SMALL_N

    @property
    def ordered(self) -> list[Effect]:
        """What moved most first, the rate of a cell that does not rank left aside."""

        def moved(effect: Effect) -> Fraction:
            return abs(effect.total if self.kind == "count" or self.ranks(effect) else effect.mix)

        return sorted(self.effects, key=lambda effect: (-moved(effect), str(effect.key)))

    def effect(self, key: Key) -> Effect:
        """Raises KeyError for a key that is none of the cells'."""
        for effect in self.effects:
            if effect.key == key:
                return effect
        raise KeyError(key)


def ratio_change(
    before: Table, now: Table, scale: Fraction = Fraction(1), by: tuple[str, ...] = ()
) -> Decomposition | None:
    """The change of Σ numerator ÷ Σ denominator × ``scale`` as mix and rate of every cell (Kitagawa, 1955).

    With p a cell's share of the denominator, r its rate, R̄ the mean of both overall rates, and r̄ the mean of the cell's
    two rates, or the one it has: mix = Δp · (r̄ − R̄), rate = Δ(numerator ÷ Σ denominator) − Δp · r̄. The centring by R̄
    sums to nought; without one-sided cells the sums are Kitagawa's. A cell without a denominator is all rate.
    None where a whole period has no denominator.
    """
    whole_before, whole_now = total_of(before), total_of(now)
    if not whole_before.denominator or not whole_now.denominator:
        return None
    # In whole numbers over the product of both denominators: thousands of cells are taken apart for one page.
    old, new = whole_before.denominator, whole_now.denominator
    product = old * new
    centre = whole_before.numerator * new + whole_now.numerator * old  # over twice the product
    effects = []
    for key, was, is_ in _cells(before, now):
        moved = is_.denominator * old - was.denominator * new
        top, bottom = _mean(was, is_)
        own = (is_.numerator * old - was.numerator * new) * bottom - moved * top
        effects.append(
            Effect(
                key,
                was,
                is_,
                mix=scale * Fraction(moved * (2 * product * top - centre * bottom), 2 * product * product * bottom),
                rate=scale * Fraction(own, product * bottom),
                weight=Fraction(was.denominator * new + is_.denominator * old, 2 * product),
                only=_only(was.denominator or was.numerator, is_.denominator or is_.numerator),
            )
        )
    change = scale * Fraction(whole_now.numerator * old - whole_before.numerator * new, product)
    return Decomposition(by, "ratio", change, tuple(effects))


def _mean(was: Pair, is_: Pair) -> tuple[int, int]:
    """Mean of the rates that are defined, as numerator and denominator."""
    if was.denominator and is_.denominator:
        both = was.numerator * is_.denominator + is_.numerator * was.denominator
        return both, 2 * was.denominator * is_.denominator
    one = is_ if is_.denominator else was
    return (one.numerator, one.denominator) if one.denominator else (0, 1)


def count_change(before: Table, now: Table, scale: Fraction = Fraction(1), by: tuple[str, ...] = ()) -> Decomposition:
    """The change of Σ numerator × ``scale`` as every cell's contribution ΔNᵢ = p̄ᵢ · ΔN + Δpᵢ · N̄: its share in the
    general movement, and its own. Where a whole period is nought the shares are taken to be the other's.
    """
    old, new = total_of(before).numerator, total_of(now).numerator
    moved, mean = Fraction(new - old), Fraction(new + old) * _HALF
    effects = []
    for key, was, is_ in _cells(before, now):
        share_before = Fraction(was.numerator, old) if old else None
        share_now = Fraction(is_.numerator, new) if new else None
        p = share_before if share_before is not None else share_now or NOUGHT
        q = share_now if share_now is not None else p
        weight = (p + q) * _HALF
        general = weight * moved if old and new else Fraction(is_.numerator - was.numerator)
        own = (q - p) * mean if old and new else NOUGHT
        only = _only(was.numerator, is_.numerator)
        effects.append(Effect(key, was, is_, general * scale, own * scale, weight, only))
    return Decomposition(by, "count", moved * scale, tuple(effects))


def quotient_change(before: Pair, now: Pair) -> tuple[Fraction, Fraction] | None:
    """What the numerator and what the denominator add to the change of their quotient; both together are the change
    (Shapley's values of the two). None over nought.
    """
    if not before.denominator or not now.denominator:
        return None
    old, new = Fraction(1, before.denominator), Fraction(1, now.denominator)
    return (
        (now.numerator - before.numerator) * (old + new) * _HALF,
        (new - old) * (before.numerator + now.numerator) * _HALF,
    )


def _cells(before: Table, now: Table) -> Iterator[tuple[Key, Pair, Pair]]:
    """The cells of both periods, without those that hold nothing in either."""
    for key in dict.fromkeys([*before, *now]):
        was, is_ = before.get(key, EMPTY), now.get(key, EMPTY)
        if was != EMPTY or is_ != EMPTY:
            yield key, was, is_


def total_of(table: Table) -> Pair:
    """The sum of all cells."""
    return sum(table.values(), EMPTY)


def _only(before: int, now: int) -> Literal["before", "now"] | None:
    if before and not now:
        return "before"
    return "now" if now and not before else None
