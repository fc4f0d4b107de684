"""Tables as files, CSV and XLSX: the one writer for pages, command line and reports.

A text stays a text in whatever program opens the file: in CSV one that a spreadsheet would take for a formula stands
behind an apostrophe (``guarded``, which ``unguarded`` undoes to the letter), in XLSX every text is written as a text.
Dates are dates, numbers are numbers. What is of an invented bank says so in the file's name and in every row.
"""

import csv as _csv
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from io import BytesIO, StringIO
from itertools import islice
from typing import Any, TextIO

import pandas as pd
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from kpi.i18n import Language, phrase
from kpi.i18n.formats import exact_decimals
from kpi.query.question import Period
from kpi.units import Unit

# What makes a spreadsheet compute: in full and half width, and in the small forms that East Asian programs know; behind
# whatever it passes over before it looks (blanks, quotes, marks that cannot be seen). A tab or a line's end in front is
# enough. Written with letters alone, since the engine that reads rejected rows back reads it too.
_PASSED = "\\x00-\\x20\x7f-\xa0\"'`´\xad\u061c\u115f\u1160\u1680\u180e\u2000-\u200f\u2018-\u201f\u2028-\u202f"
_PASSED += "\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0«»‹›「」『』＂＇"
FORMULA = f"[{_PASSED}]*[\t\r\n=+\\-@＝＋－＠﹦﹢﹣﹫]"
_FORMULA = re.compile(FORMULA)
# No file holds half a pair of surrogates, and no workbook the two that are no characters.
_HALF, _NO_LETTER = re.compile("[\ud800-\udfff]"), re.compile("[\ud800-\udfff\ufffe\uffff]")

SHEET_ROWS = 1_048_576  # that Excel opens, the heads among them
_CELL, _SHEET_NAME = 32_767, 31  # units of UTF-16 in a cell and in the name of a sheet
# Nothing is taken for what it looks like; the rest makes a file the same when it is made again.
STRICT = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
DAY, MONTH, MOMENT, COUNT, PERCENT = "yyyy-mm-dd", "yyyy-mm", "yyyy-mm-dd hh:mm:ss", "#,##0", "0.00%"
# How figures of a unit are written; those of others as they are.
UNITS: dict[Unit, str] = {"share": PERCENT, "count": COUNT, "customers": COUNT}
_FIRST_YEAR = 1900  # of Excel's calendar
_EXACT = 10**15  # it keeps 15 figures: what is longer is a number by which something is known

# Makes a format of a workbook of properties; the same ones give the same format.
Formats = Callable[..., Format | None]


# --- texts ---------------------------------------------------------------------------------------------------------


def guarded(text: str) -> str:
    """A text as CSV holds it: behind an apostrophe where a spreadsheet would compute it."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """What ``guarded`` was given. An apostrophe that stood there before is passed over by the rule, so that one more
    was put before it: the way back is exact.
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text, 1) else text


def cut(text: str, units: int) -> str:
    """The longest beginning of a text that has at most so many units of UTF-16, and no half of a letter."""
    if len(text) * 2 <= units:
        return text
    length = 0
    for place, letter in enumerate(text):
        length += 2 if letter > "\uffff" else 1
        if length > units:
            return text[:place]
    return text


def _letters(text: str) -> str:
    return _NO_LETTER.sub("\ufffd", text)


def sheet_name(title: str, taken: set[str]) -> str:
    """A name for a sheet that Excel takes and that is not among ``taken`` (to which it is added), however the letters
    are written: at most 31 units of UTF-16, no brackets, stars and slashes, no apostrophe at an end, not "History".
    """
    seen = "".join(" " if unicodedata.category(letter) in {"Cc", "Zl", "Zp"} else letter for letter in _letters(title))
    file_value = " ".join("".join(letter for letter in seen if letter not in r"[]:*?/\\").split())
    short, number = _without_ends(cut(file_value, _SHEET_NAME)), 1
    while (known := unicodedata.normalize("NFKC", short).casefold()) in taken or known == "history":
        number += 1
        short = f"{_without_ends(cut(file_value, _SHEET_NAME - len(str(number)) - 1))} {number}"
    taken.add(known)
    return short


