"""Who is long tail in a month, by the rule in force for it."""

from datetime import date

import sqlalchemy as sa

from kpi import schema
from kpi.warehouse.staging import staged
from kpi.warehouse.upsert import Counts, remove_stored, stored

# In force until another rule is: outside the top 20 % of the open customers by value.
DEFAULT_RULE = {"valid_from": date(1900, 1, 1), "kind": "value", "parameter": 20}


def write_months(connection: sa.Connection, counts: Counts, months: set[date]) -> None:
    """Write the staged ``customer_month`` rows and set ``is_tail`` of every row of ``months`` again.

    Customers open at the month's end are ranked by value, ties by key; who has no value is tail. A row of a customer
    that is not open then gets no ``is_tail``. Makes ``retailed`` (customer_key, month, was, is_tail): the rows whose
    tail differs from what it was.
    """
    run = connection.exec_driver_sql
    months = months | {month for (month,) in run(f"SELECT DISTINCT month FROM {staged(schema.customer_month)}")}
    _month_rules(connection, months)
    run(
        f"""
        CREATE OR REPLACE TEMP TABLE month_tail AS
        WITH listed AS (
            SELECT customer_key, month, tier, value_fen, products, true AS fresh, NULL::BOOLEAN AS was
            FROM {staged(schema.customer_month)}
            UNION ALL
            SELECT t.customer_key, t.month, t.tier, t.value_fen, t.products, false, t.is_tail
            FROM customer_month t ANTI JOIN {stored(schema.customer_month)} USING (customer_key, month)
            WHERE t.month IN (SELECT month FROM month_rule)
        ), known AS (
            SELECT l.*, r.kind, r.parameter, r.open_customers, c.customer_key IS NULL AS stranger,
                c.customer_key IS NULL
                    OR c.opened_on <= r.last_day AND (c.closed_on > r.last_day OR c.closed_on IS NULL) AS is_open
            FROM listed l JOIN month_rule r USING (month) LEFT JOIN customer c USING (customer_key)
        ), sized AS (
            -- Grouped and joined: a filtered window count over a whole partition takes the square of its rows.
            SELECT month, any_value(open_customers) + count(*) FILTER (WHERE stranger) AS of_all,
                count(*) FILTER (WHERE is_open AND value_fen IS NOT NULL) AS valued
            FROM known GROUP BY month
        ), place AS (
            -- Ranked by themselves: sorting takes the other columns along.
            SELECT month, value_fen, customer_key,
                row_number() OVER (PARTITION BY month ORDER BY value_fen DESC, customer_key) AS place
            FROM known WHERE is_open AND kind = 'value' AND value_fen IS NOT NULL
        ), last_top AS (
            SELECT month, p.value_fen AS last_value, p.customer_key AS last_key
            FROM place p JOIN sized USING (month) JOIN month_rule r USING (month)
            WHERE p.place = least((of_all * r.parameter + 99) // 100, valued)
        )
        SELECT customer_key, month, tier, value_fen, products, fresh, was,
            CASE WHEN is_open THEN CASE kind
                WHEN 'tier' THEN coalesce(tier <= parameter, true)
                ELSE coalesce(value_fen < last_value OR value_fen = last_value AND customer_key > last_key, true)
            END END AS is_tail
        FROM known LEFT JOIN last_top USING (month)
        """
    )
    if counts.updated:
        run(
            f"UPDATE month_tail SET was = o.is_tail FROM {stored(schema.customer_month)} o "
            "WHERE o.customer_key = month_tail.customer_key AND o.month = month_tail.month AND fresh"
        )
    run(
        "CREATE OR REPLACE TEMP TABLE retailed AS SELECT customer_key, month, fresh, was, is_tail FROM month_tail "
        "WHERE was IS DISTINCT FROM is_tail"
    )
    remove_stored(connection, schema.customer_month, counts)
    run(
        "DELETE FROM customer_month t USING retailed r "
        "WHERE NOT r.fresh AND t.customer_key = r.customer_key AND t.month = r.month"
    )
    run(
        """
        INSERT INTO customer_month (customer_key, month, tier, value_fen, products, is_tail)
        SELECT customer_key, month, tier, value_fen, products, is_tail FROM month_tail
        WHERE fresh OR was IS DISTINCT FROM is_tail
        ORDER BY month, customer_key
        """
    )
    run("DROP TABLE month_tail")


def _month_rules(connection: sa.Connection, months: set[date]) -> None:
    """The temporary table ``month_rule``: per month its last day, its rule and how many known customers are open."""
    run = connection.exec_driver_sql
    values = ", ".join(f"(DATE '{month}')" for month in sorted(months)) or "(NULL::DATE)"
    run(
        f"""
        CREATE OR REPLACE TEMP TABLE month_rule AS
        WITH asked AS (
            SELECT month, last_day(month) AS last_day FROM (VALUES {values}) v(month) WHERE month IS NOT NULL
        ),
        opened AS (SELECT opened_on AS day, count(*) AS customers FROM customer GROUP BY 1),
        closed AS (SELECT closed_on AS day, count(*) AS customers FROM customer WHERE closed_on IS NOT NULL GROUP BY 1)
        SELECT month, last_day,
            (SELECT arg_max(kind, valid_from) FROM tail_rule WHERE valid_from <= month) AS kind,
            (SELECT arg_max(parameter, valid_from) FROM tail_rule WHERE valid_from <= month)::BIGINT AS parameter,
            coalesce((SELECT sum(customers) FROM opened WHERE day <= last_day), 0)
                - coalesce((SELECT sum(customers) FROM closed WHERE day <= last_day), 0) AS open_customers
        FROM asked
        """
    )


def months_changed_by(connection: sa.Connection, staged_tables: set[str]) -> set[date]:
    """Stored months in which customers opened or closed otherwise than before, or that another rule is for.

    To be asked after the staged customers and rules were compared with the stored ones, before they are written.
    """
    run = connection.exec_driver_sql
    since: list[date] = []
    if "customer" in staged_tables:
        table = schema.customer
        since += [
            day
            for (day,) in run(
                f"""
                SELECT least(min(least(n.opened_on, n.closed_on)), min(least(o.opened_on, o.closed_on)))
                FROM {staged(table)} n LEFT JOIN {stored(table)} o USING (customer_key)
                WHERE (n.opened_on, n.closed_on) IS DISTINCT FROM (o.opened_on, o.closed_on)
                """
            )
        ]
        # Until it is known, a customer counts as open in every month that it has a row for.
        since += [
            day
            for (day,) in run(f"SELECT min(month) FROM customer_month SEMI JOIN {staged(table)} USING (customer_key)")
        ]
    if "tail_rule" in staged_tables:
        since += [day for (day,) in run(f"SELECT min(valid_from) FROM {staged(schema.tail_rule)}")]
    first = min((day for day in since if day is not None), default=None)
    if first is None:
        return set()
    return {
        month for (month,) in run(f"SELECT DISTINCT month FROM customer_month WHERE last_day(month) >= DATE '{first}'")
    }
