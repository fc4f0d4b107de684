"""What a question reads: the one place in which FROM and WHERE over facts and roll-ups are put together, out of the
question **and** the scope of who asks. No other module of this folder writes a condition on dates, a filter or a scope.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import sqlalchemy as sa

from kpi import schema
from kpi.dates import day_of
from kpi.errors import PeriodError, UnknownName
from kpi.metrics.dimensions import DIMENSIONS, INTERACTION
from kpi.metrics.model import Fact, columns_used
from kpi.metrics.rollups import RollUp
from kpi.query.answer import Cut, DimensionValue
from kpi.query.compare import effective
from kpi.query.question import COVERED_FROM, Filter, Period, Question
from kpi.warehouse import Published

Key = tuple[DimensionValue, ...]
Columns = Mapping[str, sa.ColumnElement]  # dimension -> column
Conditions = list[sa.ColumnElement[bool]]
Sources = frozenset[str] | None  # the feeds that record what a KPI needs; None: all of them


@dataclass(frozen=True)
class Selected:
    """Rows that a selection holds: what they are read from, the dimensions' columns there, and the conditions."""

    from_: sa.FromClause
    columns: Columns
    where: Conditions


@dataclass(frozen=True)
class Selection:
    """Which contacts, or rows that hang on them, a question is about. ``filters``: its own and those of the scope;
    ``scope``: the latter, which no share of a whole lifts, since they say what the asker may see. ``cuts``: from when
    on a feed is left out, as of a comparison with a running day.
    """

    connection: sa.Connection
    published: Published
    by: tuple[str, ...]
    filters: tuple[Filter, ...]
    period: Period
    cuts: tuple[Cut, ...] = ()
    rolled_up: bool = True  # whether roll-ups may answer
    scope: tuple[Filter, ...] = ()
    covered_from: float = COVERED_FROM

    @classmethod
    def of(
        cls,
        connection: sa.Connection,
        published: Published,
        question: Question,
        *,
        rolled_up: bool = True,
        covered_from: float = COVERED_FROM,
    ) -> "Selection":
        """That of a question whose names were checked, up to the data's running day. ``covered_from``: that of the
        settings, where the question names none.
        """
        scope = question.scope.filters
        return cls(
            connection,
            published,
            question.by,
            (*question.filters, *scope),
            effective(question.period, published.today),
            rolled_up=rolled_up,
            scope=scope,
            covered_from=covered_from if question.covered_from is None else question.covered_from,
        )

    def without(self, dimensions: Sequence[str]) -> "Selection":
        """The same over all values of ``dimensions`` that the asker may see."""
        return replace(
            self,
            by=tuple(key for key in self.by if key not in dimensions),
            filters=tuple(f for f in self.filters if f.dimension not in dimensions or f in self.scope),
        )

    def grouped(self, by: tuple[str, ...]) -> "Selection":
        """The same by other dimensions."""
        return replace(self, by=by)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """All that it groups or filters by."""
        return tuple(dict.fromkeys((*self.by, *(filter_.dimension for filter_ in self.filters))))

    @property
    def first_cut(self) -> date | None:
        """The first business date on which something is cut off."""
        return min((self.published.local(cut.moment).date() for cut in self.cuts), default=None)

    @property
    def split(self) -> tuple[Period | None, Period | None]:
        """The whole days, which roll-ups can answer, and from the day that is cut on those that only the facts can."""
        cut = self.first_cut
        if cut is None or cut > self.period.end:
            return self.period, None
        whole = Period(self.period.start, cut - timedelta(days=1)) if cut > self.period.start else None
        return whole, Period(max(cut, self.period.start), self.period.end)

    def conditions(self, columns: Columns, dimensions: Collection[str] | None = None) -> Conditions:
        """The filters on ``dimensions`` (None: all) as conditions on the columns."""
        return conditions(self.filters, columns, dimensions)

    def facts(
        self,
        fact: Fact,
        sources: Sources,
        *kinds: sa.ColumnElement[bool],
        dimensions: Iterable[str] | None = None,
        filtered: Collection[str] | None = None,
    ) -> Selected:
        """Rows of a fact in the period that are of all ``kinds``. ``dimensions``: those whose columns are needed, of
        the selection where None; ``filtered``: those whose filters hold, all where None.
        """
        needed = self.dimensions if dimensions is None else dimensions
        from_, columns = joined(fact.from_, fact.columns, needed)
        where = [*kinds, *self.days(fact, sources, self.period), *self.conditions(columns, filtered)]
        return Selected(from_, columns, where)

    def snapshot(self, fact: Fact, sources: Sources, made_here: Columns, *kinds: sa.ColumnElement[bool]) -> Selected:
        """Rows of a fact that are of all ``kinds`` whatever their date. ``made_here``: dimensions that no table has."""
        of_fact = [dimension for dimension in self.dimensions if dimension not in made_here]
        from_, found = joined(read_from(fact, of_fact), fact.columns, of_fact)
        columns = {**found, **made_here}
        return Selected(from_, columns, [*kinds, *_of_feeds(fact, sources, ()), *self.conditions(columns)])

    def days(self, fact: Fact, sources: Sources, period: Period) -> Conditions:
        """That a row of a fact is of these days and feeds, and of nothing that is cut off."""
        return [fact.date.between(period.start, period.end), *_of_feeds(fact, sources, self.cuts)]

    def contacts(self, period: Period) -> sa.Select:
        """Every column of the contacts of some days that the asker may see, whatever he asks about them."""
        from_, columns = joined(INTERACTION.from_, INTERACTION.columns, (one.dimension for one in self.scope))
        within = [INTERACTION.date.between(period.start, period.end), *conditions(self.scope, columns)]
        return sa.select(schema.interaction).select_from(from_).where(*within)

    def rolled_days(self, roll_up: RollUp, sources: Sources, period: Period) -> Conditions:
        """That a row of a roll-up is of these days and feeds."""
        c = roll_up.table.c
        of_feeds = [c.source.in_(sorted(sources))] if sources is not None else []
        return [c.business_date.between(period.start, period.end), *of_feeds]


