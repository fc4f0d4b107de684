"""What a report says of weeks and months that its period cuts, and of small counts."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from io import StringIO

import pytest

from kpi.i18n import LANGUAGES
from kpi.query.cell_rules import few
from kpi.snapshots.model import Section
from kpi.snapshots.render import report_of
from kpi.snapshots.render.pictures import caption
from kpi.snapshots.render.report import Report
from kpi.snapshots.render.tables import table
from kpi.warehouse import Warehouse
from tests.reports.conftest import ALL, DEFINITION, copy
from tests.reports.test_equal import file
from tests.reports.test_render import words_of

# 1 to 20 March 2026: a Sunday and a Friday.
SECTIONS = (
    Section("weeks", "chart", ("volume",), ("week",)),
    Section("months", "table", ("volume", "csat"), ("month",)),
    Section("both", "chart", ("volume",), ("week", "topic")),
    Section("tiers", "table", ("volume", "csat", "customers_served"), ("tier",)),
)
DUE = date(2026, 3, 21)
MONTH = replace(DEFINITION, period="month_to_date", sections=SECTIONS)


@pytest.fixture(params=LANGUAGES)
def report(request: pytest.FixtureRequest, bank: Warehouse) -> Iterator[Report]:
    """The report of 1 to 20 March."""
    with report_of(bank, replace(MONTH, language=request.param), ALL, DUE) as made:
        yield made


def test_trap_a_cut_week_or_month_of_a_report_says_its_days(report: Report) -> None:
    part = {"en": " (part)", "zh": "（不完整）"}[report.language]
    weeks, months = (table(block, report) for block in report.blocks[:2])
    names = [row[0].text for row in weeks.rows]
    pivot = report.blocks[0].pivot
    assert pivot is not None
    assert pivot.rows is not None
    axis = pivot.rows
    assert [part in name for name in names] == [*(value in dict(axis.cut) for value in axis.values), False]
    assert months.rows[0][0].text.endswith(part)
    assert "20" in months.rows[0][0].text
    assert "20" in caption(report.blocks[0], report) or not axis.cut


def test_the_data_of_a_report_have_a_column_for_it(bank: Warehouse) -> None:
    made = copy(bank, due=DUE, period="month_to_date", sections=SECTIONS, formats=("csv", "html", "xlsx"))
    rows = list(csv.DictReader(StringIO(file(made, ".csv").decode("utf-8-sig"))))
    assert {row["partial"] for row in rows if row["section"] == "months" and row["by"]} == {"true"}
    assert {row["partial"] for row in rows if row["section"] == "tiers"} == {"false"}
    for ending in (".html", ".xlsx"):
        assert "(part)" in words_of(made, ending)


def test_trap_a_small_count_is_not_pale(report: Report) -> None:
    found = table(report.blocks[3], report)
    entries = [entry for row in found.rows for entry in row if entry.cell is not None]
    assert all(entry.pale == few(entry.cell) for entry in entries if entry.cell is not None)
    small = [entry for entry in entries if entry.cell is not None and 0 < (entry.cell.n or 0) < 30]
    assert {entry.cell.kpi for entry in small if not entry.pale and entry.cell} == {"volume", "customers_served"}


def test_trap_a_caption_names_the_grey_line_only_where_there_is_one(report: Report) -> None:
    alone, by_topic = report.blocks[0], report.blocks[2]
    grey = {"en": "grey line", "zh": "灰线"}[report.language]
    compared = any(cell.previous is not None for cell in alone.pivot.by_rows.cells)  # type: ignore[union-attr]
    assert (grey in caption(alone, report)) == compared
    assert grey not in caption(by_topic, report)
