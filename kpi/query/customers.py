"""KPIs about a cohort of customers: who was there on the first day, who of them was served, what they are worth.

``tail_base``, coverage, reach frequency, tail dividends, concentration and upgrades. Each function takes what is
asked and the feeds that record it, and gives key -> ``Raw`` like a plan does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache

import sqlalchemy as sa

from kpi import schema
from kpi.metrics import parts
from kpi.metrics.dimensions import INTERACTION, segment
from kpi.query.answer import Cut
from kpi.query.conditions import condition, joined
from kpi.query.measure import Asked, Key, Raw, quotient, source_conditions
from kpi.query.question import Filter, Period

_i = schema.interaction.c
# What a customer has; every other dimension of these KPIs is a contact's, or made here.
_OF_CUSTOMER = ("tier", "region", "age_band", "segment")
_MADE_HERE = ("through", "reach", "served", "tier_after")

Sources = frozenset[str] | None


def last_closed_month(day: date) -> date:
    """First day of the last month that was over when ``day`` began."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def closed_months(period: Period) -> list[date]:
    """First days of the months that lie wholly in the period, or else of the last one closed before its end."""
    month = period.start if period.start.day == 1 else (period.start.replace(day=28) + timedelta(days=4)).replace(day=1)
    months = []
    while (following := (month.replace(day=28) + timedelta(days=4)).replace(day=1)) <= period.end + timedelta(days=1):
        months.append(month)
        month = following
    return months or [last_closed_month(period.end)]


def open_customers(day: date, *, with_tier: bool = True) -> sa.CTE:
    """Customers open on ``day``: key, region, age band, segment and (``with_tier``) tier as of that day."""
    c, t, m = schema.customer.c, schema.customer_tier.c, schema.customer_month.c
    joins = schema.customer.outerjoin(
        schema.customer_month, sa.and_(m.customer_key == c.customer_key, m.month == last_closed_month(day))
    )
    # Without a value in the last closed month a customer is tail: nobody knows of a reason to call him top.
    is_tail = sa.func.coalesce(m.is_tail, sa.true())
    columns = [c.customer_key, c.region, c.age_band, segment(is_tail).label("segment"), is_tail.label("is_tail")]
    if with_tier:
        holds = sa.and_(
            t.customer_key == c.customer_key, t.valid_from <= day, sa.or_(t.valid_to.is_(None), t.valid_to > day)
        )
        joins = joins.outerjoin(schema.customer_tier, holds)
        columns.append(t.tier)
    return (
        sa.select(*columns)
        .select_from(joins)
        .where(c.opened_on <= day, sa.or_(c.closed_on.is_(None), c.closed_on > day))
        .cte("open_customer")
    )


def masked(customer_key: sa.ColumnElement) -> sa.ColumnElement[str]:
    """How a customer is shown: his masked id (``customer`` must be joined), else the end of his pseudonym."""
    tail = sa.func.right(sa.cast(customer_key, sa.String), 4)
    return sa.func.coalesce(schema.customer.c.masked_id, "••" + tail)


def of_customer(asked: Asked, base: sa.CTE) -> tuple[list[str], list[sa.ColumnElement[bool]]]:
    """The question's customer dimensions, and its filters on them as conditions on ``base``."""
    by = [key for key in asked.by if key in _OF_CUSTOMER]
    where = [condition(base.c[f.dimension], f) for f in asked.filters if f.dimension in _OF_CUSTOMER]
    return by, where


def _of_contact(asked: Asked) -> list[str]:
    return [key for key in asked.by if key not in _OF_CUSTOMER and key not in _MADE_HERE]


