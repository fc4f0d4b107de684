"""The drill-down: every step is in the address, its parts and its rows are those of the figure."""

import re
from html import unescape

import pytest

from kpi.i18n.numbers import format_count, format_value
from kpi.metrics.registry import METRICS
from kpi.query import Filter
from pages.state import read_drill
from tests.pages.test_overview import asked, text

CHOICES = {"tier": {"1": "", "3": "", "": ""}, "channel": {"wechat": "", "": ""}, "topic": {"cards": ""}}


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
