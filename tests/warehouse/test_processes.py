"""Real processes on one warehouse: readers during loads, and loads that are killed."""

import multiprocessing
import os
import random
import time
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import pyarrow as pa

from kpi.settings import load_settings
from kpi.warehouse import Warehouse
from kpi.warehouse.load import Load
from tests.world import make

_ROWS, _BATCHES, _KILLS = 300, 5, 12

# Forked from a server that has imported everything: a child begins at once, with no engine opened.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


def _open(home: str) -> Warehouse:
    return Warehouse.from_settings(
        load_settings({"KPI_HOME": home, "KPI_WAREHOUSE_URL": f"ducklake:///{home}/lake", "KPI_MEMORY": "1"})
    )


def _load(warehouse: Warehouse, number: int) -> None:
    """Batch ``number``: 300 contacts on a day of their own, whose handling times add up to 300 × its number."""
    start = datetime(2026, 3, 1) + timedelta(days=number)
    rows = {
        "source": ["hotline"] * _ROWS,
        "interaction_id": [f"{number:03}-{row:04}" for row in range(_ROWS)],
        "started_at": [start + timedelta(minutes=row) for row in range(_ROWS)],
        "ended_at": [start + timedelta(minutes=row + 1) for row in range(_ROWS)],
        "channel": ["hotline"] * _ROWS,
        "direction": ["inbound"] * _ROWS,
        "customer_key": [row % 50 for row in range(_ROWS)],
        "topic": ["card"] * _ROWS,
        "human_answered": [True] * _ROWS,
        "talk_seconds": [number] * _ROWS,
    }
    legs = {
        "source": rows["source"],
        "interaction_id": rows["interaction_id"],
        "seq": [1] * _ROWS,
        "talk_seconds": rows["talk_seconds"],
    }
    with Load(warehouse, description=f"batch {number}", synthetic=True) as load:
        load.feed("hotline", "热线", "hotline", start + timedelta(days=1), {"topic"})
        load.stage("interaction", pa.table(rows))
        load.stage("handling_leg", pa.table(legs))
        load.publish()


def _seen(warehouse: Warehouse) -> tuple[int, ...]:
    """What one reading sees: loads, contacts, legs, contacts in a roll-up, seconds in facts and roll-up."""
    with warehouse.read() as connection:
        return tuple(
            connection.exec_driver_sql(f"SELECT coalesce({what}, 0)::BIGINT FROM {table}").scalar_one()
            for what, table in (
                ("count(*)", "load_batch"),
                ("count(*)", "interaction"),
                ("count(*)", "handling_leg"),
                ("sum(contacts)", "daily"),
                ("sum(talk_seconds)", "interaction"),
                ("sum(handle_time)", "daily_team"),
            )
        )


def _whole(loads: int) -> tuple[int, ...]:
    """What must be seen after so many loads."""
    rows, seconds = loads * _ROWS, _ROWS * loads * (loads + 1) // 2
    return (loads, rows, rows, rows, seconds, seconds)


def _read_on(home: str, told: Connection) -> None:
    """Read until the last batch is seen; tell every state seen, once, or what went wrong."""
    warehouse = _open(home)
    states: list[tuple[int, ...]] = []
    try:
        while not states or states[-1][0] < _BATCHES:
            state = _seen(warehouse)
            if not states or states[-1] != state:
                states.append(state)
        told.send(states)
    except Exception as error:
        told.send(repr(error))
        raise


def _load_on(home: str) -> None:
    warehouse = _open(home)
    for number in range(1, _BATCHES + 1):
        _load(warehouse, number)


def test_readers_see_whole_batches_only_while_another_process_loads(tmp_path: Path) -> None:
    make(tmp_path, "ducklake").close()
    pipes = [_processes.Pipe(duplex=False) for _ in range(2)]
    readers = [_processes.Process(target=_read_on, args=(str(tmp_path), told), daemon=True) for _, told in pipes]
    loader = _processes.Process(target=_load_on, args=(str(tmp_path),), daemon=True)
    for process in (*readers, loader):
        process.start()
    loader.join()
    assert loader.exitcode == 0
    for heard, _ in pipes:
        states = heard.recv()
        assert isinstance(states, list), states
        # Each is a whole state, they only go forward, and the reader read during the loads, not after them.
        assert states == [_whole(state[0]) for state in states]
        assert len(states) > _BATCHES // 2
        assert [state[0] for state in states] == sorted({state[0] for state in states})
    for reader in readers:
        reader.join()
        assert reader.exitcode == 0


def _load_one(home: str, number: int, told: Connection) -> None:
    warehouse = _open(home)
    told.send("begun")
    _load(warehouse, number)
    told.send("done")


def test_trap_killed_load_leaves_everything_as_it_was(tmp_path: Path) -> None:
    make(tmp_path, "ducklake").close()

    def start(number: int) -> tuple[multiprocessing.process.BaseProcess, Connection]:
        heard, told = _processes.Pipe(duplex=False)
        process = _processes.Process(target=_load_one, args=(str(tmp_path), number, told), daemon=True)
        process.start()
        told.close()
        assert heard.recv() == "begun"
        return process, heard

    process, heard = start(1)
    began = time.monotonic()
    assert heard.recv() == "done"
    takes = time.monotonic() - began
    process.join()
    loads, killed = 1, 0
    reader = _open(str(tmp_path))
    points = random.Random(20261123)
    while killed < _KILLS:
        process, heard = start(loads + 1)
        # Spread over the whole load; one that was quicker this time has succeeded, and is not counted as killed.
        time.sleep(takes * points.random())
        process.kill()
        process.join()
        if (seen := _seen(reader)) == _whole(loads + 1):  # it had committed
            loads += 1
        else:
            assert seen == _whole(loads)
            killed += 1
    reader.close()
    warehouse = _open(str(tmp_path))
    _load(warehouse, loads + 1)
    assert _seen(warehouse) == _whole(loads + 1)
    twice = "SELECT interaction_id FROM interaction GROUP BY 1 HAVING count(*) > 1"
    orphans = "CALL ducklake_delete_orphaned_files('lake', cleanup_all => true, dry_run => true)"
    with warehouse.read() as connection:
        assert connection.exec_driver_sql(twice).fetchall() == []
        left = [Path(file) for (file,) in connection.exec_driver_sql(orphans).fetchall()]
    # What they left is known to be of killed loads, whenever they were killed, and goes when it is old.
    assert left
    for file in left:
        os.utime(file, (0, 0))
    _load(warehouse, loads + 2)
    with warehouse.read() as connection:
        assert connection.exec_driver_sql(orphans).fetchall() == []
    warehouse.close()
