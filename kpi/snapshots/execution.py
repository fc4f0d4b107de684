"""One claimed run, from where it stands to its end: wait for the data, render, store, deliver, record.

Each step is written into the ledger once it is done, so that whoever comes after a worker that was killed goes on from
there. Until the files are stored everything may be done again; from then on the stored files are what is delivered.
"""

import inspect
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from kpi.errors import FormatError, InputError, RunError, StateError, WarehouseDamaged, WarehouseError
from kpi.i18n import LANGUAGES, Language, phrase
from kpi.settings import Settings
from kpi.snapshots import store
from kpi.snapshots.dispatch import Deliver, hand_over
from kpi.snapshots.ledger import AS_OF, MOST_ATTEMPTS, Ledger, patiently, unconfirmed
from kpi.snapshots.model import Definition, Recipient, Rendered, Revision, period_of
from kpi.snapshots.notices import changes_text
from kpi.snapshots.runs import (
    File,
    Reason,
    Run,
    before,
    deliveries,
    differing,
    failing_since,
    figures,
    files,
    judged,
)
from kpi.state import StateDatabase
from kpi.state.tables import snapshot_delivery, snapshot_figure, snapshot_file
from kpi.state.targets import targets
from kpi.targets import target_file
from kpi.targets.resolution import Targets
from kpi.warehouse import Warehouse
from kpi.warehouse.published import Published

_WAIT, _RETRY = 15.0, 10.0  # seconds until a run that waits for data, or failed, is looked at again
# Errors of a disk or a database, which may be gone for a while, and how long that is waited for.
_AWAY = (OSError, RunError, StateError, WarehouseError)
# Errors that trying again ends with too.
_FOR_GOOD = (FormatError, InputError, WarehouseDamaged)
_LONGEST_AWAY = timedelta(minutes=10)
_SLOW, _AT_ONCE = 1.0, 16  # seconds after which a hand-over is slow; how many there may be at the same time
# For whom a snapshot without recipients is rendered: it is kept for download.
NOBODY = Recipient("local", "")


class Render(Protocol):
    """Renders one recipient's copy as of ``version`` of the warehouse; None: of what is published."""

    def __call__(
        self, warehouse: Warehouse, definition: Definition, recipient: Recipient, due: date, *,
        version: int | None = None,
    ) -> Rendered: ...  # fmt: skip


DEPENDS_ON = ("service_level", "topic_covered")  # settings that figures depend on


def depending(settings: Settings, state: StateDatabase, published: Published) -> dict[str, Any]:
    """What figures and their targets depend on beside the data, and where these end for good: kept with a run, so that
    it can be rendered again.
    """
    told = {name: getattr(settings, name) for name in DEPENDS_ON}
    last_day = {} if published.last_day is None else {"last_day": published.last_day.isoformat()}
    return {**told, "targets": target_file.dump(targets(state), "en"), **last_day}


def targets_of(run: Run) -> Targets:
    """The targets that were kept with a run."""
    return Targets(tuple(target_file.load(str(run.settings.get("targets", "")))))


def revision_of(state: StateDatabase, run: Run, recipient: str) -> Revision | None:
    """What a recipient's copy is held against when the run is made again; None for the first."""
    earlier = before(state, run)
    if earlier is None:
        return None
    was = {key[1:]: value for key, value in figures(state, earlier.id).items() if key[0] == recipient}
    return Revision(run.revision, earlier.revision, was)


def with_changes(state: StateDatabase, run: Run, copies: Mapping[str, Rendered]) -> dict[str, Rendered]:
    """A later revision's copies (by recipient), each with a file that says what changed; a first one's as they are."""
    earlier = before(state, run)
    if earlier is None:
        return dict(copies)
    was = figures(state, earlier.id)
    found = {}
    for name, one in copies.items():
        mine = {key: value for key, value in was.items() if key[0] == name}
        changed = differing(mine, {(name, *key): value for key, value in one.figures.items()})
        language = next((r.language for r in run.definition.recipients if r.name == name), None)
        text = changes_text(changed, run, earlier.revision, one.names, language or run.definition.language)
        revision = {"number": run.revision, "before": earlier.revision, "figures_changed": len(changed)}
        found[name] = one.with_file("changes.txt", text.encode(), revision=revision)
    return found


_Call = TypeVar("_Call", bound=Callable[..., Any])


def bound(call: _Call, **named: object) -> _Call:
    """The call with those of ``named`` that it takes; a renderer need know no targets, a delivery no settings."""
    taken = inspect.signature(call).parameters
    return partial(call, **{name: value for name, value in named.items() if name in taken})  # type: ignore[return-value]


