"""Numerators, denominators and counts of a question, from roll-ups where they can answer and from the facts where
not. Additive sums, distinct counts and percentiles of one fact share one statement.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

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
from kpi.query.answer import Reason
from kpi.query.question import Period
from kpi.query.selection import Columns, Key, Selection, joined, read_from
from kpi.query.subquery_cache import cached_if_small

Sums = dict[Key, dict[str, int]]  # key -> label -> number


@dataclass
class Aggregate:
    """What was counted for one key: integers in the facts' own units (money in fen), the value in the KPI's unit."""

    numerator: float | None = None
    denominator: float | None = None
    n: int | None = None
    value: float | None = None
    note: tuple[tuple[str, float], ...] = ()
    customers: int | None = None  # distinct customers it stands for, where n counts something else
    reason: Reason | None = None  # why there is no value, where the KPI knows better than its parts


def quotient(numerator: float, denominator: float, n: int, scale: float = 1) -> Aggregate:
    """``numerator`` ÷ ``denominator`` × ``scale``; no value over zero."""
    return Aggregate(numerator, denominator, n, numerator * scale / denominator if denominator else None)


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

    selection: Selection
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
        return {name: _read(self.selection, statement, additive) for name, statement, additive in self.named()}

    def named(self) -> list[tuple[str, Statement, bool]]:
        """Every statement with its name, and whether it has sums only."""
        return [
            (self._statement(statement.fact, statement.sources, additive)[0], statement, additive)
            for (_, _, additive), statement in self.statements.items()
        ]


def _read(selection: Selection, statement: Statement, additive: bool) -> Sums:
    if not additive:
        return _facts(selection, statement, selection.period)
    roll_up = roll_up_for(selection, statement.fact)
    if roll_up is None:
        return _facts(selection, statement, selection.period)
    whole, cut = selection.split
    found: Sums = {}
    if whole is not None:
        found = _rolled(selection, statement, roll_up, whole)
    return (
        found
        if cut is None
        else added(found, _run(selection, cut_facts_of(selection, statement, cut, selection.dimensions)))
    )


def added(found: Sums, more: Sums) -> Sums:
    """Both together, key by key."""
    for key, sums in more.items():
        before = found.get(key)
        found[key] = {label: number + before[label] for label, number in sums.items()} if before else sums
    return found


def roll_up_for(selection: Selection, fact: Fact) -> RollUp | None:
    """The narrowest roll-up that answers sums of ``fact``."""
    return next((r for r in ROLLUPS if selection.rolled_up and r.covers(fact, selection.dimensions)), None)


def counted_in_several(selection: Selection, distinct: Distinct, sources: frozenset[str] | None) -> int:
    """How many of what ``distinct`` counts are there under more than one of the question's keys."""
    rows = selection.facts(distinct.part.fact, sources, distinct.part.where)
    keys = (rows.columns[dimension].label(f"k{i}") for i, dimension in enumerate(selection.by))
    who = sa.select(distinct.key.label("who"), *keys).select_from(rows.from_).where(*rows.where)
    each = who.distinct().subquery("each")
    several = sa.select(each.c.who).group_by(each.c.who).having(sa.func.count() > 1).subquery("several")
    query = sa.select(sa.func.count()).select_from(several)
    count: int = selection.connection.execute(query, selection.published.binds()).scalar_one()
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


def facts_of(selection: Selection, statement: Statement, period: Period, dimensions: Iterable[str]) -> Source:
    """The facts themselves, in some days; ``dimensions``: all that will be grouped or filtered by."""
    fact = statement.fact
    aggregates: dict[str, sa.ColumnElement] = dict(statement.other)
    for part in statement.parts.values():
        aggregates[part.id] = part.sum()
        if part.value is not None:
            aggregates[f"{part.id}__n"] = part.count()
    where = selection.days(fact, statement.sources, period)
    return Source(read_from(fact, dimensions, [*aggregates.values(), *where]), fact.columns, aggregates, where)


