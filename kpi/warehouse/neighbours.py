"""Looking around a contact: the next and the previous one of the same customer on the same topic, on any channel.

Only inbound contacts of an identified customer with a topic are linked. ``next_seconds`` runs from this one's end to
the first start after it, ``previous_seconds`` from the last end before it to its start, both within 7 days and in
whole seconds (rounded down); an open contact has no next and is nobody's previous. ``crossed_channel``: another one,
on another channel, began in the 7 days before this one did.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from kpi.metrics.model import LOOK_BACK

_LINKED = "customer_key IS NOT NULL AND topic IS NOT NULL AND direction = 'inbound'"
_WINDOW = f"INTERVAL {LOOK_BACK.days} DAY"


def link(connection: sa.Connection, warehouse_empty: bool) -> None:
    """Link the staged interactions with each other and with the stored ones.

    Makes the temporary tables ``fresh_link`` (``rid`` = row of ``staged_interaction``) and ``moved_link`` (stored
    rows whose links change: source, interaction_id, business_date, and the new values). The old versions of
    replaced rows lie in ``stored_interaction`` and are no longer in ``interaction``.
    """
    run = connection.exec_driver_sql
    _nearby(connection, warehouse_empty)
    # A contact alone with its customer and topic has no neighbour; most are. Equal hashes only let more through.
    run(
        f"""
        CREATE OR REPLACE TEMP TABLE contact AS
        WITH contacts AS (
            SELECT true AS fresh, rowid AS rid, customer_key, topic, channel, started_at, ended_at
            FROM staged_interaction WHERE {_LINKED}
            UNION ALL
            SELECT false, rowid, customer_key, topic, channel, started_at, ended_at FROM nearby
        )
        SELECT * FROM contacts
        WHERE hash(customer_key, topic) IN (
            SELECT hash(customer_key, topic) FROM contacts GROUP BY 1 HAVING count(*) > 1
        )
        """
    )
    run(
        f"""
        CREATE OR REPLACE TEMP TABLE link AS
        WITH event AS (
            -- At one moment starts come before ends: neither is after, or before, the other.
            SELECT fresh, rid, customer_key, topic, channel, started_at AS moment, 0 AS ending FROM contact
            UNION ALL
            SELECT fresh, rid, customer_key, topic, channel, ended_at, 1 FROM contact WHERE ended_at IS NOT NULL
        ), around AS (
            SELECT *,
                first_value(CASE WHEN ending = 0 THEN moment END IGNORE NULLS) OVER (
                    PARTITION BY customer_key, topic ORDER BY moment, ending
                    ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
                ) AS next_start,
                max(CASE WHEN ending = 1 THEN moment END) OVER before AS last_end,
                max(CASE WHEN ending = 0 THEN moment END) OVER before AS row_start,
                last_value(CASE WHEN ending = 0 THEN channel END IGNORE NULLS) OVER before AS row_channel
            FROM event
            WINDOW before AS (
                PARTITION BY customer_key, topic ORDER BY moment, ending
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
        ), started AS (
            -- By groups: contacts that began at the same moment are not before each other. ``start_elsewhere`` is the
            -- last start on a channel other than that of the last start of all.
            SELECT *,
                max(CASE WHEN ending = 0 THEN moment END) OVER earlier AS last_start,
                last_value(CASE WHEN ending = 0 THEN channel END IGNORE NULLS) OVER earlier AS last_channel,
                max(CASE WHEN ending = 0 AND channel <> row_channel THEN row_start END) OVER earlier AS start_elsewhere
            FROM around
            WINDOW earlier AS (
                PARTITION BY customer_key, topic ORDER BY moment, ending
                GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
        ), seconds AS (
            SELECT fresh, rid,
                CASE WHEN ending = 1 AND next_start <= moment + {_WINDOW}
                    THEN (epoch_us(next_start) - epoch_us(moment)) // 1000000 END AS next_seconds,
                CASE WHEN ending = 0 AND last_end >= moment - {_WINDOW}
                    THEN (epoch_us(moment) - epoch_us(last_end)) // 1000000 END AS previous_seconds,
                ending = 0 AND CASE WHEN last_channel <> channel THEN last_start ELSE start_elsewhere END
                    >= moment - {_WINDOW} AS crossed
            FROM started
        )
        SELECT fresh, rid, max(next_seconds)::INTEGER AS next_seconds,
            max(previous_seconds)::INTEGER AS previous_seconds, coalesce(bool_or(crossed), false) AS crossed_channel
        FROM seconds GROUP BY fresh, rid
        """
    )
    run(
        "CREATE OR REPLACE TEMP TABLE fresh_link AS SELECT rid, next_seconds, previous_seconds, crossed_channel "
        "FROM link WHERE fresh AND (next_seconds IS NOT NULL OR previous_seconds IS NOT NULL OR crossed_channel)"
    )
    run(
        """
        CREATE OR REPLACE TEMP TABLE moved_link AS
        SELECT n.source, n.interaction_id, n.business_date, l.next_seconds, l.previous_seconds,
            coalesce(l.crossed_channel, false) AS crossed_channel
        FROM nearby n LEFT JOIN link l ON NOT l.fresh AND l.rid = n.rowid
        WHERE n.judged AND (l.next_seconds, l.previous_seconds, coalesce(l.crossed_channel, false))
            IS DISTINCT FROM (n.next_seconds, n.previous_seconds, n.crossed_channel)
        """
    )


def _nearby(connection: sa.Connection, warehouse_empty: bool) -> None:
    """The temporary table ``nearby``: stored contacts with the customers and topics of what changes, as far around
    in time as they can matter. ``judged``: close enough to a change to have gained or lost a neighbour.
    """
    run = connection.exec_driver_sql
    changed = (
        f"SELECT customer_key, topic, started_at, ended_at FROM staged_interaction WHERE {_LINKED} UNION ALL "
        f"SELECT customer_key, topic, started_at, ended_at FROM stored_interaction WHERE {_LINKED}"
    )
    first, last = run(f"SELECT min(started_at), max(coalesce(ended_at, started_at)) FROM ({changed})").one()
    if first is None or warehouse_empty:
        _fetch(connection, "SELECT NULL::BIGINT AS customer_key, NULL::VARCHAR AS topic WHERE false", None)
        return
    close = (first - LOOK_BACK, last + LOOK_BACK)
    # A day more, so that contacts of ordinary length are reached at once.
    margin = 2 * LOOK_BACK + timedelta(days=1)
    reach = (first - margin, last + margin)
    while True:
        _fetch(connection, changed, reach)
        run(f"UPDATE nearby SET judged = {_touches(*close)}")
        began, ended = run("SELECT min(started_at), max(coalesce(ended_at, started_at)) FROM nearby WHERE judged").one()
        if began is None:
            return
        # What is judged needs its own neighbours: a contact that lasted for weeks reaches further than most.
        needed = (min(reach[0], began - LOOK_BACK), max(reach[1], ended + LOOK_BACK))
        if needed == reach:
            return
        reach = needed


def _touches(low: datetime, high: datetime) -> str:
    return (
        f"(ended_at >= TIMESTAMP '{low}' AND started_at <= TIMESTAMP '{high}' "
        f"OR ended_at IS NULL AND started_at BETWEEN TIMESTAMP '{low}' AND TIMESTAMP '{high}')"
    )


def _fetch(connection: sa.Connection, changed: str, reach: tuple[datetime, datetime] | None) -> None:
    columns = (
        "source, interaction_id, business_date, customer_key, topic, channel, started_at, ended_at, next_seconds, "
        "previous_seconds, crossed_channel, false AS judged"
    )
    # Apart, so that each half is limited by plain comparisons, which skip stored files that cannot match.
    halves = ["ended_at IS NULL AND false"]
    if reach is not None:
        low, high = (f"TIMESTAMP '{moment}'" for moment in reach)
        halves = [
            f"ended_at >= {low} AND started_at <= {high}",
            f"ended_at IS NULL AND started_at >= {low} AND started_at <= {high}",
        ]
    found = " UNION ALL ".join(f"SELECT * FROM interaction WHERE {_LINKED} AND {half}" for half in halves)
    connection.exec_driver_sql(
        f"CREATE OR REPLACE TEMP TABLE nearby AS SELECT {columns} FROM ({found}) "
        f"SEMI JOIN ({changed}) USING (customer_key, topic)"
    )
