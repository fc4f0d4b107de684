"""Where the customers of one day's tiers are on another: upgrades, and the migration matrix."""

from collections import defaultdict
from dataclasses import replace
from functools import lru_cache

import sqlalchemy as sa

from kpi import schema
from kpi.query.cohorts.base import (
    MOST_READINGS,
    OF_CUSTOMER,
    Cohort,
    CohortReading,
    arrange,
    labels_of,
    of_customer,
    open_customers,
    read_rows,
    shared_reading,
    shown,
)
from kpi.query.measure import Aggregate, quotient
from kpi.query.selection import Key, Selection, Sources


@lru_cache(maxsize=MOST_READINGS)
def _moves(reading: CohortReading, by: tuple[str, ...]) -> tuple[tuple[Key, str | None, int, int], ...]:
    """Of the customers open on the first day, by their dimensions and where they are at the end of the last: how many,
    and how many of them rose.
    """
    selection, last = reading.selection, reading.period.end
    base = open_customers(selection)
    _, where = of_customer(selection, base)
    after = schema.customer_tier.alias("tier_at_end")
    left = sa.and_(base.c.closed_on.is_not(None), base.c.closed_on <= last)
    target = sa.case((left, sa.literal_column("'exit'")), else_=sa.cast(after.c.tier, sa.String))
    rose = sa.func.sum(sa.case((sa.and_(sa.not_(left), after.c.tier > base.c.tier), 1), else_=0))
    columns = [*(base.c[key] for key in by), target]
    filters = selection.conditions({"tier_after": target}, ("tier_after",))
    from_ = base.outerjoin(
        after,
        sa.and_(
            after.c.customer_key == base.c.customer_key,
            after.c.valid_from <= last,
            sa.or_(after.c.valid_to.is_(None), after.c.valid_to > last),
        ),
    )
    query = (
        sa.select(*(column.label(f"k{i}") for i, column in enumerate(columns)), sa.func.count(), rose)
        .select_from(from_)
        .where(*where, *filters, base.c.tier.is_not(None))
        .group_by(*labels_of(columns))
    )
    return tuple((tuple(key), to, n, int(up)) for *key, to, n, up in read_rows(selection, query) if n)


def tier_upgrade_rate(selection: Selection, sources: Sources) -> dict[Key, Aggregate]:
    """Tier at the end of the last day against tier on the first; by ``tier_after`` the migration matrix, each cell as
    a share of its row.
    """
    by = [key for key in selection.by if key in OF_CUSTOMER]
    matrix = "tier_after" in selection.by
    reading, read, place = shared_reading(selection, sources, by)
    totals: dict[Key, int] = defaultdict(int)
    counts: dict[Key, int] = defaultdict(int)
    for key, to, customers, rose in _moves(reading, read):
        row = place(key)
        if row is None:
            continue
        totals[row] += customers
        counts[(*row, to) if matrix else row] += customers if matrix else rose
    if not matrix:
        return {arrange(selection, by, row): quotient(counts[row], total, total) for row, total in totals.items()}
    found: dict[Key, Aggregate] = {}
    for key, customers in counts.items():
        total = totals[key[:-1]]
        raw = quotient(customers, total, total)
        found[arrange(selection, [*by, "tier_after"], key)] = replace(raw, customers=customers)
    return found


def _tiers(selection: Selection, sources: Sources) -> sa.Select:
    """Customers open on the first day with their tier then and at the end."""
    base = open_customers(selection)
    _, where = of_customer(selection, base)
    after = schema.customer_tier.alias("tier_at_end")
    c, last = schema.customer.c, selection.period.end
    left = sa.and_(c.closed_on.is_not(None), c.closed_on <= last)
    target = sa.case((left, "exit"), else_=sa.cast(after.c.tier, sa.String))
    where += selection.conditions({"tier_after": target}, ("tier_after",))
    holds = sa.and_(
        after.c.customer_key == base.c.customer_key,
        after.c.valid_from <= last,
        sa.or_(after.c.valid_to.is_(None), after.c.valid_to > last),
    )
    from_ = base.join(schema.customer, c.customer_key == base.c.customer_key).outerjoin(after, holds)
    rose = sa.func.coalesce(sa.and_(sa.not_(left), after.c.tier > base.c.tier), sa.false())
    return (
        sa.select(
            rose.label("numerator"),
            base.c.tier.label("tier_before"),
            *shown(base.c.customer_key, target.label("tier_after")),
        )
        .select_from(from_)
        .where(*where, base.c.tier.is_not(None))
    )


COHORTS = {"tier_upgrade_rate": Cohort(tier_upgrade_rate, _tiers)}
