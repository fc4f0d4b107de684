"""Traps in what counts and for whom, each with the facts it takes to fall into it."""

from datetime import UTC, date, datetime

from tests.query.ask import asked, cell, parts, values
from tests.query.traps import New, world
from tests.world import EVERYTHING, World


def test_trap_zero_denominator_is_no_zero(new_warehouse: New) -> None:
    facts, warehouse = world(), new_warehouse()
    facts.contact("chat", "2026-03-02 10:00", csat_asked=True, csat_score=-1)
    facts.contact("chat", "2026-03-03 10:00", csat_asked=True, csat_score=4)
    facts.publish(warehouse, "2026-03-20 00:00")
    found = cell(warehouse, "csat", "2026-03-02", compare="previous")
    assert (found.value, found.reason, found.n) == (None, "zero_denominator", 0)
    after = cell(warehouse, "csat", "2026-03-03", compare="previous")
    assert (after.value, after.previous, after.change) == (1.0, None, None)


def test_trap_a_breakdown_without_any_part_says_why(new_warehouse: New) -> None:
    """By whatever it is taken apart, a KPI that has no part has one cell with its reason, whose key is unknown."""
    facts, warehouse = world(1), new_warehouse()
    facts.carries["hotline"] = EVERYTHING - {"csat_score"}
    facts.contact("call", "2026-03-02 10:00", customer_key=1, topic="balance")
    facts.publish(warehouse, "2026-03-20 00:00")
    for by in (("channel",), ("date",), ("tier", "half_hour")):
        (found,) = asked(warehouse, "csat", "2026-03-02", *by, channel="hotline").cells
        assert (found.key, found.value, found.reason) == ((None,) * len(by), None, "not_recorded")
    beside = asked(warehouse, "nps csat", "2026-03-02", "channel", channel="hotline").cells
    assert {one.kpi: (one.key, one.reason) for one in beside} == {
        "nps": (("hotline",), "zero_denominator"),
        "csat": (("hotline",), "not_recorded"),
    }


def test_trap_no_wechat_at_all_is_no_multiple_of_nought(new_warehouse: New) -> None:
    facts, warehouse = World(channels=("hotline",)), new_warehouse()
    facts.contact("call", "2026-03-02 10:00")
    facts.publish(warehouse, "2026-03-20 00:00")
    found = cell(warehouse, "wechat_phone_multiple", "2026-03-02")
    assert (found.value, found.reason) == (None, "not_recorded")


def test_trap_answered_without_a_queue(new_warehouse: New) -> None:
    """No wait is a wait of 0 s: it counts in the mean, is in time, and its percentile is no gap."""
    facts, warehouse = world(), new_warehouse()
    for wait in (None, 30):
        facts.contact("call", "2026-03-02 10:00", wait_seconds=wait, queued=wait is not None)
    facts.publish(warehouse, "2026-03-20 00:00")
    assert parts(warehouse, "asa", "2026-03-02") == (30, 2)
    assert parts(warehouse, "service_level", "2026-03-02") == (1, 2)
    assert cell(warehouse, "wait_p90", "2026-03-02").n == 2


def test_trap_give_up_counted_as_success(new_warehouse: New) -> None:
    facts, warehouse = world(), new_warehouse()
    facts.contact("self", "2026-03-02 10:00")
    facts.contact("call", "2026-03-02 10:00")
    for outcome in ("given_up", "unresolved", None):
        facts.contact("gave_up", "2026-03-02 10:00", outcome=outcome)
    facts.publish(warehouse, "2026-03-20 00:00")
    assert parts(warehouse, "self_service_rate", "2026-03-02") == (1, 2)
    assert parts(warehouse, "given_up_rate", "2026-03-02") == (3, 4)
    assert parts(warehouse, "containment_rate", "2026-03-02") == (4, 4)
    assert parts(warehouse, "bot_resolution_rate", "2026-03-02") == (1, 4)


def test_trap_escalation_that_nobody_answered_counted_as_contained(new_warehouse: New) -> None:
    facts, warehouse = world(), new_warehouse()
    for kind in ("escalated", "lost", "robot", "gave_up"):
        facts.contact(kind, "2026-03-02 10:00")
    facts.publish(warehouse, "2026-03-20 00:00")
    assert parts(warehouse, "escalation_rate", "2026-03-02") == (2, 4)
    assert parts(warehouse, "containment_rate", "2026-03-02") == (2, 4)
    assert parts(warehouse, "escalated_lost_rate", "2026-03-02") == (1, 4)
    assert parts(warehouse, "abandonment_rate", "2026-03-02") == (1, 2)


