"""Numerators, denominators and counts of a question, from roll-ups where they can answer and from the facts where
not. Additive sums, distinct counts and percentiles of one fact share one statement.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import sqlalchemy as sa

from kpi import schema
from kpi.metrics.model import (
    Distinct,
    DistinctRatio,
    Fact,
    Measure,
    Metric,
    Part,
    Percentile,
    Ratio,
    Total,
)
from kpi.metrics.rollups import ROLLUPS, RollUp
from kpi.query.answer import Cut, DimensionValue, Reason
from kpi.query.conditions import Columns, condition, joined, read_from
from kpi.query.kept import kept_few
from kpi.query.question import COVERED_FROM, Filter, Period
from kpi.warehouse import Published

Key = tuple[DimensionValue, ...]
Sums = dict[Key, dict[str, int]]  # key -> label -> number


@dataclass
class Raw:
    """What was counted for one key: integers in the facts' own units (money in fen), the value in the KPI's unit."""

    numerator: float | None = None
    denominator: float | None = None
    n: int | None = None
    value: float | None = None
    note: tuple[tuple[str, float], ...] = ()
    customers: int | None = None  # distinct customers it stands for, where n counts something else
    reason: Reason | None = None  # why there is no value, where the KPI knows better than its parts


def quotient(numerator: float, denominator: float, n: int, scale: float = 1) -> Raw:
    """``numerator`` ÷ ``denominator`` × ``scale``; no value over zero."""
    return Raw(numerator, denominator, n, numerator * scale / denominator if denominator else None)


@dataclass(frozen=True)
class Asked:
    """One reading: the dimensions and filters that hold for it, and the days. ``scope``: filters that no share of
    a whole lifts, since they say what the asker may see.
    """

    connection: sa.Connection
    published: Published
    by: tuple[str, ...]
    filters: tuple[Filter, ...]
    period: Period
    cuts: tuple[Cut, ...] = ()
    rolled_up: bool = True
    scope: tuple[Filter, ...] = ()
    covered_from: float = COVERED_FROM

    def without(self, dimensions: Sequence[str]) -> "Asked":
        """The same over all values of ``dimensions`` that the asker may see."""
        return replace(
            self,
            by=tuple(key for key in self.by if key not in dimensions),
            filters=tuple(f for f in self.filters if f.dimension not in dimensions or f in self.scope),
        )

    def grouped(self, by: tuple[str, ...]) -> "Asked":
        """The same by other dimensions."""
        return replace(self, by=by)

    @property
    def dimensions(self) -> tuple[str, ...]:
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


@dataclass
class Statement:
    """Aggregates to be read from one fact for the same feeds: label -> aggregate."""

    fact: Fact
    sources: frozenset[str] | None
    parts: dict[str, Part] = field(default_factory=dict)
    other: dict[str, sa.ColumnElement] = field(default_factory=dict)


@dataclass
class Plan:
    """Collects what several KPIs need, then reads it with as few statements as it takes.

    ``sources``: the feeds that carry what the KPI needs; None = all of them.
    """

    asked: Asked
    statements: dict[tuple[str, frozenset[str] | None, bool], Statement] = field(default_factory=dict)

    def _statement(self, fact: Fact, sources: frozenset[str] | None, additive: bool) -> tuple[str, Statement]:
        key = (fact.id, sources, additive)
        name = f"{fact.id}/{'+'.join(sorted(sources)) if sources else '*'}/{additive}"
        return name, self.statements.setdefault(key, Statement(fact, sources))

    def part(self, part: Part, sources: frozenset[str] | None) -> tuple[str, str]:
        name, statement = self._statement(part.fact, sources, True)
        statement.parts[part.id] = part
        return name, part.id

    def other(
        self,
        part: Part,
        label: str,
        aggregate: sa.ColumnElement,
        sources: frozenset[str] | None,
    ) -> tuple[str, str]:
        name, statement = self._statement(part.fact, sources, False)
        statement.other[label] = aggregate
        return name, label

    def read(self) -> dict[str, Sums]:
        """By statement. A key is there when at least one fact row is."""
        return {name: _read(self.asked, statement, additive) for name, statement, additive in self.named()}

    def named(self) -> list[tuple[str, Statement, bool]]:
        """Every statement with its name, and whether it has sums only."""
        return [
            (self._statement(statement.fact, statement.sources, additive)[0], statement, additive)
            for (_, _, additive), statement in self.statements.items()
        ]


def _read(asked: Asked, statement: Statement, additive: bool) -> Sums:
    if not additive:
        return _facts(asked, statement, asked.period)
    roll_up = roll_up_for(asked, statement.fact)
    if roll_up is None:
        return _facts(asked, statement, asked.period)
    whole, cut = asked.split
    found: Sums = {}
    if whole is not None:
        found = _rolled(asked, statement, roll_up, whole)
    return found if cut is None else added(found, _run(asked, cut_facts_of(asked, statement, cut, asked.dimensions)))


def added(found: Sums, more: Sums) -> Sums:
    """Both together, key by key."""
    for key, sums in more.items():
        before = found.get(key)
        found[key] = {label: number + before[label] for label, number in sums.items()} if before else sums
    return found


def roll_up_for(asked: Asked, fact: Fact) -> RollUp | None:
    """The narrowest roll-up that answers sums of ``fact``."""
    return next((r for r in ROLLUPS if asked.rolled_up and r.covers(fact, asked.dimensions)), None)


def counted_in_several(asked: Asked, distinct: Distinct, sources: frozenset[str] | None) -> int:
    """How many of what ``distinct`` counts are there under more than one of the question's keys."""
    part = distinct.part
    from_, columns = joined(part.fact.from_, part.fact.columns, asked.dimensions)
    where = [
        part.where,
        part.fact.date.between(asked.period.start, asked.period.end),
        *source_conditions(part.fact, sources, asked.cuts),
        *(condition(columns[filter_.dimension], filter_) for filter_ in asked.filters),
    ]
    keys = (columns[dimension].label(f"k{i}") for i, dimension in enumerate(asked.by))
    each = sa.select(distinct.key.label("who"), *keys).select_from(from_).where(*where).distinct().subquery("each")
    several = sa.select(each.c.who).group_by(each.c.who).having(sa.func.count() > 1).subquery("several")
    query = sa.select(sa.func.count()).select_from(several)
    count: int = asked.connection.execute(query, asked.published.binds()).scalar_one()
    return count


