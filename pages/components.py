"""The pieces of a page: head, filter bar, cards, panels, the identity strip. They draw; they know no KPI by name."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.navigation.page import StreamlitPage

from kpi.charts import Style, spark
from kpi.charts.export import csv, png, xlsx
from kpi.charts.theme import css_variables
from kpi.i18n import Language, catalogue, phrase
from kpi.i18n.numbers import format_change, format_count, format_moment, format_period, format_value
from kpi.insight.freshness import deliveries, first_day
from kpi.insight.headline import Sentence
from kpi.insight.proof import tell
from kpi.insight.tone import tone
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Metric
from kpi.query.answer import Answer, Cell
from kpi.query.identity import Check
from kpi.warehouse.published import Published
from pages import state
from pages.state import View

ASSETS = Path(__file__).parent / "assets"

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ARROWS = {-1: "↓", 0: "→", 1: "↑"}


def look(style: Style) -> None:
    """The style sheet, with the palette of the theme in force as variables."""
    # The uploader's own words are English only.
    words = f':root{{--upload:"{phrase(style.language, "first_upload")}"}}'
    st.html(f"<style>{css_variables(style.mode)}{words}\n{(ASSETS / 'style.css').read_text('utf-8')}</style>")


def logo(style: Style) -> None:
    """The mark and the name, in the ink of the theme in force."""
    drawn = (ASSETS / "logo.svg").read_text("utf-8").replace("currentColor", style.palette.ink)
    st.logo(drawn, icon_image=(ASSETS / "icon.svg").read_text("utf-8"))


# --- sidebar -------------------------------------------------------------------------------------------------------


def sidebar(groups: Mapping[str, Sequence[StreamlitPage]], published: Published | None, language: Language) -> None:
    """The pages by group, and how far each feed has delivered."""
    with st.sidebar:
        for group, listed in groups.items():
            st.html(f'<p class="nav-group">{escape(group)}</p>')
            for one in listed:
                st.page_link(one, width="stretch")
        if published is not None and published.feeds:
            st.html(_feeds(published, language))
            version = format_count(published.version, language, compact=False)
            st.html(f'<p class="nav-group">{phrase(language, "warehouse_version", version=version)}</p>')


# --- head ----------------------------------------------------------------------------------------------------------


def head(title: str, language: Language, published: Published | None, as_of: str = "") -> None:
    """Title, as-of line, the mark of synthetic data and the switch of language, in one row."""
    with st.container(key="head", horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        st.title(title, anchor=False, width="content")
        if as_of:
            st.html(f'<p class="as-of">{as_of}</p>', width="content")
        st.space("stretch")
        if published is not None and published.synthetic:
            help_ = escape(phrase(language, "synthetic_help"), quote=True)
            st.html(f'<span class="mark" title="{help_}">⚗ {phrase(language, "synthetic")}</span>', width="content")
        st.button(
            phrase(language, "switch_language"),
            icon=":material/translate:",
            type="tertiary",
            key="switch_language",
            on_click=state.show_language,
            args=("en" if language == "zh" else "zh",),
        )


def as_of_line(view: View, published: Published, compared: Answer | None) -> str:
    """Up to when there is data, what is compared with what, and which feed is late; as HTML."""
    language = view.language
    parts = [phrase(language, "as_of", moment=format_moment(published.local(published.latest), language))]
    shown = [view.period, *([compared.compared] if compared is not None and compared.compared is not None else [])]
    year = any(period.start.year != published.today.year for period in shown)
    period = format_period(view.period.start, view.period.end, language, year)
    if compared is not None and compared.compared is not None:
        against = format_period(compared.compared.start, compared.compared.end, language, year)
        if all(cell.previous is None for cell in compared.cells):
            parts.append(phrase(language, "as_of_nothing_before", period=period, compared=against))
            compared = None
        else:
            parts.append(phrase(language, "as_of_compared", period=period, compared=against))
    else:
        parts.append(phrase(language, "as_of_alone", period=period))
    if compared is not None:
        if compared.aligned_by == "weekday":
            parts.append(phrase(language, "aligned_weekday"))
        elif compared.aligned_by not in {"length", None}:
            parts.append(phrase(language, "aligned_holiday"))
        if compared.cuts:
            parts.append(phrase(language, "cut_same_hour"))
    text = " · ".join(parts)
    late = [feed for feed in deliveries(published) if feed.late]
    if late:
        last = late[-1]
        moment = format_moment(last.until, language, weekday=False)
        told = phrase(language, "as_of_missing", feed=last.name(language), moment=moment)
        if len(late) > 1:
            told += " · " + phrase(language, "as_of_more_missing", count=len(late) - 1)
        text += f' · <span class="worse">{escape(told)}</span>'
    return text


def _feeds(published: Published, language: Language) -> str:
    rows = "".join(
        f'<tr class="{"late" if feed.late else ""}"><td>{escape(feed.name(language))}'
        f"{phrase(language, 'feed_late') if feed.late else ''}</td>"
        f"<td>{format_moment(feed.until, language, weekday=False)}</td></tr>"
        for feed in deliveries(published)
    )
    return f'<p class="nav-group">{phrase(language, "feeds_title")}</p><table class="feeds">{rows}</table>'


# --- filter bar ----------------------------------------------------------------------------------------------------


def filter_bar(view: View, names: Mapping[str, Mapping[str, str]], published: Published) -> None:
    """One row of chips. ``names``: dimension -> value -> name."""
    language = view.language
    with st.container(key="chips", horizontal=True, wrap=False, gap="xsmall", vertical_alignment="center"):
        _period_chip(view, published)
        compare = view.compare or "none"
        with st.popover(
            _chip(phrase(language, "filter_compare"), phrase(language, f"compare_{compare}")), key="chip_compare"
        ):
            st.pills(
                phrase(language, "filter_compare_label"),
                state.COMPARISONS,
                required=True,
                format_func=lambda value: phrase(language, f"compare_{value}"),
                **state.bound("compare", compare),
            )
        for dimension in state.CHIPS:
            with st.popover(
                _chip(_dimension(dimension, language), _summary(view, dimension, names)), key=f"chip_{dimension}"
            ):
                _choice(view, dimension, names[dimension])
        on = sum(1 for dimension in state.MORE if view.chosen(dimension))
        more = phrase(language, "filter_more_on", count=on) if on else phrase(language, "filter_more")
        with st.popover(more, icon=":material/tune:", type="tertiary", key="chip_more"):
            for dimension in state.MORE:
                _choice(view, dimension, names[dimension])
        if view.filters:
            st.button(
                phrase(language, "filter_clear"),
                icon=":material/close:",
                type="tertiary",
                key="clear",
                on_click=state.clear_filters,
            )


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
            state.PRESETS,
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
            format_func=lambda value: names.get(value, value),
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
    return f":gray[{label}] **{value}**"


def ignored(view: View) -> None:
    """What in the link could not be used, in one box."""
    if view.ignored:
        st.warning("\n\n".join(one.message(view.language) for one in view.ignored), icon=":material/link_off:")


# --- sentences -----------------------------------------------------------------------------------------------------


def sentences(*said: Sentence) -> None:
    """The opening: one paragraph a sentence; changes are coloured by goodness and carry their sign."""
    paragraphs = "".join(
        "<p>"
        + "".join(
            f'<b class="{span.tone}">{escape(span.text)}</b>' if span.strong else escape(span.text) for span in sentence
        )
        + "</p>"
        for sentence in said
        if sentence
    )
    st.html(f'<div class="answer">{paragraphs}</div>')


# --- cards ---------------------------------------------------------------------------------------------------------


def card(
    metric: Metric,
    name: str,
    cell: Cell,
    line: Sequence[tuple[float | None, float | None]],
    running: bool,
    foot: str,
    mature: tuple[Cell, str] | None,
    view: View,
    style: Style,
) -> None:
    """One headline figure. ``line``: (value, comparison) by slot. ``mature``: where the period holds nothing mature,
    the figure of the last period that does, and its dates. Always the same lines, so that all are of one height.
    """
    language = view.language
    shown, shown_foot = cell, foot
    if cell.value is None and mature is not None:
        shown, shown_foot = mature[0], phrase(language, "card_mature_period", period=mature[1])
    reason = phrase(language, f"reason_{shown.reason}") if shown.value is None and shown.reason else ""
    arriving = phrase(language, "card_provisional")
    mark = f'<i class="arriving" title="{arriving}"><span class="sr">{arriving}</span></i>' if shown.provisional else ""
    values = [value for value, _ in line]
    known = [value for value in values if value is not None]
    description = (
        phrase(
            language,
            "card_spark",
            name=name,
            period=format_period(view.period.start, view.period.end, language),
            first=format_value(known[0], metric.unit, language),
            last=format_value(known[-1], metric.unit, language),
        )
        if known
        else phrase(language, "card_spark_none", name=name)
    )
    drawn = b64encode(spark(values, [before for _, before in line], style, running).encode()).decode()
    with st.container(border=True, height="stretch", key=f"card_{metric.id}"):
        st.html(
            f'<div class="kpi-label">{escape(name)}</div>'
            f'<div class="kpi-value">{format_value(shown.value, metric.unit, language)}'
            f"{mark}<small>{escape(reason)}</small></div>"
            f'<div class="kpi-delta">{_delta(shown, metric, view)}</div>'
            f'<img class="spark" alt="{escape(description, quote=True)}" src="data:image/svg+xml;base64,{drawn}">'
            f'<div class="kpi-foot">{escape(shown_foot)}</div>'
        )
        with (
            st.container(key=f"define_{metric.id}"),
            st.popover(
                phrase(language, "card_definition", name=name), icon=":material/help:", type="tertiary", wrap=False
            ),
        ):
            st.html(definition(metric, shown, language))
        count = "–" if shown.n is None else format_count(shown.n, language)
        st.button(
            phrase(language, "card_n", count=count),
            key=f"open_{metric.id}",
            type="tertiary",
            disabled=not shown.n,
            on_click=state.open_drill,
            args=(metric.id,),
        )


def card_not_applicable(metric: Metric, name: str, view: View) -> None:
    """A card whose KPI does not have a dimension that is filtered by: says which, and shows no figure."""
    language = view.language
    missing = [
        DIMENSIONS[one.dimension].name(language) for one in view.filters if one.dimension not in metric.dimensions
    ]
    listed = phrase(language, "say_and").join(missing)
    with st.container(border=True, height="stretch", key=f"card_{metric.id}"):
        st.html(
            f'<div class="kpi-label">{escape(name)}</div>'
            f'<div class="kpi-value">–</div><p class="kpi-note">'
            f"{escape(phrase(language, 'card_not_by', dimensions=listed))}</p>"
        )


def short_name(kpi: str, language: Language) -> str | None:
    """A shorter name for narrow places, where the declared one is long."""
    key = f"card_{kpi}"
    return phrase(language, key) if key in catalogue() else None


def _delta(cell: Cell, metric: Metric, view: View) -> str:
    language = view.language
    if view.compare is None:
        return phrase(language, "word_off")
    if cell.value is None:
        return ""
    how = tone(cell, metric)
    if how == "none":
        return phrase(language, "word_none")
    text = format_change(cell, metric.unit, language)
    arrow = _ARROWS[-1 if text.startswith("\u2212") else 0 if text.startswith("±") else 1]
    word = phrase(language, f"word_neutral_{view.compare}" if how == "neutral" else f"word_{how}")
    pill = f'<span class="pill {how}"><span aria-hidden="true">{arrow}</span> {escape(text)}</span>'
    return f"{pill}<span>{escape(word)}</span>"


def definition(metric: Metric, cell: Cell | None, language: Language) -> str:
    """What the "?" shows, from the declaration."""
    position = 0 if language == "zh" else 1
    rows = [(phrase(language, "define_formula"), metric.formula_of(cell.variant if cell else None)[position])]
    if metric.exclusions[position]:
        rows.append((phrase(language, "define_exclusions"), metric.exclusions[position]))
    if metric.maturity is not None:
        rows.append(
            (
                phrase(language, "define_maturity"),
                phrase(language, "define_maturity_days", days=metric.maturity.days),
            )
        )
    rows.append((phrase(language, "define_direction"), phrase(language, f"direction_{metric.direction}")))
    if cell is not None and cell.value is not None:
        value = format_value(cell.value, metric.unit, language, compact=False)
        if cell.low is not None and cell.high is not None:
            low, high = (format_value(end, metric.unit, language, compact=False) for end in (cell.low, cell.high))
            value = phrase(language, "define_interval", value=value, low=low, high=high)
        rows.append((phrase(language, "define_value"), value))
    rows.append((phrase(language, "define_source"), metric.source))
    listed = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in rows)
    version = f"{metric.id} · {phrase(language, 'define_version', version=metric.version)}"
    return (
        f'<div class="define"><h4>{escape(metric_title(metric, language))}</h4><dl>{listed}</dl><p>{version}</p></div>'
    )


def metric_title(metric: Metric, language: Language) -> str:
    """The KPI's declared name, as it begins a line."""
    name = metric.name(language)
    return name[:1].upper() + name[1:]


