"""The one question that card, chart, drill-down, export, alert and snapshot all ask."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from kpi.dates import day_of
from kpi.errors import PeriodError

# A comparison that is known by its name; the other kind is dates of one's own.
Named = Literal["previous", "year"]

# From this resolution on a topic counts as covered, where neither a target nor a setting says otherwise.
COVERED_FROM = 0.80


@dataclass(frozen=True, order=True)
class Period:
    """Business dates, both inclusive. Raises PeriodError when the end lies before the start."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise PeriodError("period_reversed", start=self.start, end=self.end)

    @classmethod
    def of(cls, text: str) -> "Period":
        """The period that ``str`` writes: 2026-01-01..2026-01-31. Raises PeriodError."""
        first, dots, last = text.partition("..")
        if not dots:
            raise PeriodError("bad_dates", text=text[:40])
        return cls(day_of(first), day_of(last))

    def __str__(self) -> str:
        return f"{self.start}..{self.end}"

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    def months(self, count: int) -> "Period":
        """Whole months but for the last, which ends with the period: ``count`` of them."""
        ago = self.end.year * 12 + self.end.month - count
        return Period(date(ago // 12, ago % 12 + 1, 1), self.end)

    def shifted(self, days: int) -> "Period":
        """The same length, ``days`` later (earlier if negative)."""
        return Period(self.start + timedelta(days=days), self.end + timedelta(days=days))


Compare = Named | Period


def kind_of(compare: Compare) -> Literal["previous", "year", "dates"]:
    """How a comparison is told."""
    return "dates" if isinstance(compare, Period) else compare


@dataclass(frozen=True)
class Filter:
    """Rows whose ``dimension`` is one of ``values``. The value ``""`` stands for "unknown" (null)."""

    dimension: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Scope:
    """What the asker may see. ``filters`` hold for every question he asks, whatever he filters by himself."""

    filters: tuple[Filter, ...] = ()
    see_interactions: bool = True  # without it, small cells by customers' attributes are hidden
    see_agents: bool = True


EVERYTHING = Scope()


@dataclass(frozen=True)
class Question:
    """KPIs by dimensions over a period, filtered, compared, within a viewer's scope. Hashable: a cache's key."""

    kpis: tuple[str, ...]
    period: Period
    by: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    compare: Compare | None = None
    scope: Scope = EVERYTHING
    service_level: str | None = None  # which of the formulas of that name; None: the one of the settings
    covered_from: float | None = None  # the resolution that covers a topic: the target's; None: that of the settings

    def drill(self, dimension: str, value: str) -> "Question":
        """The same question within one value of ``dimension``."""
        kept = tuple(filter_ for filter_ in self.filters if filter_.dimension != dimension)
        return replace(self, filters=(*kept, Filter(dimension, (value,))))
