"""What the pages on self-service and on journeys show of a small demo bank, without a browser."""

import json
import re
from datetime import timedelta

import pytest
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df

from kpi.i18n import catalogue
from kpi.i18n.formats import format_period, format_value
from kpi.metrics.registry import METRICS
from kpi.narrative.funnel import CHAIN_KPIS, JOURNEY_KPIS, chain, journey, per_hundred
from kpi.query import Period, Question, answer, last_mature
from pages.ui import cards
from pages.views import journeys, self_service
from tests.narrative.test_funnel import there
from tests.pages.test_overview import card, html, text


def last_days(bank, count=28):
    today = bank.published().today
    return Period(today - timedelta(days=count - 1), today)


def opening(app):
    """The sentences that the page opens with."""
    return re.sub(r"<[^>]+>", "", next(body for body in html(app) if 'class="answer"' in body))


def figure_rows(app, alt):
    """The data of the first layer of the figure whose description begins so."""
    charts = [one.proto for one in app.get("arrow_vega_lite_chart") or app.get("vega_lite_chart")]
    (chart,) = [one for one in charts if one.alt.startswith(alt)]
    name = json.loads(chart.spec)["layer"][0]["data"]["name"]
    data = next(one.data.data for one in chart.datasets if one.name == name)
    return convert_arrow_bytes_to_pandas_df(data).to_dict("records")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_cards_of_self_service_say_what_the_warehouse_answers(demo_home, open_page, bank, language):
    app = open_page(demo_home, "self_service", lang=language)
    assert not app.exception
    beside = tuple(kpi for kpi in self_service.SPEC.cards.values() if kpi)
    answered = answer(bank, Question((*self_service.SPEC.cards, *beside), last_days(bank), compare="previous"))
    for kpi, second in self_service.SPEC.cards.items():
        shown = card(app, cards.title(kpi, language))
        assert format_value(answered.cell(kpi).value, METRICS[kpi].unit, language) in shown, kpi
        if second:
            assert format_value(answered.cell(second).value, METRICS[second].unit, language) in shown, second


def test_the_chain_is_that_of_the_warehouse_and_its_hundred_adds_up(demo_home, open_page, bank):
    app = open_page(demo_home, "self_service", lang="en")
    whole = there(chain(answer(bank, Question(CHAIN_KPIS, last_days(bank), compare="previous"))))
    bars = figure_rows(app, "Funnel of one cohort")
    assert [bar["share"] for bar in bars] == pytest.approx([step.share for step in whole.steps])
    losses = {loss.id: loss.count for step in whole.steps for loss in step.losses}
    parts = (whole.steps[-1].count, *(losses[one] for one in ("back", "given_up", "answered", "lost")))
    kept, back, gave_up, *_ = per_hundred(parts)
    told = opening(app)
    assert f"{kept} were settled for good; {back} came back within a week, {gave_up} gave up" in told
    numbers = re.findall(r"(\d+) (?:were settled|came back|gave up|went to|asked)", told)
    assert sum(map(int, numbers)) == 100


def test_trap_where_nothing_is_mature_yet_the_last_mature_week_is_shown_and_named(demo_home, open_page, bank):
    app = open_page(demo_home, "self_service", lang="en", period="7d")
    question = Question(CHAIN_KPIS, last_days(bank, 7), compare="previous")
    assert chain(answer(bank, question)) is None
    moved = there(last_mature(bank, question))
    whole = there(chain(answer(bank, moved)))
    bars = figure_rows(app, "Funnel of one cohort")
    assert [bar["share"] for bar in bars] == pytest.approx([step.share for step in whole.steps])
    assert format_period(moved.period.start, moved.period.end, "en", year=False) in text(app)


def test_journeys_show_the_last_mature_period_in_every_panel(demo_home, open_page, bank):
    app = open_page(demo_home, "journeys", lang="en", period="7d")
    assert not app.exception
    moved = there(last_mature(bank, Question(JOURNEY_KPIS, last_days(bank, 7), ("scenario",), compare="previous")))
    answered = answer(bank, moved)
    bars = figure_rows(app, "Funnels by scenario")
    scenarios = [
        key for key in ("large_cash", "investment", "campaign") if any(c.key == (key,) for c in answered.cells)
    ]
    shares = [step.share for key in scenarios for step in there(journey(answered, key)).steps]
    assert [bar["share"] for bar in bars] == pytest.approx(shares)
    dates = format_period(moved.period.start, moved.period.end, "en", year=False)
    assert dates in opening(app)
    assert dates in card(app, "End to end")


def test_chinese_all_through(demo_home, open_page):
    for page, title, names in (
        ("self_service", "自助", ("自助化率", "拦截率", "智能解决率", "持久自助率", "转人工率", "虚假拦截率")),
        ("journeys", "线上线下", ("转介率", "到店率", "签约率", "全程转化率", "转介成交金额", "转介后升星率")),
    ):
        app = open_page(demo_home, page, lang="zh")
        assert not app.exception
        assert app.title[0].value == title
        assert all(card(app, name) for name in names)
        assert "每 100" in opening(app) or page == "journeys"


@pytest.mark.parametrize("page", ["self_service", "journeys"])
@pytest.mark.parametrize(
    "params",
    [
        {"channel": "wechat", "tier": "7", "period": "yesterday"},
        {"compare": "none", "period": "90d"},
        {"team": "unknown"},
        {"period": "ytd", "compare": "year"},
        {"drill": "escalation_mix", "by": "escalation_reason", "period": "7d"},
        {"drill": "lost_rate"},
    ],
)
def test_no_selection_is_an_error(demo_home, open_page, page, params):
    assert not open_page(demo_home, page, lang="en", **params).exception


def test_every_headline_has_its_companion_in_both_languages():
    for beside in (*self_service.SPEC.cards.values(), *journeys.SPEC.cards.values()):
        assert not beside or f"foot_{beside}" in catalogue()
