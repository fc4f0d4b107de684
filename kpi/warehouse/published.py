"""What a published state of the warehouse says of itself: version, zone, feeds and what follows from them."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from kpi import schema
from kpi.i18n import Language
from kpi.metrics.model import LOOK_BACK, MATURITIES, mature_bind
from kpi.plain_text import clean


@dataclass(frozen=True)
class Feed:
    """One feed. ``watermark``: everything that started before it (UTC, no zone) has arrived."""

    source: str
    name_zh: str
    name_en: str
    watermark: datetime
    carries: frozenset[str]

    def name(self, language: Language) -> str:
        return self.name_zh if language == "zh" else self.name_en


@dataclass(frozen=True)
class Published:
    """One published state. Two readings with the same ``version`` give the same numbers.

    ``data_start``: UTC start of the oldest interaction; None in an empty warehouse. ``families``: of its channels.
    """

    version: int
    schema_version: int
    zone: ZoneInfo
    synthetic: bool
    data_start: datetime | None
    feeds: dict[str, Feed] = field(hash=False)
    families: frozenset[str] = frozenset()
    empty: bool = False  # nothing was ever loaded
    ended: bool = False  # nothing will follow what was loaded last: a demo
    key_mark: str = ""  # of the key that customers were hashed with; "" for none, or before marks were kept

    @cached_property
    def complete_until(self) -> datetime:
        """UTC: every feed has delivered everything before it (the slowest feed's watermark)."""
        return min(feed.watermark for feed in self.feeds.values())

    @cached_property
    def latest(self) -> datetime:
        """UTC: the fastest feed's watermark."""
        return max(feed.watermark for feed in self.feeds.values())

    @cached_property
    def today(self) -> date:
        """The business date that is running in the data: the one the fastest feed has reached.

        Presets ("yesterday") are relative to it, not to the clock: a warehouse that was not fed for a week still
        shows its last week, and the as-of line says of when it is.
        """
        # A watermark at midnight belongs to the day that it ends.
        return self.local(self.latest - timedelta(microseconds=1)).date()

    @property
    def last_day(self) -> date | None:
        """The day on which data end that nothing will follow; None where they go on."""
        return self.today if self.ended and self.feeds else None

    def local(self, moment: datetime) -> datetime:
        """A UTC time of the warehouse in its business time zone."""
        return moment.replace(tzinfo=UTC).astimezone(self.zone)

    def utc(self, local: datetime) -> datetime:
        """A wall-clock time of the business zone as the warehouse stores it: UTC, no zone."""
        return local.replace(tzinfo=self.zone).astimezone(UTC).replace(tzinfo=None)

    def binds(self) -> dict[str, datetime | date | int]:
        """Values of the time limits that KPI declarations leave open (``kpi.metrics.model``)."""
        start = self.data_start or datetime(1970, 1, 1)
        limits = {mature_bind(window): self.complete_until - window for window in MATURITIES} if self.feeds else {}
        return {
            **limits,
            "look_back_from": start + LOOK_BACK,
            # The first business date that is not over in every feed.
            "running_date": self.local(self.complete_until).date() if self.feeds else start.date(),
            # By how many minutes (0–59) the zone's clock is ahead of one that differs from UTC by whole hours.
            "zone_minutes": (self.local(start).minute - start.minute) % 60,
        }


def read_published(connection: sa.Connection, version_query: str) -> Published:
    """Read what the connection's transaction sees."""
    facts = {row.name: row.value for row in connection.execute(sa.select(schema.warehouse_fact))}
    feeds = {
        row.source: Feed(
            row.source, clean(row.name_zh), clean(row.name_en), row.watermark, frozenset(json.loads(row.carries))
        )
        for row in connection.execute(sa.select(schema.feed).order_by(schema.feed.c.source))
    }
    start = facts.get("data_start")
    return Published(
        version=connection.execute(sa.text(version_query)).scalar_one(),
        schema_version=int(facts["schema_version"]),
        zone=ZoneInfo(facts["time_zone"]),
        synthetic=facts.get("synthetic") == "true",
        data_start=datetime.fromisoformat(start) if start else None,
        feeds=feeds,
        families=frozenset(connection.scalars(sa.select(schema.channel.c.family).distinct())),
        empty="synthetic" not in facts,
        ended=facts.get("ended") == "true",
        key_mark=facts.get("key_mark", ""),
    )


def write_facts(connection: sa.Connection, facts: dict[str, str]) -> None:
    """Set what the warehouse says of itself (``warehouse_fact``)."""
    table = schema.warehouse_fact
    connection.execute(table.delete().where(table.c.name.in_(list(facts))))
    connection.execute(table.insert(), [{"name": name, "value": value} for name, value in facts.items()])
