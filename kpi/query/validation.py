"""Names and values of a question checked against the declarations and the warehouse."""

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from kpi.errors import InputError, NotApplicable, UnknownName
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Metric
from kpi.metrics.registry import metric
from kpi.query.labels import known_values
from kpi.query.question import Question
from kpi.query.selection import typed

Columns = Mapping[str, sa.ColumnElement]


def check(connection: sa.Connection, question: Question) -> list[Metric]:
    """The question's declarations.

    Raises UnknownName for a KPI, dimension or value that is none, NotApplicable for a dimension that a KPI does not
    have, PeriodError for a date that is none, or does not begin the week or month that is asked for, InputError for
    figures of single agents that the asker may not see.
    """
    metrics = [metric(kpi) for kpi in question.kpis]
    # A scope's filter that a KPI cannot apply must stop the question: leaving it out would show too much.
    filters = (*question.filters, *question.scope.filters)
    check_dimensions(metrics, (*question.by, *(filter_.dimension for filter_ in filters)))
    if not question.scope.see_agents and tells_agents(question):
        raise InputError("agents_not_allowed")
    for filter_ in filters:
        valid = known_values(connection, filter_.dimension)
        for value in filter_.values:
            if valid is not None and value != "" and value not in valid:
                raise UnknownName("value", f"{filter_.dimension}={value}", [f"{filter_.dimension}={v}" for v in valid])
            typed(filter_.dimension, value)
    return metrics


def tells_agents(question: Question) -> bool:
    """Whether it asks for figures of single agents. A scope's own filter by agent is what the asker may see."""
    return "agent" in (*question.by, *(one.dimension for one in question.filters))


def check_dimensions(metrics: Iterable[Metric], dimensions: Iterable[str]) -> None:
    """Raises UnknownName for a dimension that is none, NotApplicable for one that a KPI does not have."""
    for dimension in dimensions:
        if dimension not in DIMENSIONS:
            raise UnknownName("dimension", dimension, DIMENSIONS)
        for declared in metrics:
            if dimension not in declared.dimensions:
                raise NotApplicable(
                    "not_applicable",
                    kpi=declared.id,
                    dimension=dimension,
                    valid=", ".join(declared.dimensions),
                )
