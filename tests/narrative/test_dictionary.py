"""What the dictionary finds and tells."""

import pytest

from kpi.i18n import LANGUAGES
from kpi.metrics.registry import METRICS, SECTIONS
from kpi.metrics.sources import CHINESE, source_name
from kpi.narrative.dictionary import entry, found


def test_every_kpi_is_in_one_group_and_none_is_lost():
    assert [kpi for section in SECTIONS for kpi in found("", section)] == list(METRICS)


@pytest.mark.parametrize(
    ("text", "kpi"),
    [("满意率", "csat"), ("Speed of answer", "asa"), ("wait_p90", "wait_p90"), ("SL5", "service_level")],
)
def test_a_search_goes_over_names_ids_and_formulas_of_all_groups(text, kpi):
    assert kpi in found(text, "volume")


def test_all_words_of_a_search_must_be_there():
    assert found("answered transfer", "volume") == ["transfer_rate"]
    assert found("no such thing", "volume") == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kpi_tells_formula_unit_direction_roll_up_dimensions_and_source(language):
    for metric in METRICS.values():
        rows = entry(metric, language)
        assert len(rows) >= 6
        assert all(term and paragraphs and all(paragraphs) for term, paragraphs in rows), metric.id


def test_the_service_level_tells_its_five_formulas_and_what_in_time_means():
    formulas = dict(entry(METRICS["service_level"], "en"))["Formula"]
    assert [text[:4] for text in formulas[:5]] == ["SL1:", "SL2:", "SL3:", "SL4:", "SL5:"]
    assert "phone 20 s" in formulas[5]


def test_every_source_is_told_in_chinese():
    assert {metric.source for metric in METRICS.values()} == set(CHINESE)
    assert source_name("industry standard", "zh") == "行业通行"
    assert source_name("industry standard", "en") == "industry standard"
