"""``answer``: the one way from a question to its figures."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa

from kpi import schema
from kpi.insight.intervals import newcombe, wilson
from kpi.metrics.model import Custom, Distinct, Measure, Metric, Ratio, Total, parts_of
from kpi.metrics.registry import requirements
from kpi.metrics.rollups import ROLLUPS
from kpi.query import privacy
from kpi.query.answer import Answer, Cell, Counted, Reason
from kpi.query.buckets import TIMES, cut_of, span_of
from kpi.query.compare import Comparison, comparison, effective
from kpi.query.conditions import check, condition
from kpi.query.custom import CUSTOM
from kpi.query.measure import Asked, Key, Plan, Raw, counted_in_several, request, roll_up_for
from kpi.query.question import COVERED_FROM, Period, Question
from kpi.warehouse import Published, Warehouse

# Requirements that are tables which serve all feeds. Legs, uses and referrals are not: each hangs on a contact of the
# feed that recorded it, so that a feed without them says nothing about its contacts.
_TABLES = (
    frozenset(schema.metadata.tables) - set(schema.interaction.c.keys()) - {"handling_leg", "function_use", "referral"}
)


def answer(warehouse: Warehouse, question: Question, *, rolled_up: bool = True) -> Answer:
    """Answer ``question`` from one published state.

    ``rolled_up=False`` reads the facts even where a roll-up could answer: the same numbers, more slowly.
    Raises what ``conditions.check`` raises, and WarehouseEmpty.
    """
    with warehouse.read() as connection:
        published = warehouse.require_data(connection)
        settings = warehouse.settings
        return answer_on(
            connection,
            published,
            settings.service_level,
            question,
            rolled_up=rolled_up,
            covered_from=settings.topic_covered,
        )


def answer_on(
    connection: sa.Connection,
    published: Published,
    service_level: str,
    question: Question,
    *,
    rolled_up: bool = True,
    covered_from: float = COVERED_FROM,
    beside: sa.Connection | None = None,
) -> Answer:
    """As ``answer``, within a transaction that is open already. ``service_level``, ``covered_from``: those of the
    settings, where the question names none. ``beside``: another connection that sees the same state, to read what is
    compared with at the same time.
    """
    covered_from = covered_from if question.covered_from is None else question.covered_from
    service_level = question.service_level or service_level
    metrics = check(connection, question)
    readings = readings_of(connection, published, question, rolled_up=rolled_up, covered_from=covered_from)
    asked, before, compared, sources = readings.asked, readings.before, readings.compared, readings.sources
    period = asked.period
    judged = {
        metric.id: _Judged(metric, readings.measure(metric, service_level), published, sources, service_level)
        for metric in metrics
    }
    if before is not None and beside is not None:
        with ThreadPoolExecutor(1, thread_name_prefix="beside") as worker:
            reading = worker.submit(_read, replace(before, connection=beside), judged)
            now = _read(asked, judged)
            then = reading.result()
    else:
        now = _read(asked, judged)
        then = _read(before, judged) if before is not None else {}

    hidden = _too_small(question, asked, judged, now)
    hidden_then = _too_small(question, before, judged, then) if before is not None else {}
    cells: list[Cell] = []
    for metric in metrics:
        kpi = judged[metric.id]
        previous = {
            moved: Raw(reason="hidden") if key in hidden_then.get(metric.id, ()) else raw
            for key, raw in then.get(metric.id, {}).items()
            if compared is not None and (moved := compared.moved(question.by, key)) is not None
        }
        seen = {key: raw for key, raw in previous.items() if raw.reason != "hidden"}
        keys = _keys(question, now, metric.id, seen)
        for key in keys:
            cell = kpi.cell(question.by, key, now[metric.id].get(key), previous.get(key), period, compared)
            cells.append(_without_figures(cell) if key in hidden.get(metric.id, ()) else cell)
        if not keys and (nothing := kpi.cell(question.by, (None,) * len(question.by), None, None, period)).reason:
            cells.append(nothing)  # no row at all would not say why
    return Answer(
        question=question,
        version=published.version,
        synthetic=published.synthetic,
        as_of={source: published.feeds[source].watermark for source in sorted(sources)},
        period=period,
        compared=compared.period if compared else None,
        aligned_by=compared.aligned_by if compared else None,
        cuts=compared.cuts if compared else (),
        cells=tuple(cells),
        rolled_up=sum(_from_roll_ups(asked, one.measure) for one in judged.values()),
        counted_twice=_counted_twice(asked, judged) if question.by else {},
    )


@dataclass(frozen=True)
class Readings:
    """What a question reads: the period, and what it is compared with as far as the data reaches back. ``sources``: the
    feeds in scope. ``compared``: the comparison, read or not.
    """

    asked: Asked
    before: Asked | None
    compared: Comparison | None
    sources: frozenset[str]

    def measure(self, metric: Metric, service_level: str) -> Measure:
        """The KPI's formula for the dimensions that are used."""
        return metric.measure_for(self.asked.dimensions, service_level)


