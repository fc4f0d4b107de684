"""What a mail or a chat says, and names that are safe in paths and headers."""

import re
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_period
from kpi.settings import Settings
from kpi.snapshots.model import Notice, Parcel

# What of a manifest must be seen at once -> the phrase that says it.
_MARKS = {"empty": "report_no_data", "synthetic": "synthetic"}


@dataclass(frozen=True)
class Message:
    """``title``: the copy's; ``lines``: marks, period, revision, figures, what changed, or what a notice says; all
    of them text. ``subject``: of a mail, with the period, so that two weeks' mails are told apart. ``link``: where the
    run is seen, "" where that is nowhere.
    """

    title: str
    lines: tuple[str, ...]
    subject: str
    language: Language
    link: str = ""


def message_of(parcel: Parcel, key: str, settings: Settings) -> Message:
    """What a notice says; title and lines of a copy, from its manifest: the figures themselves, since not every chat
    takes a picture. The last line leads to the run on the page.
    """
    place = run_at(key, settings) if settings.public_url else ""
    if isinstance(parcel, Notice):
        said = (*parcel.lines, *_link(parcel.language, place))
        return Message(parcel.title, said, parcel.title, parcel.language, place)
    told = parcel.manifest
    language: Language = "zh" if told["language"] == "zh" else "en"
    text = told["text"]
    made = text.get("revision", [])
    lines = [*text["head"], *made, *text.get("figures", ()), *text["changed"], *_link(language, place)]
    marks = [phrase(language, key) for mark, key in _MARKS.items() if told[mark]]
    title, period = text["title"], [date.fromisoformat(told["period"][end]) for end in ("from", "to")]
    subject = " · ".join([title, format_period(period[0], period[1], language), *made[:1], *marks])
    return Message(title, (*marks, *lines), subject, language, place)


def _link(language: Language, place: str) -> list[str]:
    return [phrase(language, "message_run_at", place=place)] if place else []


def run_at(key: str, settings: Settings) -> str:
    """Where the run is seen."""
    return f"{settings.public_url}/snapshots?run={quote(key)}"


def safe(key: str) -> str:
    """A run's key as a name in a path or a header."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", key).strip(".") or "_"