# --- panels --------------------------------------------------------------------------------------------------------


def heading(title: str, subtitle: str) -> None:
    """The title of a panel, with its unit or a note in grey."""
    st.html(
        f'<h2 class="panel-title">{escape(title)}</h2><span class="panel-sub">{escape(subtitle)}</span>',
        width="content",
    )


def panel(
    key: str,
    title: str,
    subtitle: str,
    spec: dict[str, Any] | None,
    table: Callable[[], pd.DataFrame],
    alt_text: str,
    style: Style,
) -> None:
    """A chart under its title, with the same numbers as a table and as files behind its menu."""
    language = style.language
    with st.container(border=True, height="stretch", key=f"panel_{key}"):
        with st.container(horizontal=True, wrap=False, vertical_alignment="top", gap="xxsmall"):
            heading(title, subtitle)
            if spec is not None:
                st.space("stretch")
                _menu(key, title, spec, table, style)
        if spec is None:
            st.html(f'<p class="first-text">{phrase(language, "nothing_to_draw")}</p>')
        else:
            st.vega_lite_chart(spec=dict(spec), theme=None, width="stretch", alt=alt_text)


@st.fragment
def _menu(key: str, title: str, spec: dict[str, Any], table: Callable[[], pd.DataFrame], style: Style) -> None:
    """Table and downloads; made when the menu is opened, without running the page again."""
    language = style.language
    with st.container(key=f"menu_{key}", width="content"):
        menu = st.popover(
            phrase(language, "panel_menu", title=title),
            icon=":material/more_horiz:",
            type="tertiary",
            key=f"menu_of_{key}",
            on_change="rerun",
        )
        with menu:
            if not menu.open:
                st.skeleton(height=200)
                return
            frame = table()
            st.dataframe(frame, hide_index=True, height=min(380, 36 * (len(frame) + 1) + 3), width=560, placeholder="–")
            with st.container(horizontal=True, gap="xsmall"):
                files: tuple[tuple[str, str, str, Callable[[], bytes]], ...] = (
                    ("CSV", "csv", "text/csv", partial(csv, frame)),
                    ("XLSX", "xlsx", _XLSX, partial(xlsx, frame, title)),
                    (phrase(language, "panel_png"), "png", "image/png", partial(png, spec, style)),
                )
                for label, suffix, kind, make in files:
                    st.download_button(
                        label,
                        data=make,
                        file_name=f"{key}.{suffix}",
                        mime=kind,
                        key=f"{key}_{suffix}",
                        on_click="ignore",
                        icon=":material/download:",
                    )


def identity_strip(checks: Sequence[Check], language: Language) -> None:
    """What must add up, and whether it does."""
    told = "".join(
        f'<span><span class="{"holds" if check.holds else "fails"}">{"✓" if check.holds else "✕"}'
        f'<span class="sr">{phrase(language, "proof_holds" if check.holds else "proof_fails")}</span></span> '
        f"{escape(tell(check, language))}</span>"
        for check in checks
    )
    st.html(f'<div class="proof"><h3>{phrase(language, "panel_identity")}</h3>{told}</div>')


def problem(message: str, language: Language) -> None:
    """A designed page for what went wrong: what happened, what to do."""
    with st.container(key="problem"):
        st.header(phrase(language, "problem_title"), anchor=False)
        st.html(f'<p class="first-text">{escape(message)}</p>')
        st.button(phrase(language, "problem_retry"), icon=":material/refresh:", key="retry")


def unexpected(code: str, language: Language) -> None:
    """As ``problem``, for an error nobody foresaw; ``code`` finds it in the log."""
    problem(phrase(language, "problem_unexpected", code=code), language)