def readings_of(
    connection: sa.Connection,
    published: Published,
    question: Question,
    *,
    rolled_up: bool = True,
    covered_from: float = COVERED_FROM,
) -> Readings:
    """The reading of a question that was checked, and that of its comparison."""
    period = effective(question.period, published.today)
    scope = question.scope.filters
    filters = (*question.filters, *scope)
    sources = feeds_in_scope(connection, published, question)
    asked = Asked(
        connection, published, question.by, filters, period, rolled_up=rolled_up, scope=scope, covered_from=covered_from
    )
    compared = comparison(connection, published, question, sources)
    if compared is None:
        return Readings(asked, None, None, sources)
    before = (
        replace(asked, period=compared.period, cuts=compared.cuts) if _covered(published, compared.period) else None
    )
    return Readings(asked, before, compared, sources)


def feeds_in_scope(connection: sa.Connection, published: Published, question: Question) -> frozenset[str]:
    """The feeds that can have delivered what the question is about: all, or those of the filtered channels (again
    all where these have no contact at all).
    """
    narrow = [f for f in (*question.filters, *question.scope.filters) if f.dimension in {"channel", "line"}]
    if not narrow:
        return frozenset(published.feeds)
    daily = ROLLUPS[0]
    query = sa.select(daily.table.c.source).distinct()
    for filter_ in narrow:
        query = query.where(condition(daily.columns()[filter_.dimension], filter_))
    found = frozenset(row[0] for row in connection.execute(query)) & frozenset(published.feeds)
    return found or frozenset(published.feeds)


def feeds_for(
    metric: Metric, measure: Measure, published: Published, in_scope: frozenset[str]
) -> frozenset[str] | None:
    """The feeds in scope that record what the KPI needs; None when nothing has to be left out. Columns, and tables
    that hang on a contact, are a feed's own; the others (customers, unit costs, complaints) serve all.
    """
    needed = requirements(metric, measure)
    somewhere = frozenset().union(*(feed.carries for feed in published.feeds.values()))
    if not (metric.families <= published.families and needed & _TABLES <= somewhere):
        return frozenset()
    columns = [requirement.split("|") for requirement in needed - _TABLES]
    if not columns:
        return None
    carrying = frozenset(
        source
        for source in in_scope
        if all(not published.feeds[source].carries.isdisjoint(either) for either in columns)
    )
    return None if carrying == frozenset(published.feeds) else carrying


def _covered(published: Published, period: Period) -> bool:
    """Whether the data holds the period's first day."""
    if published.data_start is None:
        return False
    return published.local(published.data_start).date() <= period.start <= published.today


def _read(asked: Asked, judged: dict[str, "_Judged"]) -> dict[str, dict[Key, Raw]]:
    """KPI -> key -> what was counted; one plan for all KPIs that can share statements."""
    plan = Plan(asked)
    readers: dict[str, Callable[..., dict[Key, Raw]]] = {}
    found: dict[str, dict[Key, Raw]] = {}
    for kpi, one in judged.items():
        if one.sources is not None and not one.sources:
            found[kpi] = {}  # no feed records it
        elif isinstance(one.measure, Custom):
            found[kpi] = CUSTOM[kpi](asked, one.sources)
        else:
            readers[kpi] = request(plan, one.metric, one.measure, one.sources)
    read = plan.read()
    return found | {kpi: reader(read) for kpi, reader in readers.items()}


