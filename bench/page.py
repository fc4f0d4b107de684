"""From a click to the settled page, for every page of the book: a warm server, a real browser.

``python -m bench.page``: measures the demo bank in ``KPI_HOME``. A click is one on a period of the filter bar; every
one changes all cards, charts and tables. A page without filters is clicked in the sidebar. The usual views: each
clicked for the first time, on a server that has asked them ahead, and again; and a first click on a tier or a channel
of the filter bar. Views that nobody foresaw: the periods again, of one star tier. Beside it the server's own part: how
long the script runs for the same address, in this process, without a browser.
"""

import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from playwright.sync_api import Locator, Page, sync_playwright
from streamlit.logger import set_log_level
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from bench import limits
from kpi.i18n import phrase
from kpi.query.labels import labels
from kpi.settings import ROOT, load_settings
from kpi.warehouse import Warehouse
from pages.address.view import Preset
from pages.page_specs import PAGES, PageSpec
from tests.browser import server

# Clicked in turn, before and after anybody has asked for them.
PERIODS: tuple[Preset, ...] = ("7d", "90d", "mtd", "last_month", "qtd", "last_quarter", "yesterday")
ROUNDS = 2
NARROWED = (("tier", "3"), ("tier", "6"), ("channel", "hotline"), ("channel", "wechat"))
_LONGEST = 600  # seconds for all that is asked ahead
MOST = 1  # second from a click to the settled page, the slowest of all


def main() -> None:
    """Print a table: a line a page, seconds, min · median · max."""
    set_log_level("ERROR")  # a script without a server warns of it
    home = load_settings().home
    columns = (
        "usual, first click", "usual, again", "one tier, one channel", "not foreseen", "server, first asked",
        "server, asked before",
    )  # fmt: skip
    warehouse = Warehouse.from_settings(load_settings())
    names = {dimension: labels(warehouse, dimension, "en") for dimension, _ in NARROWED}
    warehouse.close()
    print(f"{'seconds, min · median · max of n':32}" + "".join(f"{column:>27}" for column in columns))
    with (
        TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        server.serve(home, Path(folder) / "server.log", ahead=True) as address,
    ):
        began = time.perf_counter()
        _wait(address)
        print(f"  asked ahead in {time.perf_counter() - began:.0f} s")
        opened = server.browser(playwright)
        page = server.context(opened, "en").new_page()
        for entry in PAGES:
            usual = _clicks(page, f"{address}/{entry.address}", entry, 1 + ROUNDS)
            narrowed = [
                _narrowed(page, f"{address}/{entry.address}", entry, dimension, names[dimension][value])
                for dimension, value in NARROWED
            ]
            unforeseen = _clicks(page, f"{address}/{entry.address}?tier=3", entry, 1)
            first, again = usual[: len(PERIODS)], usual[len(PERIODS) :]
            figures = "".join(map(_told, (first, again, narrowed, unforeseen, *_server(entry))))
            kept = limits.told(max(usual + narrowed), MOST, "s"), limits.told(max(unforeseen), MOST, "s, not foreseen")
            print(f"  {entry.id:30}{figures}   {'   '.join(kept)}", flush=True)
        opened.close()


def _wait(address: str) -> None:
    """Until all views were asked ahead; TimeoutError where they are not within ``_LONGEST``."""
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until:
        with urlopen(f"{address}/healthz") as answer:
            told = json.load(answer)["ahead"]
        assert told["failed"] == 0, told
        if told["asked"] == told["of"]:
            return
        time.sleep(1)
    raise TimeoutError(f"asked ahead: {told}")


def _clicks(page: Page, link: str, entry: PageSpec, rounds: int) -> list[float]:
    """Seconds of every click on the page behind ``link``, the periods in turn."""
    filtered = _arrive(page, link)
    names = [phrase("en", f"period_{period}") for period in PERIODS]
    return [_click(page, "period", name) if filtered else _open(page, entry) for name in names * rounds]


def _narrowed(page: Page, link: str, entry: PageSpec, dimension: str, name: str) -> float:
    """Seconds of the click that narrows the page behind ``link`` to one value of a dimension."""
    return _click(page, dimension, name) if _arrive(page, link) else _open(page, entry)


def _arrive(page: Page, link: str) -> bool:
    """Open a page; whether it has filters."""
    page.goto(link)
    server.settled(page)
    page.wait_for_timeout(2000)  # whatever the browser still does after its first page
    return page.locator(".st-key-chips").count() > 0


def _told(times: Sequence[float]) -> str:
    told = f"{min(times):.2f} · {statistics.median(times):.2f} · {max(times):.2f} of {len(times)}"
    return f"{told:>27}"


def _click(page: Page, chip: str, name: str) -> float:
    """Seconds from the click on what is named so in a chip of the filter bar to the settled page."""
    page.locator(f".st-key-chip_{chip} button").first.click()
    option = page.get_by_test_id("stPopoverBody").get_by_text(name, exact=True)
    option.wait_for()
    time.sleep(0.4)  # the popover's own transition
    taken = _settled(page, option)
    page.keyboard.press("Escape")
    page.wait_for_timeout(200)
    return taken


def _open(page: Page, entry: PageSpec) -> float:
    """Seconds from the click on the page's own link to the settled page."""
    name = phrase("en", f"page_{entry.id}")
    return _settled(page, page.get_by_test_id("stSidebar").get_by_role("link", name=name, exact=True))


def _settled(page: Page, clicked: Locator) -> float:
    """Seconds from the click to the settled page."""
    page.evaluate(server.WATCH)
    # The click itself is the beginning, not the browser's way to it.
    page.evaluate(
        """() => document.addEventListener('click', () => { window.begun = performance.now(); },
                                           { capture: true, once: true })"""
    )
    clicked.click()
    taken: float = page.evaluate(server.SETTLED)
    return taken / 1000


def _server(entry: PageSpec) -> tuple[list[float], list[float]]:
    """Seconds that the script takes, by period: first asked, and asked before."""
    app = AppTest.from_file(str(ROOT / "pages" / "shell.py"), default_timeout=60)
    app.query_params["lang"] = "en"
    if not entry.default:
        # What Streamlit calls a page of st.navigation; AppTest can only switch to pages that are files.
        app._page_hash = calc_hash(entry.address)
    app.run()
    assert app.title[0].value == phrase("en", f"page_{entry.id}")
    return [_run(app, period) for period in PERIODS], [_run(app, period) for period in PERIODS]


def _run(app: AppTest, period: Preset) -> float:
    app.query_params["period"] = period
    began = time.perf_counter()
    app.run()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
