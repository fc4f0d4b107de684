"""A small world of facts for tests: written in local time, loaded through the load path like any feed.

``World`` collects rows; ``World.publish`` loads what was collected since the last time, so that late data and
several loads are as easy to write as one.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pyarrow as pa
import sqlalchemy as sa

from kpi import schema
from kpi.settings import load_settings
from kpi.warehouse import Warehouse
from kpi.warehouse.load import Load

ENGINES = ("ducklake", "duckdb")
# Everything that a feed can record.
EVERYTHING = frozenset(schema.source_columns(schema.interaction)) | frozenset(schema.metadata.tables)

# Kinds of contact; a test names one and says what differs.
_NOBODY = {
    "direction": "inbound",
    "engaged": True,
    "escalated": False,
    "queued": False,
    "human_answered": False,
    "abandoned_stage": "none",
    "transfers": 0,
    "csat_asked": False,
    "nps_asked": False,
    "ces_asked": False,
}
_HUMAN = _NOBODY | {
    "first_handler": "agent",
    "final_handler": "agent",
    "queued": True,
    "human_answered": True,
    "outcome": "resolved",
    "wait_seconds": 10,
    "talk_seconds": 100,
    "hold_seconds": 10,
    "wrap_seconds": 20,
    "team": "desk",
    "agent_key": "a1",
}
_LEFT = {
    "final_handler": "none",
    "human_answered": False,
    "outcome": "abandoned",
    "talk_seconds": None,
    "hold_seconds": None,
    "wrap_seconds": None,
    "team": None,
    "agent_key": None,
}
_CALL = _HUMAN | {"channel": "hotline", "line": "hotline", "media": "voice"}
_SELF = _NOBODY | {
    "channel": "wechat",
    "line": "digital",
    "media": "text",
    "first_handler": "self_service",
    "final_handler": "self_service",
    "outcome": "resolved",
}
_ROBOT = _SELF | {"first_handler": "robot", "final_handler": "robot", "matched": True}
KINDS: dict[str, dict[str, object]] = {
    "call": _CALL,
    "vip": _CALL | {"channel": "vip", "line": "vip"},
    "chat": _HUMAN | {"channel": "chat", "line": "digital", "media": "text", "first_response_seconds": 30},
    "abandoned": _CALL | _LEFT | {"abandoned_stage": "queue"},
    "menu": _CALL
    | _LEFT
    | {
        "abandoned_stage": "menu",
        "first_handler": "none",
        "engaged": False,
        "queued": False,
        "wait_seconds": None,
    },
    "waiting": _CALL | _LEFT | {"outcome": "open", "wait_seconds": None, "minutes": None},
    "self": _SELF,
    "robot": _ROBOT,
    "gave_up": _SELF | {"outcome": "given_up"},
    "escalated": _HUMAN
    | {
        "channel": "wechat",
        "line": "digital",
        "media": "text",
        "first_handler": "robot",
        "matched": True,
        "escalated": True,
        "escalation_reason": "asked",
        "first_response_seconds": 30,
    },
    "lost": _ROBOT
    | _LEFT
    | {
        "escalated": True,
        "escalation_reason": "not_understood",
        "queued": True,
        "abandoned_stage": "queue",
        "wait_seconds": 40,
    },
    "push": {"channel": "wechat", "line": "digital", "direction": "outbound", "media": "text"},
}

CHANNELS = {  # channel -> (family, messaging)
    "hotline": ("phone", False),
    "vip": ("phone", False),
    "sms": ("sms", True),
    "chat": ("chat", True),
    "wechat": ("wechat", True),
}


class World:
    """Rows to be loaded. Times are text in the zone, "2026-03-02 10:00"; ``minutes`` (5) is a contact's length."""

    def __init__(self, zone: str = "Asia/Shanghai", channels: Collection[str] = tuple(CHANNELS)) -> None:
        self.zone = ZoneInfo(zone)
        self.channels = tuple(channels)
        self.carries: dict[str, Collection[str]] = dict.fromkeys(self.channels, EVERYTHING)
        self.number = 0
        self.rows: dict[str, list[dict[str, object]]] = {}
        for position, channel in enumerate(self.channels):
            family, messaging = CHANNELS[channel]
            self.add("channel", channel=channel, **_names(channel), messaging=messaging, family=family,
                     position=position)  # fmt: skip

    def utc(self, text: str, fold: int = 0) -> datetime:
        """A local time as the warehouse stores it; ``fold=1``: the second of two equal wall-clock times."""
        local = datetime.fromisoformat(text).replace(tzinfo=self.zone, fold=fold)
        return local.astimezone(UTC).replace(tzinfo=None)

    def add(self, table: str, **row: object) -> None:
        self.rows.setdefault(table, []).append(row)

    def contact(self, kind: str, at: str | datetime, **facts: object) -> str:
        """A contact that began ``at`` (local text, or UTC as datetime). Gives its id."""
        row: dict[str, object] = {"minutes": 5} | KINDS[kind] | facts
        minutes = row.pop("minutes")
        self.number += 1
        row.setdefault("interaction_id", f"i{self.number}")
        row.setdefault("source", row["channel"])
        row["started_at"] = self.utc(at) if isinstance(at, str) else at
        if minutes is not None:
            row["ended_at"] = row["started_at"] + timedelta(minutes=float(str(minutes)))  # type: ignore[operator]
        self.add("interaction", **row)
        return str(row["interaction_id"])

    def customer(self, key: int, tier: int | None = 1, opened: str = "2020-01-01", **facts: object) -> int:
        """A customer with one tier from the day he joined; ``value_fen`` by month with ``month``."""
        self.add("customer", **{"customer_key": key, "opened_on": opened, "region": "east"} | facts)
        if tier is not None:
            self.add("customer_tier", customer_key=key, valid_from=opened, tier=tier)
        return key

    def months(self, month: str, values: Mapping[int, int | None], products: int = 1) -> None:
        """What customers brought in a month, in fen."""
        for key, value in values.items():
            self.add("customer_month", customer_key=key, month=month, value_fen=value, products=products)

    def topic(self, *topics: str, referable: bool = False, line: str = "account", complexity: str = "standard") -> None:
        for topic in topics:
            self.add("topic", topic=topic, **_names(topic), business_line=line, complexity=complexity,
                     referable=referable)  # fmt: skip

    def publish(self, warehouse: Warehouse, watermarks: str | Mapping[str, str], synthetic: bool = True) -> object:
        """Load what was added since the last time; ``watermarks``: local time, one for all feeds or by feed."""
        tables, self.rows = self.rows, {}
        with Load(warehouse, description="test", synthetic=synthetic, zone=self.zone) as load:
            for channel in self.channels:
                moment = watermarks if isinstance(watermarks, str) else watermarks[channel]
                load.feed(channel, channel, channel, self.utc(moment), set(self.carries[channel]))
            for name, rows in tables.items():
                load.stage(name, arrow(name, rows))
            return load.publish()


