"""Who of the distinct customers is new, who did not come back, and who came in both periods."""

from dataclasses import dataclass

import sqlalchemy as sa

from kpi.metrics.model import Distinct
from kpi.metrics.registry import metric
from kpi.query.answering import feeds_for, readings_of
from kpi.query.conditions import condition, joined
from kpi.query.measure import Asked, source_conditions
from kpi.query.privacy import SMALLEST_SHOWN
from kpi.query.question import Question
from kpi.warehouse import Published


@dataclass(frozen=True)
class Turnover:
    """Customers of the period but not of the comparison, of the comparison but not of the period, and of both."""

    new: int
    lost: int
    kept: int


def turnover_on(
    connection: sa.Connection, published: Published, service_level: str, question: Question
) -> Turnover | None:
    """The turnover behind a distinct count, each customer counted once; one statement.

    None without a comparison, where nothing records it, or where one of the three is of so few customers that the
    viewer may not see it. The question must have been answered, so that its names are known to be right.
    """
    readings = readings_of(connection, published, question)
    declared = metric(question.kpis[0])
    measure = readings.measure(declared, service_level)
    assert isinstance(measure, Distinct)
    sources = feeds_for(declared, measure, published, readings.sources)
    if readings.before is None or sources == frozenset():
        return None
    now, before = (_who(asked, measure, sources) for asked in (readings.asked, readings.before))
    both = sa.union_all(
        sa.select(now.c.who, sa.literal_column("1").label("came"), sa.literal_column("0").label("had")),
        sa.select(before.c.who, sa.literal_column("0"), sa.literal_column("1")),
    ).subquery("both_periods")
    each = (
        sa.select(sa.func.max(both.c.came).label("came"), sa.func.max(both.c.had).label("had"))
        .group_by(both.c.who)
        .subquery("each")
    )
    query = sa.select(
        *(
            sa.func.count(sa.case((sa.and_(each.c.came == came, each.c.had == had), sa.literal_column("1"))))
            for came, had in ((1, 0), (0, 1), (1, 1))
        )
    )
    row = connection.execute(query, published.binds()).one()
    found = Turnover(row[0], row[1], row[2])
    small = any(0 < number < SMALLEST_SHOWN for number in (found.new, found.lost, found.kept))
    return None if small and not question.scope.see_interactions else found


def _who(asked: Asked, distinct: Distinct, sources: frozenset[str] | None) -> sa.Subquery:
    """The distinct keys of one period."""
    part = distinct.part
    from_, columns = joined(part.fact.from_, part.fact.columns, asked.dimensions)
    return (
        sa.select(distinct.key.label("who"))
        .select_from(from_)
        .where(
            part.where,
            distinct.key.is_not(None),
            part.fact.date.between(asked.period.start, asked.period.end),
            *source_conditions(part.fact, sources, asked.cuts),
            *(condition(columns[filter_.dimension], filter_) for filter_ in asked.filters),
        )
        .distinct()
        .subquery()
    )
