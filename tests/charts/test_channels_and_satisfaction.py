"""The figures of the pages of channels and satisfaction: every number of the frame, nothing that is not in it."""

from itertools import pairwise

import pandas as pd
import pytest

from kpi.charts import (
    Note,
    Slots,
    Style,
    by_channel,
    by_channel_and_tier,
    by_hour,
    changes_by_channel,
    complaints_by_age,
    in_order_of_channels,
    migration_matrix,
    mix_by_channel,
    nps_groups,
    rate_bars,
    rate_ranges,
    score_distribution,
    trend,
    worst_first,
)
from kpi.metrics.registry import METRICS
from kpi.query.answer import Cell
from kpi.query.target_value import Goal
from tests.charts.test_charts import CHANNELS, STYLE, TODAY, WEEK, answered, cell, days, layers_of

SLOTS = Slots(WEEK, "date", TODAY)
ZH = Style("zh", "dark")


def frame_of(chart, layer=0):
    return layers_of(chart)[layer][1]


def share(kpi, key, value, numerator=None, n=100, previous=None):
    return Cell(kpi, key, value, numerator, None, n, previous=previous)


def test_the_mix_fills_every_bar():
    shares = {"wechat": 0.5, "hotline": 0.3, "sms": 0.2}
    frame = pd.DataFrame(
        [{"date": day, "channel": name, "value": value} for day in days()
         for name, value in shares.items()]
    )  # fmt: skip
    period = [
        Cell("channel_mix", ("wechat",), 0.52, None, None, 100, previous=0.50, change=0.02),
        Cell("channel_mix", ("sms",), 0.2, None, None, 100),
        Cell("channel_mix", ("hotline",), 0.28, None, None, 100),
    ]
    chart = mix_by_channel(frame, period, SLOTS, CHANNELS, STYLE)
    chart.to_dict(validate=True)
    pieces = frame_of(chart)
    assert len(pieces) == 3 * len(days())
    first = [piece for piece in pieces if piece["x"] == 0.08]
    assert [(piece["channel"], round(piece["y2"] - piece["y"], 6)) for piece in first] == [
        ("wechat", 50), ("sms", 20), ("hotline", 30)
    ]  # fmt: skip
    assert first[-1]["y2"] == pytest.approx(100)
    assert [label["label"] for label in frame_of(chart, -1)] == [
        "WeChat bank 52.0% +2.0",
        "SMS 20.0%",
        "Hotline 95588 28.0%",
    ]


def test_the_mix_says_whether_a_channels_share_is_what_it_should_be():
    goal = Goal(0.55, None, "", "")
    cells = [Cell("channel_mix", (day, "wechat"), 0.5, None, None, 100, goal=goal) for day in days()]
    frame = pd.DataFrame([{"date": cell.key[0], "channel": "wechat", "value": 0.5, "cell": cell} for cell in cells])
    period = [Cell("channel_mix", ("wechat",), 0.52, None, None, 100, previous=0.50, change=0.02, goal=goal)]
    chart = mix_by_channel(frame, period, SLOTS, CHANNELS, STYLE)
    assert {piece["target"] for piece in frame_of(chart)} == {"≥55% missed"}
    assert [label["label"] for label in frame_of(chart, -1)] == ["WeChat bank 52.0% +2.0 ✕"]


def test_trap_the_names_of_the_mix_stay_apart_where_notes_take_room():
    small = ("sms", "chat", "vip", "rm", "hotline")
    frame = pd.DataFrame(
        [{"date": day, "channel": name, "value": 0.02 if name != "wechat" else 0.9}
         for day in days() for name in ("wechat", *small)]
    )  # fmt: skip
    note = Note(days()[0], days()[0], "release", "v2")

    def gaps(*notes):
        places = sorted(label["y"] for label in frame_of(mix_by_channel(frame, [], SLOTS, CHANNELS, STYLE, notes), -1))
        return [after - before for before, after in pairwise(places)]

    # Of a lower picture the same distance in pixels is a longer piece of the axis.
    assert min(gaps(note)) > min(gaps())


