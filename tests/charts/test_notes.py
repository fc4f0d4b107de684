"""Notes on a time axis: each has its mark, no two texts meet, and what finds no room is in the tip."""

from datetime import date, timedelta

from kpi.charts import Note, Slots, Style, note_layers
from kpi.charts.theme import finish
from kpi.query.question import Period

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
