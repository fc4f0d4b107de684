"""The HTML report in a real browser without a network: what is read and drawn there is what ``answer`` gives."""

import pytest

from kpi.i18n import phrase
from kpi.i18n.formats import format_change, format_value
from kpi.metrics.registry import METRICS
from kpi.narrative.change_tone import tone
from kpi.pivot import ALL, has_total, place_name
from kpi.query.labels import labels
from kpi.snapshots.model import Section
from tests.reports.conftest import DEFINITION, copy
from tests.reports.test_equal import asked, file

MATRICES = ("volume", "grid")  # one KPI by two dimensions, one of them across
CHARTS = tuple(section.id for section in DEFINITION.sections if section.kind == "chart")

# Every cell of a section's table: its row's names and its column's, its text, its change and its number.
CELLS = """id => {
    const table = document.querySelector(`#${id} table`), heads = [...table.tHead.rows[0].cells];
    return [...table.tBodies[0].rows].flatMap(row => [...row.cells].filter(cell => cell.tagName === 'TD').map(cell => ({
        names: [...row.querySelectorAll('th'), heads[cell.cellIndex]].map(one => one.textContent),
        text: cell.firstChild?.nodeType === Node.TEXT_NODE ? cell.firstChild.data : '',
        change: cell.querySelector('small')?.textContent ?? '',
        number: cell.dataset.value === undefined ? null : Number(cell.dataset.value),
    })));
}"""
# What each mark of a kind stands for, as the renderer of the figure keeps it on the mark itself.
MARKS = """([id, kind]) => [...document.querySelectorAll(`[data-chart=${id}] svg .mark-${kind}.role-mark > *`)]
    .map(mark => mark.__data__.datum)"""
CARDS = """() => [...document.querySelectorAll('#headline .card')].map(card => [
    card.dataset.kpi, card.querySelector('.value').textContent, card.querySelector('div > span').textContent,
    card.querySelector('.foot small').textContent])"""
COLUMN = "id => [...document.querySelectorAll(`#${id} tbody tr`)].map(row => Number(row.cells[1].dataset.value))"


def words_of(cell, metric, language, compact):
    """Value and change as the screen writes them."""
    change = "" if tone(cell, metric) == "none" else format_change(cell, metric.unit, language)
    return format_value(cell.value, metric.unit, language, compact=compact), change


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_the_browser_shows_is_what_answer_gives(visit, bank, tmp_path, language):
    rendered = copy(bank, language=language, formats=("html",))
    report = tmp_path / "report.html"
    report.write_bytes(file(rendered, ".html"))
    page, requests = visit(language), []
    page.on("request", lambda request: requests.append(request.url))
    page.context.set_offline(True)
    try:
        page.goto(report.as_uri())
        drawn = "n => document.querySelectorAll('[data-chart] svg').length === n"
        page.wait_for_function(drawn, arg=len(CHARTS))
        figures = asked(bank, rendered)
        cards(page, figures, language)
        for section in DEFINITION.sections:
            if section.by:
                table(page, section, figures, bank, language)
        plain(page, figures, language)
        charts(page, figures, bank, language)
        sorting(page)
    finally:
        page.context.set_offline(False)
    assert requests == [report.as_uri()], "something was asked of elsewhere"


def cards(page, figures, language):
    """Value, change and n of every card; of the last mature period where the report's own has none."""
    wanted = {}
    for section, _, cell in figures:
        if section == "headline":
            metric = METRICS[cell.kpi]
            value, change = words_of(cell, metric, language, compact=True)
            wanted[cell.kpi] = (value, change, f"n {cell.n}" if cell.n is not None else "n –")
    shown = {kpi: (value, change.lstrip("↑↓→ "), n) for kpi, value, change, n in page.evaluate(CARDS)}
    assert shown == wanted


def table(page, section, figures, bank, language):
    """Every cell of a table by dimensions stands under its names, and none is left over."""
    names = {dimension: labels(bank, dimension, language) for dimension in section.by}
    wanted = {}
    for _, answered, cell in (one for one in figures if one[0] == section.id):
        metric, by = METRICS[cell.kpi], answered.question.by
        if (len(by) < len(section.by) and not has_total(metric)) or (section.id == "pairs" and len(by) == 1):
            continue  # the one has no whole over values, the other shows only its pairs and the whole
        key = dict(zip(by, cell.key, strict=True))
        said = [place_name(one, key.get(one, ALL), names, language) for one in section.by]
        kpi = [] if section.id in MATRICES else [upper(metric.name(language))]
        wanted[(*sorted(said), *kpi)] = (*words_of(cell, metric, language, compact=False), cell.value)
    shown = {}
    for one in page.evaluate(CELLS, section.id):
        head = one["names"] if section.id in MATRICES else one["names"][:-1]
        kpi = [] if section.id in MATRICES else one["names"][-1:]
        if one["text"]:
            shown[(*sorted(head), *kpi)] = (one["text"], one["change"], one["number"])
    # A value of a dimension without any figure has no line.
    bare = {key for key, (_, _, number) in wanted.items() if number is None} - set(shown)
    assert shown == {key: told for key, told in wanted.items() if key not in bare}, section.id


