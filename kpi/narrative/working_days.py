"""What is said of days off that are not announced yet."""

from datetime import date

from kpi.i18n import Language, phrase
from kpi.warehouse.days import unpublished_years


def unpublished(first: date, last: date, language: Language) -> str:
    """That the official calendar of a year from ``first`` to ``last`` is not published yet; "" where all are."""
    years = unpublished_years(first, last)
    if not years:
        return ""
    key = "calendar_unpublished" if len(years) == 1 else "calendar_unpublished_since"
    return phrase(language, key, year=years[0])
