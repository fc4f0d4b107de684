"""Customer tiers: every KPI by star, and who moved between them."""

import pandas as pd
import streamlit as st

from kpi.charts import Style, by_tier, mix_by_tier, multiples
from kpi.i18n import phrase
from kpi.metrics.registry import METRICS, SECTIONS
from kpi.narrative.tiers import standing_out
from kpi.tables import of_answer
from kpi.warehouse.published import Published
from pages.address import state
from pages.address.view import View
from pages.data.figures import Figures
from pages.page_specs import page_spec
from pages.ui import cards, components, layout, panels
from pages.views.long_tail import moves

SPEC = page_spec("tiers")
HEADLINES = tuple(SPEC.cards)
_SECTION, _KPI = "self_service", "self_service_rate"
_ROW = 22  # pixels a KPI
_LEGEND = 56  # pixels under the channels of each tier
_LEAST = 220
_CHOOSER = 40  # pixels of the sections above the matrix


def of_section(section: str) -> tuple[str, ...]:
    """The KPIs of a section that can be taken apart by tier."""
    return tuple(kpi for kpi, metric in METRICS.items() if metric.section == section and "tier" in metric.dimensions)


def over_time() -> tuple[str, ...]:
    """The KPIs that have a course by tier."""
    return tuple(kpi for kpi, metric in METRICS.items() if {"tier", "date", "week", "month"} <= set(metric.dimensions))


def _chosen(view: View) -> tuple[str, str]:
    """The section of the matrix, and the KPI of the courses."""
    return view.section or _SECTION, view.kpi if view.kpi in over_time() else _KPI


def ask(view: View, published: Published) -> Figures:
    """All that the page asks for ``view``."""
    section, kpi = _chosen(view)
    kpis = of_section(section)
    return Figures(
        view,
        published,
        SPEC.cards,
        {
            **SPEC.panels,
            "matrix": (kpis, ("tier",), True),
            "whole": (kpis, (), True),
            # Seven courses have room for one grey line each, that of all customers; the comparison is a figure.
            "course": ((kpi,), ("tier", "{grain}"), False),
            "all": ((kpi,), ("{grain}",), False),
            "changes": ((kpi,), ("tier",), True),
        },
    )


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    figures, (section, kpi) = ask(view, published), _chosen(view)
    layout.top("tiers", view, published, figures.compared)
    _opening(figures)
    cards.row(figures, style)
    left, right = st.columns([2.05, 1], gap="xsmall")
    with left:
        _matrix(figures, style, section)
    with right:
        _mix(figures, style, max(_LEAST, _ROW * len(of_section(section)) - _LEGEND + _CHOOSER))
    left, right = st.columns(2, gap="xsmall")
    with left:
        _course(figures, style, kpi)
    with right:
        moves(figures, style)
    components.identity_strip(figures.proof, view.language)


def _opening(figures: Figures) -> None:
    language, told = figures.view.language, figures.panel("told")
    if told is None:
        return
    kpis = told.question.kpis
    wholes = {kpi: cell for kpi in kpis if (cell := figures.cell(kpi)) is not None}
    names = layout.names(figures.view, figures.published)["tier"]
    titles = {kpi: cards.title(kpi, language) for kpi in kpis}
    components.sentences(standing_out([METRICS[kpi] for kpi in wholes], wholes, told, titles, names, language))


def _matrix(figures: Figures, style: Style, section: str) -> None:
    language, parts, whole = style.language, figures.panel("matrix"), figures.panel("whole")
    names = layout.names(figures.view, figures.published)
    shown = [] if parts is None or whole is None else [kpi for kpi in parts.question.kpis if kpi in whole.question.kpis]
    titles = {kpi: cards.title(kpi, language) for kpi in shown}
    subtitle = phrase(language, "tiers_panel_matrix_sub")

    def choose() -> None:
        st.pills(
            phrase(language, "tiers_section"),
            list(SECTIONS),
            format_func=lambda one: SECTIONS[one][0 if language == "zh" else 1],
            label_visibility="collapsed",
            required=True,
            **state.bound("section", section),
        )

    components.panel(
        "matrix",
        phrase(language, "tiers_panel_matrix"),
        panels.with_arrows(subtitle, parts, language) if parts is not None else subtitle,
        figures.drawn(
            f"matrix {section}",
            style,
            lambda: by_tier(
                [METRICS[kpi] for kpi in shown],
                {kpi: whole.cell(kpi) for kpi in shown},
                parts,
                titles,
                names["tier"],
                style,
                height=_ROW * (len(shown) + 1),
                name_width=170,
            ),
        )
        if parts is not None and whole is not None and parts.valued
        else None,
        lambda: of_answer(parts, language, names) if parts is not None else pd.DataFrame(),
        phrase(language, "tiers_alt_matrix", section=SECTIONS[section][0 if language == "zh" else 1]),
        style,
        drill=next(iter(shown), None),
        split="tier",
        chooser=choose,
        picks=panels.by_tier_picks(names["tier"], titles, language),
    )


def _mix(figures: Figures, style: Style, height: int) -> None:
    language, shares, totals = style.language, figures.panel("mix"), figures.panel("volumes")
    if shares is None or totals is None:
        return
    names = layout.names(figures.view, figures.published)
    components.panel(
        "mix",
        phrase(language, "tiers_panel_mix"),
        phrase(language, "tiers_panel_mix_sub"),
        figures.drawn(f"mix {height}", style, lambda: mix_by_tier(shares.cells, totals.cells, names, style, height))
        if any(cell.key[0] is not None for cell in totals.cells)
        else None,
        lambda: of_answer(shares, language, names),
        phrase(language, "tiers_alt_mix"),
        style,
        drill="volume",
        picks=state.picks("tier", names["tier"], "tier").also("channel", names["channel"], "channel"),
    )


def _course(figures: Figures, style: Style, kpi: str) -> None:
    language, parts, whole = style.language, figures.panel("course"), figures.panel("all")
    metric, changes = METRICS[kpi], figures.panel("changes")
    period = changes.cells if changes is not None else ()
    names = layout.names(figures.view, figures.published)["tier"]

    def choose() -> None:
        st.selectbox(
            phrase(language, "tiers_kpi"),
            over_time(),
            format_func=lambda one: cards.metric_title(METRICS[one], language),
            label_visibility="collapsed",
            placeholder=phrase(language, "choose_one"),
            **state.bound("kpi", kpi),
        )

    components.panel(
        "course",
        phrase(language, "tiers_panel_course"),
        phrase(
            language,
            "tiers_panel_course_sub_alone" if metric.is_count_or_sum else "tiers_panel_course_sub",
            kpi=metric.name(language),
        ),
        figures.drawn(
            f"course {kpi}",
            style,
            lambda: multiples(metric, parts, whole.frame(kpi), figures.slots, names, style, figures.notes, period),
        )
        if parts is not None and whole is not None and parts.valued
        else None,
        lambda: of_answer(parts, language, {"tier": names}) if parts is not None else pd.DataFrame(),
        phrase(language, "tiers_alt_course", kpi=metric.name(language)),
        style,
        drill=kpi,
        chooser=choose,
    )
