"""Which dates can be: those that the calendar of the warehouse holds, with room around them for every comparison."""

from datetime import date

from kpi.errors import PeriodError

# Far from the ends of what a date can hold, so that weeks, months and comparisons around such a day are dates too.
EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)


def is_possible(day: date) -> bool:
    """Whether a date that came from outside can be worked with."""
    return EARLIEST <= day <= LATEST


def day_of(text: str) -> date:
    """A date as it is written: 2026-11-23. Raises PeriodError."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise PeriodError("bad_date", text=text[:40]) from error
    if not is_possible(day):
        raise PeriodError("date_impossible", text=text[:40], first=EARLIEST, last=LATEST)
    return day
