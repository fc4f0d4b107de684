"""KPIs that look across topics: consistency between channels, and whether the long tail of questions is resolved."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from math import ceil, fsum

from kpi.insight.intervals import SMALL_N
from kpi.metrics import parts
from kpi.metrics.model import Part
from kpi.query.measure import Asked, Key, Plan, Raw, quotient

_HEAD_PERCENT = 20


def _by_topic(
    asked: Asked, more: tuple[str, ...], wanted: tuple[Part, ...], sources: frozenset[str] | None
) -> dict[Key, dict[Key, tuple[int, ...]]]:
    """Question's key -> (topic, …) -> sums of ``wanted``; contacts without a topic are left out."""
    plan = Plan(replace(asked, by=(*asked.by, *more)))
    places = [plan.part(part, sources) for part in wanted]
    read = plan.read()[places[0][0]]
    width = len(asked.by)
    found: dict[Key, dict[Key, tuple[int, ...]]] = defaultdict(dict)
    for key, sums in read.items():
        if key[width] is not None:
            found[key[:width]][key[width:]] = tuple(sums[label] for _, label in places)
    return found


def consistency(asked: Asked, sources: frozenset[str] | None) -> dict[Key, Raw]:
    """In points: volume-weighted mean over topics of (highest − lowest resolved share across channels)."""
    wanted = (parts.TOPIC_RESOLVED, parts.TOPIC_CLOSED)
    answers: dict[Key, Raw] = {}
    for key, cells in _by_topic(asked, ("topic", "channel"), wanted, sources).items():
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


def topic_tail_coverage(asked: Asked, sources: frozenset[str] | None) -> dict[Key, Raw]:
    """Topics beyond the ⌈20 %⌉ with most contacts and with at least 30 sessions: share resolved to what covers one."""
    wanted = (parts.CONTACTS, parts.RESOLVED, parts.COHORT)
    answers: dict[Key, Raw] = {}
    for key, cells in _by_topic(asked, ("topic",), wanted, sources).items():
        sums = {str(topic): counted for (topic,), counted in cells.items()}
        tail = [sums[topic] for topic in tail_ranks({topic: contacts for topic, (contacts, _, _) in sums.items()})]
        judged = [resolved / cohort for _, resolved, cohort in tail if cohort >= SMALL_N]
        answers[key] = quotient(sum(share >= asked.covered_from for share in judged), len(judged), len(judged))
    return answers
