"""When a run is due: zones, changes of the clock, working days, cron as cron counts."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.errors import ScheduleError
from kpi.snapshots.model import Schedule
from kpi.snapshots.schedule import Due, check, due_at, due_between, next_due

MONDAYS = Schedule("0 8 * * 1")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


def walls(schedule: Schedule, start: str, end: str) -> list[str]:
    zone = ZoneInfo(schedule.zone)
    found = due_between(schedule, utc(start), utc(end))
    return [f"{due.at.replace(tzinfo=UTC).astimezone(zone):%a %m-%d %H:%M}" for due in found]


def test_monday_at_eight_in_shanghai() -> None:
    (due,) = due_between(MONDAYS, utc("2026-11-20"), utc("2026-11-24"))
    assert due == Due(utc("2026-11-23T00:00"), date(2026, 11, 23))
    assert due_between(MONDAYS, due.at, due.at + timedelta(days=6)) == []
    assert next_due(MONDAYS, due.at) == Due(utc("2026-11-30T00:00"), date(2026, 11, 30))


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("0", "Sun"), ("7", "Sun"), ("1", "Mon"), ("1-5", "Mon Tue Wed Thu Fri"), ("mon-fri", "Mon Tue Wed Thu Fri"),
        ("5-1", "Mon Fri Sat Sun"), ("fri-sun", "Fri Sat Sun"), ("sun,3", "Wed Sun"), ("*/3", "Wed Sat Sun"),
    ],
)  # fmt: skip
def test_trap_weekdays_are_numbered_as_cron_does(field: str, days: str) -> None:
    schedule = Schedule(f"0 8 * * {field}", "UTC")
    assert " ".join(wall[:3] for wall in walls(schedule, "2026-11-22T23:00", "2026-11-29T23:00")) == days


def test_trap_a_time_that_spring_leaves_out_is_due_after_the_gap_and_once() -> None:
    berlin = Schedule("30 2 * * *", "Europe/Berlin")
    assert walls(berlin, "2026-03-28T00:00", "2026-03-30T12:00") == [
        "Sat 03-28 02:30", "Sun 03-29 03:00", "Mon 03-30 02:30",
    ]  # fmt: skip
    hourly = Schedule("0,30 * * * *", "Europe/Berlin")
    found = walls(hourly, "2026-03-29T00:00", "2026-03-29T02:00")
    assert found == ["Sun 03-29 01:30", "Sun 03-29 03:00", "Sun 03-29 03:30", "Sun 03-29 04:00"]


def test_trap_a_time_that_autumn_has_twice_is_due_once() -> None:
    berlin = Schedule("30 2 * * *", "Europe/Berlin")
    found = due_between(berlin, utc("2026-10-24T12:00"), utc("2026-10-26T12:00"))
    assert [due.at for due in found] == [utc("2026-10-25T00:30"), utc("2026-10-26T01:30")]
    assert [due.on for due in found] == [date(2026, 10, 25), date(2026, 10, 26)]


def test_a_gap_over_midnight_and_a_day_that_is_left_out() -> None:
    # Beirut's clock goes from 0:00 to 1:00; Samoa had no 30 December 2011.
    beirut = Schedule("0 0 * * *", "Asia/Beirut")
    assert "Sun 03-29 01:00" in walls(beirut, "2026-03-28T00:00", "2026-03-30T00:00")
    samoa = Schedule("0 8 * * *", "Pacific/Apia")
    days = [due.on for due in due_between(samoa, utc("2011-12-28T00:00"), utc("2012-01-01T12:00"))]
    assert len(days) == len(set(days)) + 1  # the left-out day's run falls on the midnight after it
    assert date(2011, 12, 30) not in days


def test_working_days_are_those_of_the_chinese_calendar() -> None:
    daily = Schedule("0 8 * * *", days="working")
    # National day 2026: 1 to 7 October are off; Saturday the 10th makes up for one of them.
    days = {due.on.day for due in due_between(daily, utc("2026-09-30T12:00"), utc("2026-10-12T12:00"))}
    assert days == {8, 9, 10, 12}


def test_first_working_day_of_the_month() -> None:
    monthly = Schedule("0 9 1 * *", days="first_working_day")
    days = [due.on for due in due_between(monthly, utc("2026-01-01"), utc("2026-12-31"))]
    # A holiday's Sunday that is worked, the second after a Sunday, the days after Labour and National day.
    assert len(days) == 12
    assert days[:2] == [date(2026, 1, 4), date(2026, 2, 2)]
    assert {date(2026, 5, 6), date(2026, 10, 8)} <= set(days)


def test_the_due_time_of_a_day() -> None:
    assert due_at(MONDAYS, date(2026, 11, 23)).at == utc("2026-11-23T00:00")
    assert due_at(MONDAYS, date(2026, 11, 24)) == Due(utc("2026-11-23T16:00"), date(2026, 11, 24))


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (Schedule("0 8 * *"), "five fields"),
        (Schedule("0 25 * * *"), "five fields"),
        (Schedule("0 8 * * 9"), "five fields"),
        (Schedule("0 8 * * someday"), "five fields"),
        (Schedule("0 8 1 * 1"), "both a day of the month and a weekday"),
        (Schedule("0 8 * * *", "Asia/Peking"), "IANA"),
    ],
)
def test_a_schedule_that_cannot_be_is_told(schedule: Schedule, said: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        check(schedule)
    assert said in caught.value.message("en")
    assert caught.value.exit_code == 2


FOUR = (
    Schedule("30 2 * * *", "Europe/Berlin"),
    Schedule("0 0 * * *", "Asia/Beirut"),
    Schedule("15 1 * * 1", "America/New_York"),
    Schedule("0 8 * * *", "Asia/Shanghai", days="working"),
)


@pytest.mark.parametrize("schedule", FOUR)
def test_400_days_in_pieces_are_the_400_days_at_once(schedule: Schedule) -> None:
    start = utc("2025-12-01T00:07")
    whole = due_between(schedule, start, start + timedelta(days=400))
    pieces, at = [], start
    for minutes in range(1, 100_000):
        end = min(at + timedelta(minutes=97 * (minutes % 90) + 1), start + timedelta(days=400))
        pieces += due_between(schedule, at, end)
        at = end
        if at == start + timedelta(days=400):
            break
    assert pieces == whole
    assert len({due.at for due in whole}) == len(whole)
    if schedule.days == "any":
        per = 7 if schedule.cron.endswith("1") else 1
        days = [due.on for due in whole]
        assert {(later - earlier).days for earlier, later in pairwise(days)} == {per}


@settings(max_examples=25, deadline=None)
@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.integers(0, 60 * 24 * 20))
def test_no_due_time_is_lost_or_doubled_between_two_looks(cut: datetime, minutes: int) -> None:
    cut = cut.replace(microsecond=0)
    schedule, end = Schedule("0 */6 * * *", "Europe/London"), cut + timedelta(minutes=minutes)
    middle = cut + timedelta(minutes=minutes // 2)
    assert due_between(schedule, cut, middle) + due_between(schedule, middle, end) == due_between(schedule, cut, end)
