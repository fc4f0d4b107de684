"""What an editor made of a table of the state database: kept whole, or not at all, and nobody's change lost unseen."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, Self, TypeVar

import sqlalchemy as sa

from kpi.dates import EARLIEST, LATEST, is_possible
from kpi.errors import KpiError, PeriodError, StaleEdit
from kpi.i18n import Language, phrase
from kpi.plain_text import refusal
from kpi.state.database import StateDatabase, now


class Row(Protocol):
    """One row that is edited. ``id`` is None for one that is not kept yet; ``changed_at``, UTC, says which state of it
    was read.
    """

    @property
    def id(self) -> int | None: ...
    @property
    def changed_at(self) -> datetime | None: ...
    @property
    def label(self) -> str:
        """How a message names it."""
        ...

    def says(self, other: Self) -> bool:
        """Whether both say the same, whoever wrote them and when."""
        ...

    def written(self) -> dict[str, object]:
        """Column -> value, as it is kept, without who wrote it and when."""
        ...


_Edited = TypeVar("_Edited", bound=Row)


@dataclass(frozen=True)
class Problem:
    """What is wrong with one row of a table that is edited: ``row`` counts from 1 as it is shown.

    ``line``: of a file's entry, where it begins; 0 where that is not known. A value may be an error, which is said in
    the reader's language.
    """

    row: int
    key: str
    values: tuple[tuple[str, object], ...] = ()
    line: int | None = None

    def message(self, language: Language) -> str:
        """The row and what is wrong with it."""
        what = self.what(language)
        if self.line is None:
            return phrase(language, "row_problem", row=self.row, what=what)
        return phrase(language, "entry_problem", row=self.row, line=self.line or "?", what=what)

    def what(self, language: Language) -> str:
        """What is wrong, without the row."""
        said = {name: one.message(language) if isinstance(one, KpiError) else one for name, one in self.values}
        return phrase(language, self.key, **said)


def impossible_dates(row: int, *days: date | None) -> list[Problem]:
    """A problem for each of the days that lies farther away than anything can be worked out for; None is no day."""
    limits = (("first", EARLIEST), ("last", LATEST))
    return [
        Problem(row, "problem_is", (("what", PeriodError("date_impossible", text=str(day), **dict(limits))),))
        for day in days
        if day is not None and not is_possible(day)
    ]


def text_problems(number: int, texts: Mapping[str, str]) -> list[Problem]:
    """What keeps texts of a row from being written down; ``texts``: name of the field -> text."""
    found = []
    for field, text in texts.items():
        if (wrong := refusal(text)) is not None:
            what = KpiError(wrong[0], **wrong[1])
            found.append(Problem(number, "text_refused", (("field", field), ("what", what))))
    return found


def save(
    state: StateDatabase,
    table: sa.Table,
    before: Iterable[_Edited],
    after: Iterable[_Edited],
    author: str,
    check: Callable[[sa.Connection], None] = lambda connection: None,
) -> None:
    """Keep what was made of ``before``: all of it, or nothing. ``check`` looks at what would be kept, and may raise.

    Raises StaleEdit, naming the rows, where somebody else has changed or removed one meanwhile that is changed or
    removed here.
    """
    rows = list(after)
    read = {row.id: row for row in before}
    left = {row.id: row for row in rows if row.id is not None}
    stale: list[str] = []
    with state.transaction() as connection:

        def touch(old: _Edited, change: sa.Update | sa.Delete) -> None:
            same = change.where(table.c.id == old.id, table.c.changed_at == old.changed_at)
            if connection.execute(same).rowcount != 1:
                stale.append(old.label)

        for key, old in read.items():
            new = left.get(key) if key is not None else None
            if new is None:
                touch(old, sa.delete(table))
            elif not new.says(old):
                touch(old, sa.update(table).values(_signed(new, author)))
        if stale:
            raise StaleEdit("edit_stale", rows="; ".join(stale))
        for new in rows:
            if new.id is None:
                connection.execute(sa.insert(table).values(_signed(new, author)))
        check(connection)


def begin(state: StateDatabase, table: sa.Table, rows: Sequence[Row], author: str) -> bool:
    """Write ``rows`` down where there are none yet; says whether it did. Two at once write them once."""
    none_yet = ~sa.exists(sa.select(table.c.id))
    with state.transaction() as connection:
        if not rows:
            return False
        # The first one goes in only where there is none, in one statement; the others follow it.
        values = _signed(rows[0], author)
        columns = [table.c[name] for name in values]
        chosen = sa.select(*(sa.literal(value, table.c[name].type) for name, value in values.items()))
        if connection.execute(sa.insert(table).from_select(columns, chosen.where(none_yet))).rowcount != 1:
            return False
        for row in rows[1:]:
            connection.execute(sa.insert(table).values(_signed(row, author)))
    return True


def _signed(row: Row, author: str) -> dict[str, object]:
    return row.written() | {"author": author, "changed_at": now()}
