"""Service desk: can a customer get through to a human, where are the waits, and how many agents would it take."""

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from kpi.charts import Style, rates_by_channel
from kpi.charts.desk import by_channel_and_tier, half_hours, waits_by_channel
from kpi.i18n import phrase
from kpi.i18n.formats import format_period, format_value
from kpi.metrics.desk import LIMITS, SERVICE_LEVELS
from kpi.metrics.registry import METRICS
from kpi.narrative.service_desk import desk_opening, short_formula, waits
from kpi.narrative.staffing_plan import worst
from kpi.query.question import Question
from kpi.tables import of_answer
from kpi.warehouse.published import Published
from pages.address import state
from pages.address.view import View
from pages.data.figures import Figures
from pages.page_specs import page_spec
from pages.ui import cards, components, layout, panels
from pages.views import planner

# The six headline figures, each with the one that stands beside it on its card.
SPEC = page_spec("desk")
HEADLINES = tuple(SPEC.cards)
# What the map of the day can show: the KPI, and whether what it is a share of.
MAPS = {"level": ("service_level", False), "offered": ("answer_rate", True), "occupancy": ("occupancy", False)}
_MAP = "level"

_ROW = 250  # height of a figure in the rows below the first
_Names = Mapping[str, Mapping[str, str]]


def _by_formula(view: View) -> dict[str, Question]:
    """The service level by each formula, which is a choice: how the chosen one changed stands on its card."""
    if not view.applies(METRICS["service_level"]):
        return {}
    asked = view.question("service_level", compared=False)
    return {name: replace(asked, service_level=name) for name in SERVICE_LEVELS}


def ask(view: View, published: Published, shown: str = _MAP) -> Figures:
    """All that the page asks for ``view``. ``shown``: the map of half hours."""
    more = [*_by_formula(view).values(), *planner.questions(view)]
    asked = {**SPEC.panels, **planner.PANELS, "map": ((MAPS[shown][0],), ("half_hour", "team"), True)}
    return Figures(view, published, SPEC.cards, asked, more=more)


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    shown, view = state.read_option(view, "map", MAPS, _MAP)
    figures, formulas = ask(view, published, shown), _by_formula(view)
    scenario, view = planner.read(view, figures)
    names = layout.names(view, published)
    layout.top("desk", view, published, figures.compared)
    if formulas and figures.headline is not None:
        teams, day = figures.panel("teams"), figures.panel("day")
        components.sentences(
            desk_opening(figures.headline, METRICS, view.language),
            waits(
                figures.headline,
                worst(teams.cells if teams else ()),
                worst([cell for cell in day.cells if cell.kpi == "service_level"] if day else ()),
                names["team"],
                view.language,
            ),
        )
    cards.row(figures, style)

    left, right = st.columns([2.05, 1], gap="xsmall")
    with left:
        _map(shown, figures, style, names)
    with right:
        if formulas:
            _formulas(formulas, figures, style)
    left, right = st.columns(2, gap="xsmall")
    with left:
        _tiers(figures, style, names)
    with right:
        _waits(figures, style, names)
    left, right = st.columns(2, gap="xsmall")
    with left:
        _abandonment(figures, style)
    with right:
        _cost(figures, style, names)
    planner.show(scenario, figures, style)
    panels.table(figures, figures.headline, "cost", "panel_table_channels", style)
    components.identity_strip(figures.proof, view.language)


def _dates(figures: Figures) -> str:
    return format_period(figures.view.period.start, figures.view.period.end, figures.view.language)


def _map(shown: str, figures: Figures, style: Style, names: _Names) -> None:
    language = style.language
    kpi, counted = MAPS[shown]
    whole = figures.panel("day_occupancy" if kpi == "occupancy" else "day")
    parts = figures.panel("map")
    if whole is None or parts is None:
        return
    held = not counted and any(cell.goal is not None for cell in parts.cells)
    title = phrase(language, "desk_map", shown=phrase(language, f"desk_map_{shown}"))

    def choose() -> None:
        st.segmented_control(
            phrase(language, "desk_map_choose"),
            list(MAPS),
            format_func=lambda one: phrase(language, f"desk_map_{one}"),
            label_visibility="collapsed",
            required=True,
            **state.bound("map", shown),
        )

    components.panel(
        "map",
        title,
        phrase(language, f"desk_map_sub_{shown}_target" if held else f"desk_map_sub_{shown}"),
        figures.drawn(
            f"desk map {shown}",
            style,
            lambda: half_hours(
                METRICS[kpi],
                [cell for cell in whole.cells if cell.kpi == kpi],
                parts.cells,
                names["team"],
                style,
                counted,
            ),
        )
        if any(cell.n for cell in parts.cells)
        else None,
        lambda: of_answer(parts, language, names),
        phrase(language, "desk_map_alt", shown=phrase(language, f"desk_map_{shown}"), period=_dates(figures)),
        style,
        drill=kpi,
        chooser=choose,
        picks=state.picks("team", names["team"], "team").also("half_hour", None, "half_hour"),
    )


