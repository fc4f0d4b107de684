"""Dictionary: every KPI from its declaration, and the rules that hold for all of them."""

from dataclasses import replace
from html import escape

import streamlit as st

from kpi.charts import Style
from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_count
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS, SECTIONS
from kpi.narrative.dictionary import REASONS, RULES, entry, found, section_name
from kpi.narrative.headline import Span
from kpi.warehouse.published import Published
from pages.address import state
from pages.address.view import View
from pages.data.figures import Figures
from pages.ui import cards, components, layout

_LONGEST = 60  # characters of a search


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    language = view.language
    chosen = view.kpi or ""
    section = view.section or (METRICS[chosen].section if chosen else next(iter(SECTIONS)))
    text, view = state.read_text(view, "find", _LONGEST)
    figures = Figures(replace(view, compare=None, filters=()), published, {}, {})
    layout.top("dictionary", view, published, None, filtered=False)
    counted = phrase(
        language,
        "dictionary_opening",
        count=format_count(len(METRICS), language, compact=False),
        sections=format_count(len(SECTIONS), language, compact=False),
    )
    components.sentences((Span(counted),))
    listed = found(text, section)
    left, right = st.columns([1, 2.05], gap="xsmall")
    with left, st.container(border=True, key="panel_list"):
        _choose(section, text, listed, chosen, language)
    with right:
        if listed:
            _entry(METRICS[chosen if chosen in listed else listed[0]], language)
        _rules(language)
    components.identity_strip(figures.proof, language)


def _choose(section: str, text: str, listed: list[str], chosen: str, language: Language) -> None:
    """Search, the groups, and the KPIs of the group or of the search."""
    st.text_input(
        phrase(language, "dictionary_find"),
        placeholder=phrase(language, "dictionary_find"),
        label_visibility="collapsed",
        icon=":material/search:",
        max_chars=_LONGEST,
        **state.bound("find", text),
    )
    if not text:
        st.pills(
            phrase(language, "dictionary_section"),
            list(SECTIONS),
            format_func=lambda one: section_name(one, language),
            label_visibility="collapsed",
            required=True,
            **state.bound("section", section),
        )
    if not listed:
        st.html(f'<p class="first-text">{escape(phrase(language, "dictionary_nothing", text=text))}</p>')
        return
    other: Language = "en" if language == "zh" else "zh"
    st.radio(
        phrase(language, "dictionary_kpis"),
        listed,
        format_func=lambda kpi: cards.metric_title(METRICS[kpi], language),
        captions=[METRICS[kpi].name(other) for kpi in listed],
        label_visibility="collapsed",
        **state.bound("kpi", chosen if chosen in listed else listed[0]),
    )


def _entry(metric: Metric, language: Language) -> None:
    other: Language = "en" if language == "zh" else "zh"
    rows = "".join(
        f"<dt>{escape(term)}</dt><dd>{''.join(f'<p>{escape(one)}</p>' for one in paragraphs)}</dd>"
        for term, paragraphs in entry(metric, language)
    )
    version = phrase(language, "define_version", version=metric.version)
    with st.container(border=True, key="panel_entry"):
        with st.container(horizontal=True, wrap=False, vertical_alignment="top", gap="xxsmall"):
            components.heading(cards.metric_title(metric, language), metric.name(other))
            st.space("stretch")
            st.button(
                phrase(language, "dictionary_open"),
                icon=":material/account_tree:",
                type="tertiary",
                key="open_entry",
                on_click=state.open_drill,
                args=(metric.id,),
            )
        st.html(
            f'<div class="entry"><dl>{rows}</dl>'
            f"<p>{section_name(metric.section, language)} · <code>{metric.id}</code> · {version}</p></div>"
        )


def _rules(language: Language) -> None:
    rules = "".join(
        f"<dt>{phrase(language, f'rule_name_{rule}')}</dt><dd><p>{phrase(language, f'rule_{rule}')}</p></dd>"
        for rule in RULES
    )
    reasons = "".join(
        f"<dt>– {phrase(language, f'reason_{reason}')}</dt><dd><p>{phrase(language, f'why_{reason}')}</p></dd>"
        for reason in REASONS
    )
    with st.container(border=True, key="panel_rules"):
        components.heading(phrase(language, "dictionary_rules"), phrase(language, "dictionary_rules_sub"))
        st.html(f'<div class="entry"><dl>{rules}</dl></div>')
    with st.container(border=True, key="panel_reasons"):
        components.heading(phrase(language, "dictionary_reasons"), phrase(language, "dictionary_reasons_sub"))
        st.html(f'<div class="entry"><dl>{reasons}</dl></div>')
