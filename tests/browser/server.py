"""The real application in a process of its own, and a real browser looking at it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Playwright

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
    page.locator(".proof").wait_for(timeout=60_000)
    page.wait_for_function(
        """() => document.querySelector('[data-testid="stApp"]').dataset.testScriptState === 'notRunning'
            && !document.querySelector('[data-stale="true"]')
            && document.querySelectorAll('[data-testid="stVegaLiteChart"] svg').length
               === document.querySelectorAll('[data-testid="stVegaLiteChart"]').length""",
        timeout=60_000,
    )


def leave(page: Page) -> None:
    """Let the page load to its end and close it, before its server goes."""
    page.wait_for_load_state("networkidle")
    page.close()
