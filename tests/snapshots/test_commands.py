"""``python -m kpi snapshots``: definitions as a file, runs by hand, the worker as a process."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime

import pytest

from kpi import cli
from kpi.snapshots import worker
from kpi.snapshots.definition_file import READY, dump
from kpi.snapshots.ledger import MOST_ATTEMPTS, Ledger
from kpi.snapshots.model import Schedule
from kpi.snapshots.runs import Run, deliveries, runs, say, workers
from kpi.state.database import now
from tests.code import PATIENCE, ROOT
from tests.snapshots.standins import Done, deliver, got, render


@pytest.fixture
def said(centre, monkeypatch, capsys):
    """Run a command on the centre's home, with the stand-ins as renderer and delivery."""
    monkeypatch.setattr(worker, "parts", lambda: (render, deliver))

    def command(*arguments, code=0, language="en"):
        monkeypatch.setenv("KPI_LANGUAGE", language)
        assert cli.main(["snapshots", *map(str, arguments)]) == code
        out, err = capsys.readouterr()
        return err if code == 2 else out

    return command


def test_definitions_are_applied_dumped_listed_paused(centre, said, tmp_path):
    file = tmp_path / "ours.toml"
    file.write_text(READY.read_text("utf-8"), "utf-8")
    assert said("apply", file) == "Snapshots: 4 added, 0 changed, 0 removed, 0 unchanged.\n"
    file.write_text(said("dump"), "utf-8")
    assert said("apply", file, language="zh") == "快照：新增 0，更改 0，删除 0，未变 4。\n"
    assert "Weekly management report" in said("list")
    assert said("pause", "weekly") == "weekly: paused\n"
    assert "Asia/Shanghai" in said("resume", "weekly")
    assert "Did you mean “weekly”?" in said("pause", "wekly", code=2)
    file.write_text(dump([centre.weekly("ann", schedule=Schedule("0 8 * * 1", feeds=("hotlin",)))], "en"), "utf-8")
    assert "Did you mean “hotline”?" in said("apply", file, code=2)
    assert len(said("list").splitlines()) == 6


def test_trap_a_working_day_of_a_year_that_is_not_published_says_so(centre, said, monkeypatch):
    centre.keep(centre.weekly("ann", schedule=Schedule("0 8 * * *", days="working")), since=now())
    monkeypatch.setattr("kpi.cli.snapshot_commands.now", lambda: datetime(2036, 12, 31, 12))
    assert "Fri 2 Jan 08:00 Asia/Shanghai (2037 calendar not yet published" in said("list")
    monkeypatch.setattr("kpi.cli.snapshot_commands.now", lambda: datetime(2026, 10, 2, 12))
    assert "Thu 8 Oct 08:00 Asia/Shanghai\n" in said("list").replace("  head\n", "\n").replace("  ann\n", "\n")


def test_runs_by_hand_back_filled_and_listed(centre, said, tmp_path):
    centre.keep(centre.weekly("ann"), since=now())
    assert "weekly.20260309T000000Z.2026-03-09.r1  sent" in said("run", "weekly", "--due", "2026-03-09")
    assert ".r2  sent" in said("run", "weekly", "--due", "2026-03-09")
    filled = said("back-fill", "weekly", "--from", "2026-02-20", "--to", "2026-03-09")
    # 9 March has its runs.
    assert [line.split()[0] for line in filled.splitlines()[2:]] == [
        "weekly.20260223T000000Z.2026-02-23.r1", "weekly.20260302T000000Z.2026-03-02.r1",
    ]  # fmt: skip
    listed = json.loads(said("runs", "weekly", "--format", "json"))
    assert listed[0]["key"].endswith("r2")
    assert listed[0]["changes"] == []
    assert listed[0]["recipients"][0] | {"detail": ""} == {
        "kind": "copy", "name": "ann", "status": "sent", "detail": "", "attempts": 1,
    }  # fmt: skip
    assert said("again", listed[1]["key"], "--to", tmp_path / "again") == f"{tmp_path / 'again' / 'ann'}\n"
    assert (tmp_path / "again" / "ann" / "data.csv").exists()
    assert "Worked on 0 runs" in said("run-due")
    assert "still to come" in said("run", "weekly", "--due", "2099-01-05", code=2)


