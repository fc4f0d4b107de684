"""Which period another is compared with, and like with like while it is still running."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from kpi import schema
from kpi.query.answer import Cut, DimensionValue
from kpi.query.buckets import span_of
from kpi.query.question import Period, Question
from kpi.warehouse import Published

_WEEKDAY_YEAR = 364  # 52 weeks: the same weekday
# How many days around a holiday the traffic follows it.
_AROUND = {"spring_festival": 10}
# Holidays that begin on the same date each year; days off before it vary.
_FIXED = {"new_year", "labour_day", "national_day"}
# A longer period holds its holidays in both years anyway.
_LONGEST_ALIGNED = 45
_LONGEST_HOLIDAY = 15  # days
_LUNAR_YEAR, _LEAP_MONTH = 355, 30  # days: a holiday of the lunar calendar begins so long ago, give or take a month


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
        """A key of the comparison as the period's own; None where it has no counterpart, as in a longer comparison, or
        one of a week of which other days are there.
        """
        try:
            found = tuple(shifted_key(one, value, self.shift) for one, value in zip(by, key, strict=True))
        except KeyError:
            return None
        outside = (isinstance(value, date) and value > self.of.end for value in found)
        if any(outside) or ("week" in by and self._other_days(by, key, found)):
            return None
        return found

    def _other_days(self, by: Sequence[str], key: Sequence[DimensionValue], found: Sequence[DimensionValue]) -> bool:
        """Whether the week of the comparison holds other days than the one that it would stand beside."""
        return span_of(by, key, self.period).shifted(self.shift) != span_of(by, found, self.of)


def effective(period: Period, today: date) -> Period:
    """The period as far as the data's running day; one that lies wholly after it stays as it is."""
    return Period(period.start, today) if period.start <= today < period.end else period


def comparison(
    connection: sa.Connection, published: Published, question: Question, sources: frozenset[str]
) -> Comparison | None:
    """What the question's period (cut to the running day) is compared with; None where nothing is asked for.

    ``previous``: the same length just before. ``year``: 52 weeks earlier, so that weekdays match; a short period with a
    holiday in it (or at Spring Festival) is matched with that holiday of the year before. Dates of one's own: those,
    of which a period that is still running is compared with as many days as it has so far.
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
    """By how many days the year before is earlier, and what that aligns: of the holidays that the period touches the
    one by which most of its holidays stand beside themselves; 52 weeks where there is none, or nothing is won.
    """
    if period.days > _LONGEST_ALIGNED:
        return _WEEKDAY_YEAR, "weekday"
    calendar = _Holidays(connection, period)
    shifts = {holiday: days for holiday in calendar.touched if (days := calendar.shift(holiday)) is not None}
    # Of two that match as well the first: the days about Spring Festival have no holiday that weeks would tear.
    ways = [*sorted(shifts, key=lambda holiday: holiday not in _AROUND), "weekday"]
    best = min(ways, key=lambda way: calendar.torn(shifts.get(way, _WEEKDAY_YEAR)))
    return shifts.get(best, _WEEKDAY_YEAR), best


class _Holidays:
    """The holidays of a short period and of the year before it. ``days``: day off -> holiday."""

    def __init__(self, connection: sa.Connection, period: Period) -> None:
        c = schema.calendar.c
        self.period = period
        near = timedelta(days=max(_AROUND.values()))
        begin = period.start - near - timedelta(days=_LUNAR_YEAR + _LEAP_MONTH + 2 * _LONGEST_HOLIDAY)
        query = sa.select(c.business_date, c.holiday).where(
            c.holiday.is_not(None), c.business_date.between(begin, period.end + near)
        )
        self.days: dict[date, str] = {row.business_date: row.holiday for row in connection.execute(query)}

    @property
    def touched(self) -> list[str]:
        """The holidays that the period, widened by the days that follow them, holds a day of; the first one first."""
        found = {}
        for day, holiday in sorted(self.days.items()):
            near = timedelta(days=_AROUND.get(holiday, 0))
            if self.period.start - near <= day <= self.period.end + near:
                found[holiday] = day
        return list(found)

    def shift(self, holiday: str) -> int | None:
        """From the holiday of the year before to that of the period; None where the one before is not known."""
        near = timedelta(days=_AROUND.get(holiday, 0))
        within = Period(self.period.start - near, self.period.end + near)
        if holiday in _FIXED:
            # The year before the date that falls within, which a 29 February never is.
            day = next(day for day in sorted(self.days) if self.days[day] == holiday and day >= within.start)
            return (day - day.replace(year=day.year - 1)).days
        first = self._first(holiday, within)
        if first is None:
            return None
        ago = first - timedelta(days=_LUNAR_YEAR)
        month = timedelta(days=_LEAP_MONTH)
        before = self._first(holiday, Period(ago - month, ago + month))
        return None if before is None else (first - before).days

    def torn(self, shift: int) -> int:
        """How many days of the period would stand beside another holiday, another day of one, or none."""
        days = (self.period.start + timedelta(days=number) for number in range(self.period.days))
        return sum(self._place(day) != self._place(day - timedelta(days=shift)) for day in days)

    def _place(self, day: date) -> tuple[str, int, int] | None:
        """Which holiday a day belongs to, and which of its days it is."""
        holiday = self.days.get(day)
        if holiday is None:
            return None
        if holiday in _FIXED:
            return holiday, day.month, day.day
        first = self._first(holiday, Period(day, day))
        return holiday, 0, (day - (first or day)).days

    def _first(self, holiday: str, within: Period) -> date | None:
        """First day of the holiday that a period touches."""
        touched = [day for day, name in self.days.items() if name == holiday and within.start <= day <= within.end]
        if not touched:
            return None
        first = min(touched)
        since = first - timedelta(days=_LONGEST_HOLIDAY)
        return min(day for day, name in self.days.items() if name == holiday and since <= day <= first)


def shifted_key(dimension: str, value: DimensionValue, shift: int) -> DimensionValue:
    """A value of the comparison as the one of the period that it stands beside.

    Raises KeyError for a value that has no counterpart (a month, or a week that the shift tears).
    """
    if dimension in {"date", "through"} or (dimension == "week" and shift % 7 == 0):
        return value + timedelta(days=shift) if isinstance(value, date) else value
    if dimension in {"week", "month"}:
        raise KeyError(dimension)
    return value
