"""The real application in a process of its own, and a real browser looking at it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright

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
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
LOCALES = {"zh": "zh-CN", "en": "en-GB"}

# The framework looks for its server below the address of a page first, then above it; the browser logs what it did
# not find.
LOOKING = re.compile(r"/_stcore/(health|host-config)$")

# Watches from now on for a run of the script; ``window.begun`` is when the watch began.
WATCH = """() => {
    const app = document.querySelector('[data-testid="stApp"]');
    [window.begun, window.ran] = [performance.now(), false];
    new MutationObserver((_, watch) => {
        if (app.dataset.testScriptState === 'running') { window.ran = true; watch.disconnect(); }
    }).observe(app, { attributes: true });
}"""
# Resolves when the script has ended (after the run that is watched for), nothing on the page is stale or still to come
# and every figure is drawn, and all that for 120 ms. Gives the milliseconds from ``window.begun`` to the quiet: the
# browser's own, so that the waiting of the measuring program does not count.
SETTLED = """() => new Promise((done, fail) => {
    const asked = performance.now();
    let quiet = 0;
    const look = () => {
        const now = performance.now(), app = document.querySelector('[data-testid="stApp"]');
        const charts = [...app.querySelectorAll('[data-testid="stVegaLiteChart"]')];
        const still = window.ran !== false && app.dataset.testScriptState === 'notRunning'
            && !app.querySelector('[data-stale="true"], [data-testid="stMain"] [data-testid="stSkeleton"]')
            && charts.every(chart => chart.querySelector('svg'));
        if (!still) { quiet = 0; } else if (!quiet) { quiet = now; }
        if (quiet && now - quiet > 120) done(quiet - window.begun);
        else if (now - asked > 60000) fail(new Error('the page does not settle'));
        else requestAnimationFrame(look);
    };
    look();
})"""


@contextmanager
def serve(home: Path, log: Path) -> Iterator[str]:
    """``streamlit run app.py`` on a free port with ``home`` as KPI_HOME; gives its address when it can serve."""
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
            ],
            cwd=ROOT,
            env={**os.environ, "KPI_HOME": str(home), "KPI_MEMORY": "1"},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(process, address, log)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=2) as answer:
                if answer.status == 200:
                    return
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


def browser(playwright: Playwright) -> Browser:
    """Debian's Chromium."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


def context(
    opened: Browser, language: str = "en", scheme: str = "light", size: dict[str, int] | None = None
) -> BrowserContext:
    """A new visitor: language, colour scheme and size of the screen."""
    return opened.new_context(
        viewport=size or WIDE,  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        locale=LOCALES[language],
    )


def settled(page: Page) -> None:
    """Wait until the script has run and every figure is drawn."""
    page.get_by_test_id("stMain").locator("h1, h2").first.wait_for(timeout=60_000)
    page.evaluate("window.ran = true")
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
    """Let the page load to its end and close it, before its server goes."""
    page.wait_for_load_state("networkidle")
    page.close()
