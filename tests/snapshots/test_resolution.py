"""Copies that did not arrive, or may not have: who decides, who gets one, and who does not."""

from dataclasses import replace

import pytest

from kpi.errors import InputError, RunError, UnknownName
from kpi.snapshots import resolution
from kpi.snapshots.ledger import Ledger
from kpi.snapshots.runs import decisions, deliveries, files, runs, say
from tests.snapshots.standins import Done, deliver, got, render


def ledger(centre):
    return Ledger(centre.state, lambda: centre.moment)


def one(centre):
    (run,) = runs(centre.state)
    return run


def copies(centre):
    return {line.recipient: line.status for line in deliveries(centre.state, one(centre)) if line.kind == "copy"}


def told(centre):
    return [(said.recipient, said.what, said.author, said.decided_at) for said in decisions(centre.state, one(centre))]


def breaking_for(*names):
    """A delivery that hands over and breaks off for some."""

    def breaking(parcel, recipient, *, key):
        done = deliver(parcel, recipient, key=key)
        if recipient.name in names:
            raise OSError("connection lost")
        return done

    return breaking


def refusing(*names):
    """A delivery whose targets are away for some."""

    def refuse(parcel, recipient, *, key):
        return Done("temporary", "away", 5) if recipient.name in names else deliver(parcel, recipient, key=key)

    return refuse


def test_a_copy_in_doubt_that_arrived_makes_the_run_sent(centre):
    centre.keep(centre.weekly("ann", "ben", "cid"))
    centre.run(deliver=breaking_for("ann", "cid"))
    assert one(centre).state == "unconfirmed"
    centre.later(minutes=5)
    run = resolution.arrived(ledger(centre), one(centre).key, ["ann"], "eve")
    assert (run.state, say(run.reason, "en").rpartition(": ")[2]) == ("unconfirmed", "cid.")
    run = resolution.arrived(ledger(centre), run.key, [], "eve")
    assert (run.state, run.reason) == ("sent", "")
    assert copies(centre) == {"ann": "sent", "ben": "sent", "cid": "sent"}
    # What broke off is no longer said of a copy that is known to be there.
    assert {line.detail for line in deliveries(centre.state, run)} == {""}
    assert told(centre) == [("ann", "arrived", "eve", centre.moment), ("cid", "arrived", "eve", centre.moment)]
    centre.run()
    assert [len(got(centre.outbox, name)) for name in ("ann", "ben", "cid")] == [1, 1, 1]
    with pytest.raises(RunError, match="nothing to decide"):
        resolution.arrived(ledger(centre), run.key, [], "eve")


def test_a_copy_in_doubt_that_did_not_arrive_is_handed_over_again_under_its_key(centre):
    centre.keep(centre.weekly("ann", "ben"))
    centre.run(deliver=breaking_for("ann"))
    run = one(centre)
    with pytest.raises(RunError, match="only where they are named: ann"):
        resolution.send_again(ledger(centre), run.key, [], "eve")
    with pytest.raises(InputError, match=r"the copy of “ben” in .* about: ann"):
        resolution.send_again(ledger(centre), run.key, ["ben"], "eve")
    with pytest.raises(UnknownName, match="Did you mean “ann”"):
        resolution.send_again(ledger(centre), run.key, ["anna"], "eve")
    resolution.send_again(ledger(centre), run.key, ["ann"], "eve")
    assert centre.run() == 1
    assert (one(centre).state, copies(centre)) == ("sent", {"ann": "sent", "ben": "sent"})
    assert told(centre) == [("ann", "send_again", "eve", centre.moment)]
    first, second = got(centre.outbox, "ann")
    assert first == second
    assert len(got(centre.outbox, "ben")) == 1


def test_only_those_who_failed_get_the_same_files_again(centre):
    """Though rows have come meanwhile, which a run made anew would show."""
    centre.keep(centre.weekly("ann", "ben", "cid"))
    centre.run(deliver=refusing("ann", "cid"))
    run = one(centre)
    assert (run.state, copies(centre)) == ("failed", {"ann": "failed", "ben": "sent", "cid": "failed"})
    assert f"snapshots send-again {run.key}" in next((centre.outbox / "owner").glob("*/notice.txt")).read_text()
    stored = files(centre.state, run)
    centre.world.contact("self", "2026-03-05 12:00")
    centre.load("2026-03-09 09:00")
    resolution.send_again(ledger(centre), run.key, [], "eve")
    assert one(centre).state == "due"
    centre.later(minutes=10)
    centre.run()
    assert (one(centre).state, one(centre).revision, one(centre).attempts) == ("sent", 1, 1)
    assert [len(got(centre.outbox, name)) for name in ("ann", "ben", "cid")] == [1, 1, 1]
    assert files(centre.state, one(centre)) == stored
    read = {name: next((centre.outbox / name).glob("*/data.csv")).read_bytes() for name in ("ann", "ben", "cid")}
    assert len(set(read.values())) == 1
    assert b"headline|volume|,42" in read["ann"]
    assert [who for who, *_ in told(centre)] == ["ann", "cid"]


def test_what_fails_again_is_told_again_under_a_key_of_its_own(centre):
    centre.keep(centre.weekly("ann", "ben"))
    centre.run(deliver=refusing("ann"))
    for _ in range(2):
        resolution.send_again(ledger(centre), one(centre).key, [], "eve")
        centre.later(minutes=10)
        centre.run(deliver=refusing("ann"))
        assert one(centre).state == "failed"
    assert len(set(got(centre.outbox, "owner", "notice.txt"))) == 3
    assert len(got(centre.outbox, "ben")) == 1


def test_whom_nobody_asked_for_gets_nothing_along_with_the_others(centre):
    """The run ended before it was the others' turn."""
    centre.keep(centre.weekly("ann", "ben", "cid"))
    centre.run(deliver=refusing("ann", "ben", "cid"))
    with centre.state.transaction() as connection:
        connection.exec_driver_sql("UPDATE snapshot_delivery SET status = 'due' WHERE recipient IN ('ben', 'cid')")
    resolution.send_again(ledger(centre), one(centre).key, ["ben"], "eve")
    centre.run()
    assert copies(centre) == {"ann": "failed", "ben": "sent", "cid": "failed"}
    assert say(one(centre).reason, "en") == "2 of 3 recipients did not get it: ann, cid."
    assert got(centre.outbox, "cid") == []


def test_what_is_held_missed_or_has_no_files_is_not_sent_again(centre):
    def wrong(*given, **named):
        return replace(render(*given, **named), holds=False)

    def failing(*_, **__):
        raise ZeroDivisionError

    centre.keep(centre.weekly("ann"))
    centre.run(render=wrong)
    with pytest.raises(RunError, match="nothing to decide"):
        resolution.send_again(ledger(centre), one(centre).key, [], "eve")
    assert got(centre.outbox, "ann") == []
    added = ledger(centre).add("weekly", one(centre).due_on)
    for _ in range(3):
        centre.run(render=failing)
        centre.later(seconds=31)
    with pytest.raises(RunError, match=r"No files .* run weekly --due 2026-03-09"):
        resolution.send_again(ledger(centre), added.key, [], "eve")
