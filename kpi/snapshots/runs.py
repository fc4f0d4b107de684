"""Runs as they are read: of one snapshot or all, with their copies, files, deliveries and what a revision changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from kpi.errors import KpiError
from kpi.i18n import LANGUAGES, Language, phrase
from kpi.query.question import Period
from kpi.snapshots.definition_store import of_text
from kpi.snapshots.model import Definition, period_of
from kpi.state import StateDatabase
from kpi.state.tables import (
    snapshot_decision,
    snapshot_delivery,
    snapshot_figure,
    snapshot_file,
    snapshot_run,
    snapshot_worker,
)

# In this order a run is worked on; each is done once it stands in the ledger.
STEPS = ("due", "claimed", "queried", "rendered", "stored", "delivered", "recorded")
# skipped: the period is empty and the definition says to send nothing then. unconfirmed: somebody may have got it.
# incomplete: sent, or kept, without a format or a chart that could not be made.
ENDS = ("sent", "sent_empty", "skipped", "held", "failed", "missed", "unconfirmed", "incomplete")
GOOD = ("sent", "sent_empty")
TROUBLE = ("held", "failed", "missed", "unconfirmed", "incomplete")  # what an owner is told of
ALIVE = timedelta(seconds=60)  # since a worker's last sign of life


class Reason:
    """Why a run is as it is: the key of a phrase and its values, kept as JSON."""

    def __init__(self, key: str, **values: object) -> None:
        self.key, self.values = key, {name: str(value)[:500] for name, value in values.items()}

    @classmethod
    def of(cls, error: Exception, **more: object) -> "Reason":
        """Of an error: in both languages where it has words of its own, else its name. ``more``: kept with it."""
        if isinstance(error, KpiError):
            return cls("run_error", zh=error.message("zh"), en=error.message("en"), **more)
        told = f"{type(error).__name__}: {error}"
        return cls("run_error", zh=told, en=told, **more)

    @classmethod
    def in_words(cls, key: str, **values: Mapping[Language, str]) -> "Reason":
        """Of a phrase whose values are called something in each language."""
        told = {one: phrase(one, key, **{name: value[one] for name, value in values.items()}) for one in LANGUAGES}
        return cls("run_error", **told)

    def and_then(self, other: "Reason") -> "Reason":
        """Both, one after the other."""
        both = {one: " ".join(say(reason.text(), one) for reason in (self, other)) for one in LANGUAGES}
        return Reason("run_error", **both)

    def text(self) -> str:
        return json.dumps({"key": self.key} | self.values, ensure_ascii=False)


def say(reason: str, language: Language) -> str:
    """A kept reason in words; "" for none."""
    if not reason:
        return ""
    values = json.loads(reason)
    key = values.pop("key")
    return str(values[language]) if key == "run_error" else phrase(language, key, **values)


@dataclass(frozen=True)
class Run:
    """One run, as the ledger holds it. Times: UTC, without a zone. ``copies``: recipient -> whether his copy is
    ``empty``, whether its identities ``hold``, and what of it ``failed`` (-> language -> why), where anything did.
    ``as_of``: feed -> watermark as text. ``settings``: those that its figures depend on, its targets, and ``last_day``,
    where the data end for good.
    """

    id: int
    key: str
    name: str
    due_at: datetime
    due_on: date
    revision: int
    origin: str
    content: str
    settings: Mapping[str, Any]
    state: str
    step: str
    reason: str
    attempts: int
    claim: str | None
    lease_until: datetime | None
    began_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    version: int | None
    as_of: Mapping[str, str]
    copies: Mapping[str, Mapping[str, Any]]
    folder: str | None

    @cached_property
    def definition(self) -> Definition:
        """The definition as it was when the run was put down."""
        return of_text(self.content)

    @property
    def period(self) -> Period:
        """What it reports."""
        told = self.settings.get("last_day")
        return period_of(self.definition.period, self.due_on, None if told is None else date.fromisoformat(told))

    def after(self, step: str) -> bool:
        """Whether that step is done."""
        return STEPS.index(self.step) >= STEPS.index(step)


def failing_since(run: Run) -> datetime | None:
    """UTC: since when it is tried again after an error; None where there was none."""
    since = json.loads(run.reason or "{}").get("since")
    return None if since is None else datetime.fromisoformat(since)


def told_state(run: Run, language: Language) -> str:
    """What the state of a run is called. What nobody was to get was not sent: it is made."""
    kept = run.state == "sent" and not run.definition.recipients
    return phrase(language, "run_state_kept" if kept else f"run_state_{run.state}")


@dataclass(frozen=True)
class Sent:
    """What one recipient got. ``kind``: a copy; owner or notice: what was told instead. ``status``: due, handing,
    sent, failed, skipped, unconfirmed.
    """

    id: int
    run_id: int
    kind: str
    recipient: str
    status: str
    detail: str
    attempts: int
    began_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class Decision:
    """What somebody decided about a recipient's copy: ``arrived`` (he has got it) or ``send_again``."""

    recipient: str
    what: str
    author: str
    decided_at: datetime


