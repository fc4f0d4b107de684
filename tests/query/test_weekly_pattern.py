"""The usual week: totals by weekday and hour over the number of such days."""

from collections.abc import Callable
from datetime import date

from kpi.query import Period
from kpi.query.weekly_pattern import usual_week, whole_days
from kpi.warehouse import Warehouse
from tests.query.ask import asked
from tests.world import World


def test_a_total_is_divided_by_the_days_of_that_weekday(new_warehouse: Callable[..., Warehouse]) -> None:
    warehouse, world = new_warehouse(), World()
    # Monday 2 March and Monday 9 March at ten: 1 + 2; Tuesday 3 March at nine: 1
    for at in ("03-02 10:05", "03-09 10:10", "03-09 10:50", "03-03 09:00"):
        world.contact("call", f"2026-{at}")
    world.publish(warehouse, "2026-03-20 12:00")
    found = asked(warehouse, "volume", "2026-03-02/2026-03-09", "weekday", "hour")
    week = usual_week(found, "volume")
    assert len(week) == 7 * 24
    cells = {(row["weekday"], row["hour"]): (row["total"], row["days"], row["value"]) for _, row in week.iterrows()}
    assert cells[1, 10] == (3, 2, 1.5)
    assert cells[2, 9] == (1, 1, 1)
    assert cells[2, 10] == (0, 1, 0)
    turned = asked(warehouse, "volume", "2026-03-02/2026-03-09", "hour", "weekday")
    assert usual_week(turned, "volume").equals(week)
    one_day = usual_week(asked(warehouse, "volume", "2026-03-02", "weekday", "hour"), "volume")
    assert one_day["value"].notna().sum() == 24  # of the other weekdays there was none


def test_the_running_day_is_left_out_unless_it_is_all_there_is() -> None:
    today = date(2026, 3, 20)
    assert whole_days(Period(date(2026, 3, 14), today), today).end == date(2026, 3, 19)
    assert whole_days(Period(date(2026, 3, 1), date(2026, 3, 9)), today).end == date(2026, 3, 9)
    assert whole_days(Period(today, today), today) == Period(today, today)
