"""Open complaints: a snapshot at the end of a day, by age and by whether they are past their due date."""

from dataclasses import replace
from datetime import date, timedelta

import sqlalchemy as sa

from kpi import schema
from kpi.metrics.dimensions import COMPLAINT_OPENED
from kpi.query.cohorts.base import NOT_A_RATE, Cohort
from kpi.query.fact_rows import masked
from kpi.query.measure import Aggregate
from kpi.query.selection import Key, Selected, Selection, Sources

_c = schema.complaint.c
# Days since it was opened, both ends inclusive; older ones are "61+".
_AGES = ((15, "0-15"), (30, "16-30"), (60, "31-60"))


def _text(value: str) -> sa.ColumnElement[str]:
    return sa.literal_column(f"'{value}'", sa.String)


def snapshot(selection: Selection, sources: Sources) -> Selected:
    """The complaints open at the end of the period's last day (of the running day, if that is earlier)."""
    day: date = min(selection.period.end, selection.published.today)
    made_here = {
        "complaint_age": sa.case(
            *((_c.opened_on >= day - timedelta(days=days), _text(name)) for days, name in _AGES), else_=_text("61+")
        ),
        # As for the share overdue: on its due date a complaint is still in time.
        "due_state": sa.case((_c.due_on < day, _text("overdue")), else_=_text("in_time")),
    }
    ended = sa.func.coalesce(_c.decided_on, _c.closed_on)
    is_open = (_c.opened_on <= day, sa.or_(ended.is_(None), ended > day))
    return selection.snapshot(COMPLAINT_OPENED, sources, made_here, *is_open)


def complaints_open(selection: Selection, sources: Sources) -> dict[Key, Aggregate]:
    """Complaints neither decided nor withdrawn; none at all is nought."""
    rows = snapshot(selection, sources)
    keys = [rows.columns[dimension].label(f"k{i}") for i, dimension in enumerate(selection.by)]
    query = (
        sa.select(*keys, sa.func.count(), sa.func.count(sa.distinct(_c.customer_key)))
        .select_from(rows.from_)
        .where(*rows.where)
        # By the names of the select list: an expression with bound values cannot be repeated in GROUP BY.
        .group_by(*(sa.text(key.name) for key in keys))
    )
    return {
        tuple(key): Aggregate(numerator=count, n=count, value=float(count), customers=customers)
        for *key, count, customers in selection.connection.execute(query, selection.published.binds()).all()
    }


def _open_complaints(selection: Selection, sources: Sources) -> sa.Select:
    """The complaints still open, with the dates of their clocks."""
    c = schema.complaint.c
    rows = snapshot(replace(selection, by=("complaint_age", "due_state", "channel", "topic")), sources)
    columns = rows.columns
    return (
        sa.select(
            NOT_A_RATE.label("numerator"),
            c.opened_on.label("complaint_opened"),
            c.due_on.label("complaint_due"),
            *(columns[key].label(key) for key in ("due_state", "complaint_age")),
            sa.case((c.customer_key.is_not(None), masked(c.customer_key))).label("customer"),
            *(columns[key].label(key) for key in ("channel", "topic")),
            c.source,
            c.complaint_id,
        )
        .select_from(rows.from_.outerjoin(schema.customer, schema.customer.c.customer_key == c.customer_key))
        .where(*rows.where)
    )


COHORTS = {"complaints_open": Cohort(complaints_open, _open_complaints)}
