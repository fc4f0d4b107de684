"""For those who do not see the page, or have no mouse: axe-core on every page, and the keyboard."""

from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import expect

from pages.address.view import CHIPS
from pages.page_specs import PAGES
from pages.views import overview
from tests.browser.server import after, settled

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")

# The framework's own violations, serious or critical, that nobody can mend from outside: rule and the nearest
# ``data-testid``. One that is gone has to go from here too.
FRAMEWORK: set[tuple[str, str]] = set()

# Serious and critical violations: rule, nearest data-testid, and the element.
VIOLATIONS = """async only => (await axe.run(document, { resultTypes: ['violations'],
    ...(only ? { runOnly: only } : {}) })).violations
    .filter(found => ['serious', 'critical'].includes(found.impact))
    .flatMap(found => found.nodes.map(node => [
        found.id, document.querySelector(node.target.at(-1))?.closest('[data-testid]')?.dataset.testid ?? '',
        node.html.slice(0, 200)]))"""

# What is focused: the nearest name of ours, and what it is.
FOCUSED = """() => {
    const at = document.activeElement, named = at.closest('[class*="st-key-"]');
    const name = named && [...named.classList].find(one => one.startsWith('st-key-')).slice(7);
    return name ?? (at.closest('[data-testid="stSidebar"]') ? 'sidebar' : at.tagName.toLowerCase());
}"""


# In the dark it is the same page in other colours.
@pytest.mark.parametrize(("scheme", "rules"), [("light", None), ("dark", ["color-contrast"])], ids=["light", "dark"])
def test_axe_finds_nothing_serious(visit, address, scheme, rules):
    page = visit("zh", scheme)
    framework, ours = set(), []
    for entry in PAGES:
        page.goto(f"{address}/{entry.address}")
        settled(page)
        page.evaluate(AXE)
        found = page.evaluate(VIOLATIONS, rules)
        buttons = page.locator('[class*="st-key-open_"] button')
        if buttons.count():
            after(page, buttons.first.click)
            expect(page.get_by_role("dialog")).to_be_visible()
            found += page.evaluate(VIOLATIONS, rules)
        framework |= {(rule, place) for rule, place, _ in found} & FRAMEWORK
        ours += [(entry.id, *one) for one in found if (one[0], one[1]) not in FRAMEWORK]
    assert not ours
    assert framework == FRAMEWORK, "the framework mended something"


def test_axe_would_find_something(visit, address):
    # The rules run, and what they find is told: otherwise the test above could not fail.
    page = visit()
    page.goto(address)
    settled(page)
    page.evaluate("document.querySelector('.kpi-label').style.color = '#eee'")
    page.evaluate("document.querySelector('img.spark').removeAttribute('alt')")
    page.evaluate(AXE)
    assert {rule for rule, _, _ in page.evaluate(VIOLATIONS)} == {"color-contrast", "image-alt"}


def test_the_keyboard_reaches_everything_in_reading_order(visit, address):
    page = visit()
    page.goto(address)
    settled(page)
    order: list[str] = []
    while len(order) < 150 and "menu_of_tiers" not in order:
        page.keyboard.press("Tab")
        order.append(page.evaluate(FOCUSED))
    assert order.count("sidebar") >= len(PAGES)
    chips = ["chip_period", "chip_compare", *(f"chip_{dimension}" for dimension in CHIPS), "chip_more", "chip_send"]
    cards = [name for kpi in overview.HEADLINES for name in (f"define_{kpi}", f"open_{kpi}")]
    panels = ["drill_volume", "menu_of_volume", "drill_channels", "menu_of_channels"]
    panels += ["drill_trend_self_service_rate", "menu_of_trend_self_service_rate", "drill_tiers", "menu_of_tiers"]
    findings = [f"finding_rows_{place}" for place in range(1, page.locator(".finding").count() + 1)]
    assert findings
    assert order[order.index("switch_language") :] == ["switch_language", *chips, *findings, *cards, *panels]


def test_enter_opens_the_rows_and_escape_leads_back_to_the_card(visit, address):
    page = visit()
    page.goto(address)
    settled(page)
    page.locator(".st-key-define_csat button").focus()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "open_csat"
    outline = page.evaluate("getComputedStyle(document.querySelector('.st-key-card_csat')).outlineStyle")
    assert outline == "solid", "where the keyboard is must be seen"
    after(page, lambda: page.keyboard.press("Enter"))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert "drill=csat" in page.url
    assert page.evaluate("document.activeElement.closest('[role=dialog]') !== null")
    after(page, lambda: page.keyboard.press("Escape"))
    expect(dialog).to_be_hidden()
    page.wait_for_function(f"() => ({FOCUSED})() === 'open_csat'")
