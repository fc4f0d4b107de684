"""Keeping the daily roll-ups: the days that a load can have changed are made again from the facts."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.operators import is_comparison
from sqlalchemy.sql.visitors import replacement_traverse

from kpi.metrics.model import Fact
from kpi.metrics.rollups import JOINT_DIMENSIONS, ROLLUPS, RollUp
from kpi.warehouse.published import Published
from kpi.warehouse.staging import listed

# Facts that are rolled up at once: their groups must fit into memory. Groups that are written at once: 700 bytes each.
_ROWS_AT_ONCE, _GROUPS_AT_ONCE = 1_500_000, 300_000


def rebuild_all(connection: sa.Connection, published: Published) -> None:
    """Make every roll-up again from all facts."""
    for rollup in ROLLUPS:
        connection.execute(rollup.table.delete())
    rebuild(connection, published, _all_days(connection), None)


def rebuild(
    connection: sa.Connection, published: Published, days: Iterable[date], stored: tuple[date, date] | None
) -> None:
    """Make the roll-ups of ``days`` again. ``published``: the state that the load will publish. ``stored``: the first
    and the last day that may have roll-ups; None where no day has any.
    """
    facts: dict[Fact, list[RollUp]] = defaultdict(list)
    for rollup in ROLLUPS:
        facts[rollup.fact].append(rollup)
    changed = sorted(set(days))
    if not changed:
        return
    runs = list(_runs(connection, changed))
    replaced = [day for day in changed if stored is not None and stored[0] <= day <= stored[1]]
    for fact, rollups in facts.items():
        if replaced:
            for rollup in rollups:
                connection.execute(rollup.table.delete().where(_among(rollup.table.c.business_date, replaced)))
        groups = _groups(rollups)
        rolled = _rolled(_pass(fact, rollups, groups, changed))
        rolled.create(connection, checkfirst=False)
        # Several passes are written at once: each writing makes a file of every table.
        for run in runs:
            # A small file often brings contacts alone; planning the pass over nothing would cost as much as one over
            # them.
            if connection.execute(sa.select(sa.exists().where(_among(fact.date, run)))).scalar_one():
                query = _pass(fact, rollups, groups, run)
                connection.execute(rolled.insert().from_select(list(rolled.columns.keys()), query), published.binds())
            count = connection.execute(sa.select(sa.func.count()).select_from(rolled)).scalar_one()
            if count > _GROUPS_AT_ONCE or (count and run is runs[-1]):
                _write(connection, rollups, groups)
                connection.execute(rolled.delete())
        rolled.drop(connection, checkfirst=False)


def _among(column: sa.ColumnElement, days: list[date]) -> sa.ColumnElement[bool]:
    """Whether a date is one of the sorted ``days``."""
    solid = len(days) == (days[-1] - days[0]).days + 1
    return column.between(days[0], days[-1]) if solid else column.in_(days)


def _dimensions(groups: list[tuple[str, ...]]) -> list[str]:
    return list(dict.fromkeys(dimension for group in groups for dimension in group))


def _pass(fact: Fact, rollups: list[RollUp], groups: list[tuple[str, ...]], days: list[date]) -> sa.Select:
    """One pass over the facts of some days for all tables: the conditions of the parts cost most, and they are the
    same. ``left_out`` tells the groups apart.
    """
    dimensions = _dimensions(groups)
    keys = {"business_date": fact.date, "source": fact.source, **{name: fact.columns[name] for name in dimensions}}
    compared, sums = _compared_once(rollups[0])
    rows = (
        sa.select(*(key.label(name) for name, key in keys.items()), *compared)
        .select_from(fact.from_)
        .where(_among(fact.date, days))
        .subquery()
    )
    sets = [sa.tuple_(*(rows.c[name] for name in ("business_date", "source", *group))) for group in groups]
    left_out = sa.func.grouping(*(rows.c[name] for name in dimensions), type_=sa.BigInteger).label("left_out")
    return (
        sa.select(*(rows.c[name] for name in keys), *sums, left_out)
        .select_from(rows)
        .group_by(sa.func.grouping_sets(*sets))
    )


def _write(connection: sa.Connection, rollups: list[RollUp], groups: list[tuple[str, ...]]) -> None:
    """Write the tables from what the passes found."""
    dimensions = _dimensions(groups)
    for rollup in rollups:
        group = next(group for group in groups if {*rollup.dimensions} <= {*group})
        # grouping() has a bit for each column that is not in the set, the first column in the highest.
        without = sum(
            1 << (len(dimensions) - 1 - place) for place, dimension in enumerate(dimensions) if dimension not in group
        )
        names = listed([column.name for column in rollup.table.columns])
        chosen, grouped = names, ""
        if group != rollup.dimensions:
            keys_of, labels = listed(["business_date", "source", *rollup.dimensions]), rollup.labels()
            chosen = ", ".join([keys_of, *(f'sum("{name}")::BIGINT AS "{name}"' for name in labels)])
            grouped = f"GROUP BY {keys_of}"
        connection.exec_driver_sql(
            f"INSERT INTO {rollup.table.name} ({names}) SELECT {chosen} FROM rolled WHERE left_out = {without} "
            f"{grouped} ORDER BY business_date"
        )


def _groups(rollups: list[RollUp]) -> list[tuple[str, ...]]:
    """The sets of dimensions that the facts are summed by: of each roll-up one has all its dimensions."""
    wide = [
        rollup.dimensions
        if {*JOINT_DIMENSIONS}.isdisjoint(rollup.dimensions)
        else (*(name for name in rollup.dimensions if name not in JOINT_DIMENSIONS), *JOINT_DIMENSIONS)
        for rollup in rollups
    ]
    return [group for group in dict.fromkeys(wide) if not any({*group} < {*other} for other in wide)]


@cache
def _compared_once(rollup: RollUp) -> tuple[list[sa.Label], list[sa.Label]]:
    """Columns for a subquery, and the roll-up's sums over these: the engine would compare anew for every sum, and most
    of them share what they compare.
    """
    compared: dict[str, sa.Label] = {}

    def stand_in(element: Any, **_: Any) -> sa.ColumnElement | None:
        comparison = isinstance(element, sa.BinaryExpression) and is_comparison(element.operator)
        if not comparison and not isinstance(element, sa.Column):
            return None
        compiled = element.compile()
        label = compared.setdefault(f"{compiled} {compiled.params}", element.label(f"compared_{len(compared)}"))
        return sa.column(label.name, sa.Boolean() if comparison else element.type)

    outer = [replacement_traverse(aggregate, {}, stand_in) for aggregate in rollup.sums()]
    return list(compared.values()), outer


def _rolled(query: sa.Select) -> sa.Table:
    """A temporary table for all rows of one pass."""
    columns = [sa.Column(column.name, column.type) for column in query.selected_columns]
    return sa.Table("rolled", sa.MetaData(), *columns, prefixes=["TEMPORARY"])


def _all_days(connection: sa.Connection) -> set[date]:
    """Every business date of a fact that is rolled up."""
    return {
        day
        for fact in {rollup.fact for rollup in ROLLUPS}
        for day in connection.scalars(sa.select(fact.date).select_from(fact.from_).distinct())
    }


def _runs(connection: sa.Connection, days: list[date]) -> Iterator[list[date]]:
    """The days in groups of so many interactions as can be rolled up at once."""
    if not days:
        return
    counted = connection.exec_driver_sql(
        f"SELECT business_date, count(*) FROM interaction "
        f"WHERE business_date BETWEEN '{days[0]}' AND '{days[-1]}' GROUP BY business_date"
    )
    rows = {row[0]: row[1] for row in counted}
    run: list[date] = []
    filled = 0
    for day in days:
        if run and filled + rows.get(day, 0) > _ROWS_AT_ONCE:
            yield run
            run, filled = [], 0
        run.append(day)
        filled += rows.get(day, 0)
    yield run


@cache
def _limits_used() -> frozenset[str]:
    """Names of the values that roll-ups leave open."""
    return frozenset(name for rollup in ROLLUPS for name in rollup.select().compile().params)


def days_changed_by(connection: sa.Connection, before: Published, after: Published) -> set[date]:
    """Business dates whose roll-ups change although no row did: a limit that they depend on has moved.

    Limits are those of maturity, which follow the feeds' watermarks, and the end of the first days of the data,
    in which looking back is not possible.
    """
    old: dict[str, Any] = before.binds()
    new: dict[str, Any] = after.binds()
    moved: list[tuple[str, datetime, datetime]] = []
    for name in _limits_used() & set(new):
        column = "started_at" if name == "look_back_from" else "ended_at"
        # Before the first feed, nothing was mature.
        was, now = old.get(name, datetime.min), new[name]
        if was != now:
            moved.append((column, min(was, now), max(was, now)))
    return {
        day
        for column, low, high in moved
        for (day,) in connection.exec_driver_sql(
            f"SELECT DISTINCT business_date FROM interaction "
            f"WHERE {column} >= TIMESTAMP '{low}' AND {column} <= TIMESTAMP '{high}'"
        )
    }
