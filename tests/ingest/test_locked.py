"""What a mapping's expressions cannot do: read another file, reach the network, change the settings, write."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from kpi.errors import MappingError
from kpi.ingest import import_file, load_mapping, reader
from kpi.ingest.importer import _job
from kpi.warehouse import Warehouse
from tests.ingest.conftest import HEADER, MAPPING

ROW = "c1,2024-06-01 10:00:00,2024-06-01 10:05:00,P,k1,card,60"


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
    warehouse: Warehouse, write: Callable[..., Path], expression: str
) -> None:
    mapping = write("m.toml", MAPPING.replace('topic = "topic"', f"topic = {json.dumps(expression)}"))
    with pytest.raises(MappingError, match=r"\[columns\] topic"):
        import_file(warehouse, write("x.csv", f"{HEADER}\n{ROW}\n"), mapping)
    condition = json.dumps(f"({expression}) IS NULL")
    mapping = write("m.toml", MAPPING.replace('"test call" =', f'"other file" = {condition}\n"test call" ='))
    with pytest.raises(MappingError, match=r"\[exclude\] other file"):
        import_file(warehouse, write("x.csv", f"{HEADER}\n{ROW}\n"), mapping)


def locked(write: Callable[..., Path]) -> tuple[duckdb.DuckDBPyConnection, Path]:
    file = write("x.csv", f"{HEADER}\n{ROW}\n")
    return reader._locked(_job(file, file, load_mapping(write("m.toml", MAPPING)))), file


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
def test_the_childs_database_is_locked_even_for_whole_statements(write: Callable[..., Path], statement: str) -> None:
    connection, file = locked(write)
    assert connection.execute(f"SELECT count(*) FROM read_csv('{file}')").fetchone() == (1,)
    with pytest.raises(duckdb.Error):
        connection.execute(statement.format(file=file, folder=file.parent))
    assert file.read_text() == f"{HEADER}\n{ROW}\n"


def test_the_child_sees_nothing_of_our_environment(
    warehouse: Warehouse, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    real = subprocess.Popen.__init__

    def noted(child: subprocess.Popen[bytes], *arguments: object, **options: object) -> None:
        given.append(options.get("env"))
        real(child, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(subprocess.Popen, "__init__", noted)
    import_file(warehouse, write("x.csv", f"{HEADER}\n{ROW}\n"), write("m.toml", MAPPING))
    assert given == [{}]


def test_the_child_imports_nothing_of_the_program() -> None:
    path = reader.__file__
    code = f"import runpy, sys; runpy.run_path({path!r}); print([m for m in sys.modules if m.startswith('kpi')])"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
