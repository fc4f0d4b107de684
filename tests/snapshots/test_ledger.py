"""Every due run ends once, with a reason; nobody gets anything twice; nothing is silent."""

import json
import multiprocessing
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, timedelta
from types import SimpleNamespace

import pytest

from kpi.errors import PeriodError, RunError
from kpi.query.question import Filter, Scope
from kpi.settings import load_settings
from kpi.snapshots import book, running, store, worker
from kpi.snapshots.deliver import deliver as really_deliver
from kpi.snapshots.ledger import LEASE, Ledger, find
from kpi.snapshots.model import Recipient, Rendered, Schedule
from kpi.snapshots.runs import ENDS, changes, deliveries, files, runs, say
from kpi.snapshots.schedule import due_between
from kpi.state import Target, database
from kpi.state.targets import save_targets, targets
from kpi.warehouse import Warehouse
from tests.code import ROOT
from tests.snapshots.standins import MONDAY, Done, deliver, got, render

KEY = "weekly.20260309T000000Z.2026-03-09.r1"


def states(centre):
    return [run.state for run in runs(centre.state)]


def test_a_due_run_is_rendered_stored_sent_and_recorded_once(centre):
    centre.keep(centre.weekly("ann", "ben"))
    assert centre.run() == 1
    (run,) = runs(centre.state)
    assert (run.key, run.state, run.step, run.revision, run.attempts) == (KEY, "sent", "recorded", 1, 1)
    assert run.version == centre.warehouse.published().version
    assert [(line.recipient, line.status, line.kind) for line in deliveries(centre.state, run)] == [
        ("ann", "sent", "copy"), ("ben", "sent", "copy"),
    ]  # fmt: skip
    assert len(got(centre.outbox, "ann")) == len(got(centre.outbox, "ben")) == 1
    assert got(centre.outbox, "ann")[0].startswith(f"{KEY}.")
    place = centre.settings.home / "snapshots" / "weekly" / "20260309T000000Z" / "r1" / "ann"
    listed = {one.name: one for one in files(centre.state, run) if one.recipient == "ann"}
    assert set(listed) == {path.name for path in place.iterdir()} == {"data.csv", "manifest.json"}
    assert listed["data.csv"].bytes == (place / "data.csv").stat().st_size
    for _ in range(3):
        centre.later(minutes=7)
        assert centre.run() == 0
    assert got(centre.outbox, "owner", "notice.txt") == []


def test_each_recipients_scope_decides_what_is_in_his_copy(centre):
    ann, ben = centre.weekly("ann", "ben").recipients
    calls = replace(ben, scope=Scope((Filter("channel", ("hotline",)),)))
    centre.keep(centre.weekly(recipients=(ann, calls)))
    centre.run()
    (run,) = runs(centre.state)
    read = {name: store.read(centre.settings, run, name, "data.csv").decode() for name in ("ann", "ben")}
    assert "wechat" in read["ann"]
    assert "wechat" not in read["ben"]


# --- data that are late ---


def test_it_waits_for_the_data_and_then_runs(centre):
    centre.keep(centre.weekly("ann"), since=MONDAY + timedelta(days=6))
    centre.moment = MONDAY + timedelta(days=7, minutes=1)
    centre.run()
    (run,) = runs(centre.state)
    assert (run.state, run.attempts) == ("waiting", 0)
    assert say(run.reason, "en") == "Data are late: hotline, wechat."
    centre.load("2026-03-16 00:00")
    centre.later(seconds=20)
    centre.run()
    assert states(centre) == ["sent"] or states(centre) == ["sent_empty"]


def test_past_its_deadline_it_is_held_and_owner_and_recipients_are_told_different_things(centre):
    centre.keep(centre.weekly("ann"), since=MONDAY + timedelta(days=6))
    centre.moment = MONDAY + timedelta(days=7, minutes=1)
    centre.run()
    centre.later(hours=4)
    centre.run()
    (run,) = runs(centre.state)
    assert run.state == "held"
    (owner,) = (centre.outbox / "owner").glob("*/notice.txt")
    (ann,) = (centre.outbox / "ann").glob("*/notice.txt")
    assert "Data are late: hotline, wechat." in owner.read_text()
    assert "snapshots run weekly --due 2026-03-16" in owner.read_text()
    assert "being checked" in ann.read_text()
    assert "late" not in ann.read_text()
    assert run.ended_at is not None
    told = [line for line in deliveries(centre.state, run) if line.kind == "owner"]
    assert told[0].ended_at is not None
    assert told[0].ended_at - run.ended_at < timedelta(minutes=1)
    centre.later(minutes=5)
    centre.run()
    assert len(list((centre.outbox / "owner").glob("*"))) == 1


