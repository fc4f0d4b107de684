"""What a declaration is made of.

A KPI (``Metric``) is a *measure* of a *fact* with names, unit, direction and rules. Measures are few:

* ``Ratio``: a sum over a sum. Both are additive ``Part``s; a ratio rolls up as the ratio of its parts' sums.
* ``Total``: one additive ``Part``.
* ``Distinct``: a count of distinct customers, never summed; ``DistinctRatio`` has one on either side.
* ``Percentile``: discrete, of a value.
* ``Custom``: anything about a cohort of customers or across topics; it brings its own computation.

Conditions are SQLAlchemy expressions over the fact, so a number and the rows behind it share one predicate.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Literal

import sqlalchemy as sa

from kpi.units import Unit

Direction = Literal["up", "down", "band", "none"]
RollUp = Literal["additive", "ratio", "distinct", "percentile", "snapshot"]

# Look-ahead and look-back: the window of repeat contact and first-contact resolution.
LOOK_BACK = timedelta(days=7)
# Days of the period that the target of a figure is for which grows with its period.
WINDOW = 28
# Windows after which a contact (or a referral) can be judged.
MATURITIES = tuple(timedelta(days=days) for days in (1, 3, 7, 30, 60, 90, 150))


def mature_bind(window: timedelta) -> str:
    """Name of the bound value that ``mature`` compares with."""
    return f"mature_{window.days}d"


def mature(moment: sa.ColumnElement, window: timedelta) -> sa.ColumnElement[bool]:
    """True when every feed's watermark has passed ``moment`` + ``window``.

    The limit is a bound value, filled from the published state when the question is answered or the roll-up made.
    """
    if window not in MATURITIES:
        raise ValueError(f"{window} is none of the declared maturities")
    return moment <= sa.bindparam(mature_bind(window), type_=sa.DateTime)


@dataclass(frozen=True, eq=False, kw_only=True)
class Dimension:
    """Something to group and filter by, as it is declared."""

    id: str
    name_zh: str
    name_en: str
    kind: Literal["text", "number", "date"] = "text"
    attribute_of: str | None = None  # the dimension that it is an attribute of: business line of topic, week of date
    column: sa.Column | None = None  # in the table of that dimension, where it is looked up
    values: Mapping[str, tuple[str, str]] | None = None  # of a closed list: value -> (zh, en)
    numbers: range | None = None  # the values of a clock or a calendar
    names: sa.Table | None = None  # whose name_zh and name_en name an open list
    # Whether it says something about the customer, so that small cells are hidden from viewers without the right to see
    # interactions.
    customer: bool = False

    def name(self, language: str) -> str:
        return self.name_zh if language == "zh" else self.name_en


@dataclass(frozen=True, eq=False)
class Fact:
    """A table of facts with what it can be grouped by.

    ``from_``: the table, or the table joined to the interaction that it hangs on. ``date``: the business date a
    row counts for. ``columns``: dimension id -> expression over ``from_``. ``source``: the column naming the feed.
    """

    id: str
    from_: sa.FromClause
    date: sa.ColumnElement
    source: sa.ColumnElement
    columns: Mapping[str, sa.ColumnElement]
    started: sa.ColumnElement | None = None  # UTC; what a comparison up to the hour cuts by


@dataclass(frozen=True, eq=False)
class Part:
    """An additive measure of a fact: the sum of ``value`` (or the number of rows) where ``where`` holds."""

    id: str
    fact: Fact
    where: sa.ColumnElement[bool]
    value: sa.ColumnElement | None = None

    def sum(self) -> sa.ColumnElement[int]:
        """The aggregate as SQL: always an exact integer, 0 where nothing matches."""
        if self.value is None:
            return self.count()
        return sa.cast(sa.func.coalesce(sa.func.sum(sa.case((self.where, self.value))), 0), sa.BigInteger)

    def count(self) -> sa.ColumnElement[int]:
        """The number of rows that it stands on."""
        return sa.func.count(sa.case((self.where, sa.literal_column("1"))))


@dataclass(frozen=True)
class Total:
    """The sum of ``part`` × ``scale``."""

    part: Part
    scale: float = 1


@dataclass(frozen=True)
class Ratio:
    """``numerator`` ÷ ``denominator`` × ``scale``.

    ``whole_of``: the denominator is taken over all values of these dimensions (a share of the whole).
    ``proportion``: the numerator's rows are among the denominator's, so that a Wilson interval applies.
    """

    numerator: Part
    denominator: Part
    scale: float = 1
    proportion: bool = True
    whole_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Distinct:
    """The number of distinct ``key`` among the rows of ``part``."""

    part: Part
    key: sa.ColumnElement


@dataclass(frozen=True)
class DistinctRatio:
    """A sum or a distinct count over a distinct count."""

    numerator: Part | Distinct
    denominator: Distinct
    proportion: bool = False


@dataclass(frozen=True)
class Percentile:
    """The smallest ``value`` with at least ``share`` of the rows of ``part`` at or below it."""

    part: Part
    value: sa.ColumnElement
    share: float
    scale: float = 1


@dataclass(frozen=True)
class Custom:
    """Computed by a cohort of ``kpi.query.cohorts`` under the KPI's id, from ``parts`` if it has any.

    ``terms``: ids of what its numerator counts or sums, and of its denominator if it has one. ``dates``: the columns by
    which its facts belong to a period. ``whole_of``: as of a ``Ratio``.
    """

    dimensions: tuple[str, ...]
    requires: frozenset[str]
    terms: tuple[str, ...]
    dates: tuple[sa.Column, ...]
    proportion: bool = False
    parts: tuple[Part, ...] = ()
    whole_of: tuple[str, ...] = ()


Measure = Total | Ratio | Distinct | DistinctRatio | Percentile | Custom


@dataclass(frozen=True, eq=False, kw_only=True)
class Metric:
    """One KPI, as it is declared."""

    id: str
    name_zh: str
    name_en: str
    section: str  # of the Dictionary: one of SECTIONS
    unit: Unit
    direction: Direction  # which way is better
    roll_up: RollUp  # how parts of it stand to the whole
    measure: Measure
    formula: tuple[str, str]  # the sentence that a manager reads, (zh, en)
    source: str  # where the formula comes from
    exclusions: tuple[str, str] = ("", "")  # what is left out, (zh, en)
    maturity: timedelta | None = None  # a contact counts only when this window after it is over
    look_back: bool = False  # null in the first days of the data
    requires: frozenset[str] = frozenset()  # tables or columns of a feed beyond those in the conditions
    families: frozenset[str] = frozenset()  # of channels: without one there is nothing to count, rather than nought
    not_by: tuple[str, ...] = ()  # dimensions of the fact that make no sense for it
    version: int = 1  # of the definition
    # The formulas of that name, one of which a setting chooses: id -> (measure, formula).
    variants: Mapping[str, tuple[Measure, tuple[str, str]]] = field(default_factory=dict)
    # Another measure, used where the question groups or filters by one of these dimensions: handling time by team comes
    # from the legs.
    within: tuple[frozenset[str], Measure] | None = None
    target_days: int | None = None  # the length that a target is for, of a figure that grows but is no sum of days
    # Dimensions whose values differ in it by their nature, so that what is meant for the whole is no measure for one of
    # them: a call is not served as a click is.
    incomparable_by: tuple[str, ...] = ()

    def name(self, language: str) -> str:
        return self.name_zh if language == "zh" else self.name_en

    @cached_property
    def dimensions(self) -> tuple[str, ...]:
        """Ids of the dimensions that apply: those that all its facts have."""
        if isinstance(self.measure, Custom):
            return self.measure.dimensions
        first, *others = (set(fact.columns) for fact in self.facts)
        return tuple(key for key in self.facts[0].columns if key in first.intersection(*others) - set(self.not_by))

    def measure_for(self, dimensions: Iterable[str], variant: str) -> Measure:
        """The measure that answers a question grouped or filtered by ``dimensions`` under a setting."""
        if self.within is not None and not self.within[0].isdisjoint(dimensions):
            return self.within[1]
        return self.variants[variant][0] if variant in self.variants else self.measure

    def formula_of(self, variant: str | None) -> tuple[str, str]:
        """The formula (zh, en), or that of the variant in use."""
        return self.variants[variant][1] if variant is not None and variant in self.variants else self.formula

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts that it is measured on, each once."""
        return tuple(dict.fromkeys(part.fact for part in parts_of(self.measure)))

    @property
    def terms(self) -> tuple[str, ...]:
        """Ids of what is counted or summed: the numerator, then the denominator if there is one."""
        if isinstance(self.measure, Custom):
            return self.measure.terms
        return tuple(part.id for part in parts_of(self.measure))

    @property
    def dates(self) -> dict[str, sa.ColumnElement]:
        """Fact -> the date by which its rows belong to a period."""
        if isinstance(self.measure, Custom):
            return {column.table.name: column for column in self.measure.dates}
        return {fact.id: fact.date for fact in self.facts}

    @property
    def is_count_or_sum(self) -> bool:
        """A count or a sum: a part of it is less than the whole, so that the two are not held against each other."""
        return self.roll_up == "additive" or self.unit in {"count", "customers"}

    def comparable(self, dimensions: Iterable[str]) -> bool:
        """Whether a figure narrowed by ``dimensions`` can be held against what is meant for the whole."""
        whole_of = self.measure.whole_of if isinstance(self.measure, Ratio | Custom) else ()
        return set(dimensions).isdisjoint({*whole_of, *self.incomparable_by}) and not (
            self.is_count_or_sum and set(dimensions)
        )

    @property
    def proportion(self) -> bool:
        return isinstance(self.measure, Ratio | DistinctRatio | Custom) and self.measure.proportion


def parts_of(measure: Measure) -> tuple[Part, ...]:
    """The parts of a measure, numerator first."""
    match measure:
        case Total(part) | Distinct(part, _):
            return (part,)
        case Percentile(part=part):
            return (part,)
        case Ratio(numerator=top, denominator=bottom):
            return (top, bottom)
        case DistinctRatio(numerator=top, denominator=bottom):
            return (top if isinstance(top, Part) else top.part, bottom.part)
        case Custom(parts=parts):
            return parts


def expressions_of(measure: Measure) -> Iterable[sa.ColumnElement | None]:
    """Every expression that a measure evaluates on its facts."""
    for part in parts_of(measure):
        yield part.where
        yield part.value
    match measure:
        case Percentile(value=value):
            yield value
        case Distinct(key=key):
            yield key
        case DistinctRatio(numerator=top, denominator=bottom):
            yield bottom.key
            if isinstance(top, Distinct):
                yield top.key


def columns_used(expressions: Iterable[sa.ColumnElement | None]) -> set[sa.Column]:
    """The table columns that occur in the expressions."""
    found: set[sa.Column] = set()
    for expression in expressions:
        if expression is not None:
            found.update(node for node in sa.sql.visitors.iterate(expression) if isinstance(node, sa.Column))
    return found
