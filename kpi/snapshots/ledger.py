"""The ledger: every due run is put down once, claimed by one worker at a time, and ends with a state and a reason.

A claim is a lease that its holder renews. Everything that a holder writes names his claim, so that one who lost it (he
slept, his machine stood still) is refused instead of undoing what the next one did.
"""

import logging
import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa

from kpi.errors import PeriodError, RunError, StateError, StateNotWritable, UnknownName
from kpi.snapshots import definition_store, schedule
from kpi.snapshots.model import Definition
from kpi.snapshots.runs import ENDS, TROUBLE, Reason, Run, Worker, run_of
from kpi.snapshots.schedule import Due
from kpi.state import StateDatabase
from kpi.state.database import now
from kpi.state.tables import snapshot, snapshot_delivery, snapshot_run, snapshot_worker

LEASE = timedelta(seconds=30)
# A due run that is put down later than this was missed: the definition says whether it is caught up.
ON_TIME = timedelta(minutes=15)
MOST_CAUGHT_UP = 50  # of one snapshot, the latest; a worker that was away for a month must not run for a day
MOST_ATTEMPTS = 3
AS_OF = "as_of"  # origin of a run that is made from an earlier version of the warehouse, which it is put down with
log = logging.getLogger("switchboard")

_OPEN = ("due", "waiting", "running")

PATIENCE = 120.0  # seconds that the state database may be gone

Clock = Callable[[], datetime]
_P = ParamSpec("_P")
_R = TypeVar("_R")
_c = snapshot_run.c


def patiently(call: Callable[_P, _R], *arguments: _P.args, **named: _P.kwargs) -> _R:
    """Call, and again where the state database cannot be read or written, for two minutes at most; where its place
    cannot be written, rights are missing, which no waiting brings.
    """
    until, pause = time.monotonic() + PATIENCE, 0.2
    while True:
        try:
            return call(*arguments, **named)
        except StateNotWritable:
            raise
        except StateError as error:
            if time.monotonic() > until:
                raise
            log.warning("state database: %s", error)
            time.sleep(pause)
            pause = min(pause * 2, 5.0)


def _patient(call: Callable[_P, _R]) -> Callable[_P, _R]:
    @wraps(call)
    def patient(*arguments: _P.args, **named: _P.kwargs) -> _R:
        return patiently(call, *arguments, **named)

    return patient


