"""Cohorts of customers: who was there on a day, what contacts they had, and who of them rose in tier."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache

import sqlalchemy as sa

from kpi import schema
from kpi.metrics import parts
from kpi.metrics.dimensions import INTERACTION, segment
from kpi.query.answer import Cut
from kpi.query.conditions import condition, joined, typed
from kpi.query.kept import kept
from kpi.query.measure import Asked, Key, Raw, quotient, source_conditions
from kpi.query.question import Filter, Period

_i = schema.interaction.c
# What a customer has; every other dimension of these KPIs is a contact's, or made here.
OF_CUSTOMER = ("tier", "region", "age_band", "segment")
_MADE_HERE = ("through", "reach", "served", "tier_after")

Sources = frozenset[str] | None

# Readings of cohorts that are kept, of each kind: the usual periods of all and of each channel, and what they are
# compared with, some forty, and as many more of others. Each is a few numbers.
MOST_READINGS = 256


@dataclass(frozen=True)
class Reading:
    """What decides over what is read of a cohort; equal readings find the same."""

    engine: sa.Engine
    version: int
    period: Period
    filters: tuple[Filter, ...]
    cuts: tuple[Cut, ...]
    sources: Sources
    asked: Asked = field(compare=False)

    @classmethod
    def of(cls, asked: Asked, sources: Sources) -> "Reading":
        version = asked.published.version
        return cls(asked.connection.engine, version, asked.period, asked.filters, asked.cuts, sources, asked)


def shared_reading(
    asked: Asked, sources: Sources, by: Sequence[str]
) -> tuple[Reading, tuple[str, ...], Callable[[Key], Key | None]]:
    """How to read a cohort for a question by the customer's dimensions ``by``: the reading, the dimensions to read by,
    and the place of what is found: its key in ``by``, None where the question's filters leave it out.

    All tiers by tier, once for the questions in total, by tier and of single tiers: their sums are the same.
    """
    if not {"tier"}.issuperset(by):
        return Reading.of(asked, sources), tuple(by), lambda key: key
    wanted = [{typed("tier", value) for value in f.values} for f in asked.filters if f.dimension == "tier"]
    others = tuple(f for f in asked.filters if f.dimension != "tier")
    reading = Reading.of(replace(asked, filters=others), sources)
    return reading, ("tier",), lambda key: key[: len(by)] if all(key[0] in values for values in wanted) else None


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


def open_customers(asked: Asked) -> sa.Subquery:
    """Customers open on the period's first day: key; the day of closing; tier, is_tail and segment as of that day;
    region and age band where the question needs them, since texts take as long to put together as all else.
    """
    day, c, t, m = asked.period.start, schema.customer.c, schema.customer_tier.c, schema.customer_month.c
    # Without a value in the last closed month a customer is tail: nobody knows of a reason to call him top.
    is_tail = sa.func.coalesce(m.is_tail, sa.true())
    holds = sa.and_(
        t.customer_key == c.customer_key, t.valid_from <= day, sa.or_(t.valid_to.is_(None), t.valid_to > day)
    )
    needed = {*asked.by, *(one.dimension for one in asked.filters)}
    texts = [name for name in ("region", "age_band") if name in needed]
    query = (
        sa.select(c.customer_key, c.closed_on, *(c[name] for name in texts), t.tier, is_tail.label("is_tail"))
        .select_from(
            schema.customer.outerjoin(
                schema.customer_month, sa.and_(m.customer_key == c.customer_key, m.month == last_closed_month(day))
            ).outerjoin(schema.customer_tier, holds)
        )
        .where(c.opened_on <= day, sa.or_(c.closed_on.is_(None), c.closed_on > day))
    )
    table = kept(asked.connection, asked.published, "open", (day, *texts), query)
    return sa.select(table, segment(table.c.is_tail).label("segment")).subquery("base")


def served_customers(asked: Asked, sources: Sources) -> sa.Table:
    """Customers with a contact in the period: key, ``contacts``, how many of them ``engaged``, and the ``first_date``
    of these.
    """
    from_, where, _ = _contacts(asked, parts.CONTACTS_IDENTIFIED.where, sources)
    engaged = sa.case((_i.engaged.is_(True), _i.business_date))
    query = (
        sa.select(
            _i.customer_key,
            sa.func.count().label("contacts"),
            sa.func.count(engaged).label("engaged"),
            sa.func.min(engaged).label("first_date"),
        )
        .select_from(from_)
        .where(*where)
        .group_by(_i.customer_key)
    )
    return kept(asked.connection, asked.published, "served", _contacts_asked(asked, sources), query)


def reached_customers(asked: Asked, sources: Sources) -> sa.Table:
    """Customers with an engaged contact in the period: their keys."""
    from_, where, _ = _contacts(asked, parts.engaged_customer, sources)
    query = sa.select(_i.customer_key).select_from(from_).where(*where).distinct()
    return kept(asked.connection, asked.published, "reached", _contacts_asked(asked, sources), query)


def valued_customers(asked: Asked) -> sa.Table:
    """Customers with a row in the period's closed months: key, the ``value`` in fen of all the ``months`` that have
    one; whether the last has products recorded (``known``: 1 or 0), and whether any is in use (``active``).
    """
    m, months = schema.customer_month.c, closed_months(asked.period)
    last = sa.and_(m.month == months[-1], m.products.is_not(None))
    query = (
        sa.select(
            m.customer_key,
            sa.cast(sa.func.sum(m.value_fen), sa.BigInteger).label("value"),
            sa.func.count(m.value_fen).label("months"),
            sa.func.count(sa.case((last, 1))).label("known"),
            sa.func.count(sa.case((sa.and_(last, m.products > 0), 1))).label("active"),
        )
        .where(m.month.in_(months))
        .group_by(m.customer_key)
    )
    return kept(asked.connection, asked.published, "valued", tuple(months), query)


def masked(customer_key: sa.ColumnElement) -> sa.ColumnElement[str]:
    """How a customer is shown: his masked id (``customer`` must be joined), else the end of his pseudonym."""
    tail = sa.func.right(sa.cast(customer_key, sa.String), 4)
    return sa.func.coalesce(schema.customer.c.masked_id, "••" + tail)


def of_customer(asked: Asked, base: sa.FromClause) -> tuple[list[str], list[sa.ColumnElement[bool]]]:
    """The question's customer dimensions, and its filters on them as conditions on ``base``."""
    by = [key for key in asked.by if key in OF_CUSTOMER]
    where = [condition(base.c[f.dimension], f) for f in asked.filters if f.dimension in OF_CUSTOMER]
    return by, where