def test_only_named_feeds_are_waited_for(centre):
    centre.keep(centre.weekly("ann", schedule=Schedule("0 8 * * 1", feeds=("wechat",))),
                since=MONDAY + timedelta(days=6))  # fmt: skip
    centre.world.publish(centre.warehouse, {"hotline": "2026-03-09 07:00", "wechat": "2026-03-16 00:00"})
    centre.moment = MONDAY + timedelta(days=7, minutes=1)
    centre.run()
    assert states(centre)[0] != "waiting"


def test_late_rows_make_revision_2_which_says_what_changed(centre):
    centre.keep(centre.weekly("ann"))
    centre.run()
    (first,) = runs(centre.state)
    kept = store.read(centre.settings, first, "ann", "data.csv")
    centre.world.contact("self", "2026-03-05 12:00")
    centre.load("2026-03-09 09:00")
    Ledger(centre.state, lambda: centre.moment).add("weekly", date(2026, 3, 9))
    centre.run()
    second, again = runs(centre.state)
    assert (second.revision, again.revision, second.state) == (2, 1, "sent")
    assert store.read(centre.settings, first, "ann", "data.csv") == kept
    found = {(one.section, one.kpi, one.key): (one.before, one.after) for one in changes(centre.state, second) or []}
    assert found == {("headline", "volume", ""): (42.0, 43.0), ("channels", "volume", "wechat"): (7.0, 8.0)}
    assert changes(centre.state, first) is None
    said = store.read(centre.settings, second, "ann", "changes.txt").decode()
    assert "2 figures differ from revision 1" in said
    assert "42 → 43 (+1)" in said
    manifest = json.loads(store.read(centre.settings, second, "ann", "manifest.json"))
    assert manifest["revision"] == {"number": 2, "before": 1, "figures_changed": 2}
    assert manifest["files"]["changes.txt"]["bytes"] == len(said.encode())
    assert len(got(centre.outbox, "ann")) == 2


def test_a_run_is_rendered_again_from_what_was_kept_with_it(centre):
    centre.keep(centre.weekly("ann"))
    save_targets(centre.state, [], [Target("csat", low=0.9, first=date(2026, 1, 1))], "ann")
    centre.run()
    (run,) = runs(centre.state)
    book.apply(centre.state, [replace(centre.weekly("ann"), period="yesterday")], "ben")
    save_targets(centre.state, targets(centre.state), [], "ann")
    asked = []

    def spy(warehouse, definition, recipient, due, *, targets=None, version=None):
        asked.append((version, warehouse.settings.service_level, definition.period))
        assert targets is not None
        assert [(row.kpi, row.low) for row in targets.rows] == [("csat", 0.9)]
        return render(warehouse, definition, recipient, due, version=version)

    made = worker.again(
        centre.warehouse, centre.state, replace(run, settings={**run.settings, "service_level": "SL3"}), spy
    )
    assert asked == [(run.version, "SL3", "last_week")]
    assert made["ann"]["data.csv"] == store.read(centre.settings, run, "ann", "data.csv")


# --- empty periods and failed proofs ---

NOBODY_CAME = Scope((Filter("channel", ("sms",)),))


@pytest.mark.parametrize(
    ("rule", "state", "copies"), [("send", "sent_empty", 1), ("skip", "skipped", 0), ("hold", "held", 0)]
)
def test_an_empty_period_is_never_silent(centre, rule, state, copies):
    def nothing(*given, **named):
        return replace(render(*given, **named), empty=True)

    centre.keep(centre.weekly("ann", empty=rule))
    centre.run(render=nothing)
    (run,) = runs(centre.state)
    assert run.state == state
    assert say(run.reason, "zh")
    assert len(got(centre.outbox, "ann")) == copies
    assert len(got(centre.outbox, "owner", "notice.txt")) == (rule == "hold")


