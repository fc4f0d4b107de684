"""Overview: how are we, what changed, and the rows behind every figure."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st
from altair import LayerChart

from kpi.charts import Slots, Style, by_tier, grain_of, rates_by_channel, trend, volume_by_channel
from kpi.i18n import Language, phrase
from kpi.i18n.numbers import axis_unit, format_period, format_value
from kpi.insight.headline import movers, opening
from kpi.metrics.registry import METRICS
from kpi.query.answer import Answer, Cell
from kpi.query.identity import Check
from kpi.query.question import Question
from kpi.tables import of_answer
from kpi.warehouse.published import Published
from pages import cache, cards, components, drill, filters
from pages.state import FILTERS, View

# The six headline figures, each with the one that stands beside it on its card.
BESIDE = {
    "self_service_rate": "given_up_rate",
    "volume": "wechat_phone_multiple",
    "csat": "response_rate",
    "long_tail_coverage": "tail_base",
    "service_level": "asa",
    "fcr": "repeat_rate",
}
HEADLINES = tuple(BESIDE)
# Coverage accumulates through the days, the others' lines go by date. Its line ends in the figure of the card, and its
# denominator is the base, so that neither is asked for again.
_COVERAGE, _BASE = "long_tail_coverage", "tail_base"


class Figures:
    """What the page shows of one view: every question that it asks, answered when it is read."""

    def __init__(self, view: View, published: Published) -> None:
        self.view, self.version = view, published.version
        self.slots = Slots(view.period, grain_of(view.period), published.today)
        grain = self.slots.grain
        self.kpis = [kpi for kpi in HEADLINES if view.applies(METRICS[kpi])]
        beside = [BESIDE[kpi] for kpi in self.kpis if BESIDE[kpi] != _BASE and view.applies(METRICS[BESIDE[kpi]])]
        plain = [kpi for kpi in self.kpis if kpi != _COVERAGE]
        self._headline = view.question(*plain, *beside)
        self._lines = view.question(*(kpi for kpi in plain if grain in METRICS[kpi].dimensions), by=(grain,))
        self._coverage = view.question(_COVERAGE, by=("through",)) if _COVERAGE in self.kpis else None
        self._volume = view.question("volume", by=(grain, "channel"), compared=False)
        self._channels = view.question("self_service_rate", by=("channel",))
        # Not compared: the cells are judged against all customers, and a cohort by tier is the dearest of all.
        by_tier = (kpi for kpi in self.kpis if "tier" in METRICS[kpi].dimensions)
        self._tiers = view.question(*by_tier, by=("tier",), compared=False)
        self._proof = view.question("volume", compared=False)
        cohorts = [self._tiers] if self._coverage is None else [self._coverage, self._tiers]
        cache.prepare([[self._headline, self._lines, self._volume, self._channels], cohorts], self._proof, self.version)

    def _answer(self, question: Question) -> Answer:
        return cache.answer(question, self.version)

    @property
    def headline(self) -> Answer:
        """The period's figures, without a dimension; of the coverage see ``cell``."""
        return self._answer(self._headline)

    def cell(self, kpi: str) -> Cell | None:
        """The figure of the whole period; None where a filter does not apply to the KPI."""
        if kpi == _COVERAGE and self._coverage is not None:
            return self._answer(self._coverage).cell(kpi, self.view.period.end)
        return self.headline.cell(kpi) if kpi in self._headline.kpis else None

    def line(self, kpi: str) -> Answer:
        """The KPI over time."""
        return self._answer(self._coverage if kpi == _COVERAGE and self._coverage is not None else self._lines)

    @property
    def volume(self) -> Answer:
        """Interactions over time by channel."""
        return self._answer(self._volume)

    @property
    def channels(self) -> Answer:
        """The self-service rate by channel."""
        return self._answer(self._channels)

    @property
    def tiers(self) -> Answer:
        """The headline KPIs by star tier."""
        return self._answer(self._tiers)

    def drawn(self, name: str, style: Style, draw: Callable[[], LayerChart]) -> dict[str, Any]:
        """One figure of the view."""
        return cache.figure(name, self._headline, style, self.version, draw)

    @property
    def proof(self) -> tuple[Check, ...]:
        """The identity proof of the view."""
        return cache.identity(self._proof, self.version)


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    language = view.language
    names = {kpi: _name(kpi, language) for kpi in (*HEADLINES, *BESIDE.values())}
    choices = {dimension: cache.labels(dimension, language, published.version) for dimension in FILTERS}
    figures = Figures(view, published)

    as_of = components.as_of_line(view, published, figures.headline)
    components.head(phrase(language, "page_overview"), language, published, as_of)
    filters.filter_bar(view, choices, published)
    filters.ignored(view)
    cells = [cell for kpi in figures.kpis if (cell := figures.cell(kpi)) is not None]
    components.sentences(opening(figures.headline, METRICS, names, language), movers(cells, METRICS, language))
    _cards(figures, style, names)

    left, right = st.columns([2.05, 1], gap="xsmall")
    with left:
        _volume(figures, style, choices["channel"])
    with right:
        _by_channel(figures, style, choices["channel"])
    left, right = st.columns(2, gap="xsmall")
    with left:
        _trend(figures, style)
    with right:
        _tiers(figures, style, names, choices["tier"])
    components.identity_strip(figures.proof, language)

    if view.drill is not None:
        drill.show(view, published, names.get(view.drill, view.drill))


