"""Cohorts of customers: who was there on a day, what contacts they had, and what a KPI of them consists of."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import sqlalchemy as sa

from kpi import schema
from kpi.metrics import parts
from kpi.metrics.dimensions import INTERACTION, segment
from kpi.query.answer import Cut
from kpi.query.fact_rows import masked
from kpi.query.measure import Aggregate
from kpi.query.question import Filter, Period
from kpi.query.selection import Conditions, Key, Selected, Selection, Sources, typed
from kpi.query.subquery_cache import cached

_i = schema.interaction.c
# What a customer has; every other dimension of these KPIs is a contact's, or made here.
OF_CUSTOMER = ("tier", "region", "age_band", "segment")
_MADE_HERE = ("through", "reach", "served", "tier_after")

# Readings of cohorts that are kept, of each kind: the usual periods of all and of each channel, and what they are
# compared with, some forty, and as many more of others. Each is a few numbers.
MOST_READINGS = 256

# What marks a row where the number is no rate.
NOT_A_RATE = sa.cast(sa.null(), sa.Boolean)


@dataclass(frozen=True)
class Cohort:
    """One KPI of customers, topics or complaints, both sides of which read the same relation. ``compute``: key -> its
    figure; ``rows``: what the figure of everything stands on, as many rows as its n, those of the numerator marked.
    """

    compute: Callable[[Selection, Sources], dict[Key, Aggregate]]
    rows: Callable[[Selection, Sources], sa.Select]


@dataclass(frozen=True)
class CohortReading:
    """What decides over what is read of a cohort; equal readings find the same."""

    engine: sa.Engine
    version: int
    period: Period
    filters: tuple[Filter, ...]
    cuts: tuple[Cut, ...]
    sources: Sources
    selection: Selection = field(compare=False)

    @classmethod
    def of(cls, selection: Selection, sources: Sources) -> "CohortReading":
        version = selection.published.version
        return cls(
            selection.connection.engine,
            version,
            selection.period,
            selection.filters,
            selection.cuts,
            sources,
            selection,
        )


def shared_reading(
    selection: Selection, sources: Sources, by: Sequence[str]
) -> tuple[CohortReading, tuple[str, ...], Callable[[Key], Key | None]]:
    """How to read a cohort for a question by the customer's dimensions ``by``: the reading, the dimensions to read by,
    and the place of what is found: its key in ``by``, None where the question's filters leave it out.

    All tiers that the asker may see by tier, once for the questions in total, by tier and of single tiers: their sums
    are the same.
    """
    if not {"tier"}.issuperset(by):
        return CohortReading.of(selection, sources), tuple(by), lambda key: key
    lifted = [f for f in selection.filters if f.dimension == "tier" and f not in selection.scope]
    wanted = [{typed("tier", value) for value in f.values} for f in lifted]
    others = tuple(f for f in selection.filters if f not in lifted)
    reading = CohortReading.of(replace(selection, filters=others), sources)
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


def open_customers(selection: Selection) -> sa.Subquery:
    """Customers open on the period's first day: key; the day of closing; tier, is_tail and segment as of that day;
    region and age band where the question needs them, since texts take as long to put together as all else.
    """
    day, c, t, m = selection.period.start, schema.customer.c, schema.customer_tier.c, schema.customer_month.c
    # Without a value in the last closed month a customer is tail: nobody knows of a reason to call him top.
    is_tail = sa.func.coalesce(m.is_tail, sa.true())
    holds = sa.and_(
        t.customer_key == c.customer_key, t.valid_from <= day, sa.or_(t.valid_to.is_(None), t.valid_to > day)
    )
    needed = {*selection.by, *(one.dimension for one in selection.filters)}
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
    table = cached(selection.connection, selection.published, "open", (day, *texts), query)
    return sa.select(table, segment(table.c.is_tail).label("segment")).subquery("base")


def served_customers(selection: Selection, sources: Sources) -> sa.Table:
    """Customers with a contact in the period: key, ``contacts``, how many of them ``engaged``, and the ``first_date``
    of these.
    """
    rows = _contacts(selection, parts.CONTACTS_IDENTIFIED.where, sources)
    engaged = sa.case((_i.engaged.is_(True), _i.business_date))
    query = (
        sa.select(
            _i.customer_key,
            sa.func.count().label("contacts"),
            sa.func.count(engaged).label("engaged"),
            sa.func.min(engaged).label("first_date"),
        )
        .select_from(rows.from_)
        .where(*rows.where)
        .group_by(_i.customer_key)
    )
    return cached(selection.connection, selection.published, "served", _contacts_asked(selection, sources), query)


def reached_customers(selection: Selection, sources: Sources) -> sa.Table:
    """Customers with an engaged contact in the period: their keys."""
    rows = _contacts(selection, parts.engaged_customer, sources)
    query = sa.select(_i.customer_key).select_from(rows.from_).where(*rows.where).distinct()
    return cached(selection.connection, selection.published, "reached", _contacts_asked(selection, sources), query)


def valued_customers(selection: Selection) -> sa.Table:
    """Customers with a row in the period's closed months: key, the ``value`` in fen of all the ``months`` that have
    one; whether the last has products recorded (``known``: 1 or 0), and whether any is in use (``active``).
    """
    m, months = schema.customer_month.c, closed_months(selection.period)
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
    return cached(selection.connection, selection.published, "valued", tuple(months), query)


def of_customer(selection: Selection, base: sa.FromClause) -> tuple[list[str], Conditions]:
    """The question's customer dimensions, and its filters on them as conditions on ``base``."""
    by = [key for key in selection.by if key in OF_CUSTOMER]
    where = selection.conditions(dict(base.c), OF_CUSTOMER)
    return by, where


