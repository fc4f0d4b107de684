"""One small demo bank for the tests of the pages."""

import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from kpi.settings import ROOT, load_settings
from kpi.warehouse import Warehouse
from pages.data import cache as pages_cache
from pages.page_specs import PAGES, page_spec
from tests.browser import server


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a small demo bank."""
    home = tmp_path_factory.mktemp("demo") / "home"
    home.mkdir()
    server.seed(
        home, "--days", "70", "--interactions", "150", "--customers", "1500", "--end", "2026-11-22", "--seed", "1"
    )
    return home


def as_read(markdown: str) -> str:
    """What a reader sees of a text that ``escape_markdown`` made, for tests that are not about how."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown).replace("\u2060", "")


@cache
def opened(home: Path) -> Warehouse:
    """The warehouse of a home, beside the one of the pages, for tests to ask. Kept: to open one takes longer than most
    questions.
    """
    return Warehouse.from_settings(load_settings({"KPI_HOME": str(home), "KPI_MEMORY": "1"}))


@pytest.fixture
def bank(demo_home: Path) -> Warehouse:
    """The warehouse of the demo bank, for tests to ask."""
    return opened(demo_home)


@pytest.fixture(scope="session")
def served() -> Iterator[set[tuple[str, str]]]:
    """The settings that what is kept between runs was made with: a server has one set of them as long as it lives."""
    yield set()
    st.cache_resource.clear()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, served: set[tuple[str, str]]) -> Callable[[Path], None]:
    """Have the pages' own modules, in this process, serve a home."""

    def settle(home: Path) -> None:
        monkeypatch.setenv("KPI_HOME", str(home))
        monkeypatch.setenv("KPI_MEMORY", "1")
        settings = {(name, value) for name, value in os.environ.items() if name.startswith("KPI_")}
        if changed := {name for name, _ in served ^ settings}:
            if changed == {"KPI_STATE_URL"}:
                # What people write down is read each time; nothing else is kept of where it lies.
                pages_cache.state_database.clear()
                pages_cache.runs_job.clear()
            else:
                st.cache_resource.clear()
            served.clear()
            served.update(settings)

    return settle


@pytest.fixture
def open_page(serve: Callable[[Path], None]) -> Callable[..., AppTest]:
    """Run the shell on a home with the given query parameters; ``entry``: the id of the page."""

    def run(home: Path, entry: str = PAGES[0].id, **params: str) -> AppTest:
        serve(home)
        app = AppTest.from_file(str(ROOT / "pages" / "shell.py"), default_timeout=60)
        if entry != PAGES[0].id:
            # What Streamlit calls a page of st.navigation; AppTest can only switch to pages that are files.
            app._page_hash = calc_hash(page_spec(entry).address)
        for name, value in params.items():
            app.query_params[name] = value
        return app.run()

    return run
