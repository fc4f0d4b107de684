"""What figures draw: every number of the frame, nothing that is not in it, readable labels."""

import re
from datetime import date, timedelta
from itertools import pairwise

import pandas as pd
import pytest

from kpi.charts import (
    PALETTES,
    Slots,
    Style,
    by_tier,
    grain_of,
    rates_by_channel,
    spark,
    trend,
    volume_by_channel,
)
from kpi.charts.bars import HEIGHT
from kpi.charts.export import png
from kpi.charts.theme import spec_of
from kpi.metrics.registry import METRICS
from kpi.query.answer import Answer, Cell
from kpi.query.question import Period, Question

TODAY = date(2026, 11, 22)
WEEK = Period(date(2026, 11, 16), TODAY)
STYLE = Style("en")
CHANNELS = {"wechat": "WeChat bank", "hotline": "Hotline 95588", "vip": "VIP line", "rm": "Mobile RM", "sms": "SMS"}


def days(period=WEEK):
    return [period.start + timedelta(days=day) for day in range(period.days)]


def volume_frames(shares=None, per_day=1000) -> tuple[pd.DataFrame, pd.DataFrame]:
    shares = shares or {"wechat": 0.7, "hotline": 0.28, "vip": 0.01, "rm": 0.005, "sms": 0.005}
    parts = pd.DataFrame(
        [{"date": day, "channel": name, "value": per_day * share} for day in days() for name, share in shares.items()]
    )
    totals = pd.DataFrame([{"date": day, "value": per_day, "previous": per_day * 0.9} for day in days()])
    return parts, totals


def layers_of(chart):
    spec = chart.to_dict()
    found = []
    for layer in spec["layer"]:
        data = layer.get("data", spec.get("data"))
        found.append((layer["mark"], spec["datasets"][data["name"]] if data else [], layer["encoding"]))
    return found


def cell(kpi="self_service_rate", key=(), value=0.8, n=1000, previous=0.79, reason=None):
    change = None if value is None or previous is None else value - previous
    return Cell(kpi, key, value, None, None, n, previous=previous, change=change, reason=reason)


def answered(by, cells, kpis=("self_service_rate",)):
    return Answer(Question(kpis, WEEK, by), 1, True, {}, WEEK, None, None, (), tuple(cells))


# --- time ---


def test_grain_follows_the_length():
    assert grain_of(Period(TODAY - timedelta(days=89), TODAY)) == "date"
    assert grain_of(Period(date(2026, 1, 1), TODAY)) == "week"
    assert grain_of(Period(date(2024, 9, 14), TODAY)) == "month"


def test_slots_are_keyed_as_the_query_keys_them():
    weeks = Slots(Period(date(2026, 11, 4), TODAY), "week", TODAY)
    assert weeks.starts == [date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 16)]
    months = Slots(Period(date(2025, 12, 31), date(2026, 2, 1)), "month", TODAY)
    assert months.starts == [date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]


def test_trap_a_cut_slot_is_not_shown_like_a_whole_one():
    weeks = Slots(Period(date(2026, 11, 4), TODAY), "week", TODAY)
    assert [weeks.partial(start) for start in weeks.starts] == [True, False, True]
    assert weeks.name(date(2026, 11, 2), "en") == "4 Nov – 8 Nov 2026"
    months = Slots(Period(date(2026, 1, 1), date(2026, 2, 28)), "month", TODAY)
    assert [months.partial(start) for start in months.starts] == [False, False]


# --- interactions by channel ---


def test_bars_stack_to_the_total():
    chart = volume_by_channel(*volume_frames(), Slots(WEEK, "date", TODAY), CHANNELS, STYLE)
    mark, pieces, _ = layers_of(chart)[0]
    assert mark["type"] == "rect"
    assert len(pieces) == 7 * 5
    for slot in range(7):
        stack = [piece for piece in pieces if int(piece["x"]) == slot]
        assert stack[0]["y"] == 0
        assert max(piece["y2"] for piece in stack) == pytest.approx(1000)
        assert sum(piece["y2"] - piece["y"] for piece in stack) == pytest.approx(1000)


