"""What a snapshot is: a named list of sections with filters, a period relative to its due time, and recipients.

Kept as data (``kpi.state``), edited on a page, applied and dumped as a file; rendered by ``kpi.snapshots.render``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from kpi.i18n import Language
from kpi.plain_text import clean
from kpi.query.question import EVERYTHING, Filter, Named, Period, Scope

SectionKind = Literal["headline", "chart", "table"]
# Relative to the business date on which a run is due.
RelativePeriod = Literal[
    "yesterday", "last_7_days", "last_28_days", "last_90_days", "last_week",
    "month_to_date", "last_month", "quarter_to_date", "last_quarter", "year_to_date",
]  # fmt: skip
Format = Literal["xlsx", "pdf", "html", "png", "csv", "parquet"]
WhenEmpty = Literal["send", "skip", "hold"]


@dataclass(frozen=True)
class Section:
    """``headline``: cards of the KPIs. ``chart``: the first KPI drawn by ``by`` (a time dimension: a line or stacked
    bars; another: bars). ``table``: the KPIs by ``by``. ``title``: (zh, en), "" for one made of the names.
    """

    id: str
    kind: SectionKind
    kpis: tuple[str, ...]
    by: tuple[str, ...] = ()
    title: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Recipient:
    """``target``: URL of a folder, S3 storage, mail address, chat or webhook (secrets by name only). ``scope``: what he
    may see; decides what is in his copy.
    """

    name: str
    target: str
    scope: Scope = EVERYTHING
    language: Language | None = None  # None: the snapshot's


@dataclass(frozen=True)
class Schedule:
    """``cron``: five fields in ``zone`` (IANA). ``days``: any day, or working days of the Chinese calendar only;
    ``first_working_day``: of the month, at the cron's time of day. ``feeds``: wait until these (empty: all) have passed
    the period's end, at most ``deadline_minutes`` after it is due.
    """

    cron: str
    zone: str = "Asia/Shanghai"
    days: Literal["any", "working", "first_working_day"] = "any"
    wait: bool = True
    feeds: tuple[str, ...] = ()
    deadline_minutes: int = 240
    after_downtime: Literal["catch_up", "skip"] = "catch_up"


@dataclass(frozen=True)
class Definition:
    """``name``: its id in files and addresses. ``owner``: whom a held or failed run tells (a recipient's target).
    ``service_level``: the formula of that name; None: the one of the settings.
    """

    name: str
    title: tuple[str, str]
    sections: tuple[Section, ...]
    period: RelativePeriod
    compare: Named | None = "previous"
    filters: tuple[Filter, ...] = ()
    language: Language = "zh"
    formats: tuple[Format, ...] = ("xlsx", "pdf")
    recipients: tuple[Recipient, ...] = ()
    schedule: Schedule | None = None
    empty: WhenEmpty = "send"
    owner: str = ""
    paused: bool = False
    time_limit_seconds: int = 300
    service_level: str | None = None

    def title_in(self, language: Language) -> str:
        """Its title in the reader's language, else in the other; as plain text."""
        zh, en = self.title
        return clean((zh or en) if language == "zh" else (en or zh))


@dataclass(frozen=True)
class Revision:
    """A run made again. ``before``: the revision that it is held against, ``figures`` that one's, as ``Rendered`` has
    them.
    """

    number: int
    before: int
    figures: Mapping[tuple[str, str, str], float | None]


def listed(files: Mapping[str, bytes]) -> dict[str, dict[str, object]]:
    """What a manifest says of files: name -> hash and length."""
    return {name: {"sha256": sha256(content).hexdigest(), "bytes": len(content)} for name, content in files.items()}


def as_json(manifest: Mapping[str, object]) -> bytes:
    """A manifest as its file."""
    return (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode()


@dataclass(frozen=True)
class Rendered:
    """One copy of a run. ``files``: name -> content, ``manifest.json`` among them. ``figures``: (section, KPI, key as
    text) -> value, what a revision is compared by. ``empty``: no fact in the period; ``holds``: whether the identity
    proof does. ``rows``: section -> rows. ``names``: dimension -> value -> name in its language,
    and ``section`` -> section -> title. ``failed``: format, or title of a chart, -> why it could not be made.
    """

    files: Mapping[str, bytes]
    figures: Mapping[tuple[str, str, str], float | None]
    empty: bool
    holds: bool
    version: int
    as_of: Mapping[str, datetime]
    period: Period
    compared: Period | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    failed: Mapping[str, Mapping[Language, str]] = field(default_factory=dict)

    @property
    def manifest(self) -> dict[str, Any]:
        """What ``manifest.json`` says."""
        told: dict[str, Any] = json.loads(self.files["manifest.json"])
        return told

    @property
    def attached(self) -> Mapping[str, bytes]:
        """What goes along with a message."""
        return self.files

    def with_file(self, name: str, content: bytes, **told: object) -> "Rendered":
        """The copy with one file more, which its manifest lists; ``told``: what the manifest says beside."""
        manifest = self.manifest | told
        manifest["files"] = manifest.get("files", {}) | listed({name: content})
        return replace(self, files={**self.files, name: content, "manifest.json": as_json(manifest)})


@dataclass(frozen=True)
class Notice:
    """What somebody is told of a run in the place of his copy. ``manifest``: the same for programs."""

    title: str
    lines: tuple[str, ...]
    language: Language
    manifest: Mapping[str, Any]

    @property
    def files(self) -> Mapping[str, bytes]:
        """For a target that takes nothing but files."""
        return {"notice.txt": "\n".join([self.title, "", *self.lines, ""]).encode()}

    @property
    def attached(self) -> Mapping[str, bytes]:
        """A message says it all."""
        return {}


Parcel = Rendered | Notice


def period_of(relative: RelativePeriod, due: date, last_day: date | None = None) -> Period:
    """The period that a run due on ``due`` reports: whole days, weeks (from Monday), months and quarters before it;
    what goes to date ends on the day before. ``last_day``: on which the data end for good; what is due later reports
    the same as then.
    """
    due = due if last_day is None else min(due, last_day)
    day, yesterday = timedelta(days=1), due - timedelta(days=1)
    match relative:
        case "yesterday":
            return Period(yesterday, yesterday)
        case "last_7_days" | "last_28_days" | "last_90_days":
            return Period(due - {"last_7_days": 7, "last_28_days": 28, "last_90_days": 90}[relative] * day, yesterday)
        case "last_week":
            monday = due - due.weekday() * day
            return Period(monday - 7 * day, monday - day)
        case "month_to_date":
            return Period(yesterday.replace(day=1), yesterday)
        case "last_month":
            end = due.replace(day=1) - day
            return Period(end.replace(day=1), end)
        case "quarter_to_date":
            return Period(yesterday.replace(month=yesterday.month - (yesterday.month - 1) % 3, day=1), yesterday)
        case "year_to_date":
            return Period(yesterday.replace(month=1, day=1), yesterday)
        case "last_quarter":
            end = due.replace(month=due.month - (due.month - 1) % 3, day=1) - day
            return Period(end.replace(month=end.month - 2, day=1), end)
