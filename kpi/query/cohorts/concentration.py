"""How unequally customers bring value, and ask for service: top-20 % share, Gini, and the Lorenz curve of both.

All three come from one reading of what every customer holds, so that they cannot differ: the curve's point at 80 % is
what the top 20 % leave.
"""

from collections.abc import Callable
from dataclasses import dataclass
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
    of_customer,
    open_customers,
    read_rows,
    served_customers,
    shown,
    valued_customers,
)
from kpi.query.measure import Aggregate, quotient
from kpi.query.selection import Key, Selection, Sources

PERCENT = 100
_TAIL_PERCENT = 80  # who is not among the top ⌈20 %⌉

Holdings = Callable[[Selection, Sources], sa.Subquery]


def value_held(selection: Selection, sources: Sources) -> sa.Subquery:
    """What each customer brought in the period's closed months, in fen (``holding``)."""
    valued = valued_customers(selection).c
    return sa.select(valued.customer_key, valued.value.label("holding")).subquery("holding")


def contacts_held(selection: Selection, sources: Sources) -> sa.Subquery:
    """How many contacts each identified customer had in the period (``holding``)."""
    served = served_customers(selection, sources).c
    return sa.select(served.customer_key, served.contacts.label("holding")).subquery("holding")


def ranked_holders(base: sa.FromClause, where: list[sa.ColumnElement[bool]], held: sa.Subquery) -> sa.CTE:
    """The customers of ``base`` with what each holds (``amount``, 0 for nothing, none below zero), their tier, and
    rank ``i`` of ``n`` in ascending order.
    """
    amount = sa.func.coalesce(held.c.holding, 0)
    return (
        sa.select(
            base.c.customer_key,
            base.c.tier,
            amount.label("amount"),
            sa.func.row_number().over(order_by=(amount, base.c.customer_key)).label("i"),
            sa.func.count().over().label("n"),
        )
        .select_from(base.outerjoin(held, held.c.customer_key == base.c.customer_key))
        .where(*where, amount >= 0)
        .cte("ranked")
    )


def in_top(ranked: sa.CTE) -> sa.ColumnElement[bool]:
    """Among the top ⌈20 %⌉ of n: 5·(n − i) < n."""
    return 5 * (ranked.c.n - ranked.c.i) < ranked.c.n


@dataclass(frozen=True)
class Concentration:
    """What ``customers`` hold, nobody below zero among them; amounts in fen, or contacts.

    ``spread``: Σ (2i − n − 1)·x over ranks i of ascending x. ``below``: what the lowest 0, 1, … 100 % of the customers
    hold, parts of a customer rounded down. ``negative``: how many were left out, and their sum.
    """

    customers: int
    spread: int
    below: tuple[int, ...]
    negative: tuple[int, int] = (0, 0)

    @property
    def total(self) -> int:
        return self.below[PERCENT]

    @property
    def top(self) -> int:
        """What the top ⌈20 %⌉ hold."""
        return self.total - self.below[_TAIL_PERCENT]


@lru_cache(maxsize=MOST_READINGS)
def concentration(reading: CohortReading, by: tuple[str, ...], holdings: Holdings) -> dict[Key, Concentration]:
    """By dimensions of the customer, over the customers open on the first day.

    Equal amounts are ranked together: who of them comes first changes no sum, and there are far fewer amounts than
    customers.
    """
    selection = reading.selection
    base = open_customers(selection)
    _, where = of_customer(selection, base)
    held = holdings(selection, reading.sources)
    keys = [base.c[key] for key in by]
    amount = sa.func.coalesce(held.c.holding, 0)
    grouped = (
        sa.select(*keys, amount.label("amount"), sa.func.count().label("members"))
        .select_from(base.outerjoin(held, held.c.customer_key == base.c.customer_key))
        .where(*where)
        .group_by(*keys, sa.text("amount"))
        .cte("grouped")
    )
    g = grouped.c
    within = [g[key] for key in by] or None
    ranked = (
        sa.select(
            *g,
            sa.func.sum(g.members).over(partition_by=within, order_by=g.amount).label("last"),
            sa.func.sum(g.members * g.amount).over(partition_by=within, order_by=g.amount).label("held"),
            sa.func.sum(g.members).over(partition_by=within).label("n"),
        )
        .where(g.amount >= 0)
        .cte("ranked")
    )
    r = ranked.c
    percents = sa.func.unnest(sa.func.range(1, PERCENT + 1))
    point = sa.select(sa.cast(percents, sa.Integer).label("percent")).subquery("point")
    # Joining the few amounts at which a per cent of the customers ends; the join alone would cost more than all else.
    ends = sa.select(ranked).where(_percents_to(r.last - r.members, r.n) < _percents_to(r.last, r.n)).subquery("ends")
    e = ends.c
    lowest = sa.func.floor(point.c.percent * e.n / float(PERCENT))
    whole = sa.select(
        *(r[key] for key in by),
        sa.literal_column("0").label("percent"),
        sa.func.max(r.n),
        sa.func.sum(r.members * r.amount * (2 * r.last - r.members - r.n)),
    ).group_by(*(r[key] for key in by))
    points = (
        sa.select(
            *(e[key] for key in by), point.c.percent, sa.func.max(e.held - (e.last - lowest) * e.amount), sa.null()
        )
        .select_from(ends.join(point, sa.and_(lowest > e.last - e.members, lowest <= e.last)))
        .group_by(*(e[key] for key in by), point.c.percent)
    )
    negative = (
        sa.select(
            *(g[key] for key in by),
            sa.literal_column("-1"),
            sa.func.sum(g.members),
            sa.func.sum(g.members * g.amount),
        )
        .where(g.amount < 0)
        .group_by(*(g[key] for key in by))
    )
    found: dict[Key, dict[int, tuple[int, int]]] = {}
    for *key, percent, first, second in read_rows(selection, sa.union_all(whole, points, negative)):
        if first is not None:
            found.setdefault(tuple(key), {})[percent] = int(first), int(second or 0)
    return {
        key: Concentration(
            *told[0],
            (0, *(told.get(percent, (0, 0))[0] for percent in range(1, PERCENT + 1))),
            told.get(-1, (0, 0)),
        )
        for key, told in found.items()
        if 0 in told
    }


