"""What a mapping's expressions cannot do: read another file, reach the network, change the settings, write."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from kpi.errors import FileError
from kpi.ingest import import_file, reader
from kpi.warehouse import Warehouse
from tests.ingest.conftest import GOOD, HEADER, MAPPING


@pytest.mark.parametrize(
    "expression",
    [
        "(SELECT content FROM read_text('/etc/passwd'))",
        "(SELECT column0 FROM read_csv('/etc/passwd', header = false) LIMIT 1)",
        "(SELECT content FROM read_blob('https://example.com/x'))",
        "(FROM glob('/*') LIMIT 1)",
        "EXISTS (SELECT 1 FROM 'https://example.com/x.csv')",
        "topic IN (SELECT file FROM glob('/*'))",
        "read_text('/etc/passwd')",
        "getenv('HOME')",
    ],
)
def test_expressions_reach_nothing_but_their_row(
    reading: Callable[[dict[str, str]], reader.FileReading], expression: str
) -> None:
    with pytest.raises(reader.Stop) as caught:
        reading({'topic = "topic"': f"topic = {json.dumps(expression)}"}).query()
    assert (caught.value.kind, caught.value.values["place"]) == ("mapping", "[columns] topic")
    condition = json.dumps(f"({expression}) IS NULL")
    with pytest.raises(reader.Stop) as caught:
        reading({'"test call" =': f'"other file" = {condition}\n"test call" ='}).query()
    assert (caught.value.kind, caught.value.values["place"]) == ("mapping", "[exclude] other file")


@pytest.mark.parametrize(
    "statement",
    [
        "FROM read_csv('/etc/passwd')",
        "FROM read_text('/etc/hostname')",
        "FROM glob('/*')",
        "ATTACH '{folder}/other.db'",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "COPY (SELECT 1) TO '{file}'",
        "EXPORT DATABASE '{folder}/dump'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "LOAD '{folder}/x.duckdb_extension'",
        "FROM 'https://example.com/x.csv'",
        "SET enable_external_access = true",
        "SET allowed_paths = ['/etc/passwd']",
        "SET memory_limit = '100GB'",
        "RESET lock_configuration",
        "CREATE SECRET s (TYPE s3)",
    ],
)
def test_the_childs_database_is_locked_even_for_whole_statements(
    reading: Callable[[dict[str, str]], reader.FileReading], statement: str
) -> None:
    opened = reading({})
    file = Path(opened.job["file"])
    assert opened.connection.execute(f"SELECT count(*) FROM read_csv('{file}')").fetchone() == (1,)
    with pytest.raises(duckdb.Error):
        opened.connection.execute(statement.format(file=file, folder=file.parent))
    assert file.read_text() == f"{HEADER}\n{GOOD}\n"


def test_the_child_sees_nothing_of_our_environment(
    warehouse: Warehouse, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "x")
    telling = "import os, sys\nprint('sees', sorted(os.environ), file=sys.stderr)\nsys.exit(1)\n"
    monkeypatch.setattr(reader, "__file__", str(write("r.py", telling)))
    with pytest.raises(FileError, match="sees") as caught:
        import_file(warehouse, write("x.csv", f"{HEADER}\n{GOOD}\n"), write("m.toml", MAPPING))
    assert "SECRET_OF_THE_CALLER" not in str(caught.value)


def test_the_child_imports_nothing_of_the_program() -> None:
    path = reader.__file__
    code = f"import runpy, sys; runpy.run_path({path!r}); print([m for m in sys.modules if m.startswith('kpi')])"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
