"""A warehouse of its own and files to import, for every test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kpi.ingest import import_file, load_mapping, reader
from kpi.ingest.importer import reading_job
from kpi.settings import Settings, load_settings
from kpi.warehouse import Warehouse
from kpi.warehouse.load import LoadReport
from tests.ingest import bank_log

# A small source with a little of everything; tests change single lines of it.
MAPPING = """
[source]
id = "calls"
name_zh = "通话"
name_en = "Calls"
time_zone = "Europe/Berlin"
required = ["id", "start"]

[columns]
interaction_id = "id"
started_at = "CAST(start AS TIMESTAMP)"
ended_at = "CAST(\\"end\\" AS TIMESTAMP)"
channel = "channel"
direction = "'inbound'"
customer_key = "customer"
topic = "topic"
talk_seconds = "CAST(talk AS INTEGER)"
engaged = true

[exclude]
"test call" = "topic = 'test'"

[reject]
"talk without a customer" = "customer IS NULL AND CAST(talk AS INTEGER) > 100"

[channels.phone]
values = ["P"]
name_zh = "电话"
name_en = "Phone"
family = "phone"
messaging = false

[topics.card]
name_zh = "卡"
name_en = "Cards"

[topics.loan]
values = ["loan", "mortgage"]
name_zh = "贷款"
name_en = "Loans"
"""

HEADER = "id,start,end,channel,customer,topic,talk"
GOOD = "c1,2024-06-01 10:00:00,2024-06-01 10:05:00,P,k1,card,60"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A plain DuckDB file: what is tested here is the import, and there are many of them."""
    place = tmp_path / "home" / "test.duckdb"
    return load_settings({"KPI_HOME": str(place.parent), "KPI_WAREHOUSE_URL": f"duckdb:///{place}", "KPI_MEMORY": "1"})


@pytest.fixture
def warehouse(settings: Settings) -> Iterator[Warehouse]:
    opened = Warehouse.from_settings(settings)
    yield opened
    opened.close()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file: text (as UTF-8) or bytes."""

    def written(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return written


@pytest.fixture
def reading(write: Callable[..., Path]) -> Callable[[dict[str, str]], reader.FileReading]:
    """The reading, in this process, of one good row by the small mapping with a piece of it replaced."""

    def made(change: dict[str, str]) -> reader.FileReading:
        text = MAPPING
        for old, new in change.items():
            assert old in text
            text = text.replace(old, new)
        file = write("x.csv", f"{HEADER}\n{GOOD}\n")
        return reader.FileReading(reading_job(file, file, load_mapping(write("m.toml", text))), HEADER.split(","))

    return made


@pytest.fixture
def bank_file(write: Callable[..., Path]) -> Path:
    return write("calls.csv", bank_log.text())


@pytest.fixture
def load_rows(warehouse: Warehouse, write: Callable[..., Path]) -> Callable[..., LoadReport]:
    """Import rows of the small source; ``change`` replaces pieces of the mapping."""

    def loaded(*rows: str, change: dict[str, str] | None = None) -> LoadReport:
        text = MAPPING
        for old, new in (change or {}).items():
            assert old in text
            text = text.replace(old, new)
        return import_file(warehouse, write("rows.csv", "\n".join([HEADER, *rows, ""])), write("small.toml", text))

    return loaded
