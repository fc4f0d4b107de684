"""What the service desk shows of a small demo bank, without a browser."""

from dataclasses import replace
from functools import partial

import pytest

from kpi.i18n.formats import format_value
from kpi.metrics.desk import SERVICE_LEVELS
from kpi.metrics.registry import METRICS
from kpi.narrative.staffing_plan import Scenario, plan
from kpi.query import Period, Question, answer
from pages.views.desk import HEADLINES
from tests.pages.test_overview import asked, card, text

NAMES = {
    "service_level": "Service level SL1",
    "answer_rate": "Answer rate",
    "abandonment_rate": "Abandonment",
    "asa": "Speed of answer",
    "aht": "Average handle time",
    "occupancy": "Occupancy",
}


@pytest.fixture
def open_desk(open_page):
    """Opens the page of the service desk."""
    return partial(open_page, entry="desk")


def field(app, name):
    return next(one for one in app.number_input if one.key == f"f_{name}")


def test_the_cards_say_what_the_warehouse_answers(demo_home, open_desk):
    app = open_desk(demo_home, lang="en")
    assert not app.exception
    assert app.title[0].value == "Service desk"
    answered = asked(HEADLINES)
    for kpi, name in NAMES.items():
        assert format_value(answered.cell(kpi).value, METRICS[kpi].unit, "en") in card(app, name), kpi
    assert "target 70–85%" in card(app, "Occupancy")


def test_chinese_all_through(demo_home, open_desk):
    app = open_desk(demo_home, lang="zh")
    assert not app.exception
    assert app.title[0].value == "服务台"
    for name in ("服务水平 SL1", "人工接通率", "放弃率", "平均应答速度", "平均处理时长", "利用率"):
        assert card(app, name), name
    assert "SL1：时限内接通 ÷ 人工请求" in text(app)


def test_all_five_formulas_are_seen_and_the_chosen_one_is_named(demo_home, open_desk, bank):
    app = open_desk(demo_home, lang="en", sl="SL4")
    assert not app.exception
    today = bank.published().today
    question = Question(("service_level",), Period(Period(today, today).shifted(-27).start, today))
    shown = text(app)
    for name in SERVICE_LEVELS:
        value = answer(bank, replace(question, service_level=name)).cell("service_level").value
        assert format_value(value, "share", "en") in shown, name
    chosen = answer(bank, replace(question, service_level="SL4")).cell("service_level").value
    assert format_value(chosen, "share", "en") in card(app, "Service level SL4")
    assert "SL4: answered in time ÷ (answered + abandoned after the threshold)" in shown


def test_a_click_chooses_the_formula(demo_home, open_desk):
    app = open_desk(demo_home, lang="en")
    app.button(key="choose_SL2").click().run()
    assert not app.exception
    assert app.query_params["sl"] == "SL2"
    assert card(app, "Service level SL2")


def test_the_what_if_reckons_with_the_numbers_of_the_address(demo_home, open_desk):
    app = open_desk(demo_home, lang="en", calls="360", handle="240", patience="120", seats="48")
    assert not app.exception
    rate = field(app, "self").value / 100
    found = plan(Scenario(360, 240, 120, rate, rate, seats=48))
    assert found.patient[0] == 54
    shown = text(app)
    assert f" {found.patient[0]} agents on seat" in " ".join(shown.split())
    assert "Unstable: 48 on seat do not exceed the load of 48.0 Erlang" in shown


def test_a_changed_number_goes_into_the_address_and_back(demo_home, open_desk):
    app = open_desk(demo_home, lang="en")
    before = field(app, "handle").value
    field(app, "handle").set_value(400).run()
    assert not app.exception
    assert app.query_params["handle"] == "400"
    app.button(key="plan_reset").click().run()
    assert field(app, "handle").value == before
    assert "handle" not in app.query_params


def test_the_map_can_show_three_things(demo_home, open_desk):
    for shown in ("level", "offered", "occupancy"):
        app = open_desk(demo_home, lang="en", map=shown)
        assert not app.exception
    assert "Occupancy by team and half hour" in text(app)


def test_bad_numbers_of_a_link_are_named(demo_home, open_desk):
    app = open_desk(demo_home, lang="en", map="x" * 10_000, calls="many", patience="-4", target="nan", sl="SL9")
    assert not app.exception
    said = app.warning[0].value
    for name in ("map", "calls", "patience", "target", "sl"):
        assert name in said
    assert len(said) < 1000


def test_filters_that_some_kpis_lack_and_that_leave_nothing(demo_home, open_desk):
    for params in (
        {"channel": "wechat"},
        {"team": "vip"},
        {"channel": "vip", "age_band": "<25", "period": "yesterday"},
    ):
        app = open_desk(demo_home, lang="en", **params)
        assert not app.exception, params
    assert "cannot be filtered by" in card(app, "Occupancy")
