"""What is put together once for several questions: never another figure, made once, of one version, within its room."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from kpi.query import answer, subquery_cache
from kpi.warehouse import Warehouse
from tests.code import PATIENCE
from tests.query.ask import cell, question, values
from tests.world import ENGINES, World, make

WEEK = "2026-03-02/2026-03-08"


def _made(folder: Path, engine: str) -> tuple[Warehouse, World]:
    """Four tail customers of two tiers, of whom 2 (one star) is reached in the week, and 5, who is not tail."""
    made = World()
    made.topic("balance")
    for key in (1, 2, 3, 4):
        made.customer(key, tier=1 + key % 2)
        made.months("2026-02-01", {key: 100})
    made.customer(5, tier=7)
    made.months("2026-02-01", {5: 1000})
    made.contact("self", "2025-01-01 10:00", customer_key=1, topic="balance")
    made.contact("self", "2026-03-04 10:00", customer_key=2, topic="balance")
    warehouse = make(folder, engine)
    made.publish(warehouse, "2026-04-20 00:00")
    return warehouse, made


@pytest.fixture(scope="module", params=ENGINES)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    warehouse, _ = _made(tmp_path_factory.mktemp(f"cached_{request.param}"), request.param)
    yield warehouse
    warehouse.close()


@pytest.fixture
def warehouse(loaded: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """One of which nothing is put together yet."""
    monkeypatch.setattr(subquery_cache, "_STORE", subquery_cache._Store())
    return loaded


@contextmanager
def put_together(warehouse: Warehouse) -> Iterator[list[str]]:
    """The tables that are put together meanwhile."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO cached_"):
            found.append(statement.split()[2])

    sa.event.listen(warehouse.engine(), "before_cursor_execute", note)
    yield found
    sa.event.remove(warehouse.engine(), "before_cursor_execute", note)


def test_another_transaction_finds_what_one_put_together(warehouse: Warehouse) -> None:
    with put_together(warehouse) as first:
        assert cell(warehouse, "top20_share", WEEK).denominator == 1400
    assert set(first) == {"cached_open_0", "cached_valued_0"}
    with put_together(warehouse) as again:
        # Of one tier: the same customers, of whom others pass.
        assert cell(warehouse, "top20_share", WEEK, tier=1).denominator == 200
        assert values(warehouse, "top20_share", WEEK, "tier") == {1: 0.5, 2: 0.5, 7: 1.0}
    assert again == []


def test_trap_one_tier_is_taken_from_all_and_is_not_all(warehouse: Warehouse) -> None:
    kpis = ("long_tail_coverage", "tail_unreached_year", "tail_active", "tier_upgrade_rate")
    every = [cell(warehouse, kpi, WEEK).denominator for kpi in kpis]
    with put_together(warehouse) as again:
        single = [[cell(warehouse, kpi, WEEK, tier=tier).denominator for kpi in kpis] for tier in (1, 2, (1, 2), 3)]
    assert single[0][:2] == single[1][:2] == [2, 2]
    assert single[2] == [4, 4, 4, 4]
    assert every == [4, 4, 4, 5]  # one of those who may rise is not tail
    assert single[3][0] in {None, 0}
    assert again == []
    assert cell(warehouse, "long_tail_coverage", WEEK, tier=1).numerator == 1
    assert cell(warehouse, "long_tail_coverage", WEEK, tier=2).numerator == 0
    assert cell(warehouse, "tail_unreached_year", WEEK, tier=1).numerator == 1


def test_trap_contacts_of_a_channel_are_not_those_of_all(warehouse: Warehouse) -> None:
    assert cell(warehouse, "long_tail_coverage", WEEK).numerator == 1
    assert cell(warehouse, "long_tail_coverage", WEEK, channel="hotline").numerator == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_trap_a_new_version_is_put_together_anew(engine: str, tmp_path: Path) -> None:
    warehouse, made = _made(tmp_path, engine)
    assert cell(warehouse, "long_tail_coverage", WEEK).numerator == 1
    made.contact("self", "2026-03-05 10:00", customer_key=3, topic="balance")
    made.publish(warehouse, "2026-04-20 00:00")
    assert cell(warehouse, "long_tail_coverage", WEEK).numerator == 2
    warehouse.close()


@pytest.mark.parametrize("limit", ["_MOST_OF_ONE", "_MOST_OF_ALL"])
def test_what_has_no_room_is_put_together_each_time(
    warehouse: Warehouse, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subquery_cache, limit, 0)
    for _ in range(2):
        with put_together(warehouse) as found:
            assert cell(warehouse, "tail_base", WEEK).value == 4
        assert set(found) == {"cached_open_0"}


def test_two_at_once_put_it_together_once(warehouse: Warehouse) -> None:
    together = threading.Barrier(4)

    def ask() -> float | None:
        together.wait(timeout=PATIENCE)
        return cell(warehouse, "tail_base", WEEK).value

    with put_together(warehouse) as found, ThreadPoolExecutor(4) as several:
        asking = [several.submit(ask) for _ in range(4)]
        assert [one.result() for one in asking] == [4, 4, 4, 4]
    assert found == ["cached_open_0"]


def test_a_failure_leaves_the_next_one_free(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    fill = subquery_cache._fill

    def fail(*_: object) -> bool:
        raise RuntimeError("no memory")

    monkeypatch.setattr(subquery_cache, "_fill", fail)
    with pytest.raises(RuntimeError):
        cell(warehouse, "tail_base", WEEK)
    monkeypatch.setattr(subquery_cache, "_fill", fill)
    assert cell(warehouse, "tail_base", WEEK).value == 4


@pytest.fixture(scope="module", params=ENGINES)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Noon of the fifth: a contact in the morning, and on the day before two in the morning and one after noon."""
    made = World()
    made.topic("balance")
    for began in ("2026-03-04 09:00", "2026-03-04 10:00", "2026-03-04 13:00", "2026-03-05 09:30"):
        made.contact("self", began, topic="balance")
    made.contact("call", "2026-03-04 11:00")
    warehouse = make(tmp_path_factory.mktemp(f"running_{request.param}"), request.param)
    made.publish(warehouse, "2026-03-05 12:00")
    yield warehouse
    warehouse.close()


def test_trap_the_day_that_is_cut_is_read_once_and_up_to_its_noon(
    running: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subquery_cache, "_STORE", subquery_cache._Store())
    today = question("volume self_service_rate answer_rate", "2026-03-05", "channel", compare="previous")
    with put_together(running) as found:
        first = answer(running, today)
    assert found == ["cached_days_0"]
    assert {cell.key: cell.previous for cell in first.cells if cell.kpi == "volume"} == {
        ("wechat",): 2, ("hotline",): 1,
    }  # fmt: skip
    with put_together(running) as found:
        assert answer(running, question("volume", "2026-03-05", compare="previous")).cell("volume").previous == 3
    assert found == []
    monkeypatch.setattr(subquery_cache, "_STORE", subquery_cache._Store())
    monkeypatch.setattr(subquery_cache, "_MOST_OF_ONE", 0)
    with put_together(running) as found:
        assert answer(running, today).cells == first.cells
        assert answer(running, today).cells == first.cells
    assert found == ["cached_days_0"]  # to find that they are too many; then that is known
