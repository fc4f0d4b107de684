"""A year before: by weekday, and short periods with a holiday by that holiday, be its date fixed or not."""

from collections.abc import Iterator
from datetime import date

import pytest

from kpi.query import Period, Question, answer
from kpi.warehouse import Warehouse
from tests.world import World, make


@pytest.fixture(scope="module")
def three_years(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """The calendar from 2023 to November 2026, and a contact at either end."""
    made = make(tmp_path_factory.mktemp("years"), "duckdb")
    world = World()
    for moment in ("2023-01-01 10:00", "2026-11-30 10:00"):
        world.contact("call", moment)
    world.publish(made, "2026-12-01 00:00")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("period", "compared", "by"),
    [
        # On a fixed date, a day of it or all of it.
        ("2026-01-01..2026-01-01", "2025-01-01..2025-01-01", "new_year"),
        ("2024-01-01..2024-01-01", "2023-01-01..2023-01-01", "new_year"),
        ("2026-05-01..2026-05-03", "2025-05-01..2025-05-03", "labour_day"),
        ("2026-05-02..2026-05-02", "2025-05-02..2025-05-02", "labour_day"),
        ("2026-10-01..2026-10-01", "2025-10-01..2025-10-01", "national_day"),
        ("2026-10-07..2026-10-07", "2025-10-07..2025-10-07", "national_day"),
        ("2024-05-01..2024-05-05", "2023-05-01..2023-05-05", "labour_day"),  # a 29 February lies between
        ("2026-04-04..2026-04-06", "2025-04-04..2025-04-06", "qingming"),
        # A period that is longer than its holiday.
        ("2026-10-01..2026-10-31", "2025-10-01..2025-10-31", "national_day"),
        ("2025-12-25..2026-01-05", "2024-12-25..2025-01-05", "new_year"),
        ("2026-04-20..2026-05-10", "2025-04-20..2025-05-10", "labour_day"),
        # Holidays that move.
        ("2026-02-15..2026-02-23", "2025-01-28..2025-02-05", "spring_festival"),
        ("2026-06-19..2026-06-21", "2025-05-31..2025-06-02", "dragon_boat"),
        # A Saturday that makes up for Spring Festival, against a day of as many days before it.
        ("2026-02-14..2026-02-14", "2025-01-27..2025-01-27", "spring_festival"),
        # Two holidays: the one by which more days stand beside themselves. Mid-Autumn 2025 fell into National Day.
        ("2026-09-21..2026-10-08", "2025-09-21..2025-10-08", "national_day"),
        ("2025-01-01..2025-01-31", "2024-01-14..2024-02-13", "spring_festival"),
        # No holiday in it: 52 weeks, be a Sunday worked or not.
        ("2026-09-20..2026-09-20", "2025-09-21..2025-09-21", "weekday"),
        ("2026-11-02..2026-11-29", "2025-11-03..2025-11-30", "weekday"),
        ("2026-01-01..2026-11-30", "2025-01-02..2025-12-01", "weekday"),  # a long one, whose weeks stay weeks
    ],
)
def test_trap_a_holiday_is_compared_with_itself(three_years: Warehouse, period: str, compared: str, by: str) -> None:
    found = answer(three_years, Question(("volume",), Period.of(period), compare="year"))
    assert (str(found.compared), found.aligned_by) == (compared, by)


def test_days_of_a_holiday_stand_beside_their_own(three_years: Warehouse) -> None:
    question = Question(("volume",), Period.of("2024-01-01..2024-01-02"), ("date",), compare="year")
    cells = {cell.key[0]: cell.previous for cell in answer(three_years, question).cells}
    assert cells[date(2024, 1, 1)] == 1
