"""S3-compatible storage on loopback."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from kpi.settings import Settings, load_settings
from tests.reports.receivers import closed_port, receiving
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
def settings(store: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("KPI_DELIVER_TO", f"s3://reports, s3://missing, {store}")
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


def test_storage_that_is_away_or_fails(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = f"http://127.0.0.1:{closed_port()}"
    monkeypatch.setenv("KPI_DELIVER_TO", f"s3://reports, {closed}")
    away = sent(load_settings(), at(closed))
    assert (away.status, away.attempts) == ("temporary", 2)


def test_a_secret_that_cannot_be_read_is_not_told(store: str, settings: Settings) -> None:
    found = sent(settings, at(store, secret="BROKEN"))
    assert found.status == "permanent"
    assert PASSWORD not in found.detail


def test_trap_no_signature_goes_to_a_storage_that_is_not_allowed(settings: Settings) -> None:
    with receiving(200) as other:
        for endpoint in (other.url, other.url.replace("127.0.0.1", "LOCALHOST"), f"{other.url}/"):
            found = sent(settings, at(endpoint))
            assert (found.status, found.attempts) == ("permanent", 0)
            assert "KPI_DELIVER_TO" in found.detail
    assert other.got == []


@pytest.mark.parametrize("status", [301, 307])
def test_trap_a_redirection_is_not_followed(
    home: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings, status: int
) -> None:
    with receiving(200) as other, receiving(status, location=f"{other.url}/reports/x") as store:
        monkeypatch.setenv("KPI_DELIVER_TO", f"s3://reports, {store.url}")
        assert sent(load_settings(), at(store.url)).status != "sent"
        assert store.got
    assert other.got == []
