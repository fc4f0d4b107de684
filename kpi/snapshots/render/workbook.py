"""A copy as a workbook: real numbers with number formats, native charts, a sheet a section, the definitions."""

import re
from datetime import date, datetime, time
from io import BytesIO

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from kpi import table_file
from kpi.charts import PALETTES
from kpi.i18n import Language, phrase
from kpi.i18n.formats import exact_decimals
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS
from kpi.narrative.freshness import deliveries
from kpi.query.answer import Cell
from kpi.query.cell_rules import few
from kpi.snapshots.render import data, words
from kpi.snapshots.render.plots import plot
from kpi.snapshots.render.report import Block, Report
from kpi.snapshots.render.tables import Column, Entry, Table, day_format, table, widest
from kpi.units import Unit

_PALETTE = PALETTES["light"]
_HEAD = 5  # the row of a section's column names, counted from 0
_RELATIVE = {"count", "customers", "yuan"}
_FRACTION = re.compile(r"0\.(0+)")


def xlsx(report: Report) -> bytes:
    """The workbook. Its dates are the day that it is due, so that it is the same when it is made again."""
    buffer = BytesIO()
    book = Workbook(buffer, table_file.STRICT)
    book.set_properties({"title": report.title, "created": datetime.combine(report.due, time())})
    sheets = _Sheets(book, report)
    sheets.front()
    for block in report.blocks:
        if block.section.kind != "headline" and block.kpis:
            sheets.section(block)
    sheets.data()
    sheets.definitions()
    book.close()
    return buffer.getvalue()


def number_format(unit: Unit, language: Language, change: bool = False, value: float | None = None) -> str:
    """How Excel writes a figure of a unit; a change with its sign, of a count relative, of a share in points.

    ``value``: the figure as the cell holds it: it has more decimals where it would be rounded to 0 or 100 % else.
    """
    zh = language == "zh"
    if change and unit in _RELATIVE:
        plain = _exact("0.0%", value)
        return f"+{plain};-{plain};{plain}"
    plain = {
        "share": "0.00%" if not change else ('0.00" 个百分点"' if zh else '0.00" pt"'),
        "count": "#,##0",
        "customers": "#,##0",
        "yuan": '"¥"#,##0.00',
        "multiple": '0.00" 倍"' if zh else '0.00"×"',
        "seconds": '#,##0.0" 秒"' if zh else '#,##0.0" s"',
        "days": '0.00" 天"' if zh else '0.00" d"',
        "per_10k": "0.000",
        "points": "0.00",
        "score": "0.000",
    }[unit]
    plain = _exact(plain, value, bounded=unit in {"share", "points"})
    return f"+{plain};-{plain};{plain}" if change else plain


def _exact(plain: str, value: float | None, bounded: bool = True) -> str:
    """The number format with as many decimals as the value needs not to be rounded to a bound that it is not."""
    found = _FRACTION.search(plain)
    if found is None or value is None:
        return plain
    bounds = (-100.0, 100.0) if bounded else ()
    decimals = exact_decimals(value * (100 if plain.endswith("%") else 1), len(found[1]), bounds)
    return _FRACTION.sub("0." + "0" * decimals, plain, count=1)


def change_of(cell: Cell, metric: Metric) -> float | None:
    """The change as the workbook holds it: of a count relative, of a share in percentage points."""
    if metric.unit in _RELATIVE:
        return cell.relative_change
    return None if cell.change is None else cell.change * (100 if metric.unit == "share" else 1)


