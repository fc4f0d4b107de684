"""The table that ends a page: its figures by one dimension, with the comparison, as the query answers them."""

import re
from datetime import timedelta
from html import unescape

import pytest

from kpi.i18n import phrase
from kpi.i18n.formats import format_value
from kpi.metrics.registry import METRICS
from kpi.narrative.funnel import JOURNEY_KPIS
from kpi.query import Period, Question, answer, last_mature, rows
from kpi.tables import column_name
from tests.pages.test_overview import html

STILL = phrase("en", "doubt_provisional")


def rows_of(app):
    """Name of the row -> its cells as texts without their doubts, of the one table of the page; no heads."""
    (table,) = [body for body in html(app) if 'class="pivot"' in body]
    rows = re.findall(r'<tr[^>]*><th scope="row">(.*?)</th>(.*?)</tr>', table)
    plain = [(unescape(name), re.findall(r"<td[^>]*>(.*?)</td>", cells)) for name, cells in rows]
    return {
        name: [unescape(re.sub(r"<[^>]+>", "", cell)).removesuffix(STILL).rstrip("*") for cell in cells]
        for name, cells in plain
    }


@pytest.mark.parametrize(
    ("page", "kpi", "dimension", "value", "name"),
    [
        ("satisfaction", "csat", "channel", "hotline", "Hotline 95588"),
        ("desk", "aht", "channel", None, "All"),
        ("desk", "service_level", "channel", "hotline", "Hotline 95588"),
        ("long_tail", "bot_resolution_rate", "topic", None, "All"),
    ],
)
def test_a_page_ends_with_its_figures_as_a_table(demo_home, open_page, bank, page, kpi, dimension, value, name):
    app = open_page(demo_home, page, lang="en")
    assert not app.exception
    rows = rows_of(app)
    today = bank.published().today
    question = Question((kpi,), Period(today - timedelta(days=27), today), compare="previous")
    key = () if value is None else (value,)
    cell = answer(bank, question if value is None else Question(**{**vars(question), "by": (dimension,)})).cell(
        kpi, *key
    )
    for figure in (cell.value, cell.previous):
        assert format_value(figure, METRICS[kpi].unit, "en") in rows[name]


def test_all_functions_are_in_the_table_though_ten_are_in_the_chart(demo_home, open_page, bank):
    app = open_page(demo_home, "self_service", lang="en")
    assert not app.exception
    today = bank.published().today
    kpis = ("function_starts", "function_success", "function_dropout", "function_failure")
    question = Question(kpis, Period(today - timedelta(days=27), today), by=("function",), compare="previous")
    answered = answer(bank, question)
    used = {cell.key[0] for cell in answered.cells if cell.n}
    rows = rows_of(app)
    assert len(used) > 10
    assert len(rows) == len(used) + 1
    # Value, comparison, change of each of the four.
    assert {len(cells) for cells in rows.values()} == {12}
    starts = sum(answered.cell("function_starts", key).value or 0 for key in used)
    assert rows["All"][0] == format_value(starts, "count", "en")


def test_journeys_by_tier_are_those_of_the_last_mature_period(demo_home, open_page, bank):
    rows = rows_of(open_page(demo_home, "journeys", lang="en", period="7d"))
    today = bank.published().today
    moved = last_mature(bank, Question(JOURNEY_KPIS, Period(today - timedelta(days=6), today), compare="previous"))
    assert moved is not None
    value = answer(bank, moved).cell("end_to_end").value
    assert rows["All"][0] == format_value(value, "share", "en")
    assert len(rows) > 1


def test_every_column_of_the_rows_behind_a_figure_has_a_name_in_both_languages(bank):
    today = bank.published().today
    period, unnamed = Period(today - timedelta(days=27), today), set()
    for kpi in METRICS:
        for column in rows(bank, Question((kpi,), period), page=1, size=1).columns:
            unnamed |= {column for language in ("zh", "en") if column_name(column, language) == column}
    assert unnamed == set()