@dataclass(frozen=True)
class Source:
    """What sums are read from: the facts or a roll-up, with the dimensions' columns there. ``instead``: what the
    statement takes for the table of the same name.
    """

    from_: sa.FromClause
    columns: Columns
    aggregates: Mapping[str, sa.ColumnElement]
    where: Sequence[sa.ColumnElement[bool]]
    instead: sa.CTE | None = None

    @property
    def labels(self) -> list[str]:
        return ["rows", *self.aggregates]


def facts_of(asked: Asked, statement: Statement, period: Period, dimensions: Iterable[str]) -> Source:
    """The facts themselves, in some days; ``dimensions``: all that will be grouped or filtered by."""
    fact = statement.fact
    aggregates: dict[str, sa.ColumnElement] = dict(statement.other)
    for part in statement.parts.values():
        aggregates[part.id] = part.sum()
        if part.value is not None:
            aggregates[f"{part.id}__n"] = part.count()
    where = [fact.date.between(period.start, period.end), *source_conditions(fact, statement.sources, asked.cuts)]
    return Source(read_from(fact, dimensions, [*aggregates.values(), *where]), fact.columns, aggregates, where)


def cut_facts_of(asked: Asked, statement: Statement, period: Period, dimensions: Iterable[str]) -> Source:
    """As ``facts_of``, for the days from which on something is cut off: a few, about which every question that is
    compared asks; their contacts are put together once where they are not many.
    """
    source, contact = facts_of(asked, statement, period, dimensions), schema.interaction
    if source.from_ is not contact:
        return source
    query = sa.select(contact).where(contact.c.business_date.between(period.start, period.end))
    few = kept_few(asked.connection, asked.published, "days", period, query)
    if few is None:
        return source
    return replace(source, instead=sa.select(sa.literal_column("*")).select_from(few).cte(contact.name))


def rolled_of(asked: Asked, statement: Statement, roll_up: RollUp, period: Period) -> Source:
    """A roll-up, in some days."""
    table = roll_up.table
    labels = [
        label
        for part in statement.parts.values()
        for label in ([part.id] if part.value is None else [part.id, f"{part.id}__n"])
    ]
    aggregates = {label: sa.cast(sa.func.coalesce(sa.func.sum(table.c[label]), 0), sa.BigInteger) for label in labels}
    where = [table.c.business_date.between(period.start, period.end)]
    if statement.sources is not None:
        where.append(table.c.source.in_(sorted(statement.sources)))
    return Source(table, roll_up.columns(), aggregates, where)


def _facts(asked: Asked, statement: Statement, period: Period) -> Sums:
    return _run(asked, facts_of(asked, statement, period, asked.dimensions))


def _rolled(asked: Asked, statement: Statement, roll_up: RollUp, period: Period) -> Sums:
    return _run(asked, rolled_of(asked, statement, roll_up, period))


def source_conditions(fact: Fact, sources: frozenset[str] | None, cuts: Iterable[Cut]) -> list[sa.ColumnElement[bool]]:
    """Only the feeds ``sources`` (None = all), and nothing that a cut leaves out."""
    where: list[sa.ColumnElement[bool]] = []
    if sources is not None:
        where.append(fact.source.in_(sorted(sources)))
    if fact.started is not None:
        where += [sa.not_(sa.and_(fact.source == cut.source, fact.started >= cut.moment)) for cut in cuts]
    return where