class _Sheets:
    """The sheets of one workbook, and the formats that they share."""

    def __init__(self, book: Workbook, report: Report) -> None:
        self.book, self.report, self.language = book, report, report.language
        self.taken: set[str] = set()
        self.formats: dict[tuple[tuple[str, object], ...], Format] = {}

    def format(self, **more: object) -> Format:
        key = tuple(sorted(more.items()))
        if key not in self.formats:
            self.formats[key] = self.book.add_format({"font_color": _PALETTE.ink, "valign": "vcenter", **more})
        return self.formats[key]

    def sheet(self, name: str) -> Worksheet:
        """A sheet with a name that Excel takes and that no other sheet has."""
        sheet = self.book.add_worksheet(table_file.sheet_name(name, self.taken))
        sheet.hide_gridlines(2)
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_landscape()
        return sheet

    def top(self, sheet: Worksheet, title: str) -> None:
        """Title, the lines under it, and the marks."""
        sheet.write_string(0, 0, title, self.format(bold=True, font_size=15))
        for row, line in enumerate(words.head(self.report)[:3], start=1):
            sheet.write_string(row, 0, line, self.format(font_color=_PALETTE.mute))
        marks = " · ".join(words.marks(self.report))
        if marks:
            sheet.write_string(4, 0, marks, self.format(bold=True, font_color=_PALETTE.worse))

    def front(self) -> None:
        """The headline figures against target, with their change, and what changed."""
        report, language = self.report, self.language
        sheet = self.sheet(phrase(language, "report_headline"))
        self.top(sheet, report.title)
        keys = ("chart_kpi", "chart_value", "chart_compared", "chart_change", "", "define_target", "table_target_met")
        heads = [*(phrase(language, key) if key else "" for key in keys), "n", ""]
        for column, text in enumerate(heads):
            sheet.write_string(_HEAD, column, text, self.head())
        row = _HEAD + 1
        for block in (one for one in report.blocks if one.section.kind == "headline"):
            for card in words.cards(block, report):
                self.headline(sheet, row, card)
                row += 1
            notes = words.notes(block, report)
            if any(few(report.headline(kpi)[0]) for kpi in block.kpis):
                notes.append(phrase(language, "explore_small"))
            for note in notes:
                sheet.write_string(row, 0, note, self.format(font_color=_PALETTE.mute))
                row += 1
        # A section of which nothing is shown has no sheet of its own.
        for block in (one for one in report.blocks if not one.kpis and one.section.kind != "headline"):
            for note in words.notes(block, report):
                said = f"{words.title_of(block, language)}: {note}"
                sheet.write_string(row, 0, said, self.format(font_color=_PALETTE.mute))
                row += 1
        row += 1
        if made := words.revision(report):
            sheet.write_string(row, 0, " · ".join(made), self.format(bold=True))
            row += 1
        for sentence in report.sentences:
            sheet.write_string(row, 0, "".join(span.text for span in sentence))
            row += 1
        sheet.set_column(0, 0, 30)
        sheet.set_column(1, 7, 16)
        sheet.set_column(8, 8, 28)

    def headline(self, sheet: Worksheet, row: int, card: words.Card) -> None:
        cell, metric = self.report.headline(card.kpi)[0], METRICS[card.kpi]
        sheet.write_string(row, 0, card.name, self.format(bold=True))
        number = number_format(metric.unit, self.language, value=cell.value)
        value = self.format(num_format=table_file.few_format(number) if few(cell) else number, bold=True)
        self.number(sheet, row, 1, cell.value, value)
        before = self.format(num_format=number_format(metric.unit, self.language, value=cell.previous))
        self.number(sheet, row, 2, cell.previous, before)
        change = change_of(cell, metric)
        self.number(sheet, row, 3, change, self.change(metric, card.tone, change))
        sheet.write_string(row, 4, card.word, self.format())
        sheet.write_string(row, 5, card.target.rstrip(" ✓✕"), self.format())
        tone = _PALETTE.better if card.goal_tone == "better" else _PALETTE.worse
        verdict = {"better": "goal_met", "worse": "goal_missed"}.get(card.goal_tone)
        sheet.write_string(row, 6, phrase(self.language, verdict) if verdict else "", self.format(font_color=tone))
        self.number(sheet, row, 7, cell.n, self.format(num_format="#,##0"))
        sheet.write_string(row, 8, card.foot, self.format(font_color=_PALETTE.mute))

    def section(self, block: Block) -> None:
        """The table of a section, its notes and, of a chart, the native one beside."""
        title = words.title_of(block, self.language)
        sheet, found = self.sheet(title), table(block, self.report)
        self.top(sheet, title)
        compared = self.report.definition.compare is not None and not _is_matrix(block, found)
        column = 0
        for index, one in enumerate(found.columns):
            self.column(sheet, column, one, [row[index] for row in found.rows], found.total)
            sheet.set_column(column, column, max(12, min(44, 2 + max(widest(found.rows, index), len(one.title) * 1.6))))
            column += 1
            if compared and one.metric is not None:
                self.changes(sheet, column, one, [row[index] for row in found.rows])
                sheet.set_column(column, column, 16)
                column += 1
        last = _HEAD + len(found.rows)
        notes = words.notes(block, self.report)
        if any(entry.cell is not None and few(entry.cell) for row in found.rows for entry in row):
            notes.append(phrase(self.language, "explore_small"))
        for index, note in enumerate(notes):
            sheet.write_string(last + 1 + index, 0, note, self.format(font_color=_PALETTE.mute))
        sheet.freeze_panes(_HEAD + 1, 1)
        sheet.repeat_rows(_HEAD)
        if block.section.kind == "chart" and not block.blank and _drawable(block, found):
            chart = plot(self.book, sheet.get_name(), block, found, _HEAD, 2 if compared else 1)
            sheet.insert_chart(_HEAD, column + 1, chart)

    def column(self, sheet: Worksheet, column: int, of: Column, entries: list[Entry], total: bool) -> None:
        self.title(sheet, column, of)
        for index, entry in enumerate(entries):
            row, bold = _HEAD + 1 + index, total and index == len(entries) - 1
            if of.kind == "value" and entry.cell is not None:
                number = number_format(METRICS[entry.cell.kpi].unit, self.language, value=entry.number)
                small = few(entry.cell)
                style = self.format(
                    num_format=table_file.few_format(number) if small else number,
                    bold=bold,
                    font_color=_PALETTE.mute if small else _PALETTE.ink,
                )
                self.number(sheet, row, column, entry.number, style, entry.text)
            elif of.kind == "n":
                self.number(sheet, row, column, entry.number, self.format(num_format="#,##0"))
            elif isinstance(entry.place, date):
                # One that is cut shows the days that there are, and sorts by its first one all the same.
                shown = table_file.literal(entry.text) if entry.cut else day_format(of)
                table_file.put(sheet, row, column, entry.place, self.format, shown, bold=bold)
            else:
                table_file.put(sheet, row, column, entry.text, self.format, bold=bold)

    def title(self, sheet: Worksheet, column: int, of: Column) -> None:
        """The head of a column: its name, or the day that it is of."""
        if of.day is None:
            sheet.write_string(_HEAD, column, of.title, self.head())
        else:
            sheet.write_datetime(_HEAD, column, of.day, self.head(num_format=day_format(of), align="left"))

    def changes(self, sheet: Worksheet, column: int, of: Column, entries: list[Entry]) -> None:
        assert of.metric is not None
        key = "report_change_points" if of.metric.unit == "share" else "report_change_of"
        sheet.write_string(_HEAD, column, phrase(self.language, key, name=of.title), self.head())
        for index, entry in enumerate(entries):
            if entry.cell is not None:
                change = change_of(entry.cell, of.metric)
                style = self.change(of.metric, entry.tone, change)
                self.number(sheet, _HEAD + 1 + index, column, change, style)

    def data(self) -> None:
        """Every figure in full, as in the data files, on as many sheets as Excel needs for them; days as days."""
        names = list(data.columns(self.report))
        days = {name for name in data.dimensions(self.report) if DIMENSIONS[name].kind == "date"}
        days |= {f"{name}_name" for name in days}
        records = [row for part in data.rows(self.report).values() for row in part]
        most = table_file.SHEET_ROWS - 1
        for first in range(0, max(1, len(records)), most):
            portion = records[first : first + most]
            sheet = self.sheet(phrase(self.language, "report_data"))
            for column, name in enumerate(names):
                sheet.write_string(0, column, name, self.head())
            for index, record in enumerate(portion, start=1):
                for column, name in enumerate(names):
                    value = record.get(name)
                    if value in (None, ""):
                        continue
                    table_file.put(
                        sheet, index, column, date.fromisoformat(str(value)) if name in days else value, self.plain
                    )
            sheet.freeze_panes(1, 0)
            sheet.autofilter(0, 0, len(portion), len(names) - 1)
            sheet.set_column(0, len(names) - 1, 14)

    def definitions(self) -> None:
        """What each figure means, up to when the feeds delivered, and the proof."""
        language = self.language
        sheet = self.sheet(phrase(language, "report_definitions"))
        wrap = self.format(text_wrap=True, valign="top")
        row = 0
        for definition in words.definitions(self.report):
            sheet.write_string(row, 0, definition.name, self.format(bold=True))
            for term, text in definition.terms:
                row += 1
                sheet.write_string(row, 0, term, self.format(font_color=_PALETTE.mute, indent=1, valign="top"))
                sheet.write_string(row, 1, text, wrap)
            row += 2
        sheet.write_string(row, 0, phrase(language, "report_basis"), self.format(bold=True))
        for feed in deliveries(self.report.published):
            if feed.source in self.report.whole.as_of:
                row += 1
                sheet.write_string(row, 0, feed.name(language), self.format(indent=1))
                table_file.put(sheet, row, 1, feed.until.replace(tzinfo=None), self.plain)
        for holds, equation in words.proof(self.report):
            row += 1
            sheet.write_string(row, 0, "✓" if holds else "✕", self.format(indent=1))
            sheet.write_string(row, 1, equation, wrap)
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 1, 110)

    def head(self, **more: object) -> Format:
        return self.format(
            bold=True, bg_color=_PALETTE.panel, bottom=1, bottom_color=_PALETTE.border, text_wrap=True, **more
        )

    def plain(self, **look: object) -> Format | None:
        """The workbook's own look, but for what a value needs."""
        return self.format(**look) if look else None

    def change(self, metric: Metric, tone: str, value: float | None) -> Format:
        colour = {"better": _PALETTE.better, "worse": _PALETTE.worse}.get(tone, _PALETTE.mute)
        written = number_format(metric.unit, self.language, change=True, value=value)
        return self.format(num_format=written, font_color=colour)

    def number(
        self, sheet: Worksheet, row: int, column: int, value: float | None, style: Format, none: str = "–"
    ) -> None:
        """A number; ``none`` where there is none."""
        if value is None:
            sheet.write_string(row, column, none, self.format(align="right", font_color=_PALETTE.mute))
        else:
            sheet.write_number(row, column, value, style)


def _is_matrix(block: Block, found: Table) -> bool:
    """Whether the columns are values of a dimension, and not KPIs."""
    return block.pivot is not None and block.pivot.cols is not None and found.columns[1].metric is not None


def _drawable(block: Block, found: Table) -> bool:
    """Whether it has figures beside those of the whole, in columns that are series."""
    series = len(found.columns) - (2 if _is_matrix(block, found) else 1)
    return len(found.rows) > 1 and series > 0 and found.columns[1].metric is not None
