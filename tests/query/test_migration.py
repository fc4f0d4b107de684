"""Who came by which channel before, and by which now: worked out by hand, and by SQL written for the test."""

from collections.abc import Callable
from datetime import date

import pytest
import sqlalchemy as sa

from kpi.query import Filter, Period, Question, Scope
from kpi.query.migration import Migration, migration_on
from kpi.warehouse import Warehouse
from tests.query.ask import cell, question
from tests.world import World

# The weeks 2 – 8 and 9 – 15 March 2026.
CONTACTS = (
    ("self", "03-02 09:00", 1), ("self", "03-03 09:00", 1), ("call", "03-04 09:00", 1), ("self", "03-10 09:00", 1),
    # once each: the channel that he used last
    ("call", "03-02 10:00", 2), ("chat", "03-02 11:00", 2), ("call", "03-11 10:00", 2),
    ("call", "03-03 10:00", 3),
    ("self", "03-12 10:00", 4),
    ("self", "03-04 10:00", 5), ("self", "03-13 10:00", 5), ("call", "03-14 10:00", 5), ("call", "03-15 10:00", 5),
    # hung up in the menu: not served
    ("menu", "03-05 10:00", 6), ("self", "03-15 11:00", 6),
    # nobody knows who
    ("call", "03-05 11:00", None), ("call", "03-12 11:00", None),
)  # fmt: skip
WEEK = "2026-03-09/2026-03-15"


def migration(warehouse: Warehouse, asked: Question) -> Migration:
    with warehouse.read() as connection:
        return migration_on(connection, warehouse.require_data(connection), asked)


INDEPENDENT = """
WITH contact AS (
  SELECT customer_key AS who, channel, started_at, CAST(started_at + INTERVAL 8 HOUR AS DATE) AS day FROM interaction
  WHERE direction = 'inbound' AND engaged AND customer_key IS NOT NULL),
counted AS (
  SELECT who, day >= DATE '2026-03-09' AS later, channel, count(*) AS times, max(started_at) AS last FROM contact
  WHERE day BETWEEN DATE '2026-03-02' AND DATE '2026-03-15' GROUP BY ALL),
main AS (
  SELECT who, later, arg_max(channel, (times, last)) AS channel FROM counted GROUP BY ALL)
SELECT coalesce(b.channel, 'absent'), coalesce(a.channel, 'absent'), count(*)
FROM (FROM main WHERE NOT later) b FULL JOIN (FROM main WHERE later) a USING (who) GROUP BY ALL
"""


@pytest.fixture
def bank(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    warehouse = new_warehouse()
    world = World()
    for key in range(1, 7):
        world.customer(key, tier=1 + key % 2)
    world.topic("balance")
    world.contact("call", "2026-02-20 09:00")  # so that the data reach back
    for kind, at, who in CONTACTS:
        world.contact(kind, f"2026-{at}", customer_key=who, topic="balance")
    world.publish(warehouse, "2026-03-20 12:00")
    return warehouse


def counts(found: Migration) -> dict[tuple[str, str], int | None]:
    return {(move.before, move.after): move.customers for move in found.moves}


def test_every_customer_is_counted_once_under_his_main_channels(bank: Warehouse) -> None:
    found = migration(bank, question("volume", WEEK, compare="previous"))
    assert found.compared == Period(date(2026, 3, 2), date(2026, 3, 8))
    assert counts(found) == {
        ("wechat", "wechat"): 1,
        ("wechat", "hotline"): 1,
        ("chat", "hotline"): 1,
        ("hotline", "absent"): 1,
        ("absent", "wechat"): 2,
    }
    with bank.read() as connection:
        independent = {(row[0], row[1]): row[2] for row in connection.execute(sa.text(INDEPENDENT))}
    assert counts(found) == independent
    shares = {(move.before, move.after): move.share for move in found.moves}
    assert shares["wechat", "hotline"] == 0.5
    assert shares["hotline", "absent"] == 1
    assert list(found.frame().columns) == ["before", "after", "customers", "share"]


def test_rows_and_columns_add_up_to_the_customers_served(bank: Warehouse) -> None:
    found = counts(migration(bank, question("volume", WEEK, compare="previous")))
    before = sum(count or 0 for (channel, _), count in found.items() if channel != "absent")
    after = sum(count or 0 for (_, channel), count in found.items() if channel != "absent")
    assert before == cell(bank, "customers_served", "2026-03-02/2026-03-08").value == 4
    assert after == cell(bank, "customers_served", WEEK).value == 5


def test_a_filter_of_the_customer_holds_and_one_of_the_channel_does_not(bank: Warehouse) -> None:
    wanted = question("volume", WEEK, compare="previous", tier=2, channel="wechat")
    # customers 1, 3 and 5 are 2★
    assert counts(migration(bank, wanted)) == {
        ("wechat", "wechat"): 1,
        ("wechat", "hotline"): 1,
        ("hotline", "absent"): 1,
    }


def test_trap_what_the_viewer_may_not_see_is_never_lifted(bank: Warehouse) -> None:
    only = Scope(filters=(Filter("channel", ("hotline",)),))
    found = counts(migration(bank, question("volume", WEEK, compare="previous", scope=only)))
    assert found == {("hotline", "absent"): 2, ("hotline", "hotline"): 1, ("absent", "hotline"): 1}


def test_trap_small_cells_of_customers_are_hidden(bank: Warehouse) -> None:
    wanted = question("volume", WEEK, compare="previous", scope=Scope(see_interactions=False), tier=2)
    assert set(counts(migration(bank, wanted)).values()) == {None}


def test_without_a_comparison_there_is_no_migration(bank: Warehouse) -> None:
    assert migration(bank, question("volume", WEEK)).moves == ()
    early = migration(bank, question("volume", "2026-02-20/2026-03-08", compare="previous"))
    assert early.moves == ()


def test_trap_a_running_day_is_compared_up_to_the_same_hour(bank: Warehouse) -> None:
    world = World()
    world.customer(8)
    world.customer(9)
    world.contact("call", "2026-03-21 10:00", interaction_id="x1", customer_key=8)
    world.contact("call", "2026-03-21 18:00", interaction_id="x2", customer_key=9)
    world.contact("chat", "2026-03-22 10:00", interaction_id="x3", customer_key=8)
    world.publish(bank, "2026-03-22 12:00")
    found = migration(bank, Question(("volume",), Period(date(2026, 3, 22), date(2026, 3, 25)), compare="previous"))
    assert counts(found) == {("hotline", "chat"): 1}
