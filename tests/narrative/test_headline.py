"""The opening sentences and the tone of a change."""

import pytest

from kpi.metrics.registry import METRICS
from kpi.narrative.change_tone import goodness, tone
from kpi.narrative.headline import movers, opening
from kpi.query.answer import Answer, Cell
from kpi.query.question import Period, Question
from tests.charts.test_charts import WEEK

NAMES = {"self_service_rate": "Self-service rate", "volume": "Interactions"}


def moved(kpi, value, before, low=None, high=None):
    return Cell(
        kpi, (), value, None, None, 1000, previous=before, change=value - before, change_low=low, change_high=high
    )


def said(sentence):
    return "".join(span.text for span in sentence)


def answered(*cells, compare="previous"):
    kpis = tuple(cell.kpi for cell in cells)
    compared = Period(WEEK.start, WEEK.end).shifted(-7)
    return Answer(Question(kpis, WEEK, compare=compare), 1, True, {}, WEEK, compared, "length", (), cells)


@pytest.mark.parametrize(
    ("kpi", "value", "before", "low", "high", "told"),
    [
        ("csat", 0.96, 0.95, 0.004, 0.016, "better"),
        ("csat", 0.94, 0.95, -0.016, -0.004, "worse"),
        ("given_up_rate", 0.05, 0.07, -0.03, -0.01, "better"),
        ("given_up_rate", 0.09, 0.07, 0.01, 0.03, "worse"),
        ("csat", 0.96, 0.95, -0.01, 0.03, "chance"),
        ("csat", 0.9502, 0.95, -0.01, 0.03, "same"),
        ("volume", 110, 100, None, None, "neutral"),
        ("asa", 20.0, 10.0, None, None, "worse"),
    ],
)
def test_goodness_comes_from_the_declaration_and_beyond_chance_only(kpi, value, before, low, high, told):
    cell = moved(kpi, value, before, low, high)
    assert tone(cell, METRICS[kpi]) == told
    assert goodness(cell, METRICS[kpi]) == {"better": 1, "worse": -1}.get(told, 0)


def test_without_a_comparison_there_is_no_tone():
    cell = Cell("csat", (), 0.9, 9, 10, 10)
    assert tone(cell, METRICS["csat"]) == "none"
    assert movers([cell], METRICS, "en") == ()


def test_the_opening_names_the_rate_its_give_ups_and_the_volume():
    answer = answered(
        moved("self_service_rate", 0.847, 0.838, 0.004, 0.014),
        Cell("given_up_rate", (), 0.062, 62, 1000, 1000),
        moved("volume", 66_150, 62_200),
    )
    assert said(opening(answer, METRICS, NAMES, "en")).strip() == (
        "Self-service rate 84.7%, +0.9 pt on the previous period; a further 6.20% gave up. "
        "Interactions 66.2 K, +6.4% on the previous period."
    )
    assert said(opening(answer, METRICS, {"self_service_rate": "自助化率", "volume": "业务量"}, "zh")) == (
        "自助化率 84.7%，较上期 +0.9 个百分点，另有 6.20% 放弃自助；业务量 6.62 万，较上期 +6.4%。"
    )


def test_trap_a_rate_without_value_is_not_told_as_nought():
    answer = answered(
        Cell("self_service_rate", (), None, None, None, 0, reason="no_data"),
        Cell("given_up_rate", (), None, None, None, 0, reason="no_data"),
        Cell("volume", (), 0, 0, None, 0),
    )
    assert "rate –" in said(opening(answer, METRICS, NAMES, "en"))
    assert "0%" not in said(opening(answer, METRICS, NAMES, "en"))


def test_movers_sort_by_goodness_and_count_the_rest():
    cells = [
        moved("csat", 0.94, 0.95, -0.016, -0.004),
        moved("service_level", 0.82, 0.80, 0.01, 0.03),
        moved("fcr", 0.89, 0.885, -0.01, 0.02),
        moved("volume", 110, 100),
    ]
    assert said(movers(cells, METRICS, "en")) == (
        "Better: service level +2.0 pt. Worse: satisfaction \u22121.0 pt. The rest (1) moved within chance."
    )
    assert said(movers(cells[2:3], METRICS, "zh")) == "1 项指标的变化都在随机波动之内。"
