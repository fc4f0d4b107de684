"""Long tail: do we reach the eighty per cent, and what do they bring."""

from collections.abc import Mapping

import streamlit as st

from kpi.charts import Style, contrast, coverage, lorenz, migration, reach_bars, tail_topics
from kpi.i18n import phrase
from kpi.i18n.formats import format_count, format_limit, format_period, format_value
from kpi.metrics.registry import METRICS
from kpi.narrative import long_tail as said
from kpi.query.cohorts.lorenz import Curve
from kpi.query.cohorts.topics import tail_ranks
from kpi.tables import of_answer, of_curves
from kpi.warehouse.published import Published
from pages.address import state
from pages.address.view import View
from pages.data import cache
from pages.data.figures import Figures
from pages.page_specs import page_spec
from pages.ui import cards, components, layout, panels

SPEC = page_spec("long_tail")
HEADLINES = tuple(SPEC.cards)


def ask(view: View, published: Published) -> Figures:
    """All that the page asks for ``view``."""
    figures = Figures(view, published, SPEC.cards, SPEC.panels)
    _curves(figures)  # of what was put together for the shares
    return figures


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    figures = ask(view, published)
    layout.top("long_tail", view, published, figures.compared)
    _opening(figures)
    cards.row(figures, style)
    left, right = st.columns([2.05, 1], gap="xsmall")
    with left:
        _coverage(figures, style)
    with right:
        _reach(figures, style)
    left, right = st.columns(2, gap="xsmall")
    with left:
        _lorenz(figures, style)
    with right:
        _topics(figures, style)
    left, right = st.columns(2, gap="xsmall")
    with left:
        _dividends(figures, style)
    with right:
        moves(figures, style)
    panels.table(figures, figures.panel("topics_all"), "topics", "panel_table_topics", style)
    components.identity_strip(figures.proof, view.language)


def _opening(figures: Figures) -> None:
    language, compared = figures.view.language, figures.line("long_tail_coverage")
    covered, unreached = figures.cell("long_tail_coverage"), figures.cell("tail_unreached_year")
    later, dividends = figures.panel("later"), figures.panel("dividends")
    components.sentences(
        said.covered(covered, compared, later.cell("tail_joined_later") if later else None, language)
        if covered is not None and compared is not None
        else (),
        said.unreached(unreached, figures.headline, language)
        if unreached is not None and figures.headline is not None
        else (),
        said.dividends(dividends.cells, language) if dividends is not None else (),
    )


def _rule(figures: Figures) -> str:
    rule = cache.tail_rule(figures.view.period.start, figures.version)
    return said.rule_named(rule, figures.view.language)


def _names(figures: Figures, dimension: str) -> Mapping[str, str]:
    return cache.labels(dimension, figures.view.language, figures.version)


def _coverage(figures: Figures, style: Style) -> None:
    language = style.language
    through, daily = figures.line("long_tail_coverage"), figures.line("tail_served_average")
    whole, average = figures.cell("long_tail_coverage"), figures.cell("tail_served_average")
    if through is None or daily is None or whole is None or average is None:
        return
    parts = [phrase(language, "tail_panel_coverage_sub"), _rule(figures)]
    components.panel(
        "coverage",
        phrase(language, "tail_panel_coverage"),
        " · ".join(parts),
        figures.drawn(
            "coverage",
            style,
            lambda: coverage(
                through.frame("long_tail_coverage"),
                daily.frame("tail_served_average"),
                average,
                figures.slots,
                style,
                figures.notes,
            ),
        )
        if whole.value is not None
        else None,
        lambda: of_answer(through, language, {}),
        phrase(
            language,
            "tail_alt_coverage",
            period=format_period(figures.view.period.start, figures.view.period.end, language),
            value=format_value(whole.value, "share", language),
        ),
        style,
        drill="long_tail_coverage",
    )


def _reach(figures: Figures, style: Style) -> None:
    language, answered, whole = style.language, figures.panel("reach"), figures.cell("long_tail_coverage")
    if answered is None or whole is None:
        return
    names = _names(figures, "reach")
    components.panel(
        "reach",
        phrase(language, "tail_panel_reach"),
        phrase(language, "tail_panel_reach_sub", base=format_count(whole.denominator or 0, language)),
        figures.drawn(
            "reach",
            style,
            lambda: reach_bars(answered.cells, figures.cell("tail_unreached_year"), names, style),
        )
        if answered.valued
        else None,
        lambda: of_answer(answered, language, {"reach": names}),
        phrase(language, "tail_alt_reach"),
        style,
        drill="tail_reach_frequency",
    )


