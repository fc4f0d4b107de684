"""Every KPI of the dictionary is declared, completely; a wrong declaration is refused by name."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kpi import schema
from kpi.errors import DeclarationError
from kpi.metrics import parts
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Custom, Metric, Ratio, Total
from kpi.metrics.registry import METRICS, SECTIONS, additive_parts, build, requirements
from kpi.metrics.rollups import ROLLUPS

# The dictionary, by hand: section -> ids.
DICTIONARY = {
    "volume": "volume channel_mix wechat_phone_multiple customers_served contacts_per_customer agent_volume "
    "multi_channel_share",
    "self_service": "self_service_rate containment_rate escalation_rate bot_resolution_rate given_up_rate "
    "durable_self_service_rate false_containment_rate recognition_rate function_starts function_success "
    "function_dropout",
    "satisfaction": "csat csat_of_asked csat_mean response_rate nps ces fcr repeat_rate complaint_rate "
    "complaint_overdue",
    "desk": "answer_rate service_level abandonment_rate asa first_response wait_p90 handle_p90 aht transfer_rate "
    "occupancy cost_per_contact cost_avoided",
    "tail": "tail_base long_tail_coverage tail_served_daily tail_reach_frequency top20_share gini tail_value "
    "tail_active tail_nps tier_upgrade_rate topic_tail_coverage",
    "journeys": "referral_rate visit_rate signed_rate end_to_end days_to_visit days_to_sign referred_amount "
    "upgraded_after consistency",
}
# What the dictionary says in a KPI's sentence rather than by an id: windows, parts, contacts for value, P90,
# the distribution of answers, the complaints that are open.
BESIDE = (
    "durable_self_service_rate_24h durable_self_service_rate_72h escalated_answered_rate escalated_lost_rate "
    "settled_rate chain_resolved chain_contained chain_lost escalation_mix unmatched_rate function_failure lost_rate "
    "unlinked_share top20_share_contacts gini_contacts days_to_visit_p90 days_to_sign_p90 score_share nps_share "
    "complaints_open tail_unreached_year tail_served_average tail_joined_later"
)
DOWN = (
    "given_up_rate false_containment_rate repeat_rate complaint_rate complaint_overdue abandonment_rate asa "
    "first_response consistency complaints_open tail_unreached_year chain_lost unmatched_rate function_failure "
    "lost_rate"
)
MATURITY = {
    "durable_self_service_rate": 7,
    "durable_self_service_rate_24h": 1,
    "durable_self_service_rate_72h": 3,
    "false_containment_rate": 7,
    "settled_rate": 7,
    "chain_resolved": 7,
    "chain_contained": 7,
    "chain_lost": 7,
    "fcr": 7,
    "cost_avoided": 7,
    "visit_rate": 30,
    "signed_rate": 60,
    "end_to_end": 60,
    "lost_rate": 60,
    "upgraded_after": 90,
}


@pytest.mark.parametrize("section", DICTIONARY)
def test_the_dictionary_is_declared(section: str) -> None:
    declared = {kpi for kpi, metric in METRICS.items() if metric.section == section}
    assert declared - set(BESIDE.split()) == set(DICTIONARY[section].split())


def test_nothing_else_is_declared_than_the_dictionary_and_what_stands_beside_it() -> None:
    assert set(METRICS) == set(" ".join(DICTIONARY.values()).split()) | set(BESIDE.split())
    assert set(DICTIONARY) == set(SECTIONS)


@pytest.mark.parametrize("kpi", METRICS)
def test_names_and_sentences_in_both_languages(kpi: str) -> None:
    metric = METRICS[kpi]
    for zh, en in ((metric.name_zh, metric.name_en), metric.formula, metric.exclusions):
        assert bool(zh) == bool(en)
        assert not any("\u4e00" <= letter <= "\u9fff" for letter in en), "Chinese in the English text"
    assert any("\u4e00" <= letter <= "\u9fff" for letter in metric.formula[0])


def test_directions_maturities_and_look_back() -> None:
    for kpi in DOWN.split():
        assert METRICS[kpi].direction == "down", kpi
    assert METRICS["occupancy"].direction == "band"
    for kpi in ("self_service_rate", "csat", "nps", "ces", "fcr", "long_tail_coverage", "wechat_phone_multiple"):
        assert METRICS[kpi].direction == "up", kpi
    assert {kpi: metric.maturity.days for kpi, metric in METRICS.items() if metric.maturity} == MATURITY
    assert METRICS["repeat_rate"].look_back


def test_every_declared_dimension_exists() -> None:
    for kpi, metric in METRICS.items():
        assert metric.dimensions, kpi
        assert set(metric.dimensions) <= set(DIMENSIONS), kpi


def test_trap_self_service_with_give_ups_has_no_place_for_them() -> None:
    """Neither part of the headline rate may name an outcome given up: it is built of what was resolved and answered."""
    measure = METRICS["self_service_rate"].measure
    assert isinstance(measure, Ratio)
    assert (measure.numerator, measure.denominator) == (parts.RESOLVED, parts.SERVED_EITHER_WAY)


def test_requirements_follow_from_the_conditions() -> None:
    def needed(kpi: str) -> frozenset[str]:
        return requirements(METRICS[kpi], METRICS[kpi].measure)

    assert needed("volume") == frozenset()
    assert needed("csat") == {"csat_score"}
    assert needed("recognition_rate") == {"first_handler", "matched"}
    assert {"customer_key", "topic", "outcome"} <= needed("fcr")
    assert "wait_seconds|first_response_seconds" in needed("service_level")
    assert needed("occupancy") == {"agent_time"}
    assert "referral" in needed("referral_rate")


def test_every_additive_part_of_a_contact_is_in_every_roll_up_of_contacts() -> None:
    for roll_up in ROLLUPS:
        expected = {part.id for part in additive_parts().values() if part.fact is roll_up.fact}
        assert expected
        assert expected <= {column.name for column in roll_up.table.columns}


_GOOD = Metric(
    id="good",
    name_zh="好",
    name_en="good",
    section="volume",
    unit="count",
    direction="none",
    roll_up="additive",
    measure=Total(parts.CONTACTS),
    formula=("公式", "formula"),
    source="us",
)

_CUSTOM = Custom(("tier",), frozenset({"customer"}), ("customers",), (schema.customer.c.opened_on,))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"id": "Not One"}, "lower-case identifier"),
        ({"name_zh": " "}, "name_zh is empty"),
        ({"name_en": ""}, "name_en is empty"),
        ({"formula": ("公式", "")}, "formula en is empty"),
        ({"source": ""}, "source is empty"),
        ({"exclusions": ("只有中文", "")}, "one language only"),
        ({"section": "elsewhere"}, "section 'elsewhere'"),
        ({"maturity": timedelta(days=5)}, "maturity"),
        ({"version": 0}, "version"),
        ({"unit": "bogus"}, "unit 'bogus' is none of count, customers"),
        ({"direction": "sideways"}, "direction 'sideways' is none of up, down"),
        ({"roll_up": "sum"}, "roll_up 'sum' is none of additive"),
        ({"target_days": -3}, "target_days"),
        ({"incomparable_by": ("nowhere",)}, "unknown dimensions nowhere"),
        ({"not_by": ("chanel",)}, "unknown dimensions chanel"),
        ({"roll_up": "ratio"}, "cannot roll up"),
        ({"measure": Ratio(parts.RESOLVED, parts.COHORT)}, "cannot roll up"),
        ({"measure": replace(_CUSTOM, requires=frozenset()), "roll_up": "snapshot"}, "must say what it requires"),
        ({"measure": replace(_CUSTOM, dimensions=("star",)), "roll_up": "snapshot"}, "unknown dimensions star"),
        ({"measure": replace(_CUSTOM, terms=()), "roll_up": "snapshot"}, "must name its numerator"),
        ({"measure": _CUSTOM, "roll_up": "ratio"}, "must name its numerator and its denominator"),
        ({"measure": replace(_CUSTOM, proportion=True), "roll_up": "snapshot"}, "and its denominator"),
        ({"measure": replace(_CUSTOM, dates=()), "roll_up": "snapshot"}, "by which dates"),
        ({"within": (frozenset({"team"}), Total(parts.HANDLE_CLOCK))}, "has no hour"),
        ({"measure": Ratio(parts.HANDLE_CLOCK, parts.FUNCTION_STARTED), "roll_up": "ratio",
          "not_by": ("date", "week", "month", "weekday", "half_hour", "team", "agent")}, "no dimension"),
    ],
)  # fmt: skip
def test_an_invalid_declaration_is_refused_by_name(change: dict[str, Any], told: str) -> None:
    assert build([_GOOD]) == {"good": _GOOD}
    wrong = replace(_GOOD, **change)
    with pytest.raises(DeclarationError) as error:
        build([wrong])
    assert wrong.id in error.value.message("en")
    assert told in error.value.message("en")
    assert wrong.id in error.value.message("zh")


def test_an_id_declared_twice_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"good.*declared twice"):
        build([_GOOD, replace(_GOOD)])
