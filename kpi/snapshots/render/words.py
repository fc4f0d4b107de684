"""What a copy says in words: its head, its headline figures, its definitions. Every form of it says the same."""

from collections.abc import Iterator
from dataclasses import dataclass

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_change, format_count, format_moment, format_period, format_value, shown_sign
from kpi.metrics import sources
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.registry import METRICS
from kpi.narrative.change_tone import Tone, tone
from kpi.narrative.freshness import deliveries
from kpi.narrative.identities import identity_sentence
from kpi.narrative.working_days import unpublished
from kpi.plain_text import clean
from kpi.query.answer import Cell
from kpi.snapshots.notices import change_text, figure_name
from kpi.snapshots.render import data
from kpi.snapshots.render.report import Block, Report
from kpi.snapshots.render.tables import HIDDEN
from kpi.targets import target_text

_CHANGED = 5  # figures of a revision that are told by name
_ARROWS = {-1: "↓", 0: "→", 1: "↑"}


@dataclass(frozen=True)
class Card:
    """One headline figure in words. ``change``: with its arrow, "" without one; ``word``: its meaning. ``tone`` colours
    both, ``goal_tone`` the target. ``foot``: why there is no value, or the dates of another period than the report's.
    """

    kpi: str
    name: str
    value: str
    change: str
    word: str
    tone: Tone
    target: str
    goal_tone: str
    n: str
    foot: str


def card(cell: Cell, report: Report, foot: str = "") -> Card:
    """A figure without a dimension."""
    metric, language = METRICS[cell.kpi], report.language
    how = tone(cell, metric)
    change = word = ""
    if how != "none":
        change = f"{_ARROWS[shown_sign(cell, metric.unit)]} {format_change(cell, metric.unit, language)}"
        word = phrase(language, f"word_neutral_{report.definition.compare}" if how == "neutral" else f"word_{how}")
    elif report.definition.compare and cell.value is not None:
        word = phrase(language, "word_none")
    reason = phrase(language, f"reason_{cell.reason}") if cell.reason else ""
    return Card(
        kpi=cell.kpi,
        name=_named(metric.name(language), cell.variant),
        value=format_value(cell.value, metric.unit, language),
        change=change,
        word=word,
        tone=how,
        target=f"{target_text.named(cell, metric, language)} {target_text.mark(cell)}".strip(),
        goal_tone=target_text.tone_of(cell),
        n="n –" if cell.n is None else f"n {format_count(cell.n, language)}",
        foot=reason or foot,
    )


def _named(name: str, variant: str | None) -> str:
    name = name[:1].upper() + name[1:]
    return name if variant is None else f"{name} {variant}"


def cards(block: Block, report: Report) -> list[Card]:
    """The headline figures of a section; of the last mature period, with its dates, where the report's holds none."""
    found = []
    for kpi in block.kpis:
        cell, later = report.headline(kpi)
        dates = "" if later is None else format_period(later.start, later.end, report.language, year=False)
        foot = phrase(report.language, "card_mature_period", period=dates) if dates else ""
        found.append(card(cell, report, foot))
    return found


def period(report: Report) -> str:
    """The days that are reported."""
    return format_period(report.period.start, report.period.end, report.language)


def head(report: Report) -> list[str]:
    """The lines under the title: period and comparison, what is filtered, up to when there is data and what lacks."""
    language, published = report.language, report.published
    compared = report.whole.compared
    if compared is None:
        lines = [period(report)]
    else:
        against = format_period(compared.start, compared.end, language)
        missing = all(cell.previous is None for cell in report.whole.cells)
        key = "as_of_nothing_before" if missing else "as_of_compared"
        lines = [phrase(language, key, period=period(report), compared=against)]
        if report.whole.aligned_by not in {"length", None}:
            key = "aligned_weekday" if report.whole.aligned_by == "weekday" else "aligned_holiday"
            lines[0] += " · " + phrase(language, key)
        if report.whole.cuts:
            lines[0] += " · " + phrase(language, "cut_same_hour")
    if said := unpublished(report.period.start, report.period.end, language):
        lines[0] += " · " + said
    if chosen := filters(report):
        lines.append(chosen)
    as_of = phrase(language, "as_of", moment=format_moment(published.local(published.latest), language))
    late = [feed for feed in deliveries(published) if feed.late and feed.source in report.whole.as_of]
    for feed in late:
        moment = format_moment(feed.until, language, weekday=False)
        as_of += " · " + phrase(language, "as_of_missing", feed=feed.name(language), moment=moment)
    lines.append(f"{as_of} · {published.zone.key} · {phrase(language, 'report_version', version=published.version)}")
    return lines


def failures(report: Report) -> list[str]:
    """What of the copy could not be made, a line a format or chart."""
    return [f"{what}: {error.message(report.language)}" for what, error in report.broken.items()]


def opening(report: Report) -> list[str]:
    """The lines under the title of a first page: the head, and what a run made again changed."""
    made = revision(report)
    return [*head(report), " · ".join(made)] if made else head(report)


def lines(report: Report) -> list[str]:
    """The headline figures, a line each: value, change and target."""
    shown = (one for block in report.blocks if block.section.kind == "headline" for one in cards(block, report))
    found = []
    for one in shown:
        change = f"{one.change} {one.word}".strip()
        parts = filter(None, [f"{one.name} {one.value}", change, one.target, one.foot])
        found.append(" · ".join(parts))
    return found


