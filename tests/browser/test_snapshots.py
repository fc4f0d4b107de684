"""The page of snapshots with runs, in a real browser: state, reason, downloads, changes, and a run asked for."""

from datetime import date

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from kpi.settings import load_settings
from kpi.snapshots import definition_store, worker
from kpi.snapshots.ledger import Ledger
from kpi.snapshots.model import Definition, Section
from kpi.state import StateDatabase
from kpi.state.tables import snapshot_figure
from kpi.warehouse import Warehouse
from tests.browser.server import settled

HEAD = Section("headline", "headline", ("volume",))
WEEKLY = Definition("browsed", ("周报", "Weekly volume"), (HEAD,), "last_week", formats=("csv",), language="en")


@pytest.fixture
def state(demo_home, monkeypatch):
    """The server's own state database, with one snapshot and two revisions of a run; put back in the end."""
    monkeypatch.setenv("KPI_HOME", str(demo_home))
    opened = StateDatabase(load_settings())
    before = definition_store.definitions(opened)
    definition_store.apply(opened, [WEEKLY], "ann")
    warehouse = Warehouse.from_settings(load_settings())
    render, deliver = worker.parts()
    for _ in range(2):
        run = Ledger(opened).add("browsed", date(2026, 11, 16))
        worker.run_due(warehouse, render, deliver, only=run.id)
        if run.revision == 1:  # as if rows had come late
            with opened.transaction() as connection:
                connection.execute(
                    sa.update(snapshot_figure).where(snapshot_figure.c.run_id == run.id).values(value=1000)
                )
    warehouse.close()
    yield opened
    definition_store.apply(opened, [one.definition for one in before], "ann")
    opened.close()


def test_runs_are_seen_downloaded_and_asked_for(visit, address, state):
    page = visit()
    page.goto(f"{address}/snapshots")
    settled(page)
    runs = page.locator(".st-key-panel_runs")
    row = runs.locator("table").first.locator("tbody tr").first
    expect(row).to_contain_text("revision 2")
    expect(row.locator("td").first).to_have_text("made")
    expect(row.locator(".reason")).to_contain_text("kept for download")
    changed = runs.locator("table").last.locator("tbody tr")
    expect(changed).to_have_count(1)
    expect(changed.locator("td").nth(1)).to_have_text("1,000")
    with page.expect_download() as loaded:
        runs.get_by_role("button", name="changes.txt").click()
    said = loaded.value.path().read_text("utf-8")
    assert "1 figures differ from revision 1" in said
    assert "1,000 → " in said
    page.locator(".st-key-run_browsed button").click()
    expect(page.get_by_test_id("stAlert").first).to_contain_text("browsed")
    expect(runs.locator("table").first.locator("tbody tr")).to_have_count(3)
    expect(runs.locator("table").first.locator("tbody tr").first.locator("td").first).to_have_text("made")