class Ledger:
    """The ledger of one state database, for one worker. ``clock``: UTC, without a zone. ``owner``: who is told of runs
    whose snapshot names nobody, a target; "" for nobody.
    """

    def __init__(self, state: StateDatabase, clock: Clock = now, owner: str = "") -> None:
        self.state, self.clock, self._owner = state, clock, owner
        self.worker = f"{_machine()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._began = clock()

    def owner_of(self, definition: Definition) -> str:
        """Who is told of its runs that are not simply sent; "" for nobody."""
        return definition.owner or self._owner

    # --- putting down ---

    @_patient
    def enqueue_due(self) -> int:
        """Put every run that has become due since the last time into the ledger; says how many.

        A definition's mark of what was looked at and its runs are written together, so that two workers at once, or
        one that is killed here, neither lose nor double one. A clock that is set back moves the mark back; the runs
        that are there already stay the only ones.
        """
        return sum(self._put_down(kept) for kept in definition_store.definitions(self.state))

    def _put_down(self, kept: definition_store.Kept) -> int:
        definition, until = kept.definition, self.clock()
        assert kept.seen_until is not None
        due: list[Due] = []
        if definition.schedule is not None and not definition.paused:
            due = schedule.due_between(definition.schedule, min(kept.seen_until, until), until)
        c, added = snapshot.c, 0
        mark = sa.update(snapshot).where(c.id == kept.id, c.seen_until == kept.seen_until).values(seen_until=until)
        with self.state.transaction() as connection:
            if connection.execute(mark).rowcount != 1:
                return 0
            for ago, one in enumerate(reversed(due)):
                origin, state, reason = "schedule", "due", None
                if until - one.at > ON_TIME and definition.schedule is not None:
                    origin, reason = "catch_up", Reason("run_caught_up")
                    if definition.schedule.after_downtime == "skip":
                        state, reason = "missed", Reason("run_missed")
                    elif ago >= MOST_CAUGHT_UP:
                        state, reason = "missed", Reason("run_missed_many", most=MOST_CAUGHT_UP)
                added += self._insert(connection, definition, one, origin, 1, state, reason)
        return added

    def _insert(
        self, connection: sa.Connection, definition: Definition, due: Due, origin: str, revision: int,
        state: str = "due", reason: Reason | None = None, version: int | None = None,
    ) -> int:  # fmt: skip
        """Put one run down, unless its key is there; says how many were."""
        key = run_key(definition, due, revision)
        values = {
            "key": key, "name": definition.name, "due_at": due.at, "due_on": due.on, "revision": revision,
            "origin": origin, "content": definition_store.as_text(definition), "settings": "{}", "state": state,
            "step": "due", "reason": reason.text() if reason else "", "attempts": 0,
            "ended_at": self.clock() if state in ENDS else None, "version": version,
        }  # fmt: skip
        columns = [_c[name] for name in values]
        chosen = sa.select(*(sa.literal(value, column.type) for value, column in zip(values.values(), columns,
                                                                                     strict=True)))  # fmt: skip
        there = sa.exists(sa.select(_c.id).where(_c.key == key))
        added = connection.execute(sa.insert(snapshot_run).from_select(columns, chosen.where(~there))).rowcount
        if added == 1 and state == "missed" and self.owner_of(definition):
            found = connection.execute(sa.select(_c.id).where(_c.key == key)).scalar_one()
            self._announce(connection, found, "owner", "owner")
        return max(added, 0)

    def add(self, name: str, day: date | None = None, origin: str = "now") -> Run:
        """Put a run of ``name`` down by hand: due now, or as on ``day``, where it is the next revision of what was
        run for it. Raises UnknownName, PeriodError for a day to come.
        """
        definition = definition_store.definition(self.state, name).definition
        asked = definition.schedule or schedule.USUAL
        if day is None:
            at = self.clock().replace(microsecond=0)
            due = Due(at, schedule.local(at, asked.zone).date())
        else:
            due = schedule.due_at(asked, day)
            if due.at > self.clock():
                raise PeriodError("run_in_future", day=day)
        last = sa.select(sa.func.max(_c.revision)).where(_c.name == name, _c.due_at == due.at, _c.due_on == due.on)
        while True:
            # The next number is read and written apart: whoever is overtaken takes the one after.
            with self.state.transaction() as connection:
                revision = (connection.execute(last).scalar() or 0) + 1
            with self.state.transaction() as connection:
                if self._insert(connection, definition, due, origin, revision):
                    query = sa.select(snapshot_run).where(
                        _c.name == name, _c.due_at == due.at, _c.due_on == due.on, _c.revision == revision
                    )
                    return run_of(connection.execute(query).one())

    def back_fill(self, name: str, first: date, last: date, *, version: int | None = None) -> list[Run]:
        """Put down every run of ``name`` that was due from ``first`` to ``last`` (dates in its zone) and is not in the
        ledger; gives those that were. ``version``: of the warehouse, as it was published then; None: the newest when
        they are made. Raises UnknownName, PeriodError for an end before the start.
        """
        definition = definition_store.definition(self.state, name).definition
        asked = definition.schedule or schedule.USUAL
        if last < first:
            raise PeriodError("period_reversed", start=first, end=last)
        start, end = (datetime.combine(day, clock_time()) for day in (first, last))
        margin = timedelta(days=2)  # of any zone
        due = schedule.due_between(asked, start - margin, min(end + margin, self.clock()))
        keys = [run_key(definition, one, 1) for one in due if first <= one.on <= last]
        origin = "back_fill" if version is None else AS_OF
        with self.state.transaction() as connection:
            for one in due:
                if first <= one.on <= last and not self._insert(connection, definition, one, origin, 1,
                                                                version=version):  # fmt: skip
                    keys.remove(run_key(definition, one, 1))
            found = connection.execute(sa.select(snapshot_run).where(_c.key.in_(keys)).order_by(_c.due_at))
            return [run_of(row) for row in found]

    # --- claiming ---

    @_patient
    def claim(self, only: int | None = None) -> Run | None:
        """The longest due run that nobody works on, now this worker's; None where there is none. ``only``: its id."""
        moment = self.clock()
        # A lease that ends later than any that is given stems from before the clock was set back.
        free = sa.or_(_c.lease_until.is_(None), _c.lease_until < moment, _c.lease_until > moment + 2 * LEASE)
        wanted = sa.and_(_c.state.in_(_OPEN), free, *([_c.id == only] if only is not None else []))
        with self.state.transaction() as connection:
            ids = list(connection.execute(sa.select(_c.id).where(wanted).order_by(_c.due_at, _c.id)).scalars())
        for key in ids:
            claim = f"{self.worker}:{secrets.token_hex(4)}"[:60]
            take = sa.update(snapshot_run).where(wanted, _c.id == key)
            with self.state.transaction() as connection:
                step = sa.case((_c.step == "due", "claimed"), else_=_c.step)
                values = {"state": "running", "step": step, "attempts": _c.attempts + 1, "claim": claim,
                          "lease_until": moment + LEASE, "began_at": moment}  # fmt: skip
                if connection.execute(take.values(**values)).rowcount == 1:
                    return run_of(connection.execute(sa.select(snapshot_run).where(_c.id == key)).one())
        return None

    def open(self) -> bool:
        """Whether there is a run that could be claimed now."""
        moment = self.clock()
        free = sa.or_(_c.lease_until.is_(None), _c.lease_until < moment, _c.lease_until > moment + 2 * LEASE)
        with self.state.transaction() as connection:
            return connection.execute(sa.select(sa.exists().where(_c.state.in_(_OPEN), free))).scalar_one()

    # --- what the holder of a claim writes ---

    def write(self, connection: sa.Connection, run: Run, **values: object) -> None:
        """Change a run that this worker holds. Raises RunError where it is no longer his."""
        held = sa.update(snapshot_run).where(_c.id == run.id, _c.claim == run.claim, _c.state == "running")
        if connection.execute(held.values(**values)).rowcount != 1:
            raise RunError("run_lost", run=run.key)

    def renew(self, run: Run) -> None:
        """Go on holding it. Raises RunError where it is no longer his."""
        with self.state.transaction() as connection:
            self.write(connection, run, lease_until=self.clock() + LEASE)

    @_patient
    def step(self, run: Run, step: str, **values: object) -> Run:
        """Write that a step is done, with what came of it."""
        with self.state.transaction() as connection:
            self.write(connection, run, step=step, lease_until=self.clock() + LEASE, **values)
        return replace(run, step=step)

    @_patient
    def postpone(self, run: Run, reason: Reason, seconds: float, *, waiting: bool) -> None:
        """Let go of it for some seconds. ``waiting``: for data, or what is away, which is no
        attempt.
        """
        until = self.clock() + timedelta(seconds=seconds)
        values: dict[str, Any] = {"state": "waiting", "claim": None, "lease_until": until, "reason": reason.text()}
        if waiting:
            values |= {"attempts": _c.attempts - 1, "began_at": None}
        with self.state.transaction() as connection:
            self.write(connection, run, **values)

    @_patient
    def end(self, run: Run, state: str, reason: Reason | None = None, recipients: tuple[str, ...] = ()) -> None:
        """Write how it ended, and in the same moment whom that is told to: its owner where it is not simply sent, and
        ``recipients``, who got nothing.

        One that failed while somebody may have got his copy is unconfirmed: its owner is to ask him, not to send again.
        """
        moment = self.clock()
        worked = (moment - (run.began_at or moment)).total_seconds()
        with self.state.transaction() as connection:
            self.write(connection, run, ended_at=moment)
            if state == "failed" and (names := self._unconfirmed(connection, run)):
                told = Reason("run_unconfirmed", names=", ".join(names))
                state, reason = "unconfirmed", told if reason is None else reason.and_then(told)
            self.write(connection, run, state=state, reason=reason.text() if reason else "", lease_until=None,
                       step="recorded", seconds=(run.seconds or 0) + max(worked, 0))  # fmt: skip
            if state in TROUBLE and self.owner_of(run.definition):
                # One that was sent again may fail again, which is news.
                earlier = self._told(connection, run, "owner")
                self._announce(connection, run.id, "owner", f"owner {len(earlier) + 1}" if earlier else "owner")
            told_before = self._told(connection, run, "notice")
            for name in recipients:
                if name not in told_before:
                    self._announce(connection, run.id, "notice", name)

    def _unconfirmed(self, connection: sa.Connection, run: Run) -> list[str]:
        """Who may have got his copy: those whose hand-over was broken off, now or before."""
        copies = (snapshot_delivery.c.run_id == run.id, snapshot_delivery.c.kind == "copy")
        unconfirmed(connection, *copies, moment=self.clock())
        named = sa.select(snapshot_delivery.c.recipient).where(*copies, snapshot_delivery.c.status == "unconfirmed")
        return list(connection.execute(named.order_by(snapshot_delivery.c.id)).scalars())

    def _told(self, connection: sa.Connection, run: Run, kind: str) -> list[str]:
        """Whom a run has announced something of that kind to."""
        c = snapshot_delivery.c
        return list(connection.execute(sa.select(c.recipient).where(c.run_id == run.id, c.kind == kind)).scalars())

    def _announce(self, connection: sa.Connection, run_id: int, kind: str, recipient: str) -> None:
        values = {"run_id": run_id, "kind": kind, "recipient": recipient, "status": "due", "detail": "", "attempts": 0}
        connection.execute(sa.insert(snapshot_delivery).values(values))

    # --- the worker's sign of life ---

    def beat(self, doing: str = "") -> None:
        """Say that this worker lives, and what it does."""
        moment, c = self.clock(), snapshot_worker.c
        with self.state.transaction() as connection:
            old = c.beat_at < moment - timedelta(days=1)
            connection.execute(sa.delete(snapshot_worker).where(sa.or_(old, c.name == self.worker)))
            connection.execute(sa.insert(snapshot_worker).values(name=self.worker, began_at=self._began, beat_at=moment,
                                                                 doing=doing[:160]))  # fmt: skip

    def sign_of(self, process: int) -> Worker | None:
        """The last sign of life of the worker that is that process on this machine; None before the first."""
        c = snapshot_worker.c
        name = f"{_machine()}:{process}:"
        query = sa.select(c.name, c.beat_at, c.doing).where(c.name.startswith(name, autoescape=True))
        with self.state.transaction() as connection:
            row = connection.execute(query.order_by(c.beat_at.desc()).limit(1)).one_or_none()
            return None if row is None else Worker(*row)

    def leave(self) -> None:
        """Say that this worker ends."""
        with self.state.transaction() as connection:
            connection.execute(sa.delete(snapshot_worker).where(snapshot_worker.c.name == self.worker))


def unconfirmed(connection: sa.Connection, *where: sa.ColumnElement[bool], moment: datetime) -> int:
    """Make the lines that somebody left in the middle of a hand-over say so; how many there were."""
    values = {"status": "unconfirmed", "ended_at": moment}
    handing = sa.update(snapshot_delivery).where(snapshot_delivery.c.status == "handing", *where)
    return connection.execute(handing.values(**values)).rowcount


def _machine() -> str:
    return socket.gethostname()[:60]


def run_key(definition: Definition, due: Due, revision: int) -> str:
    """What makes a run the only one: its name, due moment in UTC, the date of that in its zone, and revision."""
    return f"{definition.name}.{due.at:%Y%m%dT%H%M%SZ}.{due.on}.r{revision}"


def find(state: StateDatabase, key: str) -> Run:
    """The run of that key. Raises UnknownName."""
    with state.transaction() as connection:
        row = connection.execute(sa.select(snapshot_run).where(_c.key == key)).one_or_none()
        if row is None:
            latest = sa.select(_c.key).order_by(_c.id.desc()).limit(20)
            raise UnknownName("run", key, connection.execute(latest).scalars().all())
        return run_of(row)