def conditions(filters: Iterable[Filter], columns: Columns, dimensions: Collection[str] | None = None) -> Conditions:
    """Filters on ``dimensions`` (None: all) as conditions on the columns."""
    return [_condition(columns[f.dimension], f) for f in filters if dimensions is None or f.dimension in dimensions]


def _condition(column: sa.ColumnElement, filter_: Filter) -> sa.ColumnElement[bool]:
    values = [typed(filter_.dimension, value) for value in filter_.values]
    known = [value for value in values if value is not None]
    inside: Conditions = [column.in_(known)] if known else []
    if None in values:
        inside.append(column.is_(None))
    return sa.or_(*inside) if inside else sa.false()


def _of_feeds(fact: Fact, sources: Sources, cuts: Iterable[Cut]) -> Conditions:
    where: Conditions = []
    if sources is not None:
        where.append(fact.source.in_(sorted(sources)))
    if fact.started is not None:
        where += [sa.not_(sa.and_(fact.source == cut.source, fact.started >= cut.moment)) for cut in cuts]
    return where


def typed(dimension: str, value: str) -> str | int | date | None:
    """A filter's text as the dimension's own type; "" is null. Raises UnknownName or PeriodError."""
    if value == "":
        return None
    declared = DIMENSIONS[dimension]
    match declared.kind:
        case "number":
            # Closed lists are checked by name before.
            if declared.numbers is not None and value not in (valid := [str(number) for number in declared.numbers]):
                raise UnknownName("value", f"{dimension}={value}", [f"{dimension}={number}" for number in valid])
            return int(value)
        case "date":
            day = day_of(value)
            if dimension == "week" and (monday := day - timedelta(days=day.weekday())) != day:
                raise PeriodError("bad_week", text=value, first=monday.isoformat())
            if dimension == "month" and (first := day.replace(day=1)) != day:
                raise PeriodError("bad_month", text=value, first=first.isoformat())
            return day
        case _:
            return value


def joined(from_: sa.FromClause, columns: Columns, dimensions: Iterable[str]) -> tuple[sa.FromClause, Columns]:
    """``from_`` with the tables joined that attributes (business line, week) are looked up in, and the columns."""
    found: dict[str, sa.ColumnElement] = {}
    seen: set[sa.Table] = set()
    for dimension in dict.fromkeys(dimensions):
        declared = DIMENSIONS[dimension]
        if declared.attribute_of is None or declared.column is None:
            found[dimension] = columns[dimension]
            continue
        table = declared.column.table
        assert isinstance(table, sa.Table)
        if table not in seen:
            seen.add(table)
            key = table.c["business_date" if table is schema.calendar else declared.attribute_of]
            from_ = from_.outerjoin(table, key == columns[declared.attribute_of])
        found[dimension] = declared.column
    return from_, found


def read_from(fact: Fact, dimensions: Iterable[str], expressions: Iterable[sa.ColumnElement] = ()) -> sa.FromClause:
    """What a fact is read from: its own table alone where the contact that it hangs on gives no dimension, and nothing
    that ``expressions`` read. That contact is there once, so that the join neither adds nor drops a row, and it is one
    with very many.
    """
    from_ = fact.from_
    if not isinstance(from_, sa.Join):
        return from_
    bases = (fact.columns[DIMENSIONS[dimension].attribute_of or dimension] for dimension in dimensions)
    tables = {column.table for column in columns_used([*bases, *expressions])}
    return from_.left if tables <= {from_.left} else from_
