"""The Lorenz curve of what customers bring, and of the service they ask for."""

from dataclasses import dataclass, replace

import sqlalchemy as sa

from kpi.query.cohorts.base import CohortReading
from kpi.query.cohorts.concentration import Holdings, concentration, contacts_held, value_held
from kpi.query.feeds import feeds_for, feeds_in_scope
from kpi.query.question import Question
from kpi.query.selection import Selection
from kpi.query.validation import check
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
    already; one of which nothing is recorded, or held, is left out. Raises what ``validation.check`` raises.
    """
    metrics = check(connection, replace(question, kpis=tuple(_CURVES), by=()))
    selection = Selection.of(connection, published, replace(question, by=()))
    in_scope = feeds_in_scope(connection, published, question)
    curves = []
    for metric in metrics:
        sources = feeds_for(metric, metric.measure, published, in_scope)
        read = (
            concentration(CohortReading.of(selection, sources), (), _CURVES[metric.id])
            if sources != frozenset()
            else {}
        )
        if (held := read.get(())) is not None and held.total:
            curves.append(Curve(metric.id, held.customers, tuple(amount / held.total for amount in held.below)))
    return tuple(curves)
