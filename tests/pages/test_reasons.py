"""Why figures changed, as pages tell it: Overview leads with it, and every drill-down has its own."""

import re
from datetime import timedelta
from html import unescape

import pytest

from kpi.drivers.analysis import three, why
from kpi.i18n.formats import format_value
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.registry import METRICS
from kpi.narrative.driver_sentences import driver_sentence, sentences, text_of
from kpi.query import Filter, Period, Question
from kpi.query.labels import labels
from kpi.snapshots.model import Definition, Recipient, RelativePeriod, Section
from kpi.snapshots.render import report_of
from kpi.warehouse.published import Published
from pages.ui.cards import title
from pages.views.overview import HEADLINES
from tests.pages.test_drill import parameter
from tests.pages.test_overview import asked, html, text


def period(bank, days=28):
    today = bank.published().today
    return Period(today, today).shifted(1 - days).start, today


def findings(app):
    """What the page leads with, as text."""
    return [
        unescape(re.sub(r"<[^>]+>", "", body)).strip() for body in html(app) if body.startswith('<p class="finding">')
    ]


def names(bank, why_, language):
    return {dimension: labels(bank, dimension, language) for dimension in why_.dimensions}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_overview_leads_with_the_findings_that_matter_most(demo_home, open_page, bank, language):
    app = open_page(demo_home, lang=language)
    assert not app.exception
    mature = [kpi for kpi in HEADLINES if METRICS[kpi].maturity is None]
    question = Question(tuple(mature), Period(*period(bank)), compare="previous")
    leading = three(bank, [question])
    expected = [text_of(driver_sentence(one, found, names(bank, one, language), language, title(one.kpi, language)))
                for one, found in leading]  # fmt: skip
    said = findings(app)
    assert 1 <= len(said) <= 3
    # First-contact resolution, whose period is another, may stand among them.
    assert [line for line in said if not line.startswith(title("fcr", language))] == expected[: len(said)]
    for one, _ in leading:
        assert format_value(one.whole.value, METRICS[one.kpi].unit, language) in " ".join(said)


@pytest.mark.parametrize(("language", "days"), [("zh", 28), ("en", 7)])
def test_a_report_tells_the_same_causes(demo_home, open_page, bank, language, days, monkeypatch):
    """Of each headline over the period that its card shows, the last mature one where that is another."""
    # As of a bank whose data go on: of one that has ended a report is of the last whole days.
    monkeypatch.setattr(Published, "last_day", None)
    first, last = period(bank, days)
    section = Section("headline", "headline", HEADLINES)
    relative: RelativePeriod = "last_7_days" if days == 7 else "last_28_days"
    definition = Definition("x", ("月报", "Report"), (section,), relative, language=language)
    with report_of(bank, definition, Recipient("x", ""), last + timedelta(days=1)) as report:
        assert (report.period.start, report.period.end) == (first, last)
        assert bool(report.mature) == (days == 7), "first-contact resolution has a window of seven days"
        said = [text_of(sentence) for sentence in report.sentences]
    assert said
    assert said == findings(open_page(demo_home, lang=language, period=f"{days}d"))


def test_a_finding_leads_to_what_explains_it_and_on_to_its_rows(demo_home, open_page, bank):
    app = open_page(demo_home, lang="en")
    said = findings(app)[0]
    app = next(button for button in app.button if button.key == "finding_rows_1").click().run()
    assert not app.exception
    name, by = (parameter(app, one) for one in ("drill", "by"))
    assert parameter(app, "at") == ""
    # The whole, which the sentence is about, by the dimension that it names, and the sentence itself once more.
    assert f"What moved it, by {DIMENSIONS[by].name_en.lower()}" in text(app)
    assert findings(app).count(said) == 2
    app = next(button for button in app.button if button.key == "finding_rows_cell_1").click().run()
    assert not app.exception
    steps = [step.partition(":") for step in parameter(app, "at").split(",")]
    assert steps[0][0] == by
    cell = asked((name,), 28, *(Filter(dimension, (value,)) for dimension, _, value in steps)).cell(name)
    assert format_value(cell.value, METRICS[name].unit, "en") in text(app)


def test_without_a_comparison_there_is_nothing_to_explain(demo_home, open_page):
    app = open_page(demo_home, lang="en", compare="none", drill="volume")
    assert not app.exception
    assert not findings(app)
    assert "What moved it" not in text(app)


def test_where_nothing_moved_beyond_chance_it_says_so(demo_home, open_page):
    # Seven-star customers of one channel: a handful of contacts.
    app = open_page(demo_home, lang="en", tier="7", channel="vip", period="yesterday")
    assert not app.exception
    assert not findings(app)
    assert "can be told from noise" in text(app)


@pytest.mark.parametrize(("kpi", "by"), [("self_service_rate", "channel"), ("volume", "tier"), ("asa", "team")])
def test_the_drill_down_says_why_in_sentences_and_steps(demo_home, open_page, bank, kpi, by):
    app = open_page(demo_home, lang="en", drill=kpi, by=by)
    assert not app.exception
    question = Question((kpi,), Period(*period(bank)), compare="previous")
    (found,) = why(bank, question)
    first = text_of(sentences(found, names(bank, found, "en"), "en", title(kpi, "en"))[0])
    assert first in unescape(re.sub(r"<[^>]+>", "", "\n".join(html(app))))
    if found.decomposition(by) is not None and found.change:
        assert f"What moved it, by {by}" in text(app)


@pytest.mark.parametrize("kpi", ["customers_served", "wait_p90", "contacts_per_customer"])
def test_what_has_no_parts_is_told_without_a_figure(demo_home, open_page, kpi):
    app = open_page(demo_home, lang="en", drill=kpi)
    assert not app.exception
    assert "What moved it" not in text(app)