def _without_ends(name: str) -> str:
    return name.strip(" '") or "-"


# --- what a table is called, and says of itself -------------------------------------------------------------------


def file_name(name: str, ending: str, synthetic: bool, period: Period | None = None) -> str:
    """What a file is called: what it is of, its business dates, and whether it is of an invented bank."""
    days = [] if period is None else [f"{day}" for day in dict.fromkeys((period.start, period.end))]
    return f"{'_'.join([name, *days, *(['synthetic'] if synthetic else [])])}.{ending}"


def marked(table: pd.DataFrame, language: Language, synthetic: bool) -> pd.DataFrame:
    """The table with a last column that says of each row that it is synthetic, where it is: a line above the heads
    would break filters and programs, and be lost when rows are copied.
    """
    return table.assign(**{phrase(language, "synthetic"): phrase(language, "yes")}) if synthetic else table


def described(
    table: pd.DataFrame,
    period: Period | None = None,
    formats: Mapping[str, str] | None = None,
    few: Mapping[str, Sequence[int]] | None = None,
) -> pd.DataFrame:
    """The table, knowing the business dates that it is of, the number formats of its columns, and by column the rows
    (from 0) whose figure stands on too few to be relied on.
    """
    days = None if period is None else [period.start.isoformat(), period.end.isoformat()]
    table.attrs = {"days": days, "formats": dict(formats or {}), "few": {k: list(v) for k, v in (few or {}).items()}}
    return table


def period_of(table: pd.DataFrame) -> Period | None:
    """The business dates of a table that was ``described`` with them."""
    days = table.attrs.get("days")
    return None if days is None else Period(*(date.fromisoformat(day) for day in days))


# --- values --------------------------------------------------------------------------------------------------------


def file_value(value: Any) -> object:
    """A value of a table as a file holds it: nothing for what is absent, Python's own numbers, whole ones without a
    point.
    """
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, str | bool | date):
        return value
    if isinstance(value, Decimal | Fraction):
        value = float(value)
    if hasattr(value, "item"):
        return file_value(value.item())
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() else value
    return value


def _csv_value(value: object) -> object:
    # Most values of a large table are such; the rest costs more to look at.
    if value is None or type(value) is int:
        return value
    if type(value) is str:
        return _csv_text(value)
    value = file_value(value)
    match value:
        case str():
            return _csv_text(value)
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat(" ", "seconds")
        case date():
            return value.isoformat()
        case list() | tuple():
            return _csv_text(" ".join(map(str, value)))
    return value


@lru_cache(maxsize=2000)  # the names in a column are few
def _csv_text(text: str) -> str:
    return guarded(_HALF.sub("\ufffd", text))


# --- CSV -----------------------------------------------------------------------------------------------------------


class _Lines:
    """Ends lines with a line feed alone. Python's writer puts a text in quotes for what its own lines end with, and a
    text may hold a carriage return too.
    """

    END = "\r\n"

    def __init__(self, to: TextIO) -> None:
        self._to = to

    def write(self, line: str) -> int:
        return self._to.write(line.removesuffix(self.END) + "\n")


def write_csv(heads: Iterable[object], rows: Iterable[Iterable[object]], to: TextIO, *, head: bool = True) -> None:
    """The heads and a line a row, as they come: nothing is held. Null is empty, a list is joined by spaces, a moment is
    "2026-11-23 08:00:00". ``head``: whether the heads are written, as they are once a file.
    """
    writer = _csv.writer(_Lines(to), lineterminator=_Lines.END)
    if head:
        writer.writerow([_csv_value(name) for name in heads])
    writer.writerows([_csv_value(value) for value in row] for row in rows)