def _names(key: str) -> dict[str, str]:
    return {"name_zh": key, "name_en": key}


def arrow(name: str, rows: list[dict[str, object]]) -> pa.Table:
    """Rows of a table of the schema as Arrow, in the schema's types; a column that no row has is left out."""
    table = schema.metadata.tables[name]
    fields = [pa.field(c.name, _arrow_type(c.type)) for c in table.columns if any(c.name in row for row in rows)]
    unknown = {key for row in rows for key in row} - {field.name for field in fields}
    assert not unknown, f"{name} has no {unknown}"
    typed = [{f.name: _typed(row.get(f.name), f.type) for f in fields} for row in rows]
    return pa.Table.from_pylist(typed, schema=pa.schema(fields))


def _arrow_type(kind: sa.types.TypeEngine) -> pa.DataType:
    match kind:
        case sa.Boolean():
            return pa.bool_()
        case sa.SmallInteger():
            return pa.int16()
        case sa.BigInteger():
            return pa.int64()
        case sa.Integer():
            return pa.int32()
        case sa.DateTime():
            return pa.timestamp("us")
        case sa.Date():
            return pa.date32()
    return pa.string()


def _typed(value: object, kind: pa.DataType) -> object:
    if isinstance(value, str) and pa.types.is_date32(kind):
        return date.fromisoformat(value)
    return value


def make(folder: Path, engine: str, zone: str = "Asia/Shanghai", **settings: str) -> Warehouse:
    """A new warehouse of an engine, in a home of its own."""
    shutil.copytree(_empty(engine, zone).name, folder, dirs_exist_ok=True)
    return _in(folder, engine, zone, settings)


@cache
def _empty(engine: str, zone: str) -> TemporaryDirectory[str]:
    """The home of a warehouse that was just created, to be copied: to make its tables takes as long as a load."""
    home = TemporaryDirectory()
    warehouse = _in(Path(home.name), engine, zone, {})
    warehouse.create()
    warehouse.close()
    return home


def _in(folder: Path, engine: str, zone: str, settings: dict[str, str]) -> Warehouse:
    place = folder / ("lake" if engine == "ducklake" else "warehouse.duckdb")
    environment = {
        "KPI_HOME": str(folder),
        "KPI_WAREHOUSE_URL": f"{engine}:///{place}",
        "KPI_TIME_ZONE": zone,
        "KPI_THREADS": "2",
        "KPI_MEMORY": "1",
    }
    return Warehouse.from_settings(load_settings(environment | settings))
