"""KPIs of the long tail: the base of a period's first day, who of it was reached and how often, and what it brings.

The rule of who is tail is a dated setting of the warehouse (``tail_rule``). Each KPI takes what is asked and the feeds
that record it, and gives key -> ``Raw`` like a plan does.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

import sqlalchemy as sa

from kpi import schema
from kpi.metrics import parts
from kpi.metrics.dimensions import INTERACTION
from kpi.metrics.registry import METRICS
from kpi.query.answer import DimensionValue
from kpi.query.conditions import condition, joined
from kpi.query.customers import (
    MOST_READINGS,
    OF_CUSTOMER,
    Reading,
    Sources,
    arrange,
    engaged_contacts,
    labels_of,
    last_closed_month,
    of_contact,
    of_customer,
    open_customers,
    reached_customers,
    read_rows,
    served_customers,
    shared_reading,
    valued_customers,
)
from kpi.query.measure import Asked, Key, Plan, Raw, quotient, request, source_conditions
from kpi.query.question import Period

_YEAR = 365
_TIMES = ("date", "week", "month")


@dataclass(frozen=True)
class TailRule:
    """Who is long tail. ``kind`` value: outside the top ``parameter`` percent by value in ``month``, the last one
    closed before the base is taken; tier: at most ``parameter`` stars. In force for months from ``valid_from``.
    """

    kind: str
    parameter: int
    valid_from: date
    month: date


def tail_rule_on(connection: sa.Connection, start: date) -> TailRule:
    """The rule that decides over the base of a period beginning on ``start``."""
    month, rule = last_closed_month(start), schema.tail_rule.c
    query = sa.select(rule.kind, rule.parameter, rule.valid_from).where(rule.valid_from <= month)
    kind, parameter, valid_from = connection.execute(query.order_by(rule.valid_from.desc()).limit(1)).one()
    return TailRule(kind, parameter, valid_from, month)


def tail_members(asked: Asked) -> tuple[sa.FromClause, list[str], list[sa.ColumnElement[bool]]]:
    """The tail base of the period's first day, the question's customer dimensions, and its conditions."""
    base = open_customers(asked)
    by, where = of_customer(asked, base)
    return base, by, [*where, base.c.is_tail]


def _sizes(asked: Asked) -> dict[Key, int]:
    """Members of the tail base by the question's customer dimensions."""
    base, by, where = tail_members(asked)
    columns = [base.c[key] for key in by]
    query = sa.select(*columns, sa.func.count()).select_from(base).where(*where).group_by(*columns)
    return {tuple(row[:-1]): row[-1] for row in read_rows(asked, query) if row[-1]}