def of_contact(selection: Selection) -> list[str]:
    """The question's dimensions that are a contact's."""
    return [key for key in selection.by if key not in OF_CUSTOMER and key not in _MADE_HERE]


def _on_contacts(selection: Selection) -> tuple[Filter, ...]:
    """The question's filters on contacts."""
    return tuple(f for f in selection.filters if f.dimension not in OF_CUSTOMER and f.dimension not in _MADE_HERE)


def _contacts_asked(selection: Selection, sources: Sources) -> Hashable:
    """All that decides over which contacts are read, beside their kind."""
    return selection.period, _on_contacts(selection), selection.cuts, sources


def _contacts(selection: Selection, kind: sa.ColumnElement[bool], sources: Sources, by: Sequence[str] = ()) -> Selected:
    """The period's contacts of a kind that pass the question's filters on contacts."""
    filtered = [one.dimension for one in _on_contacts(selection)]
    return selection.facts(INTERACTION, sources, kind, dimensions=[*by, *filtered], filtered=filtered)


def engaged_contacts(selection: Selection, by: Sequence[str], sources: Sources) -> sa.Subquery:
    """Per customer (and contact dimension): number of engaged contacts in the period, and the date of the first."""
    rows = _contacts(selection, parts.engaged_customer, sources, by)
    keys = [rows.columns[key] for key in by]
    return (
        sa.select(
            _i.customer_key,
            *(key.label(name) for key, name in zip(keys, by, strict=True)),
            sa.func.count().label("contacts"),
            sa.func.min(_i.business_date).label("first_date"),
        )
        .select_from(rows.from_)
        .where(*rows.where)
        .group_by(_i.customer_key, *keys)
        .subquery("contact")
    )


def read_rows(selection: Selection, query: sa.Select | sa.CompoundSelect) -> list[sa.Row]:
    """What the query finds, the limits of maturity filled in."""
    # All at once: the driver takes ten times as long for a row by itself.
    return list(selection.connection.execute(query, selection.published.binds()).all())


def labels_of(columns: Sequence[object]) -> list[sa.TextClause]:
    """The columns as named in the select list: an expression with bound values cannot be repeated in GROUP BY."""
    return [sa.text(f"k{i}") for i in range(len(columns))]


def arrange(selection: Selection, names: Sequence[str], values: Sequence[object]) -> Key:
    """A key in the question's order from values named ``names``."""
    found = dict(zip(names, values, strict=True))
    return tuple(found[key] for key in selection.by)  # type: ignore[misc]


def shown(customer_key: sa.ColumnElement, *columns: sa.ColumnElement) -> list[sa.ColumnElement]:
    """Masked customer and his attributes; the customer table must be joined."""
    c = schema.customer.c
    return [masked(customer_key).label("customer"), *columns, c.region, c.age_band, c.opened_on]