def test_changes_go_to_either_side_of_nought():
    metric = METRICS["volume"]
    whole = Cell("volume", (), 110, 110, None, 110, previous=100, change=10)
    cells = [
        Cell("volume", ("hotline",), 40, 40, None, 40, previous=50, change=-10),
        Cell("volume", ("wechat",), 70, 70, None, 70, previous=50, change=20),
    ]
    chart = changes_by_channel(metric, ("All channels", whole), cells, CHANNELS, STYLE)
    chart.to_dict(validate=True)
    rows = frame_of(chart, 1)
    assert [(row["name"], row["change"], row["text"]) for row in rows] == [
        ("All channels", pytest.approx(10), "+10.0%"),
        ("WeChat bank", pytest.approx(40), "+40.0%"),
        ("Hotline 95588", pytest.approx(-20), "−20.0%"),
    ]


def test_the_busiest_hour_has_its_figure():
    rows = [{"weekday": day, "hour": hour, "value": 1.5 if (day, hour) == (1, 10) else 0.0, "total": 3, "days": 2}
            for day in range(1, 8) for hour in range(24)]  # fmt: skip
    week = pd.DataFrame(rows)
    week.loc[len(week) - 1, "value"] = None  # there was no such day
    chart = by_hour(week, STYLE)
    chart.to_dict(validate=True)
    assert len(frame_of(chart)) == 7 * 24 - 1
    (busiest,) = frame_of(chart, 1)
    assert (busiest["day"], busiest["hour"], busiest["when"]) == ("Mon", 10, "Mon 10:00–11:00")


def test_migration_names_who_came_and_who_did_not():
    moves = pd.DataFrame(
        [("wechat", "wechat", 60, 0.6), ("wechat", "absent", 40, 0.4), ("absent", "sms", 10, 1.0),
         ("hotline", "sms", None, None)],
        columns=["before", "after", "customers", "share"],
    )  # fmt: skip
    chart = migration_matrix(moves, "absent", CHANNELS, STYLE)
    chart.to_dict(validate=True)
    cells = {(row["before"], row["after"]): (row["text"], row["stayed"], row["pale"]) for row in frame_of(chart)}
    assert cells == {
        ("WeChat bank", "WeChat"): ("60%", True, False),
        ("WeChat bank", "None"): ("40%", False, False),
        ("New", "SMS"): ("100%", False, True),
        ("Hotline 95588", "SMS"): ("–", False, True),
    }


def test_tiers_of_a_channel_stand_on_one_scale_and_few_are_pale():
    cells = [
        cell(key=("wechat", 1), value=0.9),
        cell(key=("wechat", 7), value=0.8, n=29),
        cell(key=("hotline", None), value=0.1),
        cell(key=("vip", 1), value=None, reason="zero_denominator"),
    ]
    chart = by_channel_and_tier(
        METRICS["self_service_rate"], answered(("channel", "tier"), cells), CHANNELS, {"1": "1★"}, STYLE
    )
    spec = chart.to_dict(validate=True)
    rows = frame_of(chart)
    assert [(row["channel"], row["tier"], row["value"], row["opacity"]) for row in rows] == [
        ("WeChat bank", 1, 90, 1.0), ("WeChat bank", 7, 80, 0.4)
    ]  # fmt: skip
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == [0, 100]


def test_channels_side_by_side_are_judged_against_all():
    metric = METRICS["self_service_rate"]
    parts = answered(("channel",), [cell(key=("wechat",), value=0.9), cell(key=("hotline",), value=0.4)])
    chart = by_channel(
        [metric], {metric.id: cell(value=0.8)}, parts, {metric.id: "Self-service"}, CHANNELS, STYLE, "All channels"
    )
    chart.to_dict(validate=True)
    rows = {row["channel"]: (row["text"], row["shade"]) for row in frame_of(chart)}
    assert rows["All channels"] == ("80.0%", 0)
    assert rows["WeChat bank"] == ("90.0%", pytest.approx(0.25))
    assert rows["Hotline 95588"] == ("40.0%", -1)


