"""A real browser on a bank whose names are hostile: no error in its console, and every figure is drawn."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from kpi.i18n import phrase
from kpi.snapshots.model import Recipient
from kpi.snapshots.render import render
from pages.page_specs import PAGES
from tests.browser import server
from tests.browser.server import settled
from tests.hostile.names import ALLOWED, REFUSED, REORDERING, bank
from tests.hostile.test_reports import DUE, definition

WEEK = "period=custom&from=2026-03-02&to=2026-03-08&compare=previous"
EXPLORED = ("kpis=volume&rows=topic", "kpis=csat&rows=topic&cols=channel", "kpis=volume&rows=date&cols=team")
# Figures without a single shape, by what the panel is called.
EMPTY = """() => [...document.querySelectorAll('[data-testid="stVegaLiteChart"], [data-chart]')]
    .filter(chart => !chart.querySelector('svg [class*="mark-"] path, svg [class*="mark-"] text'))
    .map(chart => chart.closest('[class*="st-key-panel_"], section')?.className ?? chart.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """The home of the bank, and a report of it."""
    home = tmp_path_factory.mktemp("hostile")
    warehouse = bank(home, (*ALLOWED, *REFUSED, *REORDERING))
    made = render(warehouse, definition("</script> ${x} \x1b {{title}}", home / "outbox"), Recipient("head", ""), DUE)
    warehouse.close()
    return home, next(content for name, content in made.files.items() if name.endswith(".html"))


@pytest.fixture(scope="module")
def at(hostile: tuple[Path, bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPI_WAREHOUSE_URL", f"duckdb:///{hostile[0] / 'warehouse.duckdb'}")
        with server.serve(hostile[0], tmp_path_factory.mktemp("log") / "server.log") as address:
            yield address


def test_trap_every_page_draws_every_figure_of_hostile_names(at: str, visit: Callable[..., Page]) -> None:
    page, charts = visit(), 0
    looked_at = [f"{entry.address}?{WEEK}" for entry in PAGES] + [f"explore?{WEEK}&{chosen}" for chosen in EXPLORED]
    for asked in looked_at:
        page.goto(f"{at}/{asked}")
        settled(page)
        assert page.evaluate(EMPTY) == [], asked
        assert phrase("en", "chart_failed") not in page.content(), asked
        assert phrase("en", "problem_title") not in page.content(), asked
        charts += page.locator('[data-testid="stVegaLiteChart"]').count()
    assert charts > 25


def test_trap_a_report_of_hostile_names_is_drawn_in_the_browser(
    hostile: tuple[Path, bytes], visit: Callable[..., Page], tmp_path: Path
) -> None:
    place = tmp_path / "report.html"
    place.write_bytes(hostile[1])
    page = visit()
    page.goto(place.as_uri())
    page.wait_for_function("[...document.querySelectorAll('[data-chart]')].every(chart => chart.querySelector('svg'))")
    assert page.locator("[data-chart]").count() == 3
    assert page.evaluate(EMPTY) == []
    assert page.title() == "</script> ${x} {{title}}"


def test_a_figure_that_the_browser_cannot_draw_says_so_in_a_report(
    hostile: tuple[Path, bytes], chromium: Browser, tmp_path: Path
) -> None:
    place = tmp_path / "report.html"
    place.write_bytes(hostile[1].replace(b'"type": "bar"', b'"type": "no such mark"', 1))
    with server.context(chromium) as visitor:
        page = visitor.new_page()
        page.goto(place.as_uri())
        page.get_by_text(phrase("en", "chart_failed")).wait_for()
        page.wait_for_function("document.querySelectorAll('[data-chart] svg').length === 2")
