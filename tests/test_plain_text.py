"""Plain text: what may be written down, how a text is shown, and that nothing else reaches a terminal or a log."""

import io
import json
import logging
import re
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi import cli, output
from kpi.errors import LoadError, UnknownName
from kpi.plain_text import LONGEST, CleanStream, Names, OneLine, clean, clean_lines, escape_json, refusal
from kpi.snapshots.model import Definition, Section
from kpi.snapshots.validation import problems_of as definition_problems
from kpi.state import Target
from kpi.state.annotations import Annotation
from kpi.state.annotations import problems_of as annotation_problems
from kpi.state.targets import plain_problems
from kpi.warehouse.load import Load
from tests.world import make

ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
FUZZ = settings(max_examples=200, derandomize=True, deadline=None, database=None)


@FUZZ
@given(st.text())
def test_a_clean_text_holds_nothing_odd_and_stays_so(text: str) -> None:
    shown = clean(text)
    assert not ODD.search(shown)
    assert len(shown) <= LONGEST
    assert clean(shown) == shown
    assert shown.encode().decode() == shown
    if refusal(text) is None and not ODD.search(text):
        assert shown == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a [31mb"),
        ("two\nlines\ttab\x00\x9b\u2028", "two lines tab   "),
        ("\ud800\ufffe", "\ufffd\ufffd"),
        ("\u202egnp.exe\u2066", "gnp.exe"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
        ("نام‌ها", "نام‌ها"),
        ("x" * 201, "x" * 199 + "…"),
        ("x" * 200, "x" * 200),
        ("\x1b", "\ufffd"),
        ("\u202e", "\ufffd"),
        ("", ""),
    ],
)
def test_what_becomes_of_a_text_is_as_declared(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_values_that_would_be_called_the_same_are_told_apart() -> None:
    names = Names({"a1": "王伟", "a2": "王伟", "x" * 250: "y" * 250, "z": "y" * 260, "b": "esc\x1b"})
    assert names["a1"] == "王伟 (a1)"
    assert len(set(names.values())) == 5
    assert max(map(len, names.values())) <= LONGEST
    assert names["b"] == "esc "
    assert names["new\n"] == names.get("new\n", "new\n") == "new "


def test_json_says_the_same_with_what_is_odd_as_escapes() -> None:
    content = {"name": "a\u2028b\x9b\u202e\x1b中文", "list": [1, 2]}
    written = escape_json(json.dumps(content, ensure_ascii=False, indent=2))
    assert json.loads(written) == content
    assert not ODD.search(written.replace("\n", ""))


def test_a_text_that_must_not_be_written_down_is_refused_wherever_that_is_done() -> None:
    esc, long = "a\x1bb", "x" * 201
    for text, key in ((esc, "U+001B"), (long, "201")):
        told = [
            *annotation_problems([Annotation(text_en=text)]),
            *plain_problems([Target("csat", note=text)]),
            *plain_problems([Target("csat", owner=text)]),
            *definition_problems(
                [Definition("weekly", (text, ""), (Section("a", "table", ("volume",)),), "last_week")]
            ),
            *definition_problems(
                [Definition("weekly", ("a", ""), (Section("a", "table", ("volume",), (), (text, "")),), "last_week")]
            ),
        ]
        # A field with a limit of its own says that one, and says it once.
        said = [problem.message("en") for problem in told if problem.key == "text_refused" or "_long" in problem.key]
        assert len(said) == 5
        assert all(key in one for one in said)
        assert not ODD.search("".join(said))


@pytest.mark.parametrize("text", ["a\x1bb", "a\nb", "a\u2028b", "a\x9bb", "x" * 201, "\ufffe"])
def test_trap_no_load_takes_a_text_that_a_terminal_or_a_library_obeys(tmp_path: Path, text: str) -> None:
    warehouse = make(tmp_path, "duckdb")
    for names in (pa.array([text, "x"]), pa.array([text, "x"]).dictionary_encode()):
        with (
            pytest.raises(LoadError, match="Table team, column name_en"),
            Load(warehouse, description="test", synthetic=True) as load,
        ):
            load.stage("team", pa.table({"team": ["a", "b"], "name_zh": ["甲", "“乙” – x" * 3], "name_en": names}))
    warehouse.close()


def test_texts_at_the_limit_and_beyond_latin_are_taken(tmp_path: Path) -> None:
    warehouse = make(tmp_path, "duckdb")
    names = ["名" * 200, "👨‍👩‍👧 “x” – ·"]
    with Load(warehouse, description="test", synthetic=True) as load:
        load.stage("team", pa.table({"team": ["a", "b"], "name_zh": names, "name_en": names}))
        assert load.publish().loaded == 2
    warehouse.close()


def test_trap_nothing_but_text_reaches_a_terminal(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for asked in (
        ["query", "vol\x1b[2J\rume"],
        ["query", "volume", "--filter", "topic=\x1b]0;title\x07"],
        ["import", "no\x1b[31m.csv", "--mapping", "x\x9b"],
        ["\x1b[2J"],
    ):
        with suppress(SystemExit):  # what argparse itself refuses
            assert cli.main(asked) != 0
        said = capsys.readouterr()
        assert said.err
        assert not ODD.search((said.out + said.err).replace("\n", ""))


def test_a_table_and_a_file_of_the_command_line_hold_nothing_odd() -> None:
    to = io.StringIO()
    output.write_table(["na\x1bme", "n"], [["a\nb\x1b[31m", "1"], ["\u202ec", "2"]], [False, True], to)
    assert len(to.getvalue().splitlines()) == 4
    assert not ODD.search(to.getvalue().replace("\n", ""))
    clean_to = io.StringIO()
    output.write_csv(["name"], [{"name": "a\x1b\rb"}], CleanStream(clean_to))  # type: ignore[arg-type]
    assert clean_to.getvalue() == 'name\n"a  b"\n'


def test_a_line_of_a_log_is_one_line_and_a_traceback_is_clean() -> None:
    formatter = OneLine("%(levelname)s %(message)s")
    forged = logging.LogRecord("x", logging.WARNING, "x", 1, "topic %s", ("a\nERROR forged\x1b[2J",), None)
    assert formatter.format(forged) == "WARNING topic a ERROR forged [2J"
    try:
        raise ValueError("a\x1bb")
    except ValueError as error:
        failed = logging.LogRecord("x", logging.ERROR, "x", 1, "failed", (), (type(error), error, error.__traceback__))
    told = formatter.format(failed)
    assert "Traceback" in told
    assert not ODD.search(told.replace("\n", ""))


def test_an_error_quotes_what_was_asked_as_plain_text() -> None:
    assert "\x1b" not in UnknownName("kpi", "a\x1b[2J", ["volume"]).message("en")
    assert clean_lines("a\nb\x1b") == "a\nb "
