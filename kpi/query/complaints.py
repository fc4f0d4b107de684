"""Open complaints: a snapshot at the end of a day, by age and by whether they are past their due date."""

from datetime import date, timedelta

import sqlalchemy as sa

from kpi import schema
from kpi.metrics.dimensions import COMPLAINT_OPENED
from kpi.query.conditions import condition, joined, read_from
from kpi.query.measure import Asked, Key, Raw, source_conditions

_c = schema.complaint.c
# Days since it was opened, both ends inclusive; older ones are "61+".
_AGES = ((15, "0-15"), (30, "16-30"), (60, "31-60"))


def _text(value: str) -> sa.ColumnElement[str]:
    return sa.literal_column(f"'{value}'", sa.String)


def snapshot(
    asked: Asked, sources: frozenset[str] | None
) -> tuple[sa.FromClause, list[sa.ColumnElement[bool]], dict[str, sa.ColumnElement]]:
    """The complaints open at the end of the period's last day (of the running day, if that is earlier): where they
    are read from, the conditions, and the columns of the question's dimensions.
    """
    day: date = min(asked.period.end, asked.published.today)
    made_here = {
        "complaint_age": sa.case(
            *((_c.opened_on >= day - timedelta(days=days), _text(name)) for days, name in _AGES), else_=_text("61+")
        ),
        # As for the share overdue: on its due date a complaint is still in time.
        "due_state": sa.case((_c.due_on < day, _text("overdue")), else_=_text("in_time")),
    }
    of_fact = [dimension for dimension in asked.dimensions if dimension not in made_here]
    from_, columns = joined(read_from(COMPLAINT_OPENED, of_fact), COMPLAINT_OPENED.columns, of_fact)
    columns |= made_here
    ended = sa.func.coalesce(_c.decided_on, _c.closed_on)
    where = [
        _c.opened_on <= day,
        sa.or_(ended.is_(None), ended > day),
        *source_conditions(COMPLAINT_OPENED, sources, ()),
        *(condition(columns[filter_.dimension], filter_) for filter_ in asked.filters),
    ]
    return from_, where, columns


def complaints_open(asked: Asked, sources: frozenset[str] | None) -> dict[Key, Raw]:
    """Complaints neither decided nor withdrawn; none at all is nought."""
    from_, where, columns = snapshot(asked, sources)
    keys = [columns[dimension].label(f"k{i}") for i, dimension in enumerate(asked.by)]
    query = (
        sa.select(*keys, sa.func.count(), sa.func.count(sa.distinct(_c.customer_key)))
        .select_from(from_)
        .where(*where)
        # By the names of the select list: an expression with bound values cannot be repeated in GROUP BY.
        .group_by(*(sa.text(key.name) for key in keys))
    )
    return {
        tuple(key): Raw(numerator=count, n=count, value=float(count), customers=customers)
        for *key, count, customers in asked.connection.execute(query, asked.published.binds()).all()
    }
