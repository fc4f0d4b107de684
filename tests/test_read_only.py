"""A home that cannot be written is read all the same, by every command and the pages, and what has to write says so."""

import json
import os
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from kpi.settings import load_settings
from kpi.state import Annotation, StateDatabase, Target
from kpi.state.annotations import save_annotations
from kpi.state.targets import save_targets
from kpi.warehouse import Warehouse
from kpi.warehouse.published import write_facts
from tests.rights import bound_by_rights
from tests.world import World

DAY = ["--from", "2026-03-02", "--to", "2026-03-02"]

# Runs commands, then asks for the health and opens a page; prints what came of each.
SCRIPT = """
import contextlib, io, json, sys
from kpi import cli
found = []
for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(arguments)
    found.append([code, out.getvalue(), err.getvalue()])
if "pages" in sys.argv:
    from starlette.requests import Request
    from streamlit.testing.v1 import AppTest
    from app import healthz
    found.append([healthz(Request({"type": "http"})).status_code, "", ""])
    app = AppTest.from_file("pages/shell.py", default_timeout=120).run()
    found.append([len(app.exception), app.title[0].value, ""])
print(json.dumps(found))
"""


@pytest.fixture
def bank(home: Path) -> Iterator[Path]:
    """A home with a contact, a target and a note, which only root could write."""
    settings = load_settings()
    warehouse = Warehouse.from_settings(settings)
    warehouse.create()
    world = World()
    world.contact("call", "2026-03-02 10:00", interaction_id="a", csat_asked=True, csat_score=5)
    world.publish(warehouse, "2026-03-02 23:00")
    warehouse.close()
    state = StateDatabase(settings)
    save_targets(state, [], [Target("csat", low=0.9, first=date(2026, 1, 1))], "ann")
    save_annotations(state, [], [Annotation(date(2026, 3, 1), None, "campaign", "活动", "sale")], "ann")
    state.close()
    yield home
    _rights(home, 0o700, 0o600)


def _rights(home: Path, folder: int, file: int) -> None:
    for place in [home, *home.rglob("*")]:
        place.chmod(folder if place.is_dir() else file)


def _run(home: Path, *commands: list[str], pages: bool = False) -> list[list]:
    said = bound_by_rights(home, "-c", SCRIPT, json.dumps(commands), *(["pages"] if pages else []))
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def test_a_home_that_cannot_be_written_is_read(bank: Path, tmp_path: Path) -> None:
    _rights(bank, 0o500, 0o400)
    before = sorted(str(one) for one in bank.rglob("*"))
    goal = tmp_path / "targets.toml"
    goal.write_text('[[target]]\nkpi = "csat"\nlow = 0.5\nfirst = 2026-01-01\n')
    calls, mapping = tmp_path / "calls.csv", "bank_calls"
    calls.write_text("x\n1\n")
    query, *reads, applied, imported, ruled, ran, health, page = _run(
        bank,
        ["query", "csat", *DAY, "--format", "json"],
        ["list"],
        ["rows", "volume", *DAY],
        ["why", "volume", *DAY],
        ["check"],
        ["export", "interaction", "--to", str(tmp_path / "out.parquet")],
        ["targets", "dump"],
        ["snapshots", "list"],
        ["targets", "apply", str(goal)],
        ["import", str(calls), "--mapping", mapping],
        ["rules", "tail", "tier", "3", "--from", "2027-01-01"],
        ["snapshots", "run-due"],
        pages=True,
    )
    assert json.loads(query[1])["rows"][0]["target_low"] == 0.9
    assert [(code, err) for code, _, err in reads] == [(0, "")] * len(reads)
    assert (tmp_path / "out.parquet").stat().st_size
    for code, _, err in (applied, imported, ruled, ran):
        assert code == 1
        assert f"{bank}" in err
        assert "cannot be written" in err
    assert (health[0], page[0]) == (200, 0)
    assert page[1] == "Overview"
    assert sorted(str(one) for one in bank.rglob("*")) == before


def test_trap_what_was_not_written_back_yet_is_read_too(bank: Path) -> None:
    # As a program leaves it that was killed: the newest notes and versions lie in the files beside.
    settings = load_settings()
    state, warehouse = StateDatabase(settings), Warehouse.from_settings(settings)
    save_targets(state, [], [Target("volume", low=7.0, first=date(2026, 1, 1))], "ann")
    world = World()
    world.contact("call", "2026-03-02 11:00", interaction_id="b")
    world.publish(warehouse, "2026-03-02 23:30")
    left = bank.parent / "left"
    shutil.copytree(bank, left)
    state.close()
    warehouse.close()
    _rights(left, 0o500, 0o400)
    ((code, out, _),) = _run(left, ["query", "volume", *DAY, "--format", "json"])
    assert code == 0
    (row,) = json.loads(out)["rows"]
    assert (row["value"], row["target_low"]) == (2, 7)


def test_an_older_warehouse_that_cannot_be_written_says_what_to_do(bank: Path) -> None:
    warehouse = Warehouse.from_settings(load_settings())
    with warehouse.write() as connection:
        write_facts(connection, {"schema_version": "2"})
    warehouse.close()
    _rights(bank, 0o500, 0o400)
    ((code, _, err),) = _run(bank, ["query", "volume", *DAY])
    assert code == 1
    assert "made by an older version" in err
    assert str(bank) in err


def test_a_home_without_rights_offers_no_beginning(home: Path) -> None:
    home.mkdir()
    home.chmod(0o500)
    *_, health, page = _run(home, pages=True)
    home.chmod(0o700)
    assert (health[0], page[0]) == (200, 0)
    assert os.listdir(home) == []
