"""The worker: puts down what is due, works on it, tells what must be told, tidies up; once, or for ever."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from types import FrameType

from kpi.errors import KpiError, RunError
from kpi.settings import ROOT, Settings
from kpi.snapshots import store
from kpi.snapshots.dispatch import Deliver, has_pending_notices, send_pending_notices
from kpi.snapshots.execution import (
    DEPENDS_ON,
    NOBODY,
    Render,
    Running,
    bound,
    empty_handed,
    revision_of,
    targets_of,
    with_changes,
)
from kpi.snapshots.ledger import MOST_ATTEMPTS, PATIENCE, Clock, Ledger, patiently
from kpi.snapshots.runs import Reason, Run, Worker
from kpi.state import StateDatabase
from kpi.state.database import now
from kpi.warehouse import Warehouse

log = logging.getLogger("switchboard")

TICK = 5.0  # seconds between two looks
_BEAT = 5.0  # seconds between two renewals of a claim; less than a lease
_LOW = 10  # priority of a worker beside the pages: what they do goes first
_LONGEST_PAUSE = 60.0  # seconds before a process is tried again after several that ended with an error
_LOOKED_AT = 1.0  # seconds in which every run that is due can be looked at once
_SPARE = 30  # seconds that a process that should have ended itself is left
# Seconds without a sign of life after which a process is ended: in a run, where it gives one every few seconds, and
# beside one, where it hands over notices.
_SILENT_IN_RUN, _SILENT = 90.0, 300.0
# Seconds after which a process that is still there holds the state database locked: had that been away for another
# reason, the process would have ended itself, its patience and its last wait for a lock being over.
_HOLDS_LOCK = PATIENCE + 2 * _SPARE
_RUN_DUE = (sys.executable, "-m", "kpi", "snapshots", "run-due")


def parts() -> tuple[Render, Deliver]:
    """The renderer and the delivery of the program; imported when they are needed, since they bring much with them."""
    return import_module("kpi.snapshots.render").render, delivery()


def delivery() -> Deliver:
    """The delivery alone."""
    deliver: Deliver = import_module("kpi.snapshots.deliver").deliver
    return deliver


class Keeper:
    """Renews the claim of a run while it is worked on, and ends it when its time is over."""

    def __init__(self, running: Running, run: Run, on_stuck: Callable[[], None]) -> None:
        self._running, self._run, self._on_stuck = running, run, on_stuck
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=_BEAT)

    def _keep(self) -> None:
        limit = self._run.definition.time_limit_seconds
        ledger, until = self._running.ledger, time.monotonic() + limit
        while not self._over.wait(min(_BEAT, max(0.0, until - time.monotonic()))):
            try:
                if time.monotonic() >= until:
                    nothing = empty_handed(ledger, self._run)
                    ledger.end(self._run, "failed", Reason("run_stuck", seconds=limit), nothing)
                    self._on_stuck()
                    return
                ledger.renew(self._run)
                ledger.beat(self._run.key)
            except RunError:
                return
            except KpiError as error:
                log.warning("claim of %s: %s", self._run.key, error)


def run_due(
    warehouse: Warehouse, render: Render, deliver: Deliver, *, clock: Clock = now, only: int | None = None,
    on_stuck: Callable[[], None] | None = None,
) -> int:  # fmt: skip
    """Everything that is due, once: put down, work, tell, tidy. Says how many runs were worked on.

    ``only``: the id of one run, for which somebody waits: an error ends it. ``on_stuck``: what is done when a run did
    not end within its time, after that is written; the default ends the process, since nothing else stops what hangs in
    a library.
    """
    state = StateDatabase(warehouse.settings)
    ledger = Ledger(state, clock, warehouse.settings.snapshot_owner)
    deliver = bound(deliver, settings=warehouse.settings)
    running = Running(ledger, warehouse, render, deliver, by_hand=only is not None)

    def stuck() -> None:
        with suppress(KpiError):
            send_pending_notices(ledger, running.deliver)
        os._exit(1)

    done = 0
    try:
        patiently(ledger.beat)  # stays where it breaks off: it had begun
        if only is None:
            ledger.enqueue_due()
        while (run := ledger.claim(only)) is not None:
            done += 1
            try:
                with Keeper(running, run, on_stuck or stuck):
                    running.work(run)
            except RunError as error:
                log.warning("%s", error)
            patiently(send_pending_notices, ledger, running.deliver)
            if only is not None:
                break
        patiently(send_pending_notices, ledger, running.deliver)
        store.tidy(state, warehouse.settings, clock())
        with suppress(KpiError):
            ledger.leave()
        return done
    finally:
        state.close()


def again(warehouse: Warehouse, state: StateDatabase, run: Run, render: Render) -> dict[str, dict[str, bytes]]:
    """A run's files rendered again, from its version of the warehouse and the settings and definition that were kept
    with it, and, of a revision, held against the same figures: recipient -> name -> content. Nothing is stored or sent.
    """
    told = {name: value for name, value in run.settings.items() if name in DEPENDS_ON}
    settings, render = replace(warehouse.settings, **told), bound(render, targets=targets_of(run))
    opened = Warehouse(warehouse.url, settings)
    try:
        recipients = [one for one in run.definition.recipients if one.name in run.copies]
        copies = {
            one.name: bound(render, revision=revision_of(state, run, one.name))(
                opened, run.definition, one, run.due_on, version=run.version
            )
            for one in recipients or [NOBODY]
        }
        return {name: dict(one.files) for name, one in with_changes(state, run, copies).items()}
    finally:
        opened.close()


class _Signs:
    """Of a process at work: when the last new one was seen. Its own time limit is a thread, and nothing of it runs in a
    process that stands still, or in which a library does not let go of the interpreter.
    """

    def __init__(self) -> None:
        self._last: Worker | None = None
        self._since = time.monotonic()
        self._unreadable_since: float | None = None

    def unreadable(self) -> bool:
        """Signs cannot be read, since the state database is away; whether that is for so long that this process must be
        the cause of it.
        """
        if self._unreadable_since is None:
            self._unreadable_since = time.monotonic()
        return time.monotonic() - self._unreadable_since > _HOLDS_LOCK

    def silent(self, sign: Worker | None) -> bool:
        """Whether there was no other sign for too long; the time in which it could give none does not count."""
        if sign != self._last or self._unreadable_since is not None:
            self._unreadable_since = None
            self._last, self._since = sign, time.monotonic()
        limit = _SILENT_IN_RUN if sign is not None and sign.doing else _SILENT
        return time.monotonic() - self._since > limit


def not_begun(ledger: Ledger, settings: Settings, code: int, times: int) -> None:
    """The process that should work on what is due broke off before it could begin, ``times`` in a row: the runs say so,
    and fail when that was often enough. Owners are told from here, since who else would tell is what breaks off.
    """
    reason = Reason("run_not_begun", code=code, times=times)
    while (run := ledger.claim()) is not None:
        if times < MOST_ATTEMPTS:
            ledger.postpone(run, reason, _LOOKED_AT, waiting=True)
        else:
            ledger.end(run, "failed", reason, empty_handed(ledger, run))
    send_pending_notices(ledger, bound(delivery(), settings=settings))


def serve(
    settings: Settings, *, command: Sequence[str] = _RUN_DUE, tick: float = TICK, ends_with_parent: bool = False
) -> int:
    """Look for due runs for ever, and have each lot worked on in a process of its own, which may be killed, or take
    all memory, without this one. ``ends_with_parent``: end when the process that started this one does.
    """
    if ends_with_parent:
        os.nice(_LOW)
    stop = threading.Event()
    parent = os.getppid()

    def asked(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, asked)
    state = StateDatabase(settings)
    ledger = Ledger(state, owner=settings.snapshot_owner)
    child: subprocess.Popen[bytes] | None = None
    signs = _Signs()
    broken, not_before = 0, 0.0
    try:
        while True:
            try:
                ledger.beat()  # first, since it does not wait for two minutes where the database is away
                ledger.enqueue_due()
                if child is not None and child.poll() is None and signs.silent(ledger.sign_of(child.pid)):
                    log.error("the worker's process gave no sign of life for too long, and is ended")
                    child.kill()
                    child.wait()
                if child is not None and (code := child.poll()) is not None:
                    process, child, broken = child.pid, None, broken + 1 if code else 0
                    if broken:
                        log.error("the worker's process ended with %s, %d times in a row", code, broken)
                        not_before = time.monotonic() + min(_LONGEST_PAUSE, tick * 2.0**broken)
                        if ledger.sign_of(process) is None:
                            not_begun(ledger, settings, code, broken)
                if child is None and time.monotonic() >= not_before and (ledger.open() or has_pending_notices(ledger)):
                    child, signs = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL), _Signs()
            except KpiError as error:
                # The database is gone for a while: what is due is put down afterwards.
                log.warning("%s", error)
                if child is not None and child.poll() is None and signs.unreadable():
                    log.error("the worker's process keeps the state database from everybody, and is ended")
                    child.kill()
            except Exception:
                log.exception("worker")
            if stop.wait(tick) or (ends_with_parent and os.getppid() != parent):
                break
        return 0
    finally:
        if child is not None and child.poll() is None:
            _let_end(child)
        with suppress(KpiError):
            ledger.leave()
        state.close()


def _let_end(child: "subprocess.Popen[bytes]") -> None:
    """What is in the middle of a delivery should come to the end of it."""
    try:
        child.wait(_SPARE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
