"""What was published stays readable: a report can be made again from the version that it was made from."""

import pytest

from kpi.errors import WarehouseError
from kpi.warehouse import Warehouse
from tests.query.ask import cell
from tests.world import World

DAYS = "2026-03-02/2026-03-08"


def two_versions(warehouse: Warehouse) -> tuple[int, int]:
    """Two calls, then a third that came late."""
    world = World()
    for minute in ("10", "20"):
        world.contact("call", f"2026-03-02 09:{minute}")
    world.publish(warehouse, "2026-03-09 00:00")
    before = warehouse.published().version
    world.contact("call", "2026-03-03 09:00")
    world.publish(warehouse, "2026-03-09 00:00")
    return before, warehouse.published().version


def test_a_version_answers_as_it_did(warehouse: Warehouse) -> None:
    before, now = two_versions(warehouse)
    with warehouse.at(now) as same:
        assert same is warehouse
        assert cell(same, "volume", DAYS).value == 3
    if warehouse.kind == "duckdb":
        with pytest.raises(WarehouseError, match=str(before)), warehouse.at(before):
            pass
        return
    with warehouse.at(before) as past:
        assert past.published().version == before
        assert cell(past, "volume", DAYS).value == 2
    assert cell(warehouse, "volume", DAYS).value == 3


def test_a_version_that_never_was_is_named(warehouse: Warehouse) -> None:
    two_versions(warehouse)
    with pytest.raises(WarehouseError, match="999999"), warehouse.at(999_999):
        pass
