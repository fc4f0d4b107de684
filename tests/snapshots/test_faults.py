"""Targets, disks, databases and renderers that fail: nothing is silent, nobody gets anything twice."""

import shutil
import socket
import sqlite3
import threading
import time
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

from kpi.settings import load_settings
from kpi.snapshots import execution, worker
from kpi.snapshots.deliver import deliver as really_deliver
from kpi.snapshots.ledger import Ledger
from kpi.snapshots.model import Recipient
from kpi.snapshots.render import copy
from kpi.snapshots.render import render as really_render
from kpi.snapshots.runs import deliveries, runs, say
from kpi.state import database
from kpi.warehouse import Warehouse
from tests.code import PATIENCE
from tests.snapshots.standins import Done, deliver, got, render


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
    monkeypatch.setattr(execution, "_SLOW", 0.05)
    settings, arrived = load_settings(), threading.Event()

    def real(parcel, recipient, *, key):
        try:
            return really_deliver(parcel, recipient, key=key, settings=settings)
        finally:
            if recipient.name == "ann":
                arrived.set()

    def hang(listening):
        listening.settimeout(PATIENCE)
        taken = [listening.accept()[0] for _ in range(2)]
        waited.append(arrived.wait(PATIENCE))
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
        thread.join(PATIENCE)
    assert waited == [True]
    (run,) = runs(centre.state)
    by = {line.recipient: line.status for line in deliveries(centre.state, run) if line.kind == "copy"}
    assert by == {"one": "unconfirmed", "two": "unconfirmed", "ann": "sent"}
    assert run.state == "unconfirmed"


def with_text(copy):
    """A copy with what a message is made of."""
    text = {"title": "Weekly", "head": [], "changed": []}
    period = {"from": "2026-03-02", "to": "2026-03-08"}
    return copy.with_file("a.txt", b"a", language="en", synthetic=False, empty=False, text=text, period=period)


def test_without_an_owner_of_its_own_the_default_owner_is_told(centre):
    desk = replace(centre.settings, snapshot_owner=f"file://{centre.outbox / 'desk'}")
    centre.warehouse.settings = desk
    centre.keep(centre.weekly("refused", owner=""))
    centre.run()
    assert centre.states() == ["failed"]
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


def test_trap_a_file_that_cannot_be_made_ends_the_run_with_the_reason(centre, monkeypatch):
    """It waited: for a worker who would find the same."""

    def broken(report):
        raise ValueError("no such sheet")

    monkeypatch.setitem(copy.FORMS, "xlsx", broken)
    centre.keep(centre.weekly("ann", formats=("xlsx",)))
    centre.run(render=really_render)
    (run,) = runs(centre.state)
    assert (run.state, run.attempts) == ("failed", 1)
    assert say(run.reason, "en") == "The xlsx file cannot be made: ValueError: no such sheet"
    assert "xlsx 文件" in say(run.reason, "zh")
    assert got(centre.outbox, "owner", "notice.txt")


def test_an_error_ends_a_run_that_somebody_waits_for(centre, monkeypatch):
    """Nobody need come after him who would try it again."""

    def failing(*_, **__):
        raise OSError("gone")

    centre.keep(centre.weekly("ann"))
    added = Ledger(centre.state).add("weekly", date(2026, 3, 9))
    worker.run_due(centre.warehouse, failing, deliver, clock=lambda: centre.moment, only=added.id)
    assert [run.state for run in runs(centre.state) if run.id == added.id] == ["failed"]


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
    assert centre.states() == ["failed"]
    assert len(got(centre.outbox, "owner", "notice.txt")) == 1


def test_trap_a_run_over_a_file_that_cannot_be_read_fails_and_names_the_table(centre):
    centre.keep(centre.weekly("ann"))
    for file in (centre.settings.home / "warehouse" / "data" / "main" / "daily").glob("*.parquet"):
        file.write_bytes(bytes(file.stat().st_size))
    again(centre)
    (run,) = runs(centre.state)
    assert run.state == "failed"
    assert "The table daily cannot be read" in say(run.reason, "en")
    assert "表 daily 无法读取" in say(run.reason, "zh")
    assert "SELECT" not in say(run.reason, "en")
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
        going_on.wait(PATIENCE)
        return render(*given, **named)

    thread = threading.Thread(target=centre.run, kwargs={"render": hangs, "on_stuck": ended.set})
    thread.start()
    assert ended.wait(PATIENCE)
    going_on.set()  # what hung wakes up, and is refused
    thread.join(PATIENCE)
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
        if ended.wait(PATIENCE):
            told.extend((line.recipient, line.status) for line in deliveries(centre.state, runs(centre.state)[0])
                        if line.kind == "copy")  # fmt: skip
        return deliver(rendered, recipient, key=key)

    ended = threading.Event()
    centre.run(deliver=hangs, on_stuck=ended.set)
    (run,) = runs(centre.state)
    assert run.state == "unconfirmed"
    assert "time limit of 600 s" in say(run.reason, "en")
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
        assert locked.wait(PATIENCE)
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