@dataclass(frozen=True)
class Change:
    """One figure that differs between two revisions. None: it could not be computed, or was not there."""

    recipient: str
    section: str
    kpi: str
    key: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class File:
    """``name``: below the folder of the recipient's copy."""

    recipient: str
    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Worker:
    """A worker's last sign of life."""

    name: str
    beat_at: datetime
    doing: str = field(default="")


def run_of(row: sa.Row[Any]) -> Run:
    """A run of its row."""
    values = dict(row._mapping)
    return Run(
        **values
        | {"settings": json.loads(values["settings"])}
        | {name: json.loads(values[name] or "{}") for name in ("as_of", "copies")}
    )


def runs(state: StateDatabase, name: str | None = None, most: int = 50) -> list[Run]:
    """The latest runs, of one snapshot or of all, the latest due first."""
    c = snapshot_run.c
    query = sa.select(snapshot_run).order_by(c.due_at.desc(), c.revision.desc(), c.id.desc()).limit(most)
    with state.transaction() as connection:
        return [run_of(row) for row in connection.execute(query if name is None else query.where(c.name == name))]


def run_told(state: StateDatabase, key: str) -> Run | None:
    """The run of a key that somebody was told: its own, or that of a delivery, which is its own and a mark."""
    c = snapshot_run.c
    with state.transaction() as connection:
        row = connection.execute(
            sa.select(snapshot_run).where(c.key.in_([key, key.rpartition(".")[0]])).limit(1)
        ).one_or_none()
        return None if row is None else run_of(row)


def deliveries(state: StateDatabase, run: Run) -> list[Sent]:
    """What became of each recipient's copy, and of what was told."""
    with state.transaction() as connection:
        return deliveries_on(connection, run)


def deliveries_on(connection: sa.Connection, run: Run) -> list[Sent]:
    """The same within a transaction."""
    c = snapshot_delivery.c
    found = connection.execute(sa.select(snapshot_delivery).where(c.run_id == run.id).order_by(c.id))
    return [Sent(**row._mapping) for row in found]


def decisions(state: StateDatabase, run: Run) -> list[Decision]:
    """What was decided about the run's copies, the oldest first."""
    c = snapshot_decision.c
    query = sa.select(c.recipient, c.what, c.author, c.decided_at).where(c.run_id == run.id).order_by(c.id)
    with state.transaction() as connection:
        return [Decision(*row) for row in connection.execute(query)]


