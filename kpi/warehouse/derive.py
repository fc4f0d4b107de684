"""The derived columns of an interaction, as one SQL statement over rows that wait in a temporary table.

The same statement serves new rows and stored ones that are derived again because something they depend on changed.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from kpi import schema
from kpi.warehouse.days import wall_clock

# Seconds within which a human should answer, where no ``service_target`` is in force.
PHONE_TARGET, VIP_TARGET, MESSAGING_TARGET = 20, 10, 60
_VIP = "vip"

_HUMAN = "coalesce(s.human_answered, false)"
_OFFERED = (
    f"({_HUMAN} OR coalesce(s.abandoned_stage = 'queue', false) OR (coalesce(s.queued, false) AND s.ended_at IS NULL))"
)
_LINKED = "(s.customer_key IS NOT NULL AND s.topic IS NOT NULL AND s.direction = 'inbound')"

# Messaging is answered by the first response; where it is not recorded, by the end of the queue.
_ANSWERED_AFTER = f"""coalesce(
    CASE WHEN coalesce(kind.messaging, false) THEN s.first_response_seconds END,
    s.wait_seconds,
    CASE WHEN {_HUMAN} THEN 0 END
)"""

_DERIVED = {
    "load_id": "s.load_id",
    "business_date": "s.business_date",
    "business_hour": "hour(s.local_at)",
    "tier": "coalesce(t.tier, s.given_tier)",
    # Who has no row in the last closed month is tail; who is not identified is neither.
    "is_tail": "CASE WHEN s.customer_key IS NOT NULL THEN coalesce(m.is_tail, true) END",
    "region": "coalesce(s.given_region, c.region)",
    "given_tier": "s.given_tier",
    "given_region": "s.given_region",
    "age_band": "c.age_band",
    "in_target": f"CASE WHEN {_OFFERED} THEN coalesce({_ANSWERED_AFTER} <= kind.target_seconds, false) END",
    "cost_fen": "kind.cost_fen",
    "human_cost_fen": "kind.human_cost_fen",
    "referable": "kind.referable",
    "has_referral": "r.source IS NOT NULL",
    "next_seconds": "l.next_seconds",
    "previous_seconds": "l.previous_seconds",
    "crossed_channel": f"CASE WHEN {_LINKED} THEN coalesce(l.crossed_channel, false) END",
}

# Two comparisons, not an OR: an outer join with an OR in its condition is a nested loop over all pairs of rows.
_IN_FORCE = "s.business_date >= {0}.valid_from AND s.business_date < coalesce({0}.valid_to, DATE '9999-12-31')"

_JOINS = f"""
LEFT JOIN customer c ON c.customer_key = s.customer_key
LEFT JOIN tier_period t ON t.customer_key = s.customer_key AND {_IN_FORCE.format("t")}
LEFT JOIN month_period m ON m.customer_key = s.customer_key AND m.month = s.closed_month
LEFT JOIN kind ON kind.channel = s.channel AND kind.business_date = s.business_date
    AND kind.final_handler IS NOT DISTINCT FROM s.final_handler AND kind.topic IS NOT DISTINCT FROM s.topic
LEFT JOIN (SELECT DISTINCT source, interaction_id FROM referral) r
    ON r.source = s.source AND r.interaction_id = s.interaction_id
"""

# What a contact's day, channel, handler and topic say of it. They are few among the contacts of a day, so that it is
# looked up once for each kind that occurs, and the contacts are joined to one table instead of seven.
_KIND = f"""
SELECT s.*, ch.messaging, tp.referable,
    coalesce(g.seconds, CASE WHEN ch.messaging THEN {MESSAGING_TARGET}
        WHEN s.channel = '{_VIP}' THEN {VIP_TARGET} ELSE {PHONE_TARGET} END) AS target_seconds,
    coalesce(k.cost_fen, k0.cost_fen) AS cost_fen,
    coalesce(h.cost_fen, h0.cost_fen) AS human_cost_fen
FROM (SELECT DISTINCT business_date, channel, final_handler, topic FROM s) s
LEFT JOIN channel ch ON ch.channel = s.channel
LEFT JOIN topic tp ON tp.topic = s.topic
LEFT JOIN target_period g ON g.channel = s.channel AND {_IN_FORCE.format("g")}
LEFT JOIN unit_cost k ON k.channel = s.channel AND k.handler = s.final_handler AND k.topic = s.topic
    AND {_IN_FORCE.format("k")}
