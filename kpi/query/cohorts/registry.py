"""The cohort behind each ``Custom`` KPI; the ids are those of the declarations."""

from kpi.errors import DeclarationError
from kpi.metrics.model import Custom
from kpi.metrics.registry import METRICS
from kpi.query.cohorts import complaints, concentration, long_tail, tail_value, tier_moves, topics
from kpi.query.cohorts.base import Cohort

COHORTS: dict[str, Cohort] = {
    kpi: cohort
    for family in (long_tail, tail_value, concentration, tier_moves, topics, complaints)
    for kpi, cohort in family.COHORTS.items()
}

for _kpi in {kpi for kpi, metric in METRICS.items() if isinstance(metric.measure, Custom)} ^ set(COHORTS):
    raise DeclarationError("bad_declaration", kpi=_kpi, problem="its declaration and its computation do not match")
