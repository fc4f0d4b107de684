"""A decomposition as steps from the comparison's value to the period's, for a waterfall."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from kpi.drivers.finding import Why
from kpi.stats.decomposition import Decomposition, Effect, Key
from kpi.stats.rounding import add_up

StepKind = Literal["before", "mix", "cell", "others", "now"]
# Cells with a step of their own.
MOST = 5


@dataclass(frozen=True)
class Step:
    """From ``start`` to ``end``, exact, in the KPI's unit. ``told``: the difference rounded so that all steps together
    are the change that is shown. ``key``: the cell's; ``count``: how many cells the others are.
    """

    kind: StepKind
    start: Fraction
    end: Fraction
    told: Fraction = Fraction(0)
    key: Key = ()
    count: int = 0


def steps(why: Why, decomposition: Decomposition, most: int = MOST) -> tuple[Step, ...]:
    """Before, the mix as a whole (of a ratio), the cells whose own rate or number moved most, all others, and now.
    Rates on fewer than 30 are among the others, however far they moved.

    Empty where there is no change to take apart.
    """
    if why.whole.previous is None or why.change is None or why.change != decomposition.change:
        return ()
    ratio = decomposition.kind == "ratio"

    def own(effect: Effect) -> Fraction:
        return effect.rate if ratio else effect.total

    moved = sorted((one for one in decomposition.effects if own(one)), key=lambda one: (-abs(own(one)), str(one.key)))
    ranked = [one for one in moved if not ratio or decomposition.ranks(one)]
    largest = ranked if len(moved) <= most + 1 else ranked[:most]
    others = [one for one in moved if one not in largest]
    pieces: list[tuple[StepKind, Fraction, Key, int]] = []
    if ratio and decomposition.mix:
        pieces.append(("mix", decomposition.mix, (), 0))
    pieces += [("cell", own(effect), effect.key, 0) for effect in largest]
    if others:
        pieces.append(("others", sum((own(one) for one in others), Fraction(0)), (), len(others)))
    shown = Fraction(why.whole.change or 0)
    told = add_up([points for _, points, _, _ in pieces], shown, why.decimals)
    at = first = Fraction(why.whole.previous)
    found = [Step("before", first, first)]
    for (kind, points, key, count), rounded in zip(pieces, told, strict=True):
        found.append(Step(kind, at, at + points, rounded, key, count))
        at += points
    return (*found, Step("now", at, at))
