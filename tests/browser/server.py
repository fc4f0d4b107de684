"""The real application in a process of its own, and a real browser looking at it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request

from kpi.settings import load_settings
from kpi.state import StateDatabase
from kpi.state.tables import snapshot, snapshot_run

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Milliseconds that anything is waited for, on a machine whose cores are busy with something else.
PATIENCE = 60_000
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
LOCALES = {"zh": "zh-CN", "en": "en-GB"}

# The framework looks for its server below the address of a page first, then above it; the browser logs what it did
# not find.
LOOKING = re.compile(r"/_stcore/(health|host-config)$")

# Notes when the server was last heard: a run that is over at once may never show as running.
HEAR = """(() => {
    const Real = window.WebSocket;
    window.heard = 0;
    window.WebSocket = class extends Real {
        constructor(...about) {
            super(...about);
            this.addEventListener('message', () => { window.heard = performance.now(); });
        }
    };
})()"""
# Watches from now on for a run of the script; ``window.begun`` is when the watch began.
WATCH = "() => { window.begun = performance.now(); }"
# Resolves when the server was heard since the watch began, the script has ended, nothing on the page is stale or still
# to come and every figure is drawn, and all that for 120 ms. Gives the milliseconds from ``window.begun`` to the quiet:
# the browser's own, so that the waiting of the measuring program does not count.
SETTLED = """() => new Promise((done, fail) => {
    const asked = performance.now();
    let quiet = 0;
    const look = () => {
        const now = performance.now(), app = document.querySelector('[data-testid="stApp"]');
        const charts = [...app.querySelectorAll('[data-testid="stVegaLiteChart"]')];
        const waits = {
            server: window.heard <= window.begun, script: app.dataset.testScriptState !== 'notRunning',
            stale: !!app.querySelector('[data-stale="true"], [data-testid="stMain"] [data-testid="stSkeleton"]'),
            charts: !charts.every(chart => chart.querySelector('svg')),
        };
        if (Object.values(waits).some(Boolean)) { quiet = 0; } else if (quiet < window.heard) { quiet = now; }
        if (quiet && now - quiet > 120) done(quiet - window.begun);
        else if (now - asked > 60000) fail(new Error('the page does not settle: ' + JSON.stringify(waits)));
        else requestAnimationFrame(look);
    };
    look();
})"""


@contextmanager
def serve(
    home: Path,
    log: Path,
    *,
    ahead: bool = False,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """``streamlit run app.py`` on a free port with ``home`` as KPI_HOME; gives its address when it can serve.

    ``ahead``: whether it asks ahead, which takes a core from what else runs. ``arguments``, ``environment``: what else
    the server is told.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("wb") as said:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "streamlit",
                "run",
                "app.py",
                "--server.port",
                str(port),
                "--server.address",
                "127.0.0.1",
                *arguments,
            ],
            cwd=ROOT,
            env={
                **os.environ,
                "KPI_HOME": str(home),
                "KPI_MEMORY": "1",
                "KPI_ASK_AHEAD": "on" if ahead else "off",
                **(environment or {}),
            },
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(process, address, log)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=20).close()
            return
        except urllib.error.HTTPError:
            return  # up, and says what is wrong
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the server did not come up:\n{log.read_text('utf-8', errors='replace')[-3000:]}")


def seed(home: Path, *arguments: str) -> None:
    """Fill an empty home with a demo bank."""
    subprocess.run(
        [sys.executable, "-m", "seed", *arguments, "--target", f"ducklake:///{home / 'warehouse'}"],
        cwd=ROOT,
        env={**os.environ, "KPI_HOME": str(home)},
        check=True,
        capture_output=True,
    )


def without_snapshots(home: Path) -> None:
    """Take away the demo's own, which wait for a worker: tests bring the snapshots that they need."""
    state = StateDatabase(load_settings({"KPI_HOME": str(home)}))
    with state.transaction() as connection:
        connection.execute(snapshot_run.delete())
        connection.execute(snapshot.delete())
    state.close()


def browser(playwright: Playwright) -> Browser:
    """Debian's Chromium."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


def context(
    opened: Browser, language: str = "en", scheme: str = "light", size: dict[str, int] | None = None
) -> BrowserContext:
    """A new visitor: language, colour scheme and size of the screen."""
    made = opened.new_context(
        viewport=size or WIDE,  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        locale=LOCALES[language],
    )
    made.set_default_timeout(PATIENCE)
    made.add_init_script(HEAR)
    return made


@dataclass
class Visitor:
    """A browser window, and what went wrong in it: errors of the page, requests that failed or went elsewhere."""

    page: Page
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("requestfailed", self._failed)
        self.page.on("request", lambda asked: self._here(asked.url))

    def _note(self, said: ConsoleMessage) -> None:
        if is_error(said):
            self.problems.append(f"{said.text} {said.location['url']}")

    def _failed(self, request: Request) -> None:
        # One that is cut off by leaving the page is no problem of the page.
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"failed: {request.url} {request.failure}")

    def _here(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "data:", "blob:", "about:", "file:")):
            self.problems.append(f"elsewhere: {url}")


def settled(page: Page) -> None:
    """Wait until the script has run and every figure is drawn."""
    page.get_by_test_id("stMain").locator("h1, h2").first.wait_for()
    page.evaluate("window.begun = 0")
    page.evaluate(SETTLED)


def after(page: Page, act: Callable[[], object]) -> None:
    """Do something that runs the script, and wait until the page is settled again."""
    page.evaluate(WATCH)
    act()
    page.evaluate(SETTLED)


def is_error(said: ConsoleMessage) -> bool:
    """Whether a message in the browser's console is an error of ours."""
    return said.type == "error" and not LOOKING.search(said.location["url"])


def leave(page: Page) -> None:
    """Let the page load to its end and leave it, before its server goes."""
    page.wait_for_load_state("networkidle")
    page.goto("about:blank")
