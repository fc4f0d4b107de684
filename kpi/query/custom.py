"""Which function computes which ``Custom`` KPI; the ids are those of the declarations."""

from collections.abc import Callable

from kpi.errors import DeclarationError
from kpi.metrics.model import Custom
from kpi.metrics.registry import METRICS
from kpi.query import complaints, concentration, customers, tail, topics
from kpi.query.measure import Asked, Key, Raw

CUSTOM: dict[str, Callable[[Asked, frozenset[str] | None], dict[Key, Raw]]] = {
    function.__name__: function
    for function in (
        tail.tail_base,
        tail.long_tail_coverage,
        tail.tail_reach_frequency,
        tail.tail_unreached_year,
        tail.tail_served_average,
        tail.tail_joined_later,
        concentration.top20_share,
        concentration.top20_share_contacts,
        concentration.gini,
        concentration.gini_contacts,
        tail.tail_value,
        tail.tail_active,
        customers.tier_upgrade_rate,
        topics.consistency,
        topics.topic_tail_coverage,
        complaints.complaints_open,
    )
}

for _kpi in {kpi for kpi, metric in METRICS.items() if isinstance(metric.measure, Custom)} ^ set(CUSTOM):
    raise DeclarationError("bad_declaration", kpi=_kpi, problem="its declaration and its computation do not match")