def served(centre, work: str, setting: str) -> Run:
    """The one run after ``serve``, changed by ``setting``, has had it worked on by processes that do ``work``."""
    code = (
        "import sys; from kpi.settings import load_settings; from kpi.snapshots import worker\n"
        f"{setting}\n"
        f"sys.exit(worker.serve(load_settings(), tick=0.2, command=[sys.executable, '-c', {work!r}]))"
    )
    server = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT,
                              env=os.environ | {"KPI_HOME": str(centre.settings.home)})  # fmt: skip
    try:
        until = time.monotonic() + PATIENCE
        while runs(centre.state)[0].ended_at is None and time.monotonic() < until:
            time.sleep(0.1)
    finally:
        server.send_signal(signal.SIGTERM)
    assert server.wait(PATIENCE) == 0
    (run,) = runs(centre.state)
    return run


def test_a_process_that_breaks_at_once_is_not_started_all_the_time_and_its_runs_are_told_of(
    centre, tmp_path, monkeypatch
):
    """Between one start and the next the pause doubles: 0.4, then 0.8 seconds at looks of 0.2. It can tell nobody
    itself; after the third time ``serve`` does, by the real delivery.
    """
    monkeypatch.setenv("KPI_DELIVER_TO", "*")
    centre.keep(centre.weekly("ann"), since=now())
    Ledger(centre.state).add("weekly")
    starts = tmp_path / "starts"
    work = f"import sys, time; open({str(starts)!r}, 'a').write(f'{{time.monotonic()}}\\n'); sys.exit(3)"
    run = served(centre, work, "worker._LOOKED_AT = 0.1")
    first, second, third = map(float, starts.read_text().split())
    assert second - first >= 0.4
    assert third - second >= 0.8
    assert run.state == "failed"
    assert "broke off at its start (code 3, 3 times in a row)" in say(run.reason, "en")
    told = {line.kind: line.status for line in deliveries(centre.state, run)}
    assert told == {"owner": "sent", "notice": "sent"}
    assert "code 3" in next((centre.outbox / "owner").glob("*/notice.txt")).read_text("utf-8")


def test_a_process_that_stands_still_is_ended_and_its_run_done_by_the_next(centre, tmp_path):
    """Its own time limit stands still with it: ``serve`` ends it from outside."""
    stands_still(centre, tmp_path, "time.sleep(1)")


def test_trap_a_process_that_stands_still_with_the_state_database_locked_is_ended(centre, tmp_path):
    """Nobody can write then, so that no sign of life can be waited for."""
    locking = (
        "import sqlite3; other = sqlite3.connect(load_settings().home / 'state.sqlite', isolation_level=None)\n"
        "        other.execute('BEGIN IMMEDIATE')"
    )
    stands_still(centre, tmp_path, locking)


def stands_still(centre, tmp_path, first: str) -> None:
    """The process of the first attempt does ``first`` and stands still: it is ended, and the second attempt sends."""
    centre.keep(centre.weekly("ann"), since=now())
    Ledger(centre.state).add("weekly")
    once = tmp_path / "stood still"
    work = (
        "import os, signal, pathlib; from datetime import timedelta\n"
        "from kpi.snapshots import ledger; from tests.snapshots.standins import *\n"
        "ledger.LEASE, worker._BEAT = timedelta(seconds=3), 0.2\n"
        "def stopping(*given, **named):\n"
        f"    once = pathlib.Path({str(once)!r})\n"
        "    if not once.exists():\n"
        "        once.write_text(str(os.getpid()))\n"
        f"        {first}\n"
        "        os.kill(os.getpid(), signal.SIGSTOP)\n"
        "    return render(*given, **named)\n"
        "worker.run_due(Warehouse.from_settings(load_settings()), stopping, deliver)"
    )
    # Its keeper's thread may stand still in the middle of a transaction of its own: every setting holds for both.
    run = served(centre, work, "from kpi.state import database; database._WAIT = 0.05; "
                               "worker._SILENT_IN_RUN = worker._HOLDS_LOCK = 3.0")  # fmt: skip
    assert (run.state, run.attempts) in (("sent", 2), ("sent_empty", 2))
    with pytest.raises(ProcessLookupError):
        os.kill(int(once.read_text()), 0)


