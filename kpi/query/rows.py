"""The rows behind a number, by the number's own predicate: paged, sorted and counted by the database, masked.

For a total the rows that it counts; for a rate the rows of its denominator, those of its numerator marked; for a
distinct count one row a customer (or customer and topic); for a cohort its members.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import sqlalchemy as sa

from kpi import schema
from kpi.errors import InputError, UnknownName
from kpi.metrics.dimensions import INTERACTION
from kpi.metrics.model import (
    Custom,
    Distinct,
    DistinctRatio,
    Measure,
    Metric,
    Part,
    Percentile,
    Ratio,
    Total,
)
from kpi.query.cohorts.registry import COHORTS
from kpi.query.fact_rows import fact_rows, masked
from kpi.query.feeds import feeds_for, feeds_in_scope
from kpi.query.question import COVERED_FROM, Question
from kpi.query.selection import Selection
from kpi.query.validation import check
from kpi.warehouse import Published, Warehouse

LARGEST_PAGE = 10_000


@dataclass(frozen=True)
class RowsPage:
    """One page. ``records``: column -> value, with ``numerator`` (bool) in each; times are UTC.

    ``total``: all rows, equal to the number's n; ``numerator``: how many of them are in the numerator (None where
    the number is no rate).
    """

    columns: tuple[str, ...]
    records: tuple[dict[str, object], ...]
    total: int
    numerator: int | None
    page: int
    size: int


def rows(warehouse: Warehouse, question: Question, *, page: int = 1, size: int = 50, sort: str = "") -> RowsPage:
    """The rows behind ``question``'s one KPI (its dimensions do not matter, its filters do).

    ``sort``: a column, with a leading ``-`` for descending; the default is the newest first. ``page`` counts from 1.
    Raises InputError when the scope may not see interactions or the page is none, UnknownName for a column.
    """
    if page < 1 or not 1 <= size <= LARGEST_PAGE:
        raise InputError("bad_page", page=page, size=size, largest=LARGEST_PAGE)
    with warehouse.read() as connection:
        published = warehouse.require_data(connection)
        settings = warehouse.settings
        return _page(
            *_behind(connection, published, settings.service_level, question, settings.topic_covered), page, size, sort
        )


def all_rows(
    warehouse: Warehouse, question: Question, *, size: int = LARGEST_PAGE, sort: str = ""
) -> Iterator[RowsPage]:
    """All rows behind the question's KPI, as ``rows`` lists them, by one query of one published state: page after page,
    of which no more than one is held. At least one page comes. Raises as ``rows`` does.
    """
    with warehouse.read() as connection:
        published = warehouse.require_data(connection)
        settings = warehouse.settings
        selection, listed, counted = _behind(
            connection, published, settings.service_level, question, settings.topic_covered
        )
        columns = tuple(column.key for column in listed.c)
        total, marked = _counts(selection, counted)
        found = connection.execute(sa.select(listed).order_by(*_order(listed, sort)), published.binds())
        number = 1
        while (records := found.fetchmany(size)) or number == 1:
            named = tuple(dict(zip(columns, row, strict=True)) for row in records)
            yield RowsPage(columns, named, total, marked, number, size)
            number += 1


def count_on(connection: sa.Connection, published: Published, service_level: str, question: Question) -> int:
    """How many rows ``rows`` would list in all, within a transaction that is open already. Raises as it does."""
    selection, _, counted = _behind(connection, published, service_level, question)
    return _counts(selection, counted)[0]


def _behind(
    connection: sa.Connection,
    published: Published,
    service_level: str,
    question: Question,
    covered_from: float = COVERED_FROM,
) -> tuple[Selection, sa.Subquery, sa.Subquery]:
    """All rows behind the question's first KPI, as the scope may see them: what is listed of them, and what is enough
    to count them.
    """
    if not question.scope.see_interactions:
        raise InputError("rows_not_allowed")
    question = replace(question, kpis=question.kpis[:1], by=())
    (metric,) = check(connection, question)
    selection = Selection.of(connection, published, question, covered_from=covered_from)
    measure = metric.measure_for(selection.dimensions, question.service_level or service_level)
    sources = feeds_for(metric, measure, published, feeds_in_scope(connection, published, question))
    listed = _select(selection, metric, measure, sources)
    if not question.scope.see_agents and "agent_key" in listed.selected_columns:
        listed = listed.with_only_columns(*(c for c in listed.selected_columns if c.key != "agent_key"))
    counted = _select(selection, metric, measure, sources, counted=True)
    return selection, listed.subquery("listed"), counted.subquery("counted")


def _page(selection: Selection, listed: sa.Subquery, counted: sa.Subquery, page: int, size: int, sort: str) -> RowsPage:
    columns = [column.key for column in listed.c]
    order = _order(listed, sort)
    binds = selection.published.binds()
    total, marked = _counts(selection, counted)
    found = selection.connection.execute(
        sa.select(listed).order_by(*order).limit(size).offset((page - 1) * size), binds
    )
    return RowsPage(
        columns=tuple(columns),
        records=tuple(dict(zip(columns, row, strict=True)) for row in found),
        total=total,
        numerator=marked,
        page=page,
        size=size,
    )


def _order(listed: sa.Subquery, sort: str) -> list[sa.ColumnElement]:
    """The order asked for. Every column breaks ties, last to first, so that pages never overlap."""
    columns = [column.key for column in listed.c]
    name = sort.removeprefix("-")
    if name and name not in columns:
        raise UnknownName("column", name, columns)
    order: list[sa.ColumnElement] = []
    if name:
        order.append(listed.c[name].desc().nulls_last() if sort.startswith("-") else listed.c[name].nulls_last())
    elif columns[1] in {"started_at", "first_at"}:
        order.append(listed.c[columns[1]].desc())
    return order + [listed.c[key] for key in reversed(columns)]


def _counts(selection: Selection, counted: sa.Subquery) -> tuple[int, int | None]:
    """All rows, and those of the numerator; None where the number is no rate."""
    mark = counted.c.numerator
    total, judged, marked = selection.connection.execute(
        sa.select(sa.func.count(), sa.func.count(mark), sa.func.count(sa.case((mark.is_(True), 1)))),
        selection.published.binds(),
    ).one()
    return total, marked if judged or not total else None


def _select(
    selection: Selection, metric: Metric, measure: Measure, sources: frozenset[str] | None, *, counted: bool = False
) -> sa.Select:
    """All rows: ``numerator`` (true, false, or null where the number is no rate), then what is listed.

    ``counted``: they are counted only, so that contacts need not be joined with whose they are.
    """
    nothing = sa.cast(sa.null(), sa.Boolean)
    match measure:
        case Total(part) | Percentile(part=part):
            return fact_rows(selection, part, nothing, sources, counted=counted)
        case Ratio(top, bottom, _, proportion, whole_of):
            if not whole_of:
                return fact_rows(
                    selection, bottom, _mark(top, bottom) if proportion else nothing, sources, counted=counted
                )
            mark = sa.and_(sa.true(), *selection.conditions(INTERACTION.columns, whole_of))
            return fact_rows(
                selection.without(whole_of), bottom, sa.func.coalesce(mark, sa.false()), sources, counted=counted
            )
        case Distinct(part):
            return _groups(selection, part, measure.key, nothing, sources)
        case DistinctRatio(top, bottom):
            mark = _mark(top.part, bottom.part) if isinstance(top, Distinct) else nothing
            return _groups(selection, bottom.part, bottom.key, mark, sources)
        case Custom():
            return COHORTS[metric.id].rows(selection, sources)
    raise TypeError(type(measure).__name__)


def _mark(top: Part, bottom: Part) -> sa.ColumnElement[bool]:
    """Whether a row of the denominator is in the numerator; null where they are different facts, or where the
    numerator sums a value that every row has a share in.
    """
    if top.fact is not bottom.fact or top.value is not None:
        return sa.cast(sa.null(), sa.Boolean)
    return sa.func.coalesce(top.where, sa.false())


def _groups(
    selection: Selection,
    part: Part,
    key: sa.ColumnElement,
    mark: sa.ColumnElement[bool],
    sources: frozenset[str] | None,
) -> sa.Select:
    """One row a distinct key: who, how often, first and last."""
    rows = selection.facts(part.fact, sources, part.where)
    i = schema.interaction.c
    from_ = rows.from_.outerjoin(schema.customer, schema.customer.c.customer_key == i.customer_key)
    return (
        sa.select(
            sa.func.max(sa.cast(mark, sa.Integer)).cast(sa.Boolean).label("numerator"),
            sa.func.min(i.started_at).label("first_at"),
            sa.func.max(masked(i.customer_key)).label("customer"),
            sa.func.max(i.tier).label("tier"),
            sa.func.count().label("contacts"),
            sa.func.count(sa.distinct(i.channel)).label("channels"),
            sa.func.min(i.topic).label("topic"),
            sa.func.max(i.started_at).label("last_at"),
            sa.func.min(i.interaction_id).label("interaction_id"),
        )
        .select_from(from_)
        .where(*rows.where)
        .group_by(key)
    )
