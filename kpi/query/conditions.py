"""Names and values of a question checked, and turned into SQL over a fact or a roll-up."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import sqlalchemy as sa

from kpi import schema
from kpi.dates import day_of
from kpi.errors import InputError, NotApplicable, PeriodError, UnknownName
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Fact, Metric, columns_used
from kpi.metrics.registry import metric
from kpi.query.labels import known_values
from kpi.query.question import Filter, Question

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


def typed(dimension: str, value: str) -> str | int | date | None:
    """A filter's text as the dimension's own type; "" is null. Raises UnknownName or PeriodError."""
    if value == "":
        return None
    declared = DIMENSIONS[dimension]
    match declared.kind:
        case "number":
            # Closed lists are checked by name before.
            if declared.numbers is not None and value not in (valid := [str(number) for number in declared.numbers]):
                raise UnknownName("value", f"{dimension}={value}", [f"{dimension}={number}" for number in valid])
            return int(value)
        case "date":
            day = day_of(value)
            if dimension == "week" and (monday := day - timedelta(days=day.weekday())) != day:
                raise PeriodError("bad_week", text=value, first=monday.isoformat())
            if dimension == "month" and (first := day.replace(day=1)) != day:
                raise PeriodError("bad_month", text=value, first=first.isoformat())
            return day
        case _:
            return value


def condition(column: sa.ColumnElement, filter_: Filter) -> sa.ColumnElement[bool]:
    """``filter_`` as SQL over ``column``."""
    values = [typed(filter_.dimension, value) for value in filter_.values]
    known = [value for value in values if value is not None]
    inside: list[sa.ColumnElement[bool]] = [column.in_(known)] if known else []
    if None in values:
        inside.append(column.is_(None))
    return sa.or_(*inside) if inside else sa.false()


def joined(
    from_: sa.FromClause, columns: Columns, dimensions: Iterable[str]
) -> tuple[sa.FromClause, dict[str, sa.ColumnElement]]:
    """``from_`` with the tables joined that attributes (business line, week) are looked up in, and the columns."""
    found: dict[str, sa.ColumnElement] = {}
    seen: set[sa.Table] = set()
    for dimension in dict.fromkeys(dimensions):
        declared = DIMENSIONS[dimension]
        if declared.attribute_of is None or declared.column is None:
            found[dimension] = columns[dimension]
            continue
        table = declared.column.table
        assert isinstance(table, sa.Table)
        if table not in seen:
            seen.add(table)
            key = table.c["business_date" if table is schema.calendar else declared.attribute_of]
            from_ = from_.outerjoin(table, key == columns[declared.attribute_of])
        found[dimension] = declared.column
    return from_, found


def read_from(fact: Fact, dimensions: Iterable[str], expressions: Iterable[sa.ColumnElement] = ()) -> sa.FromClause:
    """What a fact is read from: its own table alone where the contact that it hangs on gives no dimension, and nothing
    that ``expressions`` read. That contact is there once, so that the join neither adds nor drops a row, and it is one
    with very many.
    """
    from_ = fact.from_
    if not isinstance(from_, sa.Join):
        return from_
    bases = (fact.columns[DIMENSIONS[dimension].attribute_of or dimension] for dimension in dimensions)
    tables = {column.table for column in columns_used([*bases, *expressions])}
    return from_.left if tables <= {from_.left} else from_
