"""The filter bar: one row of chips, and what of a link could not be used."""

from collections.abc import Mapping

import streamlit as st

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_period
from kpi.metrics.dimensions import DIMENSIONS
from kpi.narrative.freshness import first_day
from kpi.query.question import Period
from kpi.warehouse.published import Published
from pages.address import state
from pages.address.view import CHIPS, COMPARISONS, MORE, PRESETS, View
from pages.ui import components, subscribe


def filter_bar(view: View, names: Mapping[str, Mapping[str, str]], published: Published, page: str) -> None:
    """One row of chips. ``names``: dimension -> value -> name; ``page``: the id of the page."""
    language = view.language
    with st.container(key="chips", horizontal=True, wrap=False, gap="xsmall", vertical_alignment="center"):
        _period_chip(view, published)
        _compare_chip(view, published)
        for dimension in CHIPS:
            with st.popover(
                _chip(_dimension(dimension, language), _summary(view, dimension, names)), key=f"chip_{dimension}"
            ):
                _choice(view, dimension, names[dimension])
        on = sum(1 for dimension in MORE if view.chosen(dimension))
        more = phrase(language, "filter_more_on", count=on) if on else phrase(language, "filter_more")
        with st.popover(more, icon=":material/tune:", type="tertiary", key="chip_more"):
            for dimension in MORE:
                _choice(view, dimension, names[dimension])
        if view.filters:
            st.button(
                phrase(language, "filter_clear"),
                icon=":material/close:",
                type="tertiary",
                key="clear",
                on_click=state.clear_filters,
            )
        subscribe.button(view, page)


def _period_chip(view: View, published: Published) -> None:
    language = view.language
    shown = (
        phrase(language, f"period_{view.preset}")
        if view.preset
        else format_period(view.period.start, view.period.end, language)
    )
    with st.popover(_chip(phrase(language, "filter_period"), shown), key="chip_period"):
        st.pills(
            phrase(language, "filter_period"),
            PRESETS,
            format_func=lambda value: phrase(language, f"period_{value}"),
            **state.bound("period", view.preset),
        )
        st.date_input(
            phrase(language, "filter_dates"),
            min_value=min(first_day(published), view.period.start),
            max_value=published.today,
            format="YYYY-MM-DD",
            **state.bound("dates", (view.period.start, view.period.end)),
        )


def _compare_chip(view: View, published: Published) -> None:
    language = view.language
    own = view.compare if isinstance(view.compare, Period) else None
    name = "none" if view.compare is None else view.compare
    shown = phrase(language, f"compare_{name}") if own is None else format_period(own.start, own.end, language)
    with st.popover(_chip(phrase(language, "filter_compare"), shown), key="chip_compare"):
        st.pills(
            phrase(language, "filter_compare_label"),
            COMPARISONS,
            format_func=lambda value: phrase(language, f"compare_{value}"),
            **state.bound("compare", None if own is not None else name),
        )
        dates = own or view.period.shifted(-view.period.days)
        st.date_input(
            phrase(language, "filter_against"),
            min_value=min(first_day(published), dates.start),
            max_value=max(published.today, dates.end),
            format="YYYY-MM-DD",
            **state.bound("against", (dates.start, dates.end)),
        )


def _dimension(dimension: str, language: Language) -> str:
    return (
        phrase(language, "chip_business_line") if dimension == "business_line" else DIMENSIONS[dimension].name(language)
    )


def _choice(view: View, dimension: str, names: Mapping[str, str]) -> None:
    label = _dimension(dimension, view.language)
    chosen = list(view.chosen(dimension))
    if len(names) <= 12:
        st.pills(
            label,
            list(names),
            selection_mode="multi",
            format_func=lambda value: components.escape_markdown(names.get(value, value)),
            **state.bound(dimension, chosen),
        )
    else:
        st.multiselect(
            label,
            list(names),
            format_func=lambda value: names.get(value, value),
            placeholder=phrase(view.language, "filter_placeholder"),
            select_all=False,
            **state.bound(dimension, chosen),
        )


def _summary(view: View, dimension: str, names: Mapping[str, Mapping[str, str]]) -> str:
    chosen = view.chosen(dimension)
    if not chosen:
        return phrase(view.language, "filter_all")
    if len(chosen) == 1:
        return names[dimension].get(chosen[0], chosen[0])
    return phrase(view.language, "filter_count", count=len(chosen))


def _chip(label: str, value: str) -> str:
    return f":gray[{components.escape_markdown(label)}] **{components.escape_markdown(value)}**"


def ignored(view: View) -> None:
    """What in the link could not be used, in one box."""
    if view.ignored:
        told = [components.escape_markdown(one.message(view.language)) for one in view.ignored]
        st.warning("\n\n".join(told), icon=":material/link_off:")
