"""Workers at the same time, and workers that are killed: nobody gets anything twice."""

import multiprocessing
from dataclasses import replace
from datetime import timedelta

import pytest

from kpi.snapshots import worker
from kpi.snapshots.ledger import LEASE
from kpi.snapshots.runs import deliveries, runs, say
from tests.snapshots.standins import MONDAY, crash, deliver, got, opened_at, render

# A process that forks what it is asked for, and has all modules: a new one takes a second to load them.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.snapshots.standins"])


def _at_once(home, ready):
    opened = opened_at(home)
    ready.wait(30)
    worker.run_due(opened, render, deliver, clock=lambda: MONDAY + timedelta(minutes=1))


def test_two_workers_at_the_same_time_do_it_once(centre):
    names = [f"s{number}" for number in range(6)]
    centre.keep(*(replace(centre.weekly(name), name=name) for name in names))
    ready = FORKS.Barrier(2)
    both = [FORKS.Process(target=_at_once, args=(centre.settings.home, ready)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert [one.exitcode for one in both] == [0, 0]
    assert centre.states() == ["sent"] * 6
    assert [len(got(centre.outbox, name)) for name in names] == [1] * 6


def killed(centre, at):
    """The exit code of a worker that kills itself once ``at`` is done."""
    process = FORKS.Process(target=crash, args=(centre.settings.home, centre.moment, at))
    process.start()
    process.join(60)
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
