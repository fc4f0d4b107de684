"""The demo bank comes with its snapshots and their last due runs, on whatever day it is made and opened."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from kpi import schema
from kpi.settings import Settings
from kpi.snapshots import definition_store, worker
from kpi.snapshots.definition_file import READY, load
from kpi.snapshots.model import period_of
from kpi.snapshots.runs import Run, changes, files, runs, say
from kpi.snapshots.validation import problems_of
from kpi.state import StateDatabase
from kpi.state.database import now
from kpi.state.tables import snapshot, snapshot_run
from kpi.warehouse import Warehouse
from seed import snapshots
from seed.__main__ import main
from seed.load import fill
from seed.options import Options
from tests.snapshots.standins import deliver, render

END = date(2026, 11, 23)  # a Monday
BANK = Options(end=END, days=70, interactions=300, customers=1500)
BEGAN = now()
ALL_ONCE = [("daily", 1), ("long-tail", 1), ("satisfaction", 1), ("weekly", 1)]
COMMAND = ["--days", "70", "--interactions", "300", "--customers", "1500", "--end", str(END)]
# New Year, Spring Festival with its make-up days, the end of February, National Day, and every weekday.
DAYS = [
    *(date(2025, 12, 28) + timedelta(days=day) for day in range(12)),
    *(date(2026, 2, 10) + timedelta(days=day) for day in range(22)),
    *(date(2024, 2, 27) + timedelta(days=day) for day in range(5)),
    *(date(2026, 9, 28) + timedelta(days=day) for day in range(14)),
]


def midnight(day: date) -> datetime:
    """UTC: when a day begins in Shanghai."""
    return datetime(day.year, day.month, day.day) - timedelta(hours=8)


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Warehouse, StateDatabase]]:
    warehouse, state = Warehouse.from_settings(settings), StateDatabase(settings)
    yield warehouse, state
    state.close()
    warehouse.close()


def work(settings: Settings, moment: datetime | None = None) -> list[Run]:
    """What a worker makes of what is due, the first due first."""
    with opened(settings) as (warehouse, state):
        worker.run_due(warehouse, render, deliver, clock=now if moment is None else lambda: moment)
        return sorted(runs(state), key=lambda run: run.id)


def kept(settings: Settings) -> list[Run]:
    with opened(settings) as (_, state):
        return runs(state)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_they_come_in_both_languages_and_the_machines_first(settings: Settings, language: str) -> None:
    found = snapshots.definitions(replace(settings, language=language))  # type: ignore[arg-type]
    assert [one.name for one in found] == ["daily", "weekly", "long-tail", "satisfaction"]
    assert {one.language for one in found} == {language}
    for one in found:
        assert {recipient.language for recipient in one.recipients} == {"zh", "en"}
        assert one.recipients[0].language == language
        assert all(
            recipient.target == (settings.home / "outbox" / str(recipient.language)).as_uri()
            for recipient in one.recipients
        )
    assert problems_of(found, settings=settings) == []


@pytest.mark.parametrize("end", DAYS, ids=str)
def test_on_any_day_one_is_held_and_one_revised(end: date) -> None:
    options = Options(end=end)
    found = snapshots.late(options)
    assert found is not None
    ready = {one.name: one for one in load(READY.read_text("utf-8"))}
    # Whoever waited did so in vain, and what is revised did not wait.
    assert found.since < midnight(found.held_on)
    period = period_of(ready[found.revised].period, found.revised_on)
    assert period.start <= found.day <= period.end
    assert midnight(period.end + timedelta(days=1)) <= found.since
    assert found.held_on < end
    assert found.revised_on < end
    assert found.over <= midnight(end)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with that bank, to be copied."""
    home = tmp_path_factory.mktemp("bank") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPI_HOME", str(home))
        patch.setenv("KPI_MEMORY", "1")
        assert main(COMMAND) == 0
    return home


@pytest.fixture
def bank(settings: Settings, filled: Path) -> Settings:
    shutil.copytree(filled, settings.home)
    return settings