def test_a_channel_has_its_own_colour_in_every_figure():
    for mode in PALETTES:
        style = Style("zh", mode)
        stack = volume_by_channel(*volume_frames(), Slots(WEEK, "date", TODAY), CHANNELS, style).to_dict()
        scale = stack["layer"][0]["encoding"]["color"]["scale"]
        coloured = dict(zip(scale["domain"], scale["range"], strict=True))
        metric = METRICS["self_service_rate"]
        cells = [cell(key=(name,)) for name in CHANNELS]
        bars = layers_of(rates_by_channel(metric, cell(), cells, CHANNELS, style))[0][1]
        for name, label in CHANNELS.items():
            assert coloured[name] == PALETTES[mode].channels[name]
            assert next(bar for bar in bars if bar["name"] == label)["colour"] == coloured[name]
        colours = list(PALETTES[mode].channels.values())
        assert len(set(colours)) == len(colours)


def test_labels_of_thin_channels_do_not_overlap_and_stay_inside():
    chart = volume_by_channel(*volume_frames(), Slots(WEEK, "date", TODAY), CHANNELS, STYLE)
    spec = chart.to_dict()
    top = spec["layer"][0]["encoding"]["y"]["scale"]["domain"][1]
    texts = next(data for mark, data, _ in layers_of(chart) if mark["type"] == "text")
    heights = sorted(row["y"] / top * HEIGHT for row in texts)
    assert len(heights) == 5
    assert all(after - before >= 16 for before, after in pairwise(heights))
    assert heights[0] > 0
    assert heights[-1] < HEIGHT
    assert "WeChat bank 70.0%" in {row["label"] for row in texts}


def test_the_running_day_is_pale_and_outlined():
    chart = volume_by_channel(*volume_frames(), Slots(WEEK, "date", TODAY), CHANNELS, STYLE)
    pieces = layers_of(chart)[0][1]
    assert {piece["opacity"] for piece in pieces if int(piece["x"]) == 6} == {0.38}
    assert {piece["opacity"] for piece in pieces if int(piece["x"]) < 6} == {1.0}
    outlines = [data for mark, data, _ in layers_of(chart) if mark.get("strokeDash")]
    assert len(outlines) == 1
    over = Slots(Period(date(2026, 11, 9), date(2026, 11, 15)), "date", TODAY)
    parts, totals = volume_frames()
    for frame in (parts, totals):
        frame["date"] = [day - timedelta(days=7) for day in frame["date"]]
    assert not [
        mark
        for mark, _, _ in layers_of(volume_by_channel(parts, totals, over, CHANNELS, STYLE))
        if mark.get("strokeDash")
    ]


def test_without_a_comparison_there_is_no_grey_line():
    parts, totals = volume_frames()
    totals["previous"] = None
    chart = volume_by_channel(parts, totals, Slots(WEEK, "date", TODAY), CHANNELS, STYLE)
    assert "line" not in {mark["type"] for mark, _, _ in layers_of(chart)}


# --- rates ---


def test_trap_a_channel_without_a_value_says_so():
    cells = [cell(key=("wechat",), value=0.953), cell(key=("rm",), value=None, n=0, previous=None, reason="no_data")]
    bars = layers_of(rates_by_channel(METRICS["self_service_rate"], cell(value=0.847), cells, CHANNELS, STYLE))[0][1]
    assert [(bar["name"], bar["text"]) for bar in bars] == [
        ("All channels", "84.7%"),
        ("WeChat bank", "95.3%"),
        ("Mobile RM", "–"),
    ]


def test_colour_of_a_change_follows_goodness_not_direction():
    down = METRICS["given_up_rate"]
    better = cell("given_up_rate", ("sms",), value=0.05, previous=0.07)
    bars = layers_of(rates_by_channel(down, better, [better], CHANNELS, STYLE))[0][1]
    assert bars[1]["change"] == "\u22122.0"
    assert bars[1]["tone"] == STYLE.palette.better