def test_trap_unidentified_customers_as_one_customer(new_warehouse: New) -> None:
    facts, warehouse = world(1), new_warehouse()
    facts.contact("self", "2026-03-02 10:00", customer_key=1, topic="balance")
    for hour in (10, 11, 12):
        facts.contact("self", f"2026-03-02 {hour}:00", topic="balance")
    facts.publish(warehouse, "2026-03-20 00:00")
    day = "2026-03-02"
    assert cell(warehouse, "volume", day).value == 4
    assert cell(warehouse, "customers_served", day).value == 1
    assert parts(warehouse, "contacts_per_customer", day) == (1, 1)
    assert parts(warehouse, "unlinked_share", day) == (3, 4)
    # They are not each other's repeats, nor back at each other's.
    assert parts(warehouse, "durable_self_service_rate", day) == (1, 1)
    assert parts(warehouse, "fcr", day) == (1, 1)


def test_trap_transfer_counted_as_several_contacts(new_warehouse: New) -> None:
    """Desk 100 s, then loans 150 s and 50 s: one contact, one transferred; each team has its own seconds."""
    facts, warehouse = world(), new_warehouse()
    call = facts.contact("call", "2026-03-02 10:00", transfers=2, talk_seconds=250, hold_seconds=30, wrap_seconds=20,
                         team="loans", agent_key="a3")  # fmt: skip
    for seq, (team, agent, talk, hold, wrap) in enumerate(
        (("desk", "a1", 90, 0, 10), ("loans", "a2", 120, 30, 0), ("loans", "a3", 40, 0, 10)), 1
    ):
        facts.add("handling_leg", source="hotline", interaction_id=call, seq=seq, team=team, agent_key=agent,
                  talk_seconds=talk, hold_seconds=hold, wrap_seconds=wrap)  # fmt: skip
    facts.publish(warehouse, "2026-03-20 00:00")
    assert cell(warehouse, "agent_volume", "2026-03-02").value == 1
    assert parts(warehouse, "transfer_rate", "2026-03-02") == (1, 1)
    assert parts(warehouse, "aht", "2026-03-02") == (300, 1)
    by_team = asked(warehouse, "aht", "2026-03-02", "team")
    assert {c.key[0]: (c.numerator, c.denominator) for c in by_team.cells} == {"desk": (100, 1), "loans": (200, 1)}
    assert parts(warehouse, "aht", "2026-03-02", team="loans") == (200, 1)


def _tail_world() -> World:
    """Customers 1–5, of whom 1 (February) or 2 (January) is the top 20 %."""
    facts = world()
    for key in range(1, 6):
        facts.customer(key, None)
        facts.add("customer_tier", customer_key=key, valid_from="2020-01-01", tier=2,
                  valid_to="2026-03-05" if key == 3 else None)  # fmt: skip
    facts.add("customer_tier", customer_key=3, valid_from="2026-03-05", tier=6)
    facts.months("2026-01-01", {1: 10, 2: 900, 3: 30, 4: 40, 5: 50})
    facts.months("2026-02-01", {1: 900, 2: 20, 3: 30, 4: 40, 5: 50})
    return facts


def test_trap_tier_changes_inside_the_period(new_warehouse: New) -> None:
    """Contacts count for the tier of their day, members of the base for that of the period's first day."""
    facts, warehouse = _tail_world(), new_warehouse()
    facts.contact("self", "2026-03-02 10:00", customer_key=3, topic="balance")
    facts.contact("self", "2026-03-06 10:00", customer_key=3, topic="balance")
    facts.publish(warehouse, "2026-03-20 00:00")
    week = "2026-03-02/2026-03-08"
    assert values(warehouse, "volume", week, "tier") == {2: 1, 6: 1}
    assert values(warehouse, "long_tail_coverage", week, "tier") == {2: 0.25}
    assert parts(warehouse, "long_tail_coverage", week, tier=2) == (1, 4)
    assert values(warehouse, "tier_upgrade_rate", week, "tier") == {2: 0.2}
    # Of the week after, he is a 6★ from the first day.
    assert parts(warehouse, "tail_base", "2026-03-06/2026-03-08", tier=6)[0] == 1


