"""When a snapshot is due: cron on the wall clock of a zone, on all days or working days only. Knows no clock itself.

The cron's times are walked through as wall-clock times and then placed in the zone, so that a change of the clock
neither doubles nor loses one: a time that the spring leaves out is due at the first moment after the gap, a time that
the autumn has twice at the first of the two.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from kpi.errors import ScheduleError
from kpi.settings import known_zones
from kpi.snapshots.model import Schedule
from kpi.warehouse.days import is_workday

_DAY = timedelta(days=1)
_FIELDS = ("minute", "hour", "day", "month", "day_of_week")
# As cron counts them (7 is Sunday too); the trigger's own numbers begin with Monday.
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FARTHEST = 800  # days that the next due time is looked for: a 29 February is at most four years away, but no report's


# By what a snapshot without a schedule of its own has its dates when it is run by hand.
USUAL = Schedule("0 0 * * *")


@dataclass(frozen=True, order=True)
class Due:
    """One due time. ``at``: UTC, without a zone. ``on``: the business date in the schedule's zone."""

    at: datetime
    on: date


def due_between(schedule: Schedule, start: datetime, end: datetime) -> list[Due]:
    """Every due time after ``start`` up to ``end`` (UTC, without a zone), in order, each once.

    Raises ScheduleError for a schedule that cannot be.
    """
    zone, trigger = _zone(schedule.zone), _trigger(schedule)
    found = {
        _placed(wall, zone)
        # A zone's clock is never more than a day from UTC, nor a gap as long as one.
        for wall in _walls(trigger, start - 2 * _DAY, end + 2 * _DAY)
        if _counts(schedule, wall.date())
    }
    return sorted(due for due in found if start < due.at <= end)


def next_due(schedule: Schedule, after: datetime) -> Due | None:
    """The first due time after ``after`` (UTC, without a zone); None where there is none in two years."""
    start, step = after, 2
    while start < after + _FARTHEST * _DAY:
        end = start + step * _DAY
        if found := due_between(schedule, start, end):
            return found[0]
        start, step = end, step * 2
    return None


def due_at(schedule: Schedule, day: date) -> Due:
    """The due time of ``day``, a date in the schedule's zone: its first one, or its midnight where it has none."""
    zone = _zone(schedule.zone)
    midnight = _placed(datetime(day.year, day.month, day.day), zone)
    second = timedelta(seconds=1)
    found = [due for due in due_between(schedule, midnight.at - second, midnight.at + 2 * _DAY) if due.on == day]
    return found[0] if found else midnight


def check(schedule: Schedule) -> None:
    """Raises ScheduleError, saying what of the schedule cannot be and what would do."""
    _zone(schedule.zone)
    _trigger(schedule)


def local(moment: datetime, zone: str) -> datetime:
    """A UTC time on the wall clock of ``zone``."""
    return moment.replace(tzinfo=UTC).astimezone(_zone(zone))


def _zone(name: str) -> ZoneInfo:
    if name not in known_zones():
        raise ScheduleError("schedule_no_zone", zone=name[:60])
    return ZoneInfo(name)


def _trigger(schedule: Schedule) -> CronTrigger:
    fields = schedule.cron.split()
    if len(fields) != len(_FIELDS):
        raise ScheduleError("schedule_no_cron", cron=schedule.cron[:60])
    given = dict(zip(_FIELDS, fields, strict=True))
    if schedule.days == "first_working_day":
        given |= {"day": "*", "month": given["month"], "day_of_week": "*"}
    elif given["day"] != "*" and given["day_of_week"] != "*":
        # Cron takes either of the two, the trigger both at once: rather neither than the wrong one.
        raise ScheduleError("schedule_two_days", cron=schedule.cron[:60])
    try:
        given["day_of_week"] = _weekdays(given["day_of_week"])
        return CronTrigger(**given, timezone=UTC)
    except (ValueError, IndexError) as error:
        raise ScheduleError("schedule_no_cron", cron=schedule.cron[:60]) from error


def _weekdays(field: str) -> str:
    """The days of a cron field by name: ``1-5``, ``fri-mon``, ``*/2``, ``sun,3``."""
    if field == "*":
        return field
    chosen = []
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        first, dash, last = ("0", "-", "6") if span == "*" else span.partition("-")
        start = _weekday(first)
        end = _weekday(last) if dash else 6 if step else start
        chosen += [_WEEKDAYS[day % 7] for day in range(start, end + 1 if end >= start else end + 8, int(step or 1))]
    return ",".join(dict.fromkeys(chosen))


def _weekday(text: str) -> int:
    number = int(text) if text.isdecimal() else _WEEKDAYS.index(text)
    if not 0 <= number <= 7:
        raise ValueError(text)
    return number


def _walls(trigger: CronTrigger, start: datetime, end: datetime) -> Iterator[datetime]:
    last: datetime | None = None
    at, stop = start.replace(tzinfo=UTC), end.replace(tzinfo=UTC)
    while (following := trigger.get_next_fire_time(last, at)) is not None and following <= stop:
        yield following.replace(tzinfo=None)
        last, at = following, following + timedelta(seconds=1)


def _placed(wall: datetime, zone: ZoneInfo) -> Due:
    moment = wall.replace(tzinfo=zone)
    there = moment.astimezone(UTC)
    if there.astimezone(zone).replace(tzinfo=None) != wall:
        there = _after_gap(wall, zone)
    return Due(there.replace(tzinfo=None), there.astimezone(zone).date())


def _after_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first moment (UTC) whose wall clock is past one that the zone leaves out."""
    # Read with the offset after the change a time in the gap lies before it, with the one before behind it.
    low, high = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        low, high = (low, middle) if middle.astimezone(zone).replace(tzinfo=None) > wall else (middle, high)
    return high.replace(microsecond=0)


def _counts(schedule: Schedule, day: date) -> bool:
    match schedule.days:
        case "any":
            return True
        case "working":
            return is_workday(day)
        case "first_working_day":
            return is_workday(day) and not any(is_workday(day.replace(day=earlier)) for earlier in range(1, day.day))
