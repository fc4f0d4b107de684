"""What the page of satisfaction shows of a small demo bank, without a browser."""

from kpi.i18n.formats import format_value
from kpi.metrics.registry import METRICS
from kpi.stats.intervals import response_bounds
from pages.views.satisfaction import HEADLINES, SPEC
from tests.pages.test_channels import figures
from tests.pages.test_overview import asked, card, html, text

NAMES = {
    "csat": "Satisfaction",
    "csat_of_asked": "Of all asked",
    "nps": "NPS",
    "ces": "Effort",
    "fcr": "FCR",
    "complaint_rate": "Complaint rate",
}


def test_the_cards_say_what_the_warehouse_answers(demo_home, open_page):
    app = open_page(demo_home, "satisfaction", lang="en")
    assert not app.exception
    answered = asked(HEADLINES)
    for kpi, name in NAMES.items():
        assert format_value(answered.cell(kpi).value, METRICS[kpi].unit, "en") in card(app, name), kpi
        if SPEC.cards[kpi]:
            second = asked((SPEC.cards[kpi],)).cell(SPEC.cards[kpi])
            assert format_value(second.value, METRICS[SPEC.cards[kpi]].unit, "en") in card(app, name), SPEC.cards[kpi]
    assert figures(app) == 11


def test_the_opening_says_whom_nothing_is_known_of(demo_home, open_page):
    app = open_page(demo_home, "satisfaction", lang="en")
    answered = asked(("csat", "response_rate"))
    csat, responded = answered.cell("csat"), answered.cell("response_rate")
    for share in (csat.value, responded.value, *response_bounds(csat.value, responded.value)):
        assert format_value(share, "share", "en") in text(app)


def test_open_complaints_are_those_of_the_last_day(demo_home, open_page):
    app = open_page(demo_home, "satisfaction", lang="en")
    overdue = asked(("complaint_overdue",)).cell("complaint_overdue").value
    assert f"at the end of 22 Nov · overdue of those due: {format_value(overdue, 'share', 'en')}" in text(app)


def test_chinese_all_through(demo_home, open_page):
    app = open_page(demo_home, "satisfaction", lang="zh")
    assert not app.exception
    assert app.title[0].value == "满意度"
    for name in ("满意率", "满意率（按被调查）", "净推荐值", "客户费力度", "一次解决率", "投诉率"):
        assert card(app, name), name
    for title in ("评分分布", "净推荐值：各渠道", "未结投诉：账龄与期限", "消息渠道首次响应"):
        assert any(title in body for body in html(app)), title


def test_every_view_is_drawn(demo_home, open_page):
    for params in (
        {"period": "yesterday"},
        {"period": "ytd", "compare": "year"},
        {"compare": "none"},
        {"tier": "7", "age_band": "<25"},
        {"channel": "sms"},
        {"team": "card"},
        {"topic": "unknown"},
    ):
        assert not open_page(demo_home, "satisfaction", lang="en", **params).exception, params