def _too_small(
    question: Question, asked: Asked, judged: dict[str, "_Judged"], found: dict[str, dict[Key, Raw]]
) -> dict[str, set[Key]]:
    """KPI -> keys of the cells that stand for too few customers for the viewer to see."""
    if question.scope.see_interactions:
        return {}
    measured = {kpi: (one.measure, one.sources) for kpi, one in judged.items()}
    return privacy.small_cells(asked, measured, found)


def _without_figures(cell: Cell) -> Cell:
    return Cell(
        cell.kpi, cell.key, None, None, None, None, provisional=cell.provisional, reason="hidden", days=cell.days
    )


def _keys(question: Question, now: dict[str, dict[Key, Raw]], kpi: str, previous: dict[Key, Raw]) -> list[Key]:
    """The keys to show for a KPI: its own and the comparison's; where it has none, those of the other KPIs."""
    if not question.by:
        return [()]
    keys = dict.fromkeys([*now[kpi], *previous]) or dict.fromkeys(key for found in now.values() for key in found)
    return sorted(keys, key=lambda key: tuple((value is None, value if value is not None else "") for value in key))


class _Judged:
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
        raw: Raw | None,
        previous: Raw | None,
        period: Period,
        compared: Comparison | None = None,
    ) -> Cell:
        span = span_of(by, key, period)
        reason = self._reason(raw, span, period)
        if raw is None and reason is None:
            raw = Raw(numerator=0, n=0, value=0.0)
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

    def _reason(self, raw: Raw | None, span: Period, period: Period) -> Reason | None:
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
            return None if counts and _covered(self.published, span) else "no_data"
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


def mature_until(metric: Metric, published: Published) -> date | None:
    """The last business date of which at least the beginning is mature; None for a KPI without maturity."""
    if metric.maturity is None:
        return None
    return published.local(published.complete_until - metric.maturity).date()


def mature_part(metric: Metric, period: Period, published: Published) -> Period:
    """The days of the period that a KPI's figure stands on: those with mature contacts, where there are any."""
    until = mature_until(metric, published)
    return period if until is None or until < period.start else Period(period.start, min(period.end, until))


def _from_roll_ups(asked: Asked, measure: Measure) -> bool:
    """Whether every sum of a total or ratio is read from a roll-up."""
    return isinstance(measure, Total | Ratio) and all(roll_up_for(asked, part.fact) for part in parts_of(measure))


def _counted_twice(asked: Asked, judged: dict[str, _Judged]) -> dict[str, int]:
    """Distinct counts: how many stand in more than one row. Not over time, where nobody would add."""
    if TIMES & set(asked.by):
        return {}
    return {
        kpi: counted_in_several(asked, one.measure, one.sources)
        for kpi, one in judged.items()
        if isinstance(one.measure, Distinct) and one.sources != frozenset()
    }


def last_mature(warehouse: Warehouse, question: Question) -> Question | None:
    """The question over the last mature period of equal length, for a card whose own period has no mature contact.

    None where the KPIs need no maturity, the period is mature, or the data does not reach back so far.
    """
    with warehouse.read() as connection:
        return last_mature_on(connection, warehouse.require_data(connection), question)


def last_mature_on(connection: sa.Connection, published: Published, question: Question) -> Question | None:
    """As ``last_mature``, within a transaction that is open already."""
    metrics = check(connection, question)
    windows = [metric.maturity for metric in metrics if metric.maturity is not None]
    if not windows:
        return None
    # The last business date all of whose contacts are mature (a contact that began on it has ended on it, or the
    # few that ran past midnight are left to the next day).
    until = published.local(published.complete_until - max(windows)).date() - timedelta(days=1)
    period = effective(question.period, published.today)
    if period.end <= until:
        return None
    moved = period.shifted((until - period.end).days)
    return replace(question, period=moved) if _covered(published, moved) else None
