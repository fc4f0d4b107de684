"""Business days: the wall clock of the business zone as SQL, and what is known of each date."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import chinese_calendar

# The national holidays under stable ids; they move through the year, so that a year before is compared by them.
_HOLIDAYS = {
    chinese_calendar.Holiday.new_years_day: "new_year",
    chinese_calendar.Holiday.spring_festival: "spring_festival",
    chinese_calendar.Holiday.tomb_sweeping_day: "qingming",
    chinese_calendar.Holiday.labour_day: "labour_day",
    chinese_calendar.Holiday.dragon_boat_festival: "dragon_boat",
    chinese_calendar.Holiday.mid_autumn_festival: "mid_autumn",
    chinese_calendar.Holiday.national_day: "national_day",
    chinese_calendar.Holiday.anti_fascist_70th_day: "victory_day",
}
_KNOWN_YEARS = range(min(chinese_calendar.holidays).year, max(chinese_calendar.holidays).year + 1)
LAST_PUBLISHED = _KNOWN_YEARS[-1]  # the last year whose days off are announced, as far as is known here
# The statutory holidays of later years, as they are named where they are reckoned.
_STATUTORY = {
    "Mid-Autumn Festival": "mid_autumn",  # before the National Day that it may fall into, as it is announced
    "National Day": "national_day",
    "New Year's Day": "new_year",
    "Chinese New Year": "spring_festival",
    "Tomb-Sweeping Day": "qingming",
    "Labor Day": "labour_day",
    "Dragon Boat Festival": "dragon_boat",
}


def wall_clock(zone: ZoneInfo, moment: str, first: datetime, last: datetime) -> str:
    """SQL of the local time of the UTC column ``moment``, right for every time from ``first`` to ``last``.

    The offsets and their changes are written out: this is many times faster than the engine's time-zone
    function, and it is the same data of time zones that the rest of the program uses.
    """
    changes = list(_changes(zone, first, last))
    cases = [f"WHEN {moment} < TIMESTAMP '{until}' THEN {seconds}" for until, seconds in changes[:-1]]
    offset = f"CASE {' '.join(cases)} ELSE {changes[-1][1]} END" if cases else str(changes[-1][1])
    return f"({moment} + to_seconds({offset}))"


def _changes(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[tuple[datetime, int]]:
    """(UTC end, offset in seconds) of each stretch of one offset; the last one's end is ``last``."""
    at, offset = first, _offset(zone, first)
    while at < last:
        following = min(at + timedelta(hours=12), last)
        if _offset(zone, following) != offset:
            low, high = at, following
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
            # Zones change on whole seconds.
            yield high.replace(microsecond=0), offset
            offset = _offset(zone, following)
        at = following
    yield last, offset


def _offset(zone: ZoneInfo, moment: datetime) -> int:
    gone = moment.replace(tzinfo=UTC).astimezone(zone).utcoffset()
    assert gone is not None
    return int(gone.total_seconds())


def is_workday(day: date) -> bool:
    """Whether people work on ``day`` in China: holidays are off, the Saturdays and Sundays that make up for them on.

    In years that are not published yet Monday to Friday without the statutory holidays; before those that are known,
    Monday to Friday.
    """
    if day.year in _KNOWN_YEARS:
        return bool(chinese_calendar.is_workday(day))
    return day.isoweekday() <= 5 and day not in _statutory(day.year)


def unpublished_years(first: date, last: date) -> list[int]:
    """The years from ``first`` to ``last`` whose days off are not announced yet: their holidays are those of the law,
    and no Saturday or Sunday makes up for one.
    """
    return list(range(max(first.year, LAST_PUBLISHED + 1), last.year + 1))


@cache
def _statutory(year: int) -> dict[date, str]:
    """Day off -> holiday of a year that is not published yet, by the rule of the law: a holiday on a Saturday or Sunday
    is made up for on the next working days.
    """
    if year <= LAST_PUBLISHED:
        return {}
    import holidays  # takes long, and is needed for such a year only

    found = {}
    for day, name in holidays.country_holidays("CN", years=year, language="en_US").items():
        known = next((id_ for words, id_ in _STATUTORY.items() if words in name), None)
        if known is not None:
            found[day] = known
    return found


def calendar_rows(dates: Iterable[date]) -> list[dict[str, object]]:
    """Rows of the ``calendar`` table."""
    return [_calendar_row(day) for day in dates]


def _calendar_row(day: date) -> dict[str, object]:
    holiday = _statutory(day.year).get(day)
    if day.year in _KNOWN_YEARS:
        name = chinese_calendar.holidays.get(day)
        holiday = _HOLIDAYS[chinese_calendar.Holiday(name)] if name else None
    return {
        "business_date": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
        "weekday": day.isoweekday(),
        "workday": is_workday(day),
        "holiday": holiday,
    }
