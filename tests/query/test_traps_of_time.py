"""Traps of clocks, late data, windows and comparisons, each with the facts it takes to fall into it."""

from datetime import date, datetime

import pytest

from kpi.query import Period, answer, last_mature
from tests.query.ask import asked, cell, parts, question, values
from tests.query.traps import New, world


def test_trap_midnight(new_warehouse: New) -> None:
    """A contact belongs to the local day and hour on which it began, though the day is another one in UTC."""
    facts, warehouse = world(1), new_warehouse()
    facts.contact("self", "2026-03-02 23:58", customer_key=1, topic="balance", minutes=10)
    facts.contact("self", "2026-03-03 00:30", customer_key=1, topic="balance")
    facts.publish(warehouse, "2026-03-20 00:00")
    days = "2026-03-02/2026-03-03"
    assert values(warehouse, "volume", days, "date") == {date(2026, 3, 2): 1, date(2026, 3, 3): 1}
    assert values(warehouse, "volume", days, "hour") == {23: 1, 0: 1}
    assert parts(warehouse, "false_containment_rate", "2026-03-02") == (1, 1)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"])
def test_trap_half_hours_of_a_zone_that_is_no_whole_hours_off(new_warehouse: New, zone: str) -> None:
    """8, 5½, 5¾ and −3½ hours: a half hour is the business zone's, by the wall clock, in summer and in winter."""
    facts, warehouse = world(zone=zone), new_warehouse(zone)
    for day in ("2026-01-12", "2026-07-13"):
        for at in ("00:00", "00:29", "00:30", "09:44", "09:45", "23:30", "23:59"):
            facts.contact("call", f"{day} {at}")
    facts.publish(warehouse, "2026-08-01 00:00")
    for day in ("2026-01-12", "2026-07-13"):
        assert values(warehouse, "volume", day, "half_hour") == {0: 2, 1: 1, 19: 2, 47: 2}
        assert values(warehouse, "answer_rate", day, "half_hour") == {0: 1, 1: 1, 19: 1, 47: 1}


def test_half_hours_are_a_filter_too(new_warehouse: New) -> None:
    facts, warehouse = world(zone="Asia/Kathmandu"), new_warehouse("Asia/Kathmandu")
    for at in ("09:29", "09:30", "09:59", "10:00"):
        facts.contact("call", f"2026-03-02 {at}")
    facts.publish(warehouse, "2026-03-20 00:00")
    assert cell(warehouse, "volume", "2026-03-02", half_hour=19).value == 2


def test_trap_hour_that_comes_twice(new_warehouse: New) -> None:
    """New York, 1 November 2026: 1:30 comes twice. Both are that day's hour 1, and the day has 25 hours."""
    facts, warehouse = world(zone="America/New_York"), new_warehouse("America/New_York")
    for fold in (0, 1):
        facts.contact("self", facts.utc("2026-11-01 01:30", fold))
    for at in ("2026-10-31 23:59", "2026-11-01 00:00", "2026-11-01 23:59", "2026-11-02 00:00"):
        facts.contact("self", at)
    facts.publish(warehouse, "2026-12-01 00:00")
    assert values(warehouse, "volume", "2026-11-01", "hour") == {0: 1, 1: 2, 23: 1}
    assert values(warehouse, "volume", "2026-10-31/2026-11-02", "date") == {
        date(2026, 10, 31): 1, date(2026, 11, 1): 4, date(2026, 11, 2): 1,
    }  # fmt: skip


def test_trap_hour_that_is_skipped(new_warehouse: New) -> None:
    """Jerusalem, 27 March 2026: 2:00 becomes 3:00. A day's edge moves from 22:00 to 21:00 UTC."""
    facts, warehouse = world(zone="Asia/Jerusalem"), new_warehouse("Asia/Jerusalem")
    for moment in ((26, 21, 59), (26, 22, 0), (27, 0, 30), (27, 20, 59), (27, 21, 0)):
        facts.contact("self", datetime(2026, 3, *moment))
    facts.publish(warehouse, "2026-05-01 00:00")
    assert values(warehouse, "volume", "2026-03-26/2026-03-28", "date") == {
        date(2026, 3, 26): 1, date(2026, 3, 27): 3, date(2026, 3, 28): 1,
    }  # fmt: skip
    assert values(warehouse, "volume", "2026-03-27", "hour") == {0: 1, 3: 1, 23: 1}


