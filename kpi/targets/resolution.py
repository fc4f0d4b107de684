"""Targets held against figures: which one is in force for a figure, and what a table or a file of them may say.

The most specific target that is in force on the day applies: the one that names most of line, channel and tier, and
of two that name as many the one whose first named place stands first in ``PLACES``. One of a wider place applies to a
narrower figure of a rate or a mean; what adds up, or is a share of a whole, is another thing in a part of it.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

from kpi.errors import NotApplicable, UnknownName
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS
from kpi.query.answer import Answer, Cell, DimensionValue
from kpi.query.buckets import TIMES, span_of
from kpi.query.question import Period, Question
from kpi.query.target_value import Band, Goal
from kpi.settings import Settings
from kpi.state import Problem, StateDatabase, Target
from kpi.state.database import is_begun_at
from kpi.state.targets import PLACES, plain_problems, targets

_DAY = timedelta(days=1)
# The KPI that is told by what another one's target is.
_COVERAGE, _COVERING = "topic_tail_coverage", "bot_resolution_rate"


@dataclass(frozen=True)
class Where:
    """What a figure is of: the value of each of ``PLACES`` (None: of all, or of several), and the dimensions that it
    is narrowed by otherwise, to several values of a place among them.
    """

    places: tuple[str | None, ...]
    others: frozenset[str] = frozenset()


EVERYWHERE = Where((None,) * len(PLACES))


def where(question: Question, key: Sequence[DimensionValue] = ()) -> Where:
    """What a cell of the question's answer is of."""
    chosen: dict[str, str | None] = {}
    others = set()
    for one in (*question.scope.filters, *question.filters):
        single = one.dimension in PLACES and len(one.values) == 1 and one.values[0] != ""
        if single:
            chosen[one.dimension] = one.values[0]
        else:
            others.add(one.dimension)
    for dimension, value in zip(question.by, key, strict=True):
        if dimension in PLACES and value is not None:
            chosen[dimension] = str(value)
            others.discard(dimension)
        elif dimension not in TIMES:
            others.add(dimension)
    return Where(tuple(chosen.get(place) for place in PLACES), frozenset(others))


@dataclass(frozen=True)
class Targets:
    """All targets of the centre."""

    rows: tuple[Target, ...] = ()

    @cached_property
    def by_kpi(self) -> dict[str, tuple[Target, ...]]:
        """KPI -> its targets, the most specific first."""
        ordered = sorted(self.rows, key=_specific, reverse=True)
        return {
            kpi: tuple(row for row in ordered if row.kpi == kpi) for kpi in dict.fromkeys(row.kpi for row in ordered)
        }

    @cached_property
    def mark(self) -> str:
        """What a figure that shows targets is kept under beside its question: another one after every change."""
        return str(hash(self.rows)) if self.rows else ""

    def of(self, kpis: Iterable[str]) -> list[str]:
        """Those of the KPIs that have targets."""
        return [kpi for kpi in kpis if kpi in self.by_kpi]

    def goal(self, metric: Metric, of: Where, period: Period) -> Goal | None:
        """What a figure of a period is held against: the target of its last day; None where there is none then.

        What adds is held against the sum of its days' targets, every day of the period having one; what otherwise
        grows with its period only over as many days as its target is for.
        """
        rows = self.by_kpi.get(metric.id, ())
        applying = [row for row in rows if _applies(row, metric, of)]
        if _between(rows, of):
            return None
        if not applying or metric.target_days not in {None, period.days}:
            return None
        course = _course(applying, period)
        last = course[-1][1]
        if last is None:
            return None
        band = Band(last.low, last.high)
        if metric.roll_up == "additive":
            whole = _summed(course, period)
            if whole is None:
                return None
            band = whole
        changed = len(course) > 1
        earlier = course[-2][1] if changed and metric.roll_up != "additive" else None
        return Goal(
            band.low,
            band.high,
            last.owner,
            last.note,
            course[-1][0] if changed else None,
            Band(earlier.low, earlier.high) if earlier is not None else None,
        )

    def asked(self, question: Question) -> Question:
        """The question as it has to be put: the resolution that covers a topic is the target in force, if there is one
        on the last day.
        """
        if _COVERAGE not in question.kpis or question.covered_from is not None:
            return question
        day = Period(question.period.end, question.period.end)
        goal = self.goal(METRICS[_COVERING], where(replace(question, by=())), day)
        return question if goal is None else replace(question, covered_from=goal.low)

    def hold(self, answer: Answer) -> Answer:
        """The answer with what each of its figures is held against."""
        question = answer.question
        if not self.of(question.kpis):
            return answer
        found: dict[tuple[str, Where, Period], Goal | None] = {}
        cells = []
        for cell in answer.cells:
            if cell.kpi in self.by_kpi:
                asked = cell.kpi, where(question, cell.key), span_of(question.by, cell.key, answer.period)
                if asked not in found:
                    found[asked] = self.goal(METRICS[cell.kpi], *asked[1:])
                if (goal := found[asked]) is not None:
                    cell = replace(cell, goal=goal)
            cells.append(cell)
        return replace(answer, cells=tuple(cells))


