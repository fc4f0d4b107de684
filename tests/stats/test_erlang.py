"""Agents for a queue: published figures, limits, and what must hold of any queue."""

from dataclasses import replace
from math import exp, inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.stats.erlang import Demand, agents_needed, erlang_a, erlang_b, erlang_c

HALF_HOUR = Demand(360, 240)
HOUR = Demand(200, 180, interval=3600)
MINUTES = Demand(48, 60, patience=120, interval=60)


def met(model, demand, agents, within=20):
    """What callers meet, of a queue that is stable."""
    found = model(demand, agents, within)
    assert found is not None
    return found


demands = st.builds(
    Demand,
    calls=st.floats(0.1, 1000),
    handle=st.floats(30, 1200),
    patience=st.floats(5, 900),
    interval=st.just(1800.0),
).filter(lambda demand: demand.load < 150)


def test_fixture_erlang_c_of_a_half_hour():
    found = met(erlang_c, HALF_HOUR, 55, 20)
    assert found.waited == pytest.approx(0.2387, abs=5e-5)
    assert found.in_time == pytest.approx(0.8668, abs=5e-5)
    assert found.wait == pytest.approx(8.18, abs=5e-3)
    assert found.occupancy == pytest.approx(0.8727, abs=5e-5)
    assert agents_needed(erlang_c, HALF_HOUR, 0.8, 20) == 54


@pytest.mark.parametrize(("agents", "in_time", "wait"), [(13, 0.7956, 17.12), (14, 0.8884, 7.84)])
def test_fixture_erlang_c_of_an_hour(agents, in_time, wait):
    found = met(erlang_c, HOUR, agents, 20)
    assert found.in_time == pytest.approx(in_time, abs=5e-5)
    assert found.wait == pytest.approx(wait, abs=5e-3)
    assert agents_needed(erlang_c, HOUR, in_time - 1e-4, 20) == agents


def test_fixture_erlang_a():
    found = met(erlang_a, MINUTES, 50, 20)
    assert found.abandoned == pytest.approx(0.0309, abs=5e-5)
    assert found.wait == pytest.approx(3.71, abs=5e-3)
    assert found.occupancy == pytest.approx(0.930, abs=5e-4)


def test_erlang_b_of_one_and_two_agents_by_hand():
    # 1 agent: a ÷ (1 + a); 2 agents: (a²/2) ÷ (1 + a + a²/2)
    assert erlang_b(2, 1) == pytest.approx(2 / 3)
    assert erlang_b(2, 2) == pytest.approx(2 / 5)


def test_erlang_a_of_one_agent_by_hand():
    # Everything at the rate 1 a second: the states are Poisson(1), since j leave at the rate j. Waiting: E[(K − 1)+] =
    # 1 − P(K ≥ 1) = 1/e. Abandoned = 1/e. Answered within 0 s: only who finds nobody, 1/e.
    found = met(erlang_a, Demand(1, 1, 1, 1), 1, 0)
    assert found.abandoned == pytest.approx(exp(-1))
    assert found.wait == pytest.approx(exp(-1))
    assert found.in_time == pytest.approx(exp(-1))
    assert found.waited == pytest.approx(1 - exp(-1))


@given(demands, st.integers(1, 200))
@settings(max_examples=100, deadline=None)
def test_all_who_are_not_lost_are_answered_in_the_end(demand, agents):
    found = met(erlang_a, demand, agents, 1e6)
    assert found.in_time == pytest.approx(1 - found.abandoned, abs=1e-9)
    assert 0 <= found.occupancy <= 1 + 1e-9


@given(demands, st.integers(1, 200), st.floats(0, 300))
@settings(max_examples=100, deadline=None)
def test_one_agent_more_never_makes_it_worse(demand, agents, within):
    for model in (erlang_a, erlang_c):
        now = model(demand, agents, within)
        if now is None:
            continue
        then = met(model, demand, agents + 1, within)
        assert then.in_time >= now.in_time - 1e-9
        assert then.wait <= now.wait + 1e-9
        assert then.abandoned <= now.abandoned + 1e-9


@given(demands, st.floats(0.5, 0.99), st.floats(1, 120))
@settings(max_examples=50, deadline=None)
def test_the_number_is_enough_and_one_less_is_not(demand, target, within):
    for model in (erlang_a, erlang_c):
        agents = agents_needed(model, demand, target, within)
        assert met(model, demand, agents, within).in_time >= target
        fewer = model(demand, agents - 1, within) if agents > 1 else None
        assert fewer is None or fewer.in_time < target


@given(demands, st.floats(0, 120))
@settings(max_examples=50, deadline=None)
def test_patience_without_end_gives_erlang_c(demand, within):
    agents = int(demand.load * 1.1) + 2
    assert met(erlang_a, replace(demand, patience=inf), agents, within) == met(erlang_c, demand, agents, within)
    patient = met(erlang_a, replace(demand, patience=1e7), agents, within)
    limit = met(erlang_c, demand, agents, within)
    assert patient.in_time == pytest.approx(limit.in_time, abs=1e-3)
    assert patient.wait == pytest.approx(limit.wait, abs=max(1e-3 * limit.wait, 1e-3))


def test_trap_agents_that_do_not_exceed_the_load_are_unstable():
    assert HALF_HOUR.load == 48
    assert erlang_c(HALF_HOUR, 48, 20) is None
    assert erlang_c(HALF_HOUR, 49, 20) is not None
    assert erlang_a(replace(HALF_HOUR, patience=120), 40, 20) is not None


def test_trap_a_centre_of_ten_thousand_agents_neither_overflows_nor_vanishes():
    large = Demand(60_000, 300, patience=180)
    assert large.load == 10_000
    assert met(erlang_c, large, 10_100, 20).in_time == pytest.approx(
        1 - met(erlang_c, large, 10_100, 20).waited * exp(-100 / 300 * 20)
    )
    assert 0.97 < met(erlang_a, large, 9_950, 20).occupancy <= 1
    assert 0 < met(erlang_a, large, 9_950, 20).in_time < 1


def test_nobody_calls():
    assert met(erlang_c, Demand(0, 240), 3, 20).in_time == 1
    assert met(erlang_a, Demand(0, 240, 60), 3, 20).in_time == 1


def test_trap_a_promise_to_everybody_is_refused():
    with pytest.raises(ValueError, match="100%"):
        agents_needed(erlang_c, HALF_HOUR, 1.0, 20)
