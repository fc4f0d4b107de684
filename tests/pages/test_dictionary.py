"""What the dictionary shows, without a browser."""

from functools import partial

import pytest

from kpi.metrics.registry import METRICS
from tests.pages.test_overview import text


@pytest.fixture
def open_dictionary(open_page):
    """Opens the page of the dictionary."""
    return partial(open_page, entry="dictionary")


def test_an_entry_by_its_address_in_both_languages(demo_home, open_dictionary):
    app = open_dictionary(demo_home, lang="en", kpi="fcr")
    assert not app.exception
    assert app.title[0].value == "Dictionary"
    for told in (METRICS["fcr"].formula[1], METRICS["fcr"].exclusions[1], "a contact counts after 7 days", "fcr"):
        assert told in text(app)
    app = open_dictionary(demo_home, lang="zh", kpi="fcr")
    assert not app.exception
    assert METRICS["fcr"].formula[0] in text(app)
    assert "行业通行" in text(app)


def test_the_list_holds_the_group_of_the_entry(demo_home, open_dictionary):
    app = open_dictionary(demo_home, lang="en", kpi="gini")
    listed = next(radio for radio in app.radio if radio.key == "f_kpi")
    assert listed.value == "gini"
    assert len(listed.options) == sum(metric.section == "tail" for metric in METRICS.values())


def test_a_search_goes_over_all_groups_and_says_when_there_is_nothing(demo_home, open_dictionary):
    app = open_dictionary(demo_home, lang="en", find="transfer rate")
    assert not app.exception
    assert METRICS["transfer_rate"].formula[1] in text(app)
    app = open_dictionary(demo_home, lang="en", find="zzzz")
    assert not app.exception
    assert "No KPI has “zzzz”" in text(app)


def test_choosing_writes_the_address(demo_home, open_dictionary):
    app = open_dictionary(demo_home, lang="en")
    next(radio for radio in app.radio if radio.key == "f_kpi").set_value("channel_mix").run()
    assert not app.exception
    assert app.query_params["kpi"] == "channel_mix"
    assert METRICS["channel_mix"].formula[1] in text(app)


def test_a_bad_link_is_named(demo_home, open_dictionary):
    app = open_dictionary(demo_home, lang="en", kpi="nps2", section="x", find="y" * 10_000)
    assert not app.exception
    said = app.warning[0].value
    assert [said.count(bad) for bad in ("nps2", "section", "find")] == [1, 1, 1]


def test_from_an_entry_to_what_is_behind_its_value(demo_home, open_dictionary):
    app = open_dictionary(demo_home, lang="en", kpi="csat")
    app.button(key="open_entry").click().run()
    assert not app.exception
    assert app.query_params["drill"] == "csat"
