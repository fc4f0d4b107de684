"""Why figures changed, as pages tell it: the findings that lead one, and those of a KPI in its drill-down."""

from collections.abc import Callable
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from kpi.charts import Style, waterfall, waterfall_subtitle
from kpi.drivers.finding import Finding, Why
from kpi.i18n import Language, phrase
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.registry import METRICS
from kpi.narrative.driver_sentences import Names, driver_sentence, findings_with_sentence, sentences, value_name
from kpi.narrative.headline import Sentence, Span
from kpi.narrative.waterfall_steps import steps
from kpi.query.question import Filter, Question
from kpi.stats.decomposition import Decomposition
from kpi.tables import of_decomposition
from pages.address import state
from pages.data import cache
from pages.data.figures import Figures
from pages.ui import cards, components

_TOLD = 3  # sentences in a drill-down


# Waits for the findings of a page.
Coming = Callable[[], tuple[tuple[Why, Finding], ...]]


def search_in_background(figures: Figures) -> Coming:
    """Begin to look for the findings that matter most, while the page is drawn."""
    questions, headline = _changes(figures), figures.headline
    if not questions:
        return tuple
    known = [headline] if headline is not None else []
    return cache.in_background(partial(cache.findings, questions, figures.version, known))


def leading(figures: Figures, opening: Sentence, coming: Coming) -> Callable[[], None]:
    """A place for the opening sentence and the findings that are ``coming``, each with a way to its rows. What is given
    back fills it.
    """
    return partial(_lead, figures, opening, st.container(key="answer"), coming)


def _changes(figures: Figures) -> tuple[Question, ...]:
    return figures.changes() if figures.view.compare is not None else ()


def _lead(figures: Figures, opening: Sentence, place: DeltaGenerator, coming: Coming) -> None:
    language, version, questions, found = figures.view.language, figures.version, _changes(figures), coming()
    names = _names({dimension for why, _ in found for dimension in why.dimensions}, language, version)
    with place:
        components.sentences(opening, *(() if found or not questions else [(Span(_nothing(questions, language)),)]))
        for number, (why, one) in enumerate(found, start=1):
            name = cards.title(why.kpi, language)
            # The sentence is about the whole: so is what opens, and from there the finding leads on to its rows.
            _row(
                str(number),
                driver_sentence(why, one, names, language, name),
                phrase(language, "finding_rows", name=name),
                partial(state.open_drill, why.kpi, one.dimension),
            )


def _row(key: str, findings_with_sentence: Sentence, label: str, leads: Callable[[], None]) -> None:
    """A finding and the button that leads on from it."""
    with st.container(key=f"finding_{key}", horizontal=True, wrap=False, gap="xsmall", vertical_alignment="top"):
        components.sentence(findings_with_sentence, "finding")
        st.button(
            components.escape_markdown(label),
            icon=":material/arrow_forward:",
            type="tertiary",
            key=f"finding_rows_{key}",
            on_click=leads,
        )


def _nothing(questions: tuple[Question, ...], language: Language) -> str:
    return phrase(language, "findings_none", count=sum(len(question.kpis) for question in questions))


def explained(question: Question, at: tuple[Filter, ...], by: str | None, style: Style, version: int) -> None:
    """Of a KPI in its drill-down, ``at`` steps down: what moved it, in sentences, each with the way to its rows, and as
    a waterfall by ``by`` (where nothing was chosen, or its parts do not add up, by the dimension of the first finding),
    with its cells as a table. Nothing without a comparison.
    """
    if question.compare is None:
        return
    language, (kpi,) = style.language, question.kpis
    metric = METRICS[kpi]
    why = cache.why(question, version)
    part = (why.decomposition(by) if by is not None else None) or _first(why)
    names = _names(why.dimensions | set(part.by if part is not None else ()), language, version)
    drawn = steps(why, part) if part is not None else ()
    said = sentences(why, names, language, cards.title(kpi, language))[:_TOLD]
    if not why.findings:
        components.sentences(*said)
    for number, (sentence, one) in enumerate(zip(said, findings_with_sentence(why), strict=False), start=1):
        if one.filters:
            label = phrase(language, "finding_cell", name=_cell(one, names, language))
            _row(f"cell_{number}", sentence, label, partial(state.go_down, (*at, *one.filters)))
        else:
            components.sentence(sentence, "finding")
    if part is None or not drawn:
        return
    dimension = DIMENSIONS[part.by[0]].name(language)
    components.panel(
        f"why_{kpi}",
        phrase(language, "why_title", dimension=dimension.lower() if language == "en" else dimension),
        waterfall_subtitle(style),
        cache.figure(
            f"why {part.by[0]}",
            question,
            style,
            version,
            lambda: waterfall(metric, drawn, part.by, names, style, why.whole.uneven),
        ),
        lambda: of_decomposition(why, part, names, language),
        "".join(span.text for span in said[0]),
        style,
    )


def _cell(finding: Finding, names: Names, language: Language) -> str:
    """What a finding's rows are of, as they are named in the breadcrumb."""
    values = [(finding.dimension, finding.value)]
    values += [(finding.where.dimension, finding.where.value)] if finding.where is not None else []
    return " › ".join(value_name(dimension, value, names, language) for dimension, value in values)


def _first(why: Why) -> Decomposition | None:
    named = [finding.dimension for finding in why.findings if finding.dimension]
    return why.decomposition(named[0]) if named else next(iter(why.decompositions), None)


def _names(dimensions: set[str], language: Language, version: int) -> Names:
    return {dimension: cache.labels(dimension, language, version) for dimension in dimensions}