def contacts_of(asked: Asked, where: sa.ColumnElement[bool], by: Sequence[str], sources: Sources) -> sa.Subquery:
    """Per customer (and contact dimension): number of contacts in the period, and the date of the first."""
    filters = [f for f in asked.filters if f.dimension not in _OF_CUSTOMER and f.dimension not in _MADE_HERE]
    from_, columns = joined(
        INTERACTION.from_, INTERACTION.columns, dict.fromkeys([*by, *(f.dimension for f in filters)])
    )
    keys = [columns[key].label(key) for key in by]
    return (
        sa.select(
            _i.customer_key,
            *keys,
            sa.func.count().label("contacts"),
            sa.func.min(_i.business_date).label("first_date"),
        )
        .select_from(from_)
        .where(
            where,
            _i.business_date.between(asked.period.start, asked.period.end),
            *source_conditions(INTERACTION, sources, asked.cuts),
            *(condition(columns[f.dimension], f) for f in filters),
        )
        .group_by(_i.customer_key, *(columns[key] for key in by))
        .subquery("contact")
    )


def _rows(asked: Asked, query: sa.Select) -> list[sa.Row]:
    return list(asked.connection.execute(query, asked.published.binds()))


def _labels(columns: Sequence[object]) -> list[sa.TextClause]:
    """The columns as named in the select list: an expression with bound values cannot be repeated in GROUP BY."""
    return [sa.text(f"k{i}") for i in range(len(columns))]


def _arrange(asked: Asked, names: Sequence[str], values: Sequence[object]) -> Key:
    """A key in the question's order from values named ``names``."""
    found = dict(zip(names, values, strict=True))
    return tuple(found[key] for key in asked.by)  # type: ignore[misc]


def _tail_base(asked: Asked) -> tuple[sa.CTE, list[str], list[sa.ColumnElement[bool]]]:
    """The tail base of the period's first day, the question's customer dimensions, and its conditions."""
    base = open_customers(asked.period.start, with_tier="tier" in asked.dimensions)
    by, where = of_customer(asked, base)
    return base, by, [*where, base.c.is_tail]


def _sizes(asked: Asked) -> dict[Key, int]:
    """Members of the tail base by the question's customer dimensions."""
    base, by, where = _tail_base(asked)
    columns = [base.c[key] for key in by]
    query = sa.select(*columns, sa.func.count()).select_from(base).where(*where).group_by(*columns)
    return {tuple(row[:-1]): row[-1] for row in _rows(asked, query) if row[-1]}


