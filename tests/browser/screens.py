"""Pictures of every page: two languages, two colour schemes, two widths, into ``screens/``.

Of the demo bank in ``KPI_HOME`` (made first where there is none): ``python -m tests.browser.screens``.
"""

from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

from kpi.settings import ROOT, load_settings
from kpi.warehouse import Warehouse
from pages.page_specs import PAGES
from tests.browser import server

SIZES = {1280: server.WIDE, 390: server.PHONE}
# Pictured beside the pages themselves: the drill-down over one of them.
MORE = {"overview-drill": "?drill=csat"}


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
            links = {entry.id: f"{full}/{entry.address}" for entry in PAGES}
            links |= {name: f"{full}/{query}" for name, query in MORE.items()} | {"first-run": bare}
            for language, scheme, (width, size) in product(server.LOCALES, ("light", "dark"), SIZES.items()):
                visitor = server.context(opened, language, scheme, size)
                page = visitor.new_page()
                for name, link in links.items():
                    page.set_viewport_size(size)  # type: ignore[arg-type]
                    page.goto(link)
                    _picture(page, target / f"{name}-{language}-{scheme}-{width}.png", whole=name not in MORE)
                visitor.close()
        opened.close()
    print(f"{len(list(target.glob('*.png')))} pictures in {target}")


def _picture(page: Page, file: Path, whole: bool) -> None:
    """The page as long as it is, or (not ``whole``) the screen."""
    server.settled(page)
    # What is wider than its room is drawn again when the page is given its length: twice is enough.
    for _ in range(2 if whole else 0):
        height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": page.viewport_size["width"], "height": height + 4})  # type: ignore[index]
        server.settled(page)
    page.wait_for_timeout(400)  # fonts and the last transition
    page.screenshot(path=file)


if __name__ == "__main__":
    main()
