"""By which dimensions a change is explained."""

from kpi.metrics.model import Custom, Distinct, DistinctRatio, Metric, Percentile

# Who came, about what, by which way, and to whom. Not time, which only restates the change; not a single agent; not
# the media, which restates the channel; and not what is a result itself (outcome, score, last handler, whether served).
CAUSES = (
    "channel",
    "line",
    "tier",
    "segment",
    "business_line",
    "topic",
    "team",
    "region",
    "age_band",
    "first_handler",
    "function",
    "scenario",
)
# Only contacts that reach a human have a team: where that itself is measured, the team is its result. Who is lost in
# the queue was handled first by nobody: at the desk, the first handler is a result.
_RESULTS = {"self_service": {"team"}, "desk": {"first_handler"}}


def causes_of(metric: Metric) -> tuple[str, ...]:
    """The dimensions that a search for the causes of the KPI's change goes through; none where no parts add up.

    A share of a cohort of customers is searched by tier alone: who is in a tier on the first day is in no other.
    """
    match metric.measure:
        case Custom():
            whole = metric.proportion and metric.roll_up == "ratio"
            return ("tier",) if whole and "tier" in metric.dimensions else ()
        case Distinct() | DistinctRatio() | Percentile():
            return ()
    results = _RESULTS.get(metric.section, set())
    return tuple(dimension for dimension in CAUSES if dimension in metric.dimensions and dimension not in results)
