"""That a year's days off are not announced yet is said, in words that name the year."""

from datetime import date

from kpi.narrative.working_days import unpublished
from kpi.warehouse.days import LAST_PUBLISHED

NEXT = date(LAST_PUBLISHED + 1, 6, 1)


def test_nothing_is_said_of_announced_years():
    assert unpublished(date(2025, 12, 1), date(LAST_PUBLISHED, 12, 31), "en") == ""


def test_each_year_is_named():
    assert str(NEXT.year) in unpublished(date(2025, 1, 1), NEXT, "zh")
    two = unpublished(NEXT, NEXT.replace(year=NEXT.year + 1), "en")
    assert f"from {NEXT.year} on" in two
