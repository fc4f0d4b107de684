"""What the pages of channels and satisfaction open with."""

from datetime import date

from kpi.metrics.registry import METRICS
from kpi.narrative.channels import where_from, whose_rate
from kpi.narrative.headline import Sentence
from kpi.narrative.satisfaction import how_content
from kpi.query.answer import Answer, Cell
from kpi.query.question import Period, Question

DAY = Period(date(2026, 3, 2), date(2026, 3, 2))


def text(sentence: Sentence) -> str:
    return "".join(span.text for span in sentence)


def rate(value: float | None, kpi: str = "self_service_rate") -> Cell:
    return Cell(kpi, (), value, None, None, 100, reason=None if value is not None else "no_data")


def answered(*cells: Cell) -> Answer:
    question = Question(tuple(dict.fromkeys(cell.kpi for cell in cells)), DAY, compare="previous")
    return Answer(question, 1, True, {}, DAY, None, None, (), cells)


def test_the_95_per_cent_are_said_to_be_wechats_own() -> None:
    # WeChat at 7× agent phone and 95 % of its own: 6.65 ÷ 8 together.
    said = text(whose_rate(rate(0.95), rate(6.65 / 8), rate(0.84), rate(7.0, "wechat_phone_multiple"), "en"))
    assert said == (
        "WeChat’s own self-service rate is 95.0%: that is one channel’s. WeChat has 7.00× the answered calls; taken "
        "together with the phone lines the rate is 83.1%, and over all channels 84.0%. "
    )
    zh = text(whose_rate(rate(0.95), rate(6.65 / 8), rate(0.84), rate(7.0, "wechat_phone_multiple"), "zh"))
    assert zh == (
        "微信银行自己的自助化率 95.0%，只说微信这一个渠道；微信业务量是电话人工接通量的 7.00 倍，"
        "与电话合在一起是 83.1%，全部渠道是 84.0%。"
    )


def test_without_a_rate_of_wechat_nothing_is_said_of_it() -> None:
    assert whose_rate(None, rate(0.8), rate(0.8), rate(None), "en") == ()
    assert whose_rate(rate(None), rate(0.8), rate(0.8), rate(None), "en") == ()
    assert "times" not in text(whose_rate(rate(0.9), rate(None), rate(0.8), rate(None), "en"))


def test_the_two_largest_channels_are_named_with_how_they_moved() -> None:
    volume = Cell("volume", (), 1000, 1000, None, 1000, previous=800, change=200)
    shares = [
        Cell("channel_mix", (name,), share, None, None, 1000, previous=before, change=share - before)
        for name, share, before in (("sms", 0.1, 0.1), ("wechat", 0.6, 0.58), ("hotline", 0.3, 0.32))
    ]
    said = text(where_from(volume, answered(volume, *shares), METRICS, {"wechat": "WeChat bank"}, "en"))
    assert said == (
        "Interactions 1,000, +25.0% on the previous period. WeChat bank has 60.0% (+2.0 pt); next hotline, 30.0% "
        "(−2.0 pt). "
    )


def test_satisfaction_says_what_the_silent_could_make_of_it() -> None:
    csat = Cell("csat", (), 0.9, 180, 200, 200, low=0.85, high=0.93)
    said = text(how_content(answered(csat, rate(0.2, "response_rate")), METRICS, "en"))
    # RR .2, p .9 → [.18, .98]
    assert said == (
        "Satisfaction 90.0% (95% interval 85.00% to 93.00%). Of those asked 20.0% answered: 18.0% would be satisfied "
        "if none of the silent were, 98.0% if all were. "
    )
    nobody = answered(rate(None, "csat"), rate(None, "response_rate"))
    assert text(how_content(nobody, METRICS, "en")) == "Satisfaction –. "
