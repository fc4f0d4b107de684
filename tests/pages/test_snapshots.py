"""The page of snapshots and “send me this”, without a browser."""

import re
from dataclasses import replace
from datetime import date, timedelta
from html import unescape

import pytest
import sqlalchemy as sa

from kpi.errors import InputError
from kpi.query.question import Filter, Scope
from kpi.settings import load_settings
from kpi.snapshots import definition_store, worker
from kpi.snapshots.definition_file import READY, dump, load
from kpi.snapshots.ledger import Ledger
from kpi.snapshots.model import Definition, Recipient, Schedule, Section
from kpi.snapshots.render import report_of, words
from kpi.snapshots.runs import deliveries, runs
from kpi.state import StateDatabase
from kpi.state.database import now
from kpi.state.tables import snapshot_figure, snapshot_run
from kpi.warehouse import Warehouse
from pages.address.parsing import read_view
from pages.page_specs import PAGES
from pages.ui import subscribe
from pages.views import snapshot_editor, snapshots
from tests.pages.conftest import as_read
from tests.snapshots.standins import Done, deliver, render


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A state database of the test's own, beside the demo bank."""
    url = f"sqlite:///{tmp_path / 'state.sqlite'}"
    monkeypatch.setenv("KPI_STATE_URL", url)
    monkeypatch.setenv("KPI_DELIVER_TO", "bank.example")
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
    assert [one.label for one in definition_store.definitions(state)] == [
        "daily",
        "long-tail",
        "satisfaction",
        "weekly",
    ]
    assert "Weekly management report" in html(app)
    assert "no worker is running" in html(app)
    app.button(key="pause_weekly").click().run()
    assert definition_store.definition(state, "weekly").definition.paused
    assert "paused" in html(app)


@pytest.mark.parametrize(("language", "made"), [("zh", "已生成"), ("en", "made")])
def test_runs_stand_there_with_state_reason_files_and_changes(demo_home, open_page, state, language, made, monkeypatch):
    """Nobody is to get it, so that it is made and not sent."""
    monkeypatch.setenv("KPI_HOME", str(demo_home))
    definition_store.apply(state, [one for one in load(READY.read_text("utf-8")) if one.name == "daily"], "ann")
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
    labels = [as_read(button.label) for button in app.get("download_button")]
    assert sum(label.startswith(("data.csv", "manifest.json")) for label in labels) == 2


def test_files_stand_under_their_recipient_and_each_copys_are_saved_under_names_of_their_own(
    demo_home, open_page, state, monkeypatch, tmp_path
):
    """In the order of the recipients, not of their names; what changed in both copies is said once."""
    monkeypatch.setenv("KPI_HOME", str(demo_home))
    (daily,) = (one for one in load(READY.read_text("utf-8")) if one.name == "daily")
    readers = tuple(Recipient(name, (tmp_path / name).as_uri()) for name in ("中文", "English"))
    definition_store.apply(state, [replace(daily, recipients=readers)], "ann")
    warehouse = Warehouse.from_settings(load_settings())
    for value in (1000, None):
        run = Ledger(state).add("daily", date(2026, 11, 22))
        worker.run_due(warehouse, lambda *a, **b: render(*a, **b), deliver)
        if value is not None:  # as if rows had come late
            with state.transaction() as connection:
                of_volume = sa.and_(snapshot_figure.c.run_id == run.id, snapshot_figure.c.section == "headline",
                                    snapshot_figure.c.kpi == "volume")  # fmt: skip
                connection.execute(sa.update(snapshot_figure).where(of_volume).values(value=value))
    warehouse.close()
    app = open_page(demo_home, "snapshots", lang="en")
    assert not app.exception
    assert "1 figures differ" in html(app)
    shown = html(app)
    assert shown.rindex("<b>中文</b>") < shown.rindex("<b>English</b>")
    labels = [as_read(button.label).split(" (")[0] for button in app.get("download_button")]
    assert labels[-6:] == ["changes.txt", "data.csv", "manifest.json"] * 2


