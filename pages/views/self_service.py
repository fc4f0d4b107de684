"""Self-service: what is resolved without a human, honestly."""

import streamlit as st

from kpi.charts import Style, fates, funnel, nested
from kpi.i18n import phrase
from kpi.i18n.formats import format_count, format_period, format_value
from kpi.metrics.registry import METRICS
from kpi.narrative.funnel import Funnel, chain
from kpi.narrative.headline import Sentence
from kpi.narrative.journeys import fails_most, moved_most, settled
from kpi.query import mature_part
from kpi.query.answer import Answer
from kpi.tables import of_answer
from kpi.warehouse.published import Published
from pages.address import state
from pages.address.view import View
from pages.data.figures import Figures
from pages.page_specs import page_spec
from pages.ui import cards, components, layout, panels, rankings
from pages.ui.rankings import Ranking

SPEC = page_spec("self_service")

_REASONS = Ranking.of(SPEC, "service_reasons", "panel_reasons", "panel_reasons_sub", by="numerator", most=7, height=322)
_FUNCTIONS = Ranking.of(SPEC, "service_functions", "panel_functions", "panel_functions_sub", kpi="function_failure")
_RETURNS = Ranking.of(SPEC, "service_returns", "panel_returns", "panel_returns_sub")
_UNMATCHED = Ranking.of(SPEC, "service_unmatched", "panel_unmatched", "panel_unmatched_sub", by="numerator")


def ask(view: View, published: Published) -> Figures:
    """All that the page asks for ``view``."""
    return Figures(view, published, SPEC.cards, SPEC.panels, cohorts=SPEC.panels)


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    figures = ask(view, published)
    layout.top("self_service", view, published, figures.compared)
    _sentences(figures, style)
    cards.row(figures, style)

    left, right = st.columns([2.05, 1], gap="xsmall")
    with left:
        _chain(figures, style)
    with right:
        rankings.draw(_REASONS, figures, style)
    left, right = st.columns(2, gap="xsmall")
    with left:
        _chain_by("service_channels", "channel", "panel_chain_channels", "all_channels", figures, style)
    with right:
        _chain_by("service_tiers", "tier", "panel_chain_tiers", "all_tiers", figures, style)
    left, right = st.columns(2, gap="xsmall")
    with left:
        rankings.draw(_FUNCTIONS, figures, style)
    with right:
        rankings.draw(_RETURNS, figures, style)
    left, right = st.columns(2, gap="xsmall")
    with left:
        rankings.draw(_UNMATCHED, figures, style, rate=_recognised(figures))
    with right:
        _media(figures, style)
    panels.table(figures, figures.panel("service_functions_all"), _FUNCTIONS.panel, "panel_table_functions", style)
    components.identity_strip(figures.proof, style.language)


def _dates(answered: Answer, figures: Figures) -> str:
    """The days on which the chain's cohort began."""
    part = mature_part(METRICS["settled_rate"], answered.period, figures.published)
    return format_period(part.start, part.end, figures.view.language, year=False)


def _sentences(figures: Figures, style: Style) -> None:
    language, view = style.language, figures.view
    answered, by_channel = figures.panel("service_chain"), figures.panel("service_channels")
    functions, metric = figures.panel("service_functions"), METRICS["settled_rate"]
    honest: Sentence = ()
    more: Sentence = ()
    if answered is not None and (whole := chain(answered)) is not None:
        honest = settled(whole, metric, _dates(answered, figures), view.compare, language)
    if by_channel is not None:
        cells = [cell for cell in by_channel.cells if cell.kpi == metric.id]
        more += moved_most(cells, metric, figures.names("channel"), language)
    if functions is not None:
        failing, highest = METRICS[_FUNCTIONS.kpi], _FUNCTIONS.cells(figures)
        cells = [cell for cell in functions.cells if cell.kpi == failing.id]
        more += fails_most(cells, highest, failing, figures.names("function"), language)
    components.sentences(honest, more)


def _chain(figures: Figures, style: Style) -> None:
    language, answered = style.language, figures.panel("service_chain")
    if answered is None:
        return
    whole = chain(answered)
    components.panel(
        "service_chain",
        phrase(language, "panel_chain"),
        phrase(language, "panel_chain_sub", period=_dates(answered, figures)),
        figures.drawn("service_chain", style, lambda: funnel({"": whole}, style)) if whole else None,
        lambda: of_answer(answered, language, {}),
        _alt(whole, figures),
        style,
        drill="settled_rate",
    )


def _alt(whole: Funnel | None, figures: Figures) -> str:
    language = figures.view.language
    started = format_count(whole.cohort if whole else 0, language)
    value = format_value(whole.last.value if whole else None, "share", language)
    return phrase(language, "alt_chain", started=started, value=value)


def _chain_by(panel: str, dimension: str, title: str, all_of_them: str, figures: Figures, style: Style) -> None:
    """The chain of each value of a dimension under that of all of them."""
    language, answered, total = style.language, figures.panel(panel), figures.panel("service_chain")
    if answered is None or total is None:
        return
    names = figures.names(dimension)
    cohorts = {phrase(language, all_of_them): chain(total)} | layout.by_name(answered, names, chain)
    shown = {name: cohort for name, cohort in cohorts.items() if cohort is not None}
    metric = METRICS["settled_rate"]
    components.panel(
        panel,
        phrase(language, title),
        phrase(language, "panel_chain_by_sub"),
        figures.drawn(panel, style, lambda: nested(shown, metric, style)) if shown else None,
        lambda: of_answer(answered, language, {dimension: names}),
        phrase(language, "alt_chain_by", title=phrase(language, title)),
        style,
        drill=metric.id,
        picks=state.picks(dimension, names),
    )


def _recognised(figures: Figures) -> str:
    cell = figures.cell("recognition_rate")
    return format_value(cell.value if cell else None, "share", figures.view.language)


def _media(figures: Figures, style: Style) -> None:
    language, answered = style.language, figures.panel("service_media")
    if answered is None:
        return
    names = figures.names("media")
    titles = {kpi: cards.title(kpi, language) for kpi in answered.question.kpis}
    components.panel(
        "service_media",
        phrase(language, "panel_media"),
        phrase(language, "panel_media_sub"),
        figures.drawn("service_media", style, lambda: fates(answered, names, titles, style))
        if answered.valued
        else None,
        lambda: of_answer(answered, language, {"media": names}),
        phrase(language, "alt_media"),
        style,
        drill="bot_resolution_rate",
        picks=state.picks("media", names),
    )
