"""The files say what the screen says: every figure is read back and compared with ``answer``."""

import csv
import json
import math
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from html import unescape
from io import BytesIO, StringIO

import openpyxl
import pyarrow.parquet as pq
import pypdf
import pytest

from kpi.i18n import LANGUAGES, Language, phrase
from kpi.i18n.formats import format_change, format_value
from kpi.metrics.registry import METRICS
from kpi.pivot import value_name
from kpi.query import Answer, Cell, Period, Question, answer
from kpi.query.labels import labels
from kpi.query.maturity import last_mature
from kpi.snapshots.model import Rendered, period_of
from kpi.snapshots.render import document, report_of
from kpi.snapshots.render.workbook import change_of
from kpi.warehouse import Warehouse
from tests.reports.conftest import ALL, DEFINITION, DUE, TARGETS

SHARE = re.compile(r'0\.0+%("\*")?')  # of a number format
FIGURES = (
    *("value", "numerator", "denominator", "n", "low", "high", "previous", "change", "change_low", "change_high"),
    *("target_low", "target_high", "met", "provisional", "partial"),
)


def asked(bank: Warehouse, rendered: Rendered) -> tuple[tuple[str, Answer, Cell], ...]:
    """(section, answer, cell) of every figure that the definition asks for, each section's question by itself."""
    return _asked(bank, rendered.period)


@cache
def _asked(bank: Warehouse, period: Period) -> tuple[tuple[str, Answer, Cell], ...]:
    return tuple(_ask(bank, period))


def _ask(bank: Warehouse, period: Period) -> Iterator[tuple[str, Answer, Cell]]:
    for section in DEFINITION.sections:
        kpis = section.kpis[:1] if section.kind == "chart" else section.kpis
        sides = [(dimension,) for dimension in section.by] if len(section.by) == 2 else []
        for by in dict.fromkeys([(), *sides, section.by]):
            question = Question(kpis, period, by, (), "previous")
            found = TARGETS.hold(answer(bank, question))
            yield from ((section.id, found, cell) for cell in found.cells)
        for kpi in kpis if section.kind == "headline" else ():
            question = Question((kpi,), period, (), (), "previous")
            if answer(bank, question).cell(kpi).reason == "immature" and (moved := last_mature(bank, question)):
                found = TARGETS.hold(answer(bank, moved))
                yield from ((section.id, found, cell) for cell in found.cells)


def file(rendered: Rendered, ending: str) -> bytes:
    return next(content for name, content in rendered.files.items() if name.endswith(ending))


def language(rendered: Rendered) -> Language:
    return json.loads(rendered.files["manifest.json"])["language"]


Rows = list[dict[str, object]]


def from_csv(rendered: Rendered) -> Rows:
    return list(csv.DictReader(StringIO(file(rendered, ".csv").decode("utf-8-sig"))))


def from_parquet(rendered: Rendered) -> Rows:
    return pq.read_table(BytesIO(file(rendered, ".parquet"))).to_pylist()


def from_html(rendered: Rendered) -> Rows:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', file(rendered, ".html").decode(), re.S
    )
    assert found
    return json.loads(found[1])


def from_workbook(rendered: Rendered) -> Rows:
    book = openpyxl.load_workbook(BytesIO(file(rendered, ".xlsx")))
    head, *lines = book[phrase(language(rendered), "report_data")].iter_rows(values_only=True)
    return [dict(zip(map(str, head), line, strict=True)) for line in lines]


READERS = {"csv": from_csv, "parquet": from_parquet, "html": from_html, "xlsx": from_workbook}


def plain(value: object) -> object:
    """A figure of any file: a number, a truth, or nothing."""
    if value in (None, "", "None"):
        return None
    if isinstance(value, bool) or value in {"true", "false"}:
        return value in {True, "true"}
    return float(str(value))


def near(there: object, wanted: object) -> bool:
    """The same but for the seventeenth digit, which a workbook does not hold (Excel itself has fifteen)."""
    if isinstance(there, float) and isinstance(wanted, float):
        return math.isclose(there, wanted, rel_tol=1e-15)
    return there == wanted


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_every_figure_of_the_data(reader: Callable[[Rendered], Rows], bank: Warehouse, rendered: Rendered) -> None:
    found: dict[tuple[object, ...], dict[str, object]] = {}
    for row in reader(rendered):
        by = [one for one in str(row["by"] or "").split(",") if one]
        # A workbook's days are days.
        values = (str(row[one] or "").removesuffix(" 00:00:00") for one in (*by, "from"))
        key = (row["section"], row["kpi"], *by, *values)
        assert key not in found, "a figure stands there twice"
        found[key] = row
    count = 0
    for section, answered, cell in asked(bank, rendered):
        values = ("" if value is None else str(value) for value in cell.key)
        row = found.pop((section, cell.kpi, *answered.question.by, *values, str(answered.period.start)))
        wanted = {name: plain(getattr(cell, name)) for name in FIGURES}
        there = {name: plain(row[name]) for name in FIGURES}
        same = near if reader is from_workbook else operator.eq
        assert all(same(there[name], wanted[name]) for name in FIGURES), (section, cell, there)
        count += 1
    assert count > 130
    assert not found, "a figure that nobody asked for"