def _formulas(formulas: Mapping[str, Question], figures: Figures, style: Style) -> None:
    """The five formulas with their values; a button each chooses the one that the page goes by."""
    language = style.language
    whole = figures.cell("service_level")
    chosen = whole.variant if whole is not None else None
    with st.container(border=True, height="stretch", key="panel_formulas"):
        components.heading(phrase(language, "desk_formulas"), phrase(language, "desk_formulas_sub"))
        for name, question in formulas.items():
            cell = figures.answer(question).cell("service_level")
            value = format_value(cell.value, "share", language)
            with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall", key=f"sl_{name}"):
                st.button(
                    name,
                    type="primary" if name == chosen else "secondary",
                    key=f"choose_{name}",
                    help=phrase(language, "desk_formulas_choose", name=name),
                    on_click=state.choose_service_level,
                    args=(name,),
                )
                st.html(
                    f'<p class="formula{" chosen" if name == chosen else ""}"><b>{value}</b>'
                    f"<span>{short_formula(name, language)}</span></p>"
                    f'<div class="share"><i style="width:{cell.value or 0:.2%}"></i></div>'
                )
        st.html(f'<p class="kpi-note">{LIMITS[0 if language == "zh" else 1]}</p>')


def _tiers(figures: Figures, style: Style, names: _Names) -> None:
    language, parts = style.language, figures.panel("tiers")
    if parts is None:
        return
    components.panel(
        "tiers",
        phrase(language, "desk_tiers"),
        panels.with_arrows(phrase(language, "desk_tiers_sub"), parts, language),
        figures.drawn(
            "desk tiers",
            style,
            lambda: by_channel_and_tier(METRICS["service_level"], parts.cells, names["channel"], names["tier"], style),
        )
        if any(cell.value is not None and None not in cell.key for cell in parts.cells)
        else None,
        lambda: of_answer(parts, language, names),
        phrase(language, "desk_tiers_alt"),
        style,
        drill="service_level",
        picks=state.picks("channel", names["channel"], "channel").also("tier", names["tier"], "tier"),
    )


def _waits(figures: Figures, style: Style, names: _Names) -> None:
    language, parts = style.language, figures.panel("waits")
    if parts is None:
        return
    slow = [cell for cell in parts.cells if cell.kpi == "wait_p90"]
    mean = {cell.key[0]: cell for cell in parts.cells if cell.kpi == "asa"}
    components.panel(
        "waits",
        phrase(language, "desk_waits"),
        phrase(language, "desk_waits_sub"),
        figures.drawn("desk waits", style, lambda: waits_by_channel(slow, mean, names["channel"], style))
        if any(cell.value is not None and cell.key[0] is not None for cell in slow)
        else None,
        lambda: of_answer(parts, language, names),
        phrase(language, "desk_waits_alt"),
        style,
        drill="wait_p90",
        picks=state.picks("channel", names["channel"]),
    )


def _abandonment(figures: Figures, style: Style) -> None:
    language, kpi = style.language, "abandonment_rate"
    answered, whole = figures.line(kpi), figures.cell(kpi)
    if answered is None:
        return
    value = format_value(whole.value if whole else None, METRICS[kpi].unit, language)
    panels.over_time(
        figures,
        answered,
        kpi,
        phrase(language, "desk_abandonment"),
        (phrase(language, "panel_trend_sub"), phrase(language, "panel_trend_sub_alone")),
        phrase(language, "desk_abandonment_alt", period=_dates(figures), value=value),
        style,
    )


def _cost(figures: Figures, style: Style, names: _Names) -> None:
    language, metric = style.language, METRICS["cost_per_contact"]
    parts, all_of_it = figures.panel("cost"), figures.panel("cost_all")
    if parts is None or all_of_it is None:
        return
    whole, cells = all_of_it.cell(metric.id), [cell for cell in parts.cells if cell.kpi == metric.id]
    components.panel(
        "cost",
        phrase(language, "desk_cost"),
        phrase(language, "desk_cost_sub", value=format_value(whole.value, metric.unit, language)),
        figures.drawn("desk cost", style, lambda: rates_by_channel(metric, whole, cells, names["channel"], style, _ROW))
        if whole.value is not None
        else None,
        lambda: of_answer(parts, language, names, kpi=metric.id),
        phrase(language, "desk_cost_alt", value=format_value(whole.value, metric.unit, language)),
        style,
        drill=metric.id,
        picks=state.picks("channel", names["channel"]),
    )
