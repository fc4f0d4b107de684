"""Both periods of KPIs by several sets of dimensions at once: what a change is taken apart from.

The same integers as in answers to one question a set, without their intervals, and with far fewer statements.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from kpi.drivers.grouping_sets import By, read_sets
from kpi.metrics.model import Custom, Measure, Metric, Ratio, Total
from kpi.query import privacy
from kpi.query.cohorts.registry import COHORTS
from kpi.query.feeds import feeds_for
from kpi.query.measure import Aggregate, Plan, request
from kpi.query.period_pair import PeriodPair
from kpi.query.question import Question
from kpi.query.selection import Selection
from kpi.query.validation import check
from kpi.stats.decomposition import Key, Pair
from kpi.warehouse import Published


@dataclass(frozen=True)
class Counts:
    """One KPI by one set of dimensions. ``hidden``: cells that the viewer may not see are left out."""

    before: Mapping[Key, Pair]
    now: Mapping[Key, Pair]
    hidden: bool = False


@dataclass(frozen=True)
class _Measured:
    metric: Metric
    measure: Measure
    sources: frozenset[str] | None

    @property
    def of_sums(self) -> bool:
        """Read by several sets at once; a share of a whole needs another statement for each."""
        return isinstance(self.measure, Total) or (isinstance(self.measure, Ratio) and not self.measure.whole_of)


def counts_on(
    connection: sa.Connection, published: Published, service_level: str, question: Question, bys: Sequence[By]
) -> dict[str, dict[By, Counts]]:
    """KPI -> dimensions -> what both periods counted; empty without a comparison.

    The question's own ``by`` does not matter; its KPIs are totals, ratios or of a cohort. Raises as ``answer``.
    """
    found: dict[str, dict[By, Counts]] = {kpi: {} for kpi in question.kpis}
    for by in bys:
        check(connection, replace(question, by=by))
    pair = PeriodPair.of(connection, published, replace(question, by=()))
    if pair.before is None or pair.compared is None:
        return found
    metrics = check(connection, replace(question, by=()))
    service_level = question.service_level or service_level
    measured = []
    for metric in metrics:
        measure = pair.measure(metric, service_level)
        measured.append(_Measured(metric, measure, feeds_for(metric, measure, published, pair.sources)))
    now, before = _read(pair.now, pair.before, measured, bys)
    for by in bys:
        hidden = _hidden(question, pair.now.grouped(by), measured, now[by])
        hidden_before = _hidden(question, pair.before.grouped(by), measured, before[by])
        for kpi in question.kpis:
            # A cell that is hidden in one period is left out of both: the other would be a change of its own.
            moved = {
                at: raw for key, raw in before[by][kpi].items() if (at := pair.compared.moved(by, key)) is not None
            }
            out = hidden.get(kpi, set()) | {
                at for key in hidden_before.get(kpi, ()) if (at := pair.compared.moved(by, key)) is not None
            }
            found[kpi][by] = Counts(_pairs(moved, out), _pairs(now[by][kpi], out), bool(out))
    return found


# Dimensions -> KPI -> key -> what was counted.
_Found = dict[By, dict[str, dict[Key, Aggregate]]]


def _read(
    selection: Selection, before: Selection, measured: Sequence[_Measured], bys: Sequence[By]
) -> tuple[_Found, _Found]:
    plan = Plan(selection)
    found: tuple[_Found, _Found] = ({by: {} for by in bys}, {by: {} for by in bys})
    readers = {}
    for one in measured:
        if one.sources != frozenset() and one.of_sums:
            readers[one.metric.id] = request(plan, one.metric, one.measure, one.sources)
            continue
        for side, of in zip((selection, before), found, strict=True):
            for by in bys:
                # Where no feed records it there is nothing.
                of[by][one.metric.id] = {} if one.sources == frozenset() else _alone(side.grouped(by), one)
    for of, read_by in zip(found, read_sets(plan, before, bys), strict=True):
        for by, read in read_by.items():
            of[by] |= {kpi: reader(read) for kpi, reader in readers.items()}
    return found


def _alone(selection: Selection, one: _Measured) -> dict[Key, Aggregate]:
    if isinstance(one.measure, Custom):
        return COHORTS[one.metric.id].compute(selection, one.sources)
    plan = Plan(selection)
    reader = request(plan, one.metric, one.measure, one.sources)
    return reader(plan.read())


def _hidden(
    question: Question,
    selection: Selection,
    measured: Sequence[_Measured],
    found: Mapping[str, Mapping[Key, Aggregate]],
) -> dict[str, set[Key]]:
    if question.scope.see_interactions:
        return {}
    return privacy.small_cells(selection, {one.metric.id: (one.measure, one.sources) for one in measured}, found)


def _pairs(found: Mapping[Key, Aggregate], left_out: set[Key]) -> dict[Key, Pair]:
    """In the order of the keys: that in which the engine finds them is another one each time, and cells that moved as
    much as each other are told in this one.
    """
    return {
        key: Pair(int(found[key].numerator or 0), int(found[key].denominator or 0), found[key].n or 0)
        for key in sorted(found, key=lambda key: tuple((value is None, str(value)) for value in key))
        if key not in left_out
    }