def cut_facts_of(selection: Selection, statement: Statement, period: Period, dimensions: Iterable[str]) -> Source:
    """As ``facts_of``, for the days from which on something is cut off: a few, about which every question that is
    compared asks; their contacts are put together once where they are not many.
    """
    source, contact = facts_of(selection, statement, period, dimensions), schema.interaction
    if source.from_ is not contact:
        return source
    few = cached_if_small(
        selection.connection, selection.published, "days", (period, selection.scope), selection.contacts(period)
    )
    if few is None:
        return source
    return replace(source, instead=sa.select(sa.literal_column("*")).select_from(few).cte(contact.name))


def rolled_of(selection: Selection, statement: Statement, roll_up: RollUp, period: Period) -> Source:
    """A roll-up, in some days."""
    table = roll_up.table
    labels = [
        label
        for part in statement.parts.values()
        for label in ([part.id] if part.value is None else [part.id, f"{part.id}__n"])
    ]
    aggregates = {label: sa.cast(sa.func.coalesce(sa.func.sum(table.c[label]), 0), sa.BigInteger) for label in labels}
    return Source(table, roll_up.columns(), aggregates, selection.rolled_days(roll_up, statement.sources, period))


def _facts(selection: Selection, statement: Statement, period: Period) -> Sums:
    return _run(selection, facts_of(selection, statement, period, selection.dimensions))


def _rolled(selection: Selection, statement: Statement, roll_up: RollUp, period: Period) -> Sums:
    return _run(selection, rolled_of(selection, statement, roll_up, period))


def grouped(
    selection: Selection,
    source: Source,
    dimensions: Sequence[str],
    groups: Sequence[sa.ColumnElement],
    *more: sa.ColumnElement,
) -> sa.Select:
    """The statement that sums a source: columns k0, k1, … of ``dimensions``, ``more``, then the source's labels."""
    from_, found = joined(source.from_, source.columns, dict.fromkeys([*dimensions, *selection.dimensions]))
    where = [*source.where, *selection.conditions(found)]
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


def _run(selection: Selection, source: Source) -> Sums:
    width = len(selection.by)
    # By name: an expression that holds a bound value is not recognised as the one that is selected.
    query = grouped(selection, source, selection.by, [sa.literal_column(f"k{i}") for i in range(width)])
    rows = selection.connection.execute(query, selection.published.binds()).all()
    return {tuple(row[:width]): dict(zip(source.labels, row[width:], strict=True)) for row in rows if row[width]}


def request(
    plan: Plan, metric: Metric, measure: Measure, sources: frozenset[str] | None
) -> Callable[..., dict[Key, Aggregate]]:
    """Enter what ``measure`` needs into the plan; the result reads it from what the plan read."""
    match measure:
        case Total(part, scale):
            at = plan.part(part, sources)
            return lambda read: {
                key: Aggregate(
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
                key: Aggregate(numerator=sums[at[1]], n=sums[at[1]], value=float(sums[at[1]]))
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
                key: Aggregate(
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
) -> Callable[..., dict[Key, Aggregate]]:
    top = plan.part(numerator, sources)
    if not whole_of:
        bottom = plan.part(denominator, sources)
        n_label = bottom[1] if denominator.value is None else f"{bottom[1]}__n"

        def read_ratio(read: dict[str, dict[Key, dict[str, int]]]) -> dict[Key, Aggregate]:
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

    whole = Plan(plan.selection.without(whole_of))
    bottom = whole.part(denominator, sources)
    kept = [i for i, key in enumerate(plan.selection.by) if key not in whole_of]

    def read_share(read: dict[str, dict[Key, dict[str, int]]]) -> dict[Key, Aggregate]:
        totals = whole.read()[bottom[0]]
        # By a dimension of the whole, the values that occur; else every part of the whole, with a share of nought
        # where nothing passes the filter.
        keys = read[top[0]] if len(kept) < len(plan.selection.by) else totals
        shares: dict[Key, Aggregate] = {}
        for key in keys:
            total = totals[tuple(key[i] for i in kept)][bottom[1]]
            shares[key] = quotient(read[top[0]].get(key, {}).get(top[1], 0), total, total, scale)
        return shares

    return read_share
