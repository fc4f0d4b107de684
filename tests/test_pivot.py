"""The pivot: totals are answers of their own, what does not add has none, and nothing is left out unseen."""

from datetime import date, timedelta

import pytest

from kpi.pivot import ALL, Axis, Pivot, axis, to_frame, value_name
from kpi.query.answer import Answer, Cell
from kpi.query.question import Period, Question
from kpi.query.target_value import Band, Goal
from kpi.tables import of_answer

WEEK = Period(date(2026, 11, 16), date(2026, 11, 22))
TIERS = {"tier": {"1": "1★", "2": "2★", "": "unknown"}, "channel": {"wechat": "WeChat", "sms": "SMS", "": "unknown"}}


def answered(kpis, by, cells, twice=None):
    made = tuple(
        Cell(kpi, key, value, None, None, n, previous=previous, change=None if previous is None else value - previous)
        for kpi, key, value, n, previous in cells
    )
    return Answer(Question(kpis, WEEK, by), 1, True, {}, WEEK, None, None, (), made, counted_twice=twice or {})


def pivot():
    """Customers served: 10 and 6 in the tiers, 12 in all since 4 came in both; the percentile adds up to nothing."""
    kpis = ("volume", "customers_served", "wait_p90")
    by_rows = answered(
        kpis,
        ("tier",),
        [
            ("volume", (1,), 100, 100, 90),
            ("volume", (2,), 50, 50, 60),
            ("customers_served", (1,), 10, 10, None),
            ("customers_served", (2,), 6, 6, None),
            ("wait_p90", (1,), 30, 80, None),
            ("wait_p90", (2,), 40, 20, None),
        ],
        {"customers_served": 4},
    )
    whole = answered(
        kpis,
        (),
        [("volume", (), 150, 150, 150), ("customers_served", (), 12, 12, None), ("wait_p90", (), 33, 100, None)],
    )
    return Pivot(whole, axis(by_rows, 100, TIERS["tier"]), by_rows)


def test_totals_are_the_answers_of_the_whole():
    found = pivot()
    assert found.row_places == [1, 2, ALL]
    assert found.cell("volume", ALL).value == 150
    assert found.cell("customers_served", ALL).value == 12
    assert found.counted_twice("customers_served") == 4
    assert found.cell("volume", 3) is None


def test_trap_a_percentile_has_no_total():
    found = pivot()
    assert found.cell("wait_p90", ALL) is None
    assert found.cell("wait_p90", 2).value == 40


def test_by_two_dimensions_each_margin_is_its_own_answer():
    kpis = ("self_service_rate",)
    by_rows = answered(kpis, ("tier",), [(kpis[0], (1,), 0.9, 100, None)])
    by_cols = answered(kpis, ("channel",), [(kpis[0], ("sms",), 0.8, 40, None)])
    cells = answered(kpis, ("tier", "channel"), [(kpis[0], (1, "sms"), 0.85, 30, None)])
    whole = answered(kpis, (), [(kpis[0], (), 0.88, 140, None)])
    found = Pivot(whole, Axis("tier", (1,)), by_rows, Axis("channel", ("sms",)), by_cols, cells)
    shown = [found.cell(kpis[0], row, col) for row in found.row_places for col in found.col_places]
    assert [cell.value for cell in shown if cell is not None] == [0.85, 0.9, 0.8, 0.88]
    frame = to_frame(found, TIERS, "en")
    assert list(frame["Tier"]) == ["1★", "All"]
    assert list(frame["self-service rate · SMS · Value"]) == [0.85, 0.8]
    assert list(frame["self-service rate · All · n"]) == [100, 140]


def test_the_download_holds_the_comparison():
    frame = to_frame(pivot(), TIERS, "zh")
    assert list(frame["星级"]) == ["1★", "2★", "全部"]
    assert list(frame["业务量 · 对比期"]) == [90, 60, 150]
    assert list(frame["业务量 · 变化"]) == [10, -10, 0]
    assert frame["等待 P90 · 数值"].isna().tolist() == [False, False, True]


