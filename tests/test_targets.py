"""Which target a figure is held against, how a period that spans two is told, and the file of targets."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.errors import BadRows, FileError, UnknownName
from kpi.metrics.registry import METRICS
from kpi.query.answer import Answer, Cell
from kpi.query.question import Filter, Period, Question, Scope
from kpi.query.target_value import Band, Goal
from kpi.settings import Settings
from kpi.state import StateDatabase, Target
from kpi.state.targets import PLACES, targets
from kpi.targets.resolution import EVERYWHERE, Targets, Where, days_on_target, kept_targets, problems_of, where
from kpi.targets.target_file import apply, dump, load
from kpi.targets.target_text import band_text, tip

YEAR, JULY = date(2026, 1, 1), date(2026, 7, 1)
RATE, VOLUME, COVERAGE = METRICS["self_service_rate"], METRICS["volume"], METRICS["long_tail_coverage"]
WHOLE = Target("self_service_rate", low=0.85, first=YEAR, last=JULY - timedelta(days=1), owner="Ann")
RAISED = replace(WHOLE, low=0.87, first=JULY, last=None)
WECHAT = Target("self_service_rate", channel="wechat", low=0.95, first=YEAR)
NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 28))


def at(channel: str | None = None, tier: str | None = None, line: str | None = None, *others: str) -> Where:
    named = {"channel": channel, "tier": tier, "line": line}
    return Where(tuple(named[place] for place in PLACES), frozenset(others))


def low(rows: list[Target], of: Where, period: Period = NOVEMBER, kpi: str = "self_service_rate") -> float | None:
    goal = Targets(tuple(rows)).goal(METRICS[kpi], of, period)
    return goal.low if goal is not None else None


# --- which one applies ---------------------------------------------------------------------------------------------


def test_the_most_specific_one_applies() -> None:
    rows = [WHOLE, RAISED, WECHAT, replace(WECHAT, tier="7", low=0.97)]
    assert low(rows, EVERYWHERE) == 0.87
    assert low(rows, at("wechat")) == 0.95
    assert low(rows, at("wechat", "7")) == 0.97
    assert low(rows, at("wechat", "6")) == 0.95
    assert low(rows, at(None, "7")) == 0.87


def test_trap_a_call_is_not_served_as_a_click_is() -> None:
    """What the centre is to serve by itself is no measure for its phone lines, or for a robot; their own target is."""
    centre, hotline = replace(WHOLE, last=None), Target("self_service_rate", channel="hotline", low=0.2, first=YEAR)
    assert low([centre], at("hotline")) is None
    assert low([centre, hotline], at("hotline")) == 0.2
    for dimension in ("channel", "line", "media", "first_handler", "team"):
        assert low([centre], at(None, None, None, dimension)) is None
    assert low([centre], at(None, "7")) == low([centre], at(None, None, None, "topic")) == 0.85
    assert low([Target("csat", low=0.9, first=YEAR)], at("hotline"), kpi="csat") == 0.9


def test_a_target_of_a_place_is_none_of_the_whole_nor_of_several() -> None:
    assert low([WECHAT], EVERYWHERE) is None
    assert low([WECHAT], at(None, None, None, "channel")) is None


def test_of_two_equally_specific_ones_line_goes_before_channel_before_tier() -> None:
    rows = [
        Target("csat", tier="7", low=0.1, first=YEAR),
        Target("csat", channel="vip", low=0.2, first=YEAR),
        Target("csat", line="vip", low=0.3, first=YEAR),
    ]
    assert low(rows, at("vip", "7", "vip"), kpi="csat") == 0.3
    assert low(rows[:2], at("vip", "7", "vip"), kpi="csat") == 0.2


def test_trap_the_volume_of_the_centre_is_no_target_of_a_part() -> None:
    rows = [Target("volume", low=1000, first=YEAR)]
    day = Period(JULY, JULY)
    assert low(rows, EVERYWHERE, day, "volume") == 1000
    for part in (at("wechat"), at(None, None, None, "topic"), at(None, None, None, "tier")):
        assert low(rows, part, day, "volume") is None
    assert low([Target("volume", channel="sms", low=10, first=YEAR)], at("sms"), day, "volume") == 10


def test_trap_a_share_of_the_whole_is_another_thing_in_a_part() -> None:
    # Those whom WeChat reached ÷ all of the base: less than what all channels reach, whatever WeChat does.
    rows = [Target("long_tail_coverage", low=0.25, first=YEAR)]
    assert low(rows, at(None, "3"), kpi="long_tail_coverage") == 0.25
    assert low(rows, at("wechat"), kpi="long_tail_coverage") is None
    assert low([Target("channel_mix", low=0.5, first=YEAR)], at("sms"), kpi="channel_mix") is None


def test_trap_a_family_of_channels_is_not_held_against_the_whole_where_a_channel_has_its_own() -> None:
    assert low([RAISED], at(None, None, None, "family")) == 0.87
    assert low([RAISED, WECHAT], at(None, None, None, "family")) is None
    assert low([RAISED, WECHAT], at(None, None, None, "topic")) == 0.87


def test_where_a_figure_is() -> None:
    question = Question(("csat",), NOVEMBER, ("tier", "date"), (Filter("channel", ("wechat",)),))
    assert where(question, (7, JULY)) == at("wechat", "7")
    assert where(question, (None, JULY)) == at("wechat", None, None, "tier")
    several = Question(("csat",), NOVEMBER, filters=(Filter("channel", ("wechat", "sms")), Filter("topic", ("card",))))
    assert where(several) == at(None, None, None, "channel", "topic")
    assert where(replace(several, by=("channel",)), ("sms",)) == at("sms", None, None, "topic")
    assert where(Question(("csat",), NOVEMBER, scope=Scope((Filter("line", ("vip",)),)))) == at(None, None, "vip")


# --- over a period -------------------------------------------------------------------------------------------------


def test_trap_a_period_that_spans_two_is_held_against_the_last_and_says_so() -> None:
    goal = Targets((WHOLE, RAISED)).goal(RATE, EVERYWHERE, Period(date(2026, 6, 20), date(2026, 7, 10)))
    assert goal == Goal(0.87, None, "Ann", "", JULY, Band(0.85, None))
    said = tip(Cell("self_service_rate", (), 0.86, 1, 1, 1, goal=goal), RATE, "en", (3, 21))
    assert said == "target ≥87% missed · since 1 Jul 2026, ≥85% before · 3 of 21 days on target"


def test_one_that_ended_or_begins_within_the_period() -> None:
    june = Period(date(2026, 6, 20), date(2026, 7, 10))
    assert Targets((WHOLE,)).goal(RATE, EVERYWHERE, june) is None
    begun = Targets((RAISED,)).goal(RATE, EVERYWHERE, june)
    assert begun is not None
    assert (begun.since, begun.before) == (JULY, None)
    same = Targets((WHOLE, replace(RAISED, low=0.85))).goal(RATE, EVERYWHERE, june)
    assert same is not None
    assert same.since is None


def test_what_adds_is_held_against_the_sum_of_its_days() -> None:
    rows = (
        Target("volume", low=100, high=300, first=YEAR, last=JULY - timedelta(days=1)),
        Target("volume", low=120, first=JULY),
    )
    goal = Targets(rows).goal(VOLUME, EVERYWHERE, Period(date(2026, 6, 29), date(2026, 7, 3)))
    assert goal is not None
    assert (goal.low, goal.high, goal.since) == (2 * 100 + 3 * 120, None, JULY)
    assert Targets(rows).goal(VOLUME, EVERYWHERE, Period(date(2025, 12, 30), date(2026, 1, 3))) is None


def test_trap_what_grows_with_its_period_has_a_target_over_one_length_only() -> None:
    rows = [Target("long_tail_coverage", low=0.25, first=YEAR)]
    assert low(rows, EVERYWHERE, NOVEMBER, "long_tail_coverage") == 0.25
    assert low(rows, EVERYWHERE, Period(JULY, JULY + timedelta(days=6)), "long_tail_coverage") is None


def test_figures_are_held_and_days_counted() -> None:
    question = Question(("self_service_rate", "csat"), Period(date(2026, 6, 29), date(2026, 7, 2)), ("date",))
    values = (0.85, 0.86, 0.86, None)
    cells = [
        Cell("self_service_rate", (question.period.start + timedelta(days=day),), value, 1, 1, 1)
        for day, value in enumerate(values)
    ]
    answered = Answer(
        question, 1, True, {}, question.period, None, None, (), (*cells, Cell("csat", (YEAR,), 1, 1, 1, 1))
    )
    held = Targets((WHOLE, RAISED)).hold(answered)
    assert [cell.target_low for cell in held.cells] == [0.85, 0.85, 0.87, 0.87, None]
    assert [cell.met for cell in held.cells] == [True, True, False, None, None]
    assert days_on_target(cell for cell in held.cells if cell.kpi == "self_service_rate") == (2, 3)
    assert list(held.frame("self_service_rate")["target_low"]) == [0.85, 0.85, 0.87, 0.87]
    assert Targets((WECHAT,)).hold(answered) == answered
    assert Targets(()).hold(answered) is answered


def test_trap_a_day_that_still_grows_is_not_judged() -> None:
    goal = Goal(100, None)
    cells = [
        Cell("volume", (), 90, 90, None, 90, provisional=True, goal=goal),
        Cell("volume", (), 110, 1, 1, 1, goal=goal),
    ]
    assert days_on_target(cells) == (1, 1)


def test_a_band_has_two_ends() -> None:
    band = Band(0.7, 0.85)
    assert [band.met(value) for value in (0.69, 0.7, 0.85, 0.86, None)] == [False, True, True, False, None]
    assert band_text(band, METRICS["occupancy"], "zh") == "70–85%"
    assert band_text(Band(None, 30.0), METRICS["asa"], "zh") == "≤30 秒"
    assert band_text(Band(0.875, None), RATE, "en") == "≥87.5%"
    assert band_text(Band(None, 8.5), METRICS["cost_per_contact"], "en") == "≤¥8.5"


_days = st.dates(date(2026, 1, 1), date(2026, 1, 12))
_rows = st.builds(
    lambda first, last, channel, tier, low: Target(
        "self_service_rate", channel=channel, tier=tier, low=low, first=first, last=last
    ),
    _days,
    st.none() | _days,
    st.sampled_from([None, "wechat", "sms"]),
    st.sampled_from([None, "7"]),
    st.floats(0, 1),
)


@given(
    st.lists(_rows, max_size=6),
    _days,
    st.integers(0, 9),
    st.sampled_from([None, "wechat"]),
    st.sampled_from([None, "7"]),
)
def test_the_target_of_a_period_is_that_of_its_last_day(
    rows: list[Target], start: date, length: int, channel: str | None, tier: str | None
) -> None:
    of = at(channel, tier)
    days = [start + timedelta(days=day) for day in range(length + 1)]
    whole = Targets(tuple(rows)).goal(RATE, of, Period(start, days[-1]))
    each = [Targets(tuple(rows)).goal(RATE, of, Period(day, day)) for day in days]
    lows = [one.low if one is not None else None for one in each]
    assert (whole.low if whole is not None else None) == lows[-1]
    if whole is not None:
        changes = [day for day, low, before in zip(days[1:], lows[1:], lows, strict=False) if low != before]
        assert whole.since == (changes[-1] if changes else None)


# --- what may be said ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (replace(WHOLE, kpi="self_service_rat"), "Did you mean “self_service_rate”?"),
        (replace(WHOLE, high=0.9), "lower limit (low) only"),
        (Target("asa", low=5, first=YEAR), "upper limit (high) only"),
        (Target("occupancy", low=0.7, first=YEAR), "fill in both"),
        (replace(WHOLE, low=85.0), "from 0 to 1"),
        (replace(WHOLE, low=float("nan")), "finite number"),
        (Target("occupancy", low=0.7, high=0.8, first=YEAR, tier="7"), "has no dimension “tier”. It has: –"),
        (replace(WHOLE, channel="wechad"), "Valid: wechat, sms. Did you mean “wechat”?"),
        (replace(WHOLE, tier="8"), "Valid: 1, 2, 3"),
        (replace(WHOLE, channel="sms", last=date(9999, 12, 31)), "“9999-12-31” is out of range"),
        (replace(WHOLE, line="95588"), "Valid: hotline, vip, digital"),
    ],
)
def test_a_bad_row_says_why_and_what_would_do(row: Target, said: str) -> None:
    (problem,) = problems_of([WECHAT, row], ("wechat", "sms"))
    assert problem.row == 2
    assert said in problem.message("en")
    assert problem.message("zh").startswith("第 2 行：")


def test_every_kpi_may_have_a_target() -> None:
    for metric in METRICS.values():
        low = 0.1 if metric.direction in {"up", "band", "none"} else None
        high = 0.9 if metric.direction in {"down", "band"} else None
        assert problems_of([Target(metric.id, low=low, high=high, first=YEAR)]) == []


# --- the file ------------------------------------------------------------------------------------------------------

FILE = """
# ours
[[target]]
kpi = "self_service_rate"
low = 0.85
first = 2026-01-01
last = 2026-06-30

