"""Overview: how are we, what changed, and the rows behind every figure."""

from collections.abc import Mapping

import streamlit as st

from kpi.charts import Slots, Style, by_tier, grain_of, rates_by_channel, trend, volume_by_channel
from kpi.i18n import Language, phrase
from kpi.i18n.numbers import axis_unit, format_period, format_value
from kpi.insight.headline import movers, opening
from kpi.metrics.registry import METRICS
from kpi.query.answer import Answer, Cell
from kpi.tables import of_answer
from kpi.warehouse.published import Published
from pages import cache, components, drill
from pages.state import FILTERS, View

# The six headline figures, each with the one that stands beside it on its card. The base of the coverage is its own
# denominator and is not asked for again.
BESIDE = {
    "self_service_rate": "given_up_rate",
    "volume": "wechat_phone_multiple",
    "csat": "response_rate",
    "long_tail_coverage": "tail_base",
    "service_level": "asa",
    "fcr": "repeat_rate",
}
HEADLINES = tuple(BESIDE)
# Coverage accumulates: its line runs through the days, the others' go by date.
_CUMULATIVE = "long_tail_coverage"
_BASE = "tail_base"


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    language, version = view.language, published.version
    names = {kpi: _name(kpi, language) for kpi in (*HEADLINES, *BESIDE.values())}
    filters = {dimension: cache.labels(dimension, language, version) for dimension in FILTERS}
    asked = [kpi for kpi in names if kpi != _BASE and view.applies(METRICS[kpi])]
    headline = cache.answer(view.question(*asked), version)

    components.head(
        phrase(language, "page_overview"), language, published, components.as_of_line(view, published, headline)
    )
    components.filter_bar(view, filters, published)
    components.ignored(view)

    slots = Slots(headline.period, grain_of(headline.period), published.today)
    lines = _lines(view, slots, version)
    components.sentences(
        opening(headline, METRICS, names, language),
        movers([headline.cell(kpi) for kpi in HEADLINES if kpi in asked], METRICS, language),
    )
    _cards(view, style, headline, lines, names, slots, version)

    left, right = st.columns([2.05, 1], gap="xsmall")
    with left:
        _volume(view, style, lines, slots, filters["channel"], version)
    with right:
        _by_channel(view, style, headline, filters["channel"], version)
    left, right = st.columns(2, gap="xsmall")
    with left:
        _trend(view, style, headline, lines, slots)
    with right:
        _tiers(view, style, headline, names, filters["tier"], version)
    components.identity_strip(cache.identity(view.question("volume", compared=False), version), language)

    if view.drill is not None:
        drill.show(view, published, names.get(view.drill, view.drill))


def _name(kpi: str, language: Language) -> str:
    """The name on a card: the declared one, or a shorter one where it would not fit."""
    short = components.short_name(kpi, language)
    return short or components.metric_title(METRICS[kpi], language)


def _lines(view: View, slots: Slots, version: int) -> dict[str, Answer]:
    """KPI -> the answer that draws its line."""
    by_time = [kpi for kpi in HEADLINES if kpi != _CUMULATIVE and view.applies(METRICS[kpi], slots.grain)]
    answered = cache.answer(view.question(*by_time, by=(slots.grain,)), version)
    lines = dict.fromkeys(by_time, answered)
    if view.applies(METRICS[_CUMULATIVE], "through"):
        lines[_CUMULATIVE] = cache.answer(view.question(_CUMULATIVE, by=("through",)), version)
    return lines


def _cards(
    view: View,
    style: Style,
    headline: Answer,
    lines: Mapping[str, Answer],
    names: Mapping[str, str],
    slots: Slots,
    version: int,
) -> None:
    language = view.language
    grid = st.grid(6, min_column_width=155, gap=("xsmall", "xsmall"), key="cards")
    for kpi, beside in BESIDE.items():
        metric = METRICS[kpi]
        with grid:
            if not view.applies(metric):
                components.card_not_applicable(metric, names[kpi], view, style)
                continue
            cell = headline.cell(kpi)
            line = [(one.value, one.previous) for one in lines[kpi].cells if one.kpi == kpi]
            foot = ""
            if view.applies(METRICS[beside]):
                figure = cell.denominator if beside == _BASE else headline.cell(beside).value
                value = format_value(figure, METRICS[beside].unit, language)
                foot = phrase(language, f"foot_{beside}", value=value)
            running = slots.period.end >= slots.running and kpi != _CUMULATIVE
            components.card(
                metric, names[kpi], cell, line, running, foot, _mature(view, kpi, cell, version), view, style
            )


