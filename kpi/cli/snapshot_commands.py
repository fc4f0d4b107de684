"""``python -m kpi snapshots …``: definitions as a file, runs by hand, the worker. Each gives its exit code."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from kpi import output
from kpi.errors import FileError
from kpi.home import require_foreign
from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_moment
from kpi.narrative.working_days import unpublished
from kpi.query.labels import labels
from kpi.snapshots import definition_file, definition_store, resolution, schedule, store, worker
from kpi.snapshots.ledger import Ledger, find
from kpi.snapshots.model import Definition
from kpi.snapshots.runs import GOOD, Run, changes, decisions, deliveries, files, runs, say, told_state
from kpi.state import LOCAL, StateDatabase
from kpi.state.database import now
from kpi.warehouse import Warehouse


@contextmanager
def opened(warehouse: Warehouse) -> Iterator[StateDatabase]:
    """The state database that goes with a warehouse's settings."""
    state = StateDatabase(warehouse.settings)
    try:
        yield state
    finally:
        state.close()


def apply(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Put a file of definitions in the place of those that are kept, and say what that changed."""
    try:
        text = asked.file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError("targets_unreadable", file=asked.file, problem=error) from error
    wanted = definition_file.load(text, *known(warehouse), warehouse.settings)
    with opened(warehouse) as state:
        done = definition_store.apply(state, wanted, LOCAL)
    to.write(phrase(language, "snapshots_applied", **vars(done)) + "\n")
    return 0


def dump(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """The definitions as a file that can be applied again."""
    with opened(warehouse) as state:
        to.write(definition_file.dump([one.definition for one in definition_store.definitions(state)], language))
    return 0


def list_(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Every definition: when it is due next, in its own zone, and to whom it goes."""
    head = ["name", *(phrase(language, f"snapshots_head_{name}") for name in ("title", "next", "recipients"))]
    lines = []
    with opened(warehouse) as state:
        for kept in definition_store.definitions(state):
            one = kept.definition
            names = ", ".join(recipient.name for recipient in one.recipients)
            lines.append([one.name, one.title_in(language), next_of(one, language),
                          names or "–"])  # fmt: skip
    output.write_table(head, lines, [False] * len(head), to)
    return 0


def next_of(definition: Definition, language: Language) -> str:
    """When it is due next, or why it is not."""
    asked = definition.schedule
    if definition.paused:
        return phrase(language, "snapshots_paused")
    due = schedule.next_due(asked, now()) if asked is not None else None
    if asked is None or due is None:
        return phrase(language, "snapshots_never")
    told = f"{format_moment(schedule.local(due.at, asked.zone), language)} {asked.zone}"
    # Which days are worked decides when it is due, of the month from its first day on.
    said = "" if asked.days == "any" else unpublished(due.on.replace(day=1), due.on, language)
    return f"{told} ({said})" if said else told


def pause(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Nothing is due any more until ``resume``."""
    return _paused(asked, warehouse, language, to, True)


def resume(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Due again from now on; what would have been due meanwhile is not."""
    return _paused(asked, warehouse, language, to, False)


def _paused(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO, paused: bool) -> int:
    with opened(warehouse) as state:
        definition_store.pause(state, asked.name, paused, LOCAL)
        said = next_of(definition_store.definition(state, asked.name).definition, language)
    to.write(f"{asked.name}: {said}\n")
    return 0


def known(warehouse: Warehouse) -> tuple[list[str] | None, dict[str, list[str]]]:
    """The feeds of the warehouse, and the values of its dimensions; not known before there is any data."""
    if not warehouse.present or (published := warehouse.published()).data_start is None:
        return None, {}
    values = {dimension: [value for value in labels(warehouse, dimension, "en") if value]
              for dimension in ("channel", "topic", "team", "region")}  # fmt: skip
    return list(published.feeds), values


# --- runs ------------------------------------------------------------------------------------------------------------


def run(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Run one now, for today or for the day it was due; 1 where it did not end as sent."""
    render, deliver = worker.parts()
    with opened(warehouse) as state:
        ledger = Ledger(state)
        added = ledger.add(asked.name, asked.due)
        worker.run_due(warehouse, render, deliver, only=added.id)
        return _told(state, [find(state, added.key)], language, to)


def back_fill(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Run one for every due date between two days that has no run yet; 1 where one did not end as sent."""
    render, deliver = worker.parts()
    with opened(warehouse) as state:
        ledger = Ledger(state)
        keys = [one.key for one in ledger.back_fill(asked.name, asked.start, asked.end)]
        for key in keys:
            worker.run_due(warehouse, render, deliver, only=find(state, key).id)
        return _told(state, [find(state, key) for key in keys], language, to)


def run_due(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Everything that is due, once: for cron, and what the worker calls."""
    render, deliver = worker.parts()
    done = worker.run_due(warehouse, render, deliver)
    to.write(phrase(language, "snapshots_done", count=done) + "\n")
    return 0


def serve(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """The worker: until it is told to end."""
    return worker.serve(warehouse.settings, ends_with_parent=asked.child)


def list_runs(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """The latest runs with state and reason."""
    with opened(warehouse) as state:
        if asked.name is not None:
            definition_store.definition(state, asked.name)
        _told(state, runs(state, asked.name, asked.last), language, to, asked.format)
    return 0


def again(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """The files of a run rendered again into a folder, from its version of the warehouse; nothing is sent."""
    require_foreign(asked.to, warehouse.settings)
    render, _ = worker.parts()
    with opened(warehouse) as state:
        made = worker.again(warehouse, state, find(state, asked.key), render)
    for recipient, contents in made.items():
        folder = asked.to / store.copy_folder(recipient)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in contents.items():
                (folder / name).write_bytes(content)
        except OSError as error:
            raise FileError("cannot_write", path=folder, problem=error) from error
        to.write(f"{folder}\n")
    return 0


def arrived(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Note that copies of which that was not known have arrived; 1 where the run is not sent by that."""
    with opened(warehouse) as state:
        return _told(state, [resolution.arrived(Ledger(state), asked.key, asked.recipients, LOCAL)], language, to)


def send_again(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Hand a run's stored files to those who did not get them; 1 where it did not end as sent."""
    render, deliver = worker.parts()
    with opened(warehouse) as state:
        opened_again = resolution.send_again(Ledger(state), asked.key, asked.recipients, LOCAL)
        worker.run_due(warehouse, render, deliver, only=opened_again.id)
        return _told(state, [find(state, asked.key)], language, to)


def run_json(state: StateDatabase, one: Run) -> dict[str, object]:
    """A run as JSON can hold it."""
    plain = ("key", "name", "due_at", "due_on", "revision", "origin", "state", "step", "attempts", "seconds", "version")
    changed = changes(state, one)
    return {
        **{name: output.json_value(getattr(one, name)) for name in plain},
        "began_at": output.json_value(one.began_at),
        "ended_at": output.json_value(one.ended_at),
        "reason": say(one.reason, "en"),
        "as_of": dict(one.as_of),
        "recipients": [
            {"kind": line.kind, "name": line.recipient, "status": line.status, "detail": line.detail,
             "attempts": line.attempts}
            for line in deliveries(state, one)
        ],
        "decisions": [
            {"recipient": told.recipient, "what": told.what, "author": told.author,
             "decided_at": output.json_value(told.decided_at)}
            for told in decisions(state, one)
        ],
        "files": [vars(file) for file in files(state, one)],
        "changes": None if changed is None else [vars(change) for change in changed],
    }  # fmt: skip


def _told(state: StateDatabase, found: list[Run], language: Language, to: TextIO, form: str = "table") -> int:
    if form == "json":
        output.write_json([run_json(state, one) for one in found], to)
    else:
        head = [phrase(language, f"snapshots_head_{name}") for name in ("run", "state", "seconds", "reason")]
        lines = [
            [one.key, told_state(one, language), "–" if one.seconds is None else f"{one.seconds:.1f}",
             say(one.reason, language)]
            for one in found
        ]  # fmt: skip
        output.write_table(head, lines, [False, False, True, False], to)
    return 0 if all(one.state in {*GOOD, "skipped"} for one in found) else 1