def _percents_to(rank: sa.ColumnElement, n: sa.ColumnElement) -> sa.ColumnElement:
    """How many of the points 0, 1, … 100 % of ``n`` customers, rounded down, lie at ``rank`` or below."""
    return sa.func.ceil(float(PERCENT) * (rank + 1) / n)


def _by_key(selection: Selection, sources: Sources, holdings: Holdings) -> dict[Key, Concentration]:
    by = [key for key in selection.by if key in OF_CUSTOMER]
    read = concentration(CohortReading.of(selection, sources), tuple(by), holdings)
    return {arrange(selection, by, key): held for key, held in read.items()}


def _noted(raw: Aggregate, held: Concentration) -> Aggregate:
    count, amount = held.negative
    raw.note = (("negative_customers", count), ("negative_sum", amount)) if count else ()
    return raw


def _top(selection: Selection, sources: Sources, holdings: Holdings) -> dict[Key, Aggregate]:
    """Share of the top ⌈20 %⌉; zeros included, negatives left out and noted."""
    return {
        key: _noted(quotient(held.top, held.total, held.customers), held)
        for key, held in _by_key(selection, sources, holdings).items()
    }


def _gini(selection: Selection, sources: Sources, holdings: Holdings) -> dict[Key, Aggregate]:
    """Biased form: Σ (2i − n − 1)·x ÷ (n · Σ x); zeros included, negatives left out and noted."""
    return {
        key: _noted(quotient(held.spread, held.customers * held.total, held.customers), held)
        for key, held in _by_key(selection, sources, holdings).items()
    }


def top20_share(selection: Selection, sources: Sources) -> dict[Key, Aggregate]:
    """Value of the top ⌈20 %⌉ of customers ÷ total value."""
    return _top(selection, sources, value_held)


def top20_share_contacts(selection: Selection, sources: Sources) -> dict[Key, Aggregate]:
    """Contacts of the top ⌈20 %⌉ of customers by contacts ÷ all."""
    return _top(selection, sources, contacts_held)


def gini(selection: Selection, sources: Sources) -> dict[Key, Aggregate]:
    """Gini coefficient of customer value."""
    return _gini(selection, sources, value_held)


def gini_contacts(selection: Selection, sources: Sources) -> dict[Key, Aggregate]:
    """Gini coefficient of contacts."""
    return _gini(selection, sources, contacts_held)


def _holders(selection: Selection, sources: Sources, *, holdings: Holdings, top: bool) -> sa.Select:
    """The customers among whom a concentration is measured, the top 20 % marked."""
    base = open_customers(selection)
    _, where = of_customer(selection, base)
    ranked = ranked_holders(base, where, holdings(selection, sources))
    mark = in_top(ranked) if top else NOT_A_RATE
    return sa.select(
        mark.label("numerator"),
        ranked.c.i.label("rank"),
        *shown(ranked.c.customer_key, ranked.c.tier, ranked.c.amount),
    ).select_from(ranked.join(schema.customer, schema.customer.c.customer_key == ranked.c.customer_key))


COHORTS = {
    "top20_share": Cohort(top20_share, partial(_holders, holdings=value_held, top=True)),
    "top20_share_contacts": Cohort(top20_share_contacts, partial(_holders, holdings=contacts_held, top=True)),
    "gini": Cohort(gini, partial(_holders, holdings=value_held, top=False)),
    "gini_contacts": Cohort(gini_contacts, partial(_holders, holdings=contacts_held, top=False)),
}