def _mature(view: View, kpi: str, cell: Cell, version: int) -> tuple[Cell, str] | None:
    """For a KPI whose period holds nothing mature: the figure of the last period that does, and its dates."""
    if cell.reason != "immature":
        return None
    question = cache.mature(view.question(kpi), version)
    if question is None:
        return None
    answered = cache.answer(question, version)
    return answered.cell(kpi), format_period(answered.period.start, answered.period.end, view.language)


def _volume(
    view: View, style: Style, lines: Mapping[str, Answer], slots: Slots, names: Mapping[str, str], version: int
) -> None:
    language = view.language
    parts = cache.answer(view.question("volume", by=(slots.grain, "channel"), compared=False), version)
    totals = lines["volume"].frame("volume")
    frame = parts.frame("volume")
    chart = volume_by_channel(frame, totals, slots, names, style) if len(frame) else None
    _, letter = axis_unit(max([0.0, *totals["value"].dropna()]), language)
    said = [
        phrase(
            language,
            "panel_volume_sub",
            unit=phrase(language, "unit_contacts", letter=letter).strip(),
            grain=phrase(language, f"grain_{slots.grain}"),
        )
    ]
    if totals["previous"].notna().any():
        said.append(phrase(language, "panel_previous_line"))
    if slots.period.end >= slots.running:
        said.append(phrase(language, "panel_running"))
    components.panel(
        "volume",
        phrase(language, "panel_volume"),
        " · ".join(said),
        chart,
        lambda: of_answer(parts, language, {"channel": names}),
        phrase(
            language,
            "alt_volume",
            period=format_period(slots.period.start, slots.period.end, language),
            total=format_value(totals["value"].sum(), "count", language),
        ),
        language,
    )


def _by_channel(view: View, style: Style, headline: Answer, names: Mapping[str, str], version: int) -> None:
    language, metric = view.language, METRICS["self_service_rate"]
    parts = cache.answer(view.question(metric.id, by=("channel",)), version)
    whole = headline.cell(metric.id)
    chart = rates_by_channel(metric, whole, parts.cells, names, style) if parts.cells else None
    components.panel(
        "channels",
        phrase(language, "panel_by_channel"),
        phrase(language, "panel_by_channel_sub") if any(one.previous is not None for one in parts.cells) else "",
        chart,
        lambda: of_answer(parts, language, {"channel": names}),
        phrase(language, "alt_by_channel", value=format_value(whole.value, metric.unit, language)),
        language,
    )


def _trend(view: View, style: Style, headline: Answer, lines: Mapping[str, Answer], slots: Slots) -> None:
    language, metric = view.language, METRICS["self_service_rate"]
    answered = lines[metric.id]
    frame = answered.frame(metric.id)
    chart = trend(metric, frame, slots, style) if frame["value"].notna().any() else None
    components.panel(
        "trend",
        phrase(language, "panel_trend"),
        phrase(language, "panel_trend_sub" if frame["previous"].notna().any() else "panel_trend_sub_alone"),
        chart,
        lambda: of_answer(answered, language, {}, kpi=metric.id),
        phrase(
            language,
            "alt_trend",
            period=format_period(slots.period.start, slots.period.end, language),
            value=format_value(headline.cell(metric.id).value, metric.unit, language),
        ),
        language,
    )


def _tiers(
    view: View, style: Style, headline: Answer, titles: Mapping[str, str], names: Mapping[str, str], version: int
) -> None:
    language = view.language
    kpis = [kpi for kpi in HEADLINES if view.applies(METRICS[kpi], "tier")]
    parts = cache.answer(view.question(*kpis, by=("tier",)), version)
    chart = by_tier([METRICS[kpi] for kpi in kpis], headline, parts, titles, names, style) if parts.cells else None
    components.panel(
        "tiers",
        phrase(language, "panel_tiers"),
        phrase(language, "panel_tiers_sub"),
        chart,
        lambda: of_answer(parts, language, {"tier": names}),
        phrase(language, "alt_tiers"),
        language,
    )
