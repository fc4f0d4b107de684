"""Keeping the daily roll-ups: the days that a load can have changed are made again from the facts."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from kpi.metrics.model import Fact
from kpi.metrics.rollups import ROLLUPS, RollUp
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
    # One pass over the facts for all tables: the conditions of the parts cost most, and they are the same. A table all
    # of whose dimensions another has is summed from that.
    wider = {rollup: _wider(rollup, rollups) for rollup in rollups}
    own = [rollup for rollup in rollups if wider[rollup] is rollup]
    dimensions = list(dict.fromkeys(dimension for rollup in own for dimension in rollup.dimensions))
    columns = [fact.columns[dimension] for dimension in dimensions]
    sets = [
        sa.tuple_(fact.date, fact.source, *(fact.columns[dimension] for dimension in rollup.dimensions))
        for rollup in own
    ]
    keys = [
        fact.date.label("business_date"),
        fact.source.label("source"),
        *(column.label(dimension) for dimension, column in zip(dimensions, columns, strict=True)),
    ]
    query = (
        sa.select(*keys, *rollups[0].sums(), sa.func.grouping(*columns, type_=sa.BigInteger).label("left_out"))
        .select_from(fact.from_)
        .where(among(fact.date))
        .group_by(sa.func.grouping_sets(*sets))
    )
    rolled = _rolled(query)
    rolled.create(connection, checkfirst=False)
    connection.execute(rolled.insert().from_select(list(rolled.columns.keys()), query), published.binds())
    for rollup in rollups:
        # grouping() has a bit for each column that is not in the set, the first column in the highest.
        left_out = sum(
            1 << (len(dimensions) - 1 - place)
            for place, dimension in enumerate(dimensions)
            if dimension not in wider[rollup].dimensions
        )
        names = listed([column.name for column in rollup.table.columns])
        chosen, grouped = names, ""
        if wider[rollup] is not rollup:
            keys_of, sums = listed(["business_date", "source", *rollup.dimensions]), rollup.labels()
            chosen = ", ".join([keys_of, *(f'sum("{name}")::BIGINT AS "{name}"' for name in sums)])
            grouped = f"GROUP BY {keys_of}"
        connection.exec_driver_sql(
            f"INSERT INTO {rollup.table.name} ({names}) SELECT {chosen} FROM rolled WHERE left_out = {left_out} "
            f"{grouped} ORDER BY business_date"
        )
    rolled.drop(connection, checkfirst=False)


def _wider(rollup: RollUp, rollups: list[RollUp]) -> RollUp:
    """The first that has all the roll-up's dimensions and more; the roll-up itself where none has."""
    return next((other for other in rollups if {*other.dimensions} > {*rollup.dimensions}), rollup)


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
