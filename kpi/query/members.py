"""The members behind the KPIs of cohorts: one row a customer (or topic), those of the numerator marked."""

from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa

from kpi import schema
from kpi.metrics import parts
from kpi.metrics.dimensions import INTERACTION
from kpi.query.complaints import snapshot
from kpi.query.concentration import contacts_held, in_top, ranked_holders, value_held
from kpi.query.conditions import condition, joined
from kpi.query.customers import Sources, closed_months, engaged_contacts, masked, of_customer, open_customers
from kpi.query.measure import Asked, source_conditions
from kpi.query.tail import joined_later, reach, year_to

_NOT_A_RATE = sa.cast(sa.null(), sa.Boolean)


def _shown(customer_key: sa.ColumnElement, *columns: sa.ColumnElement) -> list[sa.ColumnElement]:
    """Masked customer and his attributes; the customer table must be joined."""
    c = schema.customer.c
    return [masked(customer_key).label("customer"), *columns, c.region, c.age_band, c.opened_on]


def _served_base(asked: Asked, sources: Sources, mark: str) -> sa.Select:
    """The tail base with its contacts in the period (``unreached``: in the year); ``mark``: what the numerator is."""
    base = open_customers(asked)
    _, where = of_customer(asked, base)
    period = year_to(asked.period.end) if mark == "unreached" else asked.period
    reached = engaged_contacts(replace(asked, period=period), (), sources)
    times = sa.func.coalesce(reached.c.contacts, 0)
    from_ = base.outerjoin(reached, reached.c.customer_key == base.c.customer_key).join(
        schema.customer, schema.customer.c.customer_key == base.c.customer_key
    )
    numerator = {"served": times > 0, "unreached": times == 0, "none": _NOT_A_RATE}[mark]
    for filter_ in asked.filters:
        if filter_.dimension == "reach":
            where.append(condition(reach(reached.c.contacts), filter_))
    return (
        sa.select(
            numerator.label("numerator"),
            reached.c.first_date.label("first_date"),
            *_shown(base.c.customer_key, base.c.tier, times.label("contacts")),
        )
        .select_from(from_)
        .where(*where, base.c.is_tail)
    )


def _tail_days(asked: Asked, sources: Sources) -> sa.Select:
    """One row a tail customer and day with an engaged contact."""
    from_, columns = joined(INTERACTION.from_, INTERACTION.columns, asked.dimensions)
    i = schema.interaction.c
    where = [
        parts.ENGAGED_TAIL.where,
        i.business_date.between(asked.period.start, asked.period.end),
        *source_conditions(INTERACTION, sources, asked.cuts),
        *(condition(columns[f.dimension], f) for f in asked.filters),
    ]
    return _by_customer(from_, where, i.business_date)


def _joined_later(asked: Asked, sources: Sources) -> sa.Select:
    """One row a customer who is tail at the contact but was not in the tail base."""
    from_, where, _ = joined_later(asked, sources)
    return _by_customer(from_, where)


def _by_customer(from_: sa.FromClause, where: list[sa.ColumnElement[bool]], *by: sa.ColumnElement) -> sa.Select:
    """Contacts as one row a customer (and ``by``): tier, how often, first date."""
    i = schema.interaction.c
    return (
        sa.select(
            _NOT_A_RATE.label("numerator"),
            sa.func.min(i.business_date).label("first_date"),
            sa.func.max(masked(i.customer_key)).label("customer"),
            sa.func.max(i.tier).label("tier"),
            sa.func.count().label("contacts"),
        )
        .select_from(from_.outerjoin(schema.customer, schema.customer.c.customer_key == i.customer_key))
        .where(*where)
        .group_by(i.customer_key, *by)
    )


def _member_months(asked: Asked, sources: Sources, *, active: bool) -> sa.Select:
    """The tail base's months that a tail dividend is taken over."""
    base = open_customers(asked)
    _, where = of_customer(asked, base)
    reached = engaged_contacts(asked, (), sources)
    m = schema.customer_month.c
    served = sa.case((reached.c.customer_key.is_not(None), "yes"), else_="no")
    months = closed_months(asked.period)
    where += [condition(served, f) for f in asked.filters if f.dimension == "served"]
    where += [base.c.is_tail, m.month.in_(months[-1:] if active else months)]
    where.append(m.products.is_not(None) if active else m.value_fen.is_not(None))
    from_ = (
        base.join(schema.customer_month, m.customer_key == base.c.customer_key)
        .outerjoin(reached, reached.c.customer_key == base.c.customer_key)
        .join(schema.customer, schema.customer.c.customer_key == base.c.customer_key)
    )
    mark = m.products > 0 if active else _NOT_A_RATE
    return (
        sa.select(
            mark.label("numerator"),
            m.month,
            *_shown(base.c.customer_key, base.c.tier, m.value_fen, m.products, served.label("served")),
        )
        .select_from(from_)
        .where(*where)
    )


