"""What an address asks for: every bad value is named and left out, nothing ever fails."""

from dataclasses import replace
from datetime import date

import pytest

from kpi.metrics.registry import METRICS
from kpi.query.question import Filter, Period
from pages.address import state
from pages.address.explore_choice import CHOICE
from pages.address.parsing import preset_period, read_language, read_view
from pages.address.view import OWN, PRESETS

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


def test_the_comparison_may_be_dates():
    assert read(compare="2026-01-01..2026-01-31").compare == Period(date(2026, 1, 1), date(2026, 1, 31))
    for wrong in ("2026-01-31..2026-01-01", "2026-02-30..2026-03-01", "2026-01-01", "2023-01-01..2023-02-01", "last"):
        view = read(compare=wrong)
        assert (view.compare, len(view.ignored)) == ("previous", 1)
        assert wrong in told(view)[0]


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


@pytest.mark.parametrize(
    ("step", "is_one"),
    [
        ("date:2026-11-20", True),
        ("date:2026-11-31", False),
        ("week:2026-11-16", True),  # a Monday
        ("week:2026-11-17", False),
        ("month:2026-11-01", True),
        ("month:2026-11-02", False),
        ("hour:0", True),
        ("hour:24", False),
        ("weekday:7", True),
        ("weekday:0", False),
        ("half_hour:47", True),
        ("half_hour:noon", False),
    ],
)
def test_a_step_along_time_is_one_of_its_beginnings(step, is_one):
    view = read(drill="volume", at=step)
    assert len(view.at) == is_one
    assert (f"at “{step}”" in " ".join(told(view))) is not is_one


def test_a_drill_down_may_be_of_other_days_and_of_everything():
    view = read(drill="volume", channel="wechat", tier="3", span="2025-12-01..2026-11-22", every="channel")
    assert view.ignored == ()
    assert view.taken_apart.period == Period(date(2025, 12, 1), TODAY)
    assert view.taken_apart.filters == (Filter("tier", ("3",)),)
    assert view.period == Period(date(2026, 10, 26), TODAY)


@pytest.mark.parametrize("span", ["2026-11-22..2026-11-01", "2026-11-22", "2031-01-01..2031-01-02", "a..b", "x" * 9000])
def test_what_are_no_other_days_is_named(span):
    view = read(drill="volume", span=span, every="moon")
    assert view.taken_apart == view
    assert [said.split("“")[0] for said in told(view)] == ["The link's every ", "The link's span "]


KPI_BY_TIER = state.picks("tier", {"3": "3★", "": "n/k"}, "tier", {"volume": "Interactions", "csat": "Satisfaction"})
HALF_HOURS = state.picks("team", {"cards": "Cards"}, "team").also("half_hour", None, "half_hour")


@pytest.mark.parametrize(
    ("picks", "mark", "kpi", "steps"),
    [
        (state.picks("channel", {"wechat": "WeChat"}), {"name": "WeChat"}, "volume", {"channel": "wechat"}),
        (state.picks("channel", {"wechat": "WeChat"}), {"name": "All channels"}, "volume", {}),
        (state.picks("channel", {"wechat": "WeChat"}), {}, "volume", {}),
        (KPI_BY_TIER, {"tier": "3★", "name": "Satisfaction"}, "csat", {"tier": "3"}),
        (KPI_BY_TIER, {"tier": "n/k", "name": "Interactions"}, "volume", {"tier": ""}),
        (KPI_BY_TIER, {"tier": "All", "name": "Satisfaction"}, "csat", {}),
        (HALF_HOURS, {"team": "Cards", "half_hour": 21}, "volume", {"team": "cards", "half_hour": "21"}),
        (HALF_HOURS, {"team": "All teams", "half_hour": 0}, "volume", {"half_hour": "0"}),
    ],
)
def test_a_mark_leads_to_the_kpi_and_the_values_that_it_is_of(picks, mark, kpi, steps):
    assert picks.leads(mark, "volume") == (kpi, tuple(Filter(name, (value,)) for name, value in steps.items()))
    assert set(mark) <= set(picks.fields)