def grouped(
    asked: Asked, source: Source, dimensions: Sequence[str], groups: Sequence[sa.ColumnElement], *more: sa.ColumnElement
) -> sa.Select:
    """The statement that sums a source: columns k0, k1, … of ``dimensions``, ``more``, then the source's labels."""
    from_, found = joined(source.from_, source.columns, dict.fromkeys([*dimensions, *asked.dimensions]))
    where = [*source.where] + [condition(found[filter_.dimension], filter_) for filter_ in asked.filters]
    query = (
        sa.select(
            *(found[dimension].label(f"k{i}") for i, dimension in enumerate(dimensions)),
            *more,
            sa.func.count().label("rows"),
            *(aggregate.label(label) for label, aggregate in source.aggregates.items()),
        )
        .select_from(from_)
        .where(*where)
        .group_by(*groups)
    )
    return query if source.instead is None else query.add_cte(source.instead)


def _run(asked: Asked, source: Source) -> Sums:
    width = len(asked.by)
    # By name: an expression that holds a bound value is not recognised as the one that is selected.
    query = grouped(asked, source, asked.by, [sa.literal_column(f"k{i}") for i in range(width)])
    rows = asked.connection.execute(query, asked.published.binds()).all()
    return {tuple(row[:width]): dict(zip(source.labels, row[width:], strict=True)) for row in rows if row[width]}


def request(
    plan: Plan, metric: Metric, measure: Measure, sources: frozenset[str] | None
) -> Callable[..., dict[Key, Raw]]:
    """Enter what ``measure`` needs into the plan; the result reads it from what the plan read."""
    match measure:
        case Total(part, scale):
            at = plan.part(part, sources)
            return lambda read: {
                key: Raw(
                    numerator=sums[at[1]],
                    n=sums[at[1] if part.value is None else f"{at[1]}__n"],
                    value=sums[at[1]] * scale,
                )
                for key, sums in read[at[0]].items()
            }
        case Ratio(numerator, denominator, scale, _, whole_of):
            return _ratio(plan, numerator, denominator, scale, whole_of, sources)
        case Distinct(part):
            at = _distinct(plan, measure, sources)
            return lambda read: {
                key: Raw(numerator=sums[at[1]], n=sums[at[1]], value=float(sums[at[1]]))
                for key, sums in read[at[0]].items()
            }
        case DistinctRatio(numerator, denominator, _):
            bottom = _distinct(plan, denominator, sources)
            top = (
                _distinct(plan, numerator, sources)
                if isinstance(numerator, Distinct)
                else plan.part(numerator, sources)
            )
            return lambda read: {
                key: quotient(read[top[0]].get(key, {}).get(top[1], 0), sums[bottom[1]], sums[bottom[1]])
                for key, sums in read[bottom[0]].items()
            }
        case Percentile(part, value, share, scale):
            chosen = sa.case((part.where, value))
            at = plan.other(part, metric.id, sa.func.percentile_disc(share).within_group(chosen.asc()), sources)
            count = plan.other(part, f"{metric.id}__n", sa.func.count(chosen), sources)
            return lambda read: {
                key: Raw(
                    denominator=sums[count[1]],
                    n=sums[count[1]],
                    value=None if sums[at[1]] is None else sums[at[1]] * scale,
                )
                for key, sums in read[at[0]].items()
            }
    raise TypeError(f"{metric.id}: {type(measure).__name__} is not read from a plan")


def _distinct(plan: Plan, distinct: Distinct, sources: frozenset[str] | None) -> tuple[str, str]:
    aggregate = sa.func.count(sa.distinct(sa.case((distinct.part.where, distinct.key))))
    return plan.other(distinct.part, f"{distinct.part.id}__distinct", aggregate, sources)


def _ratio(
    plan: Plan,
    numerator: Part,
    denominator: Part,
    scale: float,
    whole_of: tuple[str, ...],
    sources: frozenset[str] | None,
) -> Callable[..., dict[Key, Raw]]:
    top = plan.part(numerator, sources)
    if not whole_of:
        bottom = plan.part(denominator, sources)
        n_label = bottom[1] if denominator.value is None else f"{bottom[1]}__n"

        def read_ratio(read: dict[str, dict[Key, dict[str, int]]]) -> dict[Key, Raw]:
            keys = dict.fromkeys([*read[bottom[0]], *read[top[0]]])
            nothing: dict[str, int] = defaultdict(int)
            return {
                key: quotient(
                    read[top[0]].get(key, nothing)[top[1]],
                    read[bottom[0]].get(key, nothing)[bottom[1]],
                    read[bottom[0]].get(key, nothing)[n_label],
                    scale,
                )
                for key in keys
            }

        return read_ratio

    whole = Plan(plan.asked.without(whole_of))
    bottom = whole.part(denominator, sources)
    kept = [i for i, key in enumerate(plan.asked.by) if key not in whole_of]

    def read_share(read: dict[str, dict[Key, dict[str, int]]]) -> dict[Key, Raw]:
        totals = whole.read()[bottom[0]]
        # By a dimension of the whole, the values that occur; else every part of the whole, with a share of nought
        # where nothing passes the filter.
        keys = read[top[0]] if len(kept) < len(plan.asked.by) else totals
        shares: dict[Key, Raw] = {}
        for key in keys:
            total = totals[tuple(key[i] for i in kept)][bottom[1]]
            shares[key] = quotient(read[top[0]].get(key, {}).get(top[1], 0), total, total, scale)
        return shares

    return read_share
