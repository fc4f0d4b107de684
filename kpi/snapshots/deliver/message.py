"""What a mail or a chat says, and names that are safe in paths and headers."""

import re
from dataclasses import dataclass

from kpi.i18n import Language, phrase
from kpi.snapshots.model import Rendered


@dataclass(frozen=True)
class Message:
    """``title``: the copy's; ``lines``: marks, period, what changed; all of them text."""

    title: str
    lines: tuple[str, ...]
    language: Language


def message_of(rendered: Rendered) -> Message:
    """Title and lines of a copy, from its manifest."""
    told = rendered.manifest
    language: Language = "zh" if told["language"] == "zh" else "en"
    lines = [*told["text"]["head"], *told["text"]["changed"]]
    if told["synthetic"]:
        lines.insert(0, phrase(language, "synthetic"))
    if told["empty"]:
        lines.insert(0, phrase(language, "report_no_data"))
    return Message(told["text"]["title"], tuple(lines), language)


def safe(key: str) -> str:
    """A run's key as a name in a path or a header."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", key).strip(".") or "_"
