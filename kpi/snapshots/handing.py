"""Handing over: each copy and each notice at most once, whatever is killed on the way.

Before a hand-over its line says "handing", afterwards what came of it. A line that still says so when nobody works on
it any more stems from a worker that was killed in between: it becomes "unconfirmed", and is never handed over again.
"""

import hashlib
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

import sqlalchemy as sa

from kpi.snapshots.ledger import Ledger, patiently, unconfirmed
from kpi.snapshots.model import Parcel, Recipient
from kpi.snapshots.notices import notice_of
from kpi.snapshots.runs import Run, Sent, deliveries, run_of
from kpi.state import StateDatabase
from kpi.state.tables import snapshot_delivery, snapshot_run

log = logging.getLogger("switchboard")

_OVERDUE = timedelta(minutes=10)  # no hand-over takes longer, its retries included
_c = snapshot_delivery.c


class Delivery(Protocol):
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

    def __call__(self, parcel: Parcel, recipient: Recipient, *, key: str) -> Delivery: ...


Guard = Callable[[sa.Connection], None]


def key_of(run: Run, kind: str, recipient: str) -> str:
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
        done = deliver(parcel, recipient, key=key_of(run, line.kind, line.recipient))
        status, detail, attempts = done.status, done.detail, done.attempts
    except Exception as error:
        # It may have arrived before this went wrong.
        log.exception("delivery of %s to %s", run.key, line.recipient)
        status, detail, attempts = "unconfirmed", type(error).__name__, 1
    status = {"permanent": "failed", "temporary": "failed"}.get(status, status)
    values = {"status": status, "detail": detail[:1000], "attempts": attempts, "ended_at": ledger.clock()}
    patiently(_write, ledger.state, line.id, values)
    return status


def _write(state: StateDatabase, line: int, values: dict[str, object]) -> None:
    with state.transaction() as connection:
        connection.execute(sa.update(snapshot_delivery).where(_c.id == line).values(**values))


def tell(ledger: Ledger, deliver: Deliver) -> int:
    """Send every notice that is due: to owners why a run is not simply sent, to recipients that they get nothing yet.
    Says how many were sent.
    """
    moment = ledger.clock()
    notices = _c.kind.in_(("owner", "notice"))
    with ledger.state.transaction() as connection:
        unconfirmed(connection, notices, _c.began_at < moment - _OVERDUE, moment=moment)
    with ledger.state.transaction() as connection:
        query = sa.select(snapshot_run).where(
            snapshot_run.c.id.in_(sa.select(_c.run_id).where(notices, _c.status == "due"))
        )
        told = [run_of(row) for row in connection.execute(query.order_by(snapshot_run.c.id))]
    sent = 0
    for run in told:
        for line in deliveries(ledger.state, run):
            if line.kind == "copy" or line.status != "due" or (recipient := _recipient(ledger, run, line)) is None:
                continue
            language = recipient.language or run.definition.language
            notice = notice_of(run, line.kind, language, deliveries(ledger.state, run))
            sent += hand_over(ledger, run, line, notice, recipient, deliver, lambda connection: None) == "sent"
    return sent


def untold(state: StateDatabase) -> bool:
    """Whether a notice is due."""
    with state.transaction() as connection:
        due = sa.exists().where(_c.kind.in_(("owner", "notice")), _c.status == "due")
        return connection.execute(sa.select(due)).scalar_one()


def _recipient(ledger: Ledger, run: Run, line: Sent) -> Recipient | None:
    if line.kind == "owner":
        return Recipient("owner", ledger.owner_of(run.definition))
    return next((one for one in run.definition.recipients if one.name == line.recipient), None)