def revision(report: Report) -> list[str]:
    """What a run made again changed: how many figures, then the first of them; empty for a first one."""
    made, language = report.revision, report.language
    if made is None:
        return []
    now, was = data.figures(report), made.figures
    differing = [key for key in dict.fromkeys([*now, *was]) if now.get(key) != was.get(key)]
    if not differing:
        return [phrase(language, "report_revision_same", revision=made.number, before=made.before)]
    # The same figure may stand in several sections.
    told = {(kpi, key): (was.get((section, kpi, key)), now.get((section, kpi, key))) for section, kpi, key in differing}
    first = [
        f"{figure_name(kpi, key, report.names, language)} {change_text(kpi, *values, language)}"
        for (kpi, key), values in list(told.items())[:_CHANGED]
    ]
    values = {"revision": made.number, "before": made.before, "count": len(differing)}
    return [phrase(language, "report_revision", **values), *first, *(["…"] if len(told) > _CHANGED else [])]


def filters(report: Report) -> str:
    """The filters in words, the recipient's own among them; "" without any."""
    language = report.language
    said = []
    for one in (*report.definition.filters, *report.recipient.scope.filters):
        names = report.names.get(one.dimension, {})
        values = phrase(language, "say_and").join(names.get(value, value) for value in one.values)
        said.append(f"{DIMENSIONS[one.dimension].name(language)} {values}")
    return " · ".join(said)


def title_of(block: Block, language: Language) -> str:
    """The section's title, or one made of its names."""
    given = block.section.title[0 if language == "zh" else 1]
    if given:
        return clean(given)
    kpis = block.kpis or block.section.kpis
    named = phrase(language, "say_and").join(METRICS[kpi].name(language) for kpi in kpis)
    if block.section.kind == "headline":
        return phrase(language, "report_headline")
    by = phrase(language, "say_and").join(DIMENSIONS[dimension].name(language).lower() for dimension in block.by)
    named = named[:1].upper() + named[1:]
    return phrase(language, "report_by", kpis=named, dimensions=by) if by else named


def notes(block: Block, report: Report) -> list[str]:
    """What has to be said below a section: what is left out and why, values not shown, a lack of data."""
    language = report.language
    said = [phrase(language, "agents_left_out")] if block.not_allowed else []
    if block.left_out:
        kpis = phrase(language, "say_and").join(METRICS[kpi].name(language) for kpi in block.left_out)
        said.append(phrase(language, "report_left_out", kpis=kpis))
    if block.pivot is not None:
        for axis in filter(None, (block.pivot.rows, block.pivot.cols)):
            if axis.left_out:
                name = DIMENSIONS[axis.dimension].name(language)
                said.append(phrase(language, "report_more", dimension=name, count=axis.left_out))
    for kpi in block.kpis if block.by else ():
        reasons = {cell.reason for answer in block.answers[1:] for cell in answer.cells if cell.kpi == kpi}
        if len(reasons) == 1 and (reason := reasons.pop()) is not None:
            name = METRICS[kpi].name(language)
            said.append(phrase(language, "report_reason", kpi=name, reason=phrase(language, f"reason_{reason}")))
    if any(cell.reason == "hidden" for answer in block.answers for cell in answer.cells):
        said.append(f"{HIDDEN} {phrase(language, 'reason_hidden')}")
    if title_of(block, language) in report.broken:
        said.append(phrase(language, "chart_failed"))
    if report.empty or (block.kpis and block.blank):
        said.append(phrase(language, "report_no_data"))
    return said


@dataclass(frozen=True)
class Definition:
    """What the dictionary says of a KPI: (term, text)."""

    name: str
    terms: tuple[tuple[str, str], ...]


def definitions(report: Report) -> Iterator[Definition]:
    """Every KPI of the report, in its order, with the version of its formula."""
    language = report.language
    position = 0 if language == "zh" else 1
    for kpi in report.kpis:
        metric, variant = METRICS[kpi], report.whole.cell(kpi).variant
        formula = metric.formula_of(variant)[position]
        terms = [(phrase(language, "define_formula"), formula if variant is None else f"{variant} {formula}")]
        if metric.exclusions[position]:
            terms.append((phrase(language, "define_exclusions"), metric.exclusions[position]))
        if metric.maturity is not None:
            days = phrase(language, "define_maturity_days", days=metric.maturity.days)
            terms.append((phrase(language, "define_maturity"), days))
        direction = phrase(language, f"direction_{metric.direction}")
        terms.append((phrase(language, "dictionary_unit"), phrase(language, f"unit_name_{metric.unit}")))
        terms.append((phrase(language, "define_direction"), direction))
        terms.append((phrase(language, "define_source"), sources.source_name(metric.source, language)))
        terms.append((phrase(language, "report_formula"), phrase(language, "define_version", version=metric.version)))
        name = metric.name(language)
        yield Definition(f"{name[:1].upper()}{name[1:]} · {metric.id}", tuple(terms))


def proof(report: Report) -> list[tuple[bool, str]]:
    """The identity proof: whether each equation holds, and the equation."""
    return [(check.holds, identity_sentence(check, report.language)) for check in report.checks]


def feeds(report: Report) -> list[tuple[str, str]]:
    """Each feed that the figures stand on, and up to when it has delivered."""
    language = report.language
    return [
        (feed.name(language), format_moment(feed.until, language, weekday=False))
        for feed in deliveries(report.published)
        if feed.source in report.whole.as_of
    ]


def marks(report: Report) -> list[str]:
    """What must be seen at once: synthetic data, an empty period, a proof that fails."""
    language = report.language
    found = [phrase(language, "synthetic")] if report.published.synthetic else []
    if report.empty:
        found.append(phrase(language, "report_no_data"))
    if not report.holds:
        found.append(phrase(language, "report_proof_fails"))
    return found
