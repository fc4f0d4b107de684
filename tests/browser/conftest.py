"""One demo bank, one server and one browser for all browser tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import server

SMALL = ("--days", "120", "--interactions", "400", "--customers", "4000", "--end", "2026-11-22", "--seed", "1")


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a small demo bank."""
    home = tmp_path_factory.mktemp("demo") / "home"
    home.mkdir()
    server.seed(home, *SMALL)
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


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """A page of a new visitor; fails the test when the page logs an error or a request fails."""
    contexts, problems = [], []

    def open_(language: str = "en", scheme: str = "light", size: dict[str, int] | None = None) -> Page:
        made = server.context(chromium, language, scheme, size)
        contexts.append(made)
        page = made.new_page()
        page.on("console", lambda said: problems.append(said.text) if server.is_error(said) else None)
        page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
        page.on("request", lambda asked: problems.append(f"elsewhere: {asked.url}") if not _here(asked.url) else None)
        return page

    yield open_
    for made in contexts:
        made.close()
    assert not problems


def _here(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:", "blob:"))