NO_TARGETS = Targets()


def days_on_target(cells: Iterable[Cell]) -> tuple[int, int]:
    """Of figures a day of one KPI: how many met their day's own target, of how many that have one and a value.

    A day whose data are still arriving counts only where its figure does not grow with them.
    """
    judged = [
        one.met for one in cells if one.met is not None and not (one.provisional and METRICS[one.kpi].is_count_or_sum)
    ]
    return sum(judged), len(judged)


def kept_targets(settings: Settings) -> Targets:
    """What is kept in the state database; none where there is no such database yet. Raises StateError."""
    if not is_begun_at(settings):
        return NO_TARGETS
    state = StateDatabase(settings)
    try:
        return Targets(tuple(targets(state)))
    finally:
        state.close()


def _specific(row: Target) -> tuple[int, ...]:
    named = tuple(int(value is not None) for value in row.place)
    return (sum(named), *named)


def _between(rows: Iterable[Target], of: Where) -> bool:
    """Whether the figure is of an attribute's value (a family of channels), and one of what has it may have a target of
    its own: then the wider one is not what it is held against.
    """
    attributes = {DIMENSIONS[other].attribute_of for other in of.others}
    return any(
        value is not None and name in attributes for row in rows for name, value in zip(PLACES, row.place, strict=True)
    )


def _applies(row: Target, metric: Metric, of: Where) -> bool:
    narrower = set(of.others)
    for place, wanted, value in zip(PLACES, row.place, of.places, strict=True):
        if wanted is not None and wanted != value:
            return False
        if wanted is None and value is not None:
            narrower.add(place)
    return metric.comparable(narrower)


def _course(rows: Sequence[Target], period: Period) -> list[tuple[date, Target | None]]:
    """From which day on which of the rows, the most specific first, is in force: no two alike after one another."""
    days = {period.start}
    for row in rows:
        assert row.first is not None
        days |= {row.first, *([row.last + _DAY] if row.last is not None and row.last < date.max else [])}
    found: list[tuple[date, Target | None]] = []
    for day in sorted(day for day in days if period.start <= day <= period.end):
        now = next((row for row in rows if row.in_force(day)), None)
        if found and _values(found[-1][1]) == _values(now):
            found[-1] = found[-1][0], now
        else:
            found.append((day, now))
    return found


def _values(row: Target | None) -> tuple[float | None, float | None] | None:
    return None if row is None else (row.low, row.high)


def _summed(course: Sequence[tuple[date, Target | None]], period: Period) -> Band | None:
    ends = [*(day - _DAY for day, _ in course[1:]), period.end]
    sums: list[float | None] = [0.0, 0.0]
    for (first, row), last in zip(course, ends, strict=True):
        if row is None:
            return None
        for at, value in enumerate((row.low, row.high)):
            so_far = sums[at]
            sums[at] = None if value is None or so_far is None else so_far + value * ((last - first).days + 1)
    return None if sums == [None, None] else Band(*sums)


# --- what a table of targets may say -------------------------------------------------------------------------------


def problems_of(rows: Sequence[Target], channels: Collection[str] | None = None) -> list[Problem]:
    """Everything that keeps the rows from being saved. ``channels``: those of the warehouse; None: not known."""
    found = plain_problems(rows)
    for number, row in enumerate(rows, start=1):
        found += _declared_problems(number, row, channels)
    return sorted(found, key=lambda one: one.row)


def _declared_problems(number: int, row: Target, channels: Collection[str] | None) -> Iterable[Problem]:
    if row.kpi not in METRICS:
        yield Problem(number, "problem_is", (("what", UnknownName("kpi", row.kpi, METRICS)),))
        return
    metric = METRICS[row.kpi]
    wanted = {"up": (True, False), "down": (False, True), "band": (True, True)}.get(metric.direction)
    given = (row.low is not None, row.high is not None)
    if wanted is not None and given != (False, False) and given != wanted:
        yield Problem(number, f"target_wants_{metric.direction}", (("kpi", metric.id),))
    for limit in (row.low, row.high):
        if limit is not None and not math.isfinite(limit):
            yield Problem(number, "target_no_number")
        elif limit is not None and metric.unit == "share" and not 0 <= limit <= 1:
            yield Problem(number, "target_no_share", (("kpi", metric.id), ("value", f"{limit:g}")))
    valid = {"channel": channels, "tier": DIMENSIONS["tier"].values, "line": DIMENSIONS["line"].values}
    for place, value in zip(PLACES, row.place, strict=True):
        if value is None:
            continue
        if place not in metric.dimensions:
            has = ", ".join(one for one in PLACES if one in metric.dimensions) or "–"
            what = NotApplicable("not_applicable", kpi=metric.id, dimension=place, valid=has)
            yield Problem(number, "problem_is", (("what", what),))
            continue
        known = valid[place]
        if known is not None and value not in known:
            yield Problem(number, "problem_is", (("what", UnknownName("value", value, known)),))
