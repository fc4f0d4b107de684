"""Targets as they are kept: what a KPI should be, from when to when, where, and who answers for it.

What a KPI's unit and direction ask of a target is not known here: see ``kpi.targets.resolution``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

import sqlalchemy as sa

from kpi.errors import StaleEdit
from kpi.plain_text import clean
from kpi.state import editing
from kpi.state.database import StateDatabase
from kpi.state.editing import Problem, impossible_dates, text_problems
from kpi.state.tables import target

# Where a target holds; of two that name as many of these, the one that names the first of them goes before.
PLACES = ("line", "channel", "tier")
LONGEST_OWNER, LONGEST_NOTE = 60, 200  # characters
COLUMNS = ("kpi", "channel", "tier", "line", "low", "high", "first", "last", "owner", "note")


@dataclass(frozen=True)
class Target:
    """``low`` and ``high``, in the KPI's own unit and both inclusive: at least one of them. ``channel``, ``tier``,
    ``line``: the value that it is for; None for all. In force from ``first`` to ``last``, business dates, both
    inclusive; None for until further notice.

    ``id`` is None for one that is not kept yet; ``changed_at``, UTC, says which state of it was read.
    """

    kpi: str = ""
    channel: str | None = None
    tier: str | None = None
    line: str | None = None
    low: float | None = None
    high: float | None = None
    first: date | None = None
    last: date | None = None
    owner: str = ""
    note: str = ""
    id: int | None = None
    author: str = ""
    changed_at: datetime | None = None

    @property
    def place(self) -> tuple[str | None, ...]:
        """The values of ``PLACES``."""
        return tuple(getattr(self, name) for name in PLACES)

    @property
    def label(self) -> str:
        """How a message names it: the KPI, where it holds, from when on."""
        where = ", ".join(f"{name}={value}" for name, value in zip(PLACES, self.place, strict=True) if value)
        return " ".join(filter(None, [self.kpi, f"({where})" if where else "", str(self.first or "")]))

    def in_force(self, day: date) -> bool:
        return self.first is not None and self.first <= day and (self.last is None or day <= self.last)

    def overlaps(self, other: "Target") -> bool:
        """Whether there is a day on which both would be in force for the same figures."""
        if (self.kpi, self.place) != (other.kpi, other.place) or self.first is None or other.first is None:
            return False
        return self.first <= (other.last or date.max) and other.first <= (self.last or date.max)

    def says(self, other: "Target") -> bool:
        """Whether both say the same, whoever wrote them and when."""
        return all(getattr(self, name) == getattr(other, name) for name in COLUMNS)

    def written(self) -> dict[str, object]:
        """Column -> value, as it is kept."""
        texts = {"owner": self.owner.strip(), "note": self.note.strip()}
        return {name: getattr(self, name) for name in COLUMNS} | texts


def plain_problems(rows: Sequence[Target]) -> list[Problem]:
    """What keeps the rows from being saved, whatever their KPIs are."""
    found = []
    for number, row in enumerate(rows, start=1):
        if row.first is None:
            found.append(Problem(number, "target_no_date"))
        elif row.last is not None and row.last < row.first:
            found.append(Problem(number, "target_reversed", (("first", row.first), ("last", row.last))))
        found += impossible_dates(number, row.first, row.last)
        if row.low is None and row.high is None:
            found.append(Problem(number, "target_no_value"))
        elif row.low is not None and row.high is not None and row.high < row.low:
            found.append(Problem(number, "target_crossed", (("low", row.low), ("high", row.high))))
        places = {name: value for name, value in zip(PLACES, row.place, strict=True) if value}
        texts = {"owner": row.owner.strip(), "note": row.note.strip(), **places}
        for name, text, longest in (("owner", row.owner, LONGEST_OWNER), ("note", row.note, LONGEST_NOTE)):
            if len(text) > longest:
                found.append(Problem(number, f"target_long_{name}", (("length", len(text)), ("longest", longest))))
                del texts[name]
        found += text_problems(number, texts)
        earlier = [at for at, other in enumerate(rows[: number - 1], start=1) if other.overlaps(row)]
        if earlier:
            found.append(
                Problem(number, "target_overlaps", (("other", earlier[0]), ("label", rows[earlier[0] - 1].label)))
            )
    return found


def targets(state: StateDatabase) -> list[Target]:
    """All of them: by KPI, place and first day."""
    with state.transaction() as connection:
        return _read(connection)


def save_targets(state: StateDatabase, before: Iterable[Target], after: Iterable[Target], author: str) -> None:
    """Keep what an editor, or a file, made of ``before``: all of it, or nothing. ``after`` holds no problems.

    Raises StaleEdit, naming the rows, where somebody else has changed or removed one meanwhile that is changed or
    removed here, or has written one that would hold on the same days for the same figures.
    """

    def check(connection: sa.Connection) -> None:
        rows = _read(connection)
        twice = [row.label for row, other in pairwise(rows) if row.overlaps(other)]
        if twice:
            raise StaleEdit("target_overlaps_now", rows="; ".join(twice))

    editing.save(state, target, before, after, author, check)


def begin_with(state: StateDatabase, rows: Sequence[Target], author: str) -> bool:
    """Write ``rows`` down where there are none yet; says whether it did. Two at once write them once."""
    return editing.begin(state, target, rows, author)


def _read(connection: sa.Connection) -> list[Target]:
    c = target.c
    places = [sa.func.coalesce(c[name], "") for name in PLACES]
    query = sa.select(target).order_by(c.kpi, *places, c.first, c.id)
    return [
        Target(**dict(row._mapping) | {name: clean(row._mapping[name]) for name in ("owner", "note", "author")})
        for row in connection.execute(query)
    ]
