"""What a monitor is told of the application."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import streamlit as st
from starlette.requests import Request

from app import healthz
from kpi.settings import load_settings
from kpi.snapshots.ledger import Ledger
from kpi.state import StateDatabase
from kpi.state.database import now
from tests.pages.test_overview import html


@pytest.fixture
def health(home) -> Iterator[Callable[[], tuple[int, dict[str, str]]]]:
    """Ask for the health of an application that begins on the test's home."""

    def asked() -> tuple[int, dict[str, str]]:
        st.cache_resource.clear()
        answered = healthz(Request({"type": "http"}))
        return answered.status_code, json.loads(bytes(answered.body))

    yield asked
    st.cache_resource.clear()


def test_a_bank_and_an_empty_home_can_be_served(demo_home, health, monkeypatch):
    assert health() == (200, {"status": "ok", "snapshots": "none", "ahead": "off"})
    monkeypatch.setenv("KPI_HOME", str(demo_home))
    assert health()[0] == 200


def test_a_monitor_is_told_whether_a_worker_lives(home, health):
    state = StateDatabase(load_settings())
    ledger = Ledger(state)
    assert health() == (200, {"status": "ok", "snapshots": "none", "ahead": "off"})
    ledger.beat()
    assert health() == (200, {"status": "ok", "snapshots": "alive", "ahead": "off"})
    ledger.leave()
    Ledger(state, lambda: now() - timedelta(minutes=2)).beat()
    assert health() == (200, {"status": "ok", "snapshots": "none", "ahead": "off"})
    state.close()


def test_trap_a_state_database_that_cannot_be_read_leaves_the_pages_healthy(home, health):
    home.mkdir(exist_ok=True)
    (home / "state.sqlite").write_bytes(b"not a database" * 100)
    status, told = health()
    assert (status, told["status"]) == (200, "ok")
    assert "cannot be read or written" in told["snapshots"]


def test_trap_a_damaged_warehouse_is_not_healthy(home, health):
    (home / "warehouse").mkdir(parents=True)
    (home / "warehouse" / "catalogue.sqlite").write_bytes(b"this is no catalogue" * 100)
    status, told = health()
    assert (status, told["status"]) == (503, "error")
    assert str(home / "warehouse") in told["reason"]
    assert "Traceback" not in told["reason"]


def test_settings_that_cannot_be_read_are_not_healthy(health, monkeypatch):
    monkeypatch.setenv("KPI_TIME_ZONE", "Mars/Olympus")
    status, told = health()
    assert status == 503
    assert "KPI_TIME_ZONE" in told["reason"]


def _lose_the_catalogue(home):
    (home / "warehouse" / "catalogue.sqlite").unlink()


def _cut_a_file(home):
    file = next((home / "warehouse" / "data" / "main" / "daily").glob("*.parquet"))
    os.truncate(file, file.stat().st_size // 2)


def _empty_the_catalogue(home):
    (home / "warehouse" / "catalogue.sqlite").write_bytes(b"")


def _lose_the_data(home):
    shutil.rmtree(home / "warehouse" / "data")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_lose_the_catalogue, "catalogue.sqlite is missing"),
        (_cut_a_file, "table daily cannot be read"),
        (_empty_the_catalogue, "catalogue.sqlite is empty"),
        (_lose_the_data, "is gone"),
    ],
)
def test_trap_a_warehouse_that_is_lost_or_broken_is_not_healthy_and_offers_no_beginning(
    demo_home, home, health, open_page, damage, told
):
    shutil.copytree(demo_home, home)
    damage(home)
    status, said = health()
    assert (status, said["status"]) == (503, "error")
    assert told in said["reason"]
    if damage is not _cut_a_file:  # of which only the figures of that table know
        app = open_page(home, lang="en")
        assert not app.exception
        assert not [button for button in app.button if button.key in {"make_demo", "import"}]
        assert any(told in body for body in html(app))


def test_a_monitor_is_told_that_the_state_database_is_lost(demo_home, home, health):
    shutil.copytree(demo_home, home)
    (home / "state.sqlite").unlink()
    (home / "snapshots" / "weekly" / "20260309T000000Z" / "r1").mkdir(parents=True)
    status, said = health()
    assert status == 200
    assert str(home / "snapshots") in said["snapshots"]


def test_trap_a_settings_file_that_is_a_folder_is_a_sentence_on_the_pages(home, health, open_page):
    (home / "settings.toml").mkdir(parents=True)
    status, said = health()
    assert status == 503
    assert str(home / "settings.toml") in said["reason"]
    app = open_page(home, lang="en")
    assert not app.exception
    assert any(str(home / "settings.toml") in body for body in html(app))