def test_a_day_is_run_again_and_past_ones_are_made_up_for(demo_home, open_page, state, monkeypatch):
    monkeypatch.setattr(snapshots, "workers", lambda *asked: ["a worker that takes them"])
    definition_store.apply(
        state, [one for one in load(READY.read_text("utf-8")) if one.name in {"daily", "weekly"}], "ann"
    )
    first = Ledger(state).add("weekly", date(2026, 11, 16))
    with state.transaction() as connection:
        connection.execute(sa.update(snapshot_run).values(state="sent", step="recorded", attempts=2))
    app = open_page(demo_home, "snapshots", lang="en")
    assert '<td>2</td><td class="reason">' in html(app)
    app.button(key=f"again_{first.id}").click().run()
    assert not app.exception
    again = runs(state, "weekly")[0]
    assert (again.due_on, again.revision, again.state) == (date(2026, 11, 16), 2, "due")
    app.date_input(key="past_days_weekly").set_value((date(2026, 11, 1), date(2026, 11, 17))).run()
    app.button(key="past_run_weekly").click().run()
    assert not app.exception
    assert [(run.due_on.day, run.revision) for run in runs(state, "weekly")] == [(16, 2), (16, 1), (9, 1), (2, 1)]


@pytest.mark.parametrize(
    ("language", "named"), [("zh", "渠道 微信银行, 星级 6 星"), ("en", "channel WeChat bank, tier 6★")]
)
def test_what_a_revision_changed_is_named(demo_home, open_page, state, language, named):
    """Satisfaction of one channel and tier, from 90 % to 95 %."""
    definition_store.apply(state, [one for one in load(READY.read_text("utf-8")) if one.name == "daily"], "ann")
    for value in (0.9, 0.95):
        run = Ledger(state).add("daily", date(2026, 11, 22))
        figure = {"recipient": "local", "section": "grid", "kpi": "csat", "key": "channel=wechat|tier=6"}
        with state.transaction() as connection:
            connection.execute(sa.insert(snapshot_figure).values(run_id=run.id, value=value, **figure))
            connection.execute(sa.update(snapshot_run).values(state="sent", step="recorded"))
    app = open_page(demo_home, "snapshots", lang=language)
    assert not app.exception
    assert f"<td>{named}</td>" in html(app)
    assert "<td>90.00%</td><td>95.00%</td>" in html(app)


def test_the_owner_decides_about_copies_that_did_not_arrive(demo_home, open_page, state, monkeypatch, tmp_path):
    """Ann's hand-over breaks off, Ben's target is away; Cid has his copy."""
    monkeypatch.setenv("KPI_HOME", str(demo_home))
    monkeypatch.setattr(snapshots, "workers", lambda *asked: ["a worker that takes them"])

    def first(parcel, recipient, *, key):
        if recipient.name == "ben":
            return Done("temporary", "away", 5)
        if recipient.name == "ann":
            raise OSError("connection lost")
        return deliver(parcel, recipient, key=key)

    (daily,) = (one for one in load(READY.read_text("utf-8")) if one.name == "daily")
    people = tuple(Recipient(name, f"file://{tmp_path / name}") for name in ("ann", "ben", "cid"))
    definition_store.apply(state, [replace(daily, recipients=people)], "ann")
    Ledger(state).add("daily", date(2026, 11, 22))
    warehouse = Warehouse.from_settings(load_settings())
    worker.run_due(warehouse, lambda *a, **b: render(*a, **b), first)
    (run,) = runs(state)
    assert run.state == "unconfirmed"
    lines = {line.recipient: line.id for line in deliveries(state, run)}
    app = open_page(demo_home, "snapshots", lang="en")
    labels = {button.label for button in app.button}
    assert {"It arrived", "It did not: send it again", "Send again to those who did not get it: ben"} <= labels
    app.button(key=f"arrived_{lines['ann']}").click().run()
    assert not app.exception
    assert "ann: has got it, says local" in html(app)
    assert runs(state)[0].state == "failed"
    app.button(key=f"send_failed_again_{run.id}").click().run()
    assert not app.exception
    assert any("Put down to be sent again to ben" in as_read(told.value) for told in app.info)
    worker.run_due(warehouse, lambda *a, **b: render(*a, **b), deliver)
    warehouse.close()
    assert runs(state)[0].state == "sent"
    assert [len(list((tmp_path / name).glob("*"))) for name in ("ben", "cid")] == [1, 1]
    app = open_page(demo_home, "snapshots", lang="en")
    assert not any("again to" in button.label for button in app.button)


def test_what_is_due_next_comes_first(state):
    soon, later, never = (
        definition_store.Kept(Definition(name, ("", name), (), "yesterday", schedule=asked))
        for name, asked in (("c", Schedule("* * * * *")), ("b", Schedule("0 8 1 1 *")), ("a", None))
    )
    assert sorted([never, later, soon], key=snapshots._next_due) == [soon, later, never]