def test_the_figures_a_revision_is_compared_by(bank: Warehouse, rendered: Rendered) -> None:
    cells = asked(bank, rendered)
    assert len(rendered.figures) == len(cells) == sum(rendered.rows.values())
    for section, answered, cell in cells:
        named = zip(answered.question.by, cell.key, strict=True)
        key = "|".join(f"{dimension}={'' if value is None else value}" for dimension, value in named)
        if answered.period != rendered.period:
            key += f"@{answered.period.start}/{answered.period.end}"
        assert rendered.figures[section, cell.kpi, key] == cell.value


def test_the_sheets_hold_numbers(bank: Warehouse, rendered: Rendered) -> None:
    """Every value and change stands in a sheet as a number, with its unit's format."""
    book = openpyxl.load_workbook(BytesIO(file(rendered, ".xlsx")))
    sections = [one for one in DEFINITION.sections if one.kind != "headline"]
    sheets = dict(zip([one.id for one in sections], book.worksheets[1:], strict=False))
    assert len(book.worksheets) == 1 + len(sections) + 2
    for section in sections:
        cells = [cell for name, _, cell in asked(bank, rendered) if name == section.id]
        numbers = Counter(
            (round(float(one.value), 14), one.number_format)
            for line in sheets[section.id].iter_rows()
            for one in line
            if isinstance(one.value, int | float)
        )
        shares = Counter(
            round(cell.value, 14) for cell in cells if cell.value is not None and METRICS[cell.kpi].unit == "share"
        )
        if section.id != "pairs":  # of which only the pairs that have a figure and the whole are shown
            percents = {key: times for key, times in numbers.items() if SHARE.fullmatch(key[1])}
            shown = Counter(value for (value, _), times in percents.items() for _ in range(times))
            assert shares == shown if section.by else shares <= shown
        if len(section.by) == 1:
            for cell in cells:
                if METRICS[cell.kpi].roll_up == "percentile" and not cell.key:
                    continue  # has no whole over the values of a dimension
                change = change_of(cell, METRICS[cell.kpi])
                assert change is None or any(value == pytest.approx(change, abs=1e-12) for value, _ in numbers)
    charts = {one.id: len(sheets[one.id]._charts) for one in sections}
    assert charts == {one.id: int(one.kind == "chart") for one in sections}


def test_the_native_charts_are_drawn_from_the_cells_of_their_figures(bank: Warehouse, rendered: Rendered) -> None:
    """Every series points at the column of its name; its cells and their categories are the figures of ``answer``."""
    book, told = openpyxl.load_workbook(BytesIO(file(rendered, ".xlsx"))), language(rendered)
    sheets = dict(zip([one.id for one in DEFINITION.sections[1:]], book.worksheets[1:], strict=False))

    def cells(reference: str) -> list[object]:
        title, area = reference.replace("$", "").rsplit("!", 1)
        found = book[title.strip("'")][area]
        values = [line[0].value for line in found] if isinstance(found, tuple) else [found.value]
        return [value.date() if isinstance(value, datetime) else value for value in values]

    for section in (one for one in DEFINITION.sections if one.kind == "chart"):
        names = {dimension: labels(bank, dimension, told) for dimension in section.by}
        drawn: dict[tuple[str, ...], object] = {}
        for series in sheets[section.id]._charts[0].series:
            (title,) = cells(series.tx.strRef.f)
            categories = series.cat.numRef or series.cat.strRef
            for category, value in zip(cells(categories.f), cells(series.val.numRef.f), strict=True):
                drawn[tuple(sorted([str(category), str(title)][: len(section.by)]))] = value
        wanted = {}
        for _, answered, cell in (one for one in asked(bank, rendered) if one[0] == section.id):
            if len(answered.question.by) == len(section.by) and cell.value is not None:
                said = zip(section.by, cell.key, strict=True)
                named = (
                    str(value) if isinstance(value, date) else value_name(one, value, names, told)
                    for one, value in said
                )
                wanted[tuple(sorted(named))] = cell.value
        assert wanted
        shown = {key: value for key, value in drawn.items() if isinstance(value, int | float)}
        assert shown == {key: pytest.approx(value, rel=1e-15) for key, value in wanted.items()}, section.id