[[target]]
kpi = "asa"
line = "vip"
high = 10
first = 2026-01-01
owner = "Desk"
note = 'say "hello"'

[[target]]
kpi = "csat"
tier = 7
low = 0.1234567890123456
first = 2026-01-01
"""


def test_a_file_is_the_whole_list_and_comes_back_exactly(settings: Settings) -> None:
    state = StateDatabase(settings)
    assert vars(apply(state, load(FILE), "ann")) == {"added": 3, "changed": 0, "removed": 0, "unchanged": 0}
    for language in ("zh", "en"):
        written = dump(targets(state), language)
        assert vars(apply(state, load(written), "ben")) == {"added": 0, "changed": 0, "removed": 0, "unchanged": 3}
        assert dump(targets(state), language) == written
    assert {row.author for row in targets(state)} == {"ann"}
    assert [row.low for row in targets(state) if row.tier == "7"] == [0.1234567890123456]
    changed = FILE.replace("high = 10", "high = 12").replace('kpi = "csat"', 'kpi = "fcr"')
    assert vars(apply(state, load(changed), "ben")) == {"added": 1, "changed": 1, "removed": 1, "unchanged": 1}
    assert vars(apply(state, load(""), "ben")) == {"added": 0, "changed": 0, "removed": 3, "unchanged": 0}
    state.close()


def test_a_bad_file_names_entries_lines_and_choices() -> None:
    bad = (
        FILE.replace("low = 0.85", 'low = "high"')
        .replace('line = "vip"', 'line = "vipp"')
        .replace("tier = 7", "teir = 7")
    )
    with pytest.raises(BadRows) as caught:
        load(bad)
    said = caught.value.message("en").splitlines()
    assert said[0] == "Nothing was changed:"
    assert said[1].startswith("Entry 1 (line 3): low takes a number")
    assert said[2].startswith("Entry 2 (line 9): There is no value “vipp”. Valid: hotline, vip, digital.")
    assert said[3].startswith("Entry 3 (line 17): There is no field “teir”.")
    assert "第 2 项（第 9 行）" in caught.value.message("zh")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[target]", "no TOML"),
        ("target = 3", "each under"),
        ("[target]\nkpi = 'csat'", "each under"),
        ("[[target]]\nkpi = 'csat'\nlow = 0.9\nfirst = '2026-01-01'", "without quotes"),
        ("[[target]]\nkpi = 'csat'\nlow = true\nfirst = 2026-01-01", "takes a number"),
        ("[[target]]\nkpi = 'csat'\nlow = 0.9\nfirst = 2026-01-01\nowner = 3", "in quotes"),
    ],
)
def test_a_file_that_is_none_is_told(text: str, said: str) -> None:
    with pytest.raises((FileError, BadRows)) as caught:
        load(text)
    assert said in caught.value.message("en")


def test_a_table_of_another_name_is_told() -> None:
    with pytest.raises(UnknownName, match="Did you mean “target”"):
        load("[[targets]]\nkpi = 'csat'")


def test_looking_for_targets_makes_no_database(settings: Settings) -> None:
    assert kept_targets(settings) == Targets()
    assert not settings.home.exists()


def test_the_target_of_the_resolution_says_which_topics_are_covered() -> None:
    resolution = Target("bot_resolution_rate", low=0.9, first=JULY)
    question = Question(("topic_tail_coverage",), NOVEMBER, ("tier",), (Filter("channel", ("wechat",)),))
    assert Targets((resolution,)).asked(question).covered_from == 0.9
    assert Targets((replace(resolution, channel="wechat", low=0.7), resolution)).asked(question).covered_from == 0.7
    before = replace(question, period=Period(YEAR, YEAR))
    assert Targets((resolution,)).asked(before) == before
    assert Targets((resolution,)).asked(replace(question, kpis=("csat",))).covered_from is None