def of_contact(asked: Asked) -> list[str]:
    """The question's dimensions that are a contact's."""
    return [key for key in asked.by if key not in OF_CUSTOMER and key not in _MADE_HERE]


def _on_contacts(asked: Asked) -> tuple[Filter, ...]:
    """The question's filters on contacts."""
    return tuple(f for f in asked.filters if f.dimension not in OF_CUSTOMER and f.dimension not in _MADE_HERE)


def _contacts_asked(asked: Asked, sources: Sources) -> Hashable:
    """All that decides over which contacts are read, beside their kind."""
    return asked.period, _on_contacts(asked), asked.cuts, sources


def _contacts(
    asked: Asked, kind: sa.ColumnElement[bool], sources: Sources, by: Sequence[str] = ()
) -> tuple[sa.FromClause, list[sa.ColumnElement[bool]], Mapping[str, sa.ColumnElement]]:
    """The period's contacts of a kind that pass the question's filters on contacts: from, conditions, and dimension ->
    column.
    """
    filters = _on_contacts(asked)
    from_, columns = joined(
        INTERACTION.from_, INTERACTION.columns, dict.fromkeys([*by, *(f.dimension for f in filters)])
    )
    where = [
        kind,
        _i.business_date.between(asked.period.start, asked.period.end),
        *source_conditions(INTERACTION, sources, asked.cuts),
        *(condition(columns[f.dimension], f) for f in filters),
    ]
    return from_, where, columns


