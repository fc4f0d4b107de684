"""The Streamlit script: reads the address, then opens the one page that may be shown.

``app.py`` serves it. It lies where no ``pages/`` folder is beside it, so that nothing is served around it.
"""

import streamlit as st

from kpi.charts import Style
from kpi.errors import KpiError, WarehouseEmpty
from kpi.i18n import Language, phrase
from kpi.warehouse.published import Published
from pages import cache, components, first_run, overview, state

st.set_page_config(
    page_title="Switchboard", page_icon=str(components.ASSETS / "icon.svg"), layout="wide", initial_sidebar_state=200
)
language: Language = state.read_language(state.query_params(), state.browser_language())
style = Style(language, "dark" if st.context.theme.type == "dark" else "light")
components.look(style)
components.logo(style)


def overview_page() -> None:
    """The overview of what is published, for the view that the address asks for."""
    published = cache.published()
    if published.data_start is None:
        first_run.render(language)
        return
    view = state.read_view(
        state.query_params(),
        published.today,
        published.local(published.data_start).date(),
        {dimension: cache.labels(dimension, language, published.version) for dimension in state.FILTERS},
        overview.HEADLINES,
        state.browser_language(),
    )
    overview.render(view, published, style)


def fed() -> Published | None:
    """What is published, where there is a warehouse that can be read; the page itself says why not."""
    try:
        return cache.published() if cache.warehouse().exists() else None
    except KpiError:
        return None


def guarded() -> None:
    """The page, or a designed one for what stands in its way. What is unforeseen goes on to ``app.on_error``."""
    if not cache.warehouse().exists():
        first_run.render(language)
        return
    try:
        overview_page()
    except cache.Moved:
        st.rerun()
    except WarehouseEmpty:
        first_run.render(language)
    except KpiError as error:
        components.problem(error.message(language), language)


results = [st.Page(guarded, title=phrase(language, "page_overview"), icon=":material/dashboard:", default=True)]
opened = st.navigation(results, position="hidden")
components.sidebar({phrase(language, "group_results"): results}, fed(), language)
opened.run()
