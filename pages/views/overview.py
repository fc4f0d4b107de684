"""Overview: how are we, what changed, and the rows behind every figure."""

from collections.abc import Mapping

import streamlit as st

from kpi.charts import Style, by_tier, rates_by_channel
from kpi.i18n import phrase
from kpi.i18n.formats import format_value
from kpi.metrics.registry import METRICS
from kpi.narrative.headline import opening
from kpi.tables import of_answer
from kpi.warehouse.published import Published
from pages.address import state
from pages.address.view import View
from pages.data.figures import Figures
from pages.page_specs import page_spec
from pages.ui import cards, components, drivers, layout, panels

# The six headline figures, each with the one that stands beside it on its card.
SPEC = page_spec("overview")
HEADLINES = tuple(SPEC.cards)


def ask(view: View, published: Published) -> tuple[Figures, drivers.Coming]:
    """All that the page asks for ``view``: its figures, and the findings, which may still be to come."""
    figures = Figures(view, published, SPEC.cards, SPEC.panels)
    return figures, drivers.search_in_background(figures)


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    language = view.language
    figures, findings = ask(view, published)
    choices = layout.names(view, published)
    layout.top("overview", view, published, figures.compared)
    names = {kpi: cards.title(kpi, language) for kpi in (*HEADLINES, *SPEC.cards.values())}
    lead = None
    if figures.headline is not None:
        lead = drivers.leading(figures, opening(figures.headline, METRICS, names, language), findings)
    cards.row(figures, style)

    left, right = st.columns([2.05, 1], gap="xsmall")
    with left:
        parts = figures.panel("volume")
        assert parts is not None
        panels.volume_over_time(figures, parts, style, choices["channel"])
    with right:
        _by_channel(figures, style, choices["channel"])
    left, right = st.columns(2, gap="xsmall")
    with left:
        _trend(figures, style)
    with right:
        _tiers(figures, style, names, choices["tier"])
    if lead is not None:
        lead()
    components.identity_strip(figures.proof, language)


def _by_channel(figures: Figures, style: Style, names: Mapping[str, str]) -> None:
    language, metric = style.language, METRICS["self_service_rate"]
    parts, whole = figures.panel("channels"), figures.cell(metric.id)
    if parts is None:
        return
    compared = any(one.previous is not None for one in parts.cells)
    components.panel(
        "channels",
        phrase(language, "panel_by_channel"),
        phrase(language, "panel_by_channel_sub") if compared else "",
        figures.drawn(
            "channels",
            style,
            lambda: rates_by_channel(
                metric, whole, parts.cells, names, style, whole_name=panels.everything(figures.view)
            ),
        )
        if whole is not None and parts.valued
        else None,
        lambda: of_answer(parts, language, {"channel": names}),
        phrase(language, "alt_by_channel", value=format_value(whole.value if whole else None, metric.unit, language)),
        style,
        drill=metric.id,
        picks=state.picks("channel", names),
    )


def _trend(figures: Figures, style: Style) -> None:
    language, kpi = style.language, "self_service_rate"
    answered, whole = figures.line(kpi), figures.cell(kpi)
    if answered is None:
        return
    panels.over_time(
        figures,
        answered,
        kpi,
        phrase(language, "panel_trend"),
        (phrase(language, "panel_trend_sub"), phrase(language, "panel_trend_sub_alone")),
        phrase(
            language,
            "alt_trend",
            period=panels.dates(figures),
            value=format_value(whole.value if whole else None, METRICS[kpi].unit, language),
        ),
        style,
    )


def _tiers(figures: Figures, style: Style, titles: Mapping[str, str], names: Mapping[str, str]) -> None:
    language, parts = style.language, figures.panel("tiers")
    if parts is None:
        return
    wholes = {kpi: cell for kpi in parts.question.kpis if (cell := figures.cell(kpi)) is not None}
    components.panel(
        "tiers",
        phrase(language, "panel_tiers"),
        panels.with_arrows(phrase(language, "panel_tiers_sub"), parts, language),
        figures.drawn(
            "tiers",
            style,
            lambda: by_tier([METRICS[kpi] for kpi in wholes], wholes, parts, titles, names, style),
        )
        if parts.valued
        else None,
        lambda: of_answer(parts, language, {"tier": names}),
        phrase(language, "alt_tiers"),
        style,
        drill=next(iter(wholes), None),
        split="tier",
        picks=panels.by_tier_picks(names, titles, language),
    )
