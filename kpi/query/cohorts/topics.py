"""KPIs that look across topics: consistency between channels, and whether the long tail of questions is resolved."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from math import ceil, fsum

import sqlalchemy as sa

from kpi import schema
from kpi.metrics import parts
from kpi.metrics.dimensions import INTERACTION
from kpi.metrics.model import Part
from kpi.query.cohorts.base import NOT_A_RATE, Cohort
from kpi.query.fact_rows import fact_rows
from kpi.query.measure import Aggregate, Plan, quotient
from kpi.query.selection import Key, Selection, Sources
from kpi.stats.intervals import SMALL_N

_HEAD_PERCENT = 20


def _by_topic(
    selection: Selection, more: tuple[str, ...], wanted: tuple[Part, ...], sources: frozenset[str] | None
) -> dict[Key, dict[Key, tuple[int, ...]]]:
    """Question's key -> (topic, …) -> sums of ``wanted``; contacts without a topic are left out."""
    plan = Plan(replace(selection, by=(*selection.by, *more)))
    places = [plan.part(part, sources) for part in wanted]
    read = plan.read()[places[0][0]]
    width = len(selection.by)
    found: dict[Key, dict[Key, tuple[int, ...]]] = defaultdict(dict)
    for key, sums in read.items():
        if key[width] is not None:
            found[key[:width]][key[width:]] = tuple(sums[label] for _, label in places)
    return found


def consistency(selection: Selection, sources: frozenset[str] | None) -> dict[Key, Aggregate]:
    """In points: volume-weighted mean over topics of (highest − lowest resolved share across channels)."""
    wanted = (parts.TOPIC_RESOLVED, parts.TOPIC_CLOSED)
    answers: dict[Key, Aggregate] = {}
    for key, cells in _by_topic(selection, ("topic", "channel"), wanted, sources).items():
        shares: dict[object, list[tuple[float, int]]] = defaultdict(list)
        for (topic, _), (resolved, closed) in cells.items():
            if closed >= SMALL_N:
                shares[topic].append((resolved / closed, closed))
        gaps = [
            (max(share for share, _ in found) - min(share for share, _ in found), sum(n for _, n in found))
            for found in shares.values()
            if len(found) >= 2
        ]
        weight = sum(n for _, n in gaps)
        # Exactly rounded, so that the order in which topics are read cannot change it.
        answers[key] = quotient(100 * fsum(gap * n for gap, n in gaps), weight, weight)
    return answers


def tail_ranks(volumes: Mapping[str, float]) -> dict[str, int]:
    """Topic -> rank (from 1) of those beyond the ⌈20 %⌉ with most contacts. ``volumes``: topic -> contacts."""
    ordered = sorted(volumes, key=lambda topic: (-volumes[topic], topic))
    head = ceil(len(ordered) * _HEAD_PERCENT / 100)
    return {topic: rank for rank, topic in enumerate(ordered, 1) if rank > head}


def topic_tail_coverage(selection: Selection, sources: frozenset[str] | None) -> dict[Key, Aggregate]:
    """Topics beyond the ⌈20 %⌉ with most contacts and with at least 30 sessions: share resolved to what covers one."""
    wanted = (parts.CONTACTS, parts.RESOLVED, parts.COHORT)
    answers: dict[Key, Aggregate] = {}
    for key, cells in _by_topic(selection, ("topic",), wanted, sources).items():
        sums = {str(topic): counted for (topic,), counted in cells.items()}
        tail = [sums[topic] for topic in tail_ranks({topic: contacts for topic, (contacts, _, _) in sums.items()})]
        judged = [resolved / cohort for _, resolved, cohort in tail if cohort >= SMALL_N]
        answers[key] = quotient(sum(share >= selection.covered_from for share in judged), len(judged), len(judged))
    return answers


def _compared_contacts(selection: Selection, sources: Sources) -> sa.Select:
    """The contacts on which consistency stands: of topics that two channels at least have enough of."""
    i, n = schema.interaction.c, sa.func.count()
    rows = selection.facts(INTERACTION, sources, parts.TOPIC_CLOSED.where)
    cells = (
        sa.select(i.topic, i.channel)
        .select_from(rows.from_)
        .where(*rows.where)
        .group_by(i.topic, i.channel)
        .having(n >= SMALL_N)
        .cte("cells")
    )
    several = sa.select(cells.c.topic).group_by(cells.c.topic).having(n >= 2)
    compared = sa.exists().where(cells.c.topic == i.topic, cells.c.channel == i.channel, cells.c.topic.in_(several))
    return fact_rows(selection, parts.TOPIC_CLOSED, NOT_A_RATE, sources, compared)


def _tail_topics(selection: Selection, sources: Sources) -> sa.Select:
    """The topics of the long tail that are judged, those resolved to what covers one marked."""
    i = schema.interaction.c
    rows = selection.facts(INTERACTION, sources, i.topic.is_not(None))
    wanted = (parts.CONTACTS, parts.COHORT, parts.RESOLVED)
    each = (
        sa.select(i.topic, *(part.sum().label(part.id) for part in wanted))
        .select_from(rows.from_)
        .where(*rows.where)
        .group_by(i.topic)
        .subquery("each")
    )
    place = sa.func.row_number().over(order_by=(each.c.contacts.desc(), each.c.topic))
    ranked = sa.select(each, place.label("place"), sa.func.count().over().label("topics")).subquery("ranked")
    r = ranked.c
    covered = sa.cast(r.resolved, sa.Double) / r.cohort >= selection.covered_from
    return sa.select(covered.label("numerator"), r.topic, r.contacts, r.cohort, r.resolved).where(
        # Beyond the head of ⌈20 %⌉, in whole numbers.
        100 * (r.place - 1) >= _HEAD_PERCENT * r.topics,
        r.cohort >= SMALL_N,
    )


COHORTS = {
    "consistency": Cohort(consistency, _compared_contacts),
    "topic_tail_coverage": Cohort(topic_tail_coverage, _tail_topics),
}
