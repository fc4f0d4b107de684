"""No statement reads facts without the scope of who asks: recorded as they reach the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from kpi import schema
from kpi.drivers.analysis import why
from kpi.errors import NotApplicable
from kpi.metrics.registry import METRICS
from kpi.metrics.rollups import ROLLUPS
from kpi.query import Filter, Period, Question, Scope, answer, rows
from kpi.query.cohorts.lorenz import lorenz_on
from kpi.query.integrity import proof
from kpi.query.maturity import last_mature
from kpi.query.migration import migration_on
from kpi.snapshots.model import Definition, Recipient, Section
from kpi.snapshots.render import render
from kpi.warehouse import Warehouse
from tests.query.conftest import hand_made
from tests.world import make

# What holds contacts, what hangs on one, and what is summed of them. Customers are no facts: a cohort is all of them.
FACTS = {
    *(table.name for table in (schema.interaction, schema.handling_leg, schema.function_use, schema.complaint)),
    *(table.name for table in (schema.referral, schema.origin)),
    *(roll_up.table.name for roll_up in ROLLUPS),
}
ONLY = "wechat"
SCOPE = Scope((Filter("channel", (ONLY,)),))
MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))


@contextmanager
def recorded() -> Iterator[list[tuple[str, Any]]]:
    """What is sent to any database meanwhile: statement and values."""
    found: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        found.append((statement, values))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def unscoped(statements: list[tuple[str, Any]], only: object = ONLY) -> list[str]:
    """Those that read facts and do not name the one value of the scope."""
    return [
        statement
        for statement, values in statements
        if not FACTS.isdisjoint(statement.replace("\n", " ").replace(",", " ").replace(".", " ").split())
        and only not in values
    ]


def scoped(*kpis: str, **more: Any) -> Question:
    return Question(kpis, MARCH, scope=SCOPE, **more)


KPIS = tuple(kpi for kpi, metric in METRICS.items() if "channel" in metric.dimensions)
BY_TIER = tuple(kpi for kpi in KPIS if "tier" in METRICS[kpi].dimensions)
CAUSES = ("volume", "csat", "aht", "customers_served", "long_tail_coverage", "wechat_phone_multiple")


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    world, watermarks = hand_made()
    warehouse = make(tmp_path_factory.mktemp("statements"), "duckdb")
    world.publish(warehouse, watermarks)
    yield warehouse
    warehouse.close()


def test_trap_no_figure_is_read_without_the_scope(bank: Warehouse) -> None:
    with recorded() as statements:
        for rolled_up in (True, False):
            answer(bank, scoped(*KPIS, compare="previous"), rolled_up=rolled_up)
            answer(bank, scoped(*BY_TIER, by=("tier",), compare="previous"), rolled_up=rolled_up)
    assert len(statements) > 50
    assert unscoped(statements) == []


def test_trap_of_a_scope_of_tiers_only_who_came_is_put_together_without_it(bank: Warehouse) -> None:
    """A customer is of the tier of the first day, which no contact says: who came in the period is put together of all,
    in a table of the transaction, and read through the customers that the asker may see.
    """
    tier = 6
    question = Question(BY_TIER, MARCH, scope=Scope((Filter("tier", (str(tier),)),)), compare="previous")
    with recorded() as statements:
        found = answer(bank, replace(question, by=("tier",)))
        answer(bank, question)
    assert {cell.key for cell in found.cells} <= {(tier,), (None,)}
    assert {cell.n or 0 for cell in found.cells if cell.key == (None,)} <= {0}
    left = [one for one in unscoped(statements, tier) if not one.startswith("INSERT INTO cached_")]
    assert left == []


def test_trap_no_row_cause_or_proof_is_read_without_the_scope(bank: Warehouse) -> None:
    with recorded() as statements:
        for kpi in KPIS:
            rows(bank, scoped(kpi))
        why(bank, scoped(*(kpi for kpi in CAUSES if kpi in KPIS), compare="previous"))
        last_mature(bank, scoped("fcr"))
        proof(bank, scoped("volume"))
        with bank.read() as connection:
            published = bank.require_data(connection)
            migration_on(connection, published, scoped("volume", compare="previous"))
            with pytest.raises(NotApplicable):  # leaving the scope out would show too much
                lorenz_on(connection, published, scoped("volume"))
    assert unscoped(statements) == []


def test_trap_no_snapshot_reads_without_the_scope_of_its_recipient(bank: Warehouse) -> None:
    sections = (
        Section("head", "headline", ("volume", "csat")),
        Section("days", "chart", ("volume",), ("date", "channel")),
        Section("table", "table", ("volume", "csat"), ("tier",)),
    )
    asked = Definition("x", ("", "X"), sections, "last_month", None, formats=("csv",), language="en")
    with recorded() as statements:
        render(bank, asked, Recipient("head", "mailto:a@bank.example", SCOPE), date(2026, 4, 1))
    assert statements
    assert unscoped(statements) == []


def test_the_record_finds_what_it_is_for(bank: Warehouse) -> None:
    with recorded() as statements:
        answer(bank, replace(scoped("volume"), scope=Scope()))
    assert unscoped(statements)
