"""Bringing facts into the warehouse: staged first, then published in one transaction, or not at all."""

import json
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa

from kpi import schema
from kpi.errors import LoadError, MixedData
from kpi.warehouse.engine import Warehouse
from kpi.warehouse.publication import Publication
from kpi.warehouse.published import Feed, Published, write_facts
from kpi.warehouse.staging import Stage, insert_arrow
from kpi.warehouse.upsert import Counts


@dataclass(frozen=True)
class LoadReport:
    """What a load did. Always ``rows_read`` = loaded + updated + duplicate + excluded + rejected.

    The counts are of interactions, or of all staged tables where no interaction was staged; ``tables`` has them
    by table. ``first_date``, ``last_date``: business dates of the facts that it changed.
    """

    load_id: int
    rows_read: int
    loaded: int
    updated: int
    duplicate: int
    excluded: int
    rejected: int
    first_date: date | None
    last_date: date | None
    tables: dict[str, Counts] = field(hash=False)
    seconds: float


class Load:
    """One load. Leaving the ``with`` block without ``publish()`` discards everything.

    ``synthetic``: whether the data is made up; None for changes to rules, which are neither. ``zone``: the business
    zone that an empty warehouse adopts. ``ends``: whether nothing will follow, as after the last load of a demo.
    ``key_mark``: of the key that its customers were hashed with.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        description: str,
        *,
        synthetic: bool | None,
        allow_mixed: bool = False,
        zone: ZoneInfo | None = None,
        ends: bool = False,
        key_mark: str = "",
    ) -> None:
        self._warehouse = warehouse
        self._description = description
        self._synthetic = synthetic
        self._allow_mixed = allow_mixed
        self._zone = zone
        self._ends = ends
        self._key_mark = key_mark
        self._feeds: dict[str, Feed] = {}
        self._excluded: dict[str, int] = {}
        self._rejected: list[tuple[int, str, str]] = []
        self._stage: Stage | None = None

    def __enter__(self) -> Self:
        """Raises MixedData at once, rather than after a long staging."""
        engine = self._warehouse.writing_engine()
        self._refuse_mixing(self._warehouse.published())
        self._connection = engine.connect()
        self._stage = Stage(self._connection)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stage = None
        # Closing it for good, rather than giving it back to the pool, drops its temporary tables.
        self._connection.invalidate()
        self._connection.close()

    # --- what is handed over ---

    def feed(self, source: str, name_zh: str, name_en: str, watermark_utc: datetime, carries: set[str]) -> None:
        """Register a feed and how far it has delivered. A watermark never moves back; ``carries`` (columns of
        ``interaction`` and names of other tables that it records) only grows.

        Raises LoadError for a name in ``carries`` that is no column or table, and a watermark with a zone.
        """
        valid = [*schema.interaction.columns.keys(), *schema.metadata.tables]
        for name in carries:
            if name not in valid:
                raise LoadError("carries_unknown", source=source, name=name, valid=", ".join(valid))
        if watermark_utc.tzinfo is not None:
            raise LoadError("watermark_zone", source=source, watermark=watermark_utc)
        self._feeds[source] = Feed(source, name_zh, name_en, watermark_utc, frozenset(carries))

    def stage(self, table: str, rows: pa.Table | pa.RecordBatch | pd.DataFrame) -> None:
        """Hand over rows for a table, any number of times. Of rows of the same key the latest ``updated_at`` holds,
        where the table has one, and of equal ones the last.

        Raises UnknownName for a table or column that is none, LoadError for a derived column or a wrong type.
        """
        self._staging().add(table, rows)

    def exclude(self, reason: str, rows: int) -> None:
        """Count rows that were read and are left out on purpose."""
        self._excluded[reason] = self._excluded.get(reason, 0) + rows

    def reject(self, row_number: int, raw: dict[str, object], reasons: list[str]) -> None:
        """Keep a row that cannot be loaded, as it stood, with every reason. ``row_number``: 1 = the first of data."""
        self._rejected.append(
            (row_number, json.dumps(raw, ensure_ascii=False, default=str), json.dumps(reasons, ensure_ascii=False))
        )

    # --- publishing ---

    def publish(self) -> LoadReport:
        """Write everything in one transaction under the writer's lock, with all that follows from it.

        Raises LoadError for data that breaks a rule, MixedData, WarehouseBusy; then nothing was changed.
        """
        began, started_at = time.perf_counter(), _now()
        stage = self._staging()
        stage.settle()
        with self._warehouse.write(self._connection):
            before = self._warehouse.published(self._connection)
            self._refuse_mixing(before)
            before = self._set_facts(before)
            publication = Publication(self._warehouse, self._connection, stage, self._feeds, before)
            publication.run()
            counted = self._counted(stage, publication.counts)
            days = publication.changed_days
            first, last = min(days, default=None), max(days, default=None)
            self._record(publication.load_id, started_at, counted, first, last)
        self._stage = None
        return LoadReport(
            load_id=publication.load_id,
            first_date=first,
            last_date=last,
            tables=publication.counts,
            seconds=time.perf_counter() - began,
            **counted,
        )

    def _staging(self) -> Stage:
        if self._stage is None:
            raise LoadError("load_over")
        return self._stage

    def _refuse_mixing(self, published: Published) -> None:
        if self._synthetic is None or self._allow_mixed or published.empty:
            return
        if published.synthetic and not self._synthetic:
            raise MixedData("mixed_into_synthetic")
        if self._synthetic and not published.synthetic:
            raise MixedData("mixed_into_real")

    def _set_facts(self, before: Published) -> Published:
        """Zone and kind of data are settled by the first load; mixed data counts as synthetic from then on. Gives
        ``before`` with the zone that is settled.
        """
        if self._synthetic is None:
            return before
        zone = self._zone if before.empty and self._zone is not None else before.zone
        facts = {"synthetic": str(self._synthetic or before.synthetic).lower(), "time_zone": zone.key,
                 "ended": str(self._ends).lower()}  # fmt: skip
        if self._key_mark:
            facts["key_mark"] = self._key_mark
        write_facts(self._connection, facts)
        return replace(before, zone=zone)

    def _counted(self, stage: Stage, counts: dict[str, Counts]) -> dict[str, int]:
        """The identity of rows. What was read is counted when it is handed over, apart from what became of it."""
        tables = ["interaction"] if "interaction" in counts else list(counts)
        excluded, rejected = sum(self._excluded.values()), len(self._rejected)
        read = sum(stage.rows[name] for name in tables) + excluded + rejected
        counted = {
            "rows_read": read,
            "loaded": sum(counts[name].loaded for name in tables),
            "updated": sum(counts[name].updated for name in tables),
            "duplicate": sum(counts[name].duplicate for name in tables),
            "excluded": excluded,
            "rejected": rejected,
        }
        if read != sum(counted.values()) - read:
            raise LoadError("rows_do_not_add_up", **{**counted, "read": read})
        return counted

    def _record(
        self, load_id: int, started_at: datetime, counted: dict[str, int], first: date | None, last: date | None
    ) -> None:
        connection = self._connection
        connection.execute(
            schema.load_batch.insert(),
            {
                "load_id": load_id,
                "description": self._description,
                "started_at": started_at,
                "published_at": _now(),
                "first_date": first,
                "last_date": last,
                **counted,
            },
        )
        if self._excluded:
            connection.execute(
                schema.exclusion.insert(),
                [{"load_id": load_id, "reason": reason, "rows": rows} for reason, rows in self._excluded.items()],
            )
        if self._rejected:
            numbers, raws, reasons = (list(column) for column in zip(*self._rejected, strict=True))
            rows = pa.table(
                {"load_id": [load_id] * len(numbers), "row_number": numbers, "raw": raws, "reasons": reasons}
            )
            insert_arrow(connection, schema.rejected_row.name, rows)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