@pytest.mark.parametrize(
    ("first", "back", "returned"),
    [
        # summer time begins on 8 March: by the clock 7 days and 20 minutes, in truth an hour less
        ("2026-03-05 12:00", "2026-03-12 12:25", True),
        ("2026-03-05 12:00", "2026-03-12 13:10", False),
        # it ends on 1 November: by the clock 40 minutes short of 7 days, in truth 20 minutes more
        ("2026-10-29 12:00", "2026-11-05 11:25", False),
        ("2026-10-29 12:00", "2026-11-05 11:00", True),
    ],
)
def test_trap_seven_days_across_a_change_of_the_clocks(
    new_warehouse: New, first: str, back: str, returned: bool
) -> None:
    facts, warehouse = world(1, zone="America/New_York"), new_warehouse("America/New_York")
    facts.contact("self", "2026-01-01 12:00")
    facts.contact("self", first, customer_key=1, topic="balance", minutes=5)
    facts.contact("call", back, customer_key=1, topic="balance")
    facts.publish(warehouse, "2026-12-01 00:00")
    assert parts(warehouse, "false_containment_rate", first[:10]) == (int(returned), 1)
    assert parts(warehouse, "repeat_rate", back[:10]) == (int(returned), 1)


def test_trap_repeat_contact_on_another_channel(new_warehouse: New) -> None:
    """Customer 1 comes back by phone on the same topic, 2 on another topic, 3 by a push that the bank sent."""
    facts, warehouse = world(1, 2, 3), new_warehouse()
    facts.contact("self", "2026-03-01 10:00")
    for key in (1, 2, 3):
        facts.contact("self", "2026-03-10 10:00", customer_key=key, topic="balance")
    facts.contact("call", "2026-03-12 10:00", customer_key=1, topic="balance")
    facts.contact("call", "2026-03-12 10:00", customer_key=2, topic="card")
    facts.contact("push", "2026-03-12 10:00", customer_key=3, topic="balance")
    facts.publish(warehouse, "2026-04-01 00:00")
    assert parts(warehouse, "durable_self_service_rate", "2026-03-10") == (2, 3)
    assert parts(warehouse, "fcr", "2026-03-10") == (2, 3)
    assert parts(warehouse, "repeat_rate", "2026-03-12") == (1, 2)
    assert parts(warehouse, "multi_channel_share", "2026-03-12") == (1, 2)
    # The window is taken before any filter: the first contact's channel does not hide the return on another.
    assert parts(warehouse, "durable_self_service_rate", "2026-03-10", channel="wechat") == (2, 3)
    assert parts(warehouse, "repeat_rate", "2026-03-12", channel="hotline") == (1, 2)
    # 24 h after it nobody was back.
    assert parts(warehouse, "durable_self_service_rate_24h", "2026-03-10") == (3, 3)


def test_trap_return_is_counted_from_the_end_and_within_seven_days_inclusive(new_warehouse: New) -> None:
    """Ended 10:05: back at the very second of the end is no return, after 7 days to the second is, one more is not."""
    facts, warehouse = world(1, 2, 3), new_warehouse()
    back = {1: "2026-03-10 10:05:00", 2: "2026-03-17 10:05:00", 3: "2026-03-17 10:05:01"}
    for key, at in back.items():
        facts.contact("self", "2026-03-10 10:00", customer_key=key, topic="balance")
        facts.contact("call", at, customer_key=key, topic="balance")
    facts.publish(warehouse, "2026-04-01 00:00")
    assert parts(warehouse, "false_containment_rate", "2026-03-10") == (1, 3)


def test_trap_late_rows_change_what_was_published(new_warehouse: New) -> None:
    facts, warehouse = world(1), new_warehouse()
    facts.contact("self", "2026-02-01 10:00")
    facts.contact("self", "2026-03-02 10:00", customer_key=1, topic="balance")
    facts.contact("self", "2026-03-09 11:00", customer_key=1, topic="balance")
    facts.publish(warehouse, "2026-03-20 00:00")
    before = answer(warehouse, question("durable_self_service_rate fcr volume", "2026-03-02"))
    assert [c.value for c in before.cells] == [1, 1, 1]
    assert parts(warehouse, "repeat_rate", "2026-03-09") == (0, 1)
    # A call of 5 March arrives two weeks late.
    facts.contact("call", "2026-03-05 10:00", customer_key=1, topic="balance")
    facts.publish(warehouse, "2026-03-20 00:00")
    after = asked(warehouse, "durable_self_service_rate fcr volume", "2026-03-02")
    assert [c.value for c in after.cells] == [0, 0, 1]
    assert after.version > before.version
    assert parts(warehouse, "repeat_rate", "2026-03-05/2026-03-09") == (2, 2)
    assert cell(warehouse, "volume", "2026-03-02/2026-03-09").value == 3


