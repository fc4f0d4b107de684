"""Whatever an address says: no exception, every value that cannot be used is named, and the days can be worked with."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kpi.dates import EARLIEST, LATEST
from kpi.metrics.registry import METRICS
from kpi.query import Period, answer
from kpi.query.buckets import span_of
from pages.address import state
from pages.address.explore_choice import TIMES
from pages.address.parsing import read_drill, read_view, time_value
from pages.address.view import KNOWN

TODAY, FIRST = date(2026, 11, 22), date(2024, 9, 14)
CHOICES = {"channel": {"wechat": "", "": ""}, "tier": {str(star): "" for star in range(1, 8)}, "topic": {"1": ""}}

_DAYS = st.dates() | st.sampled_from([date.min, date.max, EARLIEST, LATEST, FIRST, TODAY])
_VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["nan", "inf", "-1", "1e400", "0", "custom", "28d", "ytd", "year", "none", "unknown", ",", "..", ":"]
    ),
    st.sampled_from(["volume", "csat", "wechat", "tier:3", "at:9", "hour:99", "hour:²", "tier", "month", "1"]),
    _DAYS.map(str),
    st.tuples(_DAYS, _DAYS).map(lambda days: f"{days[0]}..{days[1]}"),
    st.tuples(st.sampled_from(TIMES), _DAYS).map(lambda step: f"{step[0]}:{step[1]}"),
)
_ADDRESSES = st.dictionaries(st.sampled_from(sorted(KNOWN)) | st.text(min_size=1, max_size=6), _VALUES, max_size=7)


@settings(max_examples=300, deadline=None)
@given(_ADDRESSES, st.booleans())
@example({"drill": "volume", "span": "0001-01-01..9999-12-31"}, False)
@example({"drill": "volume", "at": "week:9999-12-27"}, False)
@example({"drill": "volume", "at": "month:9999-12-01"}, False)
@example({"compare": "0001-01-01..9999-12-31"}, False)
@example({"from": "0001-01-01", "to": "9999-12-31"}, False)
def test_no_address_fails(params, drilled):
    params = params | ({"drill": "volume"} if drilled else {})
    view = read_view(params, TODAY, FIRST, CHOICES, METRICS)
    for ignored in view.ignored:
        assert ignored.message("zh")
        assert ignored.message("en")
    for period in filter(None, (view.period, view.taken_apart.period, view.compare)):
        if isinstance(period, Period):
            assert EARLIEST <= period.start <= period.end <= LATEST
            assert period.shifted(-period.days).days == period.days
    _, steps, _ = read_drill(params, CHOICES, METRICS)
    for step in steps:
        if step.dimension in TIMES:
            key = (time_value(step.dimension, step.values[0]),)
            assert span_of((step.dimension,), key, view.taken_apart.period).end + timedelta(days=7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("span", "0001-01-01..9999-12-31"),
        ("at", "week:9999-12-27"),
        ("at", "month:0001-01-01"),
        ("compare", "0001-01-01..9999-12-31"),
        ("from", "0001-01-01"),
        ("to", "9999-12-31"),
    ],
)
def test_trap_a_day_that_nothing_can_be_worked_out_for_is_named(name, value):
    view = read_view({"drill": "volume", name: value}, TODAY, FIRST, CHOICES, METRICS)
    assert [value in one.message("en") for one in view.ignored] == [True]
    assert view == replace(read_view({"drill": "volume"}, TODAY, FIRST, CHOICES, METRICS), ignored=view.ignored)


def test_trap_a_page_opens_whatever_the_days_of_a_link(demo_home, open_page):
    app = open_page(demo_home, lang="en", drill="volume", span="0001-01-01..9999-12-31", at="week:9999-12-27")
    assert not app.exception
    (warning,) = [one.value.replace("\\", "") for one in app.warning if "0001" in one.value]
    assert "9999-12-27" in warning


@pytest.mark.parametrize("by", [(), ("date",), ("week",), ("month",)])
def test_the_longest_period_that_can_be_asked_for_is_answered(bank, by):
    view = read_view({"drill": "volume", "span": f"{EARLIEST}..{LATEST}"}, TODAY, FIRST, CHOICES, METRICS)
    for compare in ("previous", "year", Period(EARLIEST, LATEST)):
        found = answer(bank, replace(view.taken_apart.question("volume", by=by), compare=compare))
        assert found.valued


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=8) | st.floats().map(str))
def test_a_pages_own_number_lies_within_its_limits(text):
    view = read_view({}, TODAY, FIRST, CHOICES, METRICS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "query_params", lambda: {"seats": text})
        number, read = state.read_number(view, "seats", 1, 500, 20)
    assert 1 <= number <= 500
    assert len(read.ignored) == (0 if text == "" or _within(text) else 1)


def _within(text):
    try:
        return 1 <= float(text) <= 500
    except ValueError:
        return False