def test_trap_a_process_that_breaks_off_in_its_work_is_not_said_to_have_broken_off_at_its_start(centre):
    """It had begun, so that the run keeps its claim and its count of attempts, and says what became of them."""
    centre.keep(centre.weekly("ann"), since=now())
    Ledger(centre.state).add("weekly")
    work = (
        "import os; from datetime import timedelta\n"
        "from kpi.snapshots import ledger; from tests.snapshots.standins import *\n"
        "ledger.LEASE = timedelta(seconds=0.5)\n"
        "worker.run_due(Warehouse.from_settings(load_settings()), lambda *given, **named: os._exit(3), deliver)"
    )
    run = served(centre, work, "worker._LONGEST_PAUSE = 0.2")
    assert (run.state, run.attempts) == ("failed", MOST_ATTEMPTS + 1)
    assert say(run.reason, "en") == f"Broken off {MOST_ATTEMPTS} times."


def test_the_worker_works_in_a_process_of_its_own_and_ends_when_told(centre):
    """``serve`` itself, with the stand-ins in the place of what it would call; the state database is away meanwhile."""
    centre.keep(centre.weekly("ann"), since=now())
    code = (
        "import sys; from kpi.settings import load_settings; from kpi.snapshots import worker\n"
        "from kpi.state import database\n"
        "database._WAIT = 0.05\n"
        "work = 'from tests.snapshots.standins import *; worker.run_due('\n"
        "work += 'Warehouse.from_settings(load_settings()), render, deliver)'\n"
        "sys.exit(worker.serve(load_settings(), tick=0.2, command=[sys.executable, '-c', work]))"
    )
    served = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT,
                              env=os.environ | {"KPI_HOME": str(centre.settings.home)})  # fmt: skip
    try:
        until = time.monotonic() + PATIENCE
        while not workers(centre.state, now()) and time.monotonic() < until:
            time.sleep(0.1)
        Ledger(centre.state).add("weekly")
        with closing(sqlite3.connect(centre.settings.home / "state.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(1.5)
            other.execute("ROLLBACK")
        while not got(centre.outbox, "ann") and time.monotonic() < until:
            time.sleep(0.1)
        while runs(centre.state)[0].state == "running" and time.monotonic() < until:
            time.sleep(0.1)
        assert len(got(centre.outbox, "ann")) == 1
    finally:
        served.send_signal(signal.SIGTERM)
    assert served.wait(PATIENCE) == 0
    assert [run.state for run in runs(centre.state)] in (["sent"], ["sent_empty"])
    assert workers(centre.state, now()) == []


def test_copies_that_did_not_arrive_are_decided_about(centre, said, monkeypatch):
    """Ann's hand-over breaks off, Ben's target is away; Cid has his copy."""

    def first(parcel, recipient, *, key):
        if recipient.name == "ben":
            return Done("temporary", "away", 5)
        done = deliver(parcel, recipient, key=key)
        if recipient.name == "ann":
            raise OSError("connection lost")
        return done

    centre.keep(centre.weekly("ann", "ben", "cid"), since=now())
    monkeypatch.setattr(worker, "parts", lambda: (render, first))
    assert "unconfirmed" in said("run", "weekly", "--due", "2026-03-09", code=1)
    monkeypatch.setattr(worker, "parts", lambda: (render, deliver))
    key = runs(centre.state)[0].key
    assert "Did you mean “ann”?" in said("arrived", key, "anna", code=2)
    assert "failed" in said("arrived", key, code=1)
    assert "sent" in said("send-again", key)
    (run,) = json.loads(said("runs", "weekly", "--format", "json"))
    assert [(one["recipient"], one["what"], one["author"]) for one in run["decisions"]] == [
        ("ann", "arrived", "local"), ("ben", "send_again", "local"),
    ]  # fmt: skip
    assert [len(got(centre.outbox, name)) for name in ("ann", "ben", "cid")] == [1, 1, 1]
