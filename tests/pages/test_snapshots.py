"""The page of snapshots and “send me this”, without a browser."""

from datetime import date, timedelta
from html import unescape

import pytest

from kpi.errors import InputError
from kpi.query.question import Filter, Scope
from kpi.settings import load_settings
from kpi.snapshots import book, worker
from kpi.snapshots.definition_file import READY, dump, load
from kpi.snapshots.ledger import Ledger
from kpi.snapshots.model import Recipient
from kpi.snapshots.runs import runs
from kpi.state import StateDatabase
from kpi.state.database import now
from kpi.warehouse import Warehouse
from pages import sending, snapshot_editor
from tests.snapshots.standins import deliver, render


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A state database of the test's own, beside the demo bank."""
    url = f"sqlite:///{tmp_path / 'state.sqlite'}"
    monkeypatch.setenv("KPI_STATE_URL", url)
    opened = StateDatabase(load_settings({"KPI_HOME": str(tmp_path), "KPI_STATE_URL": url}))
    yield opened
    opened.close()


def html(app):
    return unescape(" ".join(str(element.proto.body) for element in app.get("html")))


def test_without_any_it_offers_the_ready_made_ones(demo_home, open_page, state):
    app = open_page(demo_home, "snapshots", lang="en")
    assert not app.exception
    assert "There is no snapshot yet" in html(app)
    app.button(key="snapshots_ready").click().run()
    assert not app.exception
    assert [one.label for one in book.definitions(state)] == ["daily", "long-tail", "satisfaction", "weekly"]
    assert "Weekly management report" in html(app)
    assert "no worker is running" in html(app)
    app.button(key="pause_weekly").click().run()
    assert book.definition(state, "weekly").definition.paused
    assert "paused" in html(app)


@pytest.mark.parametrize(("language", "made"), [("zh", "已生成"), ("en", "made")])
def test_runs_stand_there_with_state_reason_files_and_changes(demo_home, open_page, state, language, made, monkeypatch):
    """Nobody is to get it, so that it is made and not sent."""
    monkeypatch.setenv("KPI_HOME", str(demo_home))
    book.apply(state, [one for one in load(READY.read_text("utf-8")) if one.name == "daily"], "ann")
    warehouse = Warehouse.from_settings(load_settings())
    ledger = Ledger(state)
    ledger.add("daily", date(2026, 11, 22))
    worker.run_due(warehouse, lambda *a, **b: render(*a, **b), deliver)
    warehouse.close()
    (run,) = runs(state)
    app = open_page(demo_home, "snapshots", lang=language)
    assert not app.exception
    assert run.state == "sent"
    assert f'<td class="better">{made}</td>' in html(app)
    labels = [button.label for button in app.get("download_button")]
    assert sum(label.startswith(("data.csv", "manifest.json")) for label in labels) == 2


def test_a_link_leads_to_its_run_and_one_that_is_none_says_so(demo_home, open_page, state):
    book.apply(state, [one for one in load(READY.read_text("utf-8")) if one.name == "daily"], "ann")
    ledger = Ledger(state)
    old, _new = (ledger.add("daily", (now() - timedelta(days=days)).date()) for days in (9, 3))
    for run in (old.key, f"{old.key}.0123456789ab"):
        app = open_page(demo_home, "snapshots", lang="en", run=run)
        assert not app.exception
        assert app.selectbox(key="snapshot_run").value == old.key
    app = open_page(demo_home, "snapshots", lang="en", run="daily.r1")
    assert any("no run “daily\\.r1”" in info.value for info in app.info)


def test_recipients_and_what_each_may_see_are_edited_in_a_table():
    branch = Scope((Filter("channel", ("hotline", "wechat")), Filter("region", ("north east",))), see_agents=False)
    before = (Recipient("ann", "mailto:ann@bank.example", branch, "en"), Recipient("ben", "chat:OPS"))
    table = snapshot_editor._frame(before)
    assert list(table["scope"]) == ["channel=hotline,wechat 'region=north east'", ""]
    assert snapshot_editor._recipients(table, before) == before
    table = table.astype(object)
    table.loc[1, "scope"] = "tier=6,7"
    table.loc[2] = ["cid", "file:///srv/cid", None, None, None]
    _, ben, cid = snapshot_editor._recipients(table, before)
    assert ben.scope == Scope((Filter("tier", ("6", "7")),))
    assert cid == Recipient("cid", "file:///srv/cid")
    for wrong in ("tier", "tier='6"):
        table.loc[1, "scope"] = wrong
        with pytest.raises(InputError, match="tier"):
            snapshot_editor._recipients(table, before)


def test_send_me_this_makes_a_definition_of_the_view(demo_home, open_page, state):
    app = open_page(demo_home, lang="en", channel="wechat", period="7d")
    app.button(key="send_make").click().run()
    assert not app.exception
    made = book.definition(state, "overview").definition
    assert made.filters == (Filter("channel", ("wechat",)),)
    assert (made.period, made.schedule, made.recipients) == ("last_7_days", sending.EVERY["monday"], ())
    assert load(dump([made], "en")) == [made]
    app.button(key="send_make").click().run()
    assert len(book.definitions(state)) == 2


def test_every_page_with_figures_can_be_sent(demo_home, open_page, state):
    for page in ("explore", *sending._OF_PAGE):
        if page == "overview":
            continue
        app = open_page(demo_home, page, lang="en")
        app.button(key="send_make").click().run()
        assert not app.exception, page
    kept = [one.definition for one in book.definitions(state)]
    assert len(kept) == len(sending._OF_PAGE)
    assert load(dump(kept, "en")) == kept


def test_a_form_saves_and_says_what_is_wrong(demo_home, open_page, state):
    book.apply(state, [one for one in load(READY.read_text("utf-8")) if one.name == "weekly"], "ann")
    app = open_page(demo_home, "snapshots", lang="en")
    app.text_input(key="cron_weekly").set_value("0 8 * *")
    app.button(key="save_weekly").click().run()
    assert "five fields" in app.error[0].value
    app.text_input(key="cron_weekly").set_value("30 7 * * 2")
    app.button(key="save_weekly").click().run()
    assert not app.exception
    asked = book.definition(state, "weekly").definition.schedule
    assert asked is not None
    assert asked.cron == "30 7 * * 2"
