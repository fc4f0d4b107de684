"""A load: what it counts, what it refuses, and that it is all or nothing."""

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest

from kpi.errors import KpiError, LoadError, MixedData, UnknownName, WarehouseBusy
from kpi.warehouse import Warehouse
from kpi.warehouse.load import Load, LoadReport
from kpi.warehouse.upsert import Counts
from tests.warehouse.conftest import one, rolled_up, table
from tests.world import World

NIGHT = "2026-03-10 00:00"


def counts(report: object) -> tuple[int, ...]:
    assert isinstance(report, LoadReport)
    return (report.rows_read, report.loaded, report.updated, report.duplicate, report.excluded, report.rejected)


def state(warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    """Everything but the book-keeping of loads."""
    names = ("interaction", "handling_leg", "function_use", "referral", "customer", "customer_tier", "feed")
    return {name: sorted(table(warehouse, f"SELECT * FROM {name}"), key=repr) for name in names} | rolled_up(warehouse)


def a_world() -> World:
    world = World()
    world.topic("card")
    world.customer(1, 3)
    world.contact("call", "2026-03-02 10:00", interaction_id="a", customer_key=1, topic="card")
    world.contact("self", "2026-03-03 10:00", interaction_id="b", customer_key=1, topic="card")
    world.add("handling_leg", source="hotline", interaction_id="a", seq=1, team="desk", talk_seconds=100)
    world.add("function_use", source="wechat", interaction_id="b", function="balance", started=1, completed=1, failed=0)
    return world


def test_trap_same_load_twice_changes_nothing(warehouse: Warehouse) -> None:
    assert counts(a_world().publish(warehouse, NIGHT)) == (2, 2, 0, 0, 0, 0)
    before = state(warehouse)
    report = a_world().publish(warehouse, NIGHT)
    assert counts(report) == (2, 0, 0, 2, 0, 0)
    assert isinstance(report, LoadReport)
    assert report.tables["handling_leg"] == Counts(0, 0, 1)
    assert report.tables["customer"] == Counts(0, 0, 1)
    assert (report.first_date, report.last_date) == (None, None)
    assert state(warehouse) == before


def test_trap_corrected_row_replaces_the_old_one(warehouse: Warehouse) -> None:
    world = a_world()
    world.publish(warehouse, NIGHT)
    world.contact("call", "2026-03-02 10:00", interaction_id="a", customer_key=1, topic="card", talk_seconds=777)
    report = world.publish(warehouse, NIGHT)
    assert counts(report) == (1, 0, 1, 0, 0, 0)
    assert one(warehouse, "talk_seconds, load_id", "a") == (777, 2)
    assert table(warehouse, "SELECT count(*) FROM interaction") == [(2,)]
    assert table(warehouse, "SELECT sum(handle_time), sum(contacts) FROM daily") == [(777 + 10 + 20, 2)]


def test_latest_of_a_key_in_one_load_wins(quick: Warehouse) -> None:
    world = World()
    for seconds in (1, 2, 3):
        world.contact("call", "2026-03-02 10:00", interaction_id="a", talk_seconds=seconds)
    assert counts(world.publish(quick, NIGHT)) == (3, 1, 0, 2, 0, 0)
    assert one(quick, "talk_seconds", "a") == (3,)


def _version(seconds: int, updated: str | None) -> dict[str, object]:
    updated_at = None if updated is None else datetime.fromisoformat(f"2026-03-02 {updated}")
    return {"interaction_id": "a", "talk_seconds": seconds, "updated_at": updated_at}


@pytest.mark.parametrize(
    ("versions", "holds"),
    [
        ([(1, "08:00"), (2, "10:00"), (3, "09:00")], 2),
        ([(1, "10:00"), (2, None)], 1),
        ([(1, None), (2, None)], 2),
        ([(1, "10:00"), (2, "10:00"), (3, "09:00")], 2),
    ],
    ids=["latest update", "not known is before all", "none known", "ties by place"],
)
@pytest.mark.parametrize("apart", [False, True], ids=["one load", "a load each"])
def test_trap_an_older_version_replaces_no_newer_one(
    quick: Warehouse, versions: list[tuple[int, str | None]], holds: int, apart: bool
) -> None:
    world, duplicate = World(), 0
    for seconds, updated in versions:
        world.contact("call", "2026-03-02 10:00", **_version(seconds, updated))
        if apart:
            duplicate += counts(world.publish(quick, NIGHT))[3]
    if not apart:
        assert counts(world.publish(quick, NIGHT)) == (len(versions), 1, 0, len(versions) - 1, 0, 0)
    else:
        assert duplicate == len(versions) - versions.index(next(one for one in versions if one[0] == holds)) - 1
    assert one(quick, "talk_seconds", "a") == (holds,)
    assert table(quick, "SELECT sum(handle_time), sum(contacts) FROM daily") == [(holds + 10 + 20, 1)]


def test_the_same_values_with_a_later_update_are_kept_as_of_then(quick: Warehouse) -> None:
    world = World()
    for updated, became in (
        ("08:00", (1, 1, 0, 0, 0, 0)),
        ("10:00", (1, 0, 1, 0, 0, 0)),
        ("10:00", (1, 0, 0, 1, 0, 0)),
    ):
        world.contact("call", "2026-03-02 10:00", **_version(1, updated))
        assert counts(world.publish(quick, NIGHT)) == became
    assert one(quick, "updated_at", "a") == (datetime(2026, 3, 2, 10),)


def test_trap_same_id_of_two_feeds_is_two_contacts(quick: Warehouse) -> None:
    world = World()
    world.contact("call", "2026-03-02 10:00", interaction_id="a")
    world.contact("self", "2026-03-02 11:00", interaction_id="a")
    assert counts(world.publish(quick, NIGHT)) == (2, 2, 0, 0, 0, 0)


def test_moved_contact_leaves_its_old_day(warehouse: Warehouse) -> None:
    world = a_world()
    world.publish(warehouse, NIGHT)
    world.contact("call", "2026-03-05 10:00", interaction_id="a", customer_key=1, topic="card")
    report = world.publish(warehouse, NIGHT)
    assert isinstance(report, LoadReport)
    assert (report.first_date, report.last_date) == (date(2026, 3, 2), date(2026, 3, 5))
    assert table(warehouse, "SELECT business_date, sum(contacts) FROM daily GROUP BY 1 ORDER BY 1") == [
        (date(2026, 3, 3), 1),
        (date(2026, 3, 5), 1),
    ]
    assert table(warehouse, "SELECT business_date FROM handling_leg") == [(date(2026, 3, 5),)]


def test_excluded_and_rejected_rows_are_counted_and_kept(warehouse: Warehouse) -> None:
    with Load(warehouse, description="file", synthetic=False) as load:
        load.feed("hotline", "热线", "hotline", datetime(2026, 3, 10), {"topic"})
        load.stage("interaction", _contacts(2))
        load.exclude("push", 3)
        load.exclude("push", 1)
        load.reject(7, {"id": "x", "when": None}, ["no time", "no channel"])
        report = load.publish()
    assert counts(report) == (7, 2, 0, 0, 4, 1)
    assert table(warehouse, "SELECT reason, rows FROM exclusion") == [("push", 4)]
    assert table(warehouse, "SELECT row_number, raw, reasons FROM rejected_row") == [
        (7, '{"id": "x", "when": null}', '["no time", "no channel"]')
    ]
    assert table(warehouse, "SELECT rows_read, loaded, excluded, rejected FROM load_batch") == [(7, 2, 4, 1)]


def test_without_interactions_every_table_counts(quick: Warehouse) -> None:
    world = World(channels=["hotline"])
    world.customer(1)
    assert counts(world.publish(quick, NIGHT)) == (3, 3, 0, 0, 0, 0)  # channel, customer, tier


def _contacts(number: int, **more: object) -> pa.Table:
    rows = [
        {"source": "hotline", "interaction_id": f"i{n}", "started_at": datetime(2026, 3, 2, 1, n), "channel": "hotline",
         "direction": "inbound"} | more
        for n in range(number)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def _stage(warehouse: Warehouse, table: str, rows: pa.Table | pd.DataFrame) -> LoadReport:
    with Load(warehouse, description="test", synthetic=True) as load:
        load.feed("hotline", "热线", "hotline", datetime(2026, 3, 10), {"topic"})
        load.stage(table, rows)
        return load.publish()


@pytest.mark.parametrize(
    ("name", "rows", "kind", "said"),
    [
        ("interactions", [{"source": "x"}], UnknownName, "interaction"),
        ("interaction", [{"sauce": "x"}], UnknownName, "source"),
        ("load_batch", [{"load_id": 1}], UnknownName, "load_batch"),
        ("interaction", [{"is_tail": True}], LoadError, "is_tail"),
        ("interaction", [{"source": "hotline", "channel": "hotline"}], LoadError, "interaction_id"),
        ("topic", [{"topic": "t", "name_zh": "t", "name_en": "t"}], LoadError, "referable"),
        ("customer", [{"customer_key": "one", "opened_on": date(2020, 1, 1)}], LoadError, "one"),
        ("customer", [{"customer_key": 1.5, "opened_on": date(2020, 1, 1)}], LoadError, "1.5"),
        (
            "customer",
            [{"customer_key": 1, "opened_on": date(2020, 1, d)} for d in (1, 2)],
            LoadError,
            "customer_key 1",
        ),
        (
            "customer_tier",
            [{"customer_key": 1, "valid_from": date(2020, 1, d), "tier": 1} for d in (1, 2)],
            LoadError,
            "valid_to",
        ),
        ("handling_leg", [{"source": "hotline", "interaction_id": "gone", "seq": 1}], LoadError, "hotline, gone"),
        (
            "complaint",
            [{"source": "elsewhere", "complaint_id": "c", "opened_on": date(2026, 3, 1), "due_on": date(2026, 4, 1)}],
            LoadError,
            "elsewhere",
        ),
    ],
)
def test_what_cannot_be_loaded_is_named(
    quick: Warehouse, name: str, rows: list[dict[str, object]], kind: type[KpiError], said: str
) -> None:
    with pytest.raises(kind) as refused:
        _stage(quick, name, pa.Table.from_pylist(rows))
    for language in ("zh", "en"):
        assert said in refused.value.message(language)  # type: ignore[arg-type]
    assert table(quick, "SELECT count(*) FROM load_batch") == [(0,)]


def test_ended_before_started_is_named(warehouse: Warehouse) -> None:
    with pytest.raises(LoadError, match=r"ended_at < started_at.*interaction_id i0"):
        _stage(warehouse, "interaction", _contacts(1, ended_at=datetime(2026, 3, 1)))


def test_frames_with_missing_values_are_taken(quick: Warehouse) -> None:
    frame = _contacts(3).to_pandas()
    frame["customer_key"] = [1, None, 3]
    assert counts(_stage(quick, "interaction", frame)) == (3, 3, 0, 0, 0, 0)
    assert table(quick, "SELECT customer_key FROM interaction ORDER BY 1 NULLS LAST") == [(1,), (3,), (None,)]


def test_child_may_come_after_its_interaction(warehouse: Warehouse) -> None:
    world = a_world()
    world.publish(warehouse, NIGHT)
    world.add("handling_leg", source="hotline", interaction_id="a", seq=2, team="desk", talk_seconds=5)
    world.add("function_use", source="wechat", interaction_id="b", function="balance", started=2, completed=1, failed=0)
    report = world.publish(warehouse, NIGHT)
    assert isinstance(report, LoadReport)
    assert report.tables == {"handling_leg": Counts(1, 0, 0), "function_use": Counts(0, 1, 0)}
    assert table(warehouse, "SELECT seq, business_date FROM handling_leg ORDER BY 1") == [
        (1, date(2026, 3, 2)),
        (2, date(2026, 3, 2)),
    ]
    assert table(warehouse, "SELECT sum(function_started) FROM daily_function") == [(2,)]


def test_complaint_needs_no_interaction(warehouse: Warehouse) -> None:
    world = World()
    world.add("complaint", source="hotline", complaint_id="c", opened_on="2026-03-01", due_on="2026-03-16")
    world.publish(warehouse, NIGHT)
    assert table(warehouse, "SELECT business_date, week FROM calendar ORDER BY 1") == [
        (date(2026, 3, 1), date(2026, 2, 23)),
        (date(2026, 3, 16), date(2026, 3, 16)),
    ]


def test_synthetic_and_real_do_not_mix(quick: Warehouse) -> None:
    a_world().publish(quick, NIGHT, synthetic=True)
    with pytest.raises(MixedData):
        World().publish(quick, NIGHT, synthetic=False)
    with Load(quick, description="by name", synthetic=False, allow_mixed=True) as load:
        load.publish()
    assert quick.published().synthetic


def test_real_takes_no_synthetic(warehouse: Warehouse) -> None:
    World().publish(warehouse, NIGHT, synthetic=False)
    assert not warehouse.published().synthetic
    with pytest.raises(MixedData):
        a_world().publish(warehouse, NIGHT, synthetic=True)


def test_data_have_a_last_day_where_nothing_follows_the_last_load(quick: Warehouse) -> None:
    a_world().publish(quick, NIGHT)
    assert quick.published().last_day is None
    with Load(quick, description="the last one", synthetic=True, ends=True) as load:
        load.publish()
    assert quick.published().last_day == quick.published().today
    # A change of rules brings no data; another load does.
    with Load(quick, description="rules", synthetic=None) as load:
        load.publish()
    assert quick.published().last_day is not None
    with Load(quick, description="and yet one", synthetic=True) as load:
        load.publish()
    assert quick.published().last_day is None


def test_empty_warehouse_adopts_the_zone_of_its_first_load(warehouse: Warehouse) -> None:
    World("Asia/Jerusalem").publish(warehouse, NIGHT)
    World("America/New_York").publish(warehouse, NIGHT)
    assert warehouse.published().zone == ZoneInfo("Asia/Jerusalem")


def test_watermark_never_moves_back_and_carries_grow(warehouse: Warehouse) -> None:
    for moment, carries in ((datetime(2026, 3, 10), {"topic"}), (datetime(2026, 3, 9), {"complaint"})):
        with Load(warehouse, description="feed", synthetic=True) as load:
            load.feed("hotline", "热线", "hotline", moment, carries)
            load.publish()
    feed = warehouse.published().feeds["hotline"]
    assert (feed.watermark, feed.carries) == (datetime(2026, 3, 10), {"topic", "complaint"})


def test_leaving_without_publishing_discards(warehouse: Warehouse) -> None:
    with Load(warehouse, description="no", synthetic=True) as load:
        load.stage("interaction", _contacts(2))
    assert table(warehouse, "SELECT count(*) FROM interaction") == [(0,)]
    with pytest.raises(LoadError):
        load.publish()


def test_load_that_fails_at_its_end_changes_nothing(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    world = a_world()
    world.publish(warehouse, NIGHT)
    before, version = state(warehouse), warehouse.published().version

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("kpi.warehouse.rollup.rebuild", full)
    world.contact("call", "2026-03-04 10:00", customer_key=1, topic="card")
    with pytest.raises(OSError, match="disk full"):
        world.publish(warehouse, NIGHT)
    monkeypatch.undo()
    assert state(warehouse) == before
    assert warehouse.published().version == version
    world.contact("call", "2026-03-04 10:00", customer_key=1, topic="card")
    assert counts(world.publish(warehouse, NIGHT)) == (1, 1, 0, 0, 0, 0)


def test_trap_a_load_that_would_leave_a_key_twice_is_undone(quick: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check after the load, with the one in staging switched off."""
    a_world().publish(quick, NIGHT)
    before, version = state(quick), quick.published().version
    monkeypatch.setattr("kpi.warehouse.staging.all_differ", lambda *_: True)
    world = World()
    for talked in (1, 2):
        world.contact("call", "2026-03-02 11:00", interaction_id="twice", talk_seconds=talked)
    with pytest.raises(LoadError) as refused:
        world.publish(quick, NIGHT)
    assert "1 interactions were not unique" in refused.value.message("en")
    assert "hotline, twice" in refused.value.message("en")
    assert state(quick) == before
    assert quick.published().version == version
    assert table(quick, "SELECT load_id FROM load_batch") == [(1,)]


def test_trap_of_two_writers_at_once_the_second_is_told_and_loads_later(quick: Warehouse) -> None:
    hasty = Warehouse(quick.url, replace(quick.settings, load_wait=0))
    world = World()
    world.contact("call", "2026-03-02 10:00", interaction_id="a")
    rows = world.rows
    with quick.write_lock(), pytest.raises(WarehouseBusy) as refused:
        world.publish(hasty, NIGHT)
    assert "Another process is loading; waited 0 s" in refused.value.message("en")
    assert str(quick.writer_lock) in refused.value.message("zh")
    assert table(hasty, "SELECT count(*) FROM load_batch") == [(0,)]
    world.rows = rows
    assert counts(world.publish(hasty, NIGHT)) == (1, 1, 0, 0, 0, 0)
    hasty.close()


def test_roll_ups_of_days_that_no_row_touched_are_left_alone(quick: Warehouse) -> None:
    """Days are marked by a wrong number: it stays, but on days that a load changed."""

    def marked() -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        for name in ("daily", "daily_topic"):
            for day, contacts in table(quick, f"SELECT business_date, contacts FROM {name}"):
                found.setdefault(day.day, set()).add(contacts)
        return found

    def contact(id_: str, day: int) -> None:
        world.contact("call", f"2026-03-{day:02} 10:00", interaction_id=id_)

    world = World()
    for day in range(1, 6):
        contact(f"of {day}", day)
    world.publish(quick, NIGHT)
    with quick.write() as connection:
        for name in ("daily", "daily_topic"):
            connection.exec_driver_sql(f"UPDATE {name} SET contacts = 99")
    contact("late", 2)
    contact("of 4", 5)  # was on the 4th, where nothing is left then
    world.publish(quick, NIGHT)
    assert marked() == {1: {99}, 2: {2}, 3: {99}, 5: {2}}


def test_every_load_makes_a_version(warehouse: Warehouse) -> None:
    versions = []
    for _ in range(2):
        World().publish(warehouse, NIGHT)
        versions.append(warehouse.published().version)
    assert versions[0] < versions[1]
