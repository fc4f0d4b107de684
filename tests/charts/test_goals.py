"""Targets in figures: a rule with a step on time axes, a dashed tick across bars and ranges, a line in every tip."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pandas as pd
import pytest

from kpi.charts import (
    Slots,
    Style,
    by_channel,
    by_channel_and_tier,
    by_tier,
    contrast,
    coverage,
    funnel,
    multiples,
    nested,
    nps_groups,
    ranked,
    rate_bars,
    rate_ranges,
    rates_by_channel,
    reach_bars,
    trend,
    volume_by_channel,
)
from kpi.charts import desk as desk_figures
from kpi.charts.goals import target_tip
from kpi.charts.grid import Value, bars, grouped, heat
from kpi.charts.lines import _apart, _within
from kpi.charts.series import series
from kpi.metrics.registry import METRICS
from kpi.narrative.funnel import CHAIN_KPIS, chain
from kpi.query.answer import Answer, Cell
from kpi.query.question import Period, Question
from kpi.query.target_value import Goal
from tests.charts.test_charts import CHANNELS, STYLE, TODAY, WEEK, answered, cell, days, layers_of, volume_frames
from tests.narrative.test_funnel import answered as asked
from tests.narrative.test_funnel import chain_cells, there

RATE = METRICS["self_service_rate"]
SLOTS = Slots(WEEK, "date", TODAY)


def held(one: Cell, low: float | None = 0.87, high: float | None = None) -> Cell:
    return replace(one, goal=Goal(low, high))


def dashed(chart, mark="rule"):
    """The data of the layers that are drawn as a target is."""
    return [
        data
        for drawn, data, _ in layers_of(chart)
        if drawn["type"] == mark and drawn.get("strokeDash") in ([4, 3], [3, 2])
    ]


def frame(*lows: float | None) -> pd.DataFrame:
    cells = [cell(key=(day,)) for day in days()]
    shown = [one if low is None else held(one, low) for one, low in zip(cells, lows, strict=True)]
    return Answer(Question((RATE.id,), WEEK, ("date",)), 1, True, {}, WEEK, None, None, (), tuple(shown)).frame()


def test_the_target_is_a_rule_with_its_name():
    chart = trend(RATE, frame(*[0.87] * 7), SLOTS, STYLE)
    assert dashed(chart) == [[{"x": 0, "x2": 7, "y": 87.0, "column": "target_low"}]]
    texts = [row["name"] for drawn, data, _ in layers_of(chart) if drawn["type"] == "text" for row in data]
    assert "target 87%" in texts
    tips = next(data for drawn, data, _ in layers_of(chart) if drawn["type"] == "point" and drawn.get("opacity") == 0)
    assert tips[0]["target"] == "≥87% missed"


def test_it_steps_where_it_changes_and_ends_where_there_is_none():
    (pieces,) = dashed(trend(RATE, frame(0.85, 0.85, 0.87, 0.87, None, None, None), SLOTS, STYLE))
    assert [(piece["x"], piece["x2"], piece["y"]) for piece in pieces] == [(0, 2, 85.0), (2, 4, 87.0)]


def test_without_targets_the_line_is_as_it_was():
    chart = trend(RATE, frame(*[None] * 7), SLOTS, STYLE)
    assert dashed(chart) == []
    assert (
        chart.to_dict()
        == trend(RATE, frame(*[None] * 7).drop(columns=["target_low", "target_high"]), SLOTS, STYLE).to_dict()
    )


def test_bars_have_a_tick_each_and_one_name():
    whole, wechat, other = held(cell()), held(cell(key=("wechat",)), 0.95), cell(key=("sms",))
    chart = rates_by_channel(RATE, whole, [wechat, other], CHANNELS, STYLE)
    (ticks,) = dashed(chart, "point")
    assert [row["goal"] for row in ticks] == [0.87, 0.95]
    assert [
        row["words"] for drawn, data, _ in layers_of(chart) if drawn["type"] == "text" for row in data if "words" in row
    ] == ["target ≥87%"]
    bars = layers_of(chart)[0][1]
    assert [row["target"] for row in bars] == ["≥87% missed", "≥95% missed", "–"]
    plain = rates_by_channel(RATE, cell(), [cell(key=("sms",))], CHANNELS, STYLE)
    assert dashed(plain, "point") == []


def test_a_band_has_two_ticks_in_a_range():
    occupancy = METRICS["occupancy"]
    one = replace(held(cell("occupancy", value=0.8), 0.7, 0.85), low=0.79, high=0.81)
    chart = rate_ranges(occupancy, ("All", one), [], {}, (occupancy, {}), STYLE, 200)
    (ticks,) = dashed(chart, "point")
    assert [row["goal"] for row in ticks] == [70.0, 85.0]


def test_groups_of_bars_and_courses_by_tier_have_it_too():
    tiers = {str(tier): f"{tier}★" for tier in range(1, 8)}
    cells = [held(cell(key=("wechat", tier)), 0.9) for tier in (1, 2)]
    parts = Answer(Question((RATE.id,), WEEK, ("channel", "tier")), 1, True, {}, WEEK, None, None, (), tuple(cells))
    (ticks,) = dashed(by_channel_and_tier(RATE, parts, CHANNELS, tiers, STYLE), "point")
    assert [(row["tier"], row["goal"]) for row in ticks] == [(1, 90.0), (2, 90.0)]
    course = [held(cell(key=(tier, day)), 0.9 if day < TODAY else 0.95) for tier in (1, 2) for day in days()]
    parts = Answer(Question((RATE.id,), WEEK, ("tier", "date")), 1, True, {}, WEEK, None, None, (), tuple(course))
    (pieces,) = dashed(multiples(RATE, parts, frame(*[None] * 7), SLOTS, tiers, STYLE))
    assert [round(piece["y"], 6) for piece in pieces] == [90.0, 95.0, 90.0, 95.0]
    assert pieces[0]["x2"] == pytest.approx(6 / 7)


def test_coverage_has_the_rule_of_the_whole_period():
    through = pd.DataFrame({"through": days(), "value": 0.1, "previous": None, "target_low": [None] * 6 + [0.25]})
    daily = pd.DataFrame({"date": days(), "value": 10.0, "previous": None})
    chart = coverage(through, daily, cell("tail_served_average", value=10.0), SLOTS, Style("zh"))
    ((rule,),) = dashed(chart)
    assert rule["text"] == "目标 ≥25%"
    assert dashed(coverage(through.drop(columns="target_low"), daily, cell(value=10.0), SLOTS, STYLE)) == []


def test_a_tip_says_since_when_a_target_is_another_one():
    goal = Goal(0.87, None, since=date(2026, 11, 18), before=Goal(0.8, None))
    told = target_tip(replace(cell(value=0.9), goal=goal), RATE, STYLE)
    assert told == "≥87% met · since 18 Nov 2026, ≥80% before"


def test_lines_over_time_say_since_when_too():
    week = date(2026, 11, 16)
    goal = Goal(0.87, None, since=date(2026, 11, 18), before=Goal(0.8, None))
    slots = Slots(Period(date(2026, 11, 9), date(2026, 11, 22)), "week", TODAY)

    def told(draw, by: str, kpi: str) -> set[str]:
        cells = (replace(cell(kpi, key=(date(2026, 11, 9),), value=0.9)), replace(cell(kpi, key=(week,)), goal=goal))
        course = Answer(Question((kpi,), slots.period, (by,)), 1, True, {}, slots.period, None, None, (), cells)
        return {row["target"] for _, data, _ in layers_of(draw(course.frame())) for row in data if "target" in row}

    daily = pd.DataFrame({"week": [week], "value": 10.0, "previous": None})
    parts = pd.DataFrame({"week": [week], "channel": "sms", "value": 0.8})
    said = "≥87% missed · since 18 Nov 2026, ≥80% before"
    assert told(lambda line: trend(RATE, line, slots, STYLE), "week", RATE.id) == {"–", said}
    assert told(
        lambda line: coverage(line, daily, cell(value=10.0), slots, STYLE), "through", "long_tail_coverage"
    ) == {"–", said}
    # A number of interactions is no share: the same target reads as a whole number.
    assert told(lambda line: volume_by_channel(parts, line, slots, CHANNELS, STYLE), "week", "volume") == {
        "≥0.87 missed · since 18 Nov 2026, ≥0.8 before"
    }


def test_trap_names_at_the_end_of_an_axis_are_not_pushed_together_there():
    assert _within([96.0, 98.0, 102.0], [80, 100], 4) == [92.0, 96.0, 100.0]
    assert _within([79.0, 83.0, 95.0], [80, 100], 4) == [80.0, 84.0, 95.0]
    assert _within([85.0, 90.0], [80, 100], 4) == [85.0, 90.0]


def test_names_that_would_meet_stand_around_their_mean():
    assert _apart([0.0, 10.0], 4) == [0.0, 10.0]
    assert _apart([5.0, 5.0, 5.0], 4) == [1.0, 5.0, 9.0]
    assert _apart([-9.0, 5.0, 6.0], 4) == [-9.0, 3.5, 7.5]
    placed = _apart([1.0, 2.0, 2.5, 9.0], 3)
    assert all(after - before >= 3 - 1e-9 for before, after in pairwise(placed))


# --- every figure ---


LEVEL, WAIT, OCCUPANCY = METRICS["service_level"], METRICS["wait_p90"], METRICS["occupancy"]
TIERS = {str(tier): f"{tier}★" for tier in range(1, 8)}


def a_chain(goal: bool = True):
    found = there(chain(asked(CHAIN_KPIS, chain_cells())))
    return replace(found, last=held(found.last) if goal else found.last)


def volumes(low: float | None):
    parts, totals = volume_frames()
    return volume_by_channel(parts, totals.assign(target_low=low), SLOTS, CHANNELS, STYLE)


def drawn(give):
    """Every figure that is given figures of KPIs: name -> chart. ``give``: what is done to each of them."""
    whole, wechat, two = give(cell()), give(cell(key=("wechat",))), give(cell(key=("wechat", 1)))
    by_day = {(line, day): give(cell(key=(day,))) for line in range(2) for day in days()}
    lines = [Value("WeChat bank"), Value("SMS")]
    course = answered(("tier", "date"), [give(cell(key=(tier, day))) for tier in (1, 2) for day in days()])
    net = give(cell("nps", key=("wechat",)))
    groups = {"detractor": "detractors", "passive": "passives", "promoter": "promoters"}
    share = cell("nps_share", key=("wechat", "promoter"))
    half = [give(cell(key=(19,)))]
    parts = [give(cell(key=(19, "cards")))]
    goal = whole.goal is not None
    return {
        "rates_by_channel": rates_by_channel(RATE, whole, [wechat], CHANNELS, STYLE),
        "rate_bars": rate_bars(RATE, [("All", STYLE.palette.ink2, whole)], STYLE),
        "volume_by_channel": volumes(0.87 if goal else None),
        "trend": trend(RATE, frame(*[0.87 if goal else None] * 7), SLOTS, STYLE),
        "series": series(RATE, lines, by_day, SLOTS, 1.0, STYLE),
        "multiples": multiples(RATE, course, frame(*[None] * 7), SLOTS, TIERS, STYLE),
        "rate_ranges": rate_ranges(RATE, ("All", whole), [wechat], CHANNELS, (RATE, {}), STYLE, 200),
        "by_channel_and_tier": by_channel_and_tier(RATE, answered(("channel", "tier"), [two]), CHANNELS, TIERS, STYLE),
        "by_tier": by_tier(
            [RATE], {RATE.id: whole}, answered(("tier",), [give(cell(key=(1,)))]), {RATE.id: "rate"}, TIERS, STYLE
        ),
        "by_channel": by_channel(
            [RATE], {RATE.id: whole}, answered(("channel",), [wechat]), {RATE.id: "rate"}, CHANNELS, STYLE, "All"
        ),
        "bars": bars(RATE, whole, [(lines[0], wechat)], STYLE),
        "grouped": grouped(RATE, lines[:1], lines, {(0, 0): two}, STYLE),
        "heat": heat(RATE, whole, lines[:1], lines, {(0, 0): two}, 1.0, STYLE),
        "ranked by value": ranked(RATE, [wechat], CHANNELS, STYLE),
        "ranked by count": ranked(RATE, [wechat], CHANNELS, STYLE, "numerator"),
        "funnel": funnel({"": a_chain(goal)}, STYLE),
        "nested": nested({"All": a_chain(goal)}, METRICS["settled_rate"], STYLE),
        "contrast": contrast([METRICS["tail_active"]], [give(cell("tail_active", key=("yes",)))], STYLE),
        "reach_bars": reach_bars([], replace(give(cell("tail_unreached_year")), numerator=80), {}, STYLE),
        "nps_groups": nps_groups(
            answered(("channel", "nps_group"), [share]), answered(("channel",), [net]), CHANNELS, groups, STYLE, 200
        ),
        "half_hours": desk_figures.half_hours(LEVEL, half, parts, {"cards": "Cards"}, STYLE),
        "desk by_channel_and_tier": desk_figures.by_channel_and_tier(LEVEL, [two], CHANNELS, TIERS, STYLE),
        "waits_by_channel": desk_figures.waits_by_channel([wechat], {"wechat": wechat}, CHANNELS, STYLE),
    }


WITH, WITHOUT = drawn(held), drawn(lambda one: one)


@pytest.mark.parametrize("name", WITH)
def test_every_figure_has_the_target(name):
    def marks(chart):
        """Drawn as targets are, said in a tip, or written."""
        dashes = dashed(chart) + dashed(chart, "point")
        texts = {str(value) for _, data, _ in layers_of(chart) for row in data for value in row.values()}
        return [row for data in dashes for row in data], {text for text in texts if "87" in text or "✕" in text}

    assert any(marks(WITH[name])), name
    lost = [row for row in marks(WITHOUT[name])[0] if row.keys() & {"goal", "column", "left"}]
    assert (lost, marks(WITHOUT[name])[1]) == ([], set())


def test_a_cell_of_a_map_that_misses_its_target_has_a_corner():
    lines = [Value("WeChat bank"), Value("SMS")]
    cells = {(0, 0): held(cell(key=("wechat", 1))), (0, 1): held(cell(key=("wechat", 2), value=0.9))}
    chart = heat(RATE, cell(), lines[:1], lines, cells, 1.0, STYLE)
    ((corners, encoding),) = [(data, encoding) for mark, data, encoding in layers_of(chart) if mark["type"] == "point"]
    # 80 % against at least 87 %; the other, at 90 %, has none.
    assert [row["col"] for row in corners] == ["WeChat bank"]
    assert encoding["shape"]["scale"]["domain"] == ["corner: target missed"]


def test_occupancy_is_coloured_by_the_band_of_its_target():
    half, team = cell("occupancy", key=(19,)), cell("occupancy", key=(19, "cards"))
    plain = desk_figures.half_hours(OCCUPANCY, [half], [team], {"cards": "Cards"}, STYLE)
    assert layers_of(plain)[0][2]["color"]["scale"]["domain"] == pytest.approx([0.625, 0.775, 0.925])
    aimed = desk_figures.half_hours(
        OCCUPANCY, [held(half, 0.6, 0.7)], [held(team, 0.6, 0.7)], {"cards": "Cards"}, STYLE
    )
    assert layers_of(aimed)[0][2]["color"]["scale"]["domain"] == pytest.approx([0.55, 0.65, 0.75])
    assert layers_of(aimed)[1][1][0]["words"] == "target 60–70%"


def test_lines_with_one_target_have_one_rule_and_of_several_each_its_own():
    lines = [Value("WeChat bank", "#111111"), Value("SMS", "#222222")]
    same = {(line, day): held(cell(key=(day,))) for line in range(2) for day in days()}
    (rule,) = dashed(series(RATE, lines, same, SLOTS, 1.0, STYLE))
    assert [(row["x"], row["x2"], row["y"], row["line"]) for row in rule] == [(0, 7, 87.0, "")]
    names = [
        data for mark, data, _ in layers_of(series(RATE, lines, same, SLOTS, 1.0, STYLE)) if mark["type"] == "text"
    ]
    assert "target 87%" in {row["line"] for row in names[-1]}
    apart = same | {(1, day): held(cell(key=(day,)), 0.95) for day in days()}
    (rules,) = dashed(series(RATE, lines, apart, SLOTS, 1.0, STYLE))
    assert [(row["y"], row["line"]) for row in rules] == [(87.0, "WeChat bank"), (95.0, "SMS")]