def _name(kpi: str, language: Language) -> str:
    """The name on a card: the declared one, or a shorter one where it would not fit."""
    short = cards.short_name(kpi, language)
    return short or cards.metric_title(METRICS[kpi], language)


def _cards(figures: Figures, style: Style, names: Mapping[str, str]) -> None:
    view, slots = figures.view, figures.slots
    grid = st.grid(6, min_column_width=155, gap=("xsmall", "xsmall"), key="cards")
    for kpi, beside in BESIDE.items():
        cell = figures.cell(kpi)
        with grid:
            if cell is None:
                cards.card_not_applicable(METRICS[kpi], names[kpi], view)
                continue
            cards.card(
                METRICS[kpi],
                names[kpi] if cell.variant is None else f"{names[kpi]} {cell.variant}",
                cell,
                line=[(one.value, one.previous) for one in figures.line(kpi).cells if one.kpi == kpi],
                running=slots.period.end >= slots.running and kpi != _COVERAGE,
                foot=_foot(figures, cell, beside),
                mature=_mature(figures, kpi, cell),
                view=view,
                style=style,
            )


def _foot(figures: Figures, cell: Cell, beside: str) -> str:
    """The second figure of a card in words."""
    if beside == _BASE:
        value = cell.denominator
    else:
        second = figures.cell(beside)
        if second is None:
            return ""
        value = second.value
    language = figures.view.language
    return phrase(language, f"foot_{beside}", value=format_value(value, METRICS[beside].unit, language))


def _mature(figures: Figures, kpi: str, cell: Cell) -> tuple[Cell, str] | None:
    """For a KPI whose period holds nothing mature: the figure of the last period that does, and its dates."""
    if cell.reason != "immature":
        return None
    question = cache.mature(figures.view.question(kpi), figures.version)
    if question is None:
        return None
    answered = cache.answer(question, figures.version)
    dates = format_period(answered.period.start, answered.period.end, figures.view.language, year=False)
    return answered.cell(kpi), dates


def _dates(figures: Figures) -> str:
    return format_period(figures.view.period.start, figures.view.period.end, figures.view.language)


def _volume(figures: Figures, style: Style, names: Mapping[str, str]) -> None:
    language, slots = style.language, figures.slots
    totals, parts = figures.line("volume").frame("volume"), figures.volume
    _, letter = axis_unit(max([0.0, *totals["value"].dropna()]), language)
    unit = phrase(language, "unit_contacts", letter=letter).strip()
    said = [phrase(language, "panel_volume_sub", unit=unit, grain=phrase(language, f"grain_{slots.grain}"))]
    if totals["previous"].notna().any():
        said.append(phrase(language, "panel_previous_line"))
    if slots.period.end >= slots.running:
        said.append(phrase(language, "panel_running"))
    whole = figures.cell("volume")
    total = format_value(whole.value if whole else None, "count", language)
    components.panel(
        "volume",
        phrase(language, "panel_volume"),
        " · ".join(said),
        figures.drawn("volume", style, lambda: volume_by_channel(parts.frame("volume"), totals, slots, names, style))
        if parts.cells
        else None,
        lambda: of_answer(parts, language, {"channel": names}),
        phrase(language, "alt_volume", period=_dates(figures), total=total),
        style,
    )


def _by_channel(figures: Figures, style: Style, names: Mapping[str, str]) -> None:
    language, metric = style.language, METRICS["self_service_rate"]
    parts, whole = figures.channels, figures.cell(metric.id)
    compared = any(one.previous is not None for one in parts.cells)
    components.panel(
        "channels",
        phrase(language, "panel_by_channel"),
        phrase(language, "panel_by_channel_sub") if compared else "",
        figures.drawn("channels", style, lambda: rates_by_channel(metric, whole, parts.cells, names, style))
        if whole is not None and parts.cells
        else None,
        lambda: of_answer(parts, language, {"channel": names}),
        phrase(language, "alt_by_channel", value=format_value(whole.value if whole else None, metric.unit, language)),
        style,
    )


def _trend(figures: Figures, style: Style) -> None:
    language, metric = style.language, METRICS["self_service_rate"]
    answered, whole = figures.line(metric.id), figures.cell(metric.id)
    frame = answered.frame(metric.id)
    components.panel(
        "trend",
        phrase(language, "panel_trend"),
        phrase(language, "panel_trend_sub" if frame["previous"].notna().any() else "panel_trend_sub_alone"),
        figures.drawn("trend", style, lambda: trend(metric, frame, figures.slots, style))
        if frame["value"].notna().any()
        else None,
        lambda: of_answer(answered, language, {}, kpi=metric.id),
        phrase(
            language,
            "alt_trend",
            period=_dates(figures),
            value=format_value(whole.value if whole else None, metric.unit, language),
        ),
        style,
    )


def _tiers(figures: Figures, style: Style, titles: Mapping[str, str], names: Mapping[str, str]) -> None:
    language, parts = style.language, figures.tiers
    wholes = {kpi: cell for kpi in parts.question.kpis if (cell := figures.cell(kpi)) is not None}
    components.panel(
        "tiers",
        phrase(language, "panel_tiers"),
        phrase(language, "panel_tiers_sub"),
        figures.drawn(
            "tiers",
            style,
            lambda: by_tier([METRICS[kpi] for kpi in wholes], wholes, parts, titles, names, style),
        )
        if parts.cells
        else None,
        lambda: of_answer(parts, language, {"tier": names}),
        phrase(language, "alt_tiers"),
        style,
    )
