"""What decides over a cell: whether it has a value, from when on that is mature, and what is said beside it."""

from datetime import date, datetime, time, timedelta

from kpi.metrics.model import Distinct, Measure, Metric, Total
from kpi.metrics.registry import METRICS
from kpi.query.answer import Cell, Counted, Reason
from kpi.query.buckets import TIMES, cut_of, span_of
from kpi.query.compare import Comparison
from kpi.query.feeds import feeds_for
from kpi.query.measure import Aggregate
from kpi.query.question import Period
from kpi.query.selection import Key
from kpi.stats.intervals import SMALL_N, newcombe, wilson
from kpi.warehouse import Published


class CellRules:
    """One KPI of the question with what decides over its values: formula, feeds, maturity."""

    def __init__(
        self, metric: Metric, measure: Measure, published: Published, in_scope: frozenset[str], variant: str
    ) -> None:
        self.metric = metric
        self.variant = variant if variant in metric.variants else None
        self.measure = measure
        self.published = published
        self.in_scope = in_scope
        self.sources = feeds_for(metric, measure, published, in_scope)

    def cell(
        self,
        by: tuple[str, ...],
        key: Key,
        raw: Aggregate | None,
        previous: Aggregate | None,
        period: Period,
        compared: Comparison | None = None,
    ) -> Cell:
        span = span_of(by, key, period)
        reason = self._reason(raw, span, period)
        if raw is None and reason is None:
            raw = Aggregate(numerator=0, n=0, value=0.0)
        value = raw.value if raw is not None and reason is None else None
        before = previous.value if previous is not None and reason != "immature" else None
        counted = (
            Counted(previous.numerator, previous.denominator, previous.n, previous.reason == "hidden")
            if previous is not None
            else None
        )
        low = high = change_low = change_high = None
        if value is not None and self.metric.proportion and raw is not None:
            low, high = wilson(raw.numerator or 0, raw.denominator or 0)
            if previous is not None and previous.denominator:
                change_low, change_high = newcombe(
                    raw.numerator or 0, raw.denominator or 0, previous.numerator or 0, previous.denominator
                )
        return Cell(
            kpi=self.metric.id,
            key=key,
            value=value,
            # Over nothing there is no value, but both parts still add up to the parent's.
            numerator=raw.numerator if raw and reason in {None, "zero_denominator"} else None,
            denominator=raw.denominator if raw and reason in {None, "zero_denominator"} else None,
            n=raw.n if raw else None,
            low=low,
            high=high,
            previous=before,
            change=value - before if value is not None and before is not None else None,
            change_low=change_low,
            change_high=change_high,
            provisional=reason != "not_recorded" and self._provisional(span),
            reason=reason,
            note=raw.note if raw and reason is None else (),
            variant=self.variant,
            before=counted,
            uneven=self._uneven(by, period, compared),
            days=cut_of(by, key, self._held(period)),
        )

    def _held(self, period: Period) -> Period:
        """The days of the period that the data can hold."""
        start = self.published.data_start
        first = None if start is None else self.published.local(start).date()
        begun_within = first is not None and period.start < first <= period.end and "interaction" in self.metric.dates
        return Period(first, period.end) if begun_within and first is not None else period

    def _uneven(self, by: tuple[str, ...], period: Period, compared: Comparison | None) -> bool:
        """Whether the figure grows with its period, and is compared with one of another length; not over time, where
        each is held against as many days.
        """
        grows = self.metric.roll_up == "additive" or self.metric.target_days is not None
        return grows and compared is not None and compared.period.days != period.days and TIMES.isdisjoint(by)

    def _reason(self, raw: Aggregate | None, span: Period, period: Period) -> Reason | None:
        """Why there is no value, if there is none. ``span``: the part of ``period`` that the cell is of."""
        published = self.published
        if self.sources is not None and not self.sources:
            return "not_recorded"
        if self.metric.look_back:
            first = published.local(published.binds()["look_back_from"]).date()  # type: ignore[arg-type]
            if span.end < first:
                return "immature"
        mature_until = self._mature_until()
        if mature_until is not None and raw is not None and span.start > mature_until:
            return "immature"
        if raw is not None and raw.reason is not None:
            return raw.reason
        if self._before_contacts(period):
            # The customers are known, but not who of them was in touch.
            return "no_data"
        if raw is None:
            # A count over days that the data covers is truly nought; over others it is not known.
            counts = isinstance(self.measure, Total | Distinct) or self.metric.unit == "count"
            return None if counts and is_covered(self.published, span) else "no_data"
        if raw.value is None:
            # Of the last day, only what ended before the watermark's time of day is mature.
            return "immature" if mature_until is not None and span.end >= mature_until else "zero_denominator"
        return None

    def _mature_until(self) -> date | None:
        """The last business date of which at least the beginning is mature; None for a KPI without maturity."""
        return mature_until(self.metric, self.published)

    def _before_contacts(self, period: Period) -> bool:
        """Whether a figure that stands on contacts is of days before the first that is known of."""
        start = self.published.data_start
        return (
            "interaction" in self.metric.dates and start is not None and period.end < self.published.local(start).date()
        )

    def _provisional(self, span: Period) -> bool:
        """Data of the span are still arriving, or its contacts still maturing."""
        end = self.published.utc(datetime.combine(span.end + timedelta(days=1), time()))
        feeds = [self.published.feeds[source].watermark for source in self.in_scope]
        if feeds and min(feeds) < end:
            return True
        return self.metric.maturity is not None and self.published.complete_until < end + self.metric.maturity


def is_covered(published: Published, period: Period) -> bool:
    """Whether the data holds the period's first day."""
    if published.data_start is None:
        return False
    return published.local(published.data_start).date() <= period.start <= published.today


def mature_until(metric: Metric, published: Published) -> date | None:
    """The last business date of which at least the beginning is mature; None for a KPI without maturity."""
    if metric.maturity is None:
        return None
    return published.local(published.complete_until - metric.maturity).date()


def mature_part(metric: Metric, period: Period, published: Published) -> Period:
    """The days of the period that a KPI's figure stands on: those with mature contacts, where there are any."""
    until = mature_until(metric, published)
    return period if until is None or until < period.start else Period(period.start, min(period.end, until))


def few(cell: Cell) -> bool:
    """Whether the figure says little, since fewer than 30 stand behind it; a count says what it counts."""
    return cell.value is not None and cell.n is not None and cell.n < SMALL_N and not METRICS[cell.kpi].is_count_or_sum
