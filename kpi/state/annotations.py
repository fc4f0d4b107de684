"""What happened: campaigns, incidents and releases, written down by people and shown on every time axis."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

import sqlalchemy as sa

from kpi.i18n import Language
from kpi.plain_text import clean
from kpi.state import editing
from kpi.state.database import StateDatabase
from kpi.state.editing import Problem, impossible_dates, text_problems
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
        """In the reader's language, else in the other; as plain text."""
        return clean((self.text_zh or self.text_en) if language == "zh" else (self.text_en or self.text_zh))

    def says(self, other: "Annotation") -> bool:
        """Whether both say the same, whoever wrote them and when."""
        return all(getattr(self, name) == getattr(other, name) for name in _COLUMNS)

    @property
    def label(self) -> str:
        """How a message names it."""
        return f"{self.first} {self.text_zh or self.text_en}"

    def written(self) -> dict[str, object]:
        """Column -> value, as it is kept: without a last day it lasts one."""
        texts = {"text_zh": self.text_zh.strip(), "text_en": self.text_en.strip()}
        return {name: getattr(self, name) for name in _COLUMNS} | {"last": self.last or self.first} | texts


def problems_of(rows: Sequence[Annotation]) -> list[Problem]:
    """Everything that keeps the rows from being saved."""
    found = []
    for number, row in enumerate(rows, start=1):
        if row.first is None:
            found.append(Problem(number, "annotation_no_date"))
        elif row.last is not None and row.last < row.first:
            found.append(Problem(number, "annotation_reversed", (("first", row.first), ("last", row.last))))
        found += impossible_dates(number, row.first, row.last)
        if row.kind not in KINDS:
            found.append(Problem(number, "annotation_no_kind"))
        if not (row.text_zh.strip() or row.text_en.strip()):
            found.append(Problem(number, "annotation_no_text"))
        longest = max(len(row.text_zh), len(row.text_en))
        if longest > LONGEST:
            found.append(Problem(number, "annotation_long", (("length", longest), ("longest", LONGEST))))
        else:
            found += text_problems(number, {"text_zh": row.text_zh.strip(), "text_en": row.text_en.strip()})
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
    editing.save(state, annotation, before, after, author)


def begin_with(state: StateDatabase, rows: Sequence[Annotation], author: str) -> bool:
    """Write ``rows`` down where there are none yet; says whether it did. Two at once write them once."""
    return editing.begin(state, annotation, rows, author)