def test_where_one_copy_is_empty_the_rule_holds_for_it_alone(centre):
    def nothing_for_ben(warehouse, definition, recipient, due, *, version=None):
        return replace(render(warehouse, definition, recipient, due), empty=recipient.name == "ben")

    centre.keep(centre.weekly("ann", "ben", empty="skip"))
    centre.run(render=nothing_for_ben)
    (run,) = runs(centre.state)
    assert run.state == "sent"
    assert "ben" in say(run.reason, "en")
    assert [line.status for line in deliveries(centre.state, run)] == ["sent", "skipped"]


def test_figures_that_do_not_add_up_are_held_and_kept_for_looking_at(centre):
    def wrong(*given, **named):
        return replace(render(*given, **named), holds=False)

    centre.keep(centre.weekly("ann"))
    centre.run(render=wrong)
    (run,) = runs(centre.state)
    assert run.state == "held"
    assert got(centre.outbox, "ann") == []
    assert "identity proof" in next((centre.outbox / "owner").glob("*/notice.txt")).read_text()
    assert store.read(centre.settings, run, "ann", "data.csv")


# --- what fails ---


def test_one_target_that_fails_does_not_stop_the_others_and_the_run_is_no_success(centre):
    centre.keep(centre.weekly("refused", "ben"))
    centre.run()
    (run,) = runs(centre.state)
    assert run.state == "failed"
    assert say(run.reason, "en") == "1 of 2 recipients did not get it: refused."
    by = {line.recipient: line for line in deliveries(centre.state, run) if line.kind == "copy"}
    assert (by["refused"].status, by["refused"].detail, by["refused"].attempts) == ("failed", "refused", 3)
    assert by["ben"].status == "sent"
    assert "refused: failed refused" in next((centre.outbox / "owner").glob("*/notice.txt")).read_text()


def test_targets_that_hang_do_not_keep_the_others_copies(centre, monkeypatch):
    """Two that take the connection and say nothing until ann has her copy, which is the last one."""
    monkeypatch.setenv("KPI_DELIVER_TO", "*")
    monkeypatch.setenv("KPI_DELIVER_TRIES", "1")
    monkeypatch.setattr(running, "_SLOW", 0.05)
    settings, arrived = load_settings(), threading.Event()

    def real(parcel, recipient, *, key):
        try:
            return really_deliver(parcel, recipient, key=key, settings=settings)
        finally:
            if recipient.name == "ann":
                arrived.set()

    def hang(listening):
        taken = [listening.accept()[0] for _ in range(2)]
        waited.append(arrived.wait(30))
        for one in taken:
            one.close()

    waited: list[bool] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=hang, args=(listening,))
        thread.start()
        (ann,) = centre.weekly("ann").recipients
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/in"
        centre.keep(centre.weekly(recipients=(Recipient("one", url), Recipient("two", url), ann)))
        centre.run(deliver=real, render=lambda *given, **named: with_text(render(*given, **named)))
        thread.join(30)
    assert waited == [True]
    (run,) = runs(centre.state)
    by = {line.recipient: line.status for line in deliveries(centre.state, run) if line.kind == "copy"}
    assert by == {"one": "unconfirmed", "two": "unconfirmed", "ann": "sent"}
    assert run.state == "unconfirmed"


def with_text(copy):
    """A copy with what a message is made of."""
    text = {"title": "Weekly", "head": [], "changed": []}
    return copy.with_file("a.txt", b"a", language="en", synthetic=False, empty=False, text=text)


def test_without_an_owner_of_its_own_the_default_owner_is_told(centre):
    desk = replace(centre.settings, snapshot_owner=f"file://{centre.outbox / 'desk'}")
    centre.warehouse.settings = desk
    centre.keep(centre.weekly("refused", owner=""))
    centre.run()
    assert states(centre) == ["failed"]
    assert len(got(centre.outbox, "desk", "notice.txt")) == 1


