"""The what-if: what is taken from the period, what a scenario takes, what more self-service spares."""

from dataclasses import replace

import pytest

from kpi.narrative.service_desk import clock, told_saving, told_seats
from kpi.narrative.staffing_plan import (
    Busiest,
    Saving,
    Scenario,
    busiest,
    handle_time,
    more_self_service,
    patience,
    plan,
    worst,
)
from kpi.query.answer import Answer, Cell
from kpi.query.question import Question
from tests.charts.test_charts import WEEK

# The published fixture: 360 calls a half hour of 240 s; 55 agents give .8668, and 54 are enough for 80 % in 20 s.
SCENARIO = Scenario(calls=360, handle=240, patience=120, base=0.8, self_service=0.8, seats=55)


def rate(kpi, key, numerator, denominator, n=None):
    value = numerator / denominator if denominator else None
    return Cell(kpi, key, value, numerator, denominator, denominator if n is None else n)


def answered(*cells):
    return Answer(Question((cells[0].kpi,), WEEK, ("half_hour",)), 1, True, {}, WEEK, None, None, (), cells)


def said(sentence):
    return "".join(span.text for span in sentence)


def test_the_busiest_half_hour_is_the_one_with_the_most_offered_and_told_a_day():
    day = answered(
        rate("answer_rate", (19,), 60, 70), rate("answer_rate", (20,), 130, 140), rate("answer_rate", (21,), 9, 9)
    )
    # 7 days: 20 calls a day; the clock of that half hour: 37,800 s staffed ÷ 1,800 s ÷ 7 days = 3 seats
    staffed = answered(rate("occupancy", (20,), 30_000, 37_800), rate("occupancy", (19,), 1, 90_000))
    found = busiest(day, staffed)
    assert found == Busiest(20, 20, 3)
    assert busiest(day, None) == Busiest(20, 20, None)
    assert busiest(answered(rate("answer_rate", (3,), 0, 0)), None) is None
    assert clock(20) == "10:00"
    assert clock(19) == "09:30"


def test_patience_is_wait_over_abandonment():
    assert patience(rate("asa", (), 1600, 100), rate("abandonment_rate", (), 4, 100)) == pytest.approx(400)
    assert patience(rate("asa", (), 1600, 100), rate("abandonment_rate", (), 0, 100)) == 180
    assert patience(None, None) == 180
    assert handle_time(rate("aht", (), 26_800, 100)) == pytest.approx(268)
    assert handle_time(None) == 240


def test_the_plan_of_the_published_queue():
    found = plan(SCENARIO)
    assert found.load == 48
    assert found.patient[0] == 54
    assert found.leaving[0] < 54
    assert found.seated[0] is not None
    assert found.seated[0].in_time == pytest.approx(0.8668, abs=5e-5)
    curve = {agents: (waiting, leaving) for agents, waiting, leaving in found.curve}
    assert curve[48][0] is None
    assert curve[55][0] == pytest.approx(0.8668, abs=5e-5)
    assert all(leaving is not None for _, leaving in curve.values())


def test_more_self_service_leaves_less_for_humans():
    # 20 % are left to humans; at 90 % half as many.
    assert replace(SCENARIO, self_service=0.9).demand.calls == pytest.approx(180)
    assert replace(SCENARIO, self_service=0.8).demand.calls == 360


def test_three_points_in_agents_and_money_by_hand():
    # 1,000 contacts for humans at 10 yuan, at a base of 80 %: 5,000 in all, of which 3 % = 150 move, each sparing
    # 10 − 0.10 yuan. Humans: 700 by agents at 8 and 300 by relationship managers at 14.666… make 10 yuan on average.
    costs = [rate("cost_per_contact", ("agent",), 5600, 700), rate("cost_per_contact", ("rm",), 4400, 300)]
    machines = [
        rate("cost_per_contact", ("robot",), 60, 600),
        rate("cost_per_contact", ("self_service",), 40, 400),
        rate("cost_per_contact", ("none",), 999, 1),
    ]
    found = more_self_service(SCENARIO, costs, machines)
    assert found is not None
    assert found.contacts == pytest.approx(150)
    assert found.money == pytest.approx(150 * 9.9)
    # 306 calls a half hour are left: a load of 40.8
    assert found.agents == 54 - plan(replace(SCENARIO, self_service=0.83)).patient[0]
    assert found.agents >= 6
    assert more_self_service(SCENARIO, costs, []) == Saving(found.agents, None, None)
    assert more_self_service(replace(SCENARIO, self_service=0.98), costs, machines) is None
    assert "¥1,485" in said(told_saving(found, "en"))
    assert "¥" not in said(told_saving(Saving(6, None, None), "en"))
    assert "as many on seat" in said(told_saving(Saving(0, None, None), "en"))


def test_trap_seats_that_do_not_exceed_the_load_are_said_to_be_unstable():
    few = replace(SCENARIO, seats=48)
    sentence = told_seats(few, plan(few), "zh")
    assert "不稳定" in said(sentence)
    assert sentence[0].tone == "worse"
    assert "Unstable" not in said(told_seats(SCENARIO, plan(SCENARIO), "en"))
    assert "86.7%" in said(told_seats(SCENARIO, plan(SCENARIO), "en"))


def test_the_worst_of_several_stands_on_at_least_thirty():
    cells = [
        rate("service_level", ("a",), 1, 29),
        rate("service_level", ("b",), 20, 30),
        rate("service_level", (None,), 0, 100),
        rate("service_level", ("c",), 90, 100),
    ]
    assert worst(cells) == [cells[1]]
    assert worst(cells[:2]) == []
