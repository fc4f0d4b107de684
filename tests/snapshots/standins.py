"""Small real parts for the tests of the ledger: a rendering as CSV, a delivery into a folder, workers in processes
of their own that kill themselves where a test says so.
"""

import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from kpi.query import Question, answer
from kpi.query.integrity import proof
from kpi.settings import load_settings
from kpi.snapshots import execution, worker
from kpi.snapshots.dispatch import DeliveryOutcome
from kpi.snapshots.ledger import Ledger
from kpi.snapshots.model import Definition, Notice, Parcel, Recipient, Rendered, Schedule, Section, period_of
from kpi.warehouse import Warehouse

MONDAY = datetime(2026, 3, 9, 0, 0)  # UTC: 9 March, 8:00 in Shanghai


def definition(outbox: Path, *names: str, **other) -> Definition:
    """A weekly report, due on Mondays at eight in Shanghai, to some folders."""
    usual = Definition(
        "weekly",
        ("周报", "Weekly"),
        (Section("headline", "headline", ("volume", "csat")), Section("channels", "table", ("volume",), ("channel",))),
        "last_week",
        formats=("csv",),
        language="en",
        recipients=tuple(Recipient(name, f"file://{outbox / name}") for name in names),
        schedule=Schedule("0 8 * * 1"),
        owner=f"file://{outbox / 'owner'}",
        time_limit_seconds=600,
    )
    return replace(usual, **other)


def render(
    warehouse: Warehouse, definition: Definition, recipient: Recipient, due: date, *, version: int | None = None
) -> Rendered:
    """The figures of every section as lines."""
    figures = {}
    with warehouse.at(version) as past:
        published = past.published()
        period = period_of(definition.period, due, published.last_day)
        for section in definition.sections:
            asked = Question(section.kpis, period, section.by, definition.filters, scope=recipient.scope)
            for cell in answer(past, asked).cells:
                figures[section.id, cell.kpi, ",".join(map(str, cell.key))] = cell.value
        holds = all(check.holds for check in proof(past, Question(("volume",), period)))
    lines = "".join(f"{'|'.join(key)},{value}\n" for key, value in sorted(figures.items()))
    return Rendered(
        {"data.csv": lines.encode(), "manifest.json": json.dumps({"version": version}).encode()},
        figures,
        empty=not figures.get(("headline", "volume", ""), 1),
        holds=holds,
        version=published.version,
        as_of={name: feed.watermark for name, feed in published.feeds.items()},
        period=period,
    )


@dataclass
class Done:
    status: str = "sent"
    detail: str = ""
    attempts: int = 1


def deliver(parcel: Parcel, recipient: Recipient, *, key: str) -> Done:
    """Every delivery is a folder of its own below the recipient's, so that a second one would be seen."""
    folder = Path(recipient.target.removeprefix("file://"))
    if "refuse" in folder.name:
        return Done("permanent", "refused", 3)
    place = folder / f"{key}~{os.getpid()}-{time.monotonic_ns()}"
    place.mkdir(parents=True)
    for name, content in parcel.files.items():
        (place / name).write_bytes(content)
    return Done()


def got(outbox: Path, name: str, file: str = "data.csv") -> list[str]:
    """The keys of what a recipient got."""
    return sorted(place.parent.name.split("~")[0] for place in (outbox / name).glob(f"*/{file}"))


# --- a worker that kills itself --------------------------------------------------------------------------------------


def kill(step: str, at: str) -> None:
    """End this process as an operating system does that is short of memory."""
    if step == at:
        os.kill(os.getpid(), signal.SIGKILL)


def crashing(at: str) -> None:
    """Make this process kill itself once ``at`` is done: a step, ``handing``, ``telling``, ``first`` or ``last``."""
    kept_step, kept_claim, kept_down, kept_end = Ledger.step, Ledger.claim, Ledger.enqueue_due, Ledger.end
    kept_record, kept_hand = execution.Running._record, execution.Running._hand

    def down(self):
        found = kept_down(self)
        kill("due", at)
        return found

    def claim(self, only=None):
        found = kept_claim(self, only)
        if found is not None:
            kill("claimed", at)
        return found

    def step(self, run, name, **values):
        found = kept_step(self, run, name, **values)
        kill(name, at)
        return found

    def record(self, *arguments):
        found = kept_record(self, *arguments)
        kill("stored", at)
        return found

    def hand(self, run, name, skip):
        kept_hand(self, run, name, skip)
        names = [one.name for one in run.definition.recipients]
        kill("first" if name == names[0] else "last" if name == names[-1] else "", at)

    def end(self, *arguments, **named):
        kept_end(self, *arguments, **named)
        kill("recorded", at)

    for kind, name, changed in (
        (Ledger, "enqueue_due", down),
        (Ledger, "claim", claim),
        (Ledger, "step", step),
        (Ledger, "end", end),
        (execution.Running, "_record", record),
        (execution.Running, "_hand", hand),
    ):
        setattr(kind, name, changed)


def stuck(*_, **__) -> Rendered:
    time.sleep(60)
    raise AssertionError


def opened_at(home: Path, **environment: str) -> Warehouse:
    """The warehouse of a home, in a process of its own."""
    os.environ |= {"KPI_HOME": str(home), "KPI_MEMORY": "1"} | environment
    return Warehouse.from_settings(load_settings())


def crash(home: Path, moment: datetime, at: str, real: Mapping[str, str] | None = None) -> None:
    """Work on what is due at ``moment`` until ``at`` is done; to be called in a process of its own. ``real``: with the
    program's own renderer and delivery, which these settings are for.
    """
    crashing(at)
    opened, begun = opened_at(home, **real or {}), time.monotonic()
    make, hand = (render, deliver) if real is None else worker.parts()
    hand = execution.bound(hand, settings=opened.settings)

    def killing(parcel: Parcel, recipient: Recipient, *, key: str) -> DeliveryOutcome:
        done = hand(parcel, recipient, key=key)
        kill("telling" if isinstance(parcel, Notice) else "handing", at)
        return done

    worker.run_due(
        opened, stuck if at == "stuck" else make, killing,
        clock=lambda: moment + timedelta(seconds=time.monotonic() - begun),
    )  # fmt: skip
