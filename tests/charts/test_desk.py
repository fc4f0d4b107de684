"""The figures of the service desk hold what was counted, in its place."""

import pytest

from kpi.charts import Style
from kpi.charts.desk import by_channel_and_tier, half_hours, waits_by_channel
from kpi.charts.staffing import agents_for_target
from kpi.metrics.registry import METRICS
from kpi.narrative.staffing_plan import Scenario, plan
from kpi.query.answer import Cell
from tests.charts.test_charts import layers_of

STYLE = Style("en")
TEAMS = {"cards": "Cards", "loans": "Loans", "": "unknown"}


def rate(kpi, key, numerator, denominator):
    value = numerator / denominator if denominator else None
    return Cell(kpi, key, value, numerator, denominator, denominator)


WHOLE = [rate("service_level", (19,), 80, 100), rate("service_level", (20,), 20, 40)]
PARTS = [
    rate("service_level", (19, "cards"), 60, 71),
    rate("service_level", (19, "loans"), 20, 29),
    rate("service_level", (20, "cards"), 20, 40),
    rate("service_level", (20, "loans"), 0, 0),
    rate("service_level", (20, None), 0, 3),
]


def drawn(counted=False, kpi="service_level"):
    chart = half_hours(METRICS[kpi], WHOLE, PARTS, TEAMS, STYLE, counted)
    return layers_of(chart)[0]


def test_a_cell_stands_at_its_half_hour_and_team():
    _, rows, encoding = drawn()
    at = {(row["team"], int(row["x"])): row for row in rows}
    assert set(at) == {("All teams", 19), ("All teams", 20), ("Cards", 19), ("Cards", 20), ("Loans", 19)}
    assert at["Loans", 19]["value"] == pytest.approx(20 / 29)
    assert at["Loans", 19]["when"] == "09:30–10:00"
    assert encoding["y"]["sort"] == ["All teams", "Cards", "Loans"]


def test_trap_a_handful_is_pale():
    _, rows, _ = drawn()
    assert {row["team"]: row["opacity"] for row in rows if int(row["x"]) == 19} == {
        "All teams": 1.0,
        "Cards": 1.0,
        "Loans": 0.45,
    }


def test_the_colour_is_neutral_at_the_rate_of_all_half_hours():
    _, _, encoding = drawn()
    # (80 + 20) ÷ (100 + 40)
    assert encoding["color"]["scale"]["domain"][1] == pytest.approx(100 / 140)


def test_what_was_offered_is_counted():
    _, rows, _ = drawn(counted=True)
    assert {row["value"] for row in rows if row["team"] == "Cards"} == {71, 40}
    assert {row["opacity"] for row in rows} == {1.0}


def test_occupancy_is_coloured_by_its_band():
    chart = half_hours(METRICS["occupancy"], WHOLE, PARTS, TEAMS, STYLE)
    low, middle, high = layers_of(chart)[0][2]["color"]["scale"]["domain"]
    assert low < 0.70 < middle < 0.85 < high


def test_channels_by_tier():
    cells = [
        rate("service_level", ("hotline", 1), 90, 100),
        rate("service_level", ("wechat", 1), 50, 100),
        rate("service_level", ("hotline", 2), 5, 20),
        rate("service_level", (None, 2), 1, 1),
    ]
    chart = by_channel_and_tier(
        METRICS["service_level"], cells, {"hotline": "Phone"}, {"1": "1★", "2": "2★", "": "?"}, STYLE
    )
    _, rows, encoding = layers_of(chart)[0]
    assert [(row["channel"], row["tier"], row["text"]) for row in rows] == [
        ("Phone", "1★", "90.0"),
        ("wechat", "1★", "50.0"),
        ("Phone", "2★", "25.0"),
    ]
    # All together 146 of 221: a handful is not coloured.
    assert rows[0]["away"] == pytest.approx(0.9 - 146 / 221)
    assert rows[2]["away"] == 0
    assert encoding["x"]["sort"] == ["1★", "2★"]


def test_waits_are_bars_from_zero_with_the_average_as_a_tick():
    slow = [Cell("wait_p90", ("hotline",), 37, None, 50, 50), Cell("wait_p90", ("wechat",), 67, None, 20, 20)]
    chart = waits_by_channel(slow, {"hotline": rate("asa", ("hotline",), 500, 50)}, {"hotline": "Phone"}, STYLE)
    _, rows, encoding = layers_of(chart)[0]
    assert [(row["name"], row["value"], row["mean"], row["opacity"]) for row in rows] == [
        ("wechat", 67, None, 0.4),
        ("Phone", 37, 10, 1.0),
    ]
    assert encoding["x"]["scale"]["domainMin"] == 0


def test_the_share_in_time_by_agents():
    found = plan(Scenario(calls=360, handle=240, patience=120, base=0.8, self_service=0.8))
    chart = agents_for_target(found, 0.8, "80% in 20 s", STYLE)
    layers = layers_of(chart)
    by_model: dict[str, dict[int, float]] = {}
    for row in next(rows for mark, rows, _ in layers if mark["type"] == "line"):
        by_model.setdefault(row["model"], {})[row["agents"]] = row["share"]
    patient = by_model["Erlang C: nobody leaves"]
    assert patient[55] == pytest.approx(86.68, abs=5e-3)
    assert min(patient) == 49
    assert patient[53] < 80 <= patient[54]
    shade = next(rows for mark, rows, _ in layers if mark["type"] == "rect")
    assert shade[0]["end"] == 48
    assert next(rows for mark, rows, _ in layers if mark["type"] == "rule")[0]["share"] == 80
