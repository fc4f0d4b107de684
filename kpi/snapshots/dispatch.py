"""Handing over: each copy and each notice at most once, whatever is killed on the way.

Before a hand-over its line says "handing", afterwards what came of it. A line that still says so when nobody works on
it any more stems from a worker that was killed in between. A copy becomes "unconfirmed" and is never handed over again;
a notice is: it does no harm twice, under the same key, and much where it is lost.
"""

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa

from kpi.snapshots.ledger import Ledger, patiently
from kpi.snapshots.model import Parcel, Recipient
from kpi.snapshots.notices import notice_of
from kpi.snapshots.runs import Run, Sent, deliveries, run_of
from kpi.state import StateDatabase
from kpi.state.tables import snapshot_delivery, snapshot_run

log = logging.getLogger("switchboard")

_OVERDUE = timedelta(minutes=5)  # hardly a hand-over of a notice takes longer, its retries included
_SOONEST, _LATEST = timedelta(minutes=1), timedelta(hours=1)  # between two attempts at telling
_GIVEN_UP = timedelta(days=1)  # since the run ended
_c = snapshot_delivery.c
_NOTICES = _c.kind.in_(("owner", "notice"))


class DeliveryOutcome(Protocol):
    """What ``deliver`` gives back. ``status``: sent, permanent, temporary (both: not delivered, after all retries) or
    unconfirmed; ``attempts``: its own, with retries.
    """

    @property
    def status(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def attempts(self) -> int: ...


class Deliver(Protocol):
    """Hands a copy or a notice to one recipient. The same ``key`` is the same delivery: the target may tell by it."""

    def __call__(self, parcel: Parcel, recipient: Recipient, *, key: str) -> DeliveryOutcome: ...


Guard = Callable[[sa.Connection], None]


def delivery_key(run: Run, kind: str, recipient: str) -> str:
    """The key of a delivery: of the run, what it is, and a mark of the recipient."""
    mark = hashlib.sha256(recipient.encode()).hexdigest()[:12]
    return f"{run.key}.{mark}" if kind == "copy" else f"{run.key}.{kind}.{mark}"


def hand_over(
    ledger: Ledger, run: Run, line: Sent, parcel: Parcel, recipient: Recipient, deliver: Deliver, guard: Guard
) -> str:
    """Deliver what a line that is due says, and write what came of it; says its status.

    ``guard`` is asked in the transaction that begins the hand-over, and may raise.
    """
    begin = sa.update(snapshot_delivery).where(_c.id == line.id, _c.status == "due")
    with ledger.state.transaction() as connection:
        if connection.execute(begin.values(status="handing", began_at=ledger.clock())).rowcount != 1:
            return "handing"  # somebody else's
        guard(connection)
    try:
        done = deliver(parcel, recipient, key=delivery_key(run, line.kind, line.recipient))
        status, detail, attempts = done.status, done.detail, done.attempts
    except Exception as error:
        # It may have arrived before this went wrong.
        log.exception("delivery of %s to %s", run.key, line.recipient)
        status, detail, attempts = "unconfirmed", type(error).__name__, 1
    if line.kind != "copy" and status in {"temporary", "unconfirmed"} and ledger.clock() < _last_try(run):
        status = "due"
    status = {"permanent": "failed", "temporary": "failed"}.get(status, status)
    attempts += line.attempts
    values = {"status": status, "detail": detail[:1000], "attempts": attempts, "ended_at": ledger.clock()}
    patiently(_write, ledger.state, line.id, values)
    return status


def _write(state: StateDatabase, line: int, values: dict[str, object]) -> None:
    with state.transaction() as connection:
        connection.execute(sa.update(snapshot_delivery).where(_c.id == line).values(**values))


def send_pending_notices(ledger: Ledger, deliver: Deliver) -> int:
    """Send every notice whose time it is: to owners why a run is not simply sent, to recipients that they get nothing
    yet. One that does not arrive is tried again for a day. Says how many were sent.
    """
    ledger.beat()
    with ledger.state.transaction() as connection:
        connection.execute(sa.update(snapshot_delivery).where(_left(ledger)).values(status="due"))
    sent = 0
    for run, line in _to_tell(ledger):
        if (recipient := _recipient(ledger, run, line)) is None:
            continue
        language = recipient.language or run.definition.language
        notice = notice_of(run, line.kind, language, deliveries(ledger.state, run))
        sent += hand_over(ledger, run, line, notice, recipient, deliver, lambda connection: None) == "sent"
        ledger.beat()
    return sent


def has_pending_notices(ledger: Ledger) -> bool:
    """Whether a notice is to be sent now."""
    with ledger.state.transaction() as connection:
        left = connection.execute(sa.select(sa.exists().where(_left(ledger)))).scalar_one()
    return left or bool(_to_tell(ledger))


def _left(ledger: Ledger) -> sa.ColumnElement[bool]:
    """The notices that somebody left in the middle of their hand-over."""
    return sa.and_(_NOTICES, _c.status == "handing", _c.began_at < ledger.clock() - _OVERDUE)


def _to_tell(ledger: Ledger) -> list[tuple[Run, Sent]]:
    """The notices that are due, with their runs: at once, and then after as long as it has been tried already."""
    query = sa.select(snapshot_run).where(
        snapshot_run.c.id.in_(sa.select(_c.run_id).where(_NOTICES, _c.status == "due"))
    )
    with ledger.state.transaction() as connection:
        told = [run_of(row) for row in connection.execute(query.order_by(snapshot_run.c.id))]
    moment = ledger.clock()
    return [
        (run, line)
        for run in told
        for line in deliveries(ledger.state, run)
        if line.kind != "copy" and line.status == "due" and _next_try(run, line) <= moment
    ]


def _next_try(run: Run, line: Sent) -> datetime:
    assert run.ended_at is not None
    if line.ended_at is None:
        return datetime.min  # at once, whatever became of the clock
    return line.ended_at + min(max(line.ended_at - run.ended_at, _SOONEST), _LATEST)


def _last_try(run: Run) -> datetime:
    assert run.ended_at is not None
    return run.ended_at + _GIVEN_UP


def _recipient(ledger: Ledger, run: Run, line: Sent) -> Recipient | None:
    if line.kind == "owner":
        return Recipient("owner", ledger.owner_of(run.definition))
    return next((one for one in run.definition.recipients if one.name == line.recipient), None)
