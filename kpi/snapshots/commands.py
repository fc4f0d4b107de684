"""``python -m kpi snapshots …``: definitions as a file, runs by hand, the worker. Each gives its exit code."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from kpi import output
from kpi.errors import FileError
from kpi.i18n import Language, phrase
from kpi.i18n.numbers import format_moment
from kpi.query.labels import labels
from kpi.snapshots import book, definition_file, schedule
from kpi.snapshots.model import Definition
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
    wanted = definition_file.load(text, *known(warehouse))
    with opened(warehouse) as state:
        done = book.apply(state, wanted, LOCAL)
    to.write(phrase(language, "snapshots_applied", **vars(done)) + "\n")
    return 0


def dump(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """The definitions as a file that can be applied again."""
    with opened(warehouse) as state:
        to.write(definition_file.dump([one.definition for one in book.definitions(state)], language))
    return 0


def list_(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Every definition: when it is due next, in its own zone, and to whom it goes."""
    head = ["name", *(phrase(language, f"snapshots_head_{name}") for name in ("title", "next", "recipients"))]
    lines = []
    with opened(warehouse) as state:
        for kept in book.definitions(state):
            one = kept.definition
            names = ", ".join(recipient.name for recipient in one.recipients)
            lines.append([one.name, one.title[0 if language == "zh" else 1] or max(one.title), next_of(one, language),
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
    return f"{format_moment(schedule.local(due.at, asked.zone), language)} {asked.zone}"


def pause(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Nothing is due any more until ``resume``."""
    return _paused(asked, warehouse, language, to, True)


def resume(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Due again from now on; what would have been due meanwhile is not."""
    return _paused(asked, warehouse, language, to, False)


def _paused(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO, paused: bool) -> int:
    with opened(warehouse) as state:
        book.pause(state, asked.name, paused, LOCAL)
        said = next_of(book.definition(state, asked.name).definition, language)
    to.write(f"{asked.name}: {said}\n")
    return 0


def known(warehouse: Warehouse) -> tuple[list[str] | None, dict[str, list[str]]]:
    """The feeds of the warehouse, and the values of its dimensions; not known before there is any data."""
    if not warehouse.exists() or (published := warehouse.published()).data_start is None:
        return None, {}
    values = {dimension: [value for value in labels(warehouse, dimension, "en") if value]
              for dimension in ("channel", "topic", "team", "region")}  # fmt: skip
    return list(published.feeds), values
