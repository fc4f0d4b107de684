"""Which period another is compared with, and like with like while it is still running."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from kpi import schema
from kpi.query.answer import Cut, DimensionValue
from kpi.query.question import Period, Question
from kpi.warehouse import Published

_WEEKDAY_YEAR = 364  # 52 weeks: the same weekday
# Holidays that move against the solar calendar, and how many days around them the traffic follows them.
_MOVING = {"spring_festival": 10, "dragon_boat": 0, "mid_autumn": 0}
# A longer period holds its holidays in both years anyway.
_LONGEST_ALIGNED = 45


@dataclass(frozen=True)
class Comparison:
    """``of``: what ``period`` is compared with, day by day from the first. ``aligned_by``: length, weekday, a holiday's
    id, or dates.
    """

    period: Period
    of: Period
    aligned_by: str
    cuts: tuple[Cut, ...]

    @property
    def shift(self) -> int:
        """Days from the compared period to the period."""
        return (self.of.start - self.period.start).days

    def moved(self, by: Sequence[str], key: Sequence[DimensionValue]) -> tuple[DimensionValue, ...] | None:
        """A key of the comparison as the period's own; None where it has no counterpart, as in a longer comparison."""
        try:
            found = tuple(shifted_key(one, value, self.shift) for one, value in zip(by, key, strict=True))
        except KeyError:
            return None
        outside = (isinstance(value, date) and value > self.of.end for value in found)
        return None if any(outside) else found


def effective(period: Period, today: date) -> Period:
    """The period as far as the data's running day; one that lies wholly after it stays as it is."""
    return Period(period.start, today) if period.start <= today < period.end else period


def comparison(
    connection: sa.Connection, published: Published, question: Question, sources: frozenset[str]
) -> Comparison | None:
    """What the question's period (cut to the running day) is compared with; None where nothing is asked for.

    ``previous``: the same length just before. ``year``: 52 weeks earlier, so that weekdays match; a short period at
    a moving holiday (Spring Festival) is matched with that holiday of the year before. Dates of one's own: those, of
    which a period that is still running is compared with as many days as it has so far.
    Where a feed in ``sources`` has not delivered the whole period, a comparison of its length is cut at the same
    moment.
    """
    period, how = effective(question.period, published.today), question.compare
    if how is None:
        return None
    if isinstance(how, Period):
        compared, aligned_by = effective(how, published.today), "dates"
        if question.period.end > published.today and compared.days > period.days:
            compared = Period(compared.start, compared.start + timedelta(days=period.days - 1))
        if compared.days != period.days:
            return Comparison(compared, period, aligned_by, ())
    elif how == "previous":
        compared, aligned_by = period.shifted(-period.days), "length"
    else:
        days, aligned_by = _year_shift(connection, period)
        compared = period.shifted(-days)
    shift = (period.start - compared.start).days
    end = published.utc(datetime.combine(period.end + timedelta(days=1), datetime.min.time()))
    cuts = tuple(
        Cut(source, published.utc(published.local(feed.watermark).replace(tzinfo=None) - timedelta(days=shift)))
        for source, feed in published.feeds.items()
        if source in sources and feed.watermark < end
    )
    return Comparison(compared, period, aligned_by, cuts)


def _year_shift(connection: sa.Connection, period: Period) -> tuple[int, str]:
    if period.days <= _LONGEST_ALIGNED:
        for holiday, around in _MOVING.items():
            this = _first_day(connection, holiday, period, around)
            before = this and _first_day(connection, holiday, Period(this, this).shifted(-355), 30)
            if this and before:
                return (this - before).days, holiday
    return _WEEKDAY_YEAR, "weekday"


def _first_day(connection: sa.Connection, holiday: str, period: Period, around: int) -> date | None:
    """First day of the holiday that the period, widened by ``around`` days, touches."""
    c = schema.calendar.c
    widened = Period(period.start - timedelta(days=around), period.end + timedelta(days=around))
    touched = connection.execute(
        sa.select(sa.func.min(c.business_date)).where(
            c.holiday == holiday, c.business_date.between(widened.start, widened.end)
        )
    ).scalar_one()
    if touched is None:
        return None
    first: date | None = connection.execute(
        sa.select(sa.func.min(c.business_date)).where(
            c.holiday == holiday, c.business_date.between(touched - timedelta(days=15), touched)
        )
    ).scalar_one()
    return first


def shifted_key(dimension: str, value: DimensionValue, shift: int) -> DimensionValue:
    """A value of the comparison as the one of the period that it stands beside.

    Raises KeyError for a value that has no counterpart (a month, or a week that the shift tears).
    """
    if dimension in {"date", "through"} or (dimension == "week" and shift % 7 == 0):
        return value + timedelta(days=shift) if isinstance(value, date) else value
    if dimension in {"week", "month"}:
        raise KeyError(dimension)
    return value