def tail_base(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Size of the tail base on the period's first day."""
    by = [key for key in asked.by if key in OF_CUSTOMER]
    return {arrange(asked, by, key): Raw(size, None, size, float(size)) for key, size in _sizes(asked).items()}


# --- reached ---------------------------------------------------------------------------------------------------------


def reach(contacts: sa.ColumnElement[int]) -> sa.ColumnElement[str]:
    """The value of the dimension ``reach`` for a customer's number of contacts (null = none)."""
    times = sa.func.coalesce(contacts, 0)
    bounds = ((0, "0"), (1, "1"), (3, "2-3"), (9, "4-9"))
    return sa.case(*((times <= upper, sa.literal_column(f"'{name}'")) for upper, name in bounds),
                   else_=sa.literal_column("'10+'"))  # fmt: skip


@dataclass(frozen=True)
class _Group:
    """``members`` of the tail base with the same customer dimensions, ``reach`` and date of their first engaged
    contact in the period (None: never reached).
    """

    key: Key
    reach: str
    first: date | None
    members: int


@lru_cache(maxsize=MOST_READINGS)
def _cohort(reading: Reading, by: tuple[str, ...]) -> tuple[_Group, ...]:
    """The whole tail base, cut by dimensions of the customer. The dearest reading of all, asked for by several KPIs."""
    asked = replace(reading.asked, by=by)
    base, _, where = tail_members(asked)
    served = served_customers(asked, reading.sources)
    columns = [*(base.c[key] for key in by), reach(served.c.engaged), served.c.first_date]
    query = (
        sa.select(*(column.label(f"k{i}") for i, column in enumerate(columns)), sa.func.count())
        .select_from(base.outerjoin(served, served.c.customer_key == base.c.customer_key))
        .where(*where)
        .group_by(*labels_of(columns))
    )
    return tuple(_Group(tuple(key), times, first, n) for *key, times, first, n in read_rows(asked, query) if n)


def _cohort_by(asked: Asked, sources: Sources, by: list[str]) -> Iterable[tuple[Key, _Group]]:
    """The groups of the base, each with its key in the dimensions ``by``."""
    reading, read, place = shared_reading(asked, sources, by)
    for group in _cohort(reading, read):
        key = place(group.key)
        if key is not None:
            yield key, group


def long_tail_coverage(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Members of the tail base with an engaged contact in the period ÷ tail base; by ``through``, up to each day."""
    by, contact_by = [key for key in asked.by if key in OF_CUSTOMER], of_contact(asked)
    sizes: dict[Key, int] = defaultdict(int)
    served: dict[Key, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    if contact_by:
        sizes |= _sizes(asked)
        for *key, day, members in _served_by_contact(asked, sources, by, contact_by):
            served[tuple(key)][day] += members
    else:
        for group_key, group in _cohort_by(asked, sources, by):
            sizes[group_key] += group.members
            days = served[group_key]
            if group.first is not None:
                days[group.first] += group.members
    names = [*by, *contact_by]
    if not names and "through" in asked.by:
        served.setdefault((), {})  # of an empty base too, every day has its cell
    found: dict[Key, Raw] = {}
    for key_of_group, counts in served.items():
        size = sizes[key_of_group[: len(by)]]
        if "through" not in asked.by:
            found[arrange(asked, names, key_of_group)] = quotient(sum(counts.values()), size, size)
            continue
        so_far = 0
        for day in (asked.period.start + timedelta(days=i) for i in range(asked.period.days)):
            so_far += counts.get(day, 0)
            found[arrange(asked, [*names, "through"], (*key_of_group, day))] = quotient(so_far, size, size)
    return found


def _served_by_contact(asked: Asked, sources: Sources, by: list[str], contact_by: list[str]) -> list[sa.Row]:
    """Members reached, by dimensions of the customer, then of the contact, then the date of the first such contact."""
    base, _, where = tail_members(asked)
    served = engaged_contacts(asked, contact_by, sources)
    columns = [*(base.c[key] for key in by), *(served.c[key] for key in contact_by), served.c.first_date]
    query = (
        sa.select(*columns, sa.func.count())
        .select_from(base.join(served, served.c.customer_key == base.c.customer_key))
        .where(*where)
        .group_by(*columns)
    )
    return read_rows(asked, query)


def tail_reach_frequency(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Members of the tail base by the number of their engaged contacts in the period."""
    by = [key for key in asked.by if key in OF_CUSTOMER]
    wanted = [f.values for f in asked.filters if f.dimension == "reach"]
    names = [*by, *(["reach"] if "reach" in asked.by else [])]
    sizes: dict[Key, int] = defaultdict(int)
    counts: dict[Key, int] = defaultdict(int)
    for key, group in _cohort_by(asked, sources, by):
        sizes[key] += group.members
        if all(group.reach in values for values in wanted):
            counts[(*key, group.reach) if "reach" in asked.by else key] += group.members
    return {
        arrange(asked, names, key): Raw(members, sizes[key[: len(by)]], members, float(members))
        for key, members in counts.items()
    }


def year_to(end: date) -> Period:
    """The 365 days up to ``end``."""
    return Period(end - timedelta(days=_YEAR - 1), end)


@lru_cache(maxsize=MOST_READINGS)
def _reached_in_year(reading: Reading, by: tuple[str, ...]) -> tuple[tuple[Key, int, int], ...]:
    """Members of the tail base by dimensions of the customer: how many, and how many of them had an engaged contact in
    the 365 days up to the period's end.
    """
    asked = replace(reading.asked, by=by)
    base, _, where = tail_members(asked)
    reached = reached_customers(replace(asked, period=year_to(asked.period.end)), reading.sources)
    columns = [base.c[key] for key in by]
    query = (
        sa.select(*columns, sa.func.count(), sa.func.count(reached.c.customer_key))
        .select_from(base.outerjoin(reached, reached.c.customer_key == base.c.customer_key))
        .where(*where)
        .group_by(*columns)
    )
    return tuple((tuple(key), members, met) for *key, members, met in read_rows(asked, query) if members)


def tail_unreached_year(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Members of the tail base without an engaged contact in the 365 days up to the period's end ÷ tail base."""
    by, begun = [key for key in asked.by if key in OF_CUSTOMER], asked.published.data_start
    if begun is None or asked.published.local(begun).date() > year_to(asked.period.end).start:
        return {arrange(asked, by, key): Raw(reason="immature") for key in _sizes(asked)}
    reading, read, place = shared_reading(asked, sources, by)
    members: dict[Key, int] = defaultdict(int)
    unreached: dict[Key, int] = defaultdict(int)
    for key, n, met in _reached_in_year(reading, read):
        found = place(key)
        if found is not None:
            members[found] += n
            unreached[found] += n - met
    return {arrange(asked, by, key): quotient(unreached[key], n, n) for key, n in members.items()}


# --- served, tail at the contact -------------------------------------------------------------------------------------


@lru_cache(maxsize=MOST_READINGS)
def _daily(reading: Reading, by: tuple[str, ...]) -> dict[Key, int]:
    """Distinct customers served who are tail at the contact, by dimensions of the contact, then day."""
    served = METRICS["tail_served_daily"]
    plan = Plan(replace(reading.asked, by=(*by, "date")))
    read = request(plan, served, served.measure, reading.sources)
    return {key: raw.n or 0 for key, raw in read(plan.read()).items()}


def tail_served_average(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Mean over days of the distinct tail customers served a day; by week or month, over the days of each."""
    time = next((key for key in asked.by if key in _TIMES), "")
    by = tuple(key for key in asked.by if key not in _TIMES)
    days: dict[DimensionValue, int] = defaultdict(int)
    for day in (asked.period.start + timedelta(days=i) for i in range(asked.period.days)):
        days[_slot(day, time)] += 1
    sums: dict[Key, int] = defaultdict(int)
    most: dict[Key, int] = defaultdict(int)
    for (*key, day_read), customers in _daily(Reading.of(asked, sources), by).items():
        assert isinstance(day_read, date)
        place = (*key, _slot(day_read, time))
        sums[place] += customers
        most[place] = max(most[place], customers)
    found: dict[Key, Raw] = {}
    for place, total in sums.items():
        raw = replace(quotient(total, days[place[-1]], total), customers=most[place])
        found[arrange(asked, [*by, time], place) if time else arrange(asked, by, place[:-1])] = raw
    return found


def _slot(day: date, time: str) -> DimensionValue:
    """The value of the dimension ``time`` for a day; None for the whole period."""
    match time:
        case "date":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
    return None


def joined_later(asked: Asked, sources: Sources) -> tuple[sa.FromClause, list[sa.ColumnElement[bool]], dict]:
    """Engaged contacts of customers who are tail at the contact but not in the tail base: from, conditions, and
    dimension -> column.
    """
    base = open_customers(asked)
    from_, columns = joined(INTERACTION.from_, INTERACTION.columns, asked.dimensions)
    customer = schema.interaction.c.customer_key
    where = [
        parts.ENGAGED_TAIL.where,
        schema.interaction.c.business_date.between(asked.period.start, asked.period.end),
        *source_conditions(INTERACTION, sources, asked.cuts),
        *(condition(columns[f.dimension], f) for f in asked.filters),
        customer.not_in(sa.select(base.c.customer_key).where(base.c.is_tail)),
    ]
    return from_, where, dict(columns)


def tail_joined_later(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Distinct customers served in the period who joined, or became tail, after its first day."""
    from_, where, columns = joined_later(asked, sources)
    keys = [columns[key] for key in asked.by]
    count = sa.func.count(sa.distinct(schema.interaction.c.customer_key))
    query = sa.select(*keys, count).select_from(from_).where(*where).group_by(*keys)
    return {tuple(key): Raw(n, None, n, float(n)) for *key, n in read_rows(asked, query) if n or not keys}


# --- what the tail brings --------------------------------------------------------------------------------------------


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
def _worth(reading: Reading, by: tuple[str, ...]) -> tuple[_Worth, ...]:
    """What members of the tail base bring in the period's closed months, by whether they were served."""
    asked = replace(reading.asked, by=by)
    base, _, where = tail_members(asked)
    served, valued = served_customers(asked, reading.sources), valued_customers(asked)
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
        _Worth(tuple(row[:-6]), row[-6], *(int(number or 0) for number in row[-5:])) for row in read_rows(asked, query)
    )


def _worth_by(asked: Asked, sources: Sources) -> dict[Key, list[_Worth]]:
    """The groups by the question's key, those of its filter on ``served``."""
    by = [key for key in asked.by if key in OF_CUSTOMER]
    wanted = [f.values for f in asked.filters if f.dimension == "served"]
    found: dict[Key, list[_Worth]] = defaultdict(list)
    reading, read, place = shared_reading(asked, sources, by)
    for group in _worth(reading, read):
        key = place(group.key)
        if key is not None and all(group.served in values for values in wanted):
            found[arrange(asked, [*by, "served"], (*key, group.served))].append(group)
    return found


def tail_value(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Mean over members and closed months, in yuan; n is the number of member-months."""
    found = {}
    for key, groups in _worth_by(asked, sources).items():
        months = sum(group.months for group in groups)
        if months or asked.by:
            raw = quotient(sum(group.value for group in groups), months, months, 0.01)
            found[key] = replace(raw, customers=sum(group.valued for group in groups))
    return found


def tail_active(asked: Asked, sources: Sources) -> dict[Key, Raw]:
    """Members of the tail base with active products in the last closed month ÷ those with a row there."""
    found = {}
    for key, groups in _worth_by(asked, sources).items():
        members = sum(group.members for group in groups)
        if members or asked.by:
            found[key] = quotient(sum(group.active for group in groups), members, members)
    return found