def test_a_link_leads_to_its_run_and_one_that_is_none_says_so(demo_home, open_page, state):
    definition_store.apply(state, [one for one in load(READY.read_text("utf-8")) if one.name == "daily"], "ann")
    ledger = Ledger(state)
    old, _new = (ledger.add("daily", (now() - timedelta(days=days)).date()) for days in (9, 3))
    for run in (old.key, f"{old.key}.0123456789ab"):
        app = open_page(demo_home, "snapshots", lang="en", run=run)
        assert not app.exception
        assert app.selectbox(key="snapshot_run").value == old.key
    app = open_page(demo_home, "snapshots", lang="en", run="daily.r1")
    assert any("no run “daily.r1”" in as_read(info.value) for info in app.info)


def test_recipients_and_what_each_may_see_are_edited_in_a_table():
    branch = Scope((Filter("channel", ("hotline", "wechat")), Filter("region", ("north east",))), see_agents=False)
    before = (Recipient("ann", "mailto:ann@bank.example", branch, "en"), Recipient("ben", "chat:OPS"))
    table = snapshot_editor._frame(before)
    assert list(table["scope"]) == ["channel=hotline,wechat 'region=north east'", ""]
    assert snapshot_editor._recipients(table) == before
    table = table.astype(object)
    table.loc[1, "scope"] = "tier=6,7"
    table.loc[2] = ["cid", "file:///srv/cid", None, None, None, None]
    _, ben, cid = snapshot_editor._recipients(table)
    assert ben.scope == Scope((Filter("tier", ("6", "7")),))
    assert cid == Recipient("cid", "file:///srv/cid")
    for wrong in ("tier", "tier='6"):
        table.loc[1, "scope"] = wrong
        with pytest.raises(InputError, match="tier"):
            snapshot_editor._recipients(table)


def test_sections_are_edited_in_a_table():
    before = (
        Section("head", "headline", ("volume", "csat")),
        Section("grid", "chart", ("csat",), ("channel", "tier"), ("格", "Grid")),
    )
    table = snapshot_editor._section_frame(before)
    assert snapshot_editor._sections(table) == before
    table.loc[2] = [None, None, "aht ,asa", "team", None, None]
    table.loc[3] = [None] * 6
    assert snapshot_editor._sections(table)[2:] == (Section("table-3", "table", ("aht", "asa"), ("team",)),)


def test_one_is_made_from_nothing_edited_whole_and_deleted(demo_home, open_page, state):
    app = open_page(demo_home, "snapshots", lang="en")
    app.button(key="snapshots_new").click().run()
    assert not app.exception
    made = definition_store.definition(state, "snapshot").definition
    assert (made.title, made.schedule, made.recipients) == (("新快照", "New snapshot"), None, ())
    app.text_input(key="cron_snapshot").set_value("0 8 * * 1")
    app.text_input(key="filters_snapshot").set_value("channel=wechat,hotline")
    app.selectbox(key="compare_snapshot").set_value("year")
    app.checkbox(key="wait_snapshot").set_value(False)
    app.multiselect(key="feeds_snapshot").set_value(["hotline"])
    app.number_input(key="deadline_snapshot").set_value(30)
    app.selectbox(key="downtime_snapshot").set_value("skip")
    app.selectbox(key="empty_snapshot").set_value("hold")
    app.number_input(key="limit_snapshot").set_value(120)
    app.button(key="save_snapshot").click().run()
    assert not app.exception
    one = definition_store.definition(state, "snapshot").definition
    assert one.schedule == Schedule(
        "0 8 * * 1", wait=False, feeds=("hotline",), deadline_minutes=30, after_downtime="skip"
    )
    assert one.filters == (Filter("channel", ("wechat", "hotline")),)
    assert (one.compare, one.empty, one.time_limit_seconds, one.sections) == ("year", "hold", 120, made.sections)
    app.button(key="delete_snapshot").click().run()
    assert not app.exception
    assert definition_store.definitions(state) == []
    assert any("its runs and their files stay" in as_read(info.value) for info in app.info)


