"""Explore: any KPIs by any two dimensions, as picture, pivot table and rows."""

from datetime import date
from html import escape

import streamlit as st

from kpi.charts import ChartKind, Slots, Style, part_drawn, picture, scale_of
from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_period, format_value
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS, SECTIONS
from kpi.narrative.caveats import cut_note
from kpi.narrative.extremes import extremes
from kpi.pivot import Names, Pivot, to_frame
from kpi.query.answer import Answer
from kpi.tables import of_answer
from kpi.warehouse.published import Published
from pages.address import state
from pages.address.explore_choice import NONE, charts_for, common, lacking
from pages.address.view import View
from pages.data import cache
from pages.data.exploration import Exploration
from pages.page_specs import page_spec
from pages.ui import cards, components, layout, pivot_table, saved

_AUTO = "auto"


def ask(view: View, published: Published) -> Exploration:
    """All that the page asks for ``view``."""
    return Exploration(view, published)


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    language = view.language
    found = ask(view, published)
    layout.top("explore", view, published, found.compared)
    kinds = charts_for(
        found.choice, len(found.pivot.cols.values) if found.pivot is not None and found.pivot.cols else 0
    )
    kind = found.choice.chart if found.choice.chart in kinds else kinds[0] if kinds else None
    _builder(view, published, kinds, kind)
    if found.not_filtered:
        _not_filtered(view, found)
    if found.pivot is not None:
        names = _names(view, published, found.pivot)
        _sentence(found.pivot, names, found.slots, language)
        if kind is not None:
            _pictures(view, found, found.pivot, names, kind, style)
        _table(view, found.pivot, names, style)
    _to_settings(language)
    components.identity_strip(found.proof, language)


def _names(view: View, published: Published, pivot: Pivot) -> Names:
    axes = [axis.dimension for axis in (pivot.rows, pivot.cols) if axis is not None]
    return {dimension: cache.labels(dimension, view.language, published.version) for dimension in axes}


def _to_settings(language: Language) -> None:
    """Where the notes on the time axes are written."""
    # The same page as in the sidebar: a page is known by its address.
    place = st.Page(lambda: None, title=phrase(language, "page_settings"), url_path=page_spec("settings").address)
    st.page_link(
        place, label=phrase(language, "explore_to_settings"), icon=":material/edit_note:", query_params=state.link()
    )


# --- what is asked -------------------------------------------------------------------------------------------------


def _builder(view: View, published: Published, kinds: list[ChartKind], kind: ChartKind | None) -> None:
    language, choice = view.language, view.explore
    possible = common(choice.kpis)
    kpis, rows, cols, chart, views = st.columns([2.9, 1.1, 1.1, 1, 1.1], gap="xsmall", vertical_alignment="bottom")
    with kpis:
        st.multiselect(
            phrase(language, "explore_kpis"),
            [metric.id for section in SECTIONS for metric in METRICS.values() if metric.section == section],
            format_func=lambda kpi: _kpi_name(kpi, language),
            placeholder=phrase(language, "filter_placeholder"),
            select_all=False,
            **state.bound("kpis", list(choice.kpis)),
        )
    with rows:
        st.selectbox(
            phrase(language, "explore_rows"),
            [NONE, *possible],
            format_func=lambda dimension: _dimension_name(dimension, language),
            help=_not_offered(view),
            placeholder=phrase(language, "choose_one"),
            **state.bound("rows", choice.rows or NONE),
        )
    with cols:
        st.selectbox(
            phrase(language, "explore_cols"),
            [NONE, *(dimension for dimension in possible if dimension != choice.rows)],
            format_func=lambda dimension: _dimension_name(dimension, language),
            disabled=choice.rows is None,
            placeholder=phrase(language, "choose_one"),
            **state.bound("cols", choice.cols or NONE),
        )
    with chart:
        st.selectbox(
            phrase(language, "explore_chart"),
            [_AUTO, *kinds],
            format_func=lambda one: phrase(language, f"explore_chart_{one}"),
            disabled=len(kinds) < 2,
            placeholder=phrase(language, "choose_one"),
            **state.bound("chart", kind if kind is not None and choice.chart == kind else _AUTO),
        )

    with views:
        saved.menu(view, published, "explore")


def _kpi_name(kpi: str, language: Language) -> str:
    metric = METRICS[kpi]
    return f"{cards.metric_title(metric, language)} · {SECTIONS[metric.section][0 if language == 'zh' else 1]}"


def _dimension_name(dimension: str, language: Language) -> str:
    return phrase(language, "explore_none") if dimension == NONE else DIMENSIONS[dimension].name(language)