def test_a_renderer_that_fails_is_tried_again_and_then_told(centre):
    tried = []

    def failing(*_, **__):
        tried.append(1)
        raise ZeroDivisionError("no")

    centre.keep(centre.weekly("ann"))
    for _ in range(5):
        centre.run(render=failing)
        centre.later(seconds=31)
    (run,) = runs(centre.state)
    assert (run.state, run.attempts, len(tried)) == ("failed", 3, 3)
    assert "ZeroDivisionError" in say(run.reason, "zh")
    assert len(got(centre.outbox, "owner", "notice.txt")) == len(got(centre.outbox, "ann", "notice.txt")) == 1


def again(centre):
    """A run by a worker that opens the warehouse anew."""
    opened = Warehouse.from_settings(centre.settings)
    try:
        worker.run_due(opened, render, deliver, clock=lambda: centre.moment)
    finally:
        opened.close()


def test_a_warehouse_that_is_away_for_a_while_is_waited_for(centre):
    centre.keep(centre.weekly("ann"))
    place = centre.settings.home / "warehouse"
    place.rename(away := place.with_name("away"))
    for _ in range(9):
        again(centre)
        (run,) = runs(centre.state)
        assert (run.state, run.attempts) == ("waiting", 0)
        centre.later(minutes=1)
    shutil.rmtree(place, ignore_errors=True)
    away.rename(place)
    again(centre)
    (run,) = runs(centre.state)
    assert (run.state, run.reason, run.attempts) == ("sent", "", 1)
    assert got(centre.outbox, "owner", "notice.txt") == []


def test_a_warehouse_that_stays_away_is_told(centre):
    centre.keep(centre.weekly("ann"))
    place = centre.settings.home / "warehouse"
    place.rename(place.with_name("away"))
    for _ in range(14):
        again(centre)
        centre.later(minutes=1)
    assert states(centre) == ["failed"]
    assert len(got(centre.outbox, "owner", "notice.txt")) == 1


def test_a_full_disk_leaves_nothing_half_and_is_told(centre):
    centre.keep(centre.weekly("ann"))
    place = centre.settings.home / "snapshots"
    place.write_text("a file where the folder should be")  # a folder that refuses, whoever runs the tests
    for _ in range(2):
        centre.run()
        centre.later(seconds=31)
    (run,) = runs(centre.state)
    assert (run.state, run.step, run.folder) == ("waiting", "rendered", None)
    assert "Check the disk" in say(run.reason, "en")
    place.unlink()
    centre.run()
    (run,) = runs(centre.state)
    assert (run.state, len(got(centre.outbox, "ann"))) == ("sent", 1)
    assert not list(place.rglob("*.part-*"))


def test_a_delivery_that_breaks_off_is_not_repeated(centre):
    def breaking(rendered, recipient, *, key):
        deliver(rendered, recipient, key=key)
        if recipient.name == "ann":
            raise OSError("connection lost")
        return Done()

    centre.keep(centre.weekly("ann", "ben"))
    centre.run(deliver=breaking)
    (run,) = runs(centre.state)
    assert run.state == "unconfirmed"
    assert len(got(centre.outbox, "ann")) == len(got(centre.outbox, "ben")) == 1
    assert "Ask them" in next((centre.outbox / "owner").glob("*/notice.txt")).read_text()


def test_a_stuck_run_is_ended_by_its_time_limit(centre, monkeypatch):
    monkeypatch.setattr(worker, "_BEAT", 0.1)
    centre.keep(centre.weekly("ann", time_limit_seconds=1))
    ended, going_on = threading.Event(), threading.Event()

    def hangs(*given, **named):
        going_on.wait(20)
        return render(*given, **named)

    thread = threading.Thread(target=centre.run, kwargs={"render": hangs, "on_stuck": ended.set})
    thread.start()
    assert ended.wait(10)
    going_on.set()  # what hung wakes up, and is refused
    thread.join(20)
    (run,) = runs(centre.state)
    assert run.state == "failed"
    assert "time limit of 1 s" in say(run.reason, "en")
    assert got(centre.outbox, "ann") == []
    assert len(got(centre.outbox, "ann", "notice.txt")) == 1


