"""The drill-down: every step is in the address, its parts and its rows are those of the figure."""

import re
from datetime import date
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest

from kpi.errors import WarehouseError
from kpi.i18n import phrase
from kpi.i18n.formats import format_count, format_value
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.registry import METRICS
from kpi.query import Filter, Period, Question, answer
from kpi.settings import load_settings
from kpi.warehouse import Warehouse
from pages.address.parsing import read_drill
from pages.address.view import FILTERS
from pages.data import cache
from pages.ui import drill
from tests.pages.test_overview import asked, html, text
from tests.world import World

CHOICES = {"tier": {"1": "", "3": "", "": ""}, "channel": {"wechat": "", "": ""}, "topic": {"cards": ""}}


def parameter(app, name):
    """A parameter of the address; "" for none."""
    value = app.query_params.get(name, "")
    return value if isinstance(value, str) else value[0]


def told(app):
    return unescape(re.sub(r"\s+", " ", text(app)))


def test_steps_are_read_from_the_address():
    read = read_drill({"drill": "csat", "at": "tier:3,channel:unknown", "by": "topic"}, CHOICES, METRICS)
    assert read == ("csat", (Filter("tier", ("3",)), Filter("channel", ("",))), "topic")


@pytest.mark.parametrize(
    ("at", "left", "named"),
    [
        ("tier:9", 0, "tier:9"),
        ("tier:3,channel:fax,topic:cards", 1, "channel:fax"),
        ("tier:3,tier:1", 1, "tier:1"),
        ("moon:full", 0, "moon:full"),
        ("tier", 0, "tier"),
    ],
)
def test_from_the_first_bad_step_on_they_are_left_out_and_it_is_named(at, left, named):
    bad = []
    _, steps, _ = read_drill({"drill": "csat", "at": at}, CHOICES, METRICS, lambda *what: bad.append(what))
    assert len(steps) == left
    assert bad == [("at", named)]


def test_what_the_kpi_cannot_be_taken_apart_by_is_named_too():
    bad = []
    asked_for = {"drill": "occupancy", "at": "tier:3", "by": "channel"}
    found = read_drill(asked_for, CHOICES, METRICS, lambda *what: bad.append(what))
    assert found == ("occupancy", (), None)
    assert bad == [("by", "channel"), ("at", "tier:3")]


def test_without_a_kpi_there_are_no_steps():
    bad = []
    found = read_drill({"drill": "moon", "at": "tier:3"}, CHOICES, METRICS, lambda *what: bad.append(what))
    assert found == (None, (), None)
    assert bad == [("drill", "moon")]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_step_shows_its_figure_its_parts_and_its_rows(demo_home, open_page, language):
    app = open_page(demo_home, lang=language, drill="self_service_rate", at="channel:wechat", by="tier")
    assert not app.exception
    cell = asked(("self_service_rate",), 28, Filter("channel", ("wechat",))).cell("self_service_rate")
    said = told(app)
    assert format_value(cell.value, "share", language) in said
    assert f"{format_count(cell.n, language, compact=False)} " in said
    numerator, denominator = (format_count(n, language, compact=False) for n in (cell.numerator, cell.denominator))
    assert f"{numerator} ÷ {denominator}" in said
    steps = [button.label for button in app.button if button.key.startswith("step_")]
    assert steps == (["全部", "微信银行"] if language == "zh" else ["All", "WeChat bank"])
    assert len([button for button in app.button if button.key.startswith("down_tier_")]) >= 7


def test_a_percentile_is_taken_apart_without_a_sum(demo_home, open_page):
    app = open_page(demo_home, lang="en", drill="wait_p90")
    assert not app.exception
    assert "do not add up" in told(app)


def test_customers_of_several_channels_are_counted(demo_home, open_page):
    app = open_page(demo_home, lang="en", drill="customers_served", by="channel")
    assert not app.exception
    assert "Counted in several rows" in told(app)


def test_a_step_on_few_says_so_and_the_running_day_that_it_is_still_arriving(demo_home, open_page):
    app = open_page(demo_home, lang="en", drill="self_service_rate", at="tier:7,channel:wechat", period="7d")
    assert not app.exception
    path = Filter("tier", ("7",)), Filter("channel", ("wechat",))
    (cell,) = asked(("self_service_rate",), 7, *path).cells
    assert 0 < cell.n < 30
    assert cell.provisional
    (head,) = [body for body in html(app) if 'class="drill-figure"' in body]
    assert "<small>n < 30</small>" in head
    assert 'class="arriving"' in head


