"""The Lorenz curve of what customers bring, and of the service they ask for."""

from dataclasses import dataclass, replace

import sqlalchemy as sa

from kpi.query.answering import feeds_for, feeds_in_scope
from kpi.query.compare import effective
from kpi.query.concentration import Holdings, concentration, contacts_held, value_held
from kpi.query.conditions import check
from kpi.query.customers import Reading
from kpi.query.measure import Asked
from kpi.query.question import Question
from kpi.warehouse import Published

# The curve behind each share of the top.
_CURVES: dict[str, Holdings] = {"top20_share": value_held, "top20_share_contacts": contacts_held}


@dataclass(frozen=True)
class Curve:
    """The Lorenz curve behind ``kpi``: ``shares[p]`` is what the lowest p % of ``customers`` hold, as a share."""

    kpi: str
    customers: int
    shares: tuple[float, ...]


def lorenz_on(connection: sa.Connection, published: Published, question: Question) -> tuple[Curve, ...]:
    """The curves of value and of contacts over the question's period and filters, within a transaction that is open
    already; one of which nothing is recorded, or held, is left out. Raises what ``conditions.check`` raises.
    """
    metrics = check(connection, replace(question, kpis=tuple(_CURVES), by=()))
    filters = (*question.filters, *question.scope.filters)
    asked = Asked(
        connection, published, (), filters, effective(question.period, published.today), scope=question.scope.filters
    )
    in_scope = feeds_in_scope(connection, published, question)
    curves = []
    for metric in metrics:
        sources = feeds_for(metric, metric.measure, published, in_scope)
        read = concentration(Reading.of(asked, sources), (), _CURVES[metric.id]) if sources != frozenset() else {}
        if (held := read.get(())) is not None and held.total:
            curves.append(Curve(metric.id, held.customers, tuple(amount / held.total for amount in held.below)))
    return tuple(curves)
