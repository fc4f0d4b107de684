"""One small demo bank for all tests of it, as DuckDB tables: nothing of the product's own queries is used here."""

from datetime import date

import duckdb
import pyarrow as pa
import pytest

from seed.load import Bank
from seed.options import Options

# Long enough for every planted event; about as many contacts a customer as the default demo has at its end.
SMALL = Options(end=date(2026, 11, 23), days=240, interactions=1500, customers=100_000)


def tables_of(options: Options) -> dict[str, pa.Table]:
    """All tables of a demo bank."""
    bank = Bank(options)
    found: dict[str, list[pa.Table]] = {}
    for name, rows in bank.standing():
        found.setdefault(name, []).append(rows)
    for chunk in bank.traffic.chunks():
        for name, rows in bank.facts(chunk).items():
            found.setdefault(name, []).append(rows)
    return {name: pa.concat_tables(parts) for name, parts in found.items()}


@pytest.fixture(scope="session")
def options() -> Options:
    return SMALL


@pytest.fixture(scope="session")
def bank(options: Options) -> duckdb.DuckDBPyConnection:
    """The tables, and ``contact``: interactions with local date and hour, tier, and seconds to the next and from the
    previous contact of the same customer on the same topic, where they lie within a week.
    """
    connection = duckdb.connect(":memory:", config={"threads": 2})
    for name, rows in tables_of(options).items():
        connection.register("rows_of", rows)
        connection.execute(f'CREATE TABLE "{name}" AS FROM rows_of')
        connection.unregister("rows_of")
    connection.execute(
        """
        CREATE TABLE contact AS
        WITH linked AS (
            SELECT source, interaction_id,
                   date_diff('second', ended_at, lead(started_at) OVER w) AS later,
                   date_diff('second', lag(ended_at) OVER w, started_at) AS earlier
            FROM interaction WHERE direction = 'inbound' AND customer_key IS NOT NULL AND topic IS NOT NULL
            WINDOW w AS (PARTITION BY customer_key, topic ORDER BY started_at)
        )
        SELECT i.*, (i.started_at + INTERVAL 8 HOUR)::DATE AS day, hour(i.started_at + INTERVAL 8 HOUR) AS hour,
               t.tier, p.business_line,
               CASE WHEN later <= 604800 THEN later END AS later,
               CASE WHEN earlier <= 604800 THEN earlier END AS earlier,
               direction = 'inbound' AND i.ended_at IS NOT NULL AND engaged
                   AND first_handler IN ('self_service', 'robot') AS machine
        FROM interaction i LEFT JOIN linked USING (source, interaction_id)
        LEFT JOIN customer_tier t ON t.customer_key = i.customer_key
            AND (i.started_at + INTERVAL 8 HOUR)::DATE >= t.valid_from
            AND (i.started_at + INTERVAL 8 HOUR)::DATE < coalesce(t.valid_to, DATE '9999-01-01')
        LEFT JOIN topic p ON p.topic = i.topic
        """
    )
    return connection
