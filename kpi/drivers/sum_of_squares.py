"""Σx² behind the means of a question: what their chance is judged by."""

from collections.abc import Mapping

import sqlalchemy as sa

from kpi.metrics.model import Metric, Part, Ratio
from kpi.metrics.registry import metric
from kpi.query.feeds import feeds_for
from kpi.query.measure import Plan
from kpi.query.period_pair import PeriodPair
from kpi.query.question import Question
from kpi.query.selection import Key, Selection
from kpi.warehouse import Published

Squares = Mapping[Key, int]


def is_mean(declared: Metric) -> bool:
    """Whether the KPI is a mean over the rows that its denominator counts."""
    match declared.measure:
        case Ratio(numerator=Part(value=value, fact=top), denominator=Part(value=None, fact=bottom), proportion=False):
            return value is not None and top is bottom
    return False


def squares_on(
    connection: sa.Connection, published: Published, service_level: str, question: Question
) -> dict[str, tuple[Squares, Squares]]:
    """KPI -> Σx² by key, of the comparison and of the period, in the facts' own units; of the means among the KPIs.

    The question must have been answered, so that its names are known to be right. Not cut to what the viewer may see:
    no square is ever shown.
    """
    pair = PeriodPair.of(connection, published, question)
    means = [declared for kpi in question.kpis if is_mean(declared := metric(kpi))]
    now = _squares(pair.now, pair, means, published, service_level)
    before = _squares(pair.before, pair, means, published, service_level) if pair.before else {}
    return {declared.id: (before.get(declared.id, {}), now.get(declared.id, {})) for declared in means}


def _squares(
    selection: Selection, pair: PeriodPair, means: list[Metric], published: Published, service_level: str
) -> dict[str, Squares]:
    plan, places = Plan(selection), {}
    for declared in means:
        measure = pair.measure(declared, service_level)
        sources = feeds_for(declared, measure, published, pair.sources)
        if isinstance(measure, Ratio) and sources != frozenset():
            part = measure.numerator
            square = sa.cast(part.value, sa.BigInteger) * sa.cast(part.value, sa.BigInteger)
            total = sa.cast(sa.func.coalesce(sa.func.sum(sa.case((part.where, square))), 0), sa.BigInteger)
            places[declared.id] = plan.other(part, f"{part.id}__squares", total, sources)
    read = plan.read()
    return {kpi: {key: sums[label] for key, sums in read[at].items()} for kpi, (at, label) in places.items()}
