"""KPIs of the long tail: the base of a period's first day, who of it was reached and how often, and what it brings.

The rule of who is tail is a dated setting of the warehouse (``tail_rule``). Each KPI takes what is asked and the feeds
that record it, and gives key -> ``Aggregate`` like a plan does.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache, partial

import sqlalchemy as sa

from kpi import schema
from kpi.metrics import parts
from kpi.metrics.dimensions import INTERACTION
from kpi.metrics.registry import METRICS
from kpi.query.answer import DimensionValue
from kpi.query.cohorts.base import (
    MOST_READINGS,
    NOT_A_RATE,
    OF_CUSTOMER,
    Cohort,
    CohortReading,
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
    shown,
)
from kpi.query.fact_rows import masked
from kpi.query.measure import Aggregate, Plan, quotient, request
from kpi.query.question import Period
from kpi.query.selection import Key, Selected, Selection, Sources

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


def tail_members(selection: Selection) -> tuple[sa.FromClause, list[str], list[sa.ColumnElement[bool]]]:
    """The tail base of the period's first day, the question's customer dimensions, and its conditions."""
    base = open_customers(selection)
    by, where = of_customer(selection, base)
    return base, by, [*where, base.c.is_tail]


def _sizes(selection: Selection) -> dict[Key, int]:
    """Members of the tail base by the question's customer dimensions."""
    base, by, where = tail_members(selection)
    columns = [base.c[key] for key in by]
    query = sa.select(*columns, sa.func.count()).select_from(base).where(*where).group_by(*columns)
    return {tuple(row[:-1]): row[-1] for row in read_rows(selection, query) if row[-1]}


def tail_base(selection: Selection, sources: Sources) -> dict[Key, Aggregate]:
    """Size of the tail base on the period's first day."""
    by = [key for key in selection.by if key in OF_CUSTOMER]
    return {
        arrange(selection, by, key): Aggregate(size, None, size, float(size)) for key, size in _sizes(selection).items()
    }


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
def _cohort(reading: CohortReading, by: tuple[str, ...]) -> tuple[_Group, ...]:
    """The whole tail base, cut by dimensions of the customer. The dearest reading of all, asked for by several KPIs."""
    selection = replace(reading.selection, by=by)
    base, _, where = tail_members(selection)
    served = served_customers(selection, reading.sources)
    columns = [*(base.c[key] for key in by), reach(served.c.engaged), served.c.first_date]
    query = (
        sa.select(*(column.label(f"k{i}") for i, column in enumerate(columns)), sa.func.count())
        .select_from(base.outerjoin(served, served.c.customer_key == base.c.customer_key))
        .where(*where)
        .group_by(*labels_of(columns))
    )
    return tuple(_Group(tuple(key), times, first, n) for *key, times, first, n in read_rows(selection, query) if n)


def _cohort_by(selection: Selection, sources: Sources, by: list[str]) -> Iterable[tuple[Key, _Group]]:
    """The groups of the base, each with its key in the dimensions ``by``."""
    reading, read, place = shared_reading(selection, sources, by)
    for group in _cohort(reading, read):
        key = place(group.key)
        if key is not None:
            yield key, group