def _not_offered(view: View) -> str | None:
    """Which dimensions only some of the KPIs have, and which KPIs lack them."""
    language = view.language
    and_ = phrase(language, "say_and")
    without = lacking(view.explore.kpis)
    if not without:
        return None
    lines = [
        phrase(
            language,
            "explore_lacks",
            dimension=DIMENSIONS[dimension].name(language),
            kpis=and_.join(METRICS[kpi].name(language) for kpi in kpis),
        )
        for dimension, kpis in without.items()
    ]
    return "\n".join([phrase(language, "explore_not_offered"), "", *(f"- {line}" for line in lines)])


def _not_filtered(view: View, found: Exploration) -> None:
    language = view.language
    listed = phrase(language, "say_and").join(METRICS[kpi].name(language) for kpi in found.not_filtered)
    st.info(phrase(language, "explore_not_filtered", kpis=listed), icon=":material/filter_alt_off:")


# --- what is answered ----------------------------------------------------------------------------------------------


def _sentence(pivot: Pivot, names: Names, slots: Slots, language: Language) -> None:
    said = []
    for kpi in pivot.kpis[:2]:
        whole = pivot.whole.cell(kpi)
        rows = [
            (axis.name(value, names, language), cell)
            for axis in (pivot.rows,)
            if axis is not None
            for value in axis.values
            if (cell := pivot.cell(kpi, value)) is not None
            # A day that is still running, or a week that the period cuts, is the lowest for that reason only.
            and not (isinstance(value, date) and slots.partial(value))
        ]
        said.append(extremes(METRICS[kpi], whole, rows, language, pivot.rows.left_out if pivot.rows else 0))
    components.sentences(*said)


def _pictures(view: View, found: Exploration, pivot: Pivot, names: Names, kind: ChartKind, style: Style) -> None:
    """A figure a KPI: one in the whole width, several two by two."""
    for pair in zip(pivot.kpis[::2], [*pivot.kpis[1::2], None], strict=False):
        shown = [kpi for kpi in pair if kpi is not None]
        for place, kpi in zip(st.columns(len(shown), gap="xsmall"), shown, strict=True):
            with place:
                _picture(view, found, pivot, names, kind, METRICS[kpi], style)


def _picture(
    view: View, found: Exploration, pivot: Pivot, names: Names, kind: ChartKind, metric: Metric, style: Style
) -> None:
    language = view.language
    assert pivot.rows is not None
    answer = pivot.cells or pivot.by_rows
    assert answer is not None
    whole = pivot.whole.cell(metric.id)
    by = phrase(language, "explore_by").join(DIMENSIONS[dimension].name(language) for dimension in found.choice.by)
    components.panel(
        f"explore_{metric.id}",
        cards.metric_title(metric, language),
        " · ".join(filter(None, _said(metric, pivot, answer, kind, by, language))),
        cache.figure(
            f"explore {kind} {found.choice} {view.compare} {found.notes} {found.targets.mark} {metric.id}",
            view.question("volume"),
            style,
            found.version,
            lambda: picture(kind, metric, pivot, names, found.slots, style, found.notes),
        )
        if any(cell.value is not None for cell in answer.cells if cell.kpi == metric.id)
        else None,
        lambda: of_answer(answer, language, names, kpi=metric.id),
        phrase(
            language,
            "explore_alt",
            name=metric.name(language),
            by=by,
            period=format_period(view.period.start, view.period.end, language),
            value=format_value(whole.value, metric.unit, language),
        ),
        style,
        drill=metric.id,
    )


def _said(metric: Metric, pivot: Pivot, answer: Answer, kind: ChartKind, by: str, language: Language) -> list[str]:
    """The line under the title of a figure: by what it is, its unit, and what it does not show."""
    return [
        phrase(language, "explore_sub", by=by),
        _unit(metric, pivot, kind, language),
        part_drawn(kind, metric, pivot, language),
        cut_note(answer, language),
    ]


def _unit(metric: Metric, pivot: Pivot, kind: ChartKind, language: Language) -> str:
    """The unit that the bare figures of an axis or a heat map are in; what a bar tells has its unit with it."""
    if kind == "grouped":
        return ""
    if kind == "bars":
        return phrase(language, "explore_unit_bars") if pivot.whole.compared is not None else ""
    if metric.unit in {"count", "customers", "yuan"}:
        _, letter = scale_of(metric, pivot, language)
        return phrase(language, f"explore_unit_{metric.unit}", letter=letter).strip()
    return phrase(language, f"explore_unit_{metric.unit}")


def _table(view: View, pivot: Pivot, names: Names, style: Style) -> None:
    language = view.language
    shown = pivot_table.table(pivot, names, view.explore.detail, language)
    said = "".join(f'<p class="kpi-note">{escape(one)}</p>' for one in pivot_table.remarks(pivot, names, language))
    st.toggle(phrase(language, "explore_detail"), **state.bound("detail", view.explore.detail))
    components.table_panel(
        "pivot",
        phrase(language, "explore_pivot"),
        phrase(language, "explore_pivot_sub"),
        shown + said,
        lambda: to_frame(pivot, names, language),
        style,
    )
