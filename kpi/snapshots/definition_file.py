"""Definitions as a file: TOML, one ``[[snapshot]]`` an entry (see docs/snapshots.md)."""

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import tomli_w

from kpi.errors import BadRows, FileError, UnknownName
from kpi.i18n import Language, phrase
from kpi.snapshots.model import Definition
from kpi.snapshots.plain import as_plain, of_plain
from kpi.snapshots.valid import problems_of

_TABLE = "snapshot"
_ENTRY = re.compile(rf"^[ \t]*\[\[[ \t]*{_TABLE}[ \t]*\]\]", re.MULTILINE)
READY = Path(__file__).parent / "ready.toml"  # those that come with the program


def dump(definitions: Sequence[Definition], language: Language) -> str:
    """The definitions as a file that ``load`` reads back to the same."""
    said = f"# {phrase(language, 'snapshots_file_head')}\n"
    return said + "".join("\n" + tomli_w.dumps({_TABLE: [as_plain(one)]}) for one in definitions)


def load(
    text: str, feeds: Collection[str] | None = None, values: Mapping[str, Collection[str]] | None = None
) -> list[Definition]:
    """The definitions that a file holds. ``feeds``, ``values``: as ``problems_of`` takes them.

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
        raise FileError("snapshots_no_list")
    read = [of_plain(entry, number) for number, entry in enumerate(entries, start=1)]
    found = [definition for definition, _ in read]
    problems = [problem for _, wrong in read for problem in wrong]
    # What could not be read would be called missing once more.
    unread = {problem.row for problem in problems}
    problems += [problem for problem in problems_of(found, feeds, values) if problem.row not in unread]
    if problems:
        lines = [text.count("\n", 0, at.start()) + 1 for at in _ENTRY.finditer(text)]
        whole = len(lines) == len(entries)
        raise BadRows(
            tuple(
                replace(one, line=lines[one.row - 1] if whole else 0)
                for one in sorted(problems, key=lambda one: one.row)
            )
        )
    return found
