"""The demo bank looks like the bank of the mission. Bounds are its targets; the SQL is independent of the product."""

from datetime import date

import duckdb
import pytest

from seed.options import Options
from seed.plan import FESTIVAL, Plan

HUMAN = "human_answered AND direction = 'inbound'"
CONTAINED = "machine AND NOT human_answered AND NOT escalated"
RESOLVED = f"{CONTAINED} AND outcome = 'resolved'"
OFFERED = "direction = 'inbound' AND (human_answered OR abandoned_stage = 'queue' OR (queued AND ended_at IS NULL))"
PHONE = "line IN ('hotline', 'vip')"
LINKED = "direction = 'inbound' AND customer_key IS NOT NULL AND topic IS NOT NULL"
# Long before the end, nothing unusual was planted.
CALM = "day BETWEEN DATE '2026-06-01' AND DATE '2026-08-31'"
LATEST = "day BETWEEN DATE '2026-10-27' AND DATE '2026-11-22'"


def share(bank: duckdb.DuckDBPyConnection, part: str, whole: str, where: str = "true") -> float:
    row = bank.execute(
        f"SELECT count(*) FILTER ({part}), count(*) FILTER ({whole}) FROM contact WHERE {where}"
    ).fetchone()
    assert row is not None
    assert row[1] > 0
    return float(row[0] / row[1])


def test_there_are_as_many_contacts_as_asked_for(bank: duckdb.DuckDBPyConnection, options: Options) -> None:
    row = bank.execute("SELECT count(*) FROM interaction").fetchone()
    assert row is not None
    assert row[0] == pytest.approx(options.days * options.interactions, rel=0.02)


def test_wechat_is_about_seven_times_agent_phone(bank: duckdb.DuckDBPyConnection) -> None:
    assert 6.2 < share(bank, "channel = 'wechat'", f"{HUMAN} AND {PHONE}") < 8


def test_wechat_serves_itself_above_95_percent_and_the_centre_does_not(bank: duckdb.DuckDBPyConnection) -> None:
    either = f"({RESOLVED}) OR ({HUMAN})"
    assert 0.952 < share(bank, f"channel = 'wechat' AND {RESOLVED}", f"channel = 'wechat' AND ({either})") < 0.97
    for period in (CALM, LATEST):
        assert 0.84 < share(bank, RESOLVED, either, period) < 0.885


def test_customers_move_from_the_phone_to_wechat(bank: duckdb.DuckDBPyConnection) -> None:
    first, last = "day < DATE '2026-05-15'", "day > DATE '2026-09-01'"
    assert share(bank, "channel = 'wechat'", "true", first) < share(bank, "channel = 'wechat'", "true", last)
    assert share(bank, PHONE, "true", first) > share(bank, PHONE, "true", last)


def test_satisfaction_is_high_and_few_answer(bank: duckdb.DuckDBPyConnection) -> None:
    answers, good = "csat_score BETWEEN 1 AND 5", "csat_score BETWEEN 4 AND 5"
    assert 0.94 < share(bank, good, answers) < 0.97
    assert 0.19 < share(bank, answers, "csat_asked") < 0.23
    # It depends on the wait, the channel, the tier and the topic.
    assert share(bank, good, answers, "wait_seconds > 60") < share(bank, good, answers, "wait_seconds < 10") - 0.01
    assert share(bank, good, answers, "channel = 'robot'") < share(bank, good, answers, "channel = 'vip'") - 0.03
    assert share(bank, good, answers, "tier <= 2") < share(bank, good, answers, "tier >= 6")
    assert share(bank, good, answers, "topic = 'mortgage'") < share(bank, good, answers, "topic = 'branch_info'")
    # Not answered is a code, not a score; not asked is nothing.
    assert share(bank, "csat_score IS NULL", "NOT csat_asked") == 1
    assert share(bank, "csat_score <= 0", "csat_asked") > 0.7


def test_the_phone_answers_most_calls_in_time(bank: duckdb.DuckDBPyConnection) -> None:
    in_time = f"{HUMAN} AND coalesce(wait_seconds, 0) <= CASE line WHEN 'vip' THEN 10 ELSE 20 END"
    assert 0.78 < share(bank, f"{in_time} AND {PHONE}", f"{OFFERED} AND {PHONE}", CALM) < 0.85
    assert 0.03 < share(bank, "direction = 'inbound' AND abandoned_stage = 'queue'", OFFERED) < 0.06
    # Mondays and mornings are worse than nights.
    busy, quiet = "isodow(day) = 1 AND hour BETWEEN 9 AND 10", "hour < 7"
    assert share(bank, f"{in_time} AND {PHONE}", f"{OFFERED} AND {PHONE}", busy) < share(
        bank, f"{in_time} AND {PHONE}", f"{OFFERED} AND {PHONE}", quiet
    )


def test_first_contact_resolution_and_repeats(bank: duckdb.DuckDBPyConnection) -> None:
    judged = f"{LINKED} AND outcome IN ('resolved', 'unresolved', 'referred')"
    assert 0.86 < share(bank, f"{judged} AND outcome = 'resolved' AND later IS NULL", judged, CALM) < 0.91
    assert 0.08 < share(bank, f"{LINKED} AND earlier IS NOT NULL", LINKED, CALM) < 0.12
    # Who gave up comes back far more often, many of them on another channel.
    gave_up = f"{CONTAINED} AND {LINKED} AND outcome = 'given_up'"
    assert share(bank, f"{gave_up} AND later IS NOT NULL", gave_up, CALM) > 0.2
    assert share(bank, f"{RESOLVED} AND {LINKED} AND later IS NOT NULL", f"{RESOLVED} AND {LINKED}", CALM) < 0.13


