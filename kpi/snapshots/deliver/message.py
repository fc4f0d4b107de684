"""What a mail or a chat says, and names that are safe in paths and headers."""

import re
from dataclasses import dataclass

from kpi.i18n import Language, phrase
from kpi.snapshots.model import Notice, Parcel


@dataclass(frozen=True)
class Message:
    """``title``: the copy's; ``lines``: marks, period, what changed, or what a notice says; all of them text.
    ``subject``: of a mail.
    """

    title: str
    lines: tuple[str, ...]
    subject: str
    language: Language


def message_of(parcel: Parcel) -> Message:
    """What a notice says; title and lines of a copy, from its manifest."""
    if isinstance(parcel, Notice):
        return Message(parcel.title, parcel.lines, parcel.title, parcel.language)
    told = parcel.manifest
    language: Language = "zh" if told["language"] == "zh" else "en"
    lines = [*told["text"]["head"], *told["text"]["changed"]]
    if told["synthetic"]:
        lines.insert(0, phrase(language, "synthetic"))
    if told["empty"]:
        lines.insert(0, phrase(language, "report_no_data"))
    title = told["text"]["title"]
    return Message(title, tuple(lines), " · ".join([title, *lines[:1]]), language)


def safe(key: str) -> str:
    """A run's key as a name in a path or a header."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", key).strip(".") or "_"
