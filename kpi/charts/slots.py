"""Time axes: a period cut into days, weeks or months, each a slot of equal width.

The axis is a plain number line on which slot ``i`` covers i … i + 1, so that every label is written by
``kpi.i18n.formats`` and no browser's time zone can shift a day.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import altair as alt

from kpi.charts.theme import looked_up
from kpi.i18n import Language
from kpi.i18n.formats import format_date, format_period
from kpi.query.question import Period

Grain = Literal["date", "week", "month"]

_MOST_DAYS = 100
_MOST_WEEKS = 400


def grain_of(period: Period) -> Grain:
    """The dimension by which a period is drawn, so that its slots stay wide enough to be read."""
    return "date" if period.days <= _MOST_DAYS else "week" if period.days <= _MOST_WEEKS else "month"


@dataclass(frozen=True)
class Slots:
    """The slots of ``period``; ``running``: the business date that is not over yet."""

    period: Period
    grain: Grain
    running: date

    @property
    def starts(self) -> list[date]:
        """First day of each slot, as ``kpi.query`` keys it (a week's Monday, a month's first)."""
        first = self.period.start
        if self.grain == "date":
            return [first + timedelta(days=day) for day in range(self.period.days)]
        if self.grain == "week":
            monday = first - timedelta(days=first.weekday())
            return [monday + timedelta(days=day) for day in range(0, (self.period.end - monday).days + 1, 7)]
        found, month = [], first.replace(day=1)
        while month <= self.period.end:
            found.append(month)
            month = (month + timedelta(days=32)).replace(day=1)
        return found

    def last_day(self, start: date) -> date:
        if self.grain == "date":
            return start
        if self.grain == "week":
            return start + timedelta(days=6)
        return (start + timedelta(days=32)).replace(day=1) - timedelta(days=1)

    def partial(self, start: date) -> bool:
        """True for a slot that the period or the running day cuts: its height cannot be compared."""
        last = self.last_day(start)
        return start < self.period.start or last > self.period.end or last >= self.running

    def name(self, start: date, language: Language) -> str:
        """A slot in a tip: its dates within the period."""
        return format_period(max(start, self.period.start), min(self.last_day(start), self.period.end), language)

    def _label(self, start: date, language: Language) -> str:
        """A slot on the axis: its first day; all of them where the period leaves some out."""
        if self.grain != "date" and (start < self.period.start or self.last_day(start) > self.period.end):
            first, last = max(start, self.period.start), min(self.last_day(start), self.period.end)
            return format_period(first, last, language, year=False)
        return f"{start:%Y-%m}" if self.grain == "month" and language == "zh" else format_date(start, language)

    def axis(self, language: Language, most: int = 5) -> alt.Axis:
        """A horizontal axis with at most ``most`` + 1 labels, the last slot among them."""
        starts = self.starts
        step = max(1, -(-(len(starts) - 1) // most))
        chosen = sorted(range(len(starts) - 1, -1, -step))
        labels = {index: self._label(starts[index], language) for index in chosen}
        return alt.Axis(
            values=[index + 0.5 for index in chosen],
            labelExpr=looked_up(labels, "floor(datum.value)"),
            grid=False,
            labelFlush=False,
            labelOverlap=True,
        )


def x_domain(slots: Slots, margin: str) -> alt.Scale:
    """The number line of the slots, widened to the right by ``margin`` pixels (a Vega expression) for labels."""
    count = len(slots.starts)
    return alt.Scale(
        domainMin=0, domainMax=alt.ExprRef(f"{count} * width / max(80, width - ({margin}))"), nice=False, zero=False
    )