def test_trap_corrected_row_is_not_a_second_contact(new_warehouse: New) -> None:
    facts, warehouse = world(1), new_warehouse()
    facts.contact("self", "2026-03-02 10:00", customer_key=1, topic="balance", interaction_id="x")
    facts.contact("call", "2026-03-03 10:00", customer_key=1, topic="balance", interaction_id="y")
    facts.publish(warehouse, "2026-03-20 00:00")
    assert parts(warehouse, "durable_self_service_rate", "2026-03-02") == (0, 1)
    # The call was about something else, and a day later.
    facts.contact("call", "2026-03-04 10:00", customer_key=1, topic="card", interaction_id="y")
    facts.publish(warehouse, "2026-03-20 00:00")
    assert values(warehouse, "volume", "2026-03-02/2026-03-05", "date") == {date(2026, 3, 2): 1, date(2026, 3, 4): 1}
    assert parts(warehouse, "durable_self_service_rate", "2026-03-02") == (1, 1)


def test_trap_older_history_makes_the_look_back_known(new_warehouse: New) -> None:
    """The first seven days cannot know who came before; when older data are loaded later, they can."""
    facts, warehouse = world(1), new_warehouse()
    facts.contact("call", "2026-03-02 10:00", customer_key=1, topic="balance")
    facts.contact("call", "2026-03-05 10:00", customer_key=1, topic="balance")
    facts.contact("call", "2026-03-11 10:00", customer_key=1, topic="balance")
    facts.publish(warehouse, "2026-04-01 00:00")
    assert cell(warehouse, "repeat_rate", "2026-03-02/2026-03-08").reason == "immature"
    assert parts(warehouse, "repeat_rate", "2026-03-02/2026-03-11") == (1, 1)
    facts.contact("call", "2026-02-20 10:00")
    facts.publish(warehouse, "2026-04-01 00:00")
    assert parts(warehouse, "repeat_rate", "2026-03-02/2026-03-08") == (1, 2)
    assert parts(warehouse, "repeat_rate", "2026-03-02/2026-03-11") == (2, 3)


def test_trap_contacts_that_cannot_be_judged_yet(new_warehouse: New) -> None:
    """The slowest feed decides; a period without a mature contact shows the last mature one, by its dates."""
    facts, warehouse = world(1), new_warehouse()
    for day in range(1, 18):
        facts.contact("self", f"2026-03-{day:02} 10:00", customer_key=1, topic="balance" if day % 2 else "card")
    marks = dict.fromkeys(facts.channels, "2026-03-18 00:00")
    facts.publish(warehouse, marks | {"sms": "2026-03-17 12:00"})
    # Mature: ended before 10 March 12:00.
    assert parts(warehouse, "fcr", "2026-03-09/2026-03-12")[1] == 2
    assert cell(warehouse, "fcr", "2026-03-09/2026-03-12").provisional
    wanted = question("fcr", "2026-03-14/2026-03-17")
    assert answer(warehouse, wanted).cell("fcr").reason == "immature"
    moved = last_mature(warehouse, wanted)
    assert moved is not None
    assert (moved.period.start, moved.period.end) == (date(2026, 3, 6), date(2026, 3, 9))
    assert answer(warehouse, moved).cell("fcr").n == 4
    # When the feed catches up, a day that was too young is judged, though none of its rows came again.
    facts.publish(warehouse, "2026-03-25 00:00")
    assert parts(warehouse, "fcr", "2026-03-14/2026-03-17")[1] == 4


def test_trap_day_of_which_the_watermarks_hour_is_not_reached(new_warehouse: New) -> None:
    """Seven days after it the watermark stands at noon, and the day's only contact came in the afternoon."""
    facts, warehouse = world(1), new_warehouse()
    facts.contact("self", "2026-03-02 15:00", customer_key=1, topic="balance")
    facts.publish(warehouse, "2026-03-09 12:00")
    assert cell(warehouse, "fcr", "2026-03-02").reason == "immature"


def test_trap_half_a_day_compared_with_a_whole_one(new_warehouse: New) -> None:
    """The running day is compared up to the hour, and each feed up to its own."""
    facts, warehouse = world(), new_warehouse()
    for day in (9, 10):
        for hour in (8, 10, 13):
            if day == 9 or hour < 12:
                facts.contact("call", f"2026-03-{day:02} {hour:02}:00")
            if day == 9 or hour < 9:
                facts.contact("self", f"2026-03-{day:02} {hour:02}:00", channel="sms")
    marks = dict.fromkeys(facts.channels, "2026-03-10 12:00")
    facts.publish(warehouse, marks | {"sms": "2026-03-10 09:00"})
    found = asked(warehouse, "volume", "2026-03-10", compare="previous")
    assert (found.cell("volume").value, found.cell("volume").previous) == (3, 3)  # not 6
    cut = {one.source: one.moment for one in found.cuts}
    assert cut["hotline"] == facts.utc("2026-03-09 12:00")
    assert cut["sms"] == facts.utc("2026-03-09 09:00")
    assert found.cell("volume").provisional
    # By channel each has its own cut.
    by_channel = asked(warehouse, "volume", "2026-03-10", "channel", compare="previous")
    assert {c.key[0]: c.previous for c in by_channel.cells} == {"hotline": 2, "sms": 1}
    # A period that runs on is cut to the running day, and compared with as many days.
    week = asked(warehouse, "volume", "2026-03-09/2026-03-15", compare="previous")
    assert (week.period.end, week.period.days) == (date(2026, 3, 10), 2)
    assert cell(warehouse, "volume", "2026-03-09", channel="hotline").provisional is False


