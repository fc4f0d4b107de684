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
from kpi.metrics.rollups import ROLLUPS, TOGETHER, RollUp
from kpi.warehouse.published import Published
from kpi.warehouse.staging import listed

# Facts that are rolled up at once: their groups must fit into memory.
_ROWS_AT_ONCE = 1_500_000


def rebuild_all(connection: sa.Connection, published: Published) -> None:
    """Make every roll-up again from all facts."""
    for rollup in ROLLUPS:
        connection.execute(rollup.table.delete())
    rebuild(connection, published, _all_days(connection))


def rebuild(connection: sa.Connection, published: Published, days: Iterable[date]) -> None:
    """Make the roll-ups of ``days`` again. ``published``: the state that the load will publish."""
    facts: dict[Fact, list[RollUp]] = defaultdict(list)
    for rollup in ROLLUPS:
        facts[rollup.fact].append(rollup)
    for run in _runs(connection, sorted(set(days))):
        for fact, rollups in facts.items():
            _rebuild_run(connection, published, fact, rollups, run)


def _rebuild_run(
    connection: sa.Connection, published: Published, fact: Fact, rollups: list[RollUp], days: list[date]
) -> None:
    solid = len(days) == (days[-1] - days[0]).days + 1

    def among(column: sa.ColumnElement) -> sa.ColumnElement[bool]:
        return column.between(days[0], days[-1]) if solid else column.in_(days)

    for rollup in rollups:
        connection.execute(rollup.table.delete().where(among(rollup.table.c.business_date)))
    # A small file often brings contacts alone; planning the pass over nothing would cost as much as one over them.
    if connection.execute(sa.select(sa.exists().where(among(fact.date)))).scalar_one() is False:
        return
    # One pass over the facts for all tables: the conditions of the parts cost most, and they are the same.
    groups = _groups(rollups)
    dimensions = list(dict.fromkeys(dimension for group in groups for dimension in group))
    keys = {"business_date": fact.date, "source": fact.source, **{name: fact.columns[name] for name in dimensions}}
    compared, sums = _compared_once(rollups[0])
    rows = (
        sa.select(*(key.label(name) for name, key in keys.items()), *compared)
        .select_from(fact.from_)
        .where(among(fact.date))
        .subquery()
    )
    sets = [sa.tuple_(*(rows.c[name] for name in ("business_date", "source", *group))) for group in groups]
    left_out = sa.func.grouping(*(rows.c[name] for name in dimensions), type_=sa.BigInteger).label("left_out")
    query = (
        sa.select(*(rows.c[name] for name in keys), *sums, left_out)
        .select_from(rows)
        .group_by(sa.func.grouping_sets(*sets))
    )
    rolled = _rolled(query)
    rolled.create(connection, checkfirst=False)
    connection.execute(rolled.insert().from_select(list(rolled.columns.keys()), query), published.binds())
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
    rolled.drop(connection, checkfirst=False)


def _groups(rollups: list[RollUp]) -> list[tuple[str, ...]]:
    """The sets of dimensions that the facts are summed by: of each roll-up one has all its dimensions."""
    wide = [
        rollup.dimensions
        if {*TOGETHER}.isdisjoint(rollup.dimensions)
        else (*(name for name in rollup.dimensions if name not in TOGETHER), *TOGETHER)
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
