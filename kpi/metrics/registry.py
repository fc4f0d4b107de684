"""Every KPI, declared once: cards, charts, drill-downs, dictionary, exports and alerts read this."""

from collections.abc import Iterable
from typing import get_args

from kpi.errors import DeclarationError, UnknownName
from kpi.metrics import customers, desk, journeys, satisfaction, self_service, volume
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import (
    MATURITIES,
    Custom,
    Direction,
    Measure,
    Metric,
    Part,
    RollUp,
    columns_used,
    expressions_of,
    parts_of,
)
from kpi.metrics.parts import PROOF
from kpi.units import Unit

# Sections in the order of the dictionary: id -> (zh, en, its KPIs).
SECTIONS: dict[str, tuple[str, str]] = {
    "volume": ("业务量与渠道", "Volume and channel"),
    "self_service": ("自助", "Self-service"),
    "satisfaction": ("满意度", "Satisfaction"),
    "desk": ("服务台", "Service desk"),
    "tail": ("长尾与价值", "Long tail and value"),
    "journeys": ("线上线下", "Journeys"),
}

# A derived column is recorded when the columns or tables that it is made from are; "a|b" means either.
_MADE_FROM: dict[str, tuple[str, ...]] = {
    "load_id": (),
    "business_date": (),
    "business_hour": (),
    "business_half_hour": (),
    "is_tail": ("customer_month",),
    "age_band": ("customer",),
    "in_target": ("wait_seconds|first_response_seconds",),
    "cost_fen": ("unit_cost",),
    "human_cost_fen": ("unit_cost",),
    "referable": ("topic",),
    "has_referral": ("referral",),
    "next_seconds": ("customer_key", "topic"),
    "previous_seconds": ("customer_key", "topic"),
    "crossed_channel": ("customer_key", "topic"),
    "upgraded": ("customer_tier",),
}
# What every feed has.
_ALWAYS = {"source", "interaction_id", "started_at", "ended_at", "channel", "direction"}


def requirements(metric: Metric, measure: Measure) -> frozenset[str]:
    """What a feed must carry for a measure: column names of ``interaction``, and names of other tables."""
    if isinstance(measure, Custom):
        return measure.requires | metric.requires
    needed = set(metric.requires)
    for column in columns_used(expressions_of(measure)):
        table = column.table.name
        if column.info.get("derived"):
            needed.update(_MADE_FROM[column.name])
        elif table == "interaction":
            needed.add(column.name)
        if table not in {"interaction", "channel"}:
            needed.add(table)
    return frozenset(needed - _ALWAYS)


def build(metrics: Iterable[Metric]) -> dict[str, Metric]:
    """Check the declarations and give them by id, in order.

    Raises DeclarationError naming the KPI and what is wrong with it.
    """
    known: dict[str, Metric] = {}
    for metric in metrics:
        for problem in _problems(metric, known):
            raise DeclarationError("bad_declaration", kpi=metric.id, problem=problem)
        known[metric.id] = metric
    return known


def _problems(metric: Metric, known: dict[str, Metric]) -> Iterable[str]:
    if metric.id in known:
        yield "its id is declared twice"
    if not (metric.id.isidentifier() and metric.id.islower()):
        yield "its id is not a lower-case identifier"
    for label, text in (
        ("name_zh", metric.name_zh),
        ("name_en", metric.name_en),
        ("formula zh", metric.formula[0]),
        ("formula en", metric.formula[1]),
        ("source", metric.source),
    ):
        if not text.strip():
            yield f"{label} is empty"
    if bool(metric.exclusions[0]) != bool(metric.exclusions[1]):
        yield "its exclusions are given in one language only"
    if metric.section not in SECTIONS:
        yield f"section {metric.section!r} is none of {', '.join(SECTIONS)}"
    for label, given, kind in (
        ("unit", metric.unit, Unit),
        ("direction", metric.direction, Direction),
        ("roll_up", metric.roll_up, RollUp),
    ):
        if given not in get_args(kind):
            yield f"{label} {given!r} is none of {', '.join(get_args(kind))}"
    if metric.maturity is not None and metric.maturity not in MATURITIES:
        yield f"maturity {metric.maturity} is none of the declared ones"
    if metric.version < 1:
        yield "its version is less than 1"
    if metric.target_days is not None and metric.target_days < 1:
        yield "its target_days are less than 1"
    unknown = {*metric.not_by, *metric.incomparable_by} - set(DIMENSIONS)
    if isinstance(metric.measure, Custom):
        unknown |= set(metric.measure.dimensions) - set(DIMENSIONS)
        if not metric.measure.requires:
            yield "a custom KPI must say what it requires"
        quotient = metric.measure.proportion or metric.roll_up == "ratio"
        if len(metric.measure.terms) not in ({2} if quotient else {1, 2}):
            yield "a custom KPI must name its numerator and its denominator, if it is a quotient"
        if not metric.measure.dates:
            yield "a custom KPI must say by which dates its facts belong to a period"
    elif not metric.dimensions:
        yield "no dimension applies to it: its facts have none in common"
    if metric.within is not None:
        facts = {part.fact for part in parts_of(metric.within[1])}
        if lacking := [key for key in metric.dimensions if any(key not in fact.columns for fact in facts)]:
            yield f"its measure within some dimensions has no {', '.join(lacking)}"
    if unknown:
        yield f"unknown dimensions {', '.join(sorted(unknown))}"
    expected = {
        "Total": {"additive"},
        "Ratio": {"ratio"},
        "Distinct": {"distinct"},
        "DistinctRatio": {"distinct", "ratio"},
        "Percentile": {"percentile"},
    }.get(type(metric.measure).__name__)
    if expected is not None and metric.roll_up not in expected:
        yield f"a {type(metric.measure).__name__} cannot roll up as {metric.roll_up}"


METRICS: dict[str, Metric] = build(
    (
        *volume.METRICS,
        *self_service.METRICS,
        *satisfaction.METRICS,
        *desk.METRICS,
        *customers.METRICS,
        *journeys.METRICS,
    )
)


def metric(kpi: str) -> Metric:
    """The declaration of a KPI; raises UnknownName with the nearest one."""
    if kpi not in METRICS:
        raise UnknownName("kpi", kpi, METRICS)
    return METRICS[kpi]


def additive_parts() -> dict[str, Part]:
    """Every additive part of every KPI and variant, and of the identity proof, by id, each once."""
    found = {part.id: part for part in PROOF}
    for declared in METRICS.values():
        measures = [declared.measure, *(measure for measure, _ in declared.variants.values())]
        for part in (part for measure in measures for part in parts_of(measure)):
            if found.setdefault(part.id, part) is not part:
                raise DeclarationError("bad_declaration", kpi=declared.id, problem=f"part {part.id} has a double")
    return found
