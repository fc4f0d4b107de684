"""Pictures of every page: two languages, two colour schemes, two widths, into ``screens/``.

Of the demo bank in ``KPI_HOME`` (made first where there is none): ``python -m tests.browser.screens``.
"""

from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

from kpi.settings import ROOT, load_settings
from kpi.warehouse import Warehouse
from tests.browser import server

PAGES = {"overview": "/", "overview-rows": "/?drill=csat", "overview-year": "/?period=ytd&compare=year"}
SIZES = {1280: server.WIDE, 390: server.PHONE}


def main() -> None:
    """Write the pictures and say how many."""
    target = ROOT / "screens"
    target.mkdir(exist_ok=True)
    for old in target.glob("*.png"):
        old.unlink()
    home = load_settings().home
    if not Warehouse.from_settings(load_settings()).exists():
        home.mkdir(parents=True, exist_ok=True)
        server.seed(home)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        empty = Path(folder) / "empty"
        empty.mkdir()
        log = Path(folder) / "server.log"
        opened = server.browser(playwright)
        with server.serve(home, log) as full, server.serve(empty, log.with_name("empty.log")) as bare:
            links = {name: f"{full}{path}" for name, path in PAGES.items()} | {"first-run": bare}
            for name, language, scheme, width in product(links, server.LOCALES, ("light", "dark"), SIZES):
                visitor = server.context(opened, language, scheme, SIZES[width])
                page = visitor.new_page()
                page.goto(links[name])
                _picture(page, target / f"{name}-{language}-{scheme}-{width}.png", rows="drill=" in links[name])
                visitor.close()
        opened.close()
    print(f"{len(list(target.glob('*.png')))} pictures in {target}")


def _picture(page: Page, file: Path, rows: bool) -> None:
    """The whole page, as long as it is; of opened rows the screen."""
    if rows:
        page.get_by_role("dialog").get_by_test_id("stDataFrame").wait_for(timeout=60_000)
    elif file.name.startswith("first-run"):
        page.get_by_test_id("stBaseButton-primary").wait_for(timeout=60_000)
    else:
        # The page grows while it is drawn, and again when it is given room.
        for _ in range(2):
            server.settled(page)
            page.wait_for_timeout(300)
            height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
            page.set_viewport_size({"width": page.viewport_size["width"], "height": height + 4})  # type: ignore[index]
    page.wait_for_timeout(700)  # fonts and the last transition
    page.screenshot(path=file)


if __name__ == "__main__":
    main()
