"""``make real``: a file into a home of its own, and what it tells at once."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kpi import cli
from kpi.cli import import_and_report
from tests.ingest import bank_log
from tests.ingest.conftest import HEADER, MAPPING


def test_headline_figures_are_printed(
    tmp_path: Path, bank_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KPI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KPI_WAREHOUSE_URL", f"duckdb:///{tmp_path / 'in_use.duckdb'}")
    monkeypatch.setattr(sys, "argv", ["real", str(bank_file)])
    assert import_and_report.main() == 0
    told = capsys.readouterr().out
    figures = {line.split("  ")[0].strip(): line for line in told.splitlines()}
    assert re.search(r"\b61$", figures["rows read"])
    # 13 of 46 gave up in the queue; 3951 s of talk in 33 calls
    for name, value in {"interactions": "56", "abandonment": "28.26", "customers served": "25"}.items():
        assert value in figures[name]
    assert "119.7" in figures["average handle time"] or "1:59" in figures["average handle time"]
    assert "not recorded" in figures["first-contact resolution"]
    # The warehouse in use is not touched.
    assert not (tmp_path / "in_use.duckdb").exists()
    assert (tmp_path / "home" / "real" / "customer.key").exists()


def test_a_file_that_cannot_be_read_ends_with_code_2(
    tmp_path: Path, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KPI_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", ["real", str(write("calls.csv", bank_log.text()[:-9]))])
    assert import_and_report.main() == 2
    assert "cut off" in capsys.readouterr().err


def test_rejected_rows_are_listed_by_the_command_line(
    tmp_path: Path, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KPI_HOME", str(tmp_path / "home"))
    file = write("x.csv", f"{HEADER}\nc1,never,,P,k1,card,60\n")
    assert cli.main(["import", str(file), "--mapping", str(write("m.toml", MAPPING))]) == 0
    assert "python -m kpi rejected 1" in capsys.readouterr().out
    assert cli.main(["rejected", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"rejected_row,reasons,{HEADER}"
    assert cli.main(["rejected", "7"]) == 2
    assert "no load “7”" in capsys.readouterr().err
