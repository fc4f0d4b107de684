"""Tables as files: texts stay texts, dates are dates, and every file says what it is of."""

import csv as _csv
from datetime import date, datetime
from io import BytesIO, StringIO
from itertools import product

import openpyxl
import pandas as pd
import pytest

from kpi import table_file
from kpi.query import Period
from kpi.table_file import csv, cut, described, file_name, guarded, marked, sheet_name, unguarded, write_csv, xlsx

FORMULAS = [
    *("=1+1", "+86", "-2", "@SUM(A1)", "＝1", "＋1", "－1", "＠x", "\t=1", "\tx", "\rx", "\nx", " =1", "'=1", '"=1"'),
    *("\ufeff=1", "\u200b＝1", "\u00a0=1", "\u3000=1", "“=1”", " '\u2060@a", "\x00=1", "﹢1"),
]
PLAIN = ["", "a=1", "1-2", "–", "−5", "'", "'a", "(-1)", "王-伟", "😀=", "5", "#"]


def lines(table: pd.DataFrame) -> list[str]:
    return csv(table).decode("utf-8-sig").splitlines()


def book(table: pd.DataFrame, title: str = "x") -> openpyxl.Workbook:
    return openpyxl.load_workbook(BytesIO(xlsx(table, title)))


@pytest.mark.parametrize("text", FORMULAS)
def test_trap_a_text_that_a_spreadsheet_would_compute_stays_a_text(text):
    table = pd.DataFrame({text: [text]})
    head, cell = next(iter(_csv.reader(StringIO(csv(table).decode("utf-8-sig"), newline="")))), guarded(text)
    assert head == [cell] == [f"'{text}"]
    kinds = {one.data_type for line in book(table).worksheets[0].iter_rows() for one in line}
    assert kinds == {"s"}


@pytest.mark.parametrize("text", PLAIN)
def test_another_text_is_left_as_it_is(text):
    assert guarded(text) == text


def test_the_guard_comes_off_to_the_letter():
    texts = ["".join(letters) for length in range(5) for letters in product("'= \n\ta-＝\u200b", repeat=length)]
    assert [text for text in texts if unguarded(guarded(text)) != text] == []


def test_numbers_are_numbers_and_dates_dates():
    table = pd.DataFrame(
        {
            "day": [date(2026, 10, 7), None],
            "at": [datetime(2026, 10, 7, 8, 30), pd.NaT],
            "n": [3.0, float("nan")],
            "change": [-0.25, 1],
            "ok": [True, None],
        }
    )
    assert lines(table) == ["day,at,n,change,ok", "2026-10-07,2026-10-07 08:30:00,3,-0.25,true", ",,,1,"]
    first, second = list(book(described(table, formats={"change": "0.00%"})).worksheets[0].iter_rows(min_row=2))
    assert [cell.value for cell in first] == [datetime(2026, 10, 7), datetime(2026, 10, 7, 8, 30), 3, -0.25, True]
    assert [cell.data_type for cell in first] == ["d", "d", "n", "n", "b"]
    assert [cell.number_format for cell in first[:4]] == ["yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "General", "0.00%"]
    assert [cell.value for cell in second] == [None, None, None, 1, None]


def test_a_share_that_is_not_whole_is_not_written_as_whole():
    table = described(pd.DataFrame({"x": [39071 / 39072, 1 / 39072, 1.0, 0.5]}), formats={"x": "0.00%"})
    formats = [cell.number_format for (cell,) in book(table).worksheets[0].iter_rows(min_row=2)]
    assert formats == ["0.000%", "0.000%", "0.00%", "0.00%"]


def test_a_figure_that_stands_on_few_has_its_star():
    table = described(pd.DataFrame({"x": [0.5, 0.5]}), formats={"x": "0.00%"}, few={"x": [1]})
    formats = [cell.number_format for (cell,) in book(table).worksheets[0].iter_rows(min_row=2)]
    assert formats == ["0.00%", '0.00%"*"']


def test_more_rows_than_a_sheet_holds_go_on_a_second_one(monkeypatch):
    monkeypatch.setattr(table_file, "SHEET_ROWS", 4)
    sheets = book(pd.DataFrame({"n": range(7)}), "Rows").worksheets
    assert [sheet.title for sheet in sheets] == ["Rows", "Rows 2", "Rows 3"]
    assert [[row[0] for row in sheet.iter_rows(values_only=True)] for sheet in sheets] == [
        ["n", 0, 1, 2], ["n", 3, 4, 5], ["n", 6],
    ]  # fmt: skip
    assert len(book(pd.DataFrame({"n": []})).worksheets) == 1


def test_trap_the_name_of_a_sheet_is_one_that_excel_takes():
    """It counts units of UTF-16, and knows names by their letters whatever their case and width."""
    taken: set[str] = set()
    titles = [
        "😀" * 40,
        "😀" * 40,
        "a" * 30 + "😀",
        "A" * 40,
        "History",
        "'it's'",
        "[a]:b*c?/\\",
        "x\x07\ny",
        "",
        "ａ",
        "a",
    ]
    names = [sheet_name(title, taken) for title in titles]
    assert names[0] == "😀" * 15
    assert names[1] == "😀" * 14 + " 2"
    assert names[2:] == ["a" * 30, "A" * 31, "History 2", "it's", "abc", "x y", "-", "ａ", "a 2"]
    assert all(len(name.encode("utf-16-le")) <= 62 for name in names)
    for title in titles:
        assert book(pd.DataFrame({"n": [1]}), title).worksheets


def test_a_text_is_cut_at_a_letter():
    assert [cut("a😀b", units) for units in range(5)] == ["", "a", "a", "a😀", "a😀b"]


def test_files_of_an_invented_bank_say_so_and_of_which_days_they_are():
    table, week = pd.DataFrame({"渠道": ["微信银行"], "n": [3]}), Period(date(2026, 3, 2), date(2026, 3, 8))
    assert lines(marked(table, "zh", True)) == ["渠道,n,合成数据", "微信银行,3,是"]
    assert marked(table, "zh", False) is table
    assert file_name("mix", "csv", True) == "mix_synthetic.csv"
    assert file_name("mix", "csv", False) == "mix.csv"
    assert file_name("mix", "xlsx", True, week) == "mix_2026-03-02_2026-03-08_synthetic.xlsx"
    assert file_name("mix", "png", False, Period(week.start, week.start)) == "mix_2026-03-02.png"


def test_rows_are_written_as_they_come():
    """A million rows take no more memory than one."""

    class Counting(StringIO):
        written = 0

        def write(self, text: str) -> int:
            self.written += 1
            return len(text)

    drawn = []

    def rows():
        for number in range(1000):
            drawn.append(to.written)
            yield [number, "=x"]

    to = Counting()
    write_csv(["n", "text"], rows(), to)
    assert drawn == list(range(1, 1001))