def tail_base(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Size of the tail base on the period's first day."""
    by = [key for key in asked.by if key in _OF_CUSTOMER]
    return {_arrange(asked, by, key): Raw(size, None, size, float(size)) for key, size in _sizes(asked).items()}


def long_tail_coverage(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Members of the tail base with an engaged contact in the period ÷ tail base; by ``through``, up to each day."""
    if {"tier", "through"}.issuperset(asked.by):
        names: list[str] = ["tier"]
        members, reached = _tail_by_first_day(_TailReading.of(asked, sources))
    else:
        names = [key for key in asked.by if key in _OF_CUSTOMER] + (contact_by := _of_contact(asked))
        members, reached = _tail_reached(asked, sources, names[: len(names) - len(contact_by)], contact_by)
    kept = [index for index, name in enumerate(names) if name in asked.by]
    of_customer_kept = [index for index in kept if names[index] in _OF_CUSTOMER]
    sizes: dict[Key, int] = {}
    for key, size in members.items():
        group = tuple(key[index] for index in of_customer_kept)
        sizes[group] = sizes.get(group, 0) + size
    served: dict[Key, dict[date | None, int]] = {}
    for key, days in reached.items():
        counts = served.setdefault(tuple(key[index] for index in kept), {})
        for day, count in days.items():
            counts[day] = counts.get(day, 0) + count
    if not kept and "through" in asked.by:
        served.setdefault((), {})  # of an empty base too, every day has its cell
    found: dict[Key, Raw] = {}
    asked_names = [names[index] for index in kept]
    for group, counts in served.items():
        base_size = sizes.get(group[: len(of_customer_kept)], 0)
        if "through" not in asked.by:
            found[_arrange(asked, asked_names, group)] = _covered(sum(counts.values()), base_size)
            continue
        so_far = 0
        for day in (asked.period.start + timedelta(days=i) for i in range(asked.period.days)):
            so_far += counts.get(day, 0)
            found[_arrange(asked, [*asked_names, "through"], (*group, day))] = _covered(so_far, base_size)
    return found


# Members of the tail base by key; and those reached, by key and the date of their first contact (None: never).
_Reached = tuple[dict[Key, int], dict[Key, dict[date | None, int]]]


@dataclass(frozen=True)
class _TailReading:
    """What decides over who of the tail base was reached when; equal readings find the same."""

    engine: sa.Engine
    version: int
    period: Period
    filters: tuple[Filter, ...]
    cuts: tuple[Cut, ...]
    sources: Sources
    asked: Asked = field(compare=False)

    @classmethod
    def of(cls, asked: Asked, sources: Sources) -> "_TailReading":
        version = asked.published.version
        return cls(asked.connection.engine, version, asked.period, asked.filters, asked.cuts, sources, asked)


@lru_cache(maxsize=64)
def _tail_by_first_day(reading: _TailReading) -> _Reached:
    """By tier. The cohort is the dearest reading of all, and a page asks for it in total, by tier and over time."""
    return _tail_reached(reading.asked, reading.sources, ["tier"], [])


def _tail_reached(asked: Asked, sources: Sources, by: list[str], contact_by: list[str]) -> _Reached:
    """By dimensions of the customer, then of the contact."""
    asked = replace(asked, by=(*by, *contact_by))
    base, _, where = _tail_base(asked)
    served = contacts_of(asked, parts.engaged_customer, contact_by, sources)
    columns = [*(base.c[key] for key in by), *(served.c[key] for key in contact_by), served.c.first_date]
    # Without a contact's dimension one reading gives both sides; with one, who was not served has no key.
    both = not contact_by
    query = (
        sa.select(*columns, sa.func.count(), sa.func.count(served.c.customer_key))
        .select_from(base.join(served, served.c.customer_key == base.c.customer_key, isouter=both))
        .where(*where)
        .group_by(*columns)
    )
    members: dict[Key, int] = {} if both else _sizes(asked)
    reached: dict[Key, dict[date | None, int]] = {}
    for *key, day, size, count in _rows(asked, query):
        group = tuple(key)
        if both:
            members[group] = members.get(group, 0) + size
        reached.setdefault(group, {})[day] = count
    return members, reached


def _covered(served: int, base: int) -> Raw:
    return quotient(served, base, base)


def reach(reached: sa.Subquery) -> sa.ColumnElement[str]:
    """The value of the dimension ``reach`` for a customer's contacts (null = none)."""
    times = sa.func.coalesce(reached.c.contacts, 0)
    bounds = ((0, "0"), (1, "1"), (3, "2-3"), (9, "4-9"))
    return sa.case(*((times <= upper, name) for upper, name in bounds), else_="10+")


def tail_reach_frequency(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Members of the tail base by the number of their engaged contacts in the period."""
    base, by, where = _tail_base(asked)
    sizes = _sizes(asked)
    reached = contacts_of(asked, parts.engaged_customer, (), sources)
    bucket = reach(reached)
    columns = [*(base.c[key] for key in by), *([bucket] if "reach" in asked.by else [])]
    where = where + [condition(bucket, f) for f in asked.filters if f.dimension == "reach"]
    query = (
        sa.select(*(column.label(f"k{i}") for i, column in enumerate(columns)), sa.func.count())
        .select_from(base.outerjoin(reached, reached.c.customer_key == base.c.customer_key))
        .where(*where)
        .group_by(*_labels(columns))
    )
    names = [*by, *(["reach"] if "reach" in asked.by else [])]
    return {
        _arrange(asked, names, row[:-1]): Raw(row[-1], sizes[tuple(row[: len(by)])], row[-1], float(row[-1]))
        for row in _rows(asked, query)
        if row[-1]
    }


def _dividend(asked: Asked, sources: Sources, numerator: sa.ColumnElement, of: sa.ColumnElement,
              months: list[date], scale: float) -> dict[Key, Raw]:  # fmt: skip
    """``numerator`` ÷ the base members' months that have ``of``, by whether they were served in the period."""
    base, by, where = _tail_base(asked)
    reached = contacts_of(asked, parts.engaged_customer, (), sources)
    m = schema.customer_month.c
    served = sa.case((reached.c.customer_key.is_not(None), sa.literal_column("'yes'")), else_=sa.literal_column("'no'"))
    columns = [*(base.c[key] for key in by), *([served] if "served" in asked.by else [])]
    where = where + [condition(served, f) for f in asked.filters if f.dimension == "served"]
    keys = (column.label(f"k{i}") for i, column in enumerate(columns))
    members = sa.func.count(sa.distinct(sa.case((of.is_not(None), m.customer_key))))
    query = (
        sa.select(*keys, sa.func.sum(numerator), sa.func.count(of), members)
        .select_from(
            base.join(schema.customer_month, m.customer_key == base.c.customer_key).outerjoin(
                reached, reached.c.customer_key == base.c.customer_key
            )
        )
        .where(*where, m.month.in_(months))
        .group_by(*_labels(columns))
    )
    names = [*by, *(["served"] if "served" in asked.by else [])]
    found: dict[Key, Raw] = {}
    for *key, total, n, customers in _rows(asked, query):
        if n or columns:
            raw = quotient(int(total or 0), n, n, scale)
            found[_arrange(asked, names, key)] = replace(raw, customers=customers)
    return found


def tail_value(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Mean over members and closed months, in yuan; n is the number of member-months."""
    value = schema.customer_month.c.value_fen
    return _dividend(asked, sources, value, value, closed_months(asked.period), 0.01)


def tail_active(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Members of the tail base with active products in the last closed month ÷ those with a row there."""
    products = schema.customer_month.c.products
    active = sa.case((products > 0, 1), else_=0)
    return _dividend(asked, sources, active, products, closed_months(asked.period)[-1:], 1)


def value_held(asked: Asked, sources: Sources) -> sa.Subquery:
    """What each customer brought in the period's closed months, in fen (``holding``)."""
    m = schema.customer_month.c
    return (
        sa.select(m.customer_key, sa.cast(sa.func.sum(m.value_fen), sa.BigInteger).label("holding"))
        .where(m.month.in_(closed_months(asked.period)))
        .group_by(m.customer_key)
        .subquery("holding")
    )


def contacts_held(asked: Asked, sources: Sources) -> sa.Subquery:
    """How many contacts each identified customer had in the period (``holding``)."""
    counted = contacts_of(asked, parts.CONTACTS_IDENTIFIED.where, (), sources)
    return sa.select(counted.c.customer_key, counted.c.contacts.label("holding")).subquery("holding")


def ranked_holdings(
    by: list[str], where: list[sa.ColumnElement[bool]], base: sa.CTE, held: sa.Subquery
) -> tuple[sa.CTE, sa.CTE]:
    """The customers of ``base`` with what each holds (``amount``, 0 for nothing), and those not below zero with rank
    ``i`` of ``n`` in ascending order within the dimensions ``by``.
    """
    amount = sa.func.coalesce(held.c.holding, 0)
    each = (
        sa.select(
            base.c.customer_key, base.c.tier, *(base.c[key] for key in by if key != "tier"), amount.label("amount")
        )
        .select_from(base.outerjoin(held, held.c.customer_key == base.c.customer_key))
        .where(*where)
        .cte("each_customer")
    )
    keys = [each.c[key] for key in by]
    order = (each.c.amount, each.c.customer_key)
    ranked = (
        sa.select(
            *each.c,
            sa.func.row_number().over(partition_by=keys or None, order_by=order).label("i"),
            sa.func.count().over(partition_by=keys or None).label("n"),
        )
        .where(each.c.amount >= 0)
        .cte("ranked")
    )
    return each, ranked


def in_top(ranked: sa.CTE) -> sa.ColumnElement[bool]:
    """Among the top ⌈20 %⌉ of n: 5·(n − i) < n."""
    return 5 * (ranked.c.n - ranked.c.i) < ranked.c.n


def _concentration(
    asked: Asked, sources: Sources, what: str, holdings: Callable[[Asked, Sources], sa.Subquery]
) -> dict[Key, Raw]:
    """Top-20 % share or Gini over the customers open on the first day; zeros included, negatives left out and noted.

    Gini, biased form, with ranks i of ascending values: Σ (2i − n − 1)·x ÷ (n · Σ x).
    """
    base = open_customers(asked.period.start)
    by, where = of_customer(asked, base)
    each, ranked = ranked_holdings(by, where, base, holdings(asked, sources))
    r = ranked.c
    groups = [r[key] for key in by]
    top = sa.func.sum(sa.case((in_top(ranked), r.amount), else_=0))
    spread = sa.func.sum((2 * r.i - r.n - 1) * r.amount)
    query = sa.select(*groups, sa.func.max(r.n), sa.func.sum(r.amount), top, spread).group_by(*groups)
    keys = [each.c[key] for key in by]
    negative = sa.select(*keys, sa.func.count(), sa.func.sum(each.c.amount)).where(each.c.amount < 0).group_by(*keys)
    left_out = {tuple(row[:-2]): (row[-2], int(row[-1])) for row in _rows(asked, negative) if row[-2]}
    found: dict[Key, Raw] = {}
    for row in _rows(asked, query):
        n, total, top_sum, spread_sum = row[-4:]
        if n is None:
            continue
        key = tuple(row[:-4])
        raw = quotient(int(top_sum), int(total), n) if what == "top" else quotient(int(spread_sum), n * int(total), n)
        count, amount_out = left_out.get(key, (0, 0))
        raw.note = (("negative_customers", count), ("negative_sum", amount_out)) if count else ()
        found[_arrange(asked, by, key)] = raw
    return found


def top20_share(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Value of the top ⌈20 %⌉ of customers ÷ total value."""
    return _concentration(asked, sources, "top", value_held)


def top20_share_contacts(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Contacts of the top ⌈20 %⌉ of customers by contacts ÷ all."""
    return _concentration(asked, sources, "top", contacts_held)


def gini(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Gini coefficient of customer value."""
    return _concentration(asked, sources, "gini", value_held)


def gini_contacts(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Gini coefficient of contacts."""
    return _concentration(asked, sources, "gini", contacts_held)


def tier_upgrade_rate(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Tier at the end of the last day against tier on the first; by ``tier_after`` the migration matrix, each cell as
    a share of its row.
    """
    first, last = asked.period.start, asked.period.end
    base = open_customers(first)
    by, where = of_customer(asked, base)
    after = schema.customer_tier.alias("tier_at_end")
    c = schema.customer.c
    left = sa.and_(c.closed_on.is_not(None), c.closed_on <= last)
    target = sa.case((left, sa.literal_column("'exit'")), else_=sa.cast(after.c.tier, sa.String))
    rose = sa.func.sum(sa.case((sa.and_(sa.not_(left), after.c.tier > base.c.tier), 1), else_=0))
    matrix = "tier_after" in asked.by
    columns = [*(base.c[key] for key in by), *([target] if matrix else [])]
    filters = [condition(target, f) for f in asked.filters if f.dimension == "tier_after"]
    from_ = base.join(schema.customer, c.customer_key == base.c.customer_key).outerjoin(
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
        .group_by(*_labels(columns))
    )
    rows = [row for row in _rows(asked, query) if row[-2]]
    if not matrix:
        return {_arrange(asked, by, row[:-2]): quotient(int(row[-1]), row[-2], row[-2]) for row in rows}
    totals: dict[Key, int] = {}
    for row in rows:
        totals[tuple(row[: len(by)])] = totals.get(tuple(row[: len(by)]), 0) + row[-2]
    found: dict[Key, Raw] = {}
    for *key, customers, _ in rows:
        total = totals[tuple(key[: len(by)])]
        raw = quotient(customers, total, total)
        found[_arrange(asked, [*by, "tier_after"], key)] = replace(raw, customers=customers)
    return found
