"""Who of the distinct customers is new, who did not come back, and who came in both periods."""

from dataclasses import dataclass

import sqlalchemy as sa

from kpi.metrics.model import Distinct
from kpi.metrics.registry import metric
from kpi.query.feeds import feeds_for
from kpi.query.period_pair import PeriodPair
from kpi.query.privacy import SMALLEST_SHOWN
from kpi.query.question import Question
from kpi.query.selection import Selection, Sources
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
    pair = PeriodPair.of(connection, published, question)
    declared = metric(question.kpis[0])
    measure = pair.measure(declared, service_level)
    assert isinstance(measure, Distinct)
    sources = feeds_for(declared, measure, published, pair.sources)
    if pair.before is None or sources == frozenset():
        return None
    now, before = (_who(selection, measure, sources) for selection in (pair.now, pair.before))
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


def _who(selection: Selection, distinct: Distinct, sources: Sources) -> sa.Subquery:
    """The distinct keys of one period."""
    rows = selection.facts(distinct.part.fact, sources, distinct.part.where, distinct.key.is_not(None))
    return sa.select(distinct.key.label("who")).select_from(rows.from_).where(*rows.where).distinct().subquery()
