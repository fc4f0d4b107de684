"""The one answer to a question: values with their numerators, denominators, n, intervals and comparison."""

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Literal

import pandas as pd

from kpi.query.question import Period, Question
from kpi.query.target_value import Goal

# Frames of figures are small, and texts kept as Arrow's take several times as long to go through as Python's.
pd.set_option("mode.string_storage", "python")

Reason = Literal["no_data", "zero_denominator", "not_recorded", "immature", "hidden"]
DimensionValue = str | int | date | None
# What of a cell is no column of a frame.
_NO_COLUMN = {"key", "note", "variant", "before", "goal", "uneven", "days"}


@dataclass(frozen=True)
class Counted:
    """What a value of the comparison stands on. ``hidden``: it may not be seen, and nothing of it is told."""

    numerator: float | None = None
    denominator: float | None = None
    n: int | None = None
    hidden: bool = False


@dataclass(frozen=True)
class Cell:
    """One KPI for one combination of the question's dimensions (in the question's order; None = unknown). A KPI without
    a value for any combination has one cell, all of whose key is unknown, to say why.

    ``value`` is None exactly when ``reason`` says why. ``n``: the contacts (customers, answers) it stands on.
    ``low``, ``high``: 95 % interval of a proportion. ``previous``: the value of the comparison; ``change``: value −
    previous in the KPI's own unit, with Newcombe's interval for proportions. ``before``: what the comparison's value
    stands on; None where it has no such cell. ``uneven``: it is of a period of another length, with which the figure
    grows, so that the change is neither better nor worse. ``provisional``: data still arriving. ``goal``: the target
    that it is held against, where ``kpi.targets`` knows one. ``days``: what there is of a week or month that the
    question's period (or the data's begin, or the running day) cuts; None of a whole one.
    """

    kpi: str
    key: tuple[DimensionValue, ...]
    value: float | None
    numerator: float | None
    denominator: float | None
    n: int | None
    low: float | None = None
    high: float | None = None
    previous: float | None = None
    change: float | None = None
    change_low: float | None = None
    change_high: float | None = None
    provisional: bool = False
    reason: Reason | None = None
    note: tuple[tuple[str, float], ...] = ()  # what was left out, and how much of it
    variant: str | None = None  # which of the KPI's formulas is in use, where it has several
    before: Counted | None = None
    goal: Goal | None = None
    uneven: bool = False
    days: Period | None = None

    @property
    def partial(self) -> bool:
        """Whether it is of a part of a week or month, and not to be held against whole ones."""
        return self.days is not None

    @property
    def target_low(self) -> float | None:
        return self.goal.low if self.goal is not None else None

    @property
    def target_high(self) -> float | None:
        return self.goal.high if self.goal is not None else None

    @property
    def target_since(self) -> date | None:
        """The first day of a target that was another one, or none, earlier in the figure's days."""
        return self.goal.since if self.goal is not None else None

    @property
    def before_low(self) -> float | None:
        """The lower limit of the target before that day."""
        return self.goal.before.low if self.goal is not None and self.goal.before is not None else None

    @property
    def before_high(self) -> float | None:
        """The upper limit of the target before that day."""
        return self.goal.before.high if self.goal is not None and self.goal.before is not None else None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target, or a value."""
        return self.goal.met(self.value) if self.goal is not None else None

    @property
    def relative_change(self) -> float | None:
        """How a count's change is told: change ÷ previous."""
        return None if self.change is None or not self.previous else self.change / self.previous


@dataclass(frozen=True)
class Cut:
    """The comparison leaves out what ``source`` delivered at or after ``moment`` (UTC), since the period's own
    counterpart has not arrived yet.
    """

    source: str
    moment: datetime


@dataclass(frozen=True)
class Answer:
    """``as_of``: feed -> watermark (UTC) of the feeds that the figures stand on. ``period``: what was answered
    (the question's, cut to the running day). ``compared``: the comparison's period; ``aligned_by``: ``length``,
    ``weekday`` or a holiday's id. ``rolled_up``: how many of the KPIs are totals or ratios that came from roll-ups.
    """

    question: Question
    version: int
    synthetic: bool
    as_of: dict[str, datetime]
    period: Period
    compared: Period | None
    aligned_by: str | None
    cuts: tuple[Cut, ...]
    cells: tuple[Cell, ...]
    rolled_up: int = 0
    # parent of a distinct count: (kpi) -> how many customers were counted in more than one row
    counted_twice: dict[str, int] = field(default_factory=dict)

    @property
    def valued(self) -> bool:
        """Whether any cell has a value, so that there is something to draw."""
        return any(cell.value is not None for cell in self.cells)

    @cached_property
    def _by_key(self) -> dict[tuple[str, tuple[DimensionValue, ...]], Cell]:
        return {(cell.kpi, cell.key): cell for cell in self.cells}

    def cell(self, kpi: str, *key: DimensionValue) -> Cell:
        """The cell of a KPI; ``key``: the values of the question's dimensions. Raises KeyError if there is none."""
        return self._by_key[kpi, key]

    def frame(self, kpi: str | None = None) -> pd.DataFrame:
        """One row a cell: the question's dimensions, then ``kpi``, ``value``, … as in ``Cell``, the limits of its
        target, and the ``cell`` itself, for what is told of it in words.
        """
        chosen = [cell for cell in self.cells if kpi is None or cell.kpi == kpi]
        columns = [name for name in Cell.__dataclass_fields__ if name not in _NO_COLUMN]
        columns += ["partial", "target_low", "target_high"]
        frame = pd.DataFrame([[*cell.key, *(getattr(cell, name) for name in columns), cell] for cell in chosen])
        named = [*self.question.by, *columns, "cell"]
        if frame.empty:
            return pd.DataFrame(columns=named)
        frame.columns = pd.Index(named)
        return frame
