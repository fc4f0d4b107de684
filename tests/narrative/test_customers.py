"""The sentences of the long tail and of the tiers."""

from datetime import date

import pytest

from kpi.i18n import LANGUAGES
from kpi.metrics.registry import METRICS
from kpi.narrative import long_tail
from kpi.narrative.tiers import standing_out
from kpi.query.answer import Answer, Cell
from kpi.query.cohorts.long_tail import TailRule
from kpi.query.question import Period, Question

WEEK = Period(date(2026, 11, 16), date(2026, 11, 22))


def text(sentence):
    return "".join(span.text for span in sentence)


def answered(by, cells, compare=None):
    kpis = tuple(dict.fromkeys(cell.kpi for cell in cells))
    return Answer(Question(kpis, WEEK, by, compare=compare), 1, True, {}, WEEK, None, None, (), tuple(cells))


def share(kpi, *key, numerator, denominator=1000, **more):
    return Cell(kpi, key, numerator / denominator, numerator, denominator, denominator, **more)


def test_the_rule_is_named():
    value = TailRule("value", 20, date(1900, 1, 1), date(2026, 9, 1))
    assert long_tail.rule_named(value, "zh") == "长尾＝2026-09 价值排名前 20% 以外的在户客户"
    tier = TailRule("tier", 3, date(2026, 1, 1), date(2026, 9, 1))
    assert long_tail.rule_named(tier, "en") == "tail = open customers of at most 3★ in 2026-09 (rule since 1 Jan 2026)"


def test_coverage_is_told_with_its_change_and_who_came_later():
    cell = share("long_tail_coverage", numerator=274, previous=0.265, change=0.009, change_low=0.004, change_high=0.014)
    later = Cell("tail_joined_later", (), 12.0, 12, None, 12)
    told = long_tail.covered(cell, answered((), [cell], "previous"), later, "en")
    assert text(told) == (
        "Served 274 tail customers, of 1,000 on the first day: 27.4%, +0.9 pt on the previous period. "
        "A further 12 joined or became tail later and are not counted in the coverage."
    )
    assert [span.tone for span in told if span.text.startswith("+")] == ["better"]
    assert "A further" not in text(long_tail.covered(cell, answered((), [cell], "previous"), None, "en"))


def test_trap_what_is_not_known_is_not_told():
    gone = Cell("tail_unreached_year", (), None, None, None, None, reason="immature")
    assert long_tail.unreached(gone, answered((), [gone]), "en") == ()
    assert long_tail.covered(gone, answered((), [gone]), None, "en") == ()
    only_served = [Cell("tail_value", ("yes",), 20.0, 2000, 100, 100)]
    assert long_tail.dividends(only_served, "en") == ()


def test_dividends_are_no_cause():
    cells = [
        Cell("tail_value", ("yes",), 24.96, 1, 1, 100),
        Cell("tail_value", ("no",), 21.31, 1, 1, 100),
        share("tail_active", "yes", numerator=829),
        share("tail_active", "no", numerator=769),
    ]
    assert text(long_tail.dividends(cells, "zh")) == (
        "服务过对未服务的长尾客户：长尾月均贡献 ¥24.96 对 ¥21.31；长尾活跃率 82.9% 对 76.9%。这只是对照，不说明因果。"
    )
    assert text(long_tail.dividends(cells, "en")).endswith("A comparison, not a cause.")


def told_of(*cells, whole):
    metric = METRICS["self_service_rate"]
    return standing_out(
        [metric], {metric.id: whole}, answered(("tier",), cells), {metric.id: "Rate"}, {"7": "7★"}, "en"
    )


def test_the_tier_farthest_from_the_rest_is_named():
    whole = share("self_service_rate", numerator=2400, denominator=3000)
    # 7★: 600 of 1,000 against 1,800 of 2,000; 1★: 950 of 1,000 against 1,450 of 2,000.
    told = told_of(
        share("self_service_rate", 1, numerator=950), share("self_service_rate", 7, numerator=600), whole=whole
    )
    assert text(told).startswith("Rate: 7★ lies farthest from the other customers, 60.0%, by −30.0 pt.")
    assert [span.tone for span in told if span.strong] == ["worse"]


def test_trap_neither_chance_nor_a_handful_stands_out():
    whole = share("self_service_rate", numerator=800)
    near = share("self_service_rate", 7, numerator=82, denominator=100)
    few = share("self_service_rate", 6, numerator=2, denominator=29)
    assert text(told_of(near, few, whole=whole)) == "No tier differs from the other customers by more than chance."


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_tier_is_nobodys(language):
    metric = METRICS["csat"]
    whole = share("csat", numerator=800)
    unknown = share("csat", None, numerator=10, denominator=500)
    told = standing_out([metric], {"csat": whole}, answered(("tier",), [unknown]), {"csat": "CSAT"}, {}, language)
    assert len(told) == 1