def test_a_hand_over_that_is_cut_off_by_the_time_limit_is_unconfirmed(centre, monkeypatch):
    centre.keep(centre.weekly("ann", "ben"))
    told: list[tuple[str, str]] = []
    hours = [0]
    monkeypatch.setattr(worker, "_BEAT", 0.05)
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + 3600 * hours[0]))

    def hangs(rendered, recipient, *, key):
        hours[0] = 1
        if ended.wait(20):
            told.extend((line.recipient, line.status) for line in deliveries(centre.state, runs(centre.state)[0])
                        if line.kind == "copy")  # fmt: skip
        return deliver(rendered, recipient, key=key)

    ended = threading.Event()
    centre.run(deliver=hangs, on_stuck=ended.set)
    (run,) = runs(centre.state)
    assert run.state == "unconfirmed"
    assert "time limit of 60 s" in say(run.reason, "en")
    assert told[:2] == [("ann", "unconfirmed"), ("ben", "due")]
    assert got(centre.outbox, "ben") == []
    assert "Ask them" in next((centre.outbox / "owner").glob("*/notice.txt")).read_text()


def test_the_state_database_gone_for_a_while_loses_nothing(centre, monkeypatch):
    centre.keep(centre.weekly("ann"))
    monkeypatch.setattr(database, "_WAIT", 0.05)
    locked = threading.Event()

    def locking(rendered, recipient, *, key):
        done = deliver(rendered, recipient, key=key)
        threading.Thread(target=hold, daemon=True).start()
        assert locked.wait(5)
        return done

    def hold():
        with sqlite3.connect(centre.settings.home / "state.sqlite", isolation_level=None) as connection:
            connection.execute("BEGIN IMMEDIATE")
            locked.set()
            time.sleep(1.0)
            connection.execute("ROLLBACK")

    assert centre.run(deliver=locking) == 1
    (run,) = runs(centre.state)
    assert (run.state, len(got(centre.outbox, "ann"))) == ("sent", 1)


def test_a_notice_that_does_not_arrive_is_sent_once_its_target_is_there_again(centre):
    """The mail server is down for five minutes: tried after 0, 1, 2, 4 and 8."""
    tried = []

    def away(parcel, recipient, *, key):
        if recipient.name == "owner":
            tried.append((centre.moment - start).total_seconds() / 60)
            if centre.moment < start + timedelta(minutes=5):
                return Done("temporary", "nobody there", 5)
        return deliver(parcel, recipient, key=key)

    start = centre.moment
    centre.keep(centre.weekly("refused"))
    for _ in range(30):
        centre.run(deliver=away)
        centre.later(minutes=1)
    assert tried == [0, 1, 2, 4, 8]
    (run,) = runs(centre.state)
    (told,) = [line for line in deliveries(centre.state, run) if line.kind == "owner"]
    assert (told.status, told.attempts) == ("sent", 21)
    assert len(got(centre.outbox, "owner", "notice.txt")) == 1


def test_a_notice_is_given_up_after_a_day(centre):
    def away(parcel, recipient, *, key):
        return Done("temporary", "nobody there", 5)

    centre.keep(centre.weekly("refused"))
    for _ in range(26):
        centre.run(deliver=away)
        centre.later(hours=1)
    (run,) = runs(centre.state)
    assert {line.status for line in deliveries(centre.state, run)} == {"failed"}


def test_a_worker_that_is_killed_while_it_tells_does_not_lose_the_notice(centre):
    centre.keep(centre.weekly("refused"))
    code, said = killed(centre, "telling")
    assert code == -9, said
    centre.later(minutes=1)
    centre.run()
    assert len(got(centre.outbox, "owner", "notice.txt")) == 1  # whoever tells may still be at it
    centre.later(minutes=6)
    centre.run()
    told = got(centre.outbox, "owner", "notice.txt")
    assert len(told) == 2
    assert len(set(told)) == 1


# --- who was away ---


@pytest.mark.parametrize(("rule", "state"), [("catch_up", "sent"), ("skip", "missed")])
def test_a_worker_that_was_down_catches_up_or_skips_by_rule(centre, rule, state):
    centre.keep(centre.weekly("ann", schedule=Schedule("0 8 * * 1", after_downtime=rule)))
    centre.later(hours=3)
    centre.run()
    (run,) = runs(centre.state)
    assert run.state == state
    assert "was down" in say(run.reason, "en")
    assert len(got(centre.outbox, "ann")) == (rule == "catch_up")
    assert len(got(centre.outbox, "owner", "notice.txt")) == (rule == "skip")


