"""The figures of the explorer: each kind is valid and holds the numbers of the pivot."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from kpi.charts import PALETTES, Note, Slots, Style, picture, scale_of
from kpi.metrics.registry import METRICS
from kpi.pivot import Pivot, axis
from kpi.query.answer import Answer, Cell
from kpi.query.question import Period, Question

TODAY = date(2026, 11, 22)
WEEK = Period(date(2026, 11, 16), TODAY)
SLOTS = Slots(WEEK, "date", TODAY)
NAMES = {"channel": {"wechat": "WeChat", "sms": "SMS"}, "tier": {"1": "1★", "2": "2★"}}
DAYS = [WEEK.start + timedelta(days=day) for day in range(7)]


def pivot(kpi, by, cells):
    """Made of the cells by all dimensions; the margins hold the same numbers, which is enough for a figure."""

    def answer(dimensions, keyed):
        made = [Cell(kpi, key, value, None, None, n, previous=value, change=0.0) for key, (value, n) in keyed.items()]
        return Answer(Question((kpi,), WEEK, dimensions), 1, True, {}, WEEK, None, None, (), tuple(made))

    margins = [{(key[place],): one for key, one in cells.items()} for place in range(len(by))]
    axes = [answer((dimension,), margin) for dimension, margin in zip(by, margins, strict=True)]
    shown = [axis(one, 100, NAMES.get(one.question.by[0], {})) for one in axes]
    whole = answer((), {(): (0.5, 100)})
    if len(by) == 1:
        return Pivot(whole, shown[0], axes[0])
    return Pivot(whole, shown[0], axes[0], shown[1], axes[1], answer(by, cells))


def drawn(kind, kpi, by, cells, style=Style("en"), notes=()):  # noqa: B008
    spec = picture(kind, METRICS[kpi], pivot(kpi, by, cells), NAMES, SLOTS, style, notes).to_dict()
    data = [spec["datasets"][layer["data"]["name"]] if "data" in layer else spec["datasets"][spec["data"]["name"]]
            for layer in spec["layer"]]  # fmt: skip
    return spec, data


def test_bars_begin_at_zero_and_are_pale_on_few():
    spec, (rows, *_) = drawn("bars", "csat", ("channel",), {("wechat",): (0.9, 100), ("sms",): (0.8, 20)})
    assert [(row["name"], row["value"], row["opacity"]) for row in rows] == [
        ("All", 0.5, 1.0),
        ("WeChat", 0.9, 1.0),
        ("SMS", 0.8, 0.4),
    ]
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domainMin"] == 0
    assert rows[1]["colour"] == PALETTES["light"].channels["wechat"]


def test_a_count_has_no_bar_of_the_whole_and_a_negative_bar_goes_left():
    _, (rows, *_) = drawn("bars", "volume", ("channel",), {("wechat",): (900, 900)})
    assert [row["name"] for row in rows] == ["WeChat"]
    spec, _ = drawn("bars", "nps", ("channel",), {("wechat",): (-20.0, 90), ("sms",): (10.0, 90)})
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domainMin"] == -20


def test_a_heat_map_colours_by_better_and_worse_and_leaves_few_uncoloured():
    cells = {(1, "wechat"): (0.9, 100), (2, "wechat"): (0.3, 100), (1, "sms"): (0.1, 5)}
    _, (rows, *_) = drawn("heat", "csat", ("tier", "channel"), cells)
    shades = {(row["name"], row["col"]): row["shade"] for row in rows}
    assert shades == {("1★", "WeChat"): pytest.approx(1), ("2★", "WeChat"): pytest.approx(-0.5), ("1★", "SMS"): 0}
    _, (rows, *_) = drawn("heat", "asa", ("tier", "channel"), {(1, "wechat"): (10.5, 100), (2, "sms"): (5.5, 100)})
    assert [row["shade"] for row in rows] == [pytest.approx(-1), pytest.approx(-0.5)]


def test_counts_are_written_in_one_unit_that_the_unknown_does_not_set():
    cells = {("a", "wechat"): (12_000, 12_000), (None, "wechat"): (900_000_000, 900_000_000)}
    made = pivot("volume", ("topic", "channel"), cells)
    assert scale_of(METRICS["volume"], made, "en") == (1000, "K")
    assert scale_of(METRICS["volume"], made, "zh") == (10_000, "万")
    assert scale_of(METRICS["csat"], made, "zh") == (1, "")
    _, (rows, *_) = drawn("heat", "volume", ("topic", "channel"), cells)
    assert rows[0]["figure"] == "12.0"


def test_grouped_bars_name_themselves():
    _, (rows, *_) = drawn("grouped", "csat", ("tier", "channel"), {(1, "wechat"): (0.9, 99), (1, "sms"): (0.8, 99)})
    assert {row["label"] for row in rows} == {"WeChat  90.0%", "SMS  80.0%"}


@pytest.mark.parametrize("upright", [True, False])
def test_lines_go_by_time_whichever_way_the_pivot_stands(upright):
    cells = {
        ((day, channel) if upright else (channel, day)): (value + index / 100, 100)
        for index, day in enumerate(DAYS)
        for channel, value in (("wechat", 0.9), ("sms", 0.8))
    }
    by = ("date", "channel") if upright else ("channel", "date")
    notes = (Note(DAYS[2], DAYS[2], "incident", "Outage"),)
    spec, data = drawn("line", "csat", by, cells, notes=notes)
    wechat = [(row["x"], row["y"]) for row in data[0] if row["line"] == "WeChat"]
    assert wechat == [(index + 0.5, pytest.approx(90 + index)) for index in range(7)]
    assert any(row.get("text") == "Outage" for rows in data for row in rows)
    # The running day is apart.
    assert [row["x"] for row in data[0] if row["cut"] and row["line"] == "SMS"] == [6.5]
    scale = spec["layer"][0]["encoding"]["color"]["scale"]
    lines = {row["series"]: row["line"] for row in data[0]}
    assert {lines[number]: colour for number, colour in zip(scale["domain"], scale["range"], strict=True)} == {
        NAMES["channel"][channel]: PALETTES["light"].channels[channel] for channel in ("wechat", "sms")
    }


def test_names_at_the_ends_of_lines_keep_apart():
    cells = {(day, f"t{index}"): (0.5, 100) for day in DAYS for index in range(8)}
    _, data = drawn("line", "csat", ("date", "topic"), cells)
    places = sorted(row["y"] for row in data[-1])
    assert len(places) == 8
    steps = [later - earlier for earlier, later in pairwise(places)]
    assert min(steps) > 0.9 * max(steps) > 0


def test_a_single_line_is_the_trend():
    _, data = drawn("line", "csat", ("date",), {(day,): (0.9, 100) for day in DAYS})
    assert [row["value"] for row in data[0]] == [pytest.approx(90)] * 7
