"""Satisfaction: are customers content, and whom did we ask."""

from collections.abc import Mapping

import streamlit as st

from kpi.charts import (
    Style,
    complaints_by_age,
    in_order_of_channels,
    nps_groups,
    rate_ranges,
    rates_by_channel,
    score_distribution,
    worst_first,
)
from kpi.i18n import phrase
from kpi.i18n.formats import format_date, format_value
from kpi.metrics.registry import METRICS
from kpi.narrative.headline import movers
from kpi.narrative.satisfaction import how_content
from kpi.query.answer import Cell
from kpi.tables import of_answer
from kpi.warehouse.published import Published
from pages.address import state
from pages.address.view import View
from pages.data import cache
from pages.data.figures import Figures
from pages.page_specs import page_spec
from pages.ui import cards, components, layout, panels

# The six headline figures, each with the one that stands beside it on its card.
SPEC = page_spec("satisfaction")
HEADLINES = tuple(SPEC.cards)
_TWO = ("csat", "response_rate")
_RESOLVED = ("fcr", "repeat_rate")
_WORST = 10  # topics in a ranking
_MAIN_HEIGHT, _RANKED_HEIGHT = 322, 300


def ask(view: View, published: Published) -> Figures:
    """All that the page asks for ``view``."""
    return Figures(view, published, SPEC.cards, SPEC.panels)


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    language = view.language
    figures = ask(view, published)
    names = layout.names(view, published)
    layout.top("satisfaction", view, published, figures.compared)
    cells = [cell for kpi in figures.kpis if (cell := figures.cell(kpi)) is not None]
    if figures.headline is not None and set(_TWO) <= set(figures.headline.question.kpis):
        components.sentences(how_content(figures.headline, METRICS, language), movers(cells, METRICS, language))
    cards.row(figures, style)

    left, right = st.columns([2.05, 1], gap="xsmall")
    with left:
        _ranges(figures, "channels", _TWO, "satisfaction_channels", style, names["channel"])
    with right:
        _scores(figures, style)
    left, right = st.columns(2, gap="xsmall")
    with left:
        _trend(figures, style)
    with right:
        _nps(figures, style, names["channel"])
    left, right = st.columns(2, gap="xsmall")
    with left:
        _ranges(figures, "team", _TWO, "satisfaction_team", style, names["team"])
    with right:
        _ranges(figures, "topic", _TWO, "satisfaction_topic", style, names["topic"])
    left, right = st.columns(2, gap="xsmall")
    with left:
        _ranges(figures, "tier", _TWO, "satisfaction_tier", style, names["tier"])
    with right:
        _complaints(figures, style)
    left, right = st.columns(2, gap="xsmall")
    with left:
        _ranges(figures, "channels", _RESOLVED, "satisfaction_fcr_channel", style, names["channel"])
    with right:
        _ranges(figures, "topic", _RESOLVED, "satisfaction_fcr_topic", style, names["topic"])
    _first_response(figures, style, names["channel"])
    panels.table(figures, figures.headline, "channels", "panel_table_channels", style, but=("repeat_rate",))
    components.identity_strip(figures.proof, language)


def _ranges(
    figures: Figures, by: str, kpis: tuple[str, str], title_key: str, style: Style, names: Mapping[str, str]
) -> None:
    """A rate by one dimension with its interval, a second one in the row: channels in their order, others ranked."""
    language, parts = style.language, figures.panel(by)
    metric, beside = METRICS[kpis[0]], METRICS[kpis[1]]
    whole, second = figures.cell(metric.id), figures.cell(beside.id)
    if parts is None or whole is None:
        return
    cells = [cell for cell in parts.cells if cell.kpi == metric.id]
    ordered = (
        in_order_of_channels(cells)
        if by == "channels"
        else worst_first(cells, metric.direction, _WORST if by == "topic" else None)
    )
    others: dict[object, Cell] = {cell.key[0]: cell for cell in parts.cells if cell.kpi == beside.id}
    if second is not None:
        others[None] = second
    name = panels.everything(figures.view) if by == "channels" else phrase(language, "satisfaction_all")
    all_of_it = (name, whole)
    title, value = phrase(language, title_key), format_value(whole.value, metric.unit, language)
    main = title_key == "satisfaction_channels"
    sub = "satisfaction_channels_sub" if main else "satisfaction_ranked_sub"
    subtitle = phrase(language, "satisfaction_fcr_sub") if metric.id == "fcr" else phrase(language, sub)
    known = sum(cell.value is not None and cell.key[0] is not None for cell in cells)
    if by == "topic" and len(ordered) < known:
        subtitle += " · " + phrase(language, "chart_part_all", shown=len(ordered), total=known)
    components.panel(
        title_key,
        title,
        subtitle,
        figures.drawn(
            title_key,
            style,
            lambda: rate_ranges(
                metric, all_of_it, ordered, names, (beside, others), style, _MAIN_HEIGHT if main else _RANKED_HEIGHT
            ),
        )
        if any(cell.value is not None for cell in ordered)
        else None,
        lambda: of_answer(parts, language, {parts.question.by[0]: names}),
        phrase(language, "satisfaction_channels_alt", value=value)
        if main
        else phrase(language, "satisfaction_ranked_alt", title=title, value=value),
        style,
        drill=metric.id,
        picks=state.picks(parts.question.by[0], names),
    )


