"""The definitions as they are kept in the state database."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from kpi.entry_file import Applied
from kpi.errors import UnknownName
from kpi.snapshots.model import Definition
from kpi.snapshots.serialization import as_plain, of_plain
from kpi.state import StateDatabase, editing
from kpi.state.database import now
from kpi.state.tables import snapshot, snapshot_run


@dataclass(frozen=True)
class Kept:
    """A definition with what the database knows of it. ``id`` is None for one that is not kept yet; ``changed_at``,
    UTC, says which state of it was read. ``seen_until``, UTC: its due times up to then are in the ledger.
    """

    definition: Definition
    id: int | None = None
    author: str = ""
    changed_at: datetime | None = None
    seen_until: datetime | None = None

    @property
    def label(self) -> str:
        return self.definition.name

    def says(self, other: "Kept") -> bool:
        """Whether both say the same, whoever wrote them and when."""
        return self.definition == other.definition

    def written(self) -> dict[str, object]:
        """Column -> value, as it is kept. One without ``seen_until`` is due from now on."""
        told: dict[str, object] = {"name": self.definition.name, "content": as_text(self.definition)}
        return told | ({"seen_until": now()} if self.seen_until is None else {})

    def due_from(self, before: Definition) -> "Kept":
        """It in the place of ``before``. One that goes on after a pause, or is due at other times than it was, is due
        from now on: a worker that was down meanwhile has nothing to make up for.
        """
        goes_on = before.paused and not self.definition.paused
        if goes_on or _times(before) != _times(self.definition):
            return replace(self, seen_until=None)
        return self


def _times(definition: Definition) -> tuple[str, ...]:
    """What decides when it is due."""
    asked = definition.schedule
    return () if asked is None else (asked.cron, asked.zone, asked.days)


def as_text(definition: Definition) -> str:
    """The definition as the database keeps it: JSON."""
    return json.dumps(as_plain(definition), ensure_ascii=False)


def of_text(text: str) -> Definition:
    """What ``as_text`` wrote."""
    content: Mapping[str, Any] = json.loads(text)
    return of_plain(content)[0]


def definitions(state: StateDatabase) -> list[Kept]:
    """All of them, by name."""
    c = snapshot.c
    query = sa.select(c.content, c.id, c.author, c.changed_at, c.seen_until).order_by(c.name)
    with state.transaction() as connection:
        return [Kept(of_text(row.content), *row[1:]) for row in connection.execute(query)]


def definition(state: StateDatabase, name: str) -> Kept:
    """The one of that name. Raises UnknownName."""
    kept = definitions(state)
    for one in kept:
        if one.label == name:
            return one
    raise UnknownName("snapshot", name, [one.label for one in kept])


def save(state: StateDatabase, before: Iterable[Kept], after: Iterable[Kept], author: str) -> None:
    """Keep what an editor, or a file, made of ``before``: all of it, or nothing. ``after`` holds no problems.

    Raises StaleEdit, naming them, where somebody else has changed or removed one meanwhile that is changed or removed
    here.
    """
    known = {one.id: one for one in before}
    rows = [one.due_from(known[one.id].definition) if one.id is not None else one for one in after]
    editing.save(state, snapshot, known.values(), rows, author)


def begin_with(state: StateDatabase, rows: Sequence[Definition], author: str) -> bool:
    """Write down definitions where there is none, nor was any ever run: who has deleted all of them wants none. Says
    whether it did.
    """
    with state.transaction() as connection:
        ever = connection.execute(sa.select(sa.exists(sa.select(snapshot_run.c.id)))).scalar_one()
    return not ever and editing.begin(state, snapshot, [Kept(one) for one in rows], author)


def nothing_missed(state: StateDatabase, author: str) -> None:
    """Of definitions that are still as ``author`` wrote them nothing that was due up to now is made up for."""
    with state.transaction() as connection:
        connection.execute(sa.update(snapshot).where(snapshot.c.author == author).values(seen_until=now()))


def apply(state: StateDatabase, wanted: Sequence[Definition], author: str) -> Applied:
    """Make ``wanted`` the whole list, in one transaction. Those of the same name are the same; runs stay."""
    before = definitions(state)
    known = {one.label: one for one in before}
    after = [replace(known[one.name], definition=one) if one.name in known else Kept(one) for one in wanted]
    save(state, before, after, author)
    return Applied.of(before, after)


def pause(state: StateDatabase, name: str, paused: bool, author: str) -> None:
    """Pause one, or go on with it from now on. Raises UnknownName."""
    before = definition(state, name)
    save(state, [before], [replace(before, definition=replace(before.definition, paused=paused))], author)
