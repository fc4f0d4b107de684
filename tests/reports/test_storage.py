"""S3-compatible storage on loopback."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from kpi.settings import Settings, load_settings
from tests.reports.receivers import closed_port
from tests.reports.test_deliver import PASSWORD, rendered, sent


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("KPI_DELIVER_TO", "s3://reports, s3://missing")
    monkeypatch.setenv("KPI_DELIVER_TRIES", "2")
    monkeypatch.setenv("SWITCHBOARD_SECRET_STORE", json.dumps({"key": "k", "secret": PASSWORD}))
    monkeypatch.setenv("SWITCHBOARD_SECRET_BROKEN", f"not JSON {PASSWORD}")
    return load_settings()


def at(endpoint: str, bucket: str = "reports", secret: str = "STORE") -> str:
    return f"s3://{bucket}/weekly#secret={secret}&endpoint={endpoint}&region=us-east-1"


def test_the_objects_lie_under_the_run(store: str, settings: Settings) -> None:
    client = {"endpoint_url": store}
    storage = fsspec.filesystem("s3", key="k", secret="s", client_kwargs=client, skip_instance_cache=True)
    storage.mkdir("reports")
    for _ in range(2):  # again under the same keys
        found = sent(settings, at(store))
        assert (found.status, found.detail) == ("sent", "s3://reports/weekly/weekly_2026-03-09_head")
    names = storage.ls("reports/weekly/weekly_2026-03-09_head", refresh=True)
    assert {Path(name).name: storage.cat_file(name) for name in names} == rendered().files


def test_a_bucket_that_is_not_there(store: str, settings: Settings) -> None:
    assert sent(settings, at(store, "missing")).status == "permanent"


def test_storage_that_is_away_or_fails(settings: Settings) -> None:
    away = sent(settings, at(f"http://127.0.0.1:{closed_port()}"))
    assert (away.status, away.attempts) == ("temporary", 2)


def test_a_secret_that_cannot_be_read_is_not_told(store: str, settings: Settings) -> None:
    found = sent(settings, at(store, secret="BROKEN"))
    assert found.status == "permanent"
    assert PASSWORD not in found.detail