def _scores(figures: Figures, style: Style) -> None:
    language, parts = style.language, figures.panel("scores")
    if parts is None:
        return
    names = cache.labels("score", language, figures.version)
    components.panel(
        "scores",
        phrase(language, "satisfaction_scores"),
        phrase(language, "satisfaction_scores_sub"),
        figures.drawn("scores", style, lambda: score_distribution(parts, names, style)) if parts.valued else None,
        lambda: of_answer(parts, language, {"score": names}),
        phrase(language, "satisfaction_scores_alt"),
        style,
        drill="csat",
    )


def _trend(figures: Figures, style: Style) -> None:
    language, answered, whole = style.language, figures.line("csat"), figures.cell("csat")
    if answered is None:
        return
    value = format_value(whole.value if whole else None, "share", language)
    panels.over_time(
        figures,
        answered,
        "csat",
        phrase(language, "satisfaction_trend"),
        (phrase(language, "panel_trend_sub"), phrase(language, "panel_trend_sub_alone")),
        phrase(language, "satisfaction_trend_alt", period=panels.dates(figures), value=value),
        style,
    )


def _nps(figures: Figures, style: Style, names: Mapping[str, str]) -> None:
    language, nets, shares = style.language, figures.panel("nps"), figures.panel("nps_groups")
    if nets is None or shares is None:
        return
    groups = cache.labels("nps_group", language, figures.version)
    whole = figures.cell("nps")
    components.panel(
        "nps",
        phrase(language, "satisfaction_nps"),
        phrase(language, "satisfaction_nps_sub"),
        figures.drawn("nps", style, lambda: nps_groups(shares, nets, names, groups, style, 250))
        if nets.valued
        else None,
        lambda: of_answer(shares, language, {"channel": names, "nps_group": groups}),
        phrase(
            language, "satisfaction_nps_alt", value=format_value(whole.value if whole else None, "points", language)
        ),
        style,
        drill="nps",
    )


def _first_response(figures: Figures, style: Style, names: Mapping[str, str]) -> None:
    language, parts, answered = style.language, figures.panel("response"), figures.panel("response_all")
    if parts is None or answered is None:
        return
    metric = METRICS["first_response"]
    whole = answered.cell(metric.id)
    cells = [cell for cell in parts.cells if cell.value is not None]
    components.panel(
        "response",
        phrase(language, "satisfaction_response"),
        phrase(language, "satisfaction_response_sub"),
        figures.drawn(
            "response",
            style,
            lambda: rates_by_channel(metric, whole, cells, names, style, 200, panels.everything(figures.view)),
        )
        if cells
        else None,
        lambda: of_answer(parts, language, {"channel": names}),
        phrase(language, "satisfaction_response_alt", value=format_value(whole.value, metric.unit, language)),
        style,
        drill=metric.id,
        picks=state.picks("channel", names),
    )


def _complaints(figures: Figures, style: Style) -> None:
    language, parts, answered = style.language, figures.panel("complaints"), figures.panel("complaints_all")
    if parts is None or answered is None:
        return
    ages, states = (cache.labels(name, language, figures.version) for name in ("complaint_age", "due_state"))
    whole, late = answered.cell("complaints_open"), figures.cell("complaint_overdue")
    day = format_date(answered.period.end, language)
    overdue = format_value(late.value if late else None, "share", language)
    components.panel(
        "complaints",
        phrase(language, "satisfaction_complaints"),
        phrase(language, "satisfaction_complaints_sub", day=day, overdue=overdue),
        figures.drawn("complaints", style, lambda: complaints_by_age(parts, ages, states, style, _RANKED_HEIGHT))
        if whole.value
        else None,
        lambda: of_answer(parts, language, {"complaint_age": ages, "due_state": states}),
        phrase(language, "satisfaction_complaints_alt", count=format_value(whole.value, "count", language)),
        style,
        drill="complaints_open",
    )
