"""The hand-made world of ``tests/cases``, loaded once a session on every engine."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from kpi.warehouse import Warehouse
from tests.world import ENGINES, EVERYTHING, World, make

CASES = Path(__file__).resolve().parent.parent / "cases"


def hand_made() -> tuple[World, dict[str, str]]:
    """The world of ``world.yaml`` with its watermarks, nothing loaded yet."""
    told: dict[str, Any] = yaml.safe_load((CASES / "world.yaml").read_text("utf-8"))
    world = World(told["zone"])
    for channel, names in told["not_carried"].items():
        world.carries[channel] = EVERYTHING - set(names)
    for topic in told["topics"]:
        world.topic(topic.pop("topic"), **topic)
    for key, (opened, closed, tiers, january, february, products) in told["customers"].items():
        world.customer(key, None, opened, closed_on=closed)
        for (tier, valid_from), following in zip(tiers, [*tiers[1:], (None, None)], strict=True):
            world.add("customer_tier", customer_key=key, valid_from=valid_from, valid_to=following[1], tier=tier)
        if january is not None:
            world.months("2026-01-01", {key: january})
        if february is not None:
            world.months("2026-02-01", {key: february}, products)
    for name, kind, began, customer, topic, facts in told["contacts"]:
        world.contact(kind, str(began), interaction_id=name, customer_key=customer, topic=topic, **facts)
    moment = world.utc(str(told["repeated"]["from"]))
    for times, kind, topic, facts in told["repeated"]["contacts"]:
        for _ in range(times):
            world.contact(kind, moment, topic=topic, **facts)
            moment += timedelta(minutes=1)
    for name, table in told["tables"].items():
        for row in table["rows"]:
            given = dict(zip(table["columns"], row, strict=True))
            world.add(name, **{k: world.utc(v) if _is_time(v) else v for k, v in given.items()})
    return world, {channel: str(moment) for channel, moment in told["watermarks"].items()}


def _is_time(value: object) -> bool:
    return isinstance(value, str) and len(value) == 16 and value[4] == value[7] == "-" and value[13] == ":"


@pytest.fixture(scope="session", params=ENGINES)
def hand_made_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    warehouse = make(tmp_path_factory.mktemp(f"world_{request.param}"), request.param)
    world, watermarks = hand_made()
    world.publish(warehouse, watermarks)
    yield warehouse
    warehouse.close()


@pytest.fixture
def new_warehouse(tmp_path: Path) -> Iterator[Callable[..., Warehouse]]:
    """Makes empty warehouses on the quicker engine; the cases run on every engine."""
    made: list[Warehouse] = []

    def new(zone: str = "Asia/Shanghai") -> Warehouse:
        made.append(make(tmp_path / str(len(made)), "duckdb", zone))
        return made[-1]

    yield new
    for warehouse in made:
        warehouse.close()