def test_a_paused_one_is_not_due_and_goes_on_from_now(centre):
    centre.keep(centre.weekly("ann", paused=True))
    centre.run()
    book.pause(centre.state, "weekly", False, "ann")
    centre.later(hours=1)
    centre.run()
    assert runs(centre.state) == []


@pytest.mark.parametrize(
    ("was", "becomes", "due"),
    [
        ({"paused": True}, {"paused": False}, 0),
        ({"schedule": Schedule("0 8 * * 3")}, {"schedule": Schedule("0 8 * * 1")}, 0),
        ({"schedule": None}, {"schedule": Schedule("0 8 * * 1")}, 0),
        ({"title": ("周报", "Old")}, {"title": ("周报", "New")}, 8),
        ({"schedule": Schedule("0 8 * * 1", wait=False)}, {"schedule": Schedule("0 8 * * 1", wait=True)}, 8),
    ],
)
def test_what_was_not_due_is_not_made_up_for_though_no_worker_ran(centre, was, becomes, due):
    """The weeks before 9 March have 8 Mondays from 19 January on."""
    centre.keep(replace(centre.weekly("ann"), **was), since=MONDAY - timedelta(days=7 * 8 - 1))
    book.apply(centre.state, [replace(centre.weekly("ann"), **becomes)], "ben")
    assert Ledger(centre.state, lambda: centre.moment).put_down() == due


def test_trap_a_clock_set_back_makes_no_second_run(centre):
    centre.keep(centre.weekly("ann"))
    centre.run()
    for minutes in (-90, 30, 90, 60):
        centre.later(minutes=minutes)
        centre.run()
    assert [run.key for run in runs(centre.state)] == [KEY]
    assert len(got(centre.outbox, "ann")) == 1


def test_trap_a_lease_from_before_the_clock_was_set_back_does_not_hold_for_ever(centre):
    centre.keep(centre.weekly("ann"))
    ledger = Ledger(centre.state, lambda: centre.moment)
    ledger.put_down()
    assert ledger.claim() is not None
    assert ledger.claim() is None
    centre.later(hours=-5)
    assert Ledger(centre.state, lambda: centre.moment).claim() is not None


def test_by_hand_runs_are_for_what_is_over(centre):
    centre.keep(centre.weekly("ann"))
    ledger = Ledger(centre.state, lambda: centre.moment)
    with pytest.raises(PeriodError, match="still to come"):
        ledger.add("weekly", date(2027, 1, 4))
    one, other = ledger.add("weekly"), ledger.add("weekly")
    assert one.due_on == date(2026, 3, 9)
    assert (one.revision, other.revision) == (1, 2)


# --- several workers, and workers that are killed ---


def test_one_who_lost_his_claim_is_refused(centre):
    centre.keep(centre.weekly("ann"))
    slow, quick = (Ledger(centre.state, lambda: centre.moment) for _ in range(2))
    slow.put_down()
    lost = slow.claim()
    assert quick.claim() is None
    centre.later(seconds=LEASE.total_seconds() + 1)
    taken = quick.claim()
    assert taken is not None
    assert lost is not None
    with pytest.raises(RunError, match="Somebody else"):
        slow.step(lost, "queried")
    with pytest.raises(RunError):
        slow.end(lost, "sent")
    quick.step(taken, "queried")


def _at_once(home, ready):
    from kpi.settings import load_settings
    from kpi.warehouse import Warehouse

    os.environ |= {"KPI_HOME": str(home), "KPI_MEMORY": "1"}
    opened = Warehouse.from_settings(load_settings())
    ready.wait(30)
    worker.run_due(opened, render, deliver, clock=lambda: MONDAY + timedelta(minutes=1))


