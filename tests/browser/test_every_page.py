"""What holds for every page of the book, in both languages: a new page is covered without a line here.

The tests of one page in one language look at one load of it, so the last of them may leave its dialog open.
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from kpi import cli
from kpi.i18n import LANGUAGES, Language, catalogue, phrase
from kpi.i18n.formats import format_change, format_count, format_period, format_value
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.registry import METRICS, SECTIONS
from kpi.query import Cell, Filter, Period, Question, last_mature
from kpi.settings import load_settings
from kpi.warehouse import Warehouse
from pages.page_specs import PAGES, PageSpec
from seed.topics import FUNCTIONS, TOPICS
from tests.browser.server import Visitor, after, settled

IDS = [f"{entry.id}-{language}" for entry in PAGES for language in LANGUAGES]

# The texts of the document, seen or heard: what it says, where, and the language that it says it is in. Of a table that
# is edited (a canvas) only the head: its rows are in whatever language somebody wrote them in.
TEXTS = """() => {
    const where = node => [...(node.closest('[class*="st-key-"]') ?? node).classList].join('.');
    const apart = node => node.closest('[lang]:not(html), .st-key-switch_language, [data-testid="stIconMaterial"], '
        + '[data-testid="stAlertDynamicIcon"], [translate="no"], canvas tbody, style, script, noscript');
    const found = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_ALL);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
        if (node.nodeType === Node.TEXT_NODE) {
            const text = node.data.trim();
            if (text && !apart(node.parentElement)) found.push([text, where(node.parentElement)]);
        } else if (node.nodeType === Node.ELEMENT_NODE && !apart(node)) {
            for (const name of ['alt', 'title', 'placeholder', 'aria-label'])
                if (node.getAttribute(name)) found.push([node.getAttribute(name), `${where(node)}[${name}]`]);
        }
    }
    return found;
}"""
# The framework's own words, English only, which nobody can translate from outside.
FRAMEWORK = re.compile(
    r"Skip to main content|Sidebar|Logo|Navigate to home page|(Collapse|Expand) sidebar"
    r"|(Show data|Download as (PNG|CSV)|Copy Vega-Lite spec|Fullscreen|Show/hide columns|Search|Add row)(: .*)?"
    r"|Close|Open|Selected values|Remove .*|Clear all|Increment|Decrement"
    r"|Pagination|(Previous|Next) page|Page \d+"
)

# The pages whose figures are chosen by who looks at them, or that have none.
WITHOUT_FILTERS = {"snapshots", "settings", "dictionary"}
WITHOUT_CARDS = {"explore", *WITHOUT_FILTERS}

# The page that names every KPI in both languages, and what it may so hold.
BOTH = "dictionary"
# The names and sizes of files of a run that another test, whose turn may come before, had made.
FILES = re.compile(r"[\w.-]+\.(?:csv|json|txt) \(\d+ KB\)")
NAMES = {name for metric in METRICS.values() for name in (metric.id, metric.name_zh, metric.name_en)}

CARDS = """() => Object.fromEntries([...document.querySelectorAll('[class*="st-key-card_"]')].map(card => {
    const kpi = [...card.classList].find(name => name.startsWith('st-key-card_')).slice(12);
    const text = (selector) => card.querySelector(selector)?.textContent.trim() ?? '';
    return [kpi, {
        label: text('.kpi-label'), value: card.querySelector('.kpi-value').firstChild.textContent.trim(),
        reason: text('.kpi-value small'), change: text('.pill').replace(/^[↓→↑] /, ''), foot: text('.kpi-foot'),
        n: text('[class*="st-key-open_"] button'), note: text('.kpi-note'),
    }];
}))"""

# What of a page reaches out of the screen, other than inside of what scrolls by itself.
STICKING_OUT = """width => {
    const held = node => { for (let up = node.parentElement; up && up !== document.body; up = up.parentElement)
        if (/auto|scroll|hidden|clip/.test(getComputedStyle(up).overflowX)
            && up.getBoundingClientRect().right <= width + 0.5) return up.dataset.testid !== 'stMain'; };
    return [...document.querySelectorAll('[data-testid="stMain"] *')].filter(node => {
        const box = node.getBoundingClientRect();
        return box.width > 1 && box.height > 1 && (box.right > width + 0.5 || box.left < -0.5) && !held(node);
    }).map(node => node.outerHTML.slice(0, 160));
}"""


@dataclass
class Opened:
    """One load of a page, and what went wrong since."""

    entry: PageSpec
    language: Language
    page: Page
    problems: list[str] = field(default_factory=list)


@dataclass
class Reader:
    """Who goes from page to page in one window."""

    address: str
    visitor: Visitor

    @property
    def problems(self) -> list[str]:
        return self.visitor.problems

    def go(self, entry: PageSpec, query: str = "") -> Page:
        """Open a page by its address, cold."""
        page = self.visitor.page
        self.problems.clear()
        page.goto(f"{self.address}/{entry.address}{query}")
        settled(page)
        return page


@pytest.fixture(scope="module")
def reader(visitors: Callable[..., Visitor], address: str) -> Callable[..., Reader]:
    """The reader of a language and size of screen; a window each for all tests here."""
    return lambda language, phone=False: Reader(address, visitors(language, phone=phone, name="reader"))


@pytest.fixture(scope="module", params=[(entry, language) for entry in PAGES for language in LANGUAGES], ids=IDS)
def opened(request: pytest.FixtureRequest, reader: Callable[..., Reader]) -> Opened:
    """A page of the book in one language, loaded once for the tests that look at it."""
    entry, language = request.param
    window = reader(language)
    return Opened(entry, language, window.go(entry), window.problems)


class CommandLine:
    """The command ``query`` on the home of the server: what the cards must show. Run in this process: one of its own
    takes as long again to begin.
    """

    def __init__(self, home: Path) -> None:
        self.environment = {"KPI_HOME": str(home), "KPI_MEMORY": "1"}
        self.warehouse = Warehouse.from_settings(load_settings(self.environment))
        self.today = self.warehouse.published().today
        self.cells = cache(self._cells)

    def _cells(
        self, kpis: tuple[str, ...], period: Period, filters: tuple[Filter, ...], service_level: str
    ) -> dict[str, Cell]:
        chosen = [f"{one.dimension}={','.join(one.values)}" for one in filters]
        arguments = [
            *("query", *kpis, "--compare", "previous", "--format", "json"),
            *("--from", str(period.start), "--to", str(period.end)),
            *(("--filter", *chosen) if chosen else ()),
        ]
        said = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said):
            for name, value in {**self.environment, "KPI_SERVICE_LEVEL": service_level}.items():
                patch.setenv(name, value)
            assert cli.main(arguments) == 0
        fields = set(Cell.__dataclass_fields__)
        rows = json.loads(said.getvalue())["rows"]
        return {row["kpi"]: Cell(key=(), **{name: row[name] for name in fields & set(row)}) for row in rows}

    def answers(
        self, period: Period, filters: tuple[Filter, ...] = (), service_level: str = "SL1"
    ) -> Callable[[str], tuple[Cell, Period | None] | None]:
        """KPI -> its cell and, where the period holds nothing mature, the period that it is of instead; None where
        the KPI does not have a dimension of the filters.
        """
        dimensions = {one.dimension for one in filters}
        asked = tuple(kpi for kpi, metric in METRICS.items() if dimensions <= set(metric.dimensions))
        cells = self.cells(asked, period, filters, service_level)

        late = [kpi for kpi, cell in cells.items() if cell.reason == "immature"]
        mature = {kpi: last_mature(self.warehouse, Question((kpi,), period, filters=filters)) for kpi in late}
        alike = {
            of.period: tuple(kpi for kpi, one in mature.items() if one is not None and one.period == of.period)
            for of in mature.values()
            if of is not None
        }

        def answer(kpi: str) -> tuple[Cell, Period | None] | None:
            if kpi not in cells:
                return None
            for instead, kpis in alike.items():
                if kpi in kpis:
                    return self.cells(kpis, instead, filters, service_level)[kpi], instead
            return cells[kpi], None

        return answer


@pytest.fixture(scope="module")
def command_line(demo_home: Path) -> Iterator[CommandLine]:
    made = CommandLine(demo_home)
    yield made
    made.warehouse.close()


@pytest.fixture(scope="module")
def usual(command_line: CommandLine) -> Callable[[str], tuple[Cell, Period | None] | None]:
    """The answers for an address without parameters: the four weeks up to the running day."""
    return command_line.answers(Period(command_line.today - timedelta(days=27), command_line.today))


# --- one load of each page -----------------------------------------------------------------------------------------


def test_it_loads_without_an_error(opened):
    expect(opened.page.get_by_role("heading", level=1)).to_have_text(phrase(opened.language, f"page_{opened.entry.id}"))
    assert opened.page.get_by_test_id("stException").count() == 0
    assert opened.page.locator(".st-key-problem").count() == 0
    assert opened.page.get_by_test_id("stAlert").count() == 0
    assert not opened.problems


def test_nothing_is_half_translated(opened):
    assert not half_translated(opened)


def test_its_cards_say_what_the_command_line_answers(opened, usual):
    for kpi, card in opened.page.evaluate(CARDS).items():
        compare(kpi, card, usual(kpi), opened.language)


def test_one_of_its_figures_can_be_taken_apart(opened, usual):
    page = opened.page
    cards = page.evaluate(CARDS)
    if opened.entry.id in WITHOUT_CARDS:
        assert not cards
        return
    kpi = next(iter(cards))
    after(page, page.locator(f".st-key-open_{kpi} button").click)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert f"drill={kpi}" in page.url
    count = dialog.locator(".st-key-drill_head b").first
    expect(count).to_be_visible()
    assert re.sub(r"\D", "", count.inner_text()) == str(usual(kpi)[0].n)
    assert not half_translated(opened)
    after(page, lambda: page.keyboard.press("Escape"))
    expect(dialog).to_be_hidden()
    page.wait_for_function("() => !location.search.includes('drill=')")
    assert not opened.problems


# --- further loads -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry", [entry for entry in PAGES if entry.id not in WITHOUT_CARDS], ids=lambda entry: entry.id
)
def test_opened_cold_by_an_address_with_filters(reader, command_line, entry):
    # Yesterday has nothing mature where a KPI needs days; the formula of the service level is not the usual one.
    window = reader("en")
    page = window.go(entry, "?period=yesterday&tier=1,2,3&sl=SL2&lang=zh")
    expect(page.locator(".st-key-chip_tier")).to_contain_text("3 项")
    expect(page.locator(".st-key-chip_period")).to_contain_text("昨天")
    assert page.get_by_test_id("stAlert").count() == 0
    yesterday = command_line.today - timedelta(days=1)
    answer = command_line.answers(Period(yesterday, yesterday), (Filter("tier", ("1", "2", "3")),), "SL2")
    for kpi, card in page.evaluate(CARDS).items():
        compare(kpi, card, answer(kpi), "zh")
        assert kpi != "service_level" or card["label"].endswith("SL2")
    assert not window.problems


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("entry", PAGES, ids=lambda entry: entry.id)
def test_no_page_is_wider_than_a_phone(reader, entry, language):
    page = reader(language, phone=True).go(entry)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    assert page.evaluate(STICKING_OUT, 390) == []


def test_filters_go_from_page_to_page_and_back(reader):
    window = reader("en")
    page = window.go(PAGES[0], "?period=7d&tier=6,7&lang=en")
    places = [page.url]
    for entry in PAGES[1:]:
        link = page.get_by_test_id("stSidebar").get_by_role("link", name=phrase("en", f"page_{entry.id}"), exact=True)
        after(page, link.click)
        stands(page, entry)
        places.append(page.url)
    for entry, place in reversed([*zip(PAGES, places, strict=True)][:-1]):
        after(page, page.go_back)
        stands(page, entry)
        assert page.url == place
    assert not window.problems


def stands(page: Page, entry: PageSpec) -> None:
    """The page is there, with the filters of the walk: in its address, and in its chips where they mean something."""
    expect(page.get_by_role("heading", name=phrase("en", f"page_{entry.id}"), level=1, exact=True)).to_be_visible()
    if entry.id in WITHOUT_FILTERS:
        expect(page.locator(".st-key-chips")).to_have_count(0)
    else:
        expect(page.locator(".st-key-chip_period")).to_contain_text("Last 7 days")
        expect(page.locator(".st-key-chip_tier")).to_contain_text(phrase("en", "filter_count", count=2))
    assert {"period=7d", "tier=6,7"} <= set(page.url.replace("%2C", ",").partition("?")[2].split("&"))


# --- what is compared ----------------------------------------------------------------------------------------------


def compare(kpi: str, card: dict[str, str], answer: tuple[Cell, Period | None] | None, language: Language) -> None:
    """A card shows the value, the change and the n of its answer, and of which days it is where not of the page's."""
    if answer is None:
        assert (card["value"], card["note"] != "") == ("–", True), kpi
        return
    cell, mature = answer
    unit = METRICS[kpi].unit
    assert card["note"] == "", kpi
    assert card["value"] == format_value(cell.value, unit, language), kpi
    assert card["n"] == phrase(language, "card_n", count="–" if cell.n is None else format_count(cell.n, language)), kpi
    if cell.value is None:
        assert card["reason"] == phrase(language, f"reason_{cell.reason}"), kpi
    else:
        assert card["change"] == ("" if cell.change is None else format_change(cell, unit, language)), kpi
    if mature is not None:
        assert format_period(mature.start, mature.end, language, year=False) in card["foot"], kpi


