"""What the explorer asks for one choice, and how it is kept small enough to be looked at."""

from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property

from kpi.charts import Note, Slots
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.registry import METRICS
from kpi.pivot import MOST_CELLS, MOST_COLUMNS, MOST_ROWS, Axis, Pivot, axis
from kpi.query.answer import Answer
from kpi.query.integrity import Check
from kpi.query.question import Filter, Period, Question
from kpi.warehouse.published import Published
from pages.address.explore_choice import TIMES, Choice
from pages.address.view import View
from pages.data import cache


class Exploration:
    """The pivot of a view's choice.

    Every total is a question of its own. Where a dimension has more values than can be shown, the figures by both
    dimensions are asked for the values that are, so that neither the engine nor the browser works for nothing.
    """

    def __init__(self, view: View, published: Published) -> None:
        self.view, self.version, self.today = view, published.version, published.today
        self.choice: Choice = view.explore
        self.targets = cache.targets()
        kpis = [kpi for kpi in self.choice.kpis if view.applies(METRICS[kpi])]
        self.not_filtered = [kpi for kpi in self.choice.kpis if kpi not in kpis]
        self._proof = view.question("volume", compared=False)
        self.pivot = self._answered(tuple(kpis)) if kpis else None

    def _answered(self, kpis: tuple[str, ...]) -> Pivot:
        view, rows, cols = self.view, self.choice.rows, self.choice.cols
        whole = view.question(*kpis)
        if rows is None:
            cache.prepare([[whole]], self._proof, self.version)
            return Pivot(self._ask(whole))
        by_rows = self._within(view.question(*kpis, by=(rows,)), rows, MOST_ROWS)
        if cols is None:
            cache.prepare([[whole], [by_rows]], self._proof, self.version)
            return Pivot(self._ask(whole), self._axis(by_rows, MOST_ROWS), self._ask(by_rows))
        by_cols = self._within(view.question(*kpis, by=(cols,)), cols, MOST_COLUMNS)
        both = view.question(*kpis, by=(rows, cols))
        few = self._few(rows, MOST_ROWS) and self._few(cols, MOST_COLUMNS)
        cache.prepare([[whole, by_rows], [by_cols, *([both] if few else [])]], self._proof, self.version)
        across = self._axis(by_cols, MOST_COLUMNS)
        down = self._axis(by_rows, min(MOST_ROWS, MOST_CELLS // (len(kpis) * max(1, len(across.values)))))
        if not few:
            both = self._only(self._only(both, down), across)
            cache.prepare([[both]], None, self.version)
        return Pivot(self._ask(whole), down, self._ask(by_rows), across, self._ask(by_cols), self._ask(both))

    def _ask(self, question: Question) -> Answer:
        return cache.answer(question, self.version, self.targets)

    def _values(self, dimension: str) -> int:
        """How many values a dimension may have in the period."""
        if dimension == "date":
            return self.view.period.days
        return len(cache.labels(dimension, self.view.language, self.version))

    def _few(self, dimension: str, most: int) -> bool:
        return self._values(dimension) <= most

    def _axis(self, question: Question, most: int) -> Axis:
        (dimension,) = question.by
        found = axis(self._ask(question), most, cache.labels(dimension, self.view.language, self.version))
        earlier = (question.period.start - self.view.period.start).days if dimension == "date" else 0
        return replace(found, left_out=found.left_out + earlier)

    def _within(self, question: Question, dimension: str, most: int) -> Question:
        """By days: no more of them than can be shown, the latest. Their comparison would be other days, so none."""
        if dimension != "date" or self._few(dimension, most):
            return question
        end = min(question.period.end, self.today)
        return replace(question, period=Period(end - timedelta(days=most - 1), question.period.end), compare=None)

    def _only(self, question: Question, shown: Axis) -> Question:
        """The question for the values of an axis that are shown."""
        if not shown.left_out:
            return question
        if DIMENSIONS[shown.dimension].kind == "date":
            first = shown.values[0]
            assert isinstance(first, date)
            return replace(
                question, period=Period(max(first, question.period.start), question.period.end), compare=None
            )
        values = tuple("" if value is None else str(value) for value in shown.values)
        others = tuple(one for one in question.filters if one.dimension != shown.dimension)
        return replace(question, filters=(*others, Filter(shown.dimension, values)))

    @property
    def compared(self) -> Answer | None:
        return self.pivot.whole if self.pivot is not None else None

    @property
    def slots(self) -> Slots:
        """The time axis of the figures; of no meaning where no dimension is a time."""
        return Slots(self._days, next((grain for grain in TIMES if grain in self.choice.by), "date"), self.today)

    @property
    def _days(self) -> Period:
        """The days that the figures over time show: those asked for, without what is left out."""
        for one in (self.pivot.rows, self.pivot.cols) if self.pivot is not None else ():
            if one is not None and one.left_out and one.values and isinstance(one.values[0], date):
                return Period(max(one.values[0], self.view.period.start), self.view.period.end)
        return self.view.period

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        return cache.notes(self._days, self.view.language, self.version)

    @property
    def proof(self) -> tuple[Check, ...]:
        return cache.identity(self._proof, self.version)
