"""One demo bank, one server and one browser for all browser tests."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests import clock
from tests.browser import server
from tests.browser.server import Visitor
from tests.reports.conftest import bank  # noqa: F401  its copies are opened here too

SMALL = ("--days", "120", "--interactions", "400", "--customers", "4000", "--end", "2026-11-22", "--seed", "1")

# A Wednesday after the demo's last day, whatever day it is: what is asked for now stands on data then.
MORNING = datetime(2026, 11, 25, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))

expect.set_options(timeout=server.PATIENCE)


@pytest.fixture(scope="session", autouse=True)
def morning() -> Iterator[None]:
    """The tests' clock, and the server's."""
    with clock.travel(MORNING):
        yield


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a small demo bank."""
    home = tmp_path_factory.mktemp("demo") / "home"
    home.mkdir()
    server.seed(home, *SMALL)
    server.without_snapshots(home)
    return home


@pytest.fixture(scope="session")
def address(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on that home, used by many tests."""
    with server.serve(demo_home, tmp_path_factory.mktemp("log") / "server.log") as at:
        yield at


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = server.browser(playwright)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def visitors(chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """Visitors by language, colour scheme and screen; ``name`` tells apart several at the same time.

    Each keeps his window: to load the framework's scripts again takes longer than a page.
    """
    contexts = []

    @cache
    def of(language: str = "en", scheme: str = "light", phone: bool = False, name: object = 0) -> Visitor:
        contexts.append(server.context(chromium, language, scheme, server.PHONE if phone else server.WIDE))
        return Visitor(contexts[-1].new_page())

    yield of
    for context in contexts:
        context.close()


@pytest.fixture
def visit(visitors: Callable[..., Visitor]) -> Iterator[Callable[..., Page]]:
    """The window of a visitor; fails the test when the page logs an error or a request fails."""
    used: list[Visitor] = []

    def open_(language: str = "en", scheme: str = "light", phone: bool = False) -> Page:
        used.append(visitors(language, scheme, phone, len(used)))
        used[-1].problems.clear()
        return used[-1].page

    yield open_
    problems = [problem for visitor in used for problem in visitor.problems]
    for visitor in used:
        visitor.page.goto("about:blank")
    assert not problems
