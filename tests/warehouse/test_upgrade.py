"""A warehouse of an older version is brought up to date when it is opened, its figures then those of a new one."""

from collections.abc import Callable
from datetime import datetime

import pytest
import sqlalchemy as sa

from kpi.metrics.rollups import ROLLUPS
from kpi.warehouse import Warehouse
from kpi.warehouse.engine import SCHEMA_VERSION
from kpi.warehouse.published import write_facts
from tests.warehouse.conftest import rolled_up, rolled_up_anew, table
from tests.world import World

# What the roll-ups of version 1 did not have, by fact.
NEW = {
    "function_use": ("function_unfinished", "function_unfinished__n"),
    "interaction": ("chain_7d", "chain_lost_7d", "chain_resolved_7d", "chain_settled_7d", "robot_unmatched"),
}


def _age(warehouse: Warehouse) -> None:
    """Make of the warehouse one of version 1."""
    _age_to_2(warehouse)
    with warehouse.write() as connection:
        for rollup in ROLLUPS:
            for column in NEW[rollup.fact.id]:
                connection.execute(sa.text(f"ALTER TABLE {rollup.table.name} DROP COLUMN {column}"))
        write_facts(connection, {"schema_version": "1"})
    warehouse.close()


def _age_to_2(warehouse: Warehouse) -> None:
    """Make of the warehouse one of version 2, whose interactions knew no time of their update."""
    with warehouse.write() as connection:
        connection.execute(sa.text("ALTER TABLE interaction DROP COLUMN updated_at"))
        write_facts(connection, {"schema_version": "2"})
    warehouse.close()


def _world(warehouse: Warehouse) -> None:
    world = World()
    world.topic("balance")
    world.customer(1)
    robot = world.contact("robot", "2026-03-02 10:00", customer_key=1, topic="balance", matched=False)
    world.add("function_use", source="wechat", interaction_id=robot, function="bill", started=3, completed=1, failed=1)
    world.contact("lost", "2026-03-12 10:00", interaction_id="lost", customer_key=1, topic="balance")
    world.publish(warehouse, "2026-03-31 12:00")


def _reading(warehouse: Warehouse) -> None:
    with warehouse.read():
        pass


@pytest.mark.parametrize("opened_by", [_reading, Warehouse.create])
def test_an_older_warehouse_gets_what_it_lacks(warehouse: Warehouse, opened_by: Callable[[Warehouse], None]) -> None:
    _world(warehouse)
    new = rolled_up(warehouse)
    _age(warehouse)
    opened_by(warehouse)
    assert warehouse.published().schema_version == SCHEMA_VERSION
    assert rolled_up(warehouse) == new == rolled_up_anew(warehouse)
    assert table(warehouse, "SELECT sum(chain_7d), sum(chain_settled_7d), sum(chain_lost_7d) FROM daily") == [(2, 1, 1)]
    assert table(warehouse, "SELECT sum(function_unfinished), sum(function_unfinished__n) FROM daily_function") == [
        (2, 1)
    ]


def test_an_older_warehouse_without_a_fact_is_brought_up_to_date(warehouse: Warehouse) -> None:
    _age(warehouse)
    assert warehouse.published().schema_version == SCHEMA_VERSION
    _world(warehouse)
    assert rolled_up(warehouse) == rolled_up_anew(warehouse)


def test_a_load_into_an_older_warehouse_finds_it_up_to_date(warehouse: Warehouse) -> None:
    _world(warehouse)
    _age(warehouse)
    later = World()
    later.contact("self", "2026-03-30 09:00", customer_key=1, topic="balance")
    later.publish(warehouse, "2026-03-31 13:00")
    assert rolled_up(warehouse) == rolled_up_anew(warehouse)


def test_facts_of_an_older_warehouse_stay_and_are_older_than_any_update(warehouse: Warehouse) -> None:
    _world(warehouse)
    facts, rolled = table(warehouse, "SELECT * FROM interaction ORDER BY interaction_id"), rolled_up(warehouse)
    _age_to_2(warehouse)
    assert table(warehouse, "SELECT * FROM interaction ORDER BY interaction_id") == facts
    assert (warehouse.published().schema_version, rolled_up(warehouse)) == (SCHEMA_VERSION, rolled)
    later = World()
    later.contact("lost", "2026-03-13 10:00", interaction_id="lost", updated_at=datetime(2026, 3, 14))
    later.publish(warehouse, "2026-03-31 13:00")
    assert table(warehouse, "SELECT interaction_id, updated_at FROM interaction WHERE updated_at IS NOT NULL") == [
        ("lost", datetime(2026, 3, 14))
    ]
    assert rolled_up(warehouse) == rolled_up_anew(warehouse)


def test_trap_a_warehouse_of_this_version_is_left_as_it_is(warehouse: Warehouse) -> None:
    _world(warehouse)
    with warehouse.write() as connection:
        connection.execute(sa.text("UPDATE daily SET contacts = 99"))
    warehouse.close()
    assert table(warehouse, "SELECT DISTINCT contacts FROM daily") == [(99,)]
