"""A file that is not what the mapping is for: one clear message, and nothing is loaded."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kpi.errors import FileError, KpiError, MappingError
from kpi.ingest import import_file, importer, reader
from kpi.warehouse import Warehouse
from tests.ingest import bank_log
from tests.ingest.conftest import GOOD, HEADER, MAPPING


def refused(
    warehouse: Warehouse, file: Path, mapping: Path | str = "bank_calls", kind: type[KpiError] = FileError
) -> str:
    with pytest.raises(kind) as caught:
        import_file(warehouse, file, mapping)
    if warehouse.exists():
        assert warehouse.published().data_start is None
    assert caught.value.message("zh") != str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ["empty (0 bytes)"]),
        (bank_log.HEADER + "\n", ["header but no rows"]),
        (bank_log.text()[:-40], ["last line (62)", "cut off", "final_newline"]),
        (bank_log.text()[:-40] + "\n", ["Line 62", "fields where 18"]),
        (bank_log.text([*bank_log.ROWS[:4], bank_log.ROWS[4] + ",1,2"]), ["Line 6", "fields where 18"]),
        (bank_log.text().replace(",AGENT16\n", ',"AGENT16\n'), ["line 30", "never closed"]),
        (bank_log.text().replace("type", "typ").replace("q_time", "queue"), ["type, q_time", "vru+line, call_id"]),
        (bank_log.text().replace(",", ";"), ["lacks columns", "delimiter"]),
        (bank_log.text().replace("AGENT16", "坐席").encode("gb18030"), ["Line 30", "utf-8", "gb18030"]),
        (bank_log.text().encode("utf-16"), ["Line 1", "utf-16"]),
        (bank_log.text().replace("AGENT16", "\0"), ["Line 30", "binary"]),
        (b"PK\x03\x04 and so on", ["Excel"]),
        (b"\n" + bank_log.text().encode(), ["first line", "blank"]),
        (bank_log.text().replace(",call_id", ",type"), ["“type” twice", "names"]),
    ],
    ids=[
        "empty", "no-rows", "cut-in-a-line", "short-line", "long-line", "open-quote", "missing-columns", "delimiter",
        "gb18030", "utf-16", "binary", "excel", "blank-first-line", "same-header-twice",
    ],
)  # fmt: skip
def test_broken_files_are_refused(
    warehouse: Warehouse, write: Callable[..., Path], content: str | bytes, said: list[str]
) -> None:
    text = refused(warehouse, write("broken.csv", content))
    assert "broken.csv" in text
    for piece in said:
        assert piece in text


def test_a_long_file_cut_far_behind_its_first_rows_loads_nothing(
    warehouse: Warehouse, write: Callable[..., Path]
) -> None:
    rows = [GOOD.replace("c1", f"c{number}") for number in range(60_000)]
    file = write("long.csv", "\n".join([HEADER, *rows, "c,2024-06-01", ""]))
    text = refused(warehouse, file, write("m.toml", MAPPING))
    assert "Line 60002" in text
    assert "2 fields where 7" in text


def test_a_missing_file_and_a_folder(warehouse: Warehouse, tmp_path: Path) -> None:
    assert "no file" in refused(warehouse, tmp_path / "none.csv")
    assert "cannot be opened" in refused(warehouse, tmp_path)


def test_a_truncated_parquet_file(warehouse: Warehouse, write: Callable[..., Path]) -> None:
    mapping = write("p.toml", MAPPING.replace("required =", 'format = "parquet"\nrequired ='))
    assert "cannot be read" in refused(warehouse, write("x.parquet", b"PAR1" + b"\1" * 50), mapping)


def test_truncated_json_lines(warehouse: Warehouse, write: Callable[..., Path]) -> None:
    mapping = write("j.toml", MAPPING.replace("required =", 'format = "json"\nrequired ='))
    file = write("x.json", '{"id": "1", "start": "2024-06-01T10:00:00"}\n{"id": "2", "sta')
    assert "cannot be read" in refused(warehouse, file, mapping)


def test_a_whole_file_without_a_last_line_end_is_read_where_the_mapping_says_so(
    warehouse: Warehouse, write: Callable[..., Path]
) -> None:
    mapping = write("m.toml", MAPPING.replace("required =", "final_newline = false\nrequired ="))
    assert import_file(warehouse, write("x.csv", f"{HEADER}\n{GOOD}"), mapping).loaded >= 1


@pytest.mark.parametrize(
    ("expression", "key", "said"),
    [
        ("CAST(strat AS TIMESTAMP)", "mapping_sql", ["strat", "start"]),
        ("no_such_function(start)", "mapping_sql", ["no_such_function"]),
        ("CAST(start AS TIMESTAMP", "mapping_sql", ["syntax error"]),
        ("start", "mapping_no_time", ["VARCHAR"]),
        ("CAST(start AS TIMESTAMP)), (1", "mapping_not_one_expression", []),
        ("CAST(start AS TIMESTAMP)) FROM source WHERE (true", "mapping_not_one_expression", []),
        ("CAST(start AS TIMESTAMP)) UNION SELECT (now()", "mapping_not_one_expression", []),
        ("CAST(start AS TIMESTAMP)); SELECT (1", "mapping_not_one_expression", []),
        ("CAST(start AS TIMESTAMP)); DROP VIEW source; SELECT (1", "mapping_sql", ["Only SELECT"]),
        ("max(CAST(start AS TIMESTAMP))", "mapping_sql", ["aggregates"]),
        ("max(CAST(start AS TIMESTAMP)) OVER ()", "mapping_sql_not_allowed", ["window"]),
        ("COLUMNS(*)", "mapping_sql_not_allowed", ["star"]),
        ("$1", "mapping_sql_not_allowed", ["parameter"]),
    ],
)
def test_expressions_that_do_not_work_name_their_column(
    reading: Callable[[dict[str, str]], reader.FileReading], expression: str, key: str, said: list[str]
) -> None:
    with pytest.raises(reader.Stop) as caught:
        reading({"CAST(start AS TIMESTAMP)": expression}).query()
    assert (caught.value.kind, caught.value.key) == ("mapping", key)
    assert caught.value.values["place"] == "[columns] started_at"
    for piece in said:
        assert piece in str(caught.value.values)


def test_an_expression_that_does_not_work_is_told_with_what_duckdb_says(
    warehouse: Warehouse, write: Callable[..., Path]
) -> None:
    mapping = write("m.toml", MAPPING.replace("CAST(start AS", "CAST(strat AS"))
    text = refused(warehouse, write("x.csv", f"{HEADER}\n{GOOD}\n"), mapping, MappingError)
    assert "m.toml, [columns] started_at: the expression does not work. DuckDB: Binder Error" in text
    assert "strat" in text


def test_a_reader_that_is_killed_is_told(
    warehouse: Warehouse, bank_file: Path, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "__file__", str(write("r.py", "import os\nos.kill(os.getpid(), 9)\n")))
    assert "ended unexpectedly (code -9)" in refused(warehouse, bank_file)


def test_a_reader_that_breaks_off_in_the_middle_loads_nothing(
    warehouse: Warehouse, bank_file: Path, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(str(reader.__file__)).read_text("utf-8")
    dying = source.replace("        stream.write_batch(batch)\n", "        stream.write_batch(batch)\n        1 / 0\n")
    assert dying != source
    monkeypatch.setattr(reader, "__file__", str(write("r.py", dying)))
    assert "ZeroDivisionError" in refused(warehouse, bank_file)


def test_an_expression_that_never_ends_is_stopped(
    warehouse: Warehouse, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "SILENCE_SECONDS", 2.0)
    endless = "CAST(list_sum(list_transform(range(100000000), x -> x % 7 + length(topic))) AS VARCHAR)"
    mapping = write("m.toml", MAPPING.replace('topic = "topic"', f'topic = "{endless}"'))
    assert "no progress for 2 s" in refused(warehouse, write("x.csv", f"{HEADER}\n" + f"{GOOD}\n" * 50), mapping)
