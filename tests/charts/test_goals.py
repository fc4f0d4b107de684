"""Targets in figures: a rule with a step on time axes, a dashed tick across bars and ranges, a line in every tip."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pandas as pd
import pytest

from kpi.charts import Slots, Style, by_channel_and_tier, coverage, multiples, rate_ranges, rates_by_channel, trend
from kpi.charts.goals import target_tip
from kpi.charts.lines import _apart
from kpi.metrics.registry import METRICS
from kpi.query.answer import Answer, Cell
from kpi.query.goal import Goal
from kpi.query.question import Question
from tests.charts.test_charts import CHANNELS, STYLE, TODAY, WEEK, cell, days, layers_of

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
    assert tips[0]["target"] == "≥87%"


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


def test_names_that_would_meet_stand_around_their_mean():
    assert _apart([0.0, 10.0], 4) == [0.0, 10.0]
    assert _apart([5.0, 5.0, 5.0], 4) == [1.0, 5.0, 9.0]
    assert _apart([-9.0, 5.0, 6.0], 4) == [-9.0, 3.5, 7.5]
    placed = _apart([1.0, 2.0, 2.5, 9.0], 3)
    assert all(after - before >= 3 - 1e-9 for before, after in pairwise(placed))