def test_worst_first_and_few_rank_nowhere():
    cells = [cell("csat", ("a",), 0.9), cell("csat", ("b",), 0.7), cell("csat", ("few",), 0.1, n=29),
             cell("csat", ("none",), None, reason="zero_denominator"), cell("csat", (None,), 0.2)]  # fmt: skip
    assert [one.key[0] for one in worst_first(cells, "up")] == ["b", "a", "few"]
    assert [one.key[0] for one in worst_first(cells, "down")] == ["a", "b", "few"]
    assert [one.key[0] for one in worst_first(cells, "up", 1)] == ["b"]
    channels = [cell("csat", (name,)) for name in ("rm", "wechat", None, "hotline")]
    assert [one.key[0] for one in in_order_of_channels(channels)] == ["wechat", "hotline", "rm"]


def test_ranges_hold_the_interval_and_the_second_figure():
    metric = METRICS["csat"]
    whole = Cell("csat", (), 0.9, 90, 100, 100, low=0.83, high=0.95)
    cells = [
        Cell("csat", ("wechat",), 0.8, 80, 100, 100, low=0.7, high=0.9, previous=0.75, change=0.05),
        Cell("csat", ("vip",), 1.0, 3, 3, 3, low=0.4, high=1.0),
    ]
    beside: dict[object, Cell] = {
        None: share("response_rate", (), 0.2),
        "wechat": share("response_rate", ("wechat",), 0.25),
    }
    for style in (STYLE, ZH):
        chart = rate_ranges(metric, ("All", whole), cells, CHANNELS, (METRICS["response_rate"], beside), style, 300)
        chart.to_dict(validate=True)
    rows = frame_of(
        rate_ranges(metric, ("All", whole), cells, CHANNELS, (METRICS["response_rate"], beside), STYLE, 300), 2
    )
    assert [(row["name"], row["value"], row["low"], row["high"], row["right"]) for row in rows] == [
        ("All", 90, pytest.approx(83), 95, "20.0%"),
        ("WeChat bank", 80, pytest.approx(70), 90, "25.0%"),
        ("VIP line", 100, 40, 100, "n 3, few"),
    ]
    assert rows[2]["ink"] == STYLE.palette.mute != rows[1]["ink"]


def test_scores_without_an_answer_are_nought():
    parts = answered(("score",), [share("score_share", (5,), 0.75, 75), share("score_share", (2,), 0.25, 25)],
                     ("score_share",))  # fmt: skip
    chart = score_distribution(parts, {str(score): f"{score}" for score in range(1, 6)}, STYLE)
    chart.to_dict(validate=True)
    assert [(row["score"], row["value"], row["count"]) for row in frame_of(chart)] == [
        ("1", 0, "0"), ("2", 25, "25"), ("3", 0, "0"), ("4", 0, "0"), ("5", 75, "75")
    ]  # fmt: skip


def test_promoters_passives_and_detractors_fill_a_bar_with_the_net_at_its_end():
    groups = {"promoter": "Promoters", "passive": "Passives", "detractor": "Detractors"}
    shares = answered(("channel", "nps_group"), [
        share("nps_share", ("wechat", "promoter"), 0.5, 50), share("nps_share", ("wechat", "passive"), 0.3, 30),
        share("nps_share", ("wechat", "detractor"), 0.2, 20), share("nps_share", ("vip", "promoter"), 1.0, 3),
    ], ("nps_share",))  # fmt: skip
    unrecorded = Cell("nps", ("sms",), None, None, None, None, reason="not_recorded")
    cells = [share("nps", ("wechat",), 30), share("nps", ("vip",), 100, n=3), unrecorded]
    nets = answered(("channel",), cells, ("nps",))
    chart = nps_groups(shares, nets, CHANNELS, groups, STYLE, 250)
    chart.to_dict(validate=True)
    pieces = [(row["row"], row["part"], row["x"], row["x2"]) for row in frame_of(chart)]
    assert pieces[:3] == [
        ("WeChat bank", "Detractors", 0, 20), ("WeChat bank", "Passives", 20, 50), ("WeChat bank", "Promoters", 50, 100)
    ]  # fmt: skip
    assert [(row["row"], row["text"]) for row in frame_of(chart, -1)] == [
        ("WeChat bank", "30.0"), ("VIP line", "100.0 · n 3")
    ]  # fmt: skip


