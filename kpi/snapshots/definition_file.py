"""Definitions as a file: TOML, one ``[[snapshot]]`` an entry (see docs/snapshots.md)."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import tomli_w

from kpi.entry_file import Entries
from kpi.i18n import Language, phrase
from kpi.settings import Settings
from kpi.snapshots.model import Definition
from kpi.snapshots.serialization import as_plain, of_plain
from kpi.snapshots.validation import problems_of

_TABLE = "snapshot"
READY = Path(__file__).parent / "ready.toml"  # those that come with the program


def dump(definitions: Sequence[Definition], language: Language) -> str:
    """The definitions as a file that ``load`` reads back to the same."""
    said = f"# {phrase(language, 'snapshots_file_head')}\n"
    return said + "".join("\n" + tomli_w.dumps({_TABLE: [as_plain(one)]}) for one in definitions)


def load(
    text: str,
    feeds: Collection[str] | None = None,
    values: Mapping[str, Collection[str]] | None = None,
    settings: Settings | None = None,
) -> list[Definition]:
    """The definitions that a file holds. ``feeds``, ``values``, ``settings``: as ``problems_of`` takes them.

    Raises FileError for what is no TOML, BadRows for entries that cannot be used: each with its line and what is wrong.
    """
    entries = Entries.read(text, _TABLE, "snapshots_no_list")
    read = [of_plain(entry, number) for number, entry in enumerate(entries.content, start=1)]
    found = [definition for definition, _ in read]
    entries.refuse((problem for _, wrong in read for problem in wrong), problems_of(found, feeds, values, settings))
    return found
