"""Findings that say the same of the same contacts: which of them is told, and where most of it lies."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from kpi.drivers.dimensions import CAUSES
from kpi.drivers.finding import Finding, Where
from kpi.drivers.search import HIDDEN, filter_of
from kpi.metrics.dimensions import DIMENSIONS
from kpi.stats.decomposition import Decomposition, Effect, ratio_change
from kpi.stats.intervals import SMALL_N

# By two dimensions, sorted by name.
Pairs = Mapping[tuple[str, str], Decomposition]

# A finding restates another when less than this is left of it outside the other.
_LEFT = Fraction(1, 2)
# Within a wider value lies what has so much of its contacts there; the narrowest is told that carries so much of the
# wider one's points. (Four fifths would be missed too often by what moves in the wider one by chance besides.)
_WITHIN = Fraction(8, 10)
_CARRIES = Fraction(2, 3)
# "Mostly": at least this share of a finding, and so much more than the value's usual share.
_MOSTLY = Fraction(1, 2)
_MORE = Fraction(15, 100)
_MIXES = {"mix", "simpson"}


def pair(one: str, other: str) -> tuple[str, str]:
    """The key of two dimensions in ``Pairs``."""
    return (one, other) if one < other else (other, one)


def distinct(findings: Sequence[Finding], pairs: Pairs) -> list[Finding]:
    """The findings without those that restate another. Of values that lie one within the other and say the same the
    narrowest is kept, so that the topic is named and not its business line. Largest first, as they came.
    """
    left, kept = list(findings), []
    while left:
        lead = left[0]
        group = [lead] + [
            other
            for other in left[1:]
            if may_replace(other, lead) and _restates(lead, other, pairs) and _lies_within(other, lead, pairs)
        ]
        chosen = min(group, key=lambda one: (one.weight, CAUSES.index(one.dimension)))
        kept.append(chosen)
        left = [other for other in left if other not in group and not _restates(other, chosen, pairs)]
    return sorted(kept, key=lambda one: -abs(one.rank))


def _restates(one: Finding, other: Finding, pairs: Pairs) -> bool:
    """Whether under half of ``one`` is left outside of ``other``."""
    if one.dimension == other.dimension or (table := pairs.get(pair(one.dimension, other.dimension))) is None:
        return False
    return 1 - explained(one, other, table) < _LEFT


def may_replace(one: Finding, lead: Finding) -> bool:
    """Whether a finding is narrower than one that moved more, and carries enough to be told in its place."""
    return one.weight <= lead.weight and abs(one.rank) >= _CARRIES * abs(lead.rank)


def _lies_within(one: Finding, other: Finding, pairs: Pairs) -> bool:
    """Whether nearly all contacts of ``one`` are ``other``'s as well."""
    table = pairs[pair(one.dimension, other.dimension)]
    mine, others = table.by.index(one.dimension), table.by.index(other.dimension)
    of = [effect for effect in table.effects if effect.key[mine] == one.value]
    both = sum((effect.weight for effect in of if effect.key[others] == other.value), Fraction(0))
    return both >= _WITHIN * sum((effect.weight for effect in of), Fraction(0))


def explained(one: Finding, other: Finding, table: Decomposition) -> Fraction:
    """The share of ``one``'s points that is ``other``'s, by the two dimensions of both (1 = all of it)."""
    if one.kind in _MIXES:
        # What shares by both dimensions add to those of the other dimension alone is this one's own.
        return 1 - (table.mix - other.points) / one.points if other.kind in _MIXES else Fraction(0)
    within = _within(table, one)
    mine = table.by.index(other.dimension)
    if one.kind == "count":
        whole = sum((effect.rate for effect in within), Fraction(0))
        its = sum((effect.rate for effect in within if effect.key[mine] == other.value), Fraction(0))
    else:
        inner = ratio_change({e.key: e.before for e in within}, {e.key: e.now for e in within})
        if inner is None:
            return Fraction(0)
        whole = inner.change
        its = (
            inner.mix
            if other.kind in _MIXES
            else sum((effect.rate for effect in inner.effects if effect.key[mine] == other.value), Fraction(0))
        )
    return its / whole if whole else Fraction(0)


def located(finding: Finding, pairs: Pairs) -> Finding:
    """The finding with the two-way cell that is most of it, where there is one."""
    best: Where | None = None
    for dimensions, table in pairs.items():
        if finding.dimension not in dimensions:
            continue
        other = next(dimension for dimension in dimensions if dimension != finding.dimension)
        if _nested(finding.dimension, other):
            continue
        found = _most(finding, other, table)
        if found is not None and (best is None or found.share > best.share):
            best = found
    if best is None:
        return finding
    return replace(finding, where=best, filters=(*finding.filters, filter_of(best.dimension, best.value)))


def _most(finding: Finding, other: str, table: Decomposition) -> Where | None:
    within, mine = _within(table, finding), table.by.index(other)
    if finding.kind == "rate":
        inner = ratio_change({e.key: e.before for e in within}, {e.key: e.now for e in within})
        if inner is None or not inner.change:
            return None
        parts = [(effect, effect.rate / inner.change, effect.weight) for effect in inner.effects]
    else:
        total = sum(_part(finding, effect, table) for effect in within)
        weights = sum((effect.weight for effect in within), Fraction(0))
        if not total or not weights:
            return None
        parts = [(effect, _part(finding, effect, table) / total, effect.weight / weights) for effect in within]
    candidates = [
        (share, effect)
        for effect, share, weight in parts
        if share >= max(_MOSTLY, weight + _MORE)
        and effect.key[mine] is not None
        and effect.key[mine] != HIDDEN
        and (finding.kind != "rate" or min(effect.before.n, effect.now.n) >= SMALL_N)
    ]
    if not candidates:
        return None
    share, effect = max(candidates, key=lambda one: one[0])
    return Where(other, effect.key[mine], float(share))


def _part(finding: Finding, effect: Effect, table: Decomposition) -> Fraction:
    """What a two-way cell adds to a finding: of a count its own movement, of a mix how its share moved."""
    if finding.kind == "count":
        return effect.rate
    before = sum(one.before.denominator for one in table.effects)
    now = sum(one.now.denominator for one in table.effects)
    return Fraction(effect.now.denominator, now) - Fraction(effect.before.denominator, before)


def _within(table: Decomposition, finding: Finding) -> list[Effect]:
    at = table.by.index(finding.dimension)
    return [effect for effect in table.effects if effect.key[at] == finding.value]


def _nested(one: str, other: str) -> bool:
    """Whether a value of one dimension lies in one value of the other by its nature."""
    bases = [DIMENSIONS[dimension].attribute_of or dimension for dimension in (one, other)]
    return bases[0] == bases[1] or {one, other} == {"channel", "line"}
