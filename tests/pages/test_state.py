"""What an address asks for: every bad value is named and left out, nothing ever fails."""

from dataclasses import replace
from datetime import date

import pytest

from kpi.metrics.registry import METRICS
from kpi.query.question import Filter, Period
from pages.choice import CHOICE
from pages.state import OWN, PRESETS, preset_period, read_language, read_view

TODAY = date(2026, 11, 22)
FIRST = date(2024, 9, 14)
CHOICES = {
    "channel": {"wechat": "", "hotline": "", "": ""},
    "tier": {str(star): "" for star in range(1, 8)},
    "age_band": {"<25": "", "65+": "", "": ""},
}


def read(**params):
    return read_view(params, TODAY, FIRST, CHOICES, METRICS, "en-GB")


def told(view):
    return [one.message("en") for one in view.ignored]


def test_an_empty_address_is_the_last_28_days_against_those_before():
    view = read()
    assert (view.preset, view.period) == ("28d", Period(date(2026, 10, 26), TODAY))
    assert (view.compare, view.filters, view.drill, view.ignored) == ("previous", (), None, ())


@pytest.mark.parametrize(
    ("preset", "start", "end"),
    [
        ("yesterday", date(2026, 11, 21), date(2026, 11, 21)),
        ("7d", date(2026, 11, 16), TODAY),
        ("28d", date(2026, 10, 26), TODAY),
        ("90d", date(2026, 8, 25), TODAY),
        ("mtd", date(2026, 11, 1), TODAY),
        ("qtd", date(2026, 10, 1), TODAY),
        ("ytd", date(2026, 1, 1), TODAY),
        ("last_month", date(2026, 10, 1), date(2026, 10, 31)),
        ("last_quarter", date(2026, 7, 1), date(2026, 9, 30)),
    ],
)
def test_presets_count_from_the_running_day_of_the_data(preset, start, end):
    assert read(period=preset).period == Period(start, end)


def test_presets_across_the_turn_of_the_year():
    first = date(2026, 1, 1)
    assert preset_period("last_month", first) == Period(date(2025, 12, 1), date(2025, 12, 31))
    assert preset_period("last_quarter", first) == Period(date(2025, 10, 1), date(2025, 12, 31))
    for preset in ("mtd", "qtd", "ytd"):
        assert preset_period(preset, first) == Period(first, first)


def test_own_dates_are_inclusive():
    view = read(**{"from": "2026-11-01", "to": "2026-11-07"})
    assert (view.preset, view.period, view.ignored) == (None, Period(date(2026, 11, 1), date(2026, 11, 7)), ())


def test_several_values_and_unknown():
    view = read(channel="wechat,unknown", tier="5,6,7")
    assert view.filters == (Filter("channel", ("wechat", "")), Filter("tier", ("5", "6", "7")))
    assert view.chosen("tier") == ("5", "6", "7")
    assert view.chosen("region") == ()


def test_values_with_signs_come_through():
    assert read(age_band="<25,65+").filters == (Filter("age_band", ("<25", "65+")),)


def test_trap_reversed_dates_are_named_not_swapped_silently():
    view = read(**{"from": "2026-11-07", "to": "2026-11-01"})
    assert view.preset == "28d"
    assert "2026-11-07 … 2026-11-01" in told(view)[0]


def test_dates_outside_the_data():
    assert read(**{"from": "2030-01-01", "to": "2030-01-02"}).preset == "28d"
    clipped = read(**{"from": "2020-01-01", "to": "2024-10-01"})
    assert clipped.period == Period(FIRST, date(2024, 10, 1))
    assert len(clipped.ignored) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("period", "fortnight"),
        ("period", "7D"),
        ("from", "2026-13-01"),
        ("to", "yesterday"),
        ("compare", "budget"),
        ("channel", "fax"),
        ("tier", "9"),
        ("drill", "giny"),
        ("lang", "fr"),
    ],
)
def test_a_bad_value_is_named_and_left_out(name, value):
    view = read(**{name: value})
    assert view.period == Period(date(2026, 10, 26), TODAY)
    assert (view.filters, view.compare, view.drill) == ((), "previous", None)
    assert len(view.ignored) == 1
    assert value in told(view)[0]


def test_good_values_stay_when_others_are_bad():
    view = read(channel="wechat,fax,telex", tier="3")
    assert view.filters == (Filter("channel", ("wechat",)), Filter("tier", ("3",)))
    assert "fax, telex" in told(view)[0]


@pytest.mark.parametrize("name", ["period", "from", "compare", "channel", "drill", "lang"])
def test_ten_thousand_characters_are_cut_when_named(name):
    view = read(**{name: "x" * 10_000})
    assert len(told(view)[0]) < 200


def test_a_repeated_value_counts_once():
    assert read(channel="wechat,wechat").filters == (Filter("channel", ("wechat",)),)


def test_every_message_exists_in_chinese():
    view = read(channel="fax", compare="x", **{"from": "2026-11-07", "to": "2026-11-01"})
    assert all("链接" in one.message("zh") for one in view.ignored)


@pytest.mark.parametrize(
    ("params", "browser", "language"),
    [
        ({}, "zh-CN", "zh"),
        ({}, "zh", "zh"),
        ({}, "en-US", "en"),
        ({}, "de-DE", "en"),
        ({}, None, "en"),
        ({"lang": "zh"}, "en-US", "zh"),
        ({"lang": "en"}, "zh-CN", "en"),
        ({"lang": "xx"}, "zh-CN", "zh"),
    ],
)
def test_language_of_the_link_then_of_the_browser(params, browser, language):
    assert read_language(params, browser) == language


def test_all_presets_are_names_in_both_languages():
    from kpi.i18n import catalogue

    assert {f"period_{preset}" for preset in PRESETS} <= set(catalogue())


@pytest.mark.parametrize(
    ("params", "named"),
    [({"chanel": "wechat"}, "“chanel”"), ({"a": "1", "b": "2"}, "“a, b”"), ({"x" * 50: "1"}, f"“{'x' * 40}…”")],
)
def test_a_parameter_that_there_is_not_is_named(params, named):
    view = read(**params)
    assert view == replace(read(), ignored=view.ignored)
    (said,) = told(view)
    assert named in said


def test_every_parameter_that_a_page_has_of_its_own_is_known():
    names = (*CHOICE, *OWN, "sl", "page", "lang")
    assert not [said for said in told(read(**dict.fromkeys(names, "?"))) if "no parameter" in said]
