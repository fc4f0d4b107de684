from dataclasses import dataclass
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.i18n import formats
from kpi.i18n.formats import format_bare, format_change, format_count, format_percent, format_period, format_value


@dataclass
class Moved:
    change: float | None
    relative_change: float | None = None
    value: float | None = None


@pytest.mark.parametrize(
    ("value", "unit", "language", "compact", "text"),
    [
        (0.8473, "share", "zh", True, "84.7%"),
        (0.8473, "share", "en", False, "84.73%"),
        (0.05, "share", "en", True, "5.00%"),
        (0, "share", "en", True, "0%"),
        (1, "share", "en", True, "100%"),
        (66_150_000, "count", "zh", True, "6,615 万"),
        (66_150_000, "count", "en", True, "66.2 M"),
        (66_150_000, "count", "en", False, "66,150,000"),
        (70_321, "count", "en", True, "70.3 K"),
        (70_321, "count", "zh", True, "7.03 万"),
        (9_876, "count", "en", True, "9,876"),
        (123_456_789, "customers", "zh", True, "1.23 亿"),
        (7.1234, "multiple", "zh", True, "7.12 倍"),
        (7.1234, "multiple", "en", True, "7.12×"),
        (193.12, "seconds", "en", True, "193 s"),
        (18.26, "seconds", "zh", True, "18.3 秒"),
        (-41.27, "points", "en", True, "\u221241.3"),
        (4.6218, "score", "en", True, "4.62"),
        (-12.5, "yuan", "en", True, "\u2212¥12.50"),
        (125_000, "yuan", "zh", True, "¥12.5 万"),
        (None, "share", "zh", True, "–"),
        (None, "count", "en", True, "–"),
        (float("nan"), "share", "en", True, "–"),
    ],
)
def test_a_value_with_its_unit(value, unit, language, compact, text):
    assert format_value(value, unit, language, compact) == text


def test_trap_almost_all_is_not_all():
    # 99.97 % rounds to "100%" with three figures: a centre that fails three in ten thousand would look perfect.
    assert format_value(0.9997, "share", "en") == "99.97%"
    assert format_value(0.99999, "share", "en") == ">99.99%"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_trap_39071_of_39072_are_not_all_and_one_of_them_is_not_none(language):
    most, least = 39_071 / 39_072, 1 / 39_072
    assert [format_value(most, "share", language, compact) for compact in (True, False)] == [">99.99%"] * 2
    assert [format_value(least, "share", language, compact) for compact in (True, False)] == ["<0.01%"] * 2
    assert [format_percent(most, digits) for digits in (0, 1)] == [">99%", ">99.9%"]
    assert [format_percent(least, digits) for digits in (0, 1)] == ["<1%", "<0.1%"]
    assert (format_bare(most, "share"), format_bare(least, "share")) == (">99.99", "<0.01")
    assert formats.format_limit(0.99999999, "share", language) == ">99.9999%"


@pytest.mark.parametrize(
    ("value", "unit", "compact", "text"),
    [
        (99.98, "points", True, ">99.9"),
        (-99.999, "points", False, "<\u221299.99"),
        (0.02, "points", True, "<0.1"),
        (-0.02, "points", True, ">\u22120.1"),
        (-100.0, "points", True, "\u2212100.0"),
        (0.0004, "per_10k", True, "<0.01 per 10k"),
        (0.0004, "per_10k", False, "<0.001 per 10k"),
        (0.004, "multiple", True, "<0.01×"),
        (0.004, "seconds", True, "<0.01 s"),
        (0.004, "yuan", True, "<¥0.01"),
        (-0.004, "yuan", True, ">\u2212¥0.01"),
        (999_960, "count", True, "1.00 M"),
        (999_400, "count", True, "999 K"),
        (999_999_999, "count", True, "1.00 B"),
        (0.1 + 0.2 - 0.3, "multiple", True, "0×"),
        (1 - 1e-15, "share", True, "100%"),
        (0.996, "share", True, "99.6%"),
    ],
)
def test_trap_no_rounding_makes_a_bound(value, unit, compact, text):
    assert format_value(value, unit, "en", compact) == text


def test_trap_nearly_everything_lost_is_not_all_lost():
    assert format_change(Moved(-9_998, -0.9998), "count", "en") == "<\u221299.9%"
    assert format_change(Moved(-10_000, -1.0), "count", "en") == "\u2212100.0%"
    assert format_change(Moved(0.9998, value=0.9999), "share", "en") == ">+99.9 pt"
    assert formats.shown_sign(Moved(-9_998, -0.9998), "count") == -1
    assert formats.shown_sign(Moved(0.9998, value=0.9999), "share") == 1


@given(st.fractions(0, 1, max_denominator=10**8), st.sampled_from(["zh", "en"]), st.booleans())
def test_a_share_is_written_as_all_or_none_only_where_it_is(share, language, compact):
    text = format_value(float(share), "share", language, compact)
    assert (text in {"100%", "100.00%"}) == (share == 1)
    assert (text in {"0%", "0.00%"}) == (share == 0)
    number = float(text.strip("<>%")) / 100
    if text[0] in "<>":
        assert (float(share) < number) if text[0] == "<" else (float(share) > number)
    else:
        assert abs(number - float(share)) <= 0.0005