def test_the_picture_shows_the_headline(bank: Warehouse) -> None:
    """What it is set from, as a document whose text can be read: value, change and n of every card."""
    for told in LANGUAGES:
        definition = replace(DEFINITION, language=told)
        with report_of(bank, definition, ALL, DUE, targets=TARGETS) as report:
            content = document._set(document._content(report, "card"), "pdf", report)
        (page,) = pypdf.PdfReader(BytesIO(content)).pages
        text = re.sub(r"\s+", "", page.extract_text())
        shown = {
            cell.kpi: cell
            for section, _, cell in _asked(bank, period_of(definition.period, DUE))
            if section == "headline"
        }
        assert len(shown) == 6
        for cell in shown.values():
            metric = METRICS[cell.kpi]
            name = re.sub(r"\s+", "", metric.name(told))
            card = text[text.lower().index(name.lower()) :][:120]
            for said in (
                format_value(cell.value, metric.unit, told),
                "" if cell.change is None else format_change(cell, metric.unit, told),
            ):
                assert re.sub(r"\s+", "", said) in card, (cell.kpi, said, card)


def test_the_headline_sheet(bank: Warehouse, rendered: Rendered) -> None:
    sheet = openpyxl.load_workbook(BytesIO(file(rendered, ".xlsx"))).worksheets[0]
    lines = {line[0]: line for line in sheet.iter_rows(values_only=True)}
    for section, answered, cell in asked(bank, rendered):
        if section != "headline" or cell.value is None:
            continue
        metric = METRICS[cell.kpi]
        name = metric.name(language(rendered))
        line = lines[name[:1].upper() + name[1:]]
        assert line[1] == pytest.approx(cell.value, rel=1e-15), answered.period
        assert line[3] == ("–" if cell.change is None else pytest.approx(change_of(cell, metric)))
        assert line[7] == cell.n


def test_every_figure_on_paper(bank: Warehouse, rendered: Rendered) -> None:
    """The texts of the tables and cards are in the document, as often as they are meant to be."""
    text = "\n".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(file(rendered, ".pdf"))).pages)
    found = re.sub(r"\s+", "", text)
    tables = {one.id for one in DEFINITION.sections if one.kind == "table"}
    wanted: Counter[str] = Counter()
    for section, answered, cell in asked(bank, rendered):
        metric = METRICS[cell.kpi]
        if section == "headline" and cell.value is not None:
            wanted[format_value(cell.value, metric.unit, language(rendered))] += 1
        shown = section in tables and (len(answered.question.by) != 1 or section != "pairs")
        # A percentile has no whole over the values of a dimension.
        if shown and not (not answered.question.by and section == "tiers" and metric.roll_up == "percentile"):
            wanted[format_value(cell.value, metric.unit, language(rendered), compact=False)] += 1
            if cell.change is not None and section != "costs":
                wanted[format_change(cell, metric.unit, language(rendered))] += 1
    assert wanted
    missing = {t: (n, found.count(re.sub(r"\s+", "", t))) for t, n in wanted.items()}
    assert not {t: n for t, (n, there) in missing.items() if there < n}


def test_every_figure_of_the_page(bank: Warehouse, rendered: Rendered) -> None:
    """The tables of the HTML: numbers beside their texts."""
    html = file(rendered, ".html").decode()
    for section in DEFINITION.sections:
        part = html.split(f'<section id="{section.id}">')[1].split("</section>")[0]
        if section.kind == "headline":
            texts = [unescape(text) for text in re.findall(r"<div class=value>(.*?)</div>", part)]
            assert len(texts) == len(section.kpis)
            continue
        shown = Counter(float(text) for text in re.findall(r'data-value="([^"]+)"', part))
        cells = [(a, cell) for name, a, cell in asked(bank, rendered) if name == section.id]
        whole = [one for one in cells if section.id != "pairs" or len(one[0].question.by) != 1]
        percentile = {cell.kpi for _, cell in whole if METRICS[cell.kpi].roll_up == "percentile"}
        wanted = Counter(
            cell.value
            for answered, cell in whole
            if cell.value is not None and not (cell.kpi in percentile and section.by and not answered.question.by)
        )
        if not section.by:  # a column with what each stands on
            wanted += Counter(float(cell.n) for _, cell in whole if cell.n is not None)
        assert shown == wanted, section.id
