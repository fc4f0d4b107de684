"""Loading: stage any number of rows, then publish them in one transaction."""

import json
import time as clock
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

import chinese_calendar
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from kpi import schema
from kpi.errors import LoadError, MixedData, UnknownName
from kpi.metrics.model import MATURITIES
from kpi.metrics.rollups import ROLLUPS
from kpi.warehouse.engine import Warehouse
from kpi.warehouse.published import Published

_COUNTED = ("loaded", "updated", "duplicate")


@dataclass
class LoadReport:
    load_id: int
    rows_read: int
    loaded: int
    updated: int
    duplicate: int
    excluded: int
    rejected: int
    first_date: date | None
    last_date: date | None
    seconds: float
    tables: dict[str, dict[str, int]] = field(default_factory=dict)


class Load:
    def __init__(self, warehouse: Warehouse, description: str = "", *, synthetic: bool = False,
                 allow_mixed: bool = False, zone: ZoneInfo | None = None) -> None:
        self.warehouse, self.description = warehouse, description
        self.synthetic, self.allow_mixed, self.zone = synthetic, allow_mixed, zone
        self._feeds: list[dict] = []
        self._excluded: dict[str, int] = {}
        self._rejected: list[dict] = []
        self._staged: dict[str, int] = {}
        self._started = datetime.now(UTC).replace(tzinfo=None)

    def __enter__(self) -> Self:
        self._connection = self.warehouse.engine().connect()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.rollback()
        self._connection.invalidate()
        self._connection.close()

    def feed(self, source: str, name_zh: str, name_en: str, watermark: datetime, carries: Collection[str]) -> None:
        self._feeds.append({"source": source, "name_zh": name_zh, "name_en": name_en, "watermark": watermark, "carries": sorted(carries)})

    def exclude(self, reason: str, rows: int) -> None:
        self._excluded[reason] = self._excluded.get(reason, 0) + rows

    def reject(self, row_number: int, raw: dict, reasons: list[str]) -> None:
        self._rejected.append({"row_number": row_number, "raw": json.dumps(raw, ensure_ascii=False, default=str), "reasons": json.dumps(reasons, ensure_ascii=False)})

    def stage(self, table: str, data: pa.Table | pd.DataFrame) -> None:
        if table not in schema.metadata.tables:
            raise UnknownName("table", table, schema.metadata.tables)
        known = schema.source_columns(schema.metadata.tables[table])
        names = data.column_names if isinstance(data, pa.Table) else list(data.columns)
        for name in names:
            if name not in known:
                raise UnknownName("column", f"{table}.{name}", known)
        connection = self._connection
        raw = connection.connection.driver_connection
        raw.register("arrived", data)
        if table not in self._staged:
            self._x(f"CREATE OR REPLACE TEMP TABLE s_{table} AS SELECT {', '.join(known)}, 0::BIGINT AS _row FROM {table} WHERE false")
            self._staged[table] = 0
        self._x(f"INSERT INTO s_{table} BY NAME SELECT *, {self._staged[table]} + row_number() OVER () AS _row FROM arrived")
        raw.unregister("arrived")
        self._staged[table] += len(data)
        connection.commit()

    def _x(self, sql: str):
        return self._connection.exec_driver_sql(sql)

    def _one(self, sql: str):
        return self._x(sql).fetchone()

    def publish(self) -> LoadReport:
        begun = clock.monotonic()
        with self.warehouse.write_lock(), self._connection.begin():
            report = self._publish()
        report.seconds = clock.monotonic() - begun
        return report

    def _publish(self) -> LoadReport:
        c = self._connection
        before = self.warehouse.published(c)
        empty = before.data_start is None
        if not empty and before.synthetic != self.synthetic and not self.allow_mixed:
            raise MixedData("mixed_data", place=self.warehouse.place)
        zone = (self.zone or before.zone) if empty and "interaction" in self._staged else before.zone
        load_id = self._one("SELECT coalesce(max(load_id), 0) + 1 FROM load_batch")[0]
        self._feeds_in()
        if empty:
            self._x(f"DELETE FROM warehouse_fact WHERE name IN ('synthetic', 'time_zone')")
            self._x(f"INSERT INTO warehouse_fact VALUES ('synthetic', '{str(self.synthetic).lower()}'), ('time_zone', '{zone.key}')")
        counts: dict[str, dict[str, int]] = {}
        order = [t.name for t in schema.metadata.sorted_tables if t.name in self._staged and t.name not in {"interaction"}]
        if not self._one("SELECT count(*) FROM tail_rule")[0]:
            self._x("INSERT INTO tail_rule VALUES (DATE '1900-01-01', 'value', 20)")
        self._x("CREATE OR REPLACE TEMP TABLE work AS SELECT *, false AS _old FROM interaction WHERE false")
        for name in order:
            if name in {"handling_leg", "function_use", "complaint", "referral", "agent_time"}:
                continue
            counts[name] = self._upsert(name)
        if "customer_month" in self._staged:
            self._tail()
        if "interaction" in self._staged:
            counts["interaction"] = self._upsert("interaction")
        for name in ("handling_leg", "function_use", "complaint", "referral", "agent_time"):
            if name in self._staged:
                counts[name] = self._upsert(name, zone)
        dates: set[date] = set()
        if "interaction" in self._staged:
            dates = self._derive(zone, load_id)
        self._calendar()
        start = self._one("SELECT min(started_at) FROM interaction")[0]
        if start is not None:
            self._x("DELETE FROM warehouse_fact WHERE name = 'data_start'")
            self._x(f"INSERT INTO warehouse_fact VALUES ('data_start', '{start.isoformat()}')")
        after = self.warehouse.published(c)
        dates |= self._crossed(before, after)
        self._roll_up(after, dates)
        total = counts.get("interaction") or {k: sum(v[k] for v in counts.values()) for k in _COUNTED}
        excluded, rejected = sum(self._excluded.values()), len(self._rejected)
        report = LoadReport(load_id, sum(total.values()) + excluded + rejected, **total, excluded=excluded, rejected=rejected,
                            first_date=min(dates, default=None), last_date=max(dates, default=None), seconds=0.0, tables=counts)
        c.execute(schema.load_batch.insert(), [{
            "load_id": load_id, "description": self.description, "started_at": self._started,
            "published_at": datetime.now(UTC).replace(tzinfo=None), "rows_read": report.rows_read, **total,
            "excluded": excluded, "rejected": rejected, "first_date": report.first_date, "last_date": report.last_date}])
        if self._excluded:
            c.execute(schema.exclusion.insert(), [{"load_id": load_id, "reason": r, "rows": n} for r, n in self._excluded.items()])
        if self._rejected:
            c.execute(schema.rejected_row.insert(), [{"load_id": load_id, **r} for r in self._rejected])
        return report

    def _feeds_in(self) -> None:
        c = self._connection
        old = {r.source: r for r in c.execute(sa.select(schema.feed))}
        for f in self._feeds:
            carries, mark = set(f["carries"]), f["watermark"]
            if f["source"] in old:
                carries |= set(json.loads(old[f["source"]].carries))
                mark = max(mark, old[f["source"]].watermark)
                c.execute(schema.feed.delete().where(schema.feed.c.source == f["source"]))
            c.execute(schema.feed.insert(), [{**f, "watermark": mark, "carries": json.dumps(sorted(carries))}])

    def _upsert(self, name: str, zone: ZoneInfo | None = None) -> dict[str, int]:
        table = schema.metadata.tables[name]
        keys = table.info["key"]
        columns = schema.source_columns(table)
        k = ", ".join(keys)
        rows = self._one(f"SELECT count(*) FROM s_{name}")[0]
        for column in table.columns:
            if not column.nullable and not column.info.get("derived") and self._one(f"SELECT count(*) FROM s_{name} WHERE {column.name} IS NULL")[0]:
                raise LoadError("required_missing", table=name, column=column.name)
        self._x(f"CREATE OR REPLACE TEMP TABLE d_{name} AS SELECT * EXCLUDE (_row) FROM s_{name} QUALIFY row_number() OVER (PARTITION BY {k} ORDER BY _row DESC) = 1")
        fresh = self._one(f"SELECT count(*) FROM d_{name}")[0]
        on = " AND ".join(f"d.{key} IS NOT DISTINCT FROM t.{key}" if False else f"d.{key} = t.{key}" for key in keys)
        updated = same = 0
        if self._one(f"SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT 1)")[0]:
            self._x(f"CREATE OR REPLACE TEMP TABLE e_{name} AS SELECT t.* FROM {name} t SEMI JOIN d_{name} d ON {on}")
            differs = " OR ".join(f"d.{x} IS DISTINCT FROM t.{x}" for x in columns if x not in keys) or "false"
            self._x(f"CREATE OR REPLACE TEMP TABLE u_{name} AS SELECT {', '.join('d.' + key for key in keys)} FROM d_{name} d JOIN e_{name} t ON {on} WHERE {differs}")
            updated = self._one(f"SELECT count(*) FROM u_{name}")[0]
            existing = self._one(f"SELECT count(*) FROM e_{name}")[0]
            same = existing - updated
            # keep only what is new or changed
            self._x(f"DELETE FROM d_{name} d WHERE EXISTS (SELECT 1 FROM e_{name} t WHERE {on}) AND NOT EXISTS (SELECT 1 FROM u_{name} t WHERE {on})")
            if updated and name != "interaction":
                self._x(f"DELETE FROM {name} d WHERE EXISTS (SELECT 1 FROM u_{name} t WHERE {on})")
        else:
            self._x(f"CREATE OR REPLACE TEMP TABLE e_{name} AS SELECT * FROM {name} WHERE false")
        if name != "interaction":
            self._insert(name, columns, zone)
        return {"loaded": fresh - updated - same, "updated": updated, "duplicate": rows - fresh + same}

    def _insert(self, name: str, columns: list[str], zone: ZoneInfo | None) -> None:
        listed = ", ".join(f"d.{x}" for x in columns)
        extra, join, order = "", "", ""
        if name in {"handling_leg", "function_use"}:
            date_of = f"(SELECT source, interaction_id, started_at FROM d_interaction UNION ALL SELECT source, interaction_id, started_at FROM interaction)" if "interaction" in self._staged else "interaction"
            extra = f", ((i.started_at AT TIME ZONE 'UTC') AT TIME ZONE '{zone.key}')::DATE AS business_date"
            join = f" JOIN (SELECT DISTINCT ON (source, interaction_id) * FROM {date_of}) i USING (source, interaction_id)"
            order = " ORDER BY business_date"
        elif name == "referral":
            extra = f""", ((d.referred_at AT TIME ZONE 'UTC') AT TIME ZONE '{zone.key}')::DATE AS business_date,
              (SELECT max(t.tier) FROM customer_tier t WHERE t.customer_key = d.customer_key AND t.valid_from <= d.completed_at::DATE + 90 AND (t.valid_to IS NULL OR t.valid_to > d.completed_at::DATE + 90)) >
              (SELECT max(t.tier) FROM customer_tier t WHERE t.customer_key = d.customer_key AND t.valid_from <= d.completed_at::DATE AND (t.valid_to IS NULL OR t.valid_to > d.completed_at::DATE)) AS upgraded"""
        elif name == "agent_time":
            extra = f", ((d.half_hour AT TIME ZONE 'UTC') AT TIME ZONE '{zone.key}')::DATE AS business_date, (hour((d.half_hour AT TIME ZONE 'UTC') AT TIME ZONE '{zone.key}') * 2 + minute((d.half_hour AT TIME ZONE 'UTC') AT TIME ZONE '{zone.key}') // 30)::SMALLINT AS business_half_hour"
        self._x(f"INSERT INTO {name} BY NAME SELECT {listed}{extra} FROM d_{name} d{join}{order}")

    def _tail(self) -> None:
        self._x("CREATE OR REPLACE TEMP TABLE m AS SELECT DISTINCT month FROM d_customer_month")
        self._x("""CREATE OR REPLACE TEMP TABLE months AS
          SELECT cm.* REPLACE (CASE r.kind WHEN 'tier' THEN coalesce(cm.tier <= r.parameter, true)
             ELSE NOT (cm.value_fen IS NOT NULL AND row_number() OVER (PARTITION BY cm.month ORDER BY cm.value_fen DESC NULLS LAST, cm.customer_key) <= ceil(count(*) OVER (PARTITION BY cm.month) * r.parameter / 100.0)) END AS is_tail)
          FROM customer_month cm SEMI JOIN m USING (month) ASOF JOIN tail_rule r ON cm.month >= r.valid_from""")
        self._x("DELETE FROM customer_month WHERE month IN (SELECT month FROM m)")
        self._x("INSERT INTO customer_month BY NAME SELECT * FROM months ORDER BY month")

    def _derive(self, zone: ZoneInfo, load_id: int) -> set[date]:
        x = self._x
        local = f"((w.started_at AT TIME ZONE 'UTC') AT TIME ZONE '{zone.key}')"
        columns = schema.source_columns(schema.interaction)
        own = ", ".join(f"w.{c}" for c in columns if c not in {"tier", "region"})
        target = "coalesce(st.seconds, CASE WHEN w.channel = 'vip' THEN 10 WHEN ch.messaging THEN 60 ELSE 20 END)"
        offered = "(w.human_answered IS TRUE OR w.abandoned_stage = 'queue' OR (w.queued IS TRUE AND w.ended_at IS NULL))"
        waited = "CASE WHEN ch.messaging THEN w.first_response_seconds ELSE CASE WHEN w.human_answered IS TRUE THEN coalesce(w.wait_seconds, 0) ELSE w.wait_seconds END END"
        x(f"""CREATE OR REPLACE TEMP TABLE base AS SELECT w.*, {local}::DATE AS business_date, hour({local})::SMALLINT AS business_hour FROM d_interaction w""")
        x(f"""CREATE OR REPLACE TEMP TABLE w2 AS SELECT {own}, {load_id} AS load_id, w.business_date, w.business_hour,
            coalesce(t.tier, w.tier)::SMALLINT AS tier, coalesce(w.region, c.region) AS region, c.age_band,
            CASE WHEN w.customer_key IS NULL THEN NULL ELSE coalesce(cm.is_tail, true) END AS is_tail,
            CASE WHEN {offered} THEN ({waited}) <= {target} END AS in_target,
            coalesce(u.cost_fen, u0.cost_fen) AS cost_fen, coalesce(h.cost_fen, h0.cost_fen) AS human_cost_fen,
            tp.referable, EXISTS (SELECT 1 FROM referral r WHERE r.source = w.source AND r.interaction_id = w.interaction_id) AS has_referral
          FROM base w
          LEFT JOIN customer c ON c.customer_key = w.customer_key
          LEFT JOIN customer_tier t ON t.customer_key = w.customer_key AND t.valid_from <= w.business_date AND (t.valid_to IS NULL OR t.valid_to > w.business_date)
          LEFT JOIN customer_month cm ON cm.customer_key = w.customer_key AND cm.month = (date_trunc('month', w.business_date) - INTERVAL 1 MONTH)::DATE
          LEFT JOIN channel ch ON ch.channel = w.channel
          LEFT JOIN topic tp ON tp.topic = w.topic
          ASOF LEFT JOIN service_target st ON st.channel = w.channel AND w.business_date >= st.valid_from
          LEFT JOIN unit_cost u ON u.channel = w.channel AND u.handler = w.final_handler AND u.topic = w.topic AND u.valid_from <= w.business_date AND (u.valid_to IS NULL OR u.valid_to > w.business_date)
          LEFT JOIN unit_cost u0 ON u0.channel = w.channel AND u0.handler = w.final_handler AND u0.topic = '' AND u0.valid_from <= w.business_date AND (u0.valid_to IS NULL OR u0.valid_to > w.business_date)
          LEFT JOIN unit_cost h ON h.channel = 'hotline' AND h.handler = 'agent' AND h.topic = w.topic AND h.valid_from <= w.business_date AND (h.valid_to IS NULL OR h.valid_to > w.business_date)
          LEFT JOIN unit_cost h0 ON h0.channel = 'hotline' AND h0.handler = 'agent' AND h0.topic = '' AND h0.valid_from <= w.business_date AND (h0.valid_to IS NULL OR h0.valid_to > w.business_date)""")
        # who can be each other's neighbour
        x("CREATE OR REPLACE TEMP TABLE g AS SELECT DISTINCT customer_key, topic FROM (SELECT customer_key, topic FROM w2 UNION ALL SELECT customer_key, topic FROM e_interaction) WHERE customer_key IS NOT NULL AND topic IS NOT NULL")
        low, high = self._one("SELECT min(started_at) - INTERVAL 8 DAY, max(coalesce(ended_at, started_at)) + INTERVAL 8 DAY FROM (SELECT started_at, ended_at FROM w2 UNION ALL SELECT started_at, ended_at FROM e_interaction)")
        if low is None:
            return set()
        x(f"""CREATE OR REPLACE TEMP TABLE near AS SELECT i.* FROM interaction i SEMI JOIN g USING (customer_key, topic)
              WHERE i.started_at BETWEEN '{low}' AND '{high}' AND NOT EXISTS (SELECT 1 FROM d_interaction d WHERE d.source = i.source AND d.interaction_id = i.interaction_id)""")
        x("""CREATE OR REPLACE TEMP TABLE linked AS SELECT source, interaction_id, customer_key, topic, channel, started_at, ended_at
              FROM (SELECT * FROM near UNION ALL BY NAME SELECT * FROM w2) WHERE customer_key IS NOT NULL AND topic IS NOT NULL AND direction = 'inbound'""")
        x("""CREATE OR REPLACE TEMP TABLE nxt AS SELECT a.source, a.interaction_id, date_diff('second', a.ended_at, b.started_at)::INTEGER AS next_seconds
              FROM linked a ASOF JOIN linked b ON a.customer_key = b.customer_key AND a.topic = b.topic AND a.ended_at < b.started_at WHERE b.started_at <= a.ended_at + INTERVAL 7 DAY""")
        x("""CREATE OR REPLACE TEMP TABLE prv AS SELECT a.source, a.interaction_id, date_diff('second', b.ended_at, a.started_at)::INTEGER AS previous_seconds
              FROM linked a ASOF JOIN (SELECT * FROM linked WHERE ended_at IS NOT NULL) b ON a.customer_key = b.customer_key AND a.topic = b.topic AND a.started_at > b.ended_at WHERE a.started_at <= b.ended_at + INTERVAL 7 DAY""")
        x("""CREATE OR REPLACE TEMP TABLE crs AS SELECT DISTINCT a.source, a.interaction_id FROM linked a JOIN linked b ON a.customer_key = b.customer_key AND a.topic = b.topic
              AND a.channel <> b.channel AND b.started_at < a.started_at AND b.started_at >= a.started_at - INTERVAL 7 DAY""")
        names = [c.name for c in schema.interaction.columns if c.name not in {"next_seconds", "previous_seconds", "crossed_channel"}]
        listed = ", ".join(f"z.{n}" for n in names)
        around = """n.next_seconds, p.previous_seconds, CASE WHEN z.customer_key IS NOT NULL AND z.topic IS NOT NULL AND z.direction = 'inbound' THEN c.source IS NOT NULL END AS crossed_channel"""
        joins = """LEFT JOIN nxt n USING (source, interaction_id) LEFT JOIN prv p USING (source, interaction_id) LEFT JOIN crs c USING (source, interaction_id)"""
        x(f"""CREATE OR REPLACE TEMP TABLE again AS SELECT {listed}, {around} FROM near z {joins}
              WHERE n.next_seconds IS DISTINCT FROM z.next_seconds OR p.previous_seconds IS DISTINCT FROM z.previous_seconds
                 OR (c.source IS NOT NULL) IS DISTINCT FROM coalesce(z.crossed_channel, false)""")
        x(f"CREATE OR REPLACE TEMP TABLE w3 AS SELECT {listed}, {around} FROM w2 z {joins}")
        if self._one("SELECT count(*) FROM (SELECT 1 FROM e_interaction UNION ALL SELECT 1 FROM again LIMIT 1)")[0]:
            x("""DELETE FROM interaction i WHERE EXISTS (SELECT 1 FROM (SELECT source, interaction_id FROM again UNION ALL SELECT d.source, d.interaction_id FROM w3 d) k
                 WHERE k.source = i.source AND k.interaction_id = i.interaction_id)""")
        x("INSERT INTO interaction BY NAME SELECT * FROM (SELECT * FROM w3 UNION ALL BY NAME SELECT * FROM again) ORDER BY business_date, started_at")
        return {r[0] for r in x("SELECT DISTINCT business_date FROM (SELECT business_date FROM w3 UNION ALL SELECT business_date FROM again UNION ALL SELECT business_date FROM e_interaction SEMI JOIN w3 USING (source, interaction_id))")}

    def _calendar(self) -> None:
        low, high = self._one("SELECT min(business_date), max(business_date) FROM interaction")
        if low is None:
            return
        first, last = low.replace(month=1, day=1), high.replace(month=12, day=31)
        known = {r[0] for r in self._x("SELECT business_date FROM calendar")}
        names = {"Tomb-sweeping Day": "qingming", "Labour Day": "labour_day", "Mid-autumn Festival": "mid_autumn", "Spring Festival": "spring_festival", "New Year's Day": "new_year", "Dragon Boat Festival": "dragon_boat", "National Day": "national_day"}
        rows = []
        day = first
        while day <= last:
            if day not in known:
                try:
                    work, holiday = chinese_calendar.is_workday(day), names.get(chinese_calendar.get_holiday_detail(day)[1] or "")
                    holiday = None if work else holiday
                except NotImplementedError:
                    work, holiday = day.weekday() < 5, None
                rows.append({"business_date": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1), "weekday": day.isoweekday(), "workday": work, "holiday": holiday})
            day += timedelta(days=1)
        if rows:
            raw = self._connection.connection.driver_connection
            raw.register("days", pd.DataFrame(rows))
            self._x("INSERT INTO calendar BY NAME SELECT business_date::DATE AS business_date, week::DATE AS week, month::DATE AS month, weekday, workday, holiday FROM days")
            raw.unregister("days")

    def _crossed(self, before: Published, after: Published) -> set[date]:
        if before.data_start is None or not before.feeds or before.complete_until == after.complete_until:
            return set()
        found: set[date] = set()
        for window in MATURITIES[:3]:
            low, high = before.complete_until - window, after.complete_until - window
            found |= {r[0] for r in self._x(f"SELECT DISTINCT business_date FROM interaction WHERE ended_at > '{low}' AND ended_at <= '{high}'")}
        return found

    def _roll_up(self, published: Published, dates: set[date]) -> None:
        if not dates:
            return
        c = self._connection
        for r in ROLLUPS:
            c.execute(r.table.delete().where(r.table.c.business_date.in_(sorted(dates))))
            c.execute(r.table.insert().from_select([k.name for k in r.table.columns], r.select(dates=dates).order_by(sa.text("1"))), published.binds())
