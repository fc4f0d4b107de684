"""Which feeds can have delivered what a question is about, and which of them record what a KPI needs."""

import sqlalchemy as sa

from kpi import schema
from kpi.metrics.model import Measure, Metric
from kpi.metrics.registry import requirements
from kpi.metrics.rollups import ROLLUPS
from kpi.query.question import Question
from kpi.query.selection import conditions
from kpi.warehouse import Published

# Requirements that are tables which serve all feeds. Legs, uses and referrals are not: each hangs on a contact of the
# feed that recorded it, so that a feed without them says nothing about its contacts.
_TABLES = (
    frozenset(schema.metadata.tables) - set(schema.interaction.c.keys()) - {"handling_leg", "function_use", "referral"}
)


def feeds_in_scope(connection: sa.Connection, published: Published, question: Question) -> frozenset[str]:
    """The feeds that can have delivered what the question is about: all, or those of the filtered channels (again
    all where these have no contact at all).
    """
    daily = ROLLUPS[0]
    narrow = conditions((*question.filters, *question.scope.filters), daily.columns(), ("channel", "line"))
    if not narrow:
        return frozenset(published.feeds)
    query = sa.select(daily.table.c.source).where(*narrow).distinct()
    found = frozenset(row[0] for row in connection.execute(query)) & frozenset(published.feeds)
    return found or frozenset(published.feeds)


def feeds_for(
    metric: Metric, measure: Measure, published: Published, in_scope: frozenset[str]
) -> frozenset[str] | None:
    """The feeds in scope that record what the KPI needs; None when nothing has to be left out. Columns, and tables
    that hang on a contact, are a feed's own; the others (customers, unit costs, complaints) serve all.
    """
    needed = requirements(metric, measure)
    somewhere = frozenset().union(*(feed.carries for feed in published.feeds.values()))
    if not (metric.families <= published.families and needed & _TABLES <= somewhere):
        return frozenset()
    columns = [requirement.split("|") for requirement in needed - _TABLES]
    if not columns:
        return None
    carrying = frozenset(
        source
        for source in in_scope
        if all(not published.feeds[source].carries.isdisjoint(either) for either in columns)
    )
    return None if carrying == frozenset(published.feeds) else carrying
