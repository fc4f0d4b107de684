"""What the figures of the long tail and of the tiers draw."""

from datetime import date, timedelta
from itertools import pairwise

import pandas as pd
import pytest

from kpi.charts import (
    PALETTES,
    Slots,
    Style,
    by_tier,
    contrast,
    coverage,
    lorenz,
    migration,
    mix_by_tier,
    multiples,
    reach_bars,
    tail_topics,
)
from kpi.charts.tail import ticks
from kpi.metrics.registry import METRICS
from kpi.query.answer import Cell
from kpi.query.cohorts.lorenz import Curve
from kpi.query.question import Period
from tests.charts.test_charts import answered, layers_of

TODAY = date(2026, 11, 22)
WEEK = Period(date(2026, 11, 16), TODAY)
STYLE = Style("en")
DAYS = [WEEK.start + timedelta(days=day) for day in range(7)]
TIERS = {str(star): f"{star}★" for star in range(1, 8)}


def cell(kpi, *key, value=0.5, numerator=None, denominator=None, n=1000):
    return Cell(kpi, key, value, numerator, denominator, n)


def texts(chart):
    """Every text that stands in the figure."""
    return [
        row[field] for mark, rows, encoding in layers_of(chart) if _kind(mark) == "text"
        for field in [encoding["text"]["field"]] for row in rows
    ]  # fmt: skip


def _kind(mark):
    return mark if isinstance(mark, str) else mark["type"]


def covered(values, before=0.1, customers=1000):
    through = pd.DataFrame(
        [{"through": day, "value": v, "previous": before} for day, v in zip(DAYS, values, strict=True)]
    )
    daily = pd.DataFrame([{"date": day, "value": customers, "previous": customers / 2} for day in DAYS])
    average = cell("tail_served_average", value=float(customers))
    return coverage(through, daily, average, Slots(WEEK, "date", TODAY), STYLE)


def test_coverage_and_days_stand_on_zeros_of_their_own_and_on_the_same_days():
    found = layers_of(covered([0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14]))
    line = next(rows for mark, rows, _ in found if _kind(mark) == "line" and len(rows) == 7)
    bars = next(rows for mark, rows, _ in found if _kind(mark) == "rect")
    zero = line[0]["foot"]
    # Twice the share is twice as high above the line's zero; all bars begin at theirs, below it.
    assert line[6]["y"] - zero == pytest.approx(7 * (line[0]["y"] - zero))
    assert {bar["y"] for bar in bars} == {0}
    assert max(bar["y2"] for bar in bars) < zero
    assert bars[0]["before"] == pytest.approx(bars[0]["y2"] / 2)
    assert [row["x"] for row in line] == [(bar["x"] + bar["x2"]) / 2 for bar in bars]
    assert bars[-1]["opacity"] < bars[0]["opacity"]  # the running day


def test_labels_of_coverage_now_and_before_stay_apart():
    told = layers_of(covered([0.1] * 7, before=0.0999))[-1][1]
    heights = [row["y"] for row in told[:2]]
    assert abs(heights[0] - heights[1]) >= 15
    assert {"10.0%", "before 9.99%", "1,000 a day"} == {row["text"] for row in told}


def test_coverage_of_weeks_keeps_each_day_within_its_week():
    period = Period(date(2026, 11, 4), TODAY)
    slots = Slots(period, "week", TODAY)
    days = [period.start + timedelta(days=day) for day in range(period.days)]
    through = pd.DataFrame([{"through": day, "value": 0.1, "previous": None} for day in days])
    daily = pd.DataFrame([{"week": start, "value": 10.0, "previous": None} for start in slots.starts])
    rows = layers_of(coverage(through, daily, cell("tail_served_average", value=10.0), slots, STYLE))[0][1]
    assert [int(row["x"]) for row in rows] == [0] * 5 + [1] * 7 + [2] * 7


def test_reach_has_every_bucket_and_the_never_reached():
    cells = [cell("tail_reach_frequency", "0", value=60, denominator=100), cell("tail_reach_frequency", "1", value=40,
             denominator=100)]  # fmt: skip
    year = cell("tail_unreached_year", value=0.2, numerator=20, denominator=100)
    rows = layers_of(reach_bars(cells, year, {"1": "once"}, STYLE))[0][1]
    assert [(row["name"], row["value"]) for row in rows] == [
        ("not in a year", 20), ("not in the period", 60), ("once", 40), ("2-3", 0), ("4-9", 0), ("10+", 0)
    ]  # fmt: skip
    assert rows[1]["text"] == "60 · 60.0%"
    # Without a year of data there is no bar of the year.
    assert len(layers_of(reach_bars(cells, None, {}, STYLE))[0][1]) == 5


def test_lorenz_names_what_the_lower_80_per_cent_hold():
    equal = Curve("top20_share_contacts", 10, tuple(p / 100 for p in range(101)))
    steep = Curve("top20_share", 10, tuple((p / 100) ** 2 for p in range(101)))
    chart = lorenz([steep, equal], STYLE)
    assert {"value 64.0%", "contacts 80.0%"} <= set(texts(chart))
    lines = next(rows for mark, rows, _ in layers_of(chart) if _kind(mark) == "line" and len(rows) == 202)
    assert max(abs(row["y"] - row["x"]) for row in lines if row["what"] == "contacts") < 1e-9