def test_two_workers_at_the_same_time_do_it_once(centre):
    names = [f"s{number}" for number in range(6)]
    centre.keep(*(replace(centre.weekly(name), name=name) for name in names))
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(2)
    both = [context.Process(target=_at_once, args=(centre.settings.home, ready)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert [one.exitcode for one in both] == [0, 0]
    assert states(centre) == ["sent"] * 6
    assert [len(got(centre.outbox, name)) for name in names] == [1] * 6


def killed(centre, at):
    """Run a worker that kills itself once ``at`` is done."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.snapshots.standins", centre.moment.isoformat(), at],
        cwd=ROOT,
        env=os.environ | {"KPI_HOME": str(centre.settings.home), "KPI_MEMORY": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return ended.returncode, ended.stderr


STEPS = ("due", "claimed", "queried", "rendered", "stored", "first", "last", "delivered", "recorded")


@pytest.mark.parametrize("at", STEPS)
def test_killed_after_any_step_it_is_finished_and_nobody_gets_it_twice(centre, at):
    centre.keep(centre.weekly("ann", "ben"))
    code, said = killed(centre, at)
    assert code == -9, said
    assert states(centre) == (["sent"] if at == "recorded" else ["due"] if at == "due" else ["running"])
    if at not in {"due", "recorded"}:
        assert centre.run() == 0  # the lease of the dead still runs
    centre.later(seconds=LEASE.total_seconds() + 20)  # the other process's clock went on
    assert centre.run() == (0 if at == "recorded" else 1)
    assert states(centre) == ["sent"]
    assert len(got(centre.outbox, "ann")) == len(got(centre.outbox, "ben")) == 1
    assert got(centre.outbox, "owner", "notice.txt") == []


def test_killed_between_hand_over_and_record_it_is_unconfirmed_and_the_owner_is_asked(centre):
    centre.keep(centre.weekly("ann", "ben"))
    code, said = killed(centre, "handing")
    assert code == -9, said
    centre.later(seconds=LEASE.total_seconds() + 20)
    centre.run()
    (run,) = runs(centre.state)
    assert run.state == "unconfirmed"
    assert len(got(centre.outbox, "ann")) == len(got(centre.outbox, "ben")) == 1
    by = {line.recipient: line.status for line in deliveries(centre.state, run) if line.kind == "copy"}
    assert by == {"ann": "unconfirmed", "ben": "sent"}
    assert "ann: unconfirmed" in next((centre.outbox / "owner").glob("*/notice.txt")).read_text()
    for _ in range(3):
        centre.later(minutes=20)
        centre.run()
    assert len(got(centre.outbox, "ann")) == 1


def test_a_run_that_takes_its_workers_down_is_given_up_and_told(centre):
    centre.keep(centre.weekly("ann"))
    for _ in range(3):
        assert killed(centre, "queried")[0] == -9
        centre.later(seconds=LEASE.total_seconds() + 20)
    centre.run()
    (run,) = runs(centre.state)
    assert run.state == "failed"
    assert "Broken off 3 times" in say(run.reason, "en")
    assert len(got(centre.outbox, "owner", "notice.txt")) == 1


def test_killed_for_the_last_time_in_a_hand_over_it_is_unconfirmed_and_not_to_be_sent_again(centre):
    centre.keep(centre.weekly("ann", "ben"))
    for at in ("claimed", "stored", "handing"):
        assert killed(centre, at)[0] == -9
        centre.later(seconds=LEASE.total_seconds() + 20)
    centre.run()
    (run,) = runs(centre.state)
    assert (run.state, run.attempts) == ("unconfirmed", 4)
    assert "Broken off 3 times" in say(run.reason, "en")
    assert "is not known: ann" in say(run.reason, "en")
    by = {line.recipient: line.status for line in deliveries(centre.state, run) if line.kind == "copy"}
    assert by == {"ann": "unconfirmed", "ben": "due"}
    (told,) = (centre.outbox / "owner").glob("*/notice.txt")
    assert "Ask them" in told.read_text()
    assert len(got(centre.outbox, "ben", "notice.txt")) == 1
    assert got(centre.outbox, "ann", "notice.txt") == []


def test_a_stuck_process_ends_itself(centre):
    centre.keep(centre.weekly("ann", time_limit_seconds=1))
    assert killed(centre, "stuck")[0] == 1
    assert states(centre) == ["failed"]
    assert len(got(centre.outbox, "owner", "notice.txt")) == 1


# --- a long time ---


def test_in_400_days_of_four_schedules_every_due_run_is_accounted_for(centre):
    """Through changes of the clock in four zones, with a worker that looks at odd times and is down for two days."""
    quick = Rendered({"a.csv": b"a"}, {("s", "k", ""): 1.0}, False, True, 1, {}, centre_period())
    schedules = {
        "berlin": Schedule("30 2 * * 0,3", "Europe/Berlin", wait=False),
        "york": Schedule("30 1 * * 0", "America/New_York", wait=False),
        "beirut": Schedule("0 0 * * 0", "Asia/Beirut", wait=False, after_downtime="skip"),
        "china": Schedule("0 9 * * *", days="first_working_day", wait=False),
    }
    start = MONDAY - timedelta(days=30)
    centre.keep(
        *(replace(centre.weekly(), name=name, schedule=one, owner="", recipients=(Recipient("a", "b"),))
          for name, one in schedules.items()), since=start)  # fmt: skip
    sent: Counter[str] = Counter()

    def count(rendered, recipient, *, key):
        sent[key] += 1
        return Done()

    centre.moment, end, look = start, start + timedelta(days=400), 0
    while centre.moment < end:
        look += 1
        centre.moment = min(end, centre.moment + timedelta(hours=120 if look % 20 == 0 else 19 + look * 7 % 53))
        centre.run(render=lambda *_, **__: quick, deliver=count)
    due = {(name, one.at) for name, asked in schedules.items() for one in due_between(asked, start, end)}
    found = runs(centre.state, most=10_000)
    assert {(run.name, run.due_at) for run in found} == due
    assert len(found) == len(due) > 200
    assert {run.state for run in found} <= set(ENDS)
    assert set(sent.values()) == {1}
    assert len(sent) == sum(run.state == "sent" for run in found)
    assert all(run.state in {"sent", "missed"} for run in found)


def centre_period():
    from kpi.query.question import Period

    return Period(date(2026, 3, 1), date(2026, 3, 1))


# --- what is kept ---


def test_files_are_kept_by_count_and_age_and_the_last_good_one_always(centre):
    centre.keep(centre.weekly("ann", schedule=Schedule("0 8 * * *", wait=False)))
    few = replace(centre.settings, snapshot_runs=3, snapshot_days=10)
    for _ in range(5):
        centre.run()
        centre.later(days=1)
    assert len([run for run in runs(centre.state) if run.folder]) == 5
    assert store.tidy(centre.state, few, centre.moment) == 2
    assert store.tidy(centre.state, few, centre.moment) == 0
    left = [run for run in runs(centre.state) if run.folder]
    assert len(left) == 3
    folders = list((centre.settings.home / "snapshots" / "weekly").iterdir())
    assert len(folders) == 3
    assert store.tidy(centre.state, few, centre.moment + timedelta(days=300)) == 2
    (good,) = [run for run in runs(centre.state) if run.folder]
    assert good.due_on == max(run.due_on for run in left)
    assert store.read(centre.settings, good, "ann", "data.csv")
    assert len(runs(centre.state)) == 5
    shutil.rmtree(centre.settings.home / "snapshots")
    with pytest.raises(RunError, match="is gone"):
        store.read(centre.settings, good, "ann", "data.csv")


def test_what_killed_workers_left_is_swept_after_a_day(centre):
    centre.keep(centre.weekly("ann"))
    centre.run()
    place = centre.settings.home / "snapshots" / "weekly"
    kept = place / "20260309T000000Z" / "r1"
    old = [place / "20260302T000000Z" / "r1.part-7", place / "20260309T000000Z" / "r2"]
    young = place / "20260309T000000Z" / "r3.part-8"
    for folder in (*old, young):
        (folder / "ann").mkdir(parents=True)
    for folder, days in ((kept, 9), (old[0], 2), (old[1], 2), (young, 0)):
        moment = (centre.moment - timedelta(days=days)).replace(tzinfo=UTC).timestamp()
        os.utime(folder, (moment, moment))
    store.tidy(centre.state, centre.settings, centre.moment)
    assert {path.relative_to(place).as_posix() for path in place.glob("*/*")} == {
        "20260309T000000Z/r1", "20260309T000000Z/r3.part-8",
    }  # fmt: skip
    assert not old[0].parent.exists()


def test_a_run_is_found_by_its_key(centre):
    centre.keep(centre.weekly("ann"))
    centre.run()
    assert json.loads(find(centre.state, KEY).content)["name"] == "weekly"
    with pytest.raises(Exception, match="Did you mean"):
        find(centre.state, KEY.replace("r1", "r9"))