def _curves(figures: Figures) -> tuple[Curve, ...]:
    if figures.cell("top20_share") is None:
        return ()
    return cache.lorenz(figures.view.question("top20_share", compared=False), figures.version)


def _lorenz(figures: Figures, style: Style) -> None:
    language, contacts, curves = style.language, figures.panel("contacts"), _curves(figures)
    value, gini = figures.cell("top20_share"), figures.cell("gini")
    if contacts is None or value is None or gini is None:
        return
    told = {
        "value": panels.with_change(value, language),
        "contacts": panels.with_change(contacts.cell("top20_share_contacts"), language),
        "gini": panels.with_change(gini, language),
        "gini_contacts": panels.with_change(contacts.cell("gini_contacts"), language),
    }
    components.panel(
        "lorenz",
        phrase(language, "tail_panel_lorenz"),
        phrase(language, "tail_panel_lorenz_sub", **told),
        figures.drawn("lorenz", style, lambda: lorenz(curves, style)) if curves else None,
        lambda: of_curves(curves, language, figures.view.period),
        phrase(language, "tail_alt_lorenz", value=told["value"], contacts=told["contacts"]),
        style,
        drill="top20_share",
    )


def _topics(figures: Figures, style: Style) -> None:
    language, answered, covered = style.language, figures.panel("topics"), figures.panel("topics_covered")
    if answered is None or covered is None or not {"volume", "bot_resolution_rate"} <= set(answered.question.kpis):
        return
    names = _names(figures, "topic")
    known = [cell for cell in answered.cells if cell.key[0] is not None]
    ranks = tail_ranks({str(cell.key[0]): cell.value or 0 for cell in known if cell.kpi == "volume"})
    shown = [cell for cell in known if cell.kpi == "bot_resolution_rate" and str(cell.key[0]) in ranks]
    share = covered.cell("topic_tail_coverage")
    line = covered.question.covered_from or cache.topic_covered()
    told = {
        "line": format_limit(line, "share", language),
        "covered": format_count(share.numerator or 0, language),
        "topics": format_count(share.denominator or 0, language),
        "share": panels.with_change(share, language),
    }
    components.panel(
        "topics",
        phrase(language, "tail_panel_topics"),
        phrase(language, "tail_panel_topics_sub", **told),
        figures.drawn("topics", style, lambda: tail_topics(shown, ranks, line, names, style))
        if any(cell.value is not None for cell in shown)
        else None,
        lambda: of_answer(answered, language, {"topic": names}),
        phrase(language, "tail_alt_topics", **told),
        style,
        drill="bot_resolution_rate",
        picks=state.picks("topic", names),
    )


def _dividends(figures: Figures, style: Style) -> None:
    language, answered = style.language, figures.panel("dividends")
    if answered is None:
        return
    metrics = [METRICS[kpi] for kpi in answered.question.kpis]
    components.panel(
        "dividends",
        phrase(language, "tail_panel_dividends"),
        phrase(language, "tail_panel_dividends_sub"),
        figures.drawn("dividends", style, lambda: contrast(metrics, answered.cells, style))
        if answered.valued
        else None,
        lambda: of_answer(answered, language, {"served": _names(figures, "served")}),
        phrase(language, "tail_alt_dividends"),
        style,
        drill="tail_value",
    )


def moves(figures: Figures, style: Style) -> None:
    """The migration matrix, of the answer to the panel ``moves``."""
    language, answered = style.language, figures.panel("moves")
    if answered is None:
        return
    names = {dimension: _names(figures, dimension) for dimension in ("tier", "tier_after")}
    components.panel(
        "moves",
        phrase(language, "panel_moves"),
        phrase(language, "panel_moves_sub"),
        figures.drawn(
            "moves",
            style,
            lambda: migration(answered.cells, names["tier"], names["tier_after"], style),
        )
        if answered.valued
        else None,
        lambda: of_answer(answered, language, names),
        phrase(language, "alt_moves"),
        style,
        drill="tier_upgrade_rate",
    )
