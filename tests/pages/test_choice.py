"""What an address asks of the explorer: bad values are named and left out."""

from datetime import date

import pytest

from kpi.i18n import catalogue
from kpi.metrics.registry import METRICS
from pages.address.explore_choice import CHARTS, MOST_KPIS, Choice, charts_for, common, lacking
from pages.address.parsing import read_view


def read(**params):
    return read_view(params, date(2026, 11, 22), date(2024, 9, 14), {}, METRICS, "en")


def told(view):
    return [one.message("en") for one in view.ignored]


def test_an_empty_address_is_two_headlines_by_channel():
    view = read()
    assert view.explore == Choice(("self_service_rate", "volume"), "channel", None, None, False)
    assert view.ignored == ()


def test_everything_can_be_asked_for():
    view = read(kpis="csat,nps", rows="tier", cols="date", chart="heat", detail="1")
    assert view.explore == Choice(("csat", "nps"), "tier", "date", "heat", True)
    assert view.ignored == ()


@pytest.mark.parametrize(
    ("name", "value"), [("kpis", "money"), ("rows", "colour"), ("cols", "colour"), ("chart", "pie"), ("detail", "yes")]
)
def test_a_bad_value_is_named_and_left_out(name, value):
    view = read(**{name: value})
    assert view.explore == Choice()
    assert len(view.ignored) == 1
    assert value in told(view)[0]


@pytest.mark.parametrize("name", ["kpis", "rows", "cols", "chart", "detail"])
def test_ten_thousand_characters_are_cut_when_named(name):
    assert len(told(read(**{name: "x" * 10_000}))[0]) < 200


def test_trap_a_dimension_that_one_of_the_kpis_lacks_is_told_so():
    assert "team" not in common(("csat", "long_tail_coverage"))
    view = read(kpis="csat,long_tail_coverage", rows="team")
    assert view.explore.rows == "tier" if "channel" not in common(view.explore.kpis) else "channel"
    assert "not all of the chosen KPIs" in told(view)[0]
    assert "long_tail_coverage" in lacking(("csat", "long_tail_coverage"))["team"]


def test_too_many_kpis_are_cut():
    many = ["volume", "csat", "nps", "fcr", "asa", "aht", "ces"]
    view = read(kpis=",".join(many))
    assert view.explore.kpis == tuple(many[:MOST_KPIS])
    assert "ces" in told(view)[0]


def test_columns_alone_are_rows_and_the_same_twice_is_once():
    assert (read(rows="none", cols="tier").explore.by, read(rows="tier", cols="tier").explore.by) == (("tier",),) * 2
    assert read(rows="none").explore.by == ()


@pytest.mark.parametrize(
    ("by", "columns", "kinds"),
    [
        ((None, None), 0, []),
        (("tier", None), 0, ["bars"]),
        (("week", None), 0, ["line"]),
        (("tier", "date"), 28, ["line", "heat"]),
        (("tier", "channel"), 8, ["heat", "grouped"]),
        (("tier", "topic"), 31, ["heat"]),
        (("date", "week"), 4, ["heat", "grouped"]),
    ],
)
def test_the_chart_fits_the_question(by, columns, kinds):
    assert charts_for(Choice(("volume",), *by), columns) == kinds


def test_every_kind_has_a_name():
    assert {f"explore_chart_{kind}" for kind in (*CHARTS, "auto")} <= set(catalogue())
