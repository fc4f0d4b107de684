"""A TOML file that is a list of entries: how targets and snapshots are written down outside the state database."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from kpi.errors import BadRows, FileError, UnknownName
from kpi.state import Problem


class Row(Protocol):
    """A row of the state database, or one that is to be."""

    @property
    def id(self) -> int | None: ...
    def says(self, other: Any) -> bool:
        """Whether both say the same, whoever wrote them and when."""
        ...


@dataclass(frozen=True)
class Applied:
    """What became of a list that a file took the place of: how many rows are new, changed, gone, as they were."""

    added: int
    changed: int
    removed: int
    unchanged: int

    @classmethod
    def of(cls, before: Sequence[Row], after: Sequence[Row]) -> "Applied":
        """``after``: rows of ``before`` have its ids, new ones none."""
        kept = {row.id: row for row in after if row.id is not None}
        changed = sum(1 for row in before if row.id in kept and not kept[row.id].says(row))
        return cls(len(after) - len(kept), changed, len(before) - len(kept), len(kept) - changed)


@dataclass(frozen=True)
class Entries:
    """The entries of a file as they stand there. ``lines``: where each begins, counted from 1; 0 where that is not
    known (entries written in another of TOML's ways).
    """

    content: tuple[dict[str, Any], ...]
    lines: tuple[int, ...]

    @classmethod
    def read(cls, text: str, table: str, no_list: str) -> "Entries":
        """The list ``table`` of a file. Raises FileError for what is no TOML, or (told by the phrase ``no_list``) no
        list of entries; UnknownName for anything beside it.
        """
        try:
            content = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise FileError("targets_no_toml", problem=error) from error
        entries = content.pop(table, [])
        for other in content:
            raise UnknownName("field", other, (table,))
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise FileError(no_list)
        heads = re.finditer(rf"^[ \t]*\[\[[ \t]*{table}[ \t]*\]\]", text, re.MULTILINE)
        lines = tuple(text.count("\n", 0, head.start()) + 1 for head in heads)
        return cls(tuple(entries), lines if len(lines) == len(entries) else (0,) * len(entries))

    def refuse(self, unread: Iterable[Problem], wrong: Iterable[Problem]) -> None:
        """Raise BadRows where there is any problem, each with the line of its entry. ``unread``: of entries that could
        not be read whole, of which ``wrong`` would say once more that something is missing.
        """
        found = list(unread)
        rows = {problem.row for problem in found}
        found += [problem for problem in wrong if problem.row not in rows]
        if found:
            ordered = sorted(found, key=lambda problem: problem.row)
            raise BadRows(tuple(replace(one, line=self.lines[one.row - 1]) for one in ordered))
