"""What the page of the channels shows of a small demo bank, without a browser."""

import re
from dataclasses import replace
from datetime import date

from kpi.i18n.formats import format_value
from kpi.metrics.registry import METRICS
from kpi.query import Filter, Period
from pages.address.view import View
from pages.views.channels import HEADLINES, SPEC
from tests.pages.test_overview import asked, card, html, text

PANELS = ("volume", "changes", "mix", "rates", "trend_wechat_phone_multiple", "hours", "migration", "tiers", "table")
NAMES = {
    "volume": "Interactions",
    "agent_volume": "Agent volume",
    "wechat_phone_multiple": "WeChat : phone",
    "self_service_rate": "Self-service · all",
    "customers_served": "Customers served",
    "multi_channel_share": "Cross-channel",
}


def figures(app):
    """How many charts the page has."""
    return len(app.get("arrow_vega_lite_chart")) or len(app.get("vega_lite_chart"))


def test_the_cards_say_what_the_warehouse_answers(demo_home, open_page):
    app = open_page(demo_home, "channels", lang="en")
    assert not app.exception
    answered = asked(HEADLINES)
    for kpi, name in NAMES.items():
        assert format_value(answered.cell(kpi).value, METRICS[kpi].unit, "en") in card(app, name), kpi
    assert tuple(NAMES) == HEADLINES == tuple(SPEC.cards)
    assert figures(app) == len(PANELS)


def test_wechats_own_rate_and_the_centres_stand_apart(demo_home, open_page):
    app = open_page(demo_home, "channels", lang="en")
    rate = "self_service_rate"
    own = format_value(asked((rate,), 28, Filter("channel", ("wechat",))).cell(rate).value, "share", "en")
    pair = format_value(asked((rate,), 28, Filter("family", ("wechat", "phone"))).cell(rate).value, "share", "en")
    centre = format_value(asked((rate,)).cell(rate).value, "share", "en")
    assert len({own, pair, centre}) == 3
    said = text(app)
    assert f"WeChat’s own self-service rate is {own}" in re.sub(r"\s+", " ", said)
    assert f"WeChat’s own {own}" in card(app, "Self-service · all")
    assert centre in card(app, "Self-service · all")
    assert pair in said
    # With WeChat chosen the card is WeChat's, and is not called that of all channels.
    narrowed = open_page(demo_home, "channels", lang="en", channel="wechat")
    assert not card(narrowed, "Self-service · all")
    assert own in card(narrowed, "Self-service · chosen")
    assert centre in text(narrowed)  # the sentence still says what the centre's is


def test_chinese_all_through(demo_home, open_page):
    app = open_page(demo_home, "channels", lang="zh")
    assert not app.exception
    assert app.title[0].value == "渠道"
    for name in ("业务量", "人工量", "微信电话倍数", "自助化率 · 全部渠道", "服务客户数", "跨渠道率"):
        assert card(app, name), name
    for title in ("渠道占比", "渠道迁移", "一周之中何时来", "各渠道指标"):
        assert any(title in body for body in html(app)), title


def test_without_a_comparison_there_is_no_migration(demo_home, open_page):
    app = open_page(demo_home, "channels", lang="en", compare="none")
    assert not app.exception
    assert "no earlier period to compare with" in text(app)
    assert figures(app) == len(PANELS) - 2  # nor a change


def test_every_view_is_drawn(demo_home, open_page):
    for params in ({"period": "yesterday"}, {"period": "ytd", "compare": "year"}, {"tier": "7", "age_band": "<25"},
                   {"channel": "sms"}, {"line": "vip"}, {"team": "card"}, {"segment": "unknown"}):  # fmt: skip
        assert not open_page(demo_home, "channels", lang="en", **params).exception, params


def test_a_view_without_a_filter_keeps_the_others():
    day = Period(date(2026, 3, 2), date(2026, 3, 2))
    view = View("en", day, filters=(Filter("channel", ("wechat",)), Filter("tier", ("1",))))
    assert view.without("channel", "line") == replace(view, filters=(Filter("tier", ("1",)),))
