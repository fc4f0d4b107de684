"""What is decided about copies that did not arrive, or may not have: that one did, or that it is handed over again.

Only a person decides so, and it is written down who and when. What is handed over again is what was stored, under the
same key, and goes to nobody who has his copy.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from kpi.errors import InputError, RunError, UnknownName
from kpi.snapshots.ledger import Ledger, find
from kpi.snapshots.runs import TROUBLE, Run, Sent, deliveries_on, judged
from kpi.state.tables import snapshot_decision, snapshot_delivery, snapshot_run

OPEN_TO_DECISION = ("failed", "unconfirmed")  # states of runs that have copies to decide about
# Of a copy: nobody got it (due: the run ended before it was its turn), or perhaps.
NOT_SENT, IN_DOUBT = ("failed", "due"), ("unconfirmed",)
_c = snapshot_delivery.c


def arrived(ledger: Ledger, key: str, names: Collection[str], author: str) -> Run:
    """These recipients, or all in doubt where none is named, have their copies; the run ends as that makes it.

    Raises UnknownName for a run or recipient that there is not; InputError for one whose copy is not in doubt;
    RunError for a run that has none such.
    """
    run = find(ledger.state, key)
    with _copies(ledger, run) as (connection, copies):
        chosen = _chosen(run, copies, names, IN_DOUBT) if names else _with(copies, IN_DOUBT)
        if not chosen:
            raise RunError("run_no_doubt", run=key)
        _decide(connection, ledger, chosen, "arrived", author, status="sent", detail="", ended_at=ledger.clock())
        state, reason = judged(run, _copies_of(connection, run))
        _change(connection, run, state=state, reason="" if reason is None else reason.text())
        if state not in TROUBLE:
            _leave_untold(connection, run)
    return find(ledger.state, key)


def send_again(ledger: Ledger, key: str, names: Collection[str], author: str) -> Run:
    """Put the run down once more for these recipients only, or for all who surely did not get it where none is named;
    one who may have it already must be named. A worker goes on with it from its stored files.

    Raises UnknownName for a run or recipient that there is not; InputError for one who has his copy; RunError for a run
    whose files are not kept, or of which nobody surely lacks his copy.
    """
    run = find(ledger.state, key)
    with _copies(ledger, run) as (connection, copies):
        if run.folder is None:
            raise RunError("run_files_not_kept", run=key, name=run.name, day=run.due_on)
        chosen = _chosen(run, copies, names, NOT_SENT + IN_DOUBT) if names else _with(copies, NOT_SENT)
        if not chosen:
            raise RunError("run_only_doubt", run=key, names=", ".join(one.recipient for one in _with(copies, IN_DOUBT)))
        # Whom nobody asked for must not get his copy along with the others.
        connection.execute(sa.update(snapshot_delivery).where(_of(run), _c.status == "due").values(status="failed"))
        _decide(connection, ledger, chosen, "send_again", author, status="due", ended_at=None)
        _change(connection, run, state="due", step="stored", reason="", attempts=0, began_at=None, ended_at=None)
        _leave_untold(connection, run)
    return find(ledger.state, key)


@contextmanager
def _copies(ledger: Ledger, run: Run) -> Iterator[tuple[sa.Connection, list[Sent]]]:
    """A transaction in which nobody else decides about the run, and what became of its copies up to then."""
    with ledger.state.transaction() as connection:
        _change(connection, run, claim=None)
        yield connection, _copies_of(connection, run)


def _change(connection: sa.Connection, run: Run, **values: object) -> None:
    """Raises RunError where the run has not ended, or there is nothing to decide about it any more."""
    ended = sa.update(snapshot_run).where(snapshot_run.c.id == run.id, snapshot_run.c.state.in_(OPEN_TO_DECISION))
    if connection.execute(ended.values(**values)).rowcount != 1:
        raise RunError("run_nothing_to_decide", run=run.key)


def _of(run: Run) -> sa.ColumnElement[bool]:
    return sa.and_(_c.run_id == run.id, _c.kind == "copy")


def _copies_of(connection: sa.Connection, run: Run) -> list[Sent]:
    return [line for line in deliveries_on(connection, run) if line.kind == "copy"]


def _with(copies: Sequence[Sent], statuses: Collection[str]) -> list[Sent]:
    return [line for line in copies if line.status in statuses]


def _chosen(run: Run, copies: Sequence[Sent], names: Collection[str], statuses: Collection[str]) -> list[Sent]:
    valid = {line.recipient: line for line in _with(copies, statuses)}
    for name in names:
        if name in {line.recipient for line in copies} - set(valid):
            raise InputError("run_copy_settled", run=run.key, name=name, valid=", ".join(valid) or "–")
        if name not in valid:
            raise UnknownName("recipient", name, valid)
    return [valid[name] for name in dict.fromkeys(names)]


def _decide(
    connection: sa.Connection, ledger: Ledger, chosen: Sequence[Sent], what: str, author: str, **values: object
) -> None:
    for line in chosen:
        connection.execute(sa.update(snapshot_delivery).where(_c.id == line.id).values(**values))
        told = {"run_id": line.run_id, "recipient": line.recipient, "what": what, "author": author}
        connection.execute(sa.insert(snapshot_decision).values(**told, decided_at=ledger.clock()))


def _leave_untold(connection: sa.Connection, run: Run) -> None:
    """What was to be told of a state that is over."""
    over = sa.and_(_c.run_id == run.id, _c.kind != "copy", _c.status.in_(("due", "handing")))
    connection.execute(sa.delete(snapshot_delivery).where(over))
