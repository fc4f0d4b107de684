"""Targets as a file: TOML, one ``[[target]]`` an entry, figures in the KPI's own unit (a share from 0 to 1)."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import tomli_w

from kpi.entry_file import Applied, Entries
from kpi.errors import UnknownName
from kpi.i18n import Language, phrase
from kpi.metrics.registry import METRICS
from kpi.state import Problem, StateDatabase, Target
from kpi.state.targets import COLUMNS, save_targets, targets
from kpi.targets.resolution import problems_of

_TABLE = "target"


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
    entries = Entries.read(text, _TABLE, "targets_no_list")
    read = [_read(number, entry) for number, entry in enumerate(entries.content, start=1)]
    rows = [row for row, _ in read]
    entries.refuse((problem for _, wrong in read for problem in wrong), problems_of(rows, channels))
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
    return Applied.of(before, after)


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
