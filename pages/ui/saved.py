"""Saved views: any page's link under a name, to be opened, renamed and deleted."""

from collections.abc import Callable
from dataclasses import replace
from html import escape

import streamlit as st

from kpi.errors import KpiError, StateError
from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_date
from kpi.state.views import LOCAL, LONGEST, SavedView, delete_view, rename_view, save_view, views
from kpi.warehouse.published import Published
from pages.address import state
from pages.address.view import View
from pages.data import cache
from pages.page_specs import is_page, page_spec
from pages.ui import components, layout, subscribe

# Nobody signs in yet: all views are one owner's.
_OWNER = LOCAL


def menu(view: View, published: Published, page: str) -> None:
    """Behind one button: save what is shown under a name, and the list of what was saved."""
    language = view.language
    with st.popover(phrase(language, "saved_views"), icon=":material/bookmarks:", key="saved_views", width="stretch"):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key="saved_new"):
            name = st.text_input(phrase(language, "saved_name"), max_chars=LONGEST, key="saved_name")
            st.button(
                phrase(language, "saved_save"),
                icon=":material/bookmark_add:",
                key="saved_save",
                on_click=_try,
                args=(language, lambda: save_view(cache.state_database(), _OWNER, name, page, state.kept_link())),
            )
        if said := state.message("saved"):
            st.error(components.paragraphs(said), icon=":material/error:")
        if said := state.message("saved_sent"):
            st.info(components.paragraphs(said), icon=":material/info:")
        _listed(published, page, language)


def _listed(published: Published, page: str, language: Language) -> None:
    try:
        found = views(cache.state_database(), _OWNER)
    except StateError as error:
        st.error(components.paragraphs(error.message(language)), icon=":material/error:")
        return
    if not found:
        st.html(f'<p class="first-text">{phrase(language, "saved_none")}</p>')
    for one in found:
        _one(one, published, page, language)


def _one(one: SavedView, published: Published, page: str, language: Language) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"saved_view_{one.id}"):
        where = (
            phrase(
                language,
                "saved_where",
                page=phrase(language, f"page_{one.page}"),
                date=format_date(one.changed_at, language, year=True),
            )
            if is_page(one.page)
            else ""
        )
        if not where:
            st.html(f'<p class="kpi-note">{escape(phrase(language, "saved_no_page", name=one.name))}</p>')
        elif one.page == page:
            # A link to the page that is open would not change the address.
            st.button(
                components.escape_markdown(one.name),
                icon=":material/bookmark:",
                type="tertiary",
                key=f"saved_open_{one.id}",
                help=where,
                on_click=state.restore,
                args=(one.link,),
            )
        else:
            # The same page as in the sidebar: a page is known by its address.
            other = st.Page(
                _never, title=one.name, url_path=page_spec(one.page).address, default=page_spec(one.page).default
            )
            st.page_link(
                other,
                label=components.escape_markdown(one.name),
                icon=":material/bookmark:",
                query_params=state.reopened(one.link),
                help=where,
            )
        st.space("stretch")
        if where and subscribe.can_be_sent(one.page):
            st.button(
                phrase(language, "saved_send", name=components.escape_markdown(one.name)),
                icon=":material/schedule_send:",
                type="tertiary",
                key=f"saved_send_{one.id}",
                on_click=_send,
                args=(one, published, language),
            )
        with st.popover(
            phrase(language, "saved_rename", name=components.escape_markdown(one.name)),
            icon=":material/edit:",
            type="tertiary",
            key=f"saved_edit_{one.id}",
        ):
            name = st.text_input(
                phrase(language, "saved_name"), value=one.name, max_chars=LONGEST, key=f"saved_name_{one.id}"
            )
            st.button(
                phrase(language, "saved_rename_button"),
                key=f"saved_rename_{one.id}",
                on_click=_try,
                args=(language, lambda: rename_view(cache.state_database(), _OWNER, one.id, name)),
            )
        st.button(
            phrase(language, "saved_delete", name=components.escape_markdown(one.name)),
            icon=":material/delete:",
            type="tertiary",
            key=f"saved_delete_{one.id}",
            on_click=_try,
            args=(language, lambda: delete_view(cache.state_database(), _OWNER, one.id)),
        )


def _send(one: SavedView, published: Published, language: Language) -> None:
    """A snapshot every Monday of what the view shows then, under the view's name."""
    definition = subscribe.of_view(layout.view_of({**one.link, "lang": language}, published), one.page)
    if definition is not None:
        state.set_message("saved_sent", subscribe.make(replace(definition, title=(one.name, one.name)), "", language))


def _never() -> None:
    """A link's page is drawn by the shell."""


def _try(language: Language, act: Callable[[], None]) -> None:
    """Do it; what went wrong is told on the page that is made next."""
    try:
        act()
        state.set_message("saved", "")
    except KpiError as error:
        state.set_message("saved", error.message(language))