@given(st.floats(-200, 200), st.sampled_from(["share", "points", "multiple", "score", "per_10k", "seconds", "days"]))
def test_a_change_is_written_as_none_only_where_there_is_none(change, unit):
    text = format_change(Moved(change), unit, "en")
    assert text.startswith("±") == (abs(change) < 1e-12 or (unit == "share" and abs(change) < 1e-14))
    assert formats.shown_sign(Moved(change), unit) in {0, 1 if change > 0 else -1}


def test_trap_nothing_known_is_never_nought():
    assert format_value(None, "count", "zh") == formats.ABSENT != format_value(0, "count", "zh")


def test_three_figures_survive_rounding_up():
    assert format_value(0.09996, "share", "en") == "10.0%"
    assert format_value(9.999, "multiple", "en") == "10.0×"


@pytest.mark.parametrize(
    ("change", "relative", "unit", "language", "text"),
    [
        (0.009, None, "share", "zh", "+0.9 个百分点"),
        (-0.0023, None, "share", "en", "\u22120.2 pt"),
        (0.0001, None, "share", "en", "<+0.1 pt"),
        (0.0, None, "share", "en", "±0.0 pt"),
        (300, 0.0631, "count", "en", "+6.3%"),
        (-300, -0.0631, "count", "zh", "\u22126.3%"),
        (-2.5, None, "seconds", "en", "\u22122.5 s"),
        (0.125, None, "multiple", "zh", "+0.12 倍"),
        (None, None, "share", "en", "–"),
        (5, None, "count", "en", "–"),
    ],
)
def test_a_change_with_its_sign(change, relative, unit, language, text):
    assert format_change(Moved(change, relative), unit, language) == text


def test_what_is_shown_to_hundredths_changes_by_hundredths():
    # 0.18 % -> 0.15 %; where one of the two is above one per cent, tenths say enough.
    assert format_change(Moved(-0.0003, value=0.0015), "share", "en") == "\u22120.03 pt"
    assert format_change(Moved(-0.0103, value=0.0015), "share", "en") == "\u22121.0 pt"
    assert format_change(Moved(0.0, value=0.0), "share", "en") == "±0.0 pt"  # beside "0%"
    # Money in fen below a hundred yuan.
    assert formats.part_decimals("yuan", 1.21, 1.28) == 2
    assert formats.part_decimals("yuan", 99.0, 374_003.75) == 0


def test_trap_a_change_too_small_to_be_seen_has_no_sign():
    assert formats.shown_sign(Moved(-0.0001), "share") == 0
    assert formats.shown_sign(Moved(-0.0023), "share") == -1
    assert formats.shown_sign(Moved(0.0123), "share") == 1


def test_minus_is_the_typographic_one_everywhere():
    for text in (
        format_value(-0.5, "share", "en"),
        format_value(-3, "points", "zh"),
        format_count(-12_345, "en"),
        format_change(Moved(-0.05), "share", "zh"),
    ):
        assert "\u2212" in text
        assert "-" not in text


def test_bare_figures_share_the_unit_of_their_row():
    divisor, letter = formats.axis_unit(21_700, "zh")
    assert (divisor, letter) == (1e4, "万")
    assert format_bare(21_700, "count", divisor) == "2.17"
    assert format_bare(12, "count", divisor) == "<0.01"
    assert format_bare(0.8473, "share") == "84.7"
    assert formats.axis_unit(21_700, "en") == (1e3, "K")
    assert formats.axis_unit(9_000, "en") == (1.0, "")


def test_a_share_that_is_not_nought_is_not_labelled_so():
    assert format_percent(0.0004) == "<1%"
    assert format_percent(0.0) == "0%"
    assert format_percent(0.1534, 1) == "15.3%"


def test_a_period_tells_the_year_once():
    assert format_period(date(2026, 10, 26), date(2026, 11, 22), "en") == "26 Oct – 22 Nov 2026"
    assert format_period(date(2026, 10, 26), date(2026, 11, 22), "zh") == "2026-10-26 至 11-22"
    assert format_period(date(2025, 12, 30), date(2026, 1, 2), "en") == "30 Dec 2025 – 2 Jan 2026"
    assert format_period(date(2025, 12, 30), date(2026, 1, 2), "zh", year=False) == "2025-12-30 至 2026-01-02"
    assert format_period(date(2026, 1, 2), date(2026, 1, 2), "zh") == "2026-01-02"
    assert format_period(date(2026, 10, 26), date(2026, 11, 22), "en", year=False) == "26 Oct – 22 Nov"


def test_a_moment_names_its_weekday():
    moment = datetime(2026, 11, 23, 11, 0)
    assert formats.format_moment(moment, "zh") == "11-23 周一 11:00"
    assert formats.format_moment(moment, "en") == "Mon 23 Nov 11:00"
    assert formats.format_moment(moment, "en", weekday=False) == "23 Nov 11:00"
