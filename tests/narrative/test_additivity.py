"""How the parts of a figure stand to it: they add up, some are counted in several, or there is no sum."""

from kpi.metrics.registry import METRICS
from kpi.narrative.additivity import Additivity, additivity
from kpi.query import Cell


def cell(kpi, numerator, denominator=None, value=1.0):
    return Cell(kpi, (), value, numerator, denominator, denominator or numerator)


def test_both_parts_of_a_rate_add_up():
    parts = [cell("csat", 882, 900), cell("csat", 60, 100)]
    assert additivity(METRICS["csat"], cell("csat", 942, 1000), parts, None) == Additivity("adds", 942, 1000)


def test_trap_a_rate_whose_parts_do_not_add_up_is_not_said_to():
    parts = [cell("csat", 882, 900), cell("csat", 59, 100)]
    assert additivity(METRICS["csat"], cell("csat", 942, 1000), parts, None).kind == "no_sum"


def test_shares_of_a_whole_add_up_to_the_whole():
    parts = [cell("channel_mix", 30, 100), cell("channel_mix", 70, 100)]
    assert additivity(METRICS["channel_mix"], cell("channel_mix", 100, 100), parts, None) == Additivity(
        "adds", 100, 100
    )


def test_distinct_customers_on_two_channels_are_told_and_not_summed():
    parts = [cell("customers_served", 5), cell("customers_served", 6)]
    whole = cell("customers_served", 8)
    assert additivity(METRICS["customers_served"], whole, parts, 3) == Additivity("several", times=3)
    assert additivity(METRICS["customers_served"], whole, parts, None).kind == "several"
    by_tier = [cell("customers_served", 5), cell("customers_served", 3)]
    assert additivity(METRICS["customers_served"], whole, by_tier, 0) == Additivity("adds", 8, None)


def test_percentiles_and_what_cannot_be_computed_have_no_sum():
    parts = [cell("wait_p90", None, 10), cell("wait_p90", None, 20)]
    assert additivity(METRICS["wait_p90"], cell("wait_p90", None, 30), parts, None).kind == "no_sum"
    assert additivity(METRICS["csat"], cell("csat", 0, 0, None), [], None).kind == "no_sum"
