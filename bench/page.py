"""From a click to the settled page: the overview on a warm server, in a real browser.

``python -m bench.page``: measures the demo bank in ``KPI_HOME``.
"""

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

from kpi.settings import load_settings
from tests.browser import server

# Clicked in turn, before and after anybody has asked for them; every click changes all cards, charts and tables.
PERIODS = ("Last 7 days", "Last 90 days", "Month to date", "Last month", "Quarter to date", "Last quarter", "Yesterday")
ROUNDS = 3

# Resolves when the script has ended, nothing on the page is stale and every figure is drawn again. The moment is the
# browser's own, so that the waiting of the measuring program does not count.
SETTLED = """() => new Promise(done => {
    const begun = window.benchClicked;
    let quiet = 0;
    const look = () => {
        const app = document.querySelector('[data-testid="stApp"]');
        const charts = [...document.querySelectorAll('[data-testid="stVegaLiteChart"]')];
        const still = app.dataset.testScriptState === 'notRunning' && window.benchRan
            && !document.querySelector('[data-stale="true"]') && charts.length > 0
            && charts.every(chart => chart.querySelector('svg'));
        if (app.dataset.testScriptState === 'running') window.benchRan = true;
        if (!still) { quiet = 0; } else if (!quiet) { quiet = performance.now(); }
        if (quiet && performance.now() - quiet > 120) done(quiet - begun); else requestAnimationFrame(look);
    };
    look();
})"""


def main() -> None:
    """Print the least, the median and the most."""
    with (
        TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        server.serve(load_settings().home, Path(folder) / "server.log") as address,
    ):
        opened = server.browser(playwright)
        page = server.context(opened, "en").new_page()
        page.goto(address)
        server.settled(page)
        page.wait_for_timeout(2000)  # a warm server has its copies of the small tables made
        first = [_click(page, period) for period in PERIODS]
        warm = [_click(page, period) for _ in range(ROUNDS) for period in PERIODS]
        opened.close()
    print("overview, click to settled page, seconds (warm server, 2 cores)")
    for name, times in (("asked before", warm), ("first asked", first)):
        least, middle, most = min(times), statistics.median(times), max(times)
        print(f"  {name:13} min {least:.2f}  median {middle:.2f}  max {most:.2f}  n {len(times)}")


def _click(page: Page, period: str) -> float:
    """Seconds from the click on a period to the settled page."""
    page.locator(".st-key-chip_period button").first.click()
    option = page.get_by_test_id("stPopoverBody").get_by_text(period, exact=True)
    option.wait_for()
    time.sleep(0.4)  # the popover's own transition
    page.evaluate(
        """() => { window.benchRan = false;
            document.addEventListener('click', () => { window.benchClicked = performance.now(); },
                                      { capture: true, once: true }); }"""
    )
    option.click()
    taken: float = page.evaluate(SETTLED)
    page.keyboard.press("Escape")
    page.wait_for_timeout(200)
    return taken / 1000


if __name__ == "__main__":
    main()