def test_open_complaints_by_age_with_the_overdue_apart():
    ages = {"0-15": "≤15", "16-30": "16–30", "31-60": "31–60", "61+": ">60"}
    counts = {("0-15", "in_time"): 4, ("31-60", "overdue"): 2, ("31-60", "in_time"): 1}
    cells = [share("complaints_open", key, count) for key, count in counts.items()]
    parts = answered(("complaint_age", "due_state"), cells, ("complaints_open",))
    chart = complaints_by_age(parts, ages, {"in_time": "In time", "overdue": "Overdue"}, STYLE, 300)
    chart.to_dict(validate=True)
    assert [(row["row"], row["text"]) for row in frame_of(chart, -1)] == [
        ("≤15", "4"), ("16–30", "0"), ("31–60", "3"), (">60", "0")
    ]  # fmt: skip
    assert len(layers_of(chart)) == 3  # nothing to compare with
    late = [
        (row["row"], row["x"], row["x2"])
        for row in frame_of(chart)
        if row["part"] == "Overdue" and row["x2"] > row["x"]
    ]
    assert late == [("31–60", 1, 3)]


def test_open_complaints_of_an_age_are_compared_together():
    ages = {"0-15": "≤15", "16-30": "16–30", "31-60": "31–60", "61+": ">60"}
    cells = [
        Cell("complaints_open", ("31-60", "in_time"), 1, None, None, 1, previous=3, change=-2),
        Cell("complaints_open", ("31-60", "overdue"), 2, None, None, 2, previous=1, change=1),
    ]
    parts = answered(("complaint_age", "due_state"), cells, ("complaints_open",))
    chart = complaints_by_age(parts, ages, {"in_time": "In time", "overdue": "Overdue"}, STYLE, 300)
    # Three of four before: a quarter fewer, which is better.
    assert frame_of(chart, -1) == [{"row": "31–60", "text": "−25.0%", "tone": STYLE.palette.better}]


def test_bars_of_seconds_reach_to_the_longest():
    rows = [("all", "#000", Cell("first_response", (), 30, None, None, 100)),
            ("sms", "#111", Cell("first_response", ("sms",), 60, None, None, 100, previous=80))]  # fmt: skip
    chart = rate_bars(METRICS["first_response"], rows, STYLE, 200)
    spec = chart.to_dict(validate=True)
    # The tick of the comparison lies on the page too, and a value stands clear of it.
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domainMax"]["expr"].startswith("80")
    assert [row["end"] for row in frame_of(chart)] == [30, 80]


def test_the_anchor_is_within_the_axis_and_named_apart_from_the_lines():
    frame = pd.DataFrame([{"date": day, "value": 6.0, "low": None, "high": None, "previous": 6.1, "n": 100}
                          for day in days()])  # fmt: skip
    chart = trend(METRICS["wechat_phone_multiple"], frame, SLOTS, STYLE, (), (7.0, "7×"))
    spec = chart.to_dict(validate=True)
    domains = [layer["encoding"]["y"]["scale"]["domain"] for layer in spec["layer"]
               if "scale" in layer["encoding"].get("y", {})]  # fmt: skip
    assert domains[0][0] < 6 < 7 < domains[0][1]
    heights = [row["y"] for row in frame_of(chart, -1)]
    least = (domains[0][1] - domains[0][0]) * 16 / 250
    assert heights == sorted(heights)
    assert all(upper - lower >= least - 1e-9 for lower, upper in pairwise(heights))
