"""Workers at the same time, and workers that are killed: nobody gets anything twice."""

import multiprocessing
from dataclasses import replace
from datetime import timedelta

import pytest

from kpi.settings import load_settings
from kpi.snapshots import resolution, worker
from kpi.snapshots.ledger import LEASE, Ledger
from kpi.snapshots.model import Recipient
from kpi.snapshots.runs import deliveries, runs, say
from tests.code import PATIENCE
from tests.reports.receivers import closed_port, posting
from tests.snapshots.standins import MONDAY, crash, deliver, got, opened_at, render

# A process that forks what it is asked for, and has all modules: a new one takes a second to load them.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.snapshots.standins", "kpi.snapshots.render", "kpi.snapshots.deliver"])


def _at_once(home, ready):
    opened = opened_at(home)
    ready.wait(PATIENCE)
    worker.run_due(opened, render, deliver, clock=lambda: MONDAY + timedelta(minutes=1))


def test_two_workers_at_the_same_time_do_it_once(centre):
    names = [f"s{number}" for number in range(6)]
    centre.keep(*(replace(centre.weekly(name), name=name) for name in names))
    ready = FORKS.Barrier(2)
    both = [FORKS.Process(target=_at_once, args=(centre.settings.home, ready)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(PATIENCE)
    assert [one.exitcode for one in both] == [0, 0]
    assert centre.states() == ["sent"] * 6
    assert [len(got(centre.outbox, name)) for name in names] == [1] * 6


def killed(centre, at, real=None):
    """The exit code of a worker that kills itself once ``at`` is done; ``real``: see ``crash``."""
    process = FORKS.Process(target=crash, args=(centre.settings.home, centre.moment, at, real))
    process.start()
    process.join(PATIENCE)
    return process.exitcode


STEPS = ("due", "claimed", "queried", "rendered", "stored", "first", "last", "delivered", "recorded")


@pytest.mark.parametrize("at", STEPS)
def test_killed_after_any_step_it_is_finished_and_nobody_gets_it_twice(centre, at):
    centre.keep(centre.weekly("ann", "ben"))
    assert killed(centre, at) == -9
    assert centre.states() == (["sent"] if at == "recorded" else ["due"] if at == "due" else ["running"])
    if at not in {"due", "recorded"}:
        assert centre.run() == 0  # the lease of the dead still runs
    centre.later(seconds=LEASE.total_seconds() + 20)  # the other process's clock went on
    assert centre.run() == (0 if at == "recorded" else 1)
    assert centre.states() == ["sent"]
    assert len(got(centre.outbox, "ann")) == len(got(centre.outbox, "ben")) == 1
    assert got(centre.outbox, "owner", "notice.txt") == []


def test_killed_between_hand_over_and_record_it_is_unconfirmed_and_the_owner_is_asked(centre):
    centre.keep(centre.weekly("ann", "ben"))
    assert killed(centre, "handing") == -9
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
        assert killed(centre, "queried") == -9
        centre.later(seconds=LEASE.total_seconds() + 20)
    centre.run()
    (run,) = runs(centre.state)
    assert run.state == "failed"
    assert "Broken off 3 times" in say(run.reason, "en")
    assert len(got(centre.outbox, "owner", "notice.txt")) == 1


def test_killed_for_the_last_time_in_a_hand_over_it_is_unconfirmed_and_not_to_be_sent_again(centre):
    centre.keep(centre.weekly("ann", "ben"))
    for at in ("claimed", "stored", "handing"):
        assert killed(centre, at) == -9
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
    assert killed(centre, "stuck") == 1
    assert centre.states() == ["failed"]
    assert len(got(centre.outbox, "owner", "notice.txt")) == 1


def test_a_worker_that_is_killed_while_it_tells_does_not_lose_the_notice(centre):
    centre.keep(centre.weekly("refused"))
    assert killed(centre, "telling") == -9
    centre.later(minutes=1)
    centre.run()
    assert len(got(centre.outbox, "owner", "notice.txt")) == 1  # whoever tells may still be at it
    centre.later(minutes=6)
    centre.run()
    told = got(centre.outbox, "owner", "notice.txt")
    assert len(told) == 2
    assert len(set(told)) == 1


# --- with the real renderer, a real folder and a real mail server ---


@pytest.fixture
def real(centre, monkeypatch):
    """The settings of a worker that mails to Ben first and then writes into Ann's folder."""
    settings = {
        "KPI_DELIVER_TO": f"bank.example,{centre.outbox}",
        "KPI_DELIVER_TRIES": "1",
        "KPI_MAIL_SERVER": f"smtp+plain://127.0.0.1:{closed_port()}",
        "KPI_MAIL_FROM": "reports@bank.example",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    centre.warehouse.settings = load_settings()
    (ann,) = centre.weekly("ann").recipients
    centre.keep(centre.weekly(recipients=(Recipient("ben", "mailto:ben@bank.example"), ann),
                              owner="mailto:owner@bank.example", formats=("csv",)))  # fmt: skip
    return settings


def port_of(real):
    return int(real["KPI_MAIL_SERVER"].rpartition(":")[2])


def goes_on(centre):
    """The next worker, with the program's own parts."""
    make, hand = worker.parts()
    centre.later(seconds=LEASE.total_seconds() + 20)
    centre.run(render=make, deliver=hand)


def mailed(post, to):
    return [mail["Message-ID"] for mail in post.mails if mail["To"] == f"{to}@bank.example"]


@pytest.mark.parametrize("at", ["rendered", "first"])
def test_killed_with_the_real_parts_everybody_gets_one_copy(centre, real, at):
    with posting(port_of(real)) as post:
        assert killed(centre, at, real) == -9
        assert len(mailed(post, "ben")) == (at == "first")
        goes_on(centre)
        assert centre.states() == ["sent"]
        assert len(mailed(post, "ben")) == 1
        assert mailed(post, "owner") == []
    assert len(list((centre.outbox / "ann").glob("*/weekly_*.csv"))) == 1


def test_killed_while_a_real_mail_server_takes_it_the_owner_decides(centre, real):
    """He finds that it did not arrive: it goes out again under the same Message-ID, and to nobody else."""
    with posting(port_of(real)) as post:
        assert killed(centre, "handing", real) == -9
        goes_on(centre)
        assert (centre.states(), len(mailed(post, "ben")), len(mailed(post, "owner"))) == (["unconfirmed"], 1, 1)
        (run,) = runs(centre.state)
        (folder,) = (centre.outbox / "ann").iterdir()
        written = folder.stat().st_mtime_ns
        resolution.send_again(Ledger(centre.state, lambda: centre.moment), run.key, ["ben"], "eve")
        goes_on(centre)
        assert centre.states() == ["sent"]
        first, second = mailed(post, "ben")
    assert first == second
    assert [one.stat().st_mtime_ns for one in (centre.outbox / "ann").iterdir()] == [written]


def test_a_mail_server_that_is_down_for_minutes_is_told_of_once_it_is_there_again(centre, real):
    for _ in range(3):
        goes_on(centre)
        centre.later(minutes=1)
    assert centre.states() == ["failed"]
    (run,) = runs(centre.state)
    assert {line.recipient: line.status for line in deliveries(centre.state, run)} == {
        "ben": "failed", "ann": "sent", "owner": "due",
    }  # fmt: skip
    centre.later(minutes=10)
    with posting(port_of(real)) as post:
        goes_on(centre)
        assert (len(mailed(post, "owner")), mailed(post, "ben")) == (1, [])
        resolution.send_again(Ledger(centre.state, lambda: centre.moment), run.key, [], "eve")
        goes_on(centre)
        assert (len(mailed(post, "owner")), len(mailed(post, "ben"))) == (1, 1)
    assert centre.states() == ["sent"]
