"""What happened: campaigns, incidents and releases, written down by people and shown on every time axis."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

import sqlalchemy as sa

from kpi.errors import StaleEdit
from kpi.i18n import Language, phrase
from kpi.state.database import StateDatabase, now
from kpi.state.tables import annotation

Kind = Literal["campaign", "incident", "release", "other"]
KINDS: tuple[Kind, ...] = get_args(Kind)

LONGEST = 30  # characters of a text: it stands over a figure
_COLUMNS = ("first", "last", "kind", "text_zh", "text_en")


@dataclass(frozen=True)
class Annotation:
    """From ``first`` to ``last``, business dates, both inclusive; None and "" is what has not been filled in.

    ``id`` is None for one that is not kept yet; ``changed_at``, UTC, says which state of it was read.
    """

    first: date | None = None
    last: date | None = None
    kind: Kind = "other"
    text_zh: str = ""
    text_en: str = ""
    id: int | None = None
    author: str = ""
    changed_at: datetime | None = None

    def text(self, language: Language) -> str:
        """In the reader's language, else in the other."""
        return (self.text_zh or self.text_en) if language == "zh" else (self.text_en or self.text_zh)

    def says(self, other: "Annotation") -> bool:
        """Whether both say the same, whoever wrote them and when."""
        return all(getattr(self, name) == getattr(other, name) for name in _COLUMNS)


@dataclass(frozen=True)
class Problem:
    """What is wrong with one row of a table that is edited: ``row`` counts from 1 as it is shown."""

    row: int
    key: str
    values: tuple[tuple[str, object], ...] = ()

    def message(self, language: Language) -> str:
        what = phrase(language, self.key, **dict(self.values))
        return phrase(language, "annotation_problem", row=self.row, what=what)


def problems_of(rows: Sequence[Annotation]) -> list[Problem]:
    """Everything that keeps the rows from being saved."""
    found = []
    for number, row in enumerate(rows, start=1):
        if row.first is None:
            found.append(Problem(number, "annotation_no_date"))
        elif row.last is not None and row.last < row.first:
            found.append(Problem(number, "annotation_reversed", (("first", row.first), ("last", row.last))))
        if row.kind not in KINDS:
            found.append(Problem(number, "annotation_no_kind"))
        if not (row.text_zh.strip() or row.text_en.strip()):
            found.append(Problem(number, "annotation_no_text"))
        longest = max(len(row.text_zh), len(row.text_en))
        if longest > LONGEST:
            found.append(Problem(number, "annotation_long", (("length", longest), ("longest", LONGEST))))
    return found


def annotations(state: StateDatabase, first: date = date.min, last: date = date.max) -> list[Annotation]:
    """Those that touch the days from ``first`` to ``last``, oldest first."""
    c = annotation.c
    query = sa.select(annotation).where(c.first <= last, c.last >= first).order_by(c.first, c.id)
    with state.transaction() as connection:
        return [Annotation(**row._mapping) for row in connection.execute(query)]


def save_annotations(
    state: StateDatabase, before: Iterable[Annotation], after: Iterable[Annotation], author: str
) -> None:
    """Keep what an editor made of ``before``: all of it, or nothing.

    ``after`` holds no problems (``problems_of``). A row without a last day lasts one day. Raises StaleEdit, naming the
    rows, where somebody else has changed or removed one meanwhile that is changed or removed here.
    """
    read = {row.id: row for row in before}
    left = {row.id: row for row in after if row.id is not None}
    stale: list[str] = []
    with state.transaction() as connection:

        def touch(old: Annotation, change: sa.Update | sa.Delete) -> None:
            same = change.where(annotation.c.id == old.id, annotation.c.changed_at == old.changed_at)
            if connection.execute(same).rowcount != 1:
                stale.append(f"{old.first} {old.text_zh or old.text_en}")

        for key, old in read.items():
            new = left.get(key) if key is not None else None
            if new is None:
                touch(old, sa.delete(annotation))
            elif not new.says(old):
                touch(old, sa.update(annotation).values(_values(new, author)))
        if stale:
            raise StaleEdit("annotation_stale", rows="; ".join(stale))
        for new in after:
            if new.id is None:
                connection.execute(sa.insert(annotation).values(_values(new, author)))


def begin_with(state: StateDatabase, rows: Sequence[Annotation], author: str) -> bool:
    """Write ``rows`` down where there are none yet; says whether it did. Two at once write them once."""
    none_yet = ~sa.exists(sa.select(annotation.c.id))
    with state.transaction() as connection:
        if not rows:
            return False
        # The first one goes in only where there is none, in one statement; the others follow it.
        values = _values(rows[0], author)
        columns = [annotation.c[name] for name in values]
        chosen = sa.select(*(sa.literal(value, annotation.c[name].type) for name, value in values.items()))
        if connection.execute(sa.insert(annotation).from_select(columns, chosen.where(none_yet))).rowcount != 1:
            return False
        for row in rows[1:]:
            connection.execute(sa.insert(annotation).values(_values(row, author)))
    return True


def _values(row: Annotation, author: str) -> dict[str, object]:
    values = {name: getattr(row, name) for name in _COLUMNS}
    return values | {
        "last": row.last or row.first,
        "text_zh": row.text_zh.strip(),
        "text_en": row.text_en.strip(),
        "author": author,
        "changed_at": now(),
    }
