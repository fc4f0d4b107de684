"""Cohorts that narrow, on the hand-made world; which days of a period are mature."""

from datetime import date

from kpi.metrics.registry import METRICS
from kpi.narrative.funnel import CHAIN_KPIS, DAYS_KPIS, JOURNEY_KPIS, chain, journey
from kpi.query import Period, Question, answer, mature_part
from kpi.warehouse import Warehouse
from tests.narrative.test_funnel import there


def test_the_chain_of_the_hand_made_week(hand_made_world: Warehouse):
    week = Period(date(2026, 3, 2), date(2026, 3, 8))
    whole = there(chain(answer(hand_made_world, Question(CHAIN_KPIS, week))))
    # W1 W2 W3 W4 W6 W7 W8 W9 W11 W12 S1 S2: W6 answered, W7 lost; W3 W11 S2 gave up; W2 W4 W8 W9 came back
    assert [step.count for step in whole.steps] == [12, 10, 7, 3]
    assert [[loss.count for loss in step.losses] for step in whole.steps] == [[], [1, 1], [3], [4]]
    contained = answer(hand_made_world, Question(("durable_self_service_rate",), week))
    assert contained.cell("durable_self_service_rate").denominator == whole.steps[1].count


def test_the_journeys_of_the_hand_made_december(hand_made_world: Warehouse):
    december = Period(date(2025, 12, 1), date(2025, 12, 31))
    by_scenario = answer(hand_made_world, Question((*JOURNEY_KPIS, *DAYS_KPIS), december, ("scenario",)))
    found = {key: there(journey(by_scenario, key)) for key in ("investment", "large_cash", "campaign")}
    assert {key: [step.count for step in one.steps] for key, one in found.items()} == {
        "investment": [2, 2, 2], "large_cash": [1, 1, 0], "campaign": [1, 0, 0],
    }  # fmt: skip
    # R1 visited after 4 days and signed after 10, R3 after 43 and 48: the smallest with half at or below it
    assert [step.days for step in found["investment"].steps] == [None, (4, 43), (10, 48)]
    assert [step.days for step in found["campaign"].steps] == [None, None, None]


def test_the_mature_part_of_a_period_ends_where_the_window_of_the_slowest_feed_does(hand_made_world: Warehouse):
    # SMS has delivered until 20 March 09:00, so that what ended before 13 March 09:00 is seven days old.
    published = hand_made_world.published()
    march = Period(date(2026, 3, 1), date(2026, 3, 31))
    chain_of_it = mature_part(METRICS["settled_rate"], march, published)
    assert chain_of_it == Period(date(2026, 3, 1), date(2026, 3, 13))
    assert mature_part(METRICS["volume"], march, published) == march
    late = Period(date(2026, 3, 14), date(2026, 3, 20))
    assert mature_part(METRICS["settled_rate"], late, published) == late


def test_twelve_months_end_with_the_period_and_begin_on_a_first():
    november = Period(date(2026, 10, 26), date(2026, 11, 22))
    assert november.months(12) == Period(date(2025, 12, 1), date(2026, 11, 22))
    assert november.months(1) == Period(date(2026, 11, 1), date(2026, 11, 22))
    assert Period(date(2026, 1, 5), date(2026, 1, 9)).months(2) == Period(date(2025, 12, 1), date(2026, 1, 9))