def test_dividends_show_both_sides_from_zero():
    cells = [cell("tail_value", "yes", value=20.0), cell("tail_value", "no", value=10.0, n=12)]
    chart = contrast([METRICS["tail_value"]], cells, STYLE)
    rows = layers_of(chart)[0][1]
    assert {row["who"]: row["x"] for row in rows} == {"served": 1.0, "not served": 0.5}
    assert {row["who"]: row["opacity"] < 1 for row in rows} == {"served": False, "not served": True}
    assert {"served ¥20.00", "not served ¥10.00"} == set(texts(chart))


def test_reach_and_dividends_tell_what_they_were():
    before = Cell("tail_reach_frequency", ("1",), 40.0, 40, 100, 40, previous=50.0, change=-10.0)
    chart = reach_bars([before], None, {"1": "once"}, STYLE)
    ticks = next(rows for mark, rows, _ in layers_of(chart) if _kind(mark) == "tick")
    assert {row["name"]: row["previous"] for row in ticks if row["previous"]} == {"once": 50.0}
    served = Cell("tail_value", ("yes",), 20.0, None, None, 1000, previous=16.0, change=4.0)
    # Relatively, as money is told: 4 of 16.
    assert {"served ¥20.00", "+25.0%"} <= set(texts(contrast([METRICS["tail_value"]], [served], STYLE)))


def test_migration_shades_up_as_better_and_down_as_worse():
    cells = [
        cell("tier_upgrade_rate", 1, "1", value=0.9, numerator=90, denominator=100),
        cell("tier_upgrade_rate", 1, "2", value=0.08, numerator=8, denominator=100),
        cell("tier_upgrade_rate", 1, "exit", value=0.02, numerator=2, denominator=100),
        cell("tier_upgrade_rate", 2, "1", value=0.5, numerator=5, denominator=10),
        cell("tier_upgrade_rate", 2, "2", value=0.5, numerator=5, denominator=10),
    ]
    rows = {
        (row["before"], row["after"]): row
        for row in layers_of(migration(cells, TIERS, TIERS | {"exit": "Left"}, STYLE))[0][1]
    }
    assert set(rows) == {(before, after) for before in ("1★", "2★") for after in ("1★", "2★", "Left")}
    assert rows["1★", "2★"]["shade"] > 0 > rows["2★", "1★"]["shade"]
    assert rows["1★", "1★"]["shade"] == rows["1★", "Left"]["shade"] == 0
    assert (rows["1★", "2★"]["text"], rows["2★", "Left"]["text"]) == ("8.00", "")
    assert rows["2★", "1★"]["pale"]
    assert not rows["1★", "2★"]["pale"]


def test_trap_the_moves_of_one_tier_go_to_all_tiers():
    shares = {"2": 0.02, "3": 0.93, "4": 0.03, None: 0.01, "exit": 0.01}
    cells = [cell("tier_upgrade_rate", 3, to, value=share, numerator=1) for to, share in shares.items()]
    rows = layers_of(migration(cells, TIERS, TIERS | {"exit": "Left"}, STYLE))[0][1]
    assert [(row["before"], row["after"], row["text"]) for row in rows] == [
        ("3★", "2★", "2.00"), ("3★", "3★", "93.0"), ("3★", "4★", "3.00"), ("3★", "Left", "1.00"),
    ]  # fmt: skip
    assert rows[0]["shade"] < 0 < rows[2]["shade"]


def course(kpi, values, n=1000):
    cells = [cell(kpi, tier, day, value=value, n=n) for tier, value in values.items() for day in DAYS]
    return answered(("tier", "date"), cells, (kpi,))


def test_small_multiples_have_one_scale_and_the_colours_of_the_tiers():
    whole = pd.DataFrame([{"date": day, "value": 0.6} for day in DAYS])
    slots = Slots(WEEK, "date", TODAY)
    chart = multiples(
        METRICS["self_service_rate"], course("self_service_rate", {1: 0.9, 7: 0.3}), whole, slots, TIERS, STYLE
    )
    found = layers_of(chart)
    lines = next(rows for mark, rows, encoding in found if _kind(mark) == "line" and "color" in encoding)
    greys = next(rows for mark, rows, encoding in found if _kind(mark) == "line" and "color" not in encoding)
    assert {row["tier"]: row["y"] for row in lines} == {"1★": 90, "7★": pytest.approx(30)}
    assert {row["colour"] for row in lines} == {PALETTES["light"].tiers[0], PALETTES["light"].tiers[6]}
    assert {row["y"] for row in greys} == {60}
    # The small figures stand beside each other.
    assert max(row["x"] for row in lines if row["tier"] == "1★") < min(row["x"] for row in lines if row["tier"] == "7★")


