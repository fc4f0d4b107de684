"""Working days and holidays: as announced, and of years that are not announced yet by the law; mended when they are."""

from datetime import date, timedelta

import pytest

from kpi.warehouse import Warehouse, days
from kpi.warehouse.calendar_table import catch_up
from kpi.warehouse.days import LAST_PUBLISHED, is_workday, unpublished_years
from tests.warehouse.conftest import table
from tests.world import World

# Holidays by the law in years after every one that is known here, found in almanacs.
STATUTORY = {
    "new_year": ["2037-01-01"],
    "spring_festival": ["2037-02-14", "2037-02-15", "2037-02-16", "2037-02-17"],  # the eve, a Saturday, and three days
    "labour_day": ["2037-05-01", "2037-05-02"],
    "dragon_boat": ["2037-06-18"],
    "national_day": ["2037-10-01", "2037-10-02", "2037-10-03"],
}
UNPUBLISHED = {2027: "2027-01-01", 2028: "2028-10-02"}


@pytest.fixture
def knowing_2026(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no later year were announced, whatever the package in use knows."""
    _know(monkeypatch, 2026)


def _know(monkeypatch: pytest.MonkeyPatch, last: int) -> None:
    monkeypatch.setattr(days, "LAST_PUBLISHED", last)
    monkeypatch.setattr("kpi.warehouse.calendar_table.LAST_PUBLISHED", last)
    monkeypatch.setattr("kpi.warehouse.calendar_table.NEW", {"calendar_published": str(last)})
    monkeypatch.setattr(days, "_KNOWN_YEARS", range(2004, last + 1))
    days._statutory.cache_clear()


@pytest.mark.parametrize(("holiday", "off"), STATUTORY.items())
def test_trap_a_year_that_is_not_published_has_its_statutory_holidays(holiday: str, off: list[str]) -> None:
    for text in off:
        day = date.fromisoformat(text)
        (row,) = days.calendar_rows([day])
        assert not is_workday(day)
        assert (row["holiday"], row["workday"]) == (holiday, False)


@pytest.mark.usefixtures("knowing_2026")
def test_trap_new_years_day_2027_is_no_working_day() -> None:
    assert not is_workday(date(2027, 1, 1))
    assert is_workday(date(2027, 1, 4))
    assert not is_workday(date(2027, 1, 2))
    # Labour Day 2027 falls on a Saturday and its second day on Sunday: made up for on Monday and Tuesday.
    assert [is_workday(date(2027, 5, day)) for day in (3, 4, 5)] == [False, False, True]


def test_a_published_year_is_as_it_was_announced() -> None:
    assert not is_workday(date(2026, 1, 2))
    assert is_workday(date(2026, 1, 4))  # a Sunday that makes up for it
    assert unpublished_years(date(2025, 1, 1), date(2026, 12, 31)) == []
    after = date(LAST_PUBLISHED + 1, 1, 1)
    assert unpublished_years(after - timedelta(days=1), after) == [after.year]
    assert unpublished_years(after, date(after.year + 1, 1, 1)) == [after.year, after.year + 1]


def test_before_the_known_years_monday_to_friday_are_worked() -> None:
    assert is_workday(date(2001, 1, 1))
    assert not is_workday(date(2001, 1, 6))


def test_stored_days_are_corrected_when_their_year_is_published(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2026, loaded when only 2025 was announced: its Sundays that are worked, and the days off beyond the law."""
    with monkeypatch.context() as earlier:
        _know(earlier, 2025)
        warehouse.create()
        world = World()
        for moment in ("2025-12-30 10:00", "2026-01-06 10:00"):
            world.contact("call", moment)
        with warehouse.write() as connection:
            catch_up(connection)
        world.publish(warehouse, "2026-01-06 12:00")
        before = dict(table(warehouse, "SELECT business_date, workday FROM calendar"))
        warehouse.close()
    days._statutory.cache_clear()
    after = dict(table(warehouse, "SELECT business_date, workday FROM calendar"))
    assert set(before) == set(after)
    changed = {day: now for day, now in after.items() if before[day] != now}
    assert changed == {date(2026, 1, 2): False, date(2026, 1, 4): True}
    assert table(warehouse, "SELECT holiday FROM calendar WHERE business_date = DATE '2026-01-03'") == [("new_year",)]
