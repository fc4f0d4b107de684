"""A bank whose names were made to be read as Markdown and HTML: every page shows them as they are, and asks nobody."""

import csv
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from kpi.i18n import phrase
from kpi.settings import ROOT, load_settings
from kpi.snapshots import definition_store
from kpi.snapshots.model import Definition, Section
from kpi.state import StateDatabase
from kpi.state.annotations import Annotation, save_annotations
from kpi.state.views import LOCAL, save_view
from pages.page_specs import PAGES
from tests.browser import server
from tests.browser.server import after, leave, settled

PICTURE = "![b](http://evil.example/t.png)"
LINK = "[a](javascript:alert(1)) http://evil.example www.evil.example a@evil.example"
MARKS = ":material/delete: :red[x] :smile: $x^2$ -> **y** `z`"
HTML = "<img src=http://evil.example/h.png onerror=alert(1)><a href=http://evil.example>x</a> # h | t"
TOPICS = {"picture": PICTURE, "link": LINK, "marks": MARKS, "html": HTML}
MAPPING = """
[source]
id = "hostile"
name_zh = '{html}'
name_en = '{picture}'
time_zone = "Asia/Shanghai"
required = ["id", "begin"]
[columns]
interaction_id = "id"
started_at = "CAST(begin AS TIMESTAMPTZ)"
ended_at = "CAST(begin AS TIMESTAMPTZ) + INTERVAL 2 MINUTE"
channel = "'odd'"
direction = "'inbound'"
customer_key = "customer"
topic = "topic"
engaged = true
queued = true
wait_seconds = "CAST(wait AS INTEGER)"
human_answered = true
final_handler = "'agent'"
abandoned_stage = "'none'"
agent_key = "agent"
csat_asked = true
csat_score = "CAST(csat AS INTEGER)"
[channels.odd]
name_zh = '{marks}'
name_en = '{link}'
family = "phone"
messaging = false
"""
# What was made of a text: whatever leads or asks elsewhere, or is formatted, within what data may have named.
FOREIGN = """() => [...document.querySelectorAll('a[href], img[src], [src], [href]')].filter(node => {
    const at = node.getAttribute('href') || node.getAttribute('src');
    const url = new URL(at, location.href);
    return !['data:', 'blob:'].includes(url.protocol) && url.origin !== location.origin;
}).map(node => node.outerHTML.slice(0, 200))"""
SHOWN = """text => [...document.querySelectorAll('button, h2, td, th, li, p, span, div')]
    .some(node => node.textContent.replaceAll('\\u2060', '').replace(/\\s+/g, ' ').includes(text))"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("hostile")
    home = folder / "home"
    home.mkdir()
    began = datetime(2026, 9, 1, 1, tzinfo=UTC)
    with (folder / "calls.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "begin", "customer", "topic", "agent", "wait", "csat"])
        for number in range(1500):
            at = began + timedelta(minutes=55 * number)
            topic, agent = [*TOPICS][number % 4], [PICTURE, LINK, HTML, MARKS][number // 4 % 4]
            table.writerow(
                [f"c{number}", at.isoformat(), f"u{number % 300}", topic, agent, number % 60, number % 5 + 1]
            )
    topics = "".join(
        f"[topics.{key}]\nvalues = ['{key}']\nname_zh = '{text}'\nname_en = '{text}'\n" for key, text in TOPICS.items()
    )
    (folder / "calls.toml").write_text(MAPPING.format(picture=PICTURE, link=LINK, marks=MARKS, html=HTML) + topics)
    run(home, "import", str(folder / "calls.csv"), "--mapping", str(folder / "calls.toml"))
    state = StateDatabase(load_settings({"KPI_HOME": str(home)}))
    for number, text in enumerate(TOPICS.values()):
        save_view(state, LOCAL, f"{text}"[:60], "overview" if number % 2 else "channels", {"period": "28d"})
    save_annotations(state, [], [Annotation(date(2026, 10, 20), None, "incident", PICTURE[:30], HTML[:30])], LOCAL)
    section = Section("headline", "headline", ("volume",))
    definition_store.save(
        state,
        [],
        [definition_store.Kept(Definition("odd", (HTML, LINK), (section,), "last_week", formats=("csv",)))],
        LOCAL,
    )
    state.close()
    run(home, "snapshots", "run", "odd")
    with server.serve(home, folder / "log") as address:
        yield address


def run(home: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "kpi", *arguments],
        cwd=ROOT,
        env={"KPI_HOME": str(home), "PATH": "/usr/bin:/bin"},
        check=False,
        capture_output=True,
    )


def harmless(page: Page) -> None:
    assert page.evaluate(FOREIGN) == []
    assert page.locator("[data-testid=stMain] .katex").count() == 0


@pytest.fixture
def reader(visit: Callable[..., Page], hostile: str) -> Callable[[str], Page]:
    """Opens an address; in the end the window has asked nobody else (its fixture looks)."""
    page = visit("en")

    def opened(place: str) -> Page:
        page.goto(f"{hostile}/{place}")
        settled(page)
        harmless(page)
        return page

    return opened


@pytest.mark.parametrize("entry", PAGES, ids=lambda entry: entry.id)
def test_trap_no_page_reads_them(reader, entry):
    odd = quote(HTML + PICTURE)
    dates = "period=custom&from=2026-09-01&to=2026-10-28"
    leave(reader(f"{entry.address}?{dates}&topic={odd}&tier={odd}&run={odd}&find={odd}&{odd}=x&lang=en"))


def test_trap_they_are_shown_as_they_are(reader):
    page = reader("explore?kpis=volume&rows=topic&cols=agent&period=custom&from=2026-09-01&to=2026-10-28&lang=en")
    for text in TOPICS.values():
        assert page.evaluate(SHOWN, text)
    for by in ("topic", "agent", "channel"):
        page = reader(f"?drill=volume&by={by}&period=custom&from=2026-09-01&to=2026-10-28&lang=en")
        expect(page.get_by_role("dialog")).to_be_visible()
        harmless(page)
        for text in TOPICS.values() if by != "channel" else (LINK,):
            assert page.evaluate(SHOWN, text)
    # One step down: the way back names it.
    after(page, page.locator("[class*=st-key-down_channel] button").first.click)
    harmless(page)
    assert page.evaluate(SHOWN, LINK)
    leave(page)


def test_trap_what_people_name_is_shown_as_it_is(reader):
    page = reader("explore?lang=en")
    page.locator(".st-key-saved_views button").first.click()
    expect(page.locator("[class*=st-key-saved_view_]").first).to_be_visible()
    harmless(page)
    for text in TOPICS.values():
        assert page.evaluate(SHOWN, text[:60].strip())
    page = reader("snapshots?lang=en")
    assert page.evaluate(SHOWN, LINK)
    page.get_by_role("button", name=phrase("en", "snapshots_edit")).first.click()
    harmless(page)
    leave(page)