def half_translated(opened: Opened) -> list[tuple[str, str, list[str]]]:
    """What of the document is in the other language: the text, where it stands, and what of it is."""
    foreign = chinese_in if opened.language == "en" else english_in
    ours = [found for found in opened.page.evaluate(TEXTS) if not FRAMEWORK.fullmatch(found[0])]
    texts = [(text, where) for text, where in ours if not FILES.fullmatch(text)]
    assert len(texts) > 20
    if opened.entry.id == BOTH:
        texts = [(text, where) for text, where in texts if text not in NAMES]
    return [(text, where, found) for text, where in texts if (found := foreign(text))]


def chinese_in(text: str) -> list[str]:
    return re.findall(r"[\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff01-\uff5e]+", text)


def words(text: str) -> list[str]:
    """Latin words; the ids of declarations (with an underscore) are none."""
    return [word for word in re.findall(r"[A-Za-z_]{2,}", text) if "_" not in word]


@cache
def known_in_chinese() -> frozenset[str]:
    """Latin words that Chinese phrases, declarations and the demo bank hold: names, such as NPS, Erlang and ETC."""
    declared = [text["zh"] for text in catalogue().values()]
    declared += [
        one for metric in METRICS.values() for one in (metric.name_zh, metric.formula[0], metric.exclusions[0])
    ]
    declared += [text[0] for metric in METRICS.values() for _, text in metric.variants.values()]
    declared += [dimension.name("zh") for dimension in DIMENSIONS.values()] + [names[0] for names in SECTIONS.values()]
    declared += [topic.zh for topic in TOPICS] + [name_zh for _, name_zh, *_ in FUNCTIONS]
    return frozenset(word for text in declared for word in words(re.sub(r"\{[^}]*\}", " ", text)))


def english_in(text: str) -> list[str]:
    return [word for word in words(text) if word not in known_in_chinese()]