def test_the_download_says_what_is_to_be_doubted_and_which_targets_changed():
    kpis, since = ("self_service_rate",), date(2026, 11, 18)
    cells = (
        Cell(
            kpis[0], (1,), 0.9, 9, 10, 10, provisional=True, goal=Goal(0.8, None, since=since, before=Band(0.7, None))
        ),
        Cell(kpis[0], (2,), 0.8, 80, 100, 100),
    )
    by_rows = Answer(Question(kpis, WEEK, ("tier",)), 1, True, {}, WEEK, None, None, (), cells)
    whole = answered(kpis, (), [(kpis[0], (), 0.81, 110, None)])
    frame = to_frame(Pivot(whole, Axis("tier", (1, 2)), by_rows), TIERS, "en")
    assert frame["self-service rate · Caution"].fillna("").tolist() == ["still arriving, n < 30", "", ""]
    assert frame["self-service rate · target changed"].fillna("").tolist() == [
        "since 18 Nov 2026, ≥70% before", "", "",
    ]  # fmt: skip
    table = of_answer(by_rows, "en", TIERS)
    assert table["Caution"].tolist() == ["still arriving, n < 30", ""]
    assert table["target changed"].tolist() == ["since 18 Nov 2026, ≥70% before", ""]


def test_of_days_the_table_says_what_is_usual():
    """90 and 92 % of 1000 in turn on eight days, handed over in no order: 91 % ± 3 · 2 ÷ 1.128 = 5.319 points."""
    days = [date(2026, 11, 16) + timedelta(days=day) for day in range(8)]
    cells = [Cell("csat", (day,), 0.9, 900 + 20 * (at % 2), 1000, 1000) for at, day in enumerate(days)]
    mixed = Answer(
        Question(("csat",), Period(days[0], days[-1]), ("date",)),
        1, True, {}, WEEK, None, None, (), tuple(cells[::2] + cells[1::2]),
    )  # fmt: skip
    assert of_answer(mixed, "en", {})["Usual range (Laney p′)"].tolist() == ["85.68% – 96.32%"] * 8
    by_tier = answered(("csat",), ("tier",), [("csat", (tier,), 0.9, 100, None) for tier in range(1, 9)])
    assert "Usual range (Laney p′)" not in of_answer(by_tier, "en", TIERS)


@pytest.mark.parametrize(
    ("dimension", "sizes", "most", "shown", "left_out"),
    [
        ("tier", {7: 5, 1: 1, None: 9}, 9, (1, 7, None), 0),  # in their order, unknown last
        ("topic", {"a": 1, "b": 3, "c": 2}, 9, ("b", "c", "a"), 0),  # the greatest first
        ("topic", {"a": 1, "b": 3, "c": 2}, 2, ("b", "c"), 1),
        ("hour", {9: 1, 8: 5, 10: 3}, 2, (8, 10), 1),
        ("date", {date(2026, 11, 16): 9, date(2026, 11, 17): 1, date(2026, 11, 18): 1}, 2,
         (date(2026, 11, 17), date(2026, 11, 18)), 1),  # of days the latest
    ],
)  # fmt: skip
def test_what_is_shown_of_a_dimension(dimension, sizes, most, shown, left_out):
    answer = answered(("volume",), (dimension,), [("volume", (key,), n, n, None) for key, n in sizes.items()])
    assert axis(answer, most, {}) == Axis(dimension, shown, left_out)


def test_trap_a_value_with_nothing_in_it_is_none():
    answer = answered(("volume",), ("topic",), [("volume", ("a",), None, 0, None), ("volume", ("b",), 1, 1, None)])
    assert axis(answer, 9, {}).values == ("b",)


@pytest.mark.parametrize(
    ("dimension", "value", "zh", "en"),
    [
        ("weekday", 7, "周日", "Sun"),
        ("hour", 9, "09:00", "09:00"),
        ("half_hour", 19, "09:30", "09:30"),
        ("month", date(2026, 11, 1), "2026-11", "2026-11"),
        ("date", date(2026, 11, 1), "11-01", "1 Nov"),
        ("agent", None, "未知", "unknown"),
        ("tier", 1, "1★", "1★"),
        ("team", "new", "new", "new"),
    ],
)
def test_values_have_names(dimension, value, zh, en):
    assert (value_name(dimension, value, TIERS, "zh"), value_name(dimension, value, TIERS, "en")) == (zh, en)