def test_trend_keeps_gaps_and_dots_the_running_day():
    frame = pd.DataFrame(
        [
            {"date": day, "value": None if index == 3 else 0.84, "low": 0.82, "high": 0.86, "previous": 0.83, "n": 2500}
            for index, day in enumerate(days())
        ]
    )
    drawn = layers_of(trend(METRICS["self_service_rate"], frame, Slots(WEEK, "date", TODAY), STYLE))
    line = next(data for mark, data, _ in drawn if mark["type"] == "line" and mark["color"] == STYLE.palette.accent)
    assert [row["value"] for row in line] == [84.0, 84.0, 84.0, None, 84.0, 84.0]
    assert [mark for mark, _, _ in drawn if mark.get("strokeDash")]


def test_trend_writes_both_names_apart():
    frame = pd.DataFrame(
        [{"date": day, "value": 0.84, "low": 0.82, "high": 0.86, "previous": 0.84, "n": 9} for day in days()]
    )
    drawn = layers_of(trend(METRICS["self_service_rate"], frame, Slots(WEEK, "date", TODAY), Style("zh")))
    names = next(data for mark, data, _ in drawn if mark["type"] == "text")
    assert {row["name"] for row in names} == {"本期", "对比期"}
    assert names[0]["y"] != names[1]["y"]


def unusual(kpi="self_service_rate"):
    """Ten days of 90.5 and 89.5 % of 1000 in turn, but 70 % on the sixth."""
    period = Period(date(2026, 11, 10), date(2026, 11, 19))
    frame = pd.DataFrame(
        [
            {"date": day, "value": hits / 1000, "low": None, "high": None, "previous": None, "n": 1000,
             "numerator": hits, "denominator": 1000, "provisional": False}
            for index, day in enumerate(days(period))
            for hits in (700 if index == 5 else 900 + 5 * (-1) ** index,)
        ]
    )  # fmt: skip
    return frame, trend(METRICS[kpi], frame, Slots(period, "date", TODAY), STYLE)


def test_a_day_outside_the_usual_range_has_a_diamond_with_its_name():
    """Mean 8805 ÷ 10,000 = 88.05 %. The moves are 1 point seven times and 20.5 twice, 48 ÷ 9 = 5.3333 in the mean; of
    equal numbers a day the limits are the mean ± 3 · 5.3333 ÷ 1.128 = ± 14.184 points, and at most 100 %.
    """
    _, chart = unusual()
    diamonds = [
        (data, encoding) for mark, data, encoding in layers_of(chart) if mark["type"] == "point" and "shape" in encoding
    ]
    ((data, encoding),) = diamonds
    assert [(row["when"], row["value"]) for row in data] == [("15 Nov 2026", 70.0)]
    assert encoding["shape"]["scale"] == {"domain": ["outside the usual range (Laney p′)"], "range": ["diamond"]}
    tips = next(data for mark, data, _ in layers_of(chart) if mark["type"] == "point" and mark.get("opacity") == 0)
    assert tips[5]["usual"] == "73.87% – 100.00%: outside"
    assert tips[0]["usual"] == "73.87% – 100.00%"


def test_a_day_that_still_runs_or_a_figure_that_is_no_share_has_no_diamond():
    frame, _ = unusual()
    running = frame.assign(provisional=frame.index == 5)
    slots = Slots(Period(date(2026, 11, 10), date(2026, 11, 19)), "date", TODAY)
    for chart in (trend(METRICS["self_service_rate"], running, slots, STYLE), unusual("csat_mean")[1]):
        assert not [encoding for _, _, encoding in layers_of(chart) if "shape" in encoding]
    assert "usual" not in str(unusual("csat_mean")[1].to_dict()["layer"])


# --- tiers ---


def tiers(values, kpi="csat", n=1000):
    cells = [cell(kpi, (star,), value, n) for star, value in enumerate(values, start=1)]
    chart = by_tier(
        [METRICS[kpi]], {kpi: cell(kpi, value=0.9)}, answered(("tier",), cells, (kpi,)), {kpi: kpi}, {}, STYLE
    )
    return next(data for _, data, _ in layers_of(chart))


def test_cells_are_shaded_by_their_distance_from_all_customers():
    rows = {row["tier"]: row for row in tiers([0.8, 0.85, 0.9, 0.95])}
    assert rows["1"]["shade"] == pytest.approx(-1)
    assert rows["3"]["shade"] == pytest.approx(0)
    assert rows["4"]["shade"] == pytest.approx(0.5)
    assert rows["1"]["text"] == "80.0"


