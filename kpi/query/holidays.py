"""The holidays of a period, from the warehouse's calendar."""

from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from kpi import schema
from kpi.query.question import Period

_LONGEST = 15  # days that a holiday may have begun earlier


@dataclass(frozen=True)
class Holiday:
    """``id`` as in the calendar (``spring_festival``); dates are business dates, both inclusive."""

    id: str
    first: date
    last: date


def holidays(connection: sa.Connection, period: Period) -> list[Holiday]:
    """Those that begin within ``period``, oldest first, each with all its days that the calendar holds."""
    c = schema.calendar.c
    around = Period(period.start - timedelta(days=_LONGEST), period.end + timedelta(days=_LONGEST))
    query = (
        sa.select(c.business_date, c.holiday)
        .where(c.holiday.is_not(None), c.business_date.between(around.start, around.end))
        .order_by(c.business_date)
    )
    found: list[Holiday] = []
    for day, holiday in connection.execute(query):
        if found and found[-1].id == holiday and found[-1].last == day - timedelta(days=1):
            found[-1] = Holiday(holiday, found[-1].first, day)
        else:
            found.append(Holiday(holiday, day, day))
    return [one for one in found if period.start <= one.first <= period.end]