def empty_handed(ledger: Ledger, run: Run) -> tuple[str, ...]:
    """The recipients to whom nothing was handed over."""
    begun = {line.recipient for line in deliveries(ledger.state, run) if line.status != "due"}
    return tuple(one.name for one in run.definition.recipients if one.name not in begun)


@dataclass
class Running:
    """What working on runs needs. ``by_hand``: somebody waits for it, and nobody need come afterwards who tries what
    went wrong once more.
    """

    ledger: Ledger
    warehouse: Warehouse
    render: Render
    deliver: Deliver
    by_hand: bool = False

    def work(self, run: Run) -> None:
        """Bring a claimed run to its end, or put it off. Raises RunError where the claim was lost."""
        if run.attempts > MOST_ATTEMPTS:
            # It takes its workers down with it.
            reason = Reason("run_broke_off", attempts=run.attempts - 1)
            self.ledger.end(run, "failed", reason, empty_handed(self.ledger, run))
            return
        try:
            if not run.after("stored"):
                stored = self._stored(run)
                if stored is None:
                    return
                run = stored
            self._delivered(run)
        except RunError as error:
            if error.key == "run_lost":
                raise
            self._again(run, error)
        except Exception as error:
            self._again(run, error)

    def _again(self, run: Run, error: Exception) -> None:
        """Something went wrong: try again soon, but not for ever, and not what would end the same. What may only be
        away is waited for first.
        """
        moment = self.ledger.clock()
        since = failing_since(run) or moment
        reason = Reason.of(error, since=since)
        if self.by_hand or isinstance(error, _FOR_GOOD):
            self.ledger.end(run, "failed", reason, empty_handed(self.ledger, run))
        elif isinstance(error, _AWAY) and moment < since + _LONGEST_AWAY:
            self.ledger.postpone(run, reason, _RETRY, waiting=True)
        elif run.attempts >= MOST_ATTEMPTS:
            self.ledger.end(run, "failed", reason, empty_handed(self.ledger, run))
        else:
            self.ledger.postpone(run, reason, _RETRY * run.attempts, waiting=False)

    # --- until the files are stored ---

    def _stored(self, run: Run) -> Run | None:
        """The run with its files in their place; None where it waits, or has ended."""
        ledger, definition = self.ledger, run.definition
        # One that is put down as of an earlier version knows no more than was known then.
        with self.warehouse.at(run.version if run.origin == AS_OF else None) as then:
            published = then.published()
        late = _late(published, run)
        if late:
            asked = definition.schedule
            assert asked is not None
            reason = Reason.in_words("run_data_late", feeds=_names(published, late))
            if ledger.clock() < run.due_at + timedelta(minutes=asked.deadline_minutes):
                ledger.postpone(run, reason, _WAIT, waiting=True)
            else:
                ledger.end(run, "held", reason, empty_handed(ledger, run))
            return None
        version = published.version
        told = depending(self.warehouse.settings, ledger.state, published)
        run = replace(run, version=version, settings=told)
        run = ledger.step(run, "queried", version=version, settings=json.dumps(told, ensure_ascii=False))
        render = bound(self.render, targets=targets_of(run))
        copies = {
            one.name: bound(render, revision=revision_of(ledger.state, run, one.name))(
                self.warehouse, definition, one, run.due_on, version=version
            )
            for one in definition.recipients or (NOBODY,)
        }
        run = ledger.step(run, "rendered")
        copies = with_changes(ledger.state, run, copies)
        kept = store.keep(self.warehouse.settings, run, {name: one.files for name, one in copies.items()})
        are: dict[str, dict[str, Any]] = {
            name: {"empty": one.empty, "holds": one.holds} | ({"failed": dict(one.failed)} if one.failed else {})
            for name, one in copies.items()
        }
        any_copy = next(iter(copies.values()))
        as_of = {feed: moment.isoformat() for feed, moment in any_copy.as_of.items()}
        return patiently(self._record, run, copies, kept, are, as_of)

    def _record(
        self, run: Run, copies: dict[str, Rendered], kept: list[File], told: dict[str, dict[str, Any]],
        as_of: dict[str, str],
    ) -> Run:  # fmt: skip
        """Write files, figures and one line a copy, in the transaction that makes the step done."""
        definition, folder = run.definition, store.folder_of(run)
        with self.ledger.state.transaction() as connection:
            self.ledger.write(connection, run, step="stored", folder=folder, copies=json.dumps(told),
                              as_of=json.dumps(as_of))  # fmt: skip
            for table, rows in (
                (snapshot_file, [vars(one) for one in kept]),
                (snapshot_figure, [
                    {"recipient": name, "section": section, "kpi": kpi, "key": key[:400], "value": value}
                    for name, one in copies.items() for (section, kpi, key), value in one.figures.items()
                ]),
                (snapshot_delivery, [
                    {"kind": "copy", "recipient": one.name, "status": "due", "detail": "", "attempts": 0}
                    for one in definition.recipients
                ]),
            ):  # fmt: skip
                if rows:
                    connection.execute(sa.insert(table), [row | {"run_id": run.id} for row in rows])
        return replace(run, step="stored", folder=folder, copies=told, as_of=as_of)

    # --- from then on ---

    def _delivered(self, run: Run) -> None:
        ledger, definition, copies = self.ledger, run.definition, run.copies
        begun = any(line.kind == "copy" and line.status != "due" for line in deliveries(ledger.state, run))
        if not begun and not all(copy["holds"] for copy in copies.values()):
            ledger.end(run, "held", Reason("run_proof_fails"), empty_handed(ledger, run))
            return
        empty = [name for name, copy in copies.items() if copy["empty"]]
        if not begun and empty and definition.empty == "hold":
            ledger.end(run, "held", Reason("run_empty_held"), empty_handed(ledger, run))
            return
        with ledger.state.transaction() as connection:
            ledger.write(connection, run, step="stored")
            unconfirmed(connection, snapshot_delivery.c.run_id == run.id, snapshot_delivery.c.kind == "copy",
                        moment=ledger.clock())  # fmt: skip
        due = [line.recipient for line in deliveries(ledger.state, run) if (line.kind, line.status) == ("copy", "due")]
        self._hand_all(run, due, empty if definition.empty == "skip" else [])
        run = ledger.step(run, "delivered")
        ledger.end(run, *judged(run, [line for line in deliveries(ledger.state, run) if line.kind == "copy"]))

    def _hand_all(self, run: Run, names: list[str], skipped: list[str]) -> None:
        """One recipient after the other, so that a worker that is killed leaves one hand-over in doubt; but beside one
        that is slow, since a target that hangs must not keep the others' copies.
        """
        begun: list[Future[None]] = []
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for name in names:
                begun.append(pool.submit(self._hand, run, name, name in skipped))
                wait(begun[-1:], _SLOW)
        for one in begun:
            one.result()

    def _hand(self, run: Run, name: str, skip: bool) -> None:
        (line,) = [one for one in deliveries(self.ledger.state, run) if (one.kind, one.recipient) == ("copy", name)]
        if skip:
            values = {"status": "skipped", "ended_at": self.ledger.clock()}
            with self.ledger.state.transaction() as connection:
                self.ledger.write(connection, run, step="stored")
                connection.execute(
                    sa.update(snapshot_delivery).where(snapshot_delivery.c.id == line.id).values(**values)
                )
            return
        (recipient,) = [one for one in run.definition.recipients if one.name == name]

        def still_mine(connection: sa.Connection) -> None:
            self.ledger.write(connection, run, step="stored")

        hand_over(self.ledger, run, line, self._from_files(run, recipient), recipient, self.deliver, still_mine)

    def _from_files(self, run: Run, recipient: Recipient) -> Rendered:
        """A copy as it was stored: what is delivered is what can be downloaded."""
        state, settings = self.ledger.state, self.warehouse.settings
        names = [one.name for one in files(state, run) if one.recipient == recipient.name]
        told = run.copies[recipient.name]
        return Rendered(
            {name: store.read(settings, run, recipient.name, name) for name in names},
            {key[1:]: value for key, value in figures(state, run.id).items() if key[0] == recipient.name},
            told["empty"],
            told["holds"],
            run.version or 0,
            {feed: datetime.fromisoformat(moment) for feed, moment in run.as_of.items()},
            run.period,
        )


def _names(published: Published, feeds: list[str]) -> dict[Language, str]:
    """What feeds are called; one that the warehouse does not know goes by its id."""
    return {
        language: phrase(language, "say_and").join(
            published.feeds[one].name(language) if one in published.feeds else one for one in feeds
        )
        for language in LANGUAGES
    }


def _late(published: Published, run: Run) -> list[str]:
    """The feeds that have not passed the end of the period yet, of those that are waited for."""
    asked = run.definition.schedule
    if asked is None or not asked.wait or run.origin == "now":
        return []
    needed = asked.feeds or tuple(published.feeds)
    # The midnight after the period's last day.
    last = period_of(run.definition.period, run.due_on, published.last_day).end
    end = published.utc(datetime.combine(last + timedelta(days=1), time()))
    return [name for name in needed if name not in published.feeds or published.feeds[name].watermark < end]