def test_lower_is_better_turns_the_shade():
    rows = {row["tier"]: row for row in tiers([0.95, 0.85], kpi="given_up_rate")}
    assert rows["1"]["shade"] < 0 < rows["2"]["shade"]


def test_an_arrow_marks_what_became_better_or_worse_beyond_chance():
    metric = METRICS["given_up_rate"]  # less is better
    cells = [
        Cell(metric.id, (1,), 0.05, 50, 1000, 1000, previous=0.08, change=-0.03, change_low=-0.05, change_high=-0.01),
        Cell(metric.id, (2,), 0.09, 90, 1000, 1000, previous=0.08, change=0.01, change_low=-0.01, change_high=0.03),
        Cell(metric.id, (3,), 0.11, 110, 1000, 1000, previous=0.08, change=0.03, change_low=0.01, change_high=0.05),
        Cell(metric.id, (4,), 0.50, 10, 20, 20, previous=0.08, change=0.42, change_low=0.20, change_high=0.60),
    ]
    whole = cell(metric.id, value=0.08, previous=None)
    chart = by_tier([metric], {metric.id: whole}, answered(("tier",), cells), {metric.id: ""}, {}, STYLE)
    arrows = {
        row["tier"]: (mark["shape"], row["tone"]) for mark, data, _ in layers_of(chart)
        if str(mark.get("shape", "")).startswith("triangle") for row in data
    }  # fmt: skip
    palette = STYLE.palette
    # Neither the second, whose change may be chance, nor the fourth, which stands on twenty.
    assert arrows == {"1": ("triangle-down", palette.better), "3": ("triangle-up", palette.worse)}
    tips = layers_of(chart)[0][2]["tooltip"]
    assert {"field": "change", "title": "Change", "type": "nominal"} in tips
    row = next(row for row in layers_of(chart)[0][1] if row["tier"] == "1")
    assert (row["compared"], row["change"]) == ("8.00%", "−3.0 pt")


def test_trap_a_handful_is_pale_and_not_judged():
    rows = {row["tier"]: row for row in tiers([0.2, 0.9], n=29)}
    assert rows["1"]["pale"]
    assert rows["1"]["shade"] == 0


# --- sparks ---


def test_spark_breaks_at_gaps():
    drawn = spark([1, 2, None, 3, 4], [], STYLE)
    line = re.search(r'd="([^"]+)"[^>]*stroke="' + STYLE.palette.ink2, drawn)
    assert line
    assert line[1].count("M") == 2
    assert line[1].count("L") == 2


def test_spark_of_nothing_is_an_empty_picture():
    assert "<path" not in spark([None, None], [None], STYLE)
    assert "<path" not in spark([], [], STYLE)


def test_spark_dots_the_running_piece():
    assert "stroke-dasharray" in spark([1, 2, 3], [], STYLE, (False, True))
    assert "stroke-dasharray" not in spark([1, 2, 3], [], STYLE)


def test_spark_stays_in_its_frame():
    for values in ([5, 5, 5], [0.001, 1e9], [-3, 7, 1], [4]):
        numbers = re.findall(r"[ML]([\d.]+) ([\d.]+)", spark(values, [], STYLE))
        assert numbers
        assert all(0 <= float(x) <= 140 and 0 <= float(y) <= 34 for x, y in numbers)


# --- files ---


def test_every_figure_is_a_picture_without_a_browser():
    slots = Slots(WEEK, "date", TODAY)
    for mode in PALETTES:
        style = Style("zh", mode)
        picture = png(spec_of(volume_by_channel(*volume_frames(), slots, CHANNELS, style)), style)
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 10_000


def test_a_picture_of_an_invented_bank_says_so():
    spec = spec_of(volume_by_channel(*volume_frames(), Slots(WEEK, "date", TODAY), CHANNELS, STYLE))
    # A line of text more than without it.
    heights = [int.from_bytes(png(spec, Style("zh", synthetic=mark))[20:24]) for mark in (True, False)]
    assert heights[0] > heights[1]
