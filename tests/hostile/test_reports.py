"""A whole snapshot run over a bank whose names are hostile: every format is made, and names them as declared."""

import csv
import io
import json
import re
from datetime import date, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kpi import native
from kpi.errors import DrawingError
from kpi.plain_text import clean
from kpi.query.labels import labels
from kpi.snapshots import definition_store, store
from kpi.snapshots.deliver import deliver
from kpi.snapshots.ledger import Ledger, find
from kpi.snapshots.model import Definition, Format, Recipient, Section
from kpi.snapshots.render import render
from kpi.snapshots.runs import deliveries, files, say, told_state
from kpi.snapshots.worker import run_due
from kpi.state import StateDatabase
from kpi.warehouse import Warehouse
from tests.hostile.names import ALLOWED, REFUSED, REORDERING, bank, lists

DUE = date(2026, 3, 9)
FORMATS: tuple[Format, ...] = ("xlsx", "pdf", "html", "png", "csv", "parquet")


def definition(title: str, folder: Path) -> Definition:
    return Definition(
        name="weekly",
        title=(title, title),
        period="last_week",
        language="en",
        formats=FORMATS,
        recipients=(Recipient("head", folder.as_uri()),),
        sections=(
            Section("headline", "headline", ("volume", "csat", "self_service_rate")),
            Section("constructor", "chart", ("volume",), ("date", "channel"), title=(title, title)),
            Section("topics", "chart", ("volume",), ("topic",)),
            Section("grid", "chart", ("csat",), ("team", "channel")),
            Section("agents", "table", ("volume", "csat"), ("agent",)),
            Section("pairs", "table", ("volume",), ("topic", "channel")),
        ),
    )


def copies(warehouse: Warehouse, title: str) -> dict[str, bytes]:
    """The files of a run, as they were stored, which has ended as sent."""
    folder = warehouse.settings.home / "outbox"
    state = StateDatabase(warehouse.settings)
    ledger = Ledger(state, lambda: datetime(2026, 3, 9, 12))
    try:
        definition_store.save(
            state, definition_store.definitions(state), [definition_store.Kept(definition(title, folder))], "test"
        )
        key = ledger.add("weekly", DUE).key
        run_due(warehouse, render, partial(deliver, settings=warehouse.settings), clock=ledger.clock)
        run = find(state, key)
        assert (run.state, say(run.reason, "en")) == ("sent", "")
        assert [line.status for line in deliveries(state, run) if line.kind == "copy"] == ["sent"]
        return {one.name: store.read(warehouse.settings, run, "head", one.name) for one in files(state, run)}
    finally:
        state.close()


def assert_named(warehouse: Warehouse, made: dict[str, bytes]) -> None:
    """Every format that can be read back tells each topic by the name that a page tells it by."""
    by = {Path(name).suffix[1:]: content for name, content in made.items()}
    assert set(by) == {*FORMATS, "json"}
    names: dict[str, set[str]] = {}
    for value, name in labels(warehouse, "topic", "en").items():
        names.setdefault(clean(value), set()).add(name)
    table = pq.read_table(io.BytesIO(by["parquet"])).to_pylist()
    told = {(row["topic"], row["topic_name"]) for row in table if row["topic"]}
    assert len(told) > 8
    assert all(name in names.get(value, {value}) for value, name in told)
    rows = list(csv.DictReader(io.StringIO(by["csv"].decode("utf-8-sig"), newline="")))
    read = {(row["topic"], row["topic_name"]) for row in rows if row["topic"]}
    assert len(read) == len(told)
    # What a spreadsheet would take for a formula stands behind an apostrophe.
    assert {name for _, name in read} <= {text(name) for _, name in told for text in (str, "'{}".format)}
    cells = {
        str(cell)
        for sheet in openpyxl.load_workbook(io.BytesIO(by["xlsx"]), read_only=True)
        for line in sheet.values
        for cell in line
    }
    assert all(name in cells or f"'{name}" in cells for _, name in told)
    data = re.search(r'id="data">(.*?)</script>', by["html"].decode(), re.DOTALL)
    assert data is not None
    assert {(row["topic"], row["topic_name"]) for row in json.loads(data[1]) if row.get("topic")} == told
    assert by["pdf"].startswith(b"%PDF")
    assert by["png"].startswith(b"\x89PNG")
    assert json.loads(by["json"])["failed"] == []


def test_trap_a_run_over_hostile_names_is_sent_with_every_format(tmp_path: Path) -> None:
    warehouse = bank(tmp_path / "bank", (*ALLOWED, *REFUSED, *REORDERING))
    try:
        assert_named(warehouse, copies(warehouse, "Weekly \x1b[31m </script> ${x} {{title}}"))
    finally:
        warehouse.close()


# Without making a failing list of names smaller: each try takes seconds.
@settings(max_examples=1, derandomize=True, deadline=None, database=None, phases=[Phase.generate])
@given(names=lists, title=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_run_over_any_names_is_sent_with_every_format(names: list[str], title: str) -> None:
    with TemporaryDirectory() as folder:
        warehouse = bank(Path(folder), names)
        try:
            assert_named(warehouse, copies(warehouse, title))
        finally:
            warehouse.close()


def test_trap_a_run_whose_one_format_fails_is_not_told_as_simply_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise DrawingError("drawing_broke_off", what="PDF")

    monkeypatch.setattr(native, "paper", broken)
    warehouse = bank(tmp_path / "bank", ALLOWED)
    folder = warehouse.settings.home / "outbox"
    state = StateDatabase(warehouse.settings)
    ledger = Ledger(state, lambda: datetime(2026, 3, 9, 12), owner=(folder / "owner").as_uri())
    try:
        definition_store.save(state, [], [definition_store.Kept(definition("Weekly", folder / "head"))], "test")
        key = ledger.add("weekly", DUE).key
        run_due(warehouse, render, partial(deliver, settings=warehouse.settings), clock=ledger.clock)
        run = find(state, key)
        assert (run.state, run.attempts) == ("incomplete", 1)
        assert told_state(run, "en") == "done, but incomplete"
        assert "Could not be made: PDF, PNG" in say(run.reason, "en")
        assert "未能生成：PDF, PNG" in say(run.reason, "zh")
        made = {Path(one.name).suffix for one in files(state, run)}
        assert made == {".xlsx", ".html", ".csv", ".parquet", ".json"}
        manifest = json.loads(next((folder / "head").rglob("manifest.json")).read_text("utf-8"))
        assert manifest["failed"] == ["PDF", "PNG"]
    finally:
        state.close()
        warehouse.close()