def test_durable_is_below_contained(bank: duckdb.DuckDBPyConnection) -> None:
    contained = share(bank, CONTAINED, "machine", CALM)
    durable = share(bank, f"{CONTAINED} AND {LINKED} AND later IS NULL", f"{CONTAINED} AND {LINKED}", CALM)
    assert 0.93 < contained < 0.97
    assert 0.86 < durable < contained - 0.03


def test_about_one_contact_in_nine_has_no_customer(bank: duckdb.DuckDBPyConnection) -> None:
    assert 0.09 < share(bank, "customer_key IS NULL", "true") < 0.13


@pytest.mark.parametrize("first", ["2026-06-01", "2026-10-26"])
def test_long_tail_coverage_of_four_weeks(bank: duckdb.DuckDBPyConnection, first: str) -> None:
    assert 0.25 < coverage(bank, date.fromisoformat(first)) < 0.45


def coverage(bank: duckdb.DuckDBPyConnection, first: date, tier: int | None = None) -> float:
    """Members of the tail on ``first`` who came within 28 days ÷ members."""
    row = bank.execute(
        """
        WITH worth AS (
            SELECT customer_key, row_number() OVER (ORDER BY value_fen DESC, customer_key)
                   <= ceil(0.2 * count(*) OVER ()) AS top
            FROM customer_month WHERE month = (date_trunc('month', $first) - INTERVAL 1 MONTH)::DATE
        ), base AS (
            SELECT c.customer_key FROM customer c LEFT JOIN worth USING (customer_key)
            JOIN customer_tier t ON t.customer_key = c.customer_key AND t.valid_from <= $first
                AND coalesce(t.valid_to, DATE '9999-01-01') > $first
            WHERE NOT coalesce(top, false) AND opened_on <= $first
              AND coalesce(closed_on, DATE '9999-01-01') > $first AND ($tier IS NULL OR t.tier = $tier)
        ), served AS (
            SELECT DISTINCT customer_key FROM contact
            WHERE engaged AND direction = 'inbound' AND day BETWEEN $first AND $first + 27
        )
        SELECT count(served.customer_key) / count(*) FROM base LEFT JOIN served USING (customer_key)
        """,
        {"first": first, "tier": tier},
    ).fetchone()
    assert row is not None
    return float(row[0])


def test_a_fifth_of_the_customers_brings_most_of_the_value(bank: duckdb.DuckDBPyConnection) -> None:
    row = bank.execute(
        """
        SELECT sum(value_fen) FILTER (place <= ceil(0.2 * customers)) / sum(value_fen) FROM (
            SELECT value_fen, row_number() OVER (ORDER BY value_fen DESC) AS place, count(*) OVER () AS customers
            FROM customer_month WHERE month = DATE '2026-09-01' AND value_fen >= 0)
        """
    ).fetchone()
    assert row is not None
    assert 0.74 < row[0] < 0.80


def test_days_are_not_too_smooth(bank: duckdb.DuckDBPyConnection) -> None:
    """Workdays of one weekday differ by more than chance alone would make them."""
    row = bank.execute(
        """SELECT var_samp(n) / avg(n) FROM (SELECT day, count(*) AS n FROM contact
           WHERE isodow(day) = 3 AND day BETWEEN DATE '2026-05-10' AND DATE '2026-09-10' GROUP BY 1)"""
    ).fetchone()
    assert row is not None
    assert row[0] > 1.5


def test_hours_and_weekdays_have_their_shape(bank: duckdb.DuckDBPyConnection) -> None:
    by_hour = dict(bank.execute("SELECT hour, count(*) FROM contact WHERE isodow(day) < 6 GROUP BY 1").fetchall())
    assert by_hour[10] > by_hour[12] < by_hour[15]
    assert by_hour[3] < by_hour[10] / 15
    # The phone by day, the machines at night.
    night, morning = "hour IN (0, 1, 2, 3, 4, 5, 23)", "hour BETWEEN 9 AND 11"
    assert share(bank, PHONE, "true", night) < share(bank, PHONE, "true", morning)


def test_the_spring_festival_is_quiet_and_make_up_days_are_workdays() -> None:
    options = Options(end=date(2026, 3, 31), days=120, interactions=100, customers=1000)
    plan = Plan(options)
    at = {plan.date_of(day): day for day in range(options.days)}
    festival = plan.weight[at[date(2026, 2, 17)] : at[date(2026, 2, 22)]].mean()
    assert festival < 0.65 * plan.weight[at[date(2026, 3, 2)] : at[date(2026, 3, 7)]].mean()
    assert plan.kind[at[date(2026, 2, 17)]] == FESTIVAL
    # A Saturday that was worked for the festival's sake.
    assert date(2026, 2, 28).isoweekday() == 6
    assert plan.weight[at[date(2026, 2, 28)]] > 1.15 * plan.weight[at[date(2026, 3, 7)]]


def test_occupancy_lies_in_its_band(bank: duckdb.DuckDBPyConnection) -> None:
    row = bank.execute("SELECT sum(handle_seconds) / sum(handle_seconds + idle_seconds) FROM agent_time").fetchone()
    assert row is not None
    assert 0.70 < row[0] < 0.85


def test_referrals_bring_customers_to_the_branch(bank: duckdb.DuckDBPyConnection) -> None:
    rows = bank.execute(
        """SELECT scenario, count(*), count(visited_at) / count(*), count(completed_at) / count(visited_at)
           FROM referral WHERE referred_at < DATE '2026-09-20' GROUP BY 1"""
    ).fetchall()
    visited = {scenario: share_ for scenario, n, share_, _ in rows if n > 20}
    assert set(visited) == {"large_cash", "investment", "campaign"}
    assert visited["large_cash"] > visited["investment"] > 0.3
