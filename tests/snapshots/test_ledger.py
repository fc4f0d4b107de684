"""Every due run ends once, with a reason, whatever became of its data, the worker or the clock."""

import json
import os
import shutil
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, timedelta

import pytest

from kpi.errors import PeriodError, RunError, StateError, StateNotWritable
from kpi.query.question import Filter, Scope
from kpi.snapshots import definition_store, store, worker
from kpi.snapshots.ledger import LEASE, Ledger, find, patiently
from kpi.snapshots.model import Recipient, Rendered, Schedule
from kpi.snapshots.notices import notice_of
from kpi.snapshots.runs import ENDS, changes, deliveries, figures, files, runs, say
from kpi.snapshots.schedule import due_between
from kpi.state import Target
from kpi.state.targets import save_targets, targets
from kpi.warehouse.load import Load
from tests.snapshots.standins import MONDAY, Done, got, render

KEY = "weekly.20260309T000000Z.2026-03-09.r1"


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
    assert centre.states() == ["sent"] or centre.states() == ["sent_empty"]


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
    assert centre.states()[0] != "waiting"


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


def test_a_run_as_of_an_earlier_version_knows_what_was_known_then(centre):
    """A row of the week before arrives after the report was due; a feed had not passed the end of another report."""
    weekly = centre.weekly("ann")
    daily = replace(weekly, name="daily", period="yesterday", schedule=Schedule("0 8 * * *"))
    centre.keep(weekly, daily, since=centre.moment)
    then = centre.warehouse.published().version
    centre.world.contact("self", "2026-03-05 12:00")
    centre.load("2026-03-10 09:00")
    centre.later(days=2)
    ledger = Ledger(centre.state, lambda: centre.moment)
    (first,) = ledger.back_fill("weekly", MONDAY.date(), MONDAY.date(), version=then)
    again = ledger.add("weekly", MONDAY.date())
    tuesday = MONDAY.date() + timedelta(days=1)
    (late,) = ledger.back_fill("daily", tuesday, tuesday, version=then)
    centre.run()
    first, again, late = (find(centre.state, run.key) for run in (first, again, late))
    assert (first.state, first.version, first.origin) == ("sent", then, "as_of")
    assert again.version > then
    changed = {(one.kpi, one.key): (one.before, one.after) for one in changes(centre.state, again) or []}
    assert changed["volume", ""] == (42.0, 43.0)
    assert (late.state, say(late.reason, "en")) == ("held", "Data are late: hotline, wechat.")


def test_trap_where_the_data_end_what_is_due_later_reports_the_last_period_that_they_have(centre):
    """Three weeks after a demo's last load its weekly report is neither empty nor waiting for what will never come."""
    centre.keep(centre.weekly("ann"), since=MONDAY + timedelta(days=14))
    with Load(centre.warehouse, description="the last one", synthetic=True, ends=True) as load:
        load.publish()
    centre.moment = MONDAY + timedelta(days=21, minutes=1)
    centre.run()
    (run,) = runs(centre.state)
    assert (run.state, run.due_on) == ("sent", date(2026, 3, 30))
    assert (run.period.start, run.period.end) == (date(2026, 3, 2), date(2026, 3, 8))
    assert ("ann", "headline", "volume", "") in figures(centre.state, run.id)
    told = notice_of(replace(run, state="failed"), "owner", "en")
    assert "2 Mar – 8 Mar 2026" in told.lines[0]


def test_a_run_is_rendered_again_from_what_was_kept_with_it(centre):
    centre.keep(centre.weekly("ann"))
    save_targets(centre.state, [], [Target("csat", low=0.9, first=date(2026, 1, 1))], "ann")
    centre.run()
    (run,) = runs(centre.state)
    definition_store.apply(centre.state, [replace(centre.weekly("ann"), period="yesterday")], "ben")
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
    definition_store.pause(centre.state, "weekly", False, "ann")
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
    definition_store.apply(centre.state, [replace(centre.weekly("ann"), **becomes)], "ben")
    assert Ledger(centre.state, lambda: centre.moment).enqueue_due() == due


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
    ledger.enqueue_due()
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


def test_one_who_lost_his_claim_is_refused(centre):
    centre.keep(centre.weekly("ann"))
    slow, quick = (Ledger(centre.state, lambda: centre.moment) for _ in range(2))
    slow.enqueue_due()
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


# --- a long time ---


def test_in_400_days_of_four_schedules_every_due_run_is_accounted_for(centre, monkeypatch):
    """Through changes of the clock in four zones, with a worker that looks at odd times and is down for two days."""
    published = centre.warehouse.published()  # none is asked for figures here, and nothing is loaded
    monkeypatch.setattr(centre.warehouse, "published", lambda: published)
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


def test_what_killed_workers_left_is_swept_and_nothing_that_may_be_of_a_newer_ledger(centre):
    centre.keep(centre.weekly("ann"))
    centre.run()
    place = centre.settings.home / "snapshots" / "weekly"
    kept = place / "20260309T000000Z" / "r1"
    old = [place / "20260302T000000Z" / "r1.part-7", place / "20260309T000000Z" / "r1.left-8"]
    young = place / "20260309T000000Z" / "r3.part-8"
    unknown = place / "20260309T000000Z" / "r2"  # after the ledger was restored from a backup
    for folder in (*old, young, unknown):
        (folder / "ann").mkdir(parents=True)
    for folder, days in ((kept, 900), (old[0], 2), (old[1], 500), (young, 0), (unknown, 900)):
        moment = (centre.moment - timedelta(days=days)).replace(tzinfo=UTC).timestamp()
        os.utime(folder, (moment, moment))
    store.tidy(centre.state, centre.settings, centre.moment)
    assert {path.relative_to(place).as_posix() for path in place.glob("*/*")} == {
        "20260309T000000Z/r1", "20260309T000000Z/r2", "20260309T000000Z/r3.part-8",
    }  # fmt: skip
    assert not old[0].parent.exists()


def test_trap_a_run_made_again_by_a_restored_ledger_keeps_the_files_of_the_first(centre):
    place = centre.settings.home / "snapshots" / "weekly" / "20260309T000000Z"
    (place / "r1" / "ann").mkdir(parents=True)
    (place / "r1" / "ann" / "data.csv").write_text("as it was sent")
    centre.keep(centre.weekly("ann"))
    centre.run()
    assert centre.states() == ["sent"]
    (left,) = place.glob("r1.left-*")
    assert (left / "ann" / "data.csv").read_text() == "as it was sent"


def test_a_run_is_found_by_its_key(centre):
    centre.keep(centre.weekly("ann"))
    centre.run()
    assert json.loads(find(centre.state, KEY).content)["name"] == "weekly"
    with pytest.raises(Exception, match="Did you mean"):
        find(centre.state, KEY.replace("r1", "r9"))


def test_trap_who_lacks_the_rights_does_not_wait_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("kpi.snapshots.ledger.time.sleep", pauses.append)
    problems: list[StateError] = [StateError("state_unreadable", place="p", problem="locked")]
    problems.append(StateNotWritable("home_not_writable", home="h", problem="rights"))

    def fails() -> None:
        raise problems.pop(0)

    with pytest.raises(StateNotWritable):
        patiently(fails)
    assert pauses == [0.2], "one wait, for what may pass"
