"""The last period all of whose contacts are mature."""

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from kpi.query.cell_rules import is_covered
from kpi.query.compare import effective
from kpi.query.question import Question
from kpi.query.validation import check
from kpi.warehouse import Published, Warehouse


def last_mature(warehouse: Warehouse, question: Question) -> Question | None:
    """The question over the last mature period of equal length, for a card whose own period has no mature contact.

    None where the KPIs need no maturity, the period is mature, or the data does not reach back so far.
    """
    with warehouse.read() as connection:
        return last_mature_on(connection, warehouse.require_data(connection), question)


def last_mature_on(connection: sa.Connection, published: Published, question: Question) -> Question | None:
    """As ``last_mature``, within a transaction that is open already."""
    metrics = check(connection, question)
    windows = [metric.maturity for metric in metrics if metric.maturity is not None]
    if not windows:
        return None
    # The last business date all of whose contacts are mature (a contact that began on it has ended on it, or the
    # few that ran past midnight are left to the next day).
    until = published.local(published.complete_until - max(windows)).date() - timedelta(days=1)
    period = effective(question.period, published.today)
    if period.end <= until:
        return None
    moved = period.shifted((until - period.end).days)
    return replace(question, period=moved) if is_covered(published, moved) else None