def test_a_worker_makes_the_last_due_runs(bank: Settings) -> None:
    assert {run.state for run in kept(bank)} == {"due"}
    found = work(bank)
    assert [(run.name, run.due_on, run.revision, run.state) for run in found] == [
        ("daily", date(2026, 11, 20), 1, "held"),
        ("satisfaction", date(2026, 11, 20), 1, "sent"),
        ("satisfaction", date(2026, 11, 20), 2, "sent"),
        ("daily", date(2026, 11, 23), 1, "sent"),
        ("weekly", date(2026, 11, 23), 1, "sent"),
        ("long-tail", date(2026, 11, 2), 1, "sent"),
    ]
    held, _, revised, *_ = found
    assert say(held.reason, "en") == "Data are late: SMS."
    with opened(bank) as (_, state):
        assert changes(state, revised)
        assert {file.recipient for file in files(state, revised)} == {"中文", "English"}
    # Again: neither repeated nor doubled.
    for arguments in (COMMAND, [*COMMAND, "--if-empty"]):
        assert main(arguments) == 0
        assert len(kept(bank)) == len(found)
    # Three weeks later nothing is made up for; what comes due by then reports what there is.
    with opened(bank) as (_, state), state.transaction() as connection:
        assert connection.execute(sa.select(sa.func.min(snapshot.c.seen_until))).scalar_one() > BEGAN
        connection.execute(snapshot.update().values(seen_until=datetime(2026, 12, 13)))
    later = work(bank, datetime(2026, 12, 14, 0, 1))[len(found) :]  # a Monday, 8:01 in Shanghai
    assert [(run.name, run.state) for run in later] == [("daily", "sent"), ("weekly", "sent")]
    assert [run.period for run in later] == [period_of("yesterday", END), period_of("last_week", END)]


def test_what_comes_late_is_all_there_in_the_end(bank: Settings) -> None:
    """The same facts, with the same links between contacts, as where all came at once."""
    plain = Warehouse(f"duckdb:///{bank.home / 'plain.duckdb'}", bank)
    assert fill(plain, BANK, lambda share, text: None) is not None
    with opened(bank) as (warehouse, _):
        assert told(warehouse) == told(plain)
        assert warehouse.published().last_day == plain.published().last_day == END
    plain.close()


def told(warehouse: Warehouse) -> tuple[object, ...]:
    """How many rows each table has, how contacts are linked, and how far SMS has got."""
    tables = ("interaction", "handling_leg", "function_use", "referral", "complaint", "agent_time")
    contact = schema.interaction.c
    links = sa.select(sa.func.sum(contact.next_seconds), sa.func.sum(contact.previous_seconds))
    with warehouse.read() as connection:
        rows = [
            connection.execute(sa.select(sa.func.count()).select_from(schema.metadata.tables[name])).scalar_one()
            for name in tables
        ]
        return rows, tuple(connection.execute(links).one()), warehouse.published().feeds["sms"]


def test_one_that_broke_off_before_the_late_load_is_continued(settings: Settings) -> None:
    late = snapshots.late(BANK)

    def stop(share: float, text: str) -> None:
        if text == "late data of SMS":
            raise KeyboardInterrupt

    with opened(settings) as (warehouse, _):
        with pytest.raises(KeyboardInterrupt):
            fill(warehouse, BANK, stop, "en", late)
        assert warehouse.published().last_day is None
        before = told(warehouse)
        filled = fill(warehouse, BANK, lambda share, text: None, "en", late)
        assert filled is not None
        assert filled.before_late is not None
        assert told(warehouse) != before
        assert warehouse.published().last_day == END
        assert fill(warehouse, BANK, lambda share, text: None, "en", late) is None


def test_a_demo_of_the_version_before_gets_them_and_who_deleted_them_does_not(bank: Settings) -> None:
    with opened(bank) as (warehouse, state):
        with warehouse.write() as connection:  # it did not say that it ends
            connection.execute(schema.warehouse_fact.delete().where(schema.warehouse_fact.c.name == "ended"))
        with state.transaction() as connection:
            connection.execute(snapshot_run.delete())
            connection.execute(snapshot.delete())
    assert main([*COMMAND, "--if-empty"]) == 0
    assert sorted((run.name, run.revision) for run in kept(bank)) == ALL_ONCE
    with opened(bank) as (warehouse, state):
        assert warehouse.published().last_day == END
        definition_store.apply(state, [], "ann")
    assert main([*COMMAND, "--if-empty"]) == 0
    assert main(COMMAND) == 0
    with opened(bank) as (_, state):
        assert definition_store.definitions(state) == []
    assert len(kept(bank)) == len(ALL_ONCE)


def test_a_bank_in_one_file_keeps_no_earlier_version_and_has_its_runs_all_the_same(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KPI_WAREHOUSE_URL", f"duckdb:///{settings.home / 'w.duckdb'}")
    settings.home.mkdir(exist_ok=True)
    assert main(COMMAND) == 0
    assert sorted((run.name, run.revision) for run in kept(settings)) == ALL_ONCE