def long_tail_coverage(selection: Selection, sources: Sources) -> dict[Key, Aggregate]:
    """Members of the tail base with an engaged contact in the period ÷ tail base; by ``through``, up to each day."""
    by, contact_by = [key for key in selection.by if key in OF_CUSTOMER], of_contact(selection)
    sizes: dict[Key, int] = defaultdict(int)
    served: dict[Key, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    if contact_by:
        sizes |= _sizes(selection)
        for *key, day, members in _served_by_contact(selection, sources, by, contact_by):
            served[tuple(key)][day] += members
    else:
        for group_key, group in _cohort_by(selection, sources, by):
            sizes[group_key] += group.members
            days = served[group_key]
            if group.first is not None:
                days[group.first] += group.members
    names = [*by, *contact_by]
    if not names and "through" in selection.by:
        served.setdefault((), {})  # of an empty base too, every day has its cell
    found: dict[Key, Aggregate] = {}
    for key_of_group, counts in served.items():
        size = sizes[key_of_group[: len(by)]]
        if "through" not in selection.by:
            found[arrange(selection, names, key_of_group)] = quotient(sum(counts.values()), size, size)
            continue
        so_far = 0
        for day in (selection.period.start + timedelta(days=i) for i in range(selection.period.days)):
            so_far += counts.get(day, 0)
            found[arrange(selection, [*names, "through"], (*key_of_group, day))] = quotient(so_far, size, size)
    return found


def _served_by_contact(selection: Selection, sources: Sources, by: list[str], contact_by: list[str]) -> list[sa.Row]:
    """Members reached, by dimensions of the customer, then of the contact, then the date of the first such contact."""
    base, _, where = tail_members(selection)
    served = engaged_contacts(selection, contact_by, sources)
    columns = [*(base.c[key] for key in by), *(served.c[key] for key in contact_by), served.c.first_date]
    query = (
        sa.select(*columns, sa.func.count())
        .select_from(base.join(served, served.c.customer_key == base.c.customer_key))
        .where(*where)
        .group_by(*columns)
    )
    return read_rows(selection, query)


def tail_reach_frequency(selection: Selection, sources: Sources) -> dict[Key, Aggregate]:
    """Members of the tail base by the number of their engaged contacts in the period."""
    by = [key for key in selection.by if key in OF_CUSTOMER]
    wanted = [f.values for f in selection.filters if f.dimension == "reach"]
    names = [*by, *(["reach"] if "reach" in selection.by else [])]
    sizes: dict[Key, int] = defaultdict(int)
    counts: dict[Key, int] = defaultdict(int)
    for key, group in _cohort_by(selection, sources, by):
        sizes[key] += group.members
        if all(group.reach in values for values in wanted):
            counts[(*key, group.reach) if "reach" in selection.by else key] += group.members
    return {
        arrange(selection, names, key): Aggregate(members, sizes[key[: len(by)]], members, float(members))
        for key, members in counts.items()
    }


def year_to(end: date) -> Period:
    """The 365 days up to ``end``."""
    return Period(end - timedelta(days=_YEAR - 1), end)


@lru_cache(maxsize=MOST_READINGS)
def _reached_in_year(reading: CohortReading, by: tuple[str, ...]) -> tuple[tuple[Key, int, int], ...]:
    """Members of the tail base by dimensions of the customer: how many, and how many of them had an engaged contact in
    the 365 days up to the period's end.
    """
    selection = replace(reading.selection, by=by)
    base, _, where = tail_members(selection)
    reached = reached_customers(replace(selection, period=year_to(selection.period.end)), reading.sources)
    columns = [base.c[key] for key in by]
    query = (
        sa.select(*columns, sa.func.count(), sa.func.count(reached.c.customer_key))
        .select_from(base.outerjoin(reached, reached.c.customer_key == base.c.customer_key))
        .where(*where)
        .group_by(*columns)
    )
    return tuple((tuple(key), members, met) for *key, members, met in read_rows(selection, query) if members)


def tail_unreached_year(selection: Selection, sources: Sources) -> dict[Key, Aggregate]:
    """Members of the tail base without an engaged contact in the 365 days up to the period's end ÷ tail base."""
    by, begun = [key for key in selection.by if key in OF_CUSTOMER], selection.published.data_start
    if begun is None or selection.published.local(begun).date() > year_to(selection.period.end).start:
        return {arrange(selection, by, key): Aggregate(reason="immature") for key in _sizes(selection)}
    reading, read, place = shared_reading(selection, sources, by)
    members: dict[Key, int] = defaultdict(int)
    unreached: dict[Key, int] = defaultdict(int)
    for key, n, met in _reached_in_year(reading, read):
        found = place(key)
        if found is not None:
            members[found] += n
            unreached[found] += n - met
    return {arrange(selection, by, key): quotient(unreached[key], n, n) for key, n in members.items()}


# --- served, tail at the contact -------------------------------------------------------------------------------------


@lru_cache(maxsize=MOST_READINGS)
def _daily(reading: CohortReading, by: tuple[str, ...]) -> dict[Key, int]:
    """Distinct customers served who are tail at the contact, by dimensions of the contact, then day."""
    served = METRICS["tail_served_daily"]
    plan = Plan(replace(reading.selection, by=(*by, "date")))
    read = request(plan, served, served.measure, reading.sources)
    return {key: raw.n or 0 for key, raw in read(plan.read()).items()}


def tail_served_average(selection: Selection, sources: Sources) -> dict[Key, Aggregate]:
    """Mean over days of the distinct tail customers served a day; by week or month, over the days of each."""
    time = next((key for key in selection.by if key in _TIMES), "")
    by = tuple(key for key in selection.by if key not in _TIMES)
    days: dict[DimensionValue, int] = defaultdict(int)
    for day in (selection.period.start + timedelta(days=i) for i in range(selection.period.days)):
        days[_slot(day, time)] += 1
    sums: dict[Key, int] = defaultdict(int)
    most: dict[Key, int] = defaultdict(int)
    for (*key, day_read), customers in _daily(CohortReading.of(selection, sources), by).items():
        assert isinstance(day_read, date)
        place = (*key, _slot(day_read, time))
        sums[place] += customers
        most[place] = max(most[place], customers)
    found: dict[Key, Aggregate] = {}
    for place, total in sums.items():
        raw = replace(quotient(total, days[place[-1]], total), customers=most[place])
        found[arrange(selection, [*by, time], place) if time else arrange(selection, by, place[:-1])] = raw
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


def joined_later(selection: Selection, sources: Sources) -> Selected:
    """Engaged contacts of customers who are tail at the contact but not in the tail base."""
    base = open_customers(selection)
    joined = schema.interaction.c.customer_key.not_in(sa.select(base.c.customer_key).where(base.c.is_tail))
    return selection.facts(INTERACTION, sources, parts.ENGAGED_TAIL.where, joined)


def tail_joined_later(selection: Selection, sources: Sources) -> dict[Key, Aggregate]:
    """Distinct customers served in the period who joined, or became tail, after its first day."""
    rows = joined_later(selection, sources)
    keys = [rows.columns[key] for key in selection.by]
    count = sa.func.count(sa.distinct(schema.interaction.c.customer_key))
    query = sa.select(*keys, count).select_from(rows.from_).where(*rows.where).group_by(*keys)
    return {tuple(key): Aggregate(n, None, n, float(n)) for *key, n in read_rows(selection, query) if n or not keys}


# --- their rows -----------------------------------------------------------------------------------------------------


def _served_base(selection: Selection, sources: Sources, mark: str) -> sa.Select:
    """The tail base with its contacts in the period (``unreached``: in the year); ``mark``: what the numerator is."""
    base = open_customers(selection)
    _, where = of_customer(selection, base)
    period = year_to(selection.period.end) if mark == "unreached" else selection.period
    reached = engaged_contacts(replace(selection, period=period), (), sources)
    times = sa.func.coalesce(reached.c.contacts, 0)
    from_ = base.outerjoin(reached, reached.c.customer_key == base.c.customer_key).join(
        schema.customer, schema.customer.c.customer_key == base.c.customer_key
    )
    numerator = {"served": times > 0, "unreached": times == 0, "none": NOT_A_RATE}[mark]
    where += selection.conditions({"reach": reach(reached.c.contacts)}, ("reach",))
    return (
        sa.select(
            numerator.label("numerator"),
            reached.c.first_date.label("first_date"),
            *shown(base.c.customer_key, base.c.tier, times.label("contacts")),
        )
        .select_from(from_)
        .where(*where, base.c.is_tail)
    )


def _tail_days(selection: Selection, sources: Sources) -> sa.Select:
    """One row a tail customer and day with an engaged contact."""
    rows = selection.facts(INTERACTION, sources, parts.ENGAGED_TAIL.where)
    return _by_customer(rows, schema.interaction.c.business_date)


def _joined_later(selection: Selection, sources: Sources) -> sa.Select:
    """One row a customer who is tail at the contact but was not in the tail base."""
    return _by_customer(joined_later(selection, sources))


def _by_customer(rows: Selected, *by: sa.ColumnElement) -> sa.Select:
    """Contacts as one row a customer (and ``by``): tier, how often, first date."""
    i = schema.interaction.c
    return (
        sa.select(
            NOT_A_RATE.label("numerator"),
            sa.func.min(i.business_date).label("first_date"),
            sa.func.max(masked(i.customer_key)).label("customer"),
            sa.func.max(i.tier).label("tier"),
            sa.func.count().label("contacts"),
        )
        .select_from(rows.from_.outerjoin(schema.customer, schema.customer.c.customer_key == i.customer_key))
        .where(*rows.where)
        .group_by(i.customer_key, *by)
    )


COHORTS = {
    "tail_base": Cohort(tail_base, partial(_served_base, mark="none")),
    "long_tail_coverage": Cohort(long_tail_coverage, partial(_served_base, mark="served")),
    "tail_reach_frequency": Cohort(tail_reach_frequency, partial(_served_base, mark="none")),
    "tail_unreached_year": Cohort(tail_unreached_year, partial(_served_base, mark="unreached")),
    "tail_served_average": Cohort(tail_served_average, _tail_days),
    "tail_joined_later": Cohort(tail_joined_later, _joined_later),
}
