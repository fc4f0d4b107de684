"""Empty warehouses on every engine, and a look at what lies in them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kpi.metrics.rollups import ROLLUPS
from kpi.warehouse import Warehouse
from tests.world import ENGINES, make


@pytest.fixture(params=ENGINES)
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    """An empty warehouse, business zone Asia/Shanghai."""
    made = make(tmp_path, request.param)
    yield made
    made.close()


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Warehouse]:
    """An empty warehouse on the engine that loads a few rows fastest, for rules that no engine sees."""
    made = make(tmp_path, "duckdb")
    yield made
    made.close()


def table(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with warehouse.read() as connection:
        return [tuple(row) for row in connection.execute(sa.text(sql))]


def one(warehouse: Warehouse, columns: str, interaction: str) -> tuple[Any, ...]:
    """Columns of one interaction, which must be there once."""
    (row,) = table(warehouse, f"SELECT {columns} FROM interaction WHERE interaction_id = '{interaction}'")
    return row


def rolled_up(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """The roll-ups as they lie in the warehouse."""
    return {made.table.name: sorted(table(warehouse, f"SELECT * FROM {made.table.name}"), key=repr) for made in ROLLUPS}


def rolled_up_anew(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """The roll-ups as they come out of the facts now, each by its own declaration."""
    with warehouse.read() as connection:
        binds = warehouse.published(connection).binds()
        return {
            made.table.name: sorted((tuple(row) for row in connection.execute(made.select(), binds)), key=repr)
            for made in ROLLUPS
        }


__all__ = ["one", "rolled_up", "rolled_up_anew", "table"]
