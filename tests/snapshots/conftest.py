"""A small warehouse whose first days of March are complete, and a ledger with a clock of its own."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kpi.settings import Settings, load_settings
from kpi.snapshots import definition_store, worker
from kpi.snapshots.model import Definition
from kpi.snapshots.runs import runs
from kpi.state import StateDatabase
from kpi.state.tables import snapshot
from kpi.warehouse import Warehouse
from tests.snapshots.standins import MONDAY, definition, deliver, render
from tests.world import World


class Centre:
    """A home with a warehouse and definitions, and a worker's clock, which a test sets."""

    def __init__(self, settings: Settings, outbox: Path) -> None:
        self.settings, self.outbox, self.moment = settings, outbox, MONDAY + timedelta(minutes=1)
        self.world = World(channels=("hotline", "wechat"))
        self.warehouse = Warehouse.from_settings(settings)
        self.world.number, self.world.rows = 1000, {}
        self.state = StateDatabase(settings)

    def load(self, watermark: str) -> None:
        self.world.publish(self.warehouse, watermark)

    def keep(self, *definitions: Definition, since: datetime = MONDAY - timedelta(hours=1)) -> None:
        """Make these the definitions; their due times are looked at from ``since`` on."""
        definition_store.apply(self.state, definitions, "ann")
        with self.state.transaction() as connection:
            connection.execute(snapshot.update().values(seen_until=since))

    def weekly(self, *names: str, **other) -> Definition:
        return definition(self.outbox, *names, **other)

    def run(self, **other) -> int:
        return worker.run_due(
            self.warehouse, **{"render": render, "deliver": deliver} | other, clock=lambda: self.moment
        )

    def states(self) -> list[str]:
        return [run.state for run in runs(self.state)]

    def later(self, **delta: float) -> None:
        self.moment += timedelta(**delta)


def fill(world: World, warehouse: Warehouse) -> None:
    """From 1 to 9 March, each day as many calls as its number, and one who served himself."""
    warehouse.create()
    for day in range(1, 10):
        for minute in range(day):
            world.contact("call", f"2026-03-0{day} 10:{minute:02}", csat_asked=True, csat_score=5)
        world.contact("self", f"2026-03-0{day} 11:00")
    world.publish(warehouse, "2026-03-09 07:00")


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with that warehouse, to be copied: to make one takes seconds."""
    home = tmp_path_factory.mktemp("filled") / "home"
    warehouse = Warehouse.from_settings(load_settings({"KPI_HOME": str(home), "KPI_MEMORY": "1", "KPI_THREADS": "2"}))
    fill(World(channels=("hotline", "wechat")), warehouse)
    warehouse.close()
    return home


@pytest.fixture
def centre(settings: Settings, filled: Path, tmp_path: Path) -> Iterator[Centre]:
    shutil.copytree(filled, settings.home)
    made = Centre(settings, tmp_path / "out")
    yield made
    made.state.close()
    made.warehouse.close()