def test_send_me_this_makes_a_definition_of_the_view(demo_home, open_page, state):
    app = open_page(demo_home, lang="en", channel="wechat", period="7d")
    app.button(key="send_make").click().run()
    assert not app.exception
    made = definition_store.definition(state, "overview").definition
    assert made.filters == (Filter("channel", ("wechat",)),)
    assert (made.period, made.schedule, made.recipients) == ("last_7_days", subscribe.EVERY["monday"], ())
    assert load(dump([made], "en")) == [made]
    app.button(key="send_make").click().run()
    assert len(definition_store.definitions(state)) == 2


def test_its_maker_is_owner_and_recipient_and_a_mail_shows_a_picture(demo_home, open_page, state):
    app = open_page(demo_home, "desk", lang="en", sl="SL2")
    before = [one.label for one in definition_store.definitions(state)]
    app.text_input(key="send_target").set_value("mailto:me@elsewhere.example").run()
    app.button(key="send_make").click().run()
    assert any("bank.example" in as_read(told.value) for told in (*app.info, *app.warning, *app.success, *app.error))
    assert [one.label for one in definition_store.definitions(state)] == before
    app.text_input(key="send_target").set_value("mailto:me@bank.example").run()
    app.button(key="send_make").click().run()
    made = definition_store.definition(state, "desk").definition
    assert made.owner == made.recipients[0].target == "mailto:me@bank.example"
    assert "png" in made.formats
    assert made.service_level == "SL2"


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"period": "90d"}, "last_90_days"),
        ({"period": "qtd"}, "quarter_to_date"),
        ({"period": "ytd"}, "year_to_date"),
        ({"from": "2026-11-16", "to": "2026-11-16"}, "yesterday"),
        ({"from": "2026-10-01", "to": "2026-10-31"}, "last_month"),
        ({"from": "2026-10-20", "to": "2026-11-15"}, "last_28_days"),
    ],
)
def test_a_period_stays_what_it_is_to_the_report(asked, wanted):
    view = read_view(asked, date(2026, 11, 22), date(2025, 1, 1), {}, {})
    made = subscribe.of_view(view, "overview")
    assert made is not None
    assert made.period == wanted


@pytest.mark.parametrize(
    ("page", "asked"),
    [
        ("overview", {"channel": "wechat"}),
        ("desk", {"sl": "SL2"}),
        ("self_service", {}),
        ("long_tail", {"tier": "1,2"}),
    ],
)
def test_the_figures_of_a_report_are_those_of_the_page(demo_home, open_page, bank, state, page, asked):
    """Its cards, of a period that is over: what is due on the day after shows the same texts as the page."""
    app = open_page(demo_home, page, lang="en", period="last_month", **asked)
    app.button(key="send_make").click().run()
    assert not app.exception
    (kept,) = definition_store.definitions(state)
    with report_of(bank, kept.definition, Recipient("me", ""), date(2026, 11, 1)) as report:
        (block,) = (one for one in report.blocks if one.section.kind == "headline")
        reported = [(one.value, one.change.lstrip("↑↓→ ")) for one in words.cards(block, report)]
    shown = re.findall(r'<div class="kpi-value">([^<]*).*?<div class="kpi-delta">(.*?)</div>', html(app))
    assert [value for value, _ in reported] == [value for value, _ in shown]
    assert len(shown) == 6
    assert all(change in told for (_, change), (_, told) in zip(reported, shown, strict=True))


def test_every_page_with_figures_can_be_sent(demo_home, open_page, state):
    reported = [page.id for page in PAGES if page.report]
    for page in ("explore", *reported):
        if page == "overview":
            continue
        app = open_page(demo_home, page, lang="en")
        app.button(key="send_make").click().run()
        assert not app.exception, page
    kept = [one.definition for one in definition_store.definitions(state)]
    assert len(kept) == len(reported)
    assert load(dump(kept, "en")) == kept


def test_a_form_saves_and_says_what_is_wrong(demo_home, open_page, state):
    definition_store.apply(state, [one for one in load(READY.read_text("utf-8")) if one.name == "weekly"], "ann")
    app = open_page(demo_home, "snapshots", lang="en")
    app.text_input(key="cron_weekly").set_value("0 8 * *")
    app.button(key="save_weekly").click().run()
    assert "five fields" in as_read(app.error[0].value)
    app.text_input(key="cron_weekly").set_value("30 7 * * 2")
    app.button(key="save_weekly").click().run()
    assert not app.exception
    asked = definition_store.definition(state, "weekly").definition.schedule
    assert asked is not None
    assert asked.cron == "30 7 * * 2"
