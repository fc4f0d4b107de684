"""What the long tail brings: value and active products of its members, by whether they were served."""

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import sqlalchemy as sa

from kpi import schema
from kpi.query.cohorts.base import (
    MOST_READINGS,
    NOT_A_RATE,
    OF_CUSTOMER,
    Cohort,
    CohortReading,
    arrange,
    closed_months,
    engaged_contacts,
    labels_of,
    of_customer,
    open_customers,
    read_rows,
    served_customers,
    shared_reading,
    shown,
    valued_customers,
)
from kpi.query.cohorts.long_tail import tail_members
from kpi.query.measure import Aggregate, quotient
from kpi.query.selection import Key, Selection, Sources


@dataclass(frozen=True)
class _Worth:
    """Of members with the same key and ``served``: fen and member-months of value; active members, members with a row
    in the last month; and how many members either stands for.
    """

    key: Key
    served: str
    value: int
    months: int
    valued: int
    active: int
    members: int


@lru_cache(maxsize=MOST_READINGS)
def _worth(reading: CohortReading, by: tuple[str, ...]) -> tuple[_Worth, ...]:
    """What members of the tail base bring in the period's closed months, by whether they were served."""
    selection = replace(reading.selection, by=by)
    base, _, where = tail_members(selection)
    served, valued = served_customers(selection, reading.sources), valued_customers(selection)
    reached = sa.case((served.c.engaged > 0, sa.literal_column("'yes'")), else_=sa.literal_column("'no'"))
    columns = [*(base.c[key] for key in by), reached]
    query = (
        sa.select(
            *(column.label(f"k{i}") for i, column in enumerate(columns)),
            sa.func.sum(valued.c.value),
            sa.func.sum(valued.c.months),
            sa.func.count(sa.case((valued.c.months > 0, 1))),
            sa.func.sum(valued.c.active),
            sa.func.sum(valued.c.known),
        )
        .select_from(
            base.join(valued, valued.c.customer_key == base.c.customer_key).outerjoin(
                served, served.c.customer_key == base.c.customer_key
            )
        )
        .where(*where)
        .group_by(*labels_of(columns))
    )
    return tuple(
        _Worth(tuple(row[:-6]), row[-6], *(int(number or 0) for number in row[-5:]))
        for row in read_rows(selection, query)
    )


def _worth_by(selection: Selection, sources: Sources) -> dict[Key, list[_Worth]]:
    """The groups by the question's key, those of its filter on ``served``."""
    by = [key for key in selection.by if key in OF_CUSTOMER]
    wanted = [f.values for f in selection.filters if f.dimension == "served"]
    found: dict[Key, list[_Worth]] = defaultdict(list)
    reading, read, place = shared_reading(selection, sources, by)
    for group in _worth(reading, read):
        key = place(group.key)
        if key is not None and all(group.served in values for values in wanted):
            found[arrange(selection, [*by, "served"], (*key, group.served))].append(group)
    return found


def tail_value(selection: Selection, sources: Sources) -> dict[Key, Aggregate]:
    """Mean over members and closed months, in yuan; n is the number of member-months."""
    found = {}
    for key, groups in _worth_by(selection, sources).items():
        months = sum(group.months for group in groups)
        if months or selection.by:
            raw = quotient(sum(group.value for group in groups), months, months, 0.01)
            found[key] = replace(raw, customers=sum(group.valued for group in groups))
    return found


def tail_active(selection: Selection, sources: Sources) -> dict[Key, Aggregate]:
    """Members of the tail base with active products in the last closed month ÷ those with a row there."""
    found = {}
    for key, groups in _worth_by(selection, sources).items():
        members = sum(group.members for group in groups)
        if members or selection.by:
            found[key] = quotient(sum(group.active for group in groups), members, members)
    return found


def _member_months(selection: Selection, sources: Sources, *, active: bool) -> sa.Select:
    """The tail base's months that a tail dividend is taken over."""
    base = open_customers(selection)
    _, where = of_customer(selection, base)
    reached = engaged_contacts(selection, (), sources)
    m = schema.customer_month.c
    served = sa.case((reached.c.customer_key.is_not(None), "yes"), else_="no")
    months = closed_months(selection.period)
    where += selection.conditions({"served": served}, ("served",))
    where += [base.c.is_tail, m.month.in_(months[-1:] if active else months)]
    where.append(m.products.is_not(None) if active else m.value_fen.is_not(None))
    from_ = (
        base.join(schema.customer_month, m.customer_key == base.c.customer_key)
        .outerjoin(reached, reached.c.customer_key == base.c.customer_key)
        .join(schema.customer, schema.customer.c.customer_key == base.c.customer_key)
    )
    mark = m.products > 0 if active else NOT_A_RATE
    return (
        sa.select(
            mark.label("numerator"),
            m.month,
            *shown(base.c.customer_key, base.c.tier, m.value_fen, m.products, served.label("served")),
        )
        .select_from(from_)
        .where(*where)
    )


COHORTS = {
    "tail_value": Cohort(tail_value, partial(_member_months, active=False)),
    "tail_active": Cohort(tail_active, partial(_member_months, active=True)),
}