def test_trap_year_compared_by_the_same_date(new_warehouse: New) -> None:
    """A Monday is compared with a Monday; the days of Spring Festival with those of the year before."""
    facts, warehouse = world(), new_warehouse()
    facts.contact("call", "2025-01-02 10:00")
    for at, times in (("2025-03-03 10:00", 2), ("2025-03-02 10:00", 7), ("2026-03-02 10:00", 3)):
        for _ in range(times):
            facts.contact("call", at)
    facts.contact("call", "2026-02-16 10:00")
    facts.publish(warehouse, "2026-03-20 00:00")
    found = asked(warehouse, "volume", "2026-03-09", compare="year")
    assert (found.compared, found.aligned_by) == (question("volume", "2025-03-10").period, "weekday")
    found = asked(warehouse, "volume", "2026-05-04", compare="year")
    assert found.compared is not None
    assert found.compared.start.isoweekday() == 1
    assert asked(warehouse, "volume", "2026-04-06", compare="year").compared == question("volume", "2025-04-07").period
    with warehouse.read() as connection:
        first = {
            year: connection.exec_driver_sql(
                "SELECT min(business_date) FROM calendar "
                f"WHERE holiday = 'spring_festival' AND year(business_date) = {year}"
            ).scalar_one()
            for year in (2025, 2026)
        }
    festival = asked(warehouse, "volume", f"{first[2026]}/2026-02-20", compare="year")
    assert festival.aligned_by == "spring_festival"
    assert festival.compared is not None
    assert festival.compared.start == first[2025]
    assert festival.compared.days == festival.period.days


def test_trap_a_longer_comparison_day_by_day(new_warehouse: New) -> None:
    """Two days against three of one's own: all three count in the whole, the third stands beside no day."""
    facts, warehouse = world(), new_warehouse()
    for day, times in (("01", 1), ("02", 2), ("03", 4), ("09", 8), ("10", 16)):
        for _ in range(times):
            facts.contact("call", f"2026-03-{day} 10:00")
    facts.publish(warehouse, "2026-03-20 00:00")
    compare = Period(date(2026, 3, 1), date(2026, 3, 3))
    found = asked(warehouse, "volume", "2026-03-09/2026-03-10", compare=compare)
    assert (found.compared, found.aligned_by) == (compare, "dates")
    assert (found.cell("volume").value, found.cell("volume").previous) == (24, 7)
    by_date = asked(warehouse, "volume", "2026-03-09/2026-03-10", "date", compare=compare)
    assert {one.key[0]: (one.value, one.previous) for one in by_date.cells} == {
        date(2026, 3, 9): (8, 1), date(2026, 3, 10): (16, 2),
    }  # fmt: skip
    # It may lie after the period, or over it; of days that are still to come nothing is known.
    assert cell(warehouse, "volume", "2026-03-01/2026-03-02", compare=found.period).previous == 24
    assert cell(warehouse, "volume", "2026-03-01/2026-03-02", compare=compare).previous == 7
    later = Period(date(2026, 4, 1), date(2026, 4, 2))
    assert cell(warehouse, "volume", "2026-03-09", compare=later).previous is None


def test_trap_a_running_month_against_the_whole_of_another(new_warehouse: New) -> None:
    """Until the tenth at noon, against as much of the other month."""
    facts, warehouse = world(), new_warehouse()
    for month in ("02", "03"):
        for at in ("01 10:00", "10 08:00", "10 13:00", "20 10:00"):
            if month == "02" or at < "10 12":
                facts.contact("call", f"2026-{month}-{at}")
    facts.publish(warehouse, "2026-03-10 12:00")
    february = Period(date(2026, 2, 1), date(2026, 2, 28))
    found = asked(warehouse, "volume", "2026-03-01/2026-03-31", compare=february)
    assert found.compared == Period(date(2026, 2, 1), date(2026, 2, 10))
    assert (found.cell("volume").value, found.cell("volume").previous) == (2, 2)


def test_trap_comparison_before_the_data_began(new_warehouse: New) -> None:
    facts, warehouse = world(), new_warehouse()
    facts.contact("call", "2026-03-02 10:00")
    facts.publish(warehouse, "2026-03-20 00:00")
    found = cell(warehouse, "volume", "2026-03-02", compare="previous")
    assert (found.value, found.previous, found.change) == (1, None, None)
