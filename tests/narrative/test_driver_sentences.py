"""Sentences of every kind, sign, tie, zero and missing value, in both languages."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from kpi.drivers.customer_turnover import Turnover
from kpi.drivers.finding import Finding, Where, Why
from kpi.drivers.search import HIDDEN
from kpi.metrics.registry import METRICS
from kpi.narrative.driver_sentences import (
    driver_sentence,
    findings_with_sentence,
    part_tone,
    sentences,
    subject,
    text_of,
    value_name,
)
from kpi.query.answer import Cell
from kpi.query.question import Period, Question
from kpi.stats.decomposition import Pair, count_change, ratio_change

F = Fraction
WEEK = Period(date(2026, 11, 16), date(2026, 11, 22))
NAMES = {
    "en": {"channel": {"hotline": "phone", "wechat": "WeChat"}, "first_handler": {"robot": "the robot"}},
    "zh": {"channel": {"hotline": "电话", "wechat": "微信"}, "first_handler": {"robot": "机器人"}},
}


def explained(kpi, value, previous, *findings, compare="previous", change=None, **more):
    cell = Cell(kpi, (), value, None, None, 1000, previous=previous)
    if value is not None and previous is not None:
        cell = replace(cell, change=value - previous)
        change = F(str(value)) - F(str(previous)) if change is None else change
    return Why(
        Question((kpi,), WEEK, compare=compare), 1, WEEK, WEEK.shifted(-7), cell, change, findings=findings, **more
    )


def said(why, language):
    return text_of(sentences(why, NAMES[language], language)[0])


MIX = Finding("self_service_rate", "mix", F(-11, 1000), "channel", "hotline", 0.21, 0.243)
RATE = Finding("self_service_rate", "rate", F(3, 1000), "channel", "wechat", 0.95, 0.954)


def test_mix_and_rate_in_one_sentence_that_adds_up():
    table = ratio_change(
        {("hotline",): Pair(1, 2), ("wechat",): Pair(1, 2)}, {("wechat",): Pair(1, 2)}, by=("channel",)
    )
    assert table is not None
    where = replace(MIX, where=Where("channel", "wechat", 0.7))
    why = explained("self_service_rate", 0.861, 0.869, where, RATE, decompositions=(table,))
    assert said(why, "en") == (
        "self-service rate 86.1%, −0.8 pt on the previous period: −1.1 because the share of phone grew from 21.0% to "
        "24.3%, +0.3 because WeChat rose from 95.0% to 95.4%; mostly on WeChat."
    )
    assert said(why, "zh") == (
        "自助化率 86.1%，较上期 −0.8 个百分点：−1.1 因电话占比升至 24.3%（原 21.0%），"
        "+0.3 因微信由 95.0% 升至 95.4%；主要在微信。"
    )


def test_two_that_would_name_each_other_have_one_sentence_and_a_third_has_its_own():
    table = ratio_change(
        {("hotline",): Pair(1, 2), ("wechat",): Pair(1, 2)}, {("wechat",): Pair(1, 2)}, by=("channel",)
    )
    assert table is not None
    third = replace(RATE, value="sms", points=F(1, 1000))
    why = explained("self_service_rate", 0.861, 0.869, MIX, RATE, third, decompositions=(table,))
    assert findings_with_sentence(why) == [MIX, third]
    assert len(sentences(why, NAMES["en"], "en")) == 2
    assert findings_with_sentence(replace(why, findings=(MIX,))) == [MIX]


@pytest.mark.parametrize(
    ("value", "previous", "points", "en", "zh"),
    [
        (0.861, 0.869, F(-11, 1000), "−1.1 because", "+0.3 from everything else"),
        (0.869, 0.861, F(8, 1000), "+0.8 because", None),  # nothing is left: not told
        (0.861, 0.861, F(5, 1000), "±0.0 pt", "−0.5 from everything else"),
        (0.0, 0.05, F(-5, 100), "0%, −5.0 pt", None),
        (0.05, 0.0, F(4, 100), "+5.0 pt", "+1.0 from everything else"),
    ],
)
def test_every_sign_a_tie_and_zero(value, previous, points, en, zh):
    one = replace(MIX, points=points)
    findings_with_sentence = said(explained("self_service_rate", value, previous, one), "en")
    assert en in findings_with_sentence
    assert (zh in findings_with_sentence) if zh else ("everything else" not in findings_with_sentence)
    assert "其他" in said(explained("self_service_rate", value, previous, one), "zh") or not zh


def test_a_rate_that_fell_and_a_year_ago():
    fell = replace(RATE, points=F(-8, 1000), before=0.954, now=0.95)
    why = explained("self_service_rate", 0.861, 0.869, fell, compare="year")
    assert said(why, "en") == (
        "self-service rate 86.1%, −0.8 pt on last year: −0.8 because WeChat fell from 95.4% to 95.0%."
    )
    assert said(why, "zh").startswith("自助化率 86.1%，较去年同期 −0.8 个百分点：−0.8 因微信由 95.4% 降至 95.0%")


def test_dates_of_ones_own_and_periods_of_other_lengths():
    other = Period(date(2026, 10, 1), date(2026, 10, 31))
    why = explained("self_service_rate", 0.861, 0.869, replace(MIX, points=F(-8, 1000)), compare=other)
    cause_en, cause_zh = "−0.8 because the share of phone grew", "−0.8 因电话占比升至"
    longer = replace(why, compared=other)
    assert said(longer, "en").startswith(
        f"self-service rate 86.1%, −0.8 pt on 1 Oct – 31 Oct 2026 (days: 7 against 31): {cause_en}"
    )
    assert said(longer, "zh").startswith(
        f"自助化率 86.1%，较 2026-10-01 至 10-31 −0.8 个百分点（7 天对 31 天）：{cause_zh}"
    )
    turnover = Turnover(3, 2, 5)
    why = explained("customers_served", 8, 7, Finding("customers_served", "customers", F(1)), compare=other)
    told_ = replace(why, compared=other.shifted(60), turnover=turnover)
    assert "3 in this period only, 2 in the other only, 5 in both" in said(told_, "en")
    assert "仅本期来 3 位，仅对比期来 2 位，两期都来 5 位" in said(told_, "zh")


def test_seconds_and_counts_have_their_units():
    slow = Finding("asa", "rate", F(21, 10), "channel", "hotline", 8.9, 12.8)
    assert said(explained("asa", 16.0, 13.7, slow), "en") == (
        "average speed of answer 16.0 s, +2.3 s on the previous period: +2.1 because phone rose from 8.90 s to 12.8 s, "
        "+0.2 from everything else."
    )
    more = Finding("volume", "count", F(4120), "channel", "wechat", 40_000.0, 44_120.0)
    why = explained("volume", 66_150, 62_170, more)
    assert said(why, "en") == (
        "interactions 66.2 K, +6.4% (+3,980) on the previous period: +4,120 from WeChat, −140 from everything else."
    )
    assert said(why, "zh") == "业务量 6.62 万，较上期 +6.4%（+3,980）：+4,120 来自微信，−140 来自其他。"


def test_a_paradox():
    table = count_change({}, {})
    one = replace(MIX, kind="simpson", points=F(-20, 1000))
    why = explained("self_service_rate", 0.861, 0.869, one, decompositions=(table,))
    assert "every channel rose, yet the whole fell: −2.0 because the share of phone grew" in said(why, "en")
    assert "+1.2 from their own rates" in said(why, "en")
    assert "各渠道都上升，整体却下降：−2.0 因电话占比升至" in said(why, "zh")


def test_a_cause_is_not_rounded_away_and_chinese_has_no_blanks_of_its_own():
    # +0.05 of +0.54 points: with the largest remainder all would go to what is left.
    one = replace(RATE, kpi="csat", points=F(52, 100_000))
    assert "+0.1 because WeChat rose from 95.0% to 95.4%, +0.4 from everything else" in said(
        explained("csat", 0.2054, 0.2, one), "en"
    )
    slow = Finding("asa", "rate", F(21, 10), "channel", "hotline", 8.9, 12.8)
    assert "因电话由 8.90 秒升至 12.8 秒，" in said(explained("asa", 16.0, 13.7, slow), "zh")
    assert said(explained("durable_self_service_rate_72h", 0.9, 0.9, reason="noise"), "zh").startswith(
        "持久自助率（72 小时）90.0%，较上期"
    )


def test_small_shares_and_small_money_are_told_in_full():
    lost = Finding("escalated_lost_rate", "rate", F(3, 10_000), "channel", "hotline", 0.0039, 0.0087)
    why = explained("escalated_lost_rate", 0.0015, 0.0018, lost)
    assert said(why, "en") == (
        "escalated, lost 0.15%, −0.03 pt on the previous period: +0.03 because phone rose from 0.39% to 0.87%, "
        "−0.06 from everything else."
    )
    cost = Finding("cost_per_contact", "mix", F(-7, 100), "channel", "hotline", 0.112, 0.107)
    why = explained("cost_per_contact", 1.21, 1.28, cost)
    assert "¥1.21, −5.5% (−0.07) on the previous period: −0.07 because the share of phone shrank" in said(why, "en")


@pytest.mark.parametrize(
    ("reason", "en", "zh"),
    [
        ("small", "moved it too little to be told", "影响都太小"),
        ("whole", "always 100%; choose one of them by a filter", "恒为 100%"),
    ],
)
def test_what_is_no_cause_to_tell_of(reason, en, zh):
    why = explained("channel_mix", 1.0, 1.0, reason=reason)
    assert en in said(why, "en")
    assert zh in said(why, "zh")


def test_customers_and_sides():
    customers = Finding("customers_served", "customers", F(10))
    why = explained("customers_served", 110, 100, customers, turnover=Turnover(30, 20, 80))
    assert "30 new, 20 who did not come back, 80 in both periods" in said(why, "en")
    assert "新到 30 位，未再来 20 位，两期都来 80 位" in said(why, "zh")
    sides = Finding("contacts_per_customer", "sides", F(3, 100))
    why = explained("contacts_per_customer", 1.37, 1.34, sides, sides=(F(9, 100), F(-6, 100)))
    assert "+0.09 from volume of identified customers, −0.06 from customers served" in said(why, "en")


@pytest.mark.parametrize(
    ("reason", "en", "zh"),
    [
        ("noise", "nothing distinguishable from noise in 88 comparisons", "没有可与随机波动区分的原因"),
        ("unchanged", "the same as in the comparison", "与对比期相同"),
        ("no_parts", "no parts add up", "没有可相加的组成部分"),
    ],
)
def test_nothing_is_said_with_its_reason(reason, en, zh):
    why = explained("csat", 0.9, 0.88, reason=reason, tested=88)
    assert en in said(why, "en")
    assert zh in said(why, "zh")
    assert "what is chance cannot be told" in said(replace(why, reason="noise", untested=True), "en")


def test_missing_values_are_told_as_missing():
    none = replace(
        explained("csat", None, None, reason="no_value"), whole=Cell("csat", (), None, 0, 0, 0, reason="no_data")
    )
    assert said(none, "en") == "satisfaction –, one of the two periods has no value (no contacts match)."
    nothing = explained("csat", 0.9, None, reason="no_comparison", compare=None)
    assert said(nothing, "zh") == "满意率 90.0%，未选对比期，无从解释变化。"
    assert "does not cover" in said(explained("csat", 0.9, None, reason="not_covered"), "en")


def test_values_that_have_no_name():
    assert value_name("channel", None, NAMES["en"], "en") == "Channel unknown"
    assert value_name("channel", None, NAMES["zh"], "zh") == "渠道未知"
    assert value_name("channel", HIDDEN, NAMES["en"], "en") == "hidden cells"
    assert value_name("tier", 3, {}, "en") == "3"


def test_a_value_says_in_a_sentence_of_what_it_is():
    names = {"team": {"invest": "Investment"}, "business_line": {"investment": "Investment"}}
    assert subject("team", "invest", names, "en") == "team Investment"
    assert subject("business_line", "investment", names, "en") == "Investment business"
    assert subject("tier", 3, {"tier": {"3": "3 星"}}, "zh") == "3 星客户"
    assert subject("topic", None, names, "zh") == "主题未知"


def test_a_part_is_coloured_by_what_is_good():
    assert part_tone(F(1), METRICS["csat"]) == "better"
    assert part_tone(F(-1), METRICS["csat"]) == "worse"
    assert part_tone(F(-1), METRICS["asa"]) == "better"
    assert part_tone(F(1), METRICS["volume"]) == part_tone(F(0), METRICS["csat"]) == "neutral"
    spans = driver_sentence(explained("self_service_rate", 0.861, 0.869, MIX), MIX, NAMES["en"], "en")
    assert [(span.text, span.tone) for span in spans if span.strong and span.tone != "none"][1:] == [
        ("−1.1", "worse"), ("+0.3", "better"),
    ]  # fmt: skip
