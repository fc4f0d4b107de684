"""Holidays of a period come from the calendar, each with its first day."""

from datetime import date
from pathlib import Path

import pytest

from kpi.i18n import catalogue
from kpi.query import Period
from kpi.query.holidays import Holiday, holidays
from kpi.warehouse import days
from tests.world import World, make

# As the State Council announced them.
SPRING_2025 = Holiday("spring_festival", date(2025, 1, 28), date(2025, 2, 4))
NEW_YEAR_2025 = Holiday("new_year", date(2025, 1, 1), date(2025, 1, 1))


@pytest.fixture
def warehouse(tmp_path: Path):
    made = make(tmp_path, "duckdb")
    world = World()
    for moment in ("2024-12-20 10:00", "2025-02-20 10:00"):
        world.contact("call", moment)
    world.publish(made, "2025-02-21 00:00")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(2024, 12, 25), date(2025, 2, 10), [NEW_YEAR_2025, SPRING_2025]),
        (date(2025, 1, 2), date(2025, 1, 28), [SPRING_2025]),
        (date(2025, 1, 29), date(2025, 2, 10), []),  # it began before
        (date(2025, 2, 5), date(2025, 2, 10), []),
    ],
)
def test_a_holiday_stands_at_its_first_day(warehouse, first, last, expected):
    with warehouse.read() as connection:
        assert holidays(connection, Period(first, last)) == expected


def test_every_holiday_of_the_calendar_has_a_name():
    assert {f"holiday_{name}" for name in days._HOLIDAYS.values()} <= set(catalogue())