def engaged_contacts(asked: Asked, by: Sequence[str], sources: Sources) -> sa.Subquery:
    """Per customer (and contact dimension): number of engaged contacts in the period, and the date of the first."""
    from_, where, columns = _contacts(asked, parts.engaged_customer, sources, by)
    keys = [columns[key] for key in by]
    return (
        sa.select(
            _i.customer_key,
            *(key.label(name) for key, name in zip(keys, by, strict=True)),
            sa.func.count().label("contacts"),
            sa.func.min(_i.business_date).label("first_date"),
        )
        .select_from(from_)
        .where(*where)
        .group_by(_i.customer_key, *keys)
        .subquery("contact")
    )


def read_rows(asked: Asked, query: sa.Select | sa.CompoundSelect) -> list[sa.Row]:
    """What the query finds, the limits of maturity filled in."""
    # All at once: the driver takes ten times as long for a row by itself.
    return list(asked.connection.execute(query, asked.published.binds()).all())


def labels_of(columns: Sequence[object]) -> list[sa.TextClause]:
    """The columns as named in the select list: an expression with bound values cannot be repeated in GROUP BY."""
    return [sa.text(f"k{i}") for i in range(len(columns))]


def arrange(asked: Asked, names: Sequence[str], values: Sequence[object]) -> Key:
    """A key in the question's order from values named ``names``."""
    found = dict(zip(names, values, strict=True))
    return tuple(found[key] for key in asked.by)  # type: ignore[misc]


@lru_cache(maxsize=MOST_READINGS)
def _moves(reading: Reading, by: tuple[str, ...]) -> tuple[tuple[Key, str | None, int, int], ...]:
    """Of the customers open on the first day, by their dimensions and where they are at the end of the last: how many,
    and how many of them rose.
    """
    asked, last = reading.asked, reading.period.end
    base = open_customers(asked)
    _, where = of_customer(asked, base)
    after = schema.customer_tier.alias("tier_at_end")
    left = sa.and_(base.c.closed_on.is_not(None), base.c.closed_on <= last)
    target = sa.case((left, sa.literal_column("'exit'")), else_=sa.cast(after.c.tier, sa.String))
    rose = sa.func.sum(sa.case((sa.and_(sa.not_(left), after.c.tier > base.c.tier), 1), else_=0))
    columns = [*(base.c[key] for key in by), target]
    filters = [condition(target, f) for f in asked.filters if f.dimension == "tier_after"]
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
    return tuple((tuple(key), to, n, int(up)) for *key, to, n, up in read_rows(asked, query) if n)


def tier_upgrade_rate(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Tier at the end of the last day against tier on the first; by ``tier_after`` the migration matrix, each cell as
    a share of its row.
    """
    by = [key for key in asked.by if key in OF_CUSTOMER]
    matrix = "tier_after" in asked.by
    reading, read, place = shared_reading(asked, sources, by)
    totals: dict[Key, int] = defaultdict(int)
    counts: dict[Key, int] = defaultdict(int)
    for key, to, customers, rose in _moves(reading, read):
        row = place(key)
        if row is None:
            continue
        totals[row] += customers
        counts[(*row, to) if matrix else row] += customers if matrix else rose
    if not matrix:
        return {arrange(asked, by, row): quotient(counts[row], total, total) for row, total in totals.items()}
    found: dict[Key, Raw] = {}
    for key, customers in counts.items():
        total = totals[key[:-1]]
        raw = quotient(customers, total, total)
        found[arrange(asked, [*by, "tier_after"], key)] = replace(raw, customers=customers)
    return found