def test_trap_coverage_above_one_hundred_percent(new_warehouse: New) -> None:
    """Who joined or became tail later must not enter the numerator: only members of the base do."""
    facts, warehouse = _tail_world(), new_warehouse()
    for key in range(11, 20):
        facts.customer(key, opened="2026-02-26")
    # Tail on 23 February: 1 3 4 5. 2 becomes tail in March, 11–19 join on the 26th; all of them come.
    for key in (1, 3, 4, 5, 2, *range(11, 20)):
        facts.contact("self", "2026-03-02 10:00", customer_key=key, topic="balance")
    facts.publish(warehouse, "2026-03-20 00:00")
    month = "2026-02-23/2026-03-08"
    assert parts(warehouse, "long_tail_coverage", month) == (4, 4)
    assert values(warehouse, "long_tail_coverage", month, "through")[date(2026, 3, 1)] == 0
    assert (
        cell(warehouse, "tail_served_daily", month).value == 11
    )  # of the 14 open at the end of February the top ⌈2.8⌉ are 1, 5 and 4
    assert cell(warehouse, "tail_reach_frequency", month).value == 4


def test_coverage_of_an_empty_base_is_no_value_on_every_day(new_warehouse: New) -> None:
    facts, warehouse = _tail_world(), new_warehouse()
    facts.contact("self", "2026-03-02 10:00", customer_key=1, topic="balance")
    facts.publish(warehouse, "2026-03-20 00:00")
    found = asked(warehouse, "long_tail_coverage", "2026-03-02/2026-03-03", "through", tier=7)
    assert [(c.key[0], c.reason) for c in found.cells] == [
        (date(2026, 3, 2), "zero_denominator"),
        (date(2026, 3, 3), "zero_denominator"),
    ]


def test_trap_push_is_not_service(new_warehouse: New) -> None:
    facts, warehouse = _tail_world(), new_warehouse()
    facts.contact("push", "2026-03-02 10:00", customer_key=3, engaged=True)
    facts.contact("self", "2026-03-02 10:00", customer_key=4, engaged=False, outcome="unresolved")
    facts.contact("abandoned", "2026-03-02 10:00", customer_key=5)
    facts.publish(warehouse, "2026-03-20 00:00")
    assert parts(warehouse, "long_tail_coverage", "2026-03-02") == (1, 4)
    assert cell(warehouse, "customers_served", "2026-03-02").value == 1


def test_trap_feed_that_does_not_record_it_is_no_zero(new_warehouse: New) -> None:
    """Chat has no column of transfers: its calls are not "not transferred", they are left out."""
    facts, warehouse = world(), new_warehouse()
    facts.carries["chat"] = EVERYTHING - {"transfers", "csat_asked", "csat_score", "referral"}
    for transfers, score in ((1, 5), (0, 1)):
        facts.contact("call", "2026-03-02 10:00", transfers=transfers, csat_asked=True, csat_score=score,
                      customer_key=7, topic="loan")  # fmt: skip
    facts.contact("chat", "2026-03-02 10:00", transfers=None, csat_asked=None, customer_key=7, topic="loan")
    facts.publish(warehouse, "2026-03-20 00:00")
    assert parts(warehouse, "transfer_rate", "2026-03-02") == (1, 2)
    assert parts(warehouse, "csat", "2026-03-02") == (1, 2)
    assert cell(warehouse, "csat", "2026-03-02", channel="chat").reason == "not_recorded"
    assert cell(warehouse, "transfer_rate", "2026-03-02", channel="chat").reason == "not_recorded"
    assert parts(warehouse, "referral_rate", "2026-03-02") == (0, 2)
    assert parts(warehouse, "agent_volume", "2026-03-02")[0] == 3
    assert asked(warehouse, "csat", "2026-03-02").as_of["chat"] == datetime(2026, 3, 19, 16, tzinfo=UTC).replace(
        tzinfo=None
    )


def test_trap_table_that_no_feed_has(new_warehouse: New) -> None:
    facts, warehouse = world(), new_warehouse()
    for channel in facts.channels:
        facts.carries[channel] = EVERYTHING - {"complaint", "agent_time", "customer_month"}
    facts.contact("call", "2026-03-02 10:00")
    facts.publish(warehouse, "2026-03-20 00:00")
    for kpi in ("complaint_rate", "occupancy", "long_tail_coverage", "tail_base", "gini"):
        assert cell(warehouse, kpi, "2026-03-02").reason == "not_recorded", kpi
