"""Journeys: what online service brings to the branches."""

import streamlit as st

from kpi.charts import Slots, Style, amounts, funnel, nested, unit_of_bars
from kpi.i18n import phrase
from kpi.i18n.formats import format_count, format_period
from kpi.metrics.registry import METRICS
from kpi.narrative.funnel import journey
from kpi.narrative.journeys import referred, scenarios
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

SPEC = page_spec("journeys")
# Few are referred in a month: amounts and rankings look at a year.
_MONTHS = 12

_LOST_REGIONS = Ranking.of(SPEC, "journey_regions", "panel_lost_regions", "panel_lost_regions_sub")
_LOST_BRANCHES = Ranking.of(SPEC, "journey_lost", "panel_lost_branches", "panel_lost_branches_sub", by="numerator")
_BRANCHES = Ranking.of(SPEC, "journey_branches", "panel_branches", "panel_branches_sub")
_RANKINGS = (_LOST_REGIONS, _LOST_BRANCHES, _BRANCHES)


def ask(view: View, published: Published) -> Figures:
    """All that the page asks for ``view``."""
    year = dict.fromkeys(
        ("journey_amounts", "journey_months", *(one.panel for one in _RANKINGS)), view.period.months(_MONTHS)
    )
    return Figures(view, published, SPEC.cards, SPEC.panels, spans=year, cohorts=SPEC.panels)


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    figures = ask(view, published)
    layout.top("journeys", view, published, figures.compared)
    _sentences(figures, style)
    cards.row(figures, style)

    left, right = st.columns([2.05, 1], gap="xsmall")
    with left:
        _scenarios(figures, style)
    with right:
        _tiers(figures, style)
    left, right = st.columns(2, gap="xsmall")
    with left:
        _amounts(figures, style)
    with right:
        rankings.draw(_LOST_REGIONS, figures, style)
    left, right = st.columns(2, gap="xsmall")
    with left:
        rankings.draw(_LOST_BRANCHES, figures, style)
    with right:
        rankings.draw(_BRANCHES, figures, style)
    panels.table(figures, figures.panel("journey_all"), "journey_tiers", "panel_table_tiers", style)
    components.identity_strip(figures.proof, style.language)


def _dates(answered: Answer, figures: Figures) -> str:
    """The days of the referrals whose sixty days are over."""
    part = mature_part(METRICS["end_to_end"], answered.period, figures.published)
    return format_period(part.start, part.end, figures.view.language, year=False)


def _sentences(figures: Figures, style: Style) -> None:
    language, view, metric = style.language, figures.view, METRICS["end_to_end"]
    answered, by_scenario = figures.panel("journey_all"), figures.panel("journey_scenarios")
    whole = journey(answered) if answered else None
    said = []
    if answered is not None and whole is not None:
        said.append(referred(whole, metric, _dates(answered, figures), view.compare, language))
    if by_scenario is not None:
        found = layout.by_name(by_scenario, figures.names("scenario"), journey)
        said.append(scenarios(found, metric, figures.cell("referred_amount"), language))
    components.sentences(*said)


def _scenarios(figures: Figures, style: Style) -> None:
    language, answered = style.language, figures.panel("journey_scenarios")
    if answered is None:
        return
    names = figures.names("scenario")
    shown = layout.by_name(answered, names, journey)
    total = figures.panel("journey_all")
    whole = journey(total) if total is not None else None
    components.panel(
        "journey_scenarios",
        phrase(language, "panel_journey"),
        phrase(language, "panel_journey_sub", period=_dates(answered, figures)),
        figures.drawn("journey_scenarios", style, lambda: funnel(shown, style)) if shown else None,
        lambda: of_answer(answered, language, {"scenario": names}),
        phrase(language, "alt_journey", started=format_count(whole.cohort if whole else 0, language)),
        style,
        drill="end_to_end",
    )


def _tiers(figures: Figures, style: Style) -> None:
    language, answered, total = style.language, figures.panel("journey_tiers"), figures.panel("journey_all")
    if answered is None or total is None:
        return
    names = figures.names("tier")
    whole = journey(total)
    shown = ({phrase(language, "all_tiers"): whole} if whole else {}) | layout.by_name(answered, names, journey)
    metric = METRICS["end_to_end"]
    components.panel(
        "journey_tiers",
        phrase(language, "panel_journey_tiers"),
        phrase(language, "panel_journey_tiers_sub"),
        figures.drawn("journey_tiers", style, lambda: nested(shown, metric, style, 322)) if shown else None,
        lambda: of_answer(answered, language, {"tier": names}),
        phrase(language, "alt_journey_tiers"),
        style,
        drill=metric.id,
        picks=state.picks("tier", names),
    )


def _amounts(figures: Figures, style: Style) -> None:
    language, answered, months = style.language, figures.panel("journey_amounts"), figures.panel("journey_months")
    window = METRICS["end_to_end"].maturity
    if answered is None or months is None or window is None:
        return
    totals = months.frame()
    names = {key: name for key, name in figures.names("scenario").items() if key}
    slots = Slots(answered.question.period, "month", figures.published.today)
    _, letter = unit_of_bars(totals, language)
    period = format_period(answered.period.start, answered.period.end, language)
    components.panel(
        "journey_amounts",
        phrase(language, "panel_amounts"),
        phrase(language, "panel_amounts_sub", letter=letter),
        figures.drawn(
            "journey_amounts",
            style,
            lambda: amounts(answered, totals, "scenario", slots, names, window, style, figures.notes),
        )
        if answered.valued
        else None,
        lambda: of_answer(answered, language, {"scenario": names}),
        phrase(language, "alt_amounts", period=period),
        style,
        drill="referred_amount",
        within=figures.within("journey_amounts"),
    )