def plain(page, figures, language):
    """The table without a dimension: a row a KPI, its value and n."""
    value, n = phrase(language, "chart_value"), "n"
    shown = {tuple(one["names"]): one for one in page.evaluate(CELLS, "costs")}
    for _, _, cell in (one for one in figures if one[0] == "costs"):
        metric = METRICS[cell.kpi]
        name = upper(metric.name(language))
        assert (shown[name, value]["text"], shown[name, value]["change"], shown[name, value]["number"]) == (
            *words_of(cell, metric, language, compact=False), cell.value
        )  # fmt: skip
        assert shown[name, n]["number"] == cell.n


def charts(page, figures, bank, language):
    """What the marks of every figure are drawn from."""
    cells = {
        section: {
            cell.key: cell for one, answered, cell in figures if one == section and len(answered.question.by) == n
        }
        for section, n in (("volume", 2), ("course", 1), ("channels", 1), ("grid", 2))
    }
    first = figures[0][1].period.start
    channel, tier = (labels(bank, dimension, language) for dimension in ("channel", "tier"))

    def share(value):
        return None if value is None else pytest.approx(value * 100)

    def named(dimension, names, value):
        return place_name(dimension, value, {dimension: names}, language)

    stacked = {
        (int(mark["x"]), mark["channel"]): mark["y2"] - mark["y"]
        for mark in page.evaluate(MARKS, ["volume", "rect"])
        if mark["y2"] > mark["y"]
    }
    assert stacked == {
        ((day - first).days, kind): cell.value for (day, kind), cell in cells["volume"].items() if cell.value
    }
    line = {
        int(mark["x"]): (mark["value"], mark["previous"], mark["n"])
        for mark in page.evaluate(MARKS, ["course", "symbol"])
    }
    percent = {
        (day - first).days: (share(cell.value), share(cell.previous), str(cell.n))
        for (day,), cell in cells["course"].items()
        if cell.value is not None
    }
    assert line == percent
    bars = {mark["name"]: (mark["value"], mark["previous"]) for mark in page.evaluate(MARKS, ["channels", "rect"])}
    wanted = {
        named("channel", channel, key): (cell.value, cell.previous)
        for (key,), cell in cells["channels"].items()
        if cell.value is not None
    }
    assert {name: bars[name] for name in wanted} == wanted
    heat = {(mark["name"], mark["col"]): mark["text"] for mark in page.evaluate(MARKS, ["grid", "rect"])}
    for (kind, star), cell in cells["grid"].items():
        if cell.value is not None:
            text = heat.pop((named("channel", channel, kind), named("tier", tier, star)))
            assert text == format_value(cell.value, "share", language)
    assert set(heat.values()) == {"–"}


def sorting(page):
    """The largest first, then the smallest; the whole stays last."""
    head, before = page.locator("#tiers thead button").nth(1), page.evaluate(COLUMN, "tiers")
    head.click()
    down = page.evaluate(COLUMN, "tiers")
    head.click()
    up = page.evaluate(COLUMN, "tiers")
    assert down[:-1] == sorted(before[:-1], reverse=True) != before[:-1]
    assert up[:-1] == sorted(before[:-1])
    assert down[-1] == up[-1] == before[-1]


def upper(name):
    return name[:1].upper() + name[1:]


SORTED = """id => {
    const table = document.querySelector(`#${id} table`), button = table.tHead.rows[0].cells[0].querySelector('button');
    const names = () => [...table.tBodies[0].rows].map(row => row.cells[0].textContent);
    const before = names();
    button.focus();
    button.click();
    const down = names();
    button.click();
    return [before, down, names(), document.activeElement === button];
}"""


def test_trap_names_with_an_order_of_their_own_are_sorted_by_it(visit, bank, tmp_path):
    """Days went by their letters: 1 Apr, 1 Aug, 1 Feb; and the unknown stands last whichever way."""
    axes = ("date", "weekday", "half_hour", "tier", "channel")
    sections = tuple(Section(axis, "table", ("volume", "csat"), (axis,)) for axis in axes)
    report = tmp_path / "sorted.html"
    report.write_bytes(file(copy(bank, period="last_28_days", sections=sections, formats=("html",)), ".html"))
    page = visit()
    page.goto(report.as_uri())
    for axis in axes:
        before, down, up, focused = page.evaluate(SORTED, axis)
        assert focused
        assert len(before) > 2
        assert before[-1] == down[-1] == up[-1] == "All"
        known = [name for name in before[:-1] if name != "unknown"]
        unknown = [name for name in before[:-1] if name == "unknown"]
        order = sorted(known, key=str.casefold) if axis == "channel" else known
        assert (up[:-1], down[:-1]) == (order + unknown, order[::-1] + unknown), axis
    assert page.evaluate(SORTED, "date")[0][0].endswith("Feb")


def test_what_has_no_figure_is_last_in_both_directions(visit, bank, tmp_path):
    report = tmp_path / "gaps.html"
    sections = (Section("pairs", "table", ("volume", "csat"), ("channel",)),)
    report.write_bytes(file(copy(bank, sections=sections, formats=("html",)), ".html"))
    page = visit()
    page.goto(report.as_uri())
    rows = "[...document.querySelectorAll('#pairs tbody tr:not(.total)')]"
    column = f"() => {rows}.map(row => row.cells[2].dataset.value ?? '–')"
    for _ in range(2):
        page.locator("#pairs thead button").nth(2).click()
        shown = page.evaluate(column)
        gaps = shown.count("–")
        assert 0 < gaps < len(shown)
        assert shown[-gaps:] == ["–"] * gaps
