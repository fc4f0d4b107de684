"""Notes on a time axis: each has its mark, no two texts meet, and what finds no room is in the tip."""

from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest

from kpi.charts import (
    Note,
    Slots,
    Style,
    amounts,
    coverage,
    mix_by_channel,
    multiples,
    note_layers,
    picture,
    trend,
    volume_by_channel,
)
from kpi.charts.theme import finish
from kpi.metrics.registry import METRICS
from kpi.pivot import Pivot, axis
from kpi.query.question import Period
from tests.charts.test_charts import CHANNELS, answered, cell, days, layers_of, volume_frames

TODAY = date(2026, 11, 22)
MONTH = Slots(Period(date(2026, 10, 26), TODAY), "date", TODAY)
STYLE = Style("en")


def note(day, text="Something", kind="incident", last=None):
    return Note(date.fromisoformat(day), date.fromisoformat(last or day), kind, text)


def rows_of(notes, slots=MONTH, style=STYLE):
    layers = note_layers(notes, slots, style)
    if not layers:
        return []
    spec = finish(layers, style, 200).to_dict()
    (rows,) = spec["datasets"].values()
    return rows


def test_a_note_stands_at_its_first_slot():
    (row,) = rows_of([note("2026-11-09", "11.11", "campaign", "2026-11-12")])
    assert (row["x"], row["text"], row["kind"], row["shown"]) == (14.5, "11.11", "campaign", True)
    assert row["when"] == "9 Nov – 12 Nov 2026"


def test_one_that_began_before_the_period_stands_at_its_start_and_one_outside_nowhere():
    assert [row["x"] for row in rows_of([note("2026-10-01", last="2026-10-27")])] == [0.5]
    assert rows_of([note("2026-10-01"), note("2026-12-01")]) == []


def test_weeks_take_the_notes_of_their_days():
    weeks = Slots(Period(date(2026, 10, 1), TODAY), "week", TODAY)
    assert [row["x"] for row in rows_of([note("2026-10-08")], weeks)] == [1.5]


def test_texts_never_meet_and_cross_no_mark():
    notes = [
        note(str(date(2026, 10, 26) + timedelta(days=day)), f"Happening {day}", kind)
        for day, kind in (
            (1, "incident"),
            (3, "holiday"),
            (4, "release"),
            (5, "campaign"),
            (14, "other"),
            (26, "other"),
        )
    ]
    rows = rows_of(notes)
    assert len(rows) == 6
    shown = [row for row in rows if row["shown"]]
    assert len(shown) >= 3

    def span(row):
        width = len(row["text"]) * 0.0155 * 28
        return (row["x"] - width, row["x"]) if row["left"] else (row["x"], row["x"] + width)

    for row in shown:
        low, high = span(row)
        for other in rows:
            if other is not row and row["y"] == -8:
                assert not low < other["x"] < high, (row, other)
        for other in shown:
            if other is not row and other["y"] == row["y"]:
                assert high < span(other)[0] or span(other)[1] < low, (row, other)


def test_where_there_is_no_room_the_holiday_gives_way():
    crowd = [note("2026-11-09", f"Long happening {index}") for index in range(3)]
    rows = rows_of([note("2026-11-09", "Holiday", "holiday"), *crowd])
    assert {row["text"]: row["shown"] for row in rows}["Holiday"] is False
    assert sum(row["shown"] for row in rows) == 3


def test_a_text_at_the_right_end_stands_left_of_its_line():
    (row,) = rows_of([note("2026-11-21", "A rather long happening")])
    assert row["left"] is True


def test_the_figure_is_valid_and_speaks_chinese():
    spec = finish(note_layers([note("2026-11-03")], MONTH, Style("zh", "dark")), Style("zh", "dark"), 200).to_dict()
    assert {tip["title"] for tip in spec["layer"][1]["encoding"]["tooltip"]} == {"事件", "类别", "时间"}


# --- every time axis ---


WEEK = Slots(Period(date(2026, 11, 16), TODAY), "date", TODAY)
HAPPENED = [note("2026-11-18", "Storm")]  # a Wednesday: the third of seven slots
RATE = METRICS["self_service_rate"]
TIERS = {"1": "1★", "2": "2★"}


def by_time(kind, by, grain="date"):
    """A figure of the explorer by the days of the week (or its week, or month) and, in heat and grouped, by tier."""
    starts = replace(WEEK, grain=grain).starts
    keys = [tuple(start if one == grain else tier for one in by) for start in starts for tier in (1, 2)]
    return drawn_of_pivot(kind, by, keys, grain)


