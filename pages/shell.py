"""The Streamlit script: reads the address, then opens the one page that may be shown.

``app.py`` serves it. It lies where no ``pages/`` folder is beside it, so that nothing is served around it.
"""

import streamlit as st

from kpi.charts import Style
from kpi.errors import KpiError, WarehouseEmpty
from kpi.i18n import phrase
from kpi.insight.freshness import first_day
from kpi.warehouse.published import Published
from pages import cache, components, first_run, overview, state

st.set_page_config(
    page_title="Switchboard", page_icon=str(components.ASSETS / "icon.svg"), layout="wide", initial_sidebar_state=200
)
language = state.read_language(state.query_params(), state.browser_language())
style = Style(language, "dark" if st.context.theme.type == "dark" else "light")
components.look(style)
components.logo(style)

published: Published | None = None
problem: KpiError | None = None
try:
    published = cache.published()
except WarehouseEmpty:
    pass
except KpiError as error:
    problem = error


def overview_page() -> None:
    """The overview of what is published, for the view that the address asks for."""
    assert published is not None
    try:
        overview.render(_view(published), published, style)
    except cache.Moved:
        st.rerun()
    except KpiError as error:
        components.problem(error.message(language), language)


def first_run_page() -> None:
    """Where there is no data yet."""
    first_run.render(language)


def problem_page() -> None:
    """Where the warehouse cannot be read: why, and what to do."""
    assert problem is not None
    components.problem(problem.message(language), language)


def _view(now: Published) -> state.View:
    return state.read_view(
        state.query_params(),
        now.today,
        first_day(now),
        {dimension: cache.labels(dimension, language, now.version) for dimension in state.FILTERS},
        overview.HEADLINES,
        state.browser_language(),
    )


if published is not None:
    page = st.Page(overview_page, title=phrase(language, "page_overview"), icon=":material/dashboard:", default=True)
elif problem is not None:
    page = st.Page(problem_page, title=phrase(language, "problem_title"), icon=":material/error:", default=True)
else:
    page = st.Page(
        first_run_page, title=phrase(language, "page_first_run"), icon=":material/rocket_launch:", default=True
    )
opened = st.navigation([page], position="hidden")
components.sidebar({phrase(language, "group_results"): [page]}, published, language)
opened.run()
