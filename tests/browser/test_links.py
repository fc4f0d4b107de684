"""A bad link, at any page: what was ignored is named, and the page is there all the same."""

import re

import pytest
from playwright.sync_api import expect

from kpi.i18n import phrase
from pages.page_specs import PAGES, PageSpec
from tests.browser.server import settled

# What is wrong in the address, and what of it is repeated to the reader.
BAD = {
    "tier=9&channel=fax,wechat&sl=SL9&lang=fr&chanel=wechat": (
        *("tier “9”", "channel “fax”", "sl “SL9”", "lang “fr”", "“chanel”"),
    ),
    "from=2026-11-07&to=2026-11-01": ("2026-11-07 … 2026-11-01",),
    "from=2031-01-01": ("2031-01-01",),
    "period=" + "x" * 10_000: ("x" * 40 + "…",),
    "period=7d&period=90d": ("period “7d,90d”",),
    "drill=nothing": ("drill “nothing”",),
    "drill=volume&at=tier:9&by=moon": ("at “tier:9”", "by “moon”"),
    "drill=occupancy&at=tier:3": ("at “tier:3”",),
    "compare=<img src=x onerror=alert(1)>&region=![x](//127.0.0.2/x.png)": (
        *("<img src=x onerror=alert(1)>", "![x](//127.0.0.2/x.png)"),
    ),
    "region=**b** :material/home: $x^2$": ("**b** :material/home: $x^2$",),
    "region=[here](//127.0.0.2/)": ("[here](//127.0.0.2/)",),
}


@pytest.mark.parametrize(("query", "told"), BAD.items(), ids=[query[:30] for query in BAD])
def test_what_is_wrong_in_a_link_is_named(address, visit, query, told):
    page, entry = visit(), PAGES[0]
    page.goto(f"{address}/{entry.address}?{query}")
    settled(page)
    warning = page.get_by_test_id("stAlert")
    for one in told:
        # Between its letters may stand what keeps a text from being read as Markdown.
        expect(warning).to_contain_text(re.compile("\u2060?".join(map(re.escape, one))))
    assert len(warning.inner_text()) < 400
    # Nothing of it is read as HTML or Markdown; ``visit`` fails the test when anything is asked of another server.
    assert warning.locator("p").locator("img, a, strong, span").count() == 0
    there(page, entry)


@pytest.mark.parametrize("entry", PAGES[1:], ids=lambda entry: entry.id)
def test_every_page_names_it(address, visit, entry):
    page = visit()
    page.goto(f"{address}/{entry.address}?tier=9&drill=nothing&from=2026-11-07&to=2026-11-01&period={'x' * 10_000}")
    settled(page)
    for told in ("tier “9”", "drill “nothing”", "xxx…"):
        expect(page.get_by_test_id("stAlert").first).to_contain_text(told)
    there(page, entry)


def test_a_repeated_filter_is_a_list(address, visit):
    page = visit()
    page.goto(f"{address}/?tier=6&tier=7")
    settled(page)
    expect(page.locator(".st-key-chip_tier")).to_contain_text(phrase("en", "filter_count", count=2))
    assert page.get_by_test_id("stAlert").count() == 0


@pytest.mark.parametrize("path", ["nowhere", "channels/deeper", "self_service", "x" * 10_000, "%3Cscript%3E"])
def test_an_unknown_page_is_named(address, visit, path):
    page = visit()
    page.goto(f"{address}/{path}?period=7d")
    settled(page)
    expect(page.get_by_test_id("stAlert")).to_contain_text("page “" + path.replace("%3C", "<").replace("%3E", ">")[:40])
    assert page.url.startswith(f"{address}/?period=7d&page=")
    there(page, PAGES[0])


def there(page, entry: PageSpec) -> None:
    expect(page.get_by_role("heading", name=phrase("en", f"page_{entry.id}"), level=1, exact=True)).to_be_visible()
    assert page.get_by_test_id("stException").count() == 0
    assert page.locator(".st-key-problem").count() == 0