def _holders(asked: Asked, held: sa.Subquery, *, top: bool) -> sa.Select:
    """The customers among whom a concentration is measured, the top 20 % marked."""
    base = open_customers(asked)
    _, where = of_customer(asked, base)
    ranked = ranked_holders(base, where, held)
    mark = in_top(ranked) if top else _NOT_A_RATE
    return sa.select(
        mark.label("numerator"),
        ranked.c.i.label("rank"),
        *_shown(ranked.c.customer_key, ranked.c.tier, ranked.c.amount),
    ).select_from(ranked.join(schema.customer, schema.customer.c.customer_key == ranked.c.customer_key))


def _tiers(asked: Asked, sources: Sources) -> sa.Select:
    """Customers open on the first day with their tier then and at the end."""
    base = open_customers(asked)
    _, where = of_customer(asked, base)
    after = schema.customer_tier.alias("tier_at_end")
    c, last = schema.customer.c, asked.period.end
    left = sa.and_(c.closed_on.is_not(None), c.closed_on <= last)
    target = sa.case((left, "exit"), else_=sa.cast(after.c.tier, sa.String))
    where += [condition(target, f) for f in asked.filters if f.dimension == "tier_after"]
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
            *_shown(base.c.customer_key, target.label("tier_after")),
        )
        .select_from(from_)
        .where(*where, base.c.tier.is_not(None))
    )


def _topic_contacts(asked: Asked, sources: Sources) -> sa.Select:
    """Per topic: contacts, sessions and those resolved, of which the KPIs across topics are made."""
    from_, columns = joined(INTERACTION.from_, INTERACTION.columns, (*asked.dimensions, "topic"))
    i = schema.interaction.c
    wanted = (parts.CONTACTS, parts.COHORT, parts.RESOLVED, parts.TOPIC_CLOSED, parts.TOPIC_RESOLVED)
    sums = [part.sum().label(part.id) for part in wanted]
    return (
        sa.select(_NOT_A_RATE.label("numerator"), i.topic, *sums)
        .select_from(from_)
        .where(
            i.topic.is_not(None),
            i.business_date.between(asked.period.start, asked.period.end),
            *source_conditions(INTERACTION, sources, asked.cuts),
            *(condition(columns[f.dimension], f) for f in asked.filters),
        )
        .group_by(i.topic)
    )


def _open_complaints(asked: Asked, sources: Sources) -> sa.Select:
    """The complaints still open, with the dates of their clocks."""
    c = schema.complaint.c
    from_, where, columns = snapshot(replace(asked, by=("complaint_age", "due_state", "channel", "topic")), sources)
    from_ = from_.outerjoin(schema.customer, schema.customer.c.customer_key == c.customer_key)
    return (
        sa.select(
            _NOT_A_RATE.label("numerator"),
            c.opened_on.label("complaint_opened"),
            c.due_on.label("complaint_due"),
            *(columns[key].label(key) for key in ("due_state", "complaint_age")),
            sa.case((c.customer_key.is_not(None), masked(c.customer_key))).label("customer"),
            *(columns[key].label(key) for key in ("channel", "topic")),
            c.source,
            c.complaint_id,
        )
        .select_from(from_)
        .where(*where)
    )


MEMBERS: dict[str, Callable[[Asked, Sources], sa.Select]] = {
    "tail_base": lambda asked, sources: _served_base(asked, sources, "none"),
    "long_tail_coverage": lambda asked, sources: _served_base(asked, sources, "served"),
    "tail_reach_frequency": lambda asked, sources: _served_base(asked, sources, "none"),
    "tail_unreached_year": lambda asked, sources: _served_base(asked, sources, "unreached"),
    "tail_served_average": _tail_days,
    "tail_joined_later": _joined_later,
    "top20_share": lambda asked, sources: _holders(asked, value_held(asked, sources), top=True),
    "top20_share_contacts": lambda asked, sources: _holders(asked, contacts_held(asked, sources), top=True),
    "gini": lambda asked, sources: _holders(asked, value_held(asked, sources), top=False),
    "gini_contacts": lambda asked, sources: _holders(asked, contacts_held(asked, sources), top=False),
    "tail_value": lambda asked, sources: _member_months(asked, sources, active=False),
    "tail_active": lambda asked, sources: _member_months(asked, sources, active=True),
    "tier_upgrade_rate": _tiers,
    "consistency": _topic_contacts,
    "topic_tail_coverage": _topic_contacts,
    "complaints_open": _open_complaints,
}