LEFT JOIN unit_cost k0 ON k0.channel = s.channel AND k0.handler = s.final_handler AND k0.topic = ''
    AND {_IN_FORCE.format("k0")}
LEFT JOIN human_cost h ON h.topic = s.topic AND h.business_date = s.business_date
LEFT JOIN human_cost h0 ON h0.topic = '' AND h0.business_date = s.business_date
"""

COLUMNS = [column.name for column in schema.interaction.columns]


def fresh(load_id: int) -> str:
    """The staged interactions as a relation for ``derived``."""
    return (
        f"(SELECT rowid AS rid, {load_id} AS load_id, tier AS given_tier, region AS given_region, "
        "* EXCLUDE (tier, region) FROM staged_interaction)"
    )


# Stored interactions that are derived again.
CANDIDATES = "(SELECT rowid AS rid, * FROM candidate)"


def derived(relation: str, links: str, zone: ZoneInfo, first: datetime, last: datetime) -> str:
    """SELECT of complete interactions, columns in the order of the table.

    ``relation``: rows with every source column (``given_tier`` and ``given_region`` for the feed's own), ``rid`` and
    ``load_id``, of which those that started between ``first`` and ``last`` (UTC, inclusive) are taken. ``links``:
    table of the neighbours by ``rid``. ``prepare`` must have been called for the dates.
    """
    values = ", ".join(f'{_DERIVED.get(name, f"s.{name}")} AS "{name}"' for name in COLUMNS)
    local = wall_clock(zone, "started_at", first, last)
    limits = f"started_at BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'"
    return f"""
        WITH s AS NOT MATERIALIZED (
            SELECT *, local_at::DATE AS business_date,
                (date_trunc('month', local_at) - INTERVAL 1 MONTH)::DATE AS closed_month
            FROM (SELECT * {_without_derived(relation)}, {local} AS local_at FROM {relation} WHERE {limits})
        ), kind AS MATERIALIZED ({_KIND})
        SELECT {values} FROM s
        LEFT JOIN {links} l ON l.rid = s.rid
        {_JOINS}
    """


def _without_derived(relation: str) -> str:
    """A stored row brings its old derived values, which the new ones must not be confused with."""
    if relation != CANDIDATES:
        return ""
    kept = {"load_id", "given_tier", "given_region"}
    return f"EXCLUDE ({', '.join(name for name in _DERIVED if name not in kept)})"


def prepare(connection: sa.Connection, first: date, last: date) -> None:
    """Make the lookup tables ``tier_period``, ``month_period``, ``target_period`` and ``human_cost`` for business dates
    ``first`` to ``last``: of what there is for every customer and month, the part that these days can need.
    """
    run = connection.exec_driver_sql
    run(
        "CREATE OR REPLACE TEMP TABLE tier_period AS "
        "SELECT customer_key, tier, valid_from, valid_to FROM customer_tier "
        f"WHERE valid_from <= DATE '{last}' AND coalesce(valid_to, DATE '9999-12-31') > DATE '{first}'"
    )
    run(
        "CREATE OR REPLACE TEMP TABLE month_period AS SELECT customer_key, month, is_tail FROM customer_month "
        f"WHERE month BETWEEN date_trunc('month', DATE '{first}') - INTERVAL 1 MONTH AND DATE '{last}'"
    )
    run(
        """
        CREATE OR REPLACE TEMP TABLE target_period AS
        SELECT channel, seconds, valid_from,
            lead(valid_from) OVER (PARTITION BY channel ORDER BY valid_from) AS valid_to
        FROM service_target
        """
    )
    # What an agent costs on the hotline for the topic, else for any topic; else on the first channel that has one.
    run(
        f"""
        CREATE OR REPLACE TEMP TABLE human_cost AS
        SELECT d.business_date, t.topic,
            first(u.cost_fen ORDER BY u.channel <> 'hotline', u.channel, u.topic = '') AS cost_fen
        FROM (SELECT unnest(range(DATE '{first}', DATE '{last}' + 1, INTERVAL 1 DAY))::DATE AS business_date) d
        CROSS JOIN (SELECT DISTINCT topic FROM unit_cost WHERE handler = 'agent' UNION SELECT '') t
        JOIN unit_cost u ON u.handler = 'agent' AND u.topic IN ('', t.topic) AND d.business_date >= u.valid_from
            AND (d.business_date < u.valid_to OR u.valid_to IS NULL)
        GROUP BY ALL
        """
    )
