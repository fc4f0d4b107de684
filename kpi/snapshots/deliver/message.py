"""What a mail or a chat says, and names that are safe in paths and headers."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from kpi.i18n import Language, phrase
from kpi.settings import Settings
from kpi.snapshots.model import Notice, Parcel


@dataclass(frozen=True)
class Message:
    """``title``: the copy's; ``lines``: marks, period, revision, figures, what changed, or what a notice says; all
    of them text. ``subject``: of a mail.
    """

    title: str
    lines: tuple[str, ...]
    subject: str
    language: Language


def message_of(parcel: Parcel, key: str, settings: Settings) -> Message:
    """What a notice says; title and lines of a copy, from its manifest: the figures themselves, since not every chat
    takes a picture. The last line leads to the run on the page.
    """
    if isinstance(parcel, Notice):
        said = (*parcel.lines, *_link(parcel.language, key, settings))
        return Message(parcel.title, said, parcel.title, parcel.language)
    told = parcel.manifest
    language: Language = "zh" if told["language"] == "zh" else "en"
    text = told["text"]
    made = text.get("revision", [])
    lines = [*text["head"], *made, *text.get("figures", ()), *text["changed"], *_link(language, key, settings)]
    if told["synthetic"]:
        lines.insert(0, phrase(language, "synthetic"))
    if told["empty"]:
        lines.insert(0, phrase(language, "report_no_data"))
    title = text["title"]
    return Message(title, tuple(lines), " · ".join([title, *made[:1], *lines[:1]]), language)


def _link(language: Language, key: str, settings: Settings) -> list[str]:
    if not settings.public_url:
        return []
    return [phrase(language, "message_run_at", place=run_at(key, settings))]


def run_at(key: str, settings: Settings) -> str:
    """Where the run is seen."""
    return f"{settings.public_url}/snapshots?run={quote(key)}"


def safe(key: str) -> str:
    """A run's key as a name in a path or a header."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", key).strip(".") or "_"
