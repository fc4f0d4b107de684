"""The facts hang together, and say nothing that they should not."""

from datetime import date, datetime

import duckdb
import pytest

from kpi import schema
from kpi.metrics.dimensions import DIMENSIONS
from seed.options import Options
from seed.topics import FUNCTIONS
from seed.world import CHANNELS

CHANNEL_IDS = ["hotline", "vip", "sms", "chat", "wechat", "ronge", "robot", "rm"]


def count(bank: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = bank.execute(f"SELECT count(*) FROM {sql}").fetchone()
    assert row is not None
    return int(row[0])


def values(bank: duckdb.DuckDBPyConnection, sql: str) -> set[object]:
    return {row[0] for row in bank.execute(sql).fetchall()}


@pytest.mark.parametrize("table", sorted(set(schema.metadata.tables) - {"warehouse_fact", "load_batch"}))
def test_every_table_has_its_columns_keys_and_nothing_else(bank: duckdb.DuckDBPyConnection, table: str) -> None:
    made = values(bank, "SELECT table_name FROM information_schema.tables")
    if table not in made:
        assert table in {"calendar", "service_target", "tail_rule", "feed", "exclusion", "rejected_row"}
        return
    declared = schema.metadata.tables[table]
    columns = values(bank, f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'")
    assert columns <= set(schema.source_columns(declared))
    keys = ", ".join(declared.info["key"])
    assert count(bank, f"(SELECT {keys} FROM {table} GROUP BY ALL HAVING count(*) > 1)") == 0
    for column in declared.columns:
        if not column.nullable and not column.info.get("derived"):
            assert count(bank, f"{table} WHERE {column.name} IS NULL") == 0, column.name


def test_the_world_is_complete(bank: duckdb.DuckDBPyConnection) -> None:
    assert [channel.id for channel in CHANNELS] == CHANNEL_IDS
    assert values(bank, "SELECT DISTINCT channel FROM interaction") == set(CHANNEL_IDS)
    assert values(bank, "SELECT channel FROM channel WHERE family = 'phone'") == {"hotline", "vip"}
    assert len(FUNCTIONS) == 60
    assert count(bank, "function") == 60
    assert values(bank, "SELECT DISTINCT function FROM function_use") == {row[0] for row in FUNCTIONS}
    assert values(bank, "SELECT DISTINCT tier FROM contact WHERE tier IS NOT NULL") == set(range(1, 8))
    assert values(bank, "SELECT DISTINCT tier FROM customer_month") == set(range(1, 8))
    assert values(bank, "SELECT DISTINCT business_line FROM topic") == set(DIMENSIONS["business_line"].values or ())
    for table in ("channel", "topic", "function", "team", "region", "branch"):
        assert count(bank, f"(SELECT name_zh FROM {table} GROUP BY 1 HAVING count(*) > 1)") == 0
        assert count(bank, f"{table} WHERE NOT regexp_matches(name_zh, '[\u4e00-\u9fff]|ETC')") == 0
        assert count(bank, f"{table} WHERE regexp_matches(name_en, '[\u4e00-\u9fff]')") == 0


@pytest.mark.parametrize(
    ("column", "dimension"),
    [
        ("interaction.line", "line"),
        ("interaction.media", "media"),
        ("interaction.first_handler", "first_handler"),
        ("interaction.final_handler", "final_handler"),
        ("interaction.outcome", "outcome"),
        ("interaction.escalation_reason", "escalation_reason"),
        ("customer.age_band", "age_band"),
        ("topic.complexity", "complexity"),
        ("referral.scenario", "scenario"),
    ],
)
def test_every_value_is_declared_and_occurs(bank: duckdb.DuckDBPyConnection, column: str, dimension: str) -> None:
    table, _, name = column.partition(".")
    found = values(bank, f"SELECT DISTINCT {name} FROM {table} WHERE {name} IS NOT NULL")
    assert found == set(DIMENSIONS[dimension].values or ())


@pytest.mark.parametrize(
    ("table", "column", "target"),
    [
        ("interaction", "topic", "topic"),
        ("interaction", "team", "team"),
        ("interaction", "agent_key", "agent"),
        ("interaction", "customer_key", "customer"),
        ("handling_leg", "team", "team"),
        ("handling_leg", "agent_key", "agent"),
        ("handling_leg", "interaction_id", "interaction"),
        ("function_use", "function", "function"),
        ("function_use", "interaction_id", "interaction"),
        ("referral", "interaction_id", "interaction"),
        ("referral", "branch", "branch"),
        ("complaint", "interaction_id", "interaction"),
        ("agent_time", "agent_key", "agent"),
        ("customer", "branch", "branch"),
        ("customer", "region", "region"),
        ("customer_tier", "customer_key", "customer"),
        ("customer_month", "customer_key", "customer"),
    ],
)
def test_what_is_named_exists(bank: duckdb.DuckDBPyConnection, table: str, column: str, target: str) -> None:
    assert count(bank, f"{table} WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT {column} FROM {target})") == 0


def test_a_contact_hangs_on_its_own_feed(bank: duckdb.DuckDBPyConnection) -> None:
    assert count(bank, "interaction WHERE source <> channel") == 0
    for table in ("handling_leg", "function_use", "referral"):
        assert count(bank, f"{table} ANTI JOIN interaction USING (source, interaction_id)") == 0


def test_customers_contact_the_bank_only_while_they_are_customers(bank: duckdb.DuckDBPyConnection) -> None:
    outside = "contact JOIN customer USING (customer_key) WHERE day < opened_on OR day >= closed_on"
    assert count(bank, outside) == 0
    assert count(bank, "contact WHERE customer_key IS NOT NULL AND tier IS NULL") == 0
    assert count(bank, "customer_tier WHERE valid_to <= valid_from") == 0


def test_names_and_numbers_of_people_stay_out_of_the_facts(bank: duckdb.DuckDBPyConnection) -> None:
    names = values(bank, "SELECT name FROM agent")
    assert len(names) > 30
    for table in ("interaction", "handling_leg", "referral", "complaint", "customer"):
        columns = bank.execute(
            f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' AND data_type = 'VARCHAR'"
        ).fetchall()
        for (column,) in columns:
            assert not values(bank, f"SELECT DISTINCT {column}::VARCHAR FROM {table}") & names
    assert count(bank, "customer WHERE NOT regexp_full_match(masked_id, '6222\\*{8}[0-9]{4}')") == 0
    # A key tells nothing about when or in which order a customer was made.
    row = bank.execute(
        "SELECT corr(customer_key, rowid), min(customer_key), max(customer_key) FROM customer"
    ).fetchone()
    assert row is not None
    assert abs(row[0]) < 0.02
    assert 0 <= row[1] < 2**58
    assert row[2] > 2**62


def test_ids_sort_by_time_within_a_feed(bank: duckdb.DuckDBPyConnection) -> None:
    wrong = """(SELECT lag(started_at) OVER (PARTITION BY source ORDER BY interaction_id) AS before, started_at
                FROM interaction) WHERE before > started_at"""
    assert count(bank, wrong) == 0
    assert count(bank, "contact WHERE substr(interaction_id, 2, 6) <> strftime(day, '%y%m%d')") == 0


def test_feeds_end_where_they_say(bank: duckdb.DuckDBPyConnection, options: Options) -> None:
    last = dict(bank.execute("SELECT source, max(started_at) FROM interaction GROUP BY 1").fetchall())
    assert last["sms"] < datetime(2026, 11, 23, 2, 20)
    assert all(moment < datetime(2026, 11, 23, 3, 0) for moment in last.values())
    assert last["wechat"] > datetime(2026, 11, 23, 2, 55)
    first = bank.execute("SELECT min(day), max(day), count(DISTINCT day) FROM contact").fetchone()
    assert first == (options.start, date(2026, 11, 23), options.days)


def test_some_contacts_are_still_open_and_say_only_what_is_known(bank: duckdb.DuckDBPyConnection) -> None:
    going = "interaction WHERE ended_at IS NULL"
    assert 1 <= count(bank, going) < 100
    assert count(bank, f"{going} AND outcome <> 'open'") == 0
    assert count(bank, "interaction WHERE ended_at IS NOT NULL AND outcome = 'open'") == 0
    assert count(bank, f"{going} AND (talk_seconds IS NOT NULL OR csat_asked OR abandoned_stage <> 'none')") == 0
    ended = "ended_at + INTERVAL 8 HOUR >= TIMESTAMP '2026-11-23 11:00:00'"
    assert count(bank, f"interaction WHERE {ended}") == 0
    for table in ("handling_leg", "referral", "complaint"):
        assert count(bank, f"{table} JOIN interaction i USING (source, interaction_id) WHERE i.ended_at IS NULL") == 0


def test_trap_everyone_offered_is_answered_lost_or_waiting(bank: duckdb.DuckDBPyConnection) -> None:
    asked = "direction = 'inbound' AND (escalated OR first_handler IN ('agent', 'rm') OR abandoned_stage = 'queue')"
    waiting = "(ended_at IS NULL AND queued AND NOT human_answered)"
    state = f"human_answered::INT + (abandoned_stage = 'queue')::INT + {waiting}::INT"
    assert count(bank, f"interaction WHERE {asked} AND {state} <> 1") == 0
    assert count(bank, f"interaction WHERE direction = 'inbound' AND NOT ({asked}) AND {state} <> 0") == 0
    # Answered without a queue: no wait at all, which is not a wait of 0 s.
    assert count(bank, "interaction WHERE human_answered AND NOT queued AND wait_seconds IS NULL") > 100
    assert count(bank, "interaction WHERE NOT queued AND wait_seconds IS NOT NULL") == 0
    assert count(bank, "interaction WHERE abandoned_stage = 'menu' AND (queued OR engaged OR human_answered)") == 0
    assert count(bank, "interaction WHERE abandoned_stage = 'menu'") > 100


def test_legs_add_up_to_their_contact(bank: duckdb.DuckDBPyConnection) -> None:
    wrong = """(SELECT source, interaction_id, i.transfers, i.team, i.talk_seconds, i.hold_seconds, i.wrap_seconds,
                       count(*) AS legs,
                       arg_max(l.team, seq) AS last_team, arg_max(l.agent_key, seq) AS last_agent, i.agent_key,
                       sum(l.talk_seconds) AS talk, sum(l.hold_seconds) AS hold, sum(l.wrap_seconds) AS wrap
                FROM interaction i JOIN handling_leg l USING (source, interaction_id) GROUP BY ALL)
               WHERE legs <> transfers + 1 OR last_team <> team OR last_agent <> agent_key OR talk <> talk_seconds
                  OR hold <> hold_seconds OR wrap <> wrap_seconds"""
    assert count(bank, wrong) == 0
    answered = count(bank, "interaction WHERE human_answered AND ended_at IS NOT NULL")
    assert count(bank, "(SELECT DISTINCT source, interaction_id FROM handling_leg)") == answered
    assert count(bank, "interaction WHERE transfers = 2") > 10


def test_agents_clocks_fit_into_half_hours(bank: duckdb.DuckDBPyConnection) -> None:
    assert count(bank, "agent_time WHERE handle_seconds + idle_seconds + break_seconds > 1800") == 0
    assert count(bank, "agent_time WHERE extract('epoch' FROM half_hour) % 1800 <> 0") == 0


def test_complaints_keep_their_clocks(bank: duckdb.DuckDBPyConnection, options: Options) -> None:
    terms = dict(bank.execute("SELECT complexity, min(due_on - opened_on) FROM complaint GROUP BY 1").fetchall())
    assert terms == {"simple": 15, "normal": 30, "complex": 60}
    assert count(bank, f"complaint WHERE greatest(opened_on, decided_on, closed_on) > DATE '{options.end}'") == 0
    assert count(bank, "complaint WHERE closed_on < coalesce(decided_on, opened_on)") == 0
    assert count(bank, "complaint WHERE decided_on > due_on") >= 1
    assert count(bank, "complaint WHERE closed_on IS NULL") >= 1
    assert count(bank, "complaint WHERE interaction_id IS NULL") >= 1


def test_referrals_go_forward_in_time(bank: duckdb.DuckDBPyConnection) -> None:
    assert count(bank, "referral WHERE visited_at <= referred_at OR completed_at <= visited_at") == 0
    assert count(bank, "referral WHERE completed_at IS NOT NULL AND visited_at IS NULL") == 0
    assert count(bank, "referral WHERE (completed_at IS NOT NULL) <> (amount_fen IS NOT NULL)") == 0
    assert values(bank, "SELECT DISTINCT status FROM referral") == {"referred", "visited", "completed", "lost"}
    outbound = "interaction WHERE direction = 'outbound'"
    assert count(bank, outbound) > 50
    assert count(bank, f"referral SEMI JOIN (FROM {outbound}) USING (source, interaction_id)") > 20
    sent = "referral JOIN interaction USING (source, interaction_id) WHERE direction = 'outbound'"
    assert count(bank, f"{sent} AND scenario <> 'campaign'") == 0


def test_tiers_go_up_and_down_and_customers_come_and_go(bank: duckdb.DuckDBPyConnection, options: Options) -> None:
    step = "(SELECT tier - lag(tier) OVER (PARTITION BY customer_key ORDER BY valid_from) AS step FROM customer_tier)"
    assert count(bank, f"{step} WHERE step > 0") > 500
    assert count(bank, f"{step} WHERE step < 0") > 300
    assert count(bank, f"customer WHERE opened_on >= DATE '{options.start}'") > 500
    assert count(bank, "customer WHERE closed_on IS NOT NULL") > 500


def test_each_month_has_every_customer_open_at_its_end(bank: duckdb.DuckDBPyConnection, options: Options) -> None:
    # One month before the data, so that the tail is known on its first day.
    months = sorted(values(bank, "SELECT DISTINCT month FROM customer_month"), key=str)
    assert months[0] == date(2026, 2, 1)
    assert options.start.month == 3
    assert months[-1] == date(2026, 10, 1)
    open_then = "opened_on < {0} AND coalesce(closed_on, DATE '9999-01-01') >= {0}".format("DATE '2026-07-01'")
    expected = count(bank, f"customer WHERE {open_then}")
    assert count(bank, "customer_month WHERE month = DATE '2026-06-01'") == expected
    assert count(bank, "customer_month WHERE value_fen < 0") > 0
    # A month says the tier that was in force at its end.
    wrong = """customer_month m JOIN customer_tier t ON t.customer_key = m.customer_key
               AND t.valid_from <= last_day(m.month) AND (t.valid_to IS NULL OR t.valid_to > last_day(m.month))
               WHERE t.tier <> m.tier"""
    assert count(bank, wrong) == 0
