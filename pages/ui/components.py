"""The pieces of a page: sidebar, head, sentences, panels, the identity strip. They draw; they know no KPI by name."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.navigation.page import StreamlitPage

from kpi.charts import Style
from kpi.charts.export import png
from kpi.charts.lines import POINTS
from kpi.charts.theme import css_variables
from kpi.errors import KpiError
from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_count, format_moment, format_period
from kpi.narrative.freshness import deliveries
from kpi.narrative.headline import Sentence
from kpi.narrative.identities import identity_sentence
from kpi.narrative.working_days import unpublished
from kpi.query.answer import Answer
from kpi.query.integrity import Check
from kpi.table_file import csv, file_name, marked, period_of, xlsx
from kpi.warehouse.published import Published
from pages.address import state
from pages.address.view import AS_VIEWED, View, Within

ASSETS = Path(__file__).parent.parent / "assets"

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


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
                st.page_link(one, width="stretch", query_params=state.link())
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
        elif compared.aligned_by == "dates" and compared.compared is not None:
            now, before = compared.period.days, compared.compared.days
            if now != before:
                parts.append(phrase(language, "aligned_lengths", now=now, before=before))
        elif compared.aligned_by not in {"length", None}:
            parts.append(phrase(language, "aligned_holiday"))
        if compared.cuts:
            parts.append(phrase(language, "cut_same_hour"))
    if said := unpublished(view.period.start, view.period.end, language):
        parts.append(said)
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


# --- sentences -----------------------------------------------------------------------------------------------------


def sentences(*said: Sentence) -> None:
    """The opening: one paragraph a sentence; changes are coloured by goodness and carry their sign."""
    paragraphs = "".join(f"<p>{_marked(one)}</p>" for one in said if one)
    st.html(f'<div class="answer">{paragraphs}</div>')


def sentence(said: Sentence, kind: str) -> None:
    """One sentence by itself; ``kind``: its class."""
    st.html(f'<p class="{kind}">{_marked(said)}</p>')


def _marked(said: Sentence) -> str:
    return "".join(
        f'<b class="{span.tone}">{escape(span.text)}</b>' if span.strong else escape(span.text) for span in said
    )


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
    drill: str | None = None,
    split: str = "",
    within: Within = AS_VIEWED,
    chooser: Callable[[], None] | None = None,
    picks: state.Picks | None = None,
) -> None:
    """A chart under its title, with the same numbers as a table and as files behind its menu. ``spec``: None where
    there is nothing to draw, ``cache.NOT_DRAWN`` where that failed.

    ``drill``: the KPI that a button beside the menu takes apart, first by ``split`` ("": as usual), and a click on a
    mark at what ``picks`` says of it; ``within``: what the figure is of. ``chooser`` draws what chooses what is shown.
    """
    language = style.language
    with st.container(border=True, height="stretch", key=f"panel_{key}"):
        with st.container(horizontal=True, wrap=False, vertical_alignment="top", gap="xxsmall"):
            heading(title, subtitle)
            if spec is not None:
                st.space("stretch")
                if drill is not None:
                    with st.container(key=f"menu_drill_{key}", width="content"):
                        st.button(
                            phrase(language, "panel_drill", title=escape_markdown(title)),
                            icon=":material/account_tree:",
                            type="tertiary",
                            key=f"drill_{key}",
                            on_click=state.open_drill,
                            args=(drill, split, within),
                        )
                _menu(key, title, spec, table, style)
        if chooser is not None:
            chooser()
        if not spec:
            said = phrase(language, "nothing_to_draw" if spec is None else "chart_failed")
            st.html(f'<p class="first-text">{escape(said)}</p>')
        else:
            sent = {**spec, "datasets": {name: rows.arrow for name, rows in spec["datasets"].items()}}
            if drill is None or picks is None:
                st.vega_lite_chart(spec=sent, theme=None, width="stretch", alt=alt_text)
            else:
                st.vega_lite_chart(
                    spec=_clickable(sent, picks.fields),
                    theme=None,
                    width="stretch",
                    alt=alt_text,
                    key=state.picking_key(key),
                    on_select=partial(state.picked, key, drill, within, picks),
                )


def _clickable(spec: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    """The figure with marks that can be clicked, by ``fields`` of its data. The keyboard has the button for it.

    Of a line, it is the nearest of its points, wherever the click is.
    """
    layers = [{**layer, "mark": {**layer["mark"], "cursor": "pointer"}} for layer in spec["layer"]]
    points = next((layer for layer in layers if layer.get("name") == POINTS), None)
    select = {"type": "point", "fields": fields, "nearest": points is not None}
    (points or layers[0])["params"] = [{"name": state.PICKED, "select": select}]
    return {**spec, "layer": layers}


def table_panel(
    key: str, title: str, subtitle: str, shown: str, table: Callable[[], pd.DataFrame], style: Style
) -> None:
    """A table (HTML) under its title, with its figures as files behind its menu."""
    with st.container(border=True, key=f"panel_{key}"):
        with st.container(horizontal=True, wrap=False, vertical_alignment="top", gap="xxsmall"):
            heading(title, subtitle)
            st.space("stretch")
            _menu(key, title, None, table, style)
        st.html(shown)


@st.fragment
def _menu(key: str, title: str, spec: dict[str, Any] | None, table: Callable[[], pd.DataFrame], style: Style) -> None:
    """Table and downloads; made when the menu is opened, without running the page again."""
    language = style.language
    with st.container(key=f"menu_{key}", width="content"):
        menu = st.popover(
            phrase(language, "panel_menu", title=escape_markdown(title)),
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
            filed, period = marked(frame, language, style.synthetic), period_of(frame)
            with st.container(horizontal=True, gap="xsmall"):
                files: list[tuple[str, str, str, Callable[[], bytes]]] = [
                    ("CSV", "csv", "text/csv", partial(csv, filed)),
                    ("XLSX", "xlsx", _XLSX, partial(xlsx, filed, title)),
                ]
                if spec:
                    files.append((phrase(language, "panel_png"), "png", "image/png", partial(_png, spec, style)))
                for label, suffix, kind, make in files:
                    st.download_button(
                        label,
                        data=make,
                        file_name=file_name(key, suffix, style.synthetic, period),
                        mime=kind,
                        key=f"{key}_{suffix}",
                        on_click="ignore",
                        icon=":material/download:",
                    )


def _png(spec: dict[str, Any], style: Style) -> bytes:
    """The figure as a picture. The framework shows the words of an error that is raised, in whatever language."""
    try:
        return png(spec, style)
    except KpiError as error:
        raise RuntimeError(error.message(style.language)) from error


# What the browser still looks for in a text whose Markdown was read, where a backslash before it is gone: addresses,
# names of emoji and icons, arrows. A joiner of no width within keeps it from being found.
_FOUND_LATER = re.compile(r"(?<=[:@])(?=\S)|(?<=www)(?=\.)|(?<=[-<>=~])(?=[-<>=~])", re.IGNORECASE)


def escape_markdown(text: str) -> str:
    """A text that may hold anything, for what reads Markdown: shown as it is, no picture loaded, no word a link."""
    joined = _FOUND_LATER.sub("\u2060", " ".join(text.split()))
    return re.sub(r"[!-/:-@\[-`{-~]", r"\\\g<0>", joined)


def paragraphs(text: str) -> str:
    """As ``escape_markdown``, of several lines."""
    return "\n\n".join(escape_markdown(line) for line in text.splitlines() if line.strip())


def identity_strip(checks: Sequence[Check], language: Language) -> None:
    """What must add up, and whether it does."""
    told = "".join(
        f'<span><span class="{"holds" if check.holds else "fails"}">{"✓" if check.holds else "✕"}'
        f'<span class="sr">{phrase(language, "proof_holds" if check.holds else "proof_fails")}</span></span> '
        f"{escape(identity_sentence(check, language))}</span>"
        for check in checks
    )
    st.html(f'<div class="proof"><h2>{phrase(language, "panel_identity")}</h2>{told}</div>')


def problem(message: str, language: Language) -> None:
    """A designed page for what went wrong: what happened, what to do."""
    with st.container(key="problem"):
        st.header(phrase(language, "problem_title"), anchor=False)
        st.html(f'<p class="first-text">{escape(message)}</p>')
        st.button(phrase(language, "problem_retry"), icon=":material/refresh:", key="retry")


def unexpected(code: str, language: Language) -> None:
    """As ``problem``, for an error nobody foresaw; ``code`` finds it in the log."""
    problem(phrase(language, "problem_unexpected", code=code), language)