def write_frame(table: pd.DataFrame, to: TextIO, *, head: bool = True) -> None:
    """As ``write_csv``, of a table."""
    columns = [table[name].astype(object) for name in table.columns]
    write_csv(table.columns, zip(*columns, strict=True), to, head=head)


def csv(table: pd.DataFrame) -> bytes:
    """The table as CSV, UTF-8 with a mark that spreadsheets recognise."""
    text = StringIO(newline="")
    write_frame(table, text)
    return text.getvalue().encode("utf-8-sig")


# --- XLSX ----------------------------------------------------------------------------------------------------------


def put(
    sheet: Worksheet, row: int, column: int, value: Any, formats: Formats, number: str = "", **look: object
) -> None:
    """Write a value by its kind, in the ``look`` of the workbook: a day, a moment (of the business zone, naive) or a
    number with its format, and every text as a text. ``number``: the format of a number or a day, "" for the usual.
    """
    value = file_value(value)
    if isinstance(value, date) and value.year < _FIRST_YEAR:
        value = value.isoformat()
    match value:
        case None:
            sheet.write_blank(row, column, None, formats(**look))
        case bool():
            sheet.write_boolean(row, column, value, formats(**look))
        case datetime():
            sheet.write_datetime(row, column, value, formats(num_format=MOMENT, align="left", **look))
        case date():
            sheet.write_datetime(row, column, value, formats(num_format=number or DAY, align="left", **look))
        case int() | float() if math.isfinite(value) and abs(value) < _EXACT:
            sheet.write_number(row, column, value, formats(**({"num_format": number} if number else {}), **look))
        case _:
            # Whoever opens the cell and leaves it again shall not make a formula of it.
            stays = {"quote_prefix": True} if _FORMULA.match(str(value)) else {}
            sheet.write_string(row, column, cut(_letters(str(value)), _CELL), formats(**stays, **look))


def share_format(share: float) -> str:
    """The number format of a share: with as many decimals as tell it from 0 % and from 100 %."""
    return f"0.{'0' * exact_decimals(100 * share, 2, (100.0,))}%"


def literal(text: str) -> str:
    """The number format that shows a text in the place of a number or a day."""
    return '"' + text.replace('"', "") + '"'


def few_format(number: str) -> str:
    """The number format of a figure that stands on few: with the star that it has on the pages."""
    return ";".join(f'{part}"*"' for part in (number or "General").split(";"))


def xlsx(table: pd.DataFrame, title: str) -> bytes:
    """The table as a workbook, its columns wide enough to be read. A table of more rows than Excel opens goes on, below
    the same heads, on further sheets. A figure that stands on few is grey and has a star.
    """
    buffer, taken = BytesIO(), set[str]()
    book = Workbook(buffer, STRICT)
    known: dict[tuple[tuple[str, object], ...], Format] = {}

    def formats(**look: object) -> Format:
        key = tuple(sorted(look.items()))
        if key not in known:
            known[key] = book.add_format(dict(key))
        return known[key]

    numbers, few = table.attrs.get("formats", {}), table.attrs.get("few", {})
    pale = {(row, name) for name, rows in few.items() for row in rows}
    columns = [table[name].astype(object) for name in table.columns]
    rows, names, done = zip(*columns, strict=True), list(table.columns), 0
    while done == 0 or done < len(table):
        sheet = book.add_worksheet(sheet_name(title, taken))
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(names):
            put(sheet, 0, column, name, formats, bold=True)
        for row, values in enumerate(islice(rows, SHEET_ROWS - 1), start=1):
            for column, (name, value) in enumerate(zip(names, values, strict=True)):
                number = numbers.get(name, "")
                if number == PERCENT and isinstance(value, float) and math.isfinite(value):
                    number = share_format(value)
                if (done + row - 1, name) in pale:
                    put(sheet, row, column, value, formats, few_format(number), font_color="#5D6678")
                else:
                    put(sheet, row, column, value, formats, number)
        sheet.autofit()
        done += SHEET_ROWS - 1
    book.close()
    return buffer.getvalue()
