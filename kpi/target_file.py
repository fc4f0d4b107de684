"""Targets as a file: TOML, one ``[[target]]`` an entry, figures in the KPI's own unit (a share from 0 to 1)."""

import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import tomli_w

from kpi.errors import BadRows, FileError, UnknownName
from kpi.i18n import Language, phrase
from kpi.metrics.registry import METRICS
from kpi.state import Problem, StateDatabase, Target
from kpi.state.targets import COLUMNS, save_targets, targets
from kpi.targets import problems_of

_TABLE = "target"
_ENTRY = re.compile(rf"^[ \t]*\[\[[ \t]*{_TABLE}[ \t]*\]\]", re.MULTILINE)


@dataclass(frozen=True)
class Applied:
    """What became of the targets: how many are new, changed, gone, as they were."""

    added: int
    changed: int
    removed: int
    unchanged: int


def dump(rows: Sequence[Target], language: Language) -> str:
    """The rows as a file that ``load`` reads back to the same."""
    said = [f"# {phrase(language, 'targets_file_head')}\n"]
    for row in rows:
        metric, told = METRICS.get(row.kpi), ""
        if metric is not None:
            unit = phrase(language, f"target_unit_{metric.unit}")
            key = "targets_file_entry" if metric.target_days is None else "targets_file_days"
            told = "# " + phrase(language, key, name=metric.name(language), unit=unit, days=metric.target_days) + "\n"
        entry = {name: value for name in COLUMNS if (value := getattr(row, name)) not in (None, "")}
        said.append(f"{told}[[{_TABLE}]]\n{tomli_w.dumps(entry)}")
    return "\n".join(said)


def load(text: str, channels: Collection[str] | None = None) -> list[Target]:
    """The targets that a file holds. ``channels``: those of the warehouse; None: not known.

    Raises FileError for what is no TOML, BadRows for entries that cannot be used: each with its line and what is wrong.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileError("targets_no_toml", problem=error) from error
    entries = content.pop(_TABLE, [])
    for other in content:
        raise UnknownName("field", other, (_TABLE,))
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise FileError("targets_no_list")
    lines = [text.count("\n", 0, found.start()) + 1 for found in _ENTRY.finditer(text)]
    problems, rows = [], []
    for number, entry in enumerate(entries, start=1):
        row, wrong = _read(number, entry)
        rows.append(row)
        problems += wrong
    # What is no number, or no day, would be called missing once more.
    unread = {problem.row for problem in problems}
    problems += [problem for problem in problems_of(rows, channels) if problem.row not in unread]
    if problems:
        placed = (
            replace(one, line=lines[one.row - 1] if len(lines) == len(entries) else 0)
            for one in sorted(problems, key=lambda one: one.row)
        )
        raise BadRows(tuple(placed))
    return rows


def apply(state: StateDatabase, rows: Sequence[Target], author: str) -> Applied:
    """Make ``rows`` the whole list, in one transaction. Entries of the same KPI, place and first day are the same."""
    before = targets(state)
    known = {_name(row): row for row in before}
    after = [
        replace(row, id=old.id, author=old.author, changed_at=old.changed_at) if (old := known.get(_name(row))) else row
        for row in rows
    ]
    save_targets(state, before, after, author)
    kept = {row.id: row for row in after if row.id is not None}
    changed = sum(1 for row in before if row.id in kept and not kept[row.id].says(row))
    return Applied(len(after) - len(kept), changed, len(before) - len(kept), len(kept) - changed)


def _name(row: Target) -> tuple[object, ...]:
    return row.kpi, row.place, row.first


def _read(number: int, entry: dict[str, Any]) -> tuple[Target, list[Problem]]:
    """One entry as far as it can be read, and what of it cannot."""
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for name, value in entry.items():
        if name not in COLUMNS:
            problems.append(Problem(number, "problem_is", (("what", UnknownName("field", name, COLUMNS)),)))
            continue
        read, wanted = _value(name, value)
        if wanted:
            problems.append(Problem(number, wanted, (("field", name), ("value", str(value)[:60]))))
        else:
            values[name] = read
    return Target(**values), problems


def _value(name: str, value: object) -> tuple[Any, str]:
    """A value as a target holds it, or the phrase that says what it should be."""
    if name in {"low", "high"}:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return (float(value), "") if number else (None, "target_field_number")  # type: ignore[arg-type]
    if name in {"first", "last"}:
        day = isinstance(value, date) and not isinstance(value, datetime)
        return (value, "") if day else (None, "target_field_day")
    if name == "tier":
        tier = isinstance(value, int | str) and not isinstance(value, bool)
        return (str(value) or None, "") if tier else (None, "target_field_text")
    if not isinstance(value, str):
        return None, "target_field_text"
    return value.strip() or ("" if name in {"kpi", "owner", "note"} else None), ""