def judged(run: Run, lines: Sequence[Sent]) -> tuple[str, Reason | None]:
    """How a run has ended that was worked on to its end, by what became of its copies (``lines``)."""
    by: dict[str, list[str]] = {}
    for line in lines:
        by.setdefault(line.status, []).append(line.recipient)
    reason: Reason | None = None
    if without := by.get("failed", []) + by.get("due", []):
        reason = Reason("run_not_delivered", count=len(without), all=len(lines), names=", ".join(without))
    if doubtful := by.get("unconfirmed"):
        doubt = Reason("run_unconfirmed", names=", ".join(doubtful))
        return "unconfirmed", doubt if reason is None else reason.and_then(doubt)
    if reason is not None:
        return "failed", reason
    if "skipped" in by and "sent" not in by:
        return "skipped", Reason("run_empty_skipped")
    if broken := _broken(run):
        return "incomplete", broken
    empty = [name for name, copy in run.copies.items() if copy["empty"]]
    if empty and len(empty) == len(run.copies):
        skipped = not lines and run.definition.empty == "skip"
        return ("skipped", Reason("run_empty_skipped")) if skipped else ("sent_empty", Reason("run_empty_sent"))
    if empty:
        return "sent", Reason("run_some_empty", names=", ".join(empty))
    if not lines:
        return "sent", Reason("run_kept")
    return "sent", Reason("run_caught_up") if run.origin == "catch_up" else None


def _broken(run: Run) -> Reason | None:
    """What of the copies could not be made, and why; None where all was."""
    failed: dict[str, Mapping[Language, str]] = {}
    for copy in run.copies.values():
        failed |= copy.get("failed", {})
    if not failed:
        return None
    said = {}
    for one in LANGUAGES:
        why = " ".join(dict.fromkeys(told[one] for told in failed.values()))
        said[one] = phrase(one, "run_incomplete", what=", ".join(failed), why=why)
    return Reason("run_error", **said)


def files(state: StateDatabase, run: Run) -> list[File]:
    """The run's files, by recipient and name."""
    c = snapshot_file.c
    query = sa.select(c.recipient, c.name, c.bytes, c.sha256).where(c.run_id == run.id).order_by(c.recipient, c.name)
    with state.transaction() as connection:
        return [File(*row) for row in connection.execute(query)]


def figures(state: StateDatabase, run_id: int) -> dict[tuple[str, str, str, str], float | None]:
    """(recipient, section, KPI, key) -> value."""
    c = snapshot_figure.c
    query = sa.select(c.recipient, c.section, c.kpi, c.key, c.value).where(c.run_id == run_id).order_by(c.id)
    with state.transaction() as connection:
        return {(row[0], row[1], row[2], row[3]): row[4] for row in connection.execute(query)}


def before(state: StateDatabase, run: Run) -> Run | None:
    """The last revision before this one that has figures; None for the first."""
    c = snapshot_run.c
    has = sa.exists(sa.select(snapshot_figure.c.id).where(snapshot_figure.c.run_id == c.id))
    query = (
        sa.select(snapshot_run)
        .where(c.name == run.name, c.due_at == run.due_at, c.due_on == run.due_on, c.revision < run.revision, has)
        .order_by(c.revision.desc())
        .limit(1)
    )
    with state.transaction() as connection:
        row = connection.execute(query).one_or_none()
        return None if row is None else run_of(row)


def changes(state: StateDatabase, run: Run) -> list[Change] | None:
    """What a revision changed against the one before it; None where there is none before."""
    earlier = before(state, run)
    if earlier is None:
        return None
    return differing(figures(state, earlier.id), figures(state, run.id))


def differing(
    was: Mapping[tuple[str, str, str, str], float | None], now: Mapping[tuple[str, str, str, str], float | None]
) -> list[Change]:
    """The figures that are not the same."""
    return [
        Change(*name, was.get(name), now.get(name))
        for name in dict.fromkeys([*now, *was])
        if was.get(name) != now.get(name)
    ]


def workers(state: StateDatabase, moment: datetime) -> list[Worker]:
    """Those that gave a sign of life within the last minute. ``moment``: UTC, without a zone."""
    c = snapshot_worker.c
    with state.transaction() as connection:
        found = connection.execute(sa.select(c.name, c.beat_at, c.doing).where(c.beat_at > moment - ALIVE))
        return [Worker(*row) for row in found]
