"""Copies of the hand-made world: its week of 2 – 8 March 2026, due on the Monday after."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from kpi.snapshots.model import Definition, Recipient, Rendered, Revision, Section
from kpi.snapshots.render import render
from kpi.state import Target
from kpi.targets.resolution import Targets
from kpi.warehouse import Warehouse
from tests.query.conftest import hand_made
from tests.world import make

DUE, NOBODY_CALLED = date(2026, 3, 9), date(2027, 3, 8)
ALL = Recipient("head", "file:///out")
DEFINITION = Definition(
    name="weekly",
    title=("周报", "Weekly report"),
    period="last_week",
    language="en",
    formats=("xlsx", "pdf", "html", "png", "csv", "parquet"),
    sections=(
        Section("headline", "headline", ("self_service_rate", "volume", "csat", "aht", "fcr", "long_tail_coverage")),
        Section("volume", "chart", ("volume",), ("date", "channel")),
        Section("course", "chart", ("self_service_rate",), ("date",)),
        Section("channels", "chart", ("answer_rate",), ("channel",)),
        Section("grid", "chart", ("csat",), ("channel", "tier")),
        Section("tiers", "table", ("volume", "csat", "wait_p90", "customers_served"), ("tier",)),
        Section("pairs", "table", ("volume", "given_up_rate"), ("channel", "topic")),
        Section("costs", "table", ("volume", "transfer_rate", "nps")),
    ),
)
TARGETS = Targets(
    (
        Target("self_service_rate", low=0.9, first=date(2026, 1, 1), id=1),
        Target("csat", low=0.5, first=date(2026, 1, 1), id=2),
        Target("answer_rate", low=0.8, channel="vip", first=date(2026, 1, 1), id=3),
    )
)


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    warehouse = make(tmp_path_factory.mktemp("bank"), "ducklake")
    world, watermarks = hand_made()
    world.publish(warehouse, watermarks)
    yield warehouse
    warehouse.close()


def copy(
    bank: Warehouse, due: date = DUE, who: Recipient = ALL, revision: Revision | None = None, **differing: object
) -> Rendered:
    """A copy of the definition, ``differing`` in some fields."""
    definition = replace(DEFINITION, **differing)  # type: ignore[arg-type]
    return render(bank, definition, who, due, targets=TARGETS, revision=revision)


@pytest.fixture(scope="session", params=["zh", "en"])
def rendered(request: pytest.FixtureRequest, bank: Warehouse) -> Rendered:
    return copy(bank, language=request.param)