def test_small_multiples_say_how_each_tier_moved():
    whole = pd.DataFrame([{"date": day, "value": 0.6} for day in DAYS])
    period = [Cell("self_service_rate", (1,), 0.9, 90, 100, 100, previous=0.8, change=0.1, change_low=0.02,
                   change_high=0.2)]  # fmt: skip
    chart = multiples(METRICS["self_service_rate"], course("self_service_rate", {1: 0.9, 7: 0.3}), whole,
                      Slots(WEEK, "date", TODAY), TIERS, STYLE, period=period)  # fmt: skip
    heads = next(rows for mark, rows, encoding in layers_of(chart) if encoding.get("text", {}).get("field") == "change")
    palette = STYLE.palette
    assert [(row["text"], row["change"], row["tone"]) for row in heads] == [
        ("1★", "+10.0", palette.better), ("7★", "", palette.mute)
    ]  # fmt: skip


def test_small_multiples_of_a_count_begin_at_zero_without_the_sum_of_all():
    whole = pd.DataFrame([{"date": day, "value": 3000} for day in DAYS])
    chart = multiples(METRICS["volume"], course("volume", {1: 900, 2: 100}, n=5), whole, Slots(WEEK, "date", TODAY),
                      TIERS, STYLE)  # fmt: skip
    lines = [(rows, encoding) for mark, rows, encoding in layers_of(chart) if _kind(mark) == "line"]
    assert len(lines) == 1
    assert lines[0][1]["y"]["scale"]["domain"][0] == 0
    assert len(lines[0][0]) == 2 * 6  # the day that runs is no fall


def test_a_count_of_a_tier_is_not_judged_against_all():
    metrics = [METRICS["cost_avoided"], METRICS["cost_per_contact"]]
    cells = [cell(metric.id, tier, value=v) for metric in metrics for tier, v in ((1, 1.0), (2, 2.0))]
    wholes = {metric.id: cell(metric.id, value=1.5) for metric in metrics}
    parts = answered(("tier",), cells, tuple(wholes))
    chart = by_tier(metrics, wholes, parts, {metric.id: metric.id for metric in metrics}, TIERS, STYLE)
    rows = layers_of(chart)[0][1]
    sized = {row["name"]: row["neutral"] for row in rows}
    assert sized == {"cost_avoided": True, "cost_per_contact": False}
    shades = {row["tier"]: row["shade"] for row in rows if row["name"] == "cost_per_contact"}
    assert shades["1★"] > 0 > shades["2★"]  # dearer is worse


def test_mix_fills_each_bar_and_says_how_many():
    shares = [cell("channel_mix", 1, "wechat", value=0.7), cell("channel_mix", 1, "hotline", value=0.3)]
    chart = mix_by_tier(
        shares, [cell("volume", 1, value=20_000)], {"tier": TIERS, "channel": {"wechat": "WeChat"}}, STYLE, 200
    )
    bars = layers_of(chart)[0][1]
    assert [(bar["channel"], bar["x"], bar["x2"]) for bar in bars] == [("WeChat", 0, 0.7), ("hotline", 0.7, 1.0)]
    assert texts(chart) == ["20.0 K"]


def test_topics_below_the_line_are_told_by_shape_and_name():
    cells = [cell("bot_resolution_rate", topic, value=v) for topic, v in (("a", 0.9), ("b", 0.79), ("c", 0.6),
             ("head", 0.1))]  # fmt: skip
    chart = tail_topics(cells, {"a": 3, "b": 4, "c": 5}, 0.8, {"c": "Inheritance"}, STYLE)
    marks = {
        mark["shape"]: [row["name"] for row in rows] for mark, rows, _ in layers_of(chart) if _kind(mark) == "point"
    }
    assert marks == {"circle": ["a"], "triangle-down": ["Inheritance", "b"]}
    assert {"Inheritance", "b", "line 80%"} == set(texts(chart))


def test_names_of_topics_stand_beside_their_own_marks_or_not_at_all():
    # Six below the line, close together, with names too long for all of them.
    shares = {f"topic with a long name {number}": 0.70 + number / 500 for number in range(6)}
    cells = [cell("bot_resolution_rate", topic, value=value) for topic, value in shares.items()]
    ranks = {topic: 10 + number for number, topic in enumerate(shares)} | {"head": 40}
    named = [
        row for mark, rows, encoding in layers_of(tail_topics(cells, ranks, 0.8, {}, STYLE))
        if _kind(mark) == "text" and encoding["text"]["field"] == "name" and "stroke" not in mark for row in rows
    ]  # fmt: skip
    assert 1 <= len(named) < len(shares)
    assert all(row["x"] == ranks[row["name"]] for row in named)
    # From 60 to 100 % on 330 pixels: at most a line of 15 away, and no two on one another.
    assert all(abs(row["y"] - shares[row["name"]] * 100) <= 15 * 40 / 330 for row in named)
    heights = sorted(row["y"] for row in named)
    assert all(high - low >= 15 * 40 / 330 for low, high in pairwise(heights))


@pytest.mark.parametrize(
    ("top", "expected"),
    [(27.4, [0, 10, 20]), (0.9, [0, 0.25, 0.5, 0.75]), (0, [0, 1]), (100, [0, 25, 50, 75, 100])],
)
def test_ticks_are_round(top, expected):
    assert ticks(top) == expected
