"""Days gathered into weeks and months: which of them a figure over time stands for."""

from collections.abc import Sequence
from datetime import date, timedelta

from kpi.query.answer import DimensionValue
from kpi.query.question import Period

TIMES = {"date", "week", "month", "through"}


def whole_of(dimension: str, first: date) -> Period:
    """All days of the date, week or month that begins on ``first``."""
    match dimension:
        case "week":
            return Period(first, first + timedelta(days=6))
        case "month":
            return Period(first, (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1))
        case _:
            return Period(first, first)


def span_of(by: Sequence[str], key: Sequence[DimensionValue], period: Period) -> Period:
    """The days that a cell stands for: the period, or its part within the cell's date, week or month."""
    for dimension, value in zip(by, key, strict=True):
        if dimension in TIMES and isinstance(value, date):
            start = max(value, period.start)
            if dimension == "through":
                return Period(period.start, start)
            return Period(start, max(min(whole_of(dimension, value).end, period.end), start))
    return period


def cut_of(by: Sequence[str], key: Sequence[DimensionValue], period: Period) -> Period | None:
    """The days that ``period`` leaves of a cell's week or month; None of a whole one, or where it is by neither."""
    for dimension, value in zip(by, key, strict=True):
        if dimension in {"week", "month"} and isinstance(value, date):
            span = span_of((dimension,), (value,), period)
            return None if span == whole_of(dimension, value) else span
    return None