def each_that_does_not_apply():
    """The drawer's content of every KPI with a filter that it does not have, told apart by a line each."""
    from datetime import date

    import streamlit as st

    from kpi.charts import Style
    from kpi.metrics.registry import METRICS
    from kpi.query import Filter, Period
    from pages.address.view import FILTERS, View
    from pages.data import cache
    from pages.ui import drill

    for kpi, metric in METRICS.items():
        for dimension in (one for one in FILTERS if one not in metric.dimensions):
            st.query_params["drill"] = kpi
            st.html(f"<p>{kpi} {dimension}</p>")
            period, filters = Period(date(2026, 11, 1), date(2026, 11, 22)), (Filter(dimension, ("",)),)
            drill._content(View("en", period, filters=filters, drill=kpi), cache.published(), Style("en", "light"))


def test_a_filter_that_a_kpi_does_not_have_is_named_instead_of_its_parts(demo_home, open_page):
    open_page(demo_home, "dictionary")
    app = AppTest.from_function(each_that_does_not_apply, default_timeout=60).run()
    assert not app.exception
    said = html(app)
    expected = [(kpi, one) for kpi, metric in METRICS.items() for one in FILTERS if one not in metric.dimensions]
    assert ("occupancy", "tier") in expected
    assert len(said) == 2 * len(expected)
    for (kpi, dimension), line, named in zip(expected, said[::2], said[1::2], strict=True):
        assert line == f"<p>{kpi} {dimension}</p>"
        assert f"cannot be filtered by {DIMENSIONS[dimension].name('en')}" in named


def test_what_goes_wrong_in_the_drawer_is_told_in_it(demo_home, open_page, monkeypatch):
    def broken(*_):
        raise WarehouseError("warehouse_empty", place="the lake")

    monkeypatch.setattr(cache, "rows", broken)
    app = open_page(demo_home, lang="en", drill="volume")
    assert not app.exception
    assert app.header[0].value == phrase("en", "problem_title")
    assert "the lake" in told(app)


def test_a_load_that_is_published_while_the_drawer_is_made_makes_the_page_anew(tmp_path, open_page, monkeypatch):
    warehouse = Warehouse.from_settings(load_settings({"KPI_HOME": str(tmp_path), "KPI_MEMORY": "1"}))
    warehouse.create()
    world = World()
    world.contact("call", "2026-11-20 10:00", talk_seconds=60)
    world.publish(warehouse, "2026-11-20 12:00")
    opened, contents = [], drill._taken_apart

    def publishing(view, published, style):
        opened.append(published.version)
        if len(opened) == 1:
            world.contact("call", "2026-11-20 11:00")
            world.publish(warehouse, "2026-11-20 12:30")
        contents(view, published, style)

    monkeypatch.setattr(drill, "_taken_apart", publishing)
    app = open_page(tmp_path, lang="en", drill="volume")
    warehouse.close()
    assert not app.exception
    assert len(opened) == 2
    assert opened[0] < opened[1]
    assert "2 rows" in told(app)


def test_a_figure_of_other_days_is_taken_apart_over_them(demo_home, open_page, bank):
    app = open_page(demo_home, "journeys", lang="en")
    app = app.button(key="drill_journey_branches").click().run()
    assert not app.exception
    assert parameter(app, "span") == "2025-12-01..2026-11-22"
    year = Period(date(2025, 12, 1), date(2026, 11, 22))
    (cell,) = answer(bank, Question(("referred_amount",), year)).cells
    assert cell.n is not None
    assert cell.n > (asked(("referred_amount",)).cells[0].n or 0)
    (head,) = [body for body in html(app) if 'class="drill-figure"' in body]
    assert f"n {format_count(cell.n, 'en', compact=False)}" in head


def test_a_figure_of_every_channel_is_taken_apart_over_them(demo_home, open_page):
    app = open_page(demo_home, "channels", lang="en", channel="hotline", tier="1")
    app = app.button(key="drill_rates").click().run()
    assert not app.exception
    assert parameter(app, "every") == "channel"
    cell = asked(("self_service_rate",), 28, Filter("tier", ("1",))).cell("self_service_rate")
    (head,) = [body for body in html(app) if 'class="drill-figure"' in body]
    assert f"n {format_count(cell.n, 'en', compact=False)}" in head
    # Further down it stays so.
    app = next(button for button in app.button if button.key == "down_tier_1").click().run()
    assert (parameter(app, "every"), parameter(app, "at")) == ("channel", "tier:1")


@pytest.mark.parametrize(
    ("entry", "panel", "by"),
    [("overview", "tiers", "tier"), ("channels", "table", "channel"), ("tiers", "matrix", "tier")],
)
def test_a_table_of_many_kpis_leads_to_its_first_one_by_its_rows(demo_home, open_page, entry, panel, by):
    app = open_page(demo_home, entry, lang="en").button(key=f"drill_{panel}").click().run()
    assert not app.exception
    assert parameter(app, "drill") in METRICS
    assert parameter(app, "by") == by
    assert [button for button in app.button if button.key.startswith(f"down_{by}_")]