def drawn_of_pivot(kind, by, keys, grain):
    def made(dimensions, keyed):
        return answered(dimensions, [cell(key=key) for key in keyed])

    axes = [made((one,), dict.fromkeys((key[place],) for key in keys)) for place, one in enumerate(by)]
    shown = [axis(one, 100, {}) for one in axes]
    both = (shown[1], axes[1], made(by, dict.fromkeys(keys))) if len(by) > 1 else ()
    found = Pivot(made((), [()]), shown[0], axes[0], *both)
    return picture(kind, RATE, found, {"tier": TIERS}, replace(WEEK, grain=grain), STYLE, HAPPENED)


def figures():
    """Every figure with an axis of days, weeks or months: name -> chart."""
    parts, totals = volume_frames()
    through = pd.DataFrame({"through": days(), "value": 0.1, "previous": None})
    course = [cell(key=(tier, day)) for tier in (1, 2) for day in days()]
    line = answered(("date",), [cell(key=(day,)) for day in days()]).frame()
    yield "volume", volume_by_channel(parts, totals, WEEK, CHANNELS, STYLE, HAPPENED)
    yield "trend", trend(RATE, line, WEEK, STYLE, HAPPENED)
    yield "coverage", coverage(through, totals, cell(value=10.0), WEEK, STYLE, HAPPENED)
    yield "multiples", multiples(RATE, answered(("tier", "date"), course), line, WEEK, TIERS, STYLE, HAPPENED)
    yield "mix", mix_by_channel(parts, [], WEEK, CHANNELS, STYLE, HAPPENED)
    scenarios = answered(("scenario", "date"), [cell("referred_amount", key=("loan", day)) for day in days()])
    window = METRICS["end_to_end"].maturity
    assert window is not None
    amount = answered(("date",), [cell("referred_amount", key=(day,)) for day in days()]).frame()
    yield "amounts", amounts(scenarios, amount, "scenario", WEEK, {"loan": "Loan"}, window, STYLE, HAPPENED)
    for kind in ("bars", "line"):
        yield f"explore {kind}", by_time(kind, ("date",))
    for kind in ("line", "heat", "grouped"):
        for by in (("date", "tier"), ("tier", "date")):
            yield f"explore {kind} {by[0]}", by_time(kind, by)
    for grain in ("week", "month"):
        yield f"explore heat {grain}", by_time("heat", (grain, "tier"), grain)


@pytest.mark.parametrize(("name", "chart"), list(figures()))
def test_every_time_axis_has_the_notes(name, chart):
    marks = [data for mark, data, _ in layers_of(chart) if str(mark.get("shape", "")).startswith("triangle")]
    assert {row["text"] for data in marks for row in data} == {"Storm"}, name


def test_small_figures_side_by_side_have_it_at_the_same_place_each():
    course = answered(("tier", "date"), [cell(key=(tier, day)) for tier in (1, 2) for day in days()])
    line = answered(("date",), [cell(key=(day,)) for day in days()]).frame()
    chart = multiples(RATE, course, line, WEEK, TIERS, STYLE, HAPPENED)
    (marks,) = [data for mark, data, _ in layers_of(chart) if mark.get("shape") == "triangle-down"]
    # 2.5 of 7 slots, and the second figure begins at 1.16.
    assert [row["x"] for row in marks] == pytest.approx([2.5 / 7, 1.16 + 2.5 / 7])


def test_marks_of_small_figures_and_their_lines_stand_below_names_and_changes():
    course = answered(("tier", "date"), [cell(key=(tier, day)) for tier in (1, 2) for day in days()])
    line = answered(("date",), [cell(key=(day,)) for day in days()]).frame()
    period = [cell(key=(tier,), previous=0.5) for tier in (1, 2)]
    layers = multiples(RATE, course, line, WEEK, TIERS, STYLE, HAPPENED, period).to_dict()["layer"]
    texts = [
        (one["encoding"]["y"]["value"], one["mark"]["fontSize"]) for one in layers if one["mark"]["type"] == "text"
    ]
    assert len(texts) == 2
    end = max(top + size for top, size in texts)
    marks = [one["mark"] for one in layers if one["mark"].get("shape") == "triangle-down"]
    rules = [one["mark"] for one in layers if one["mark"]["type"] == "rule" and "y" in one["mark"]]
    assert [mark["y"] > end for mark in (*marks, *rules)] == [True, True]


def test_a_cell_of_a_day_is_marked_at_its_row_and_at_its_column():
    rows = next(layer for layer in layers_of(by_time("heat", ("date", "tier"))) if "triangle" in str(layer[0]))
    assert (rows[0]["shape"], [row["name"] for row in rows[1]]) == ("triangle-right", ["18 Nov"])
    cols = next(layer for layer in layers_of(by_time("heat", ("tier", "date"))) if "triangle" in str(layer[0]))
    assert (cols[0]["shape"], [row["col"] for row in cols[1]]) == ("triangle-down", ["18 Nov"])
