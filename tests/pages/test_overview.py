"""What the overview shows of a small demo bank, without a browser."""

import re
from dataclasses import replace
from datetime import date, timedelta
from html import unescape

import pytest

from kpi.i18n.formats import format_change, format_value
from kpi.metrics.registry import METRICS
from kpi.query import Filter, Period, Question, answer
from kpi.settings import load_settings
from pages.views.overview import HEADLINES, SPEC
from tests.pages.conftest import opened


def html(app):
    return [unescape(str(element.proto.body)) for element in app.get("html")]


def text(app):
    return re.sub(r"<[^>]+>", " ", "\n".join(html(app)))


def card(app, name):
    """The text of one card, or "" where there is none."""
    found = [body for body in html(app) if f'<div class="kpi-label">{name}</div>' in body]
    return re.sub(r"<[^>]+>", " ", found[0]) if found else ""


def asked(kpis, days=28, *filters, by=()):
    """The same question put to the warehouse directly."""
    warehouse = opened(load_settings().home)
    today = warehouse.published().today
    period = Period(today, today).shifted(1 - days)
    return answer(warehouse, Question(kpis, Period(period.start, today), by, filters, compare="previous"))


def test_the_cards_say_what_the_warehouse_answers(demo_home, open_page):
    app = open_page(demo_home, lang="en")
    assert not app.exception
    answered = asked(HEADLINES)
    for kpi, name in (("self_service_rate", "Self-service rate"), ("volume", "Interactions"), ("csat", "Satisfaction")):
        assert format_value(answered.cell(kpi).value, METRICS[kpi].unit, "en") in card(app, name)
    assert format_value(asked(("given_up_rate",)).cell("given_up_rate").value, "share", "en") in card(
        app, "Self-service rate"
    )


def test_chinese_all_through(demo_home, open_page):
    app = open_page(demo_home, lang="zh")
    assert not app.exception
    assert app.title[0].value == "总览"
    for name in ("自助化率", "业务量", "满意率", "长尾覆盖率", "服务水平 SL1", "一次解决率"):
        assert card(app, name)
    assert "合成数据" in text(app)


def test_dates_of_ones_own_are_compared_with(demo_home, open_page, bank):
    dates = Period(date(2026, 10, 1), date(2026, 10, 20))
    app = open_page(demo_home, lang="en", compare=str(dates))
    assert not app.exception
    today = date(2026, 11, 22)
    period = Period(today - timedelta(days=27), today)
    volume = answer(bank, Question(("volume",), period, compare=dates)).cell("volume")
    assert format_change(volume, "count", "en") in card(app, "Interactions")
    assert "26 Oct – 22 Nov against 1 Oct – 20 Oct · days: 28 against 20" in text(app)
    # The same dates stand in the filter bar, and other ones go into the address.
    app.date_input(key="f_against").set_value((date(2026, 10, 1), date(2026, 10, 28))).run()
    assert not app.exception
    assert app.query_params["compare"] == "2026-10-01..2026-10-28"
    assert "days: " not in text(app)


@pytest.mark.parametrize("days", [20, 35])
def test_trap_coverage_of_a_period_is_held_against_all_of_another_of_any_length(demo_home, open_page, bank, days):
    dates = Period(date(2026, 9, 21), date(2026, 9, 20) + timedelta(days=days))
    app = open_page(demo_home, lang="en", compare=str(dates))
    assert not app.exception
    today = date(2026, 11, 22)
    then, now = (
        answer(bank, Question(("long_tail_coverage",), period)).cell("long_tail_coverage")
        for period in (dates, Period(today - timedelta(days=27), today))
    )
    change = replace(now, change=(now.value or 0) - (then.value or 0))
    assert format_change(change, "share", "en") in card(app, "Tail coverage")
    # More days reach more customers: that is neither better nor worse.
    assert "better" not in card(app, "Tail coverage")
    assert "worse" not in card(app, "Tail coverage")


def test_a_filter_changes_what_is_asked(demo_home, open_page):
    app = open_page(demo_home, lang="en", period="7d", channel="wechat")
    volume = asked(("volume",), 7, Filter("channel", ("wechat",))).cell("volume").value
    assert format_value(volume, "count", "en") in card(app, "Interactions")


def test_trap_a_kpi_that_cannot_be_filtered_so_says_it(demo_home, open_page):
    missing = [kpi for kpi in HEADLINES if "team" not in METRICS[kpi].dimensions]
    app = open_page(demo_home, lang="en", team=_a_team(demo_home))
    assert not app.exception
    assert [kpi for kpi in missing if kpi == "long_tail_coverage"]
    assert "cannot be filtered by Team" in card(app, "Tail coverage")


def test_trap_no_value_is_a_dash_with_its_reason(demo_home, open_page):
    app = open_page(demo_home, lang="en", channel="vip", age_band="<25", tier="7", period="yesterday")
    assert not app.exception
    assert card(app, "Interactions").split()[:2] == ["Interactions", "0"]
    for name in ("Self-service rate", "Satisfaction"):
        assert card(app, name).split(name)[1].split()[:4] == ["–", "no", "contacts", "match"], name


def test_trap_what_is_not_mature_yet_stands_there_for_the_last_day_that_is(demo_home, open_page):
    # First-contact resolution needs seven days: yesterday alone has nothing mature, so the last whole day that has
    # stands there with its date, and is named as such.
    app = open_page(demo_home, lang="en", period="yesterday")
    assert not app.exception
    assert "latest " in card(app, "FCR")


def test_without_a_comparison_nothing_is_compared(demo_home, open_page):
    app = open_page(demo_home, lang="en", compare="none")
    assert not app.exception
    assert "no comparison chosen" in card(app, "Satisfaction")
    assert "against" not in text(app)


def test_trap_a_preset_may_begin_before_the_data(demo_home, open_page):
    # Quarter, 90 days and the year begin earlier than the 70 days of data: by day, by week, with and without a year
    # to compare with.
    for period, compare in (("90d", "previous"), ("ytd", "year"), ("last_quarter", "none")):
        assert not open_page(demo_home, period=period, compare=compare).exception, (period, compare)


def test_bad_links_are_named(demo_home, open_page):
    app = open_page(demo_home, lang="en", channel="fax", period="x" * 10_000)
    assert not app.exception
    assert "fax" in app.warning[0].value
    assert len(app.warning[0].value) < 400


def test_rows_open_from_the_address(demo_home, open_page):
    app = open_page(demo_home, lang="en", drill="volume", period="7d")
    assert not app.exception
    volume = int(asked(("volume",), 7).cell("volume").value)
    assert f"{volume:,} rows" in text(app)
    assert len(app.dataframe[0].value) == min(50, volume)


def test_an_empty_home_offers_the_demo_bank_or_an_import(tmp_path, open_page):
    app = open_page(tmp_path / "home", lang="en")
    assert not app.exception
    assert [button.label for button in app.button if button.label == "Make the demo bank"]


def test_every_headline_has_a_companion_in_both_languages():
    from kpi.i18n import catalogue

    assert {f"foot_{beside}" for beside in SPEC.cards.values()} <= set(catalogue())


def _a_team(home):
    from kpi.query.labels import labels

    return next(team for team in labels(opened(home), "team", "en") if team)
