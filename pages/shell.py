"""The Streamlit script: reads the address, then opens the one page that may be shown.

``app.py`` serves it. It lies where no ``pages/`` folder is beside it, so that nothing is served around it.
"""

from functools import partial

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from kpi.charts import Style
from kpi.errors import KpiError, WarehouseEmpty
from kpi.i18n import phrase
from kpi.insight.freshness import first_day
from kpi.metrics.registry import METRICS
from kpi.warehouse.published import Published
from pages import cache, components, first_run, layout, state
from pages.book import BOOK, Leaf

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


def draw(leaf: Leaf) -> None:
    """A page of what is published, for the view that the address asks for."""
    assert published is not None
    try:
        view = _view(published)
        leaf.render(view, published, style)
        layout.bottom(view, published, style)
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
    dimensions = dict.fromkeys((*state.FILTERS, *state.WAYS))
    return state.read_view(
        state.query_params(),
        now.today,
        first_day(now),
        {dimension: cache.labels(dimension, language, now.version) for dimension in dimensions},
        METRICS,
        state.browser_language(),
    )


def _page(leaf: Leaf) -> StreamlitPage:
    return st.Page(
        partial(draw, leaf),
        title=phrase(language, f"page_{leaf.id}"),
        icon=f":material/{leaf.icon}:",
        url_path=leaf.address,
        default=leaf.default,
    )


groups: dict[str, list[StreamlitPage]] = {}
if published is not None:
    for leaf in BOOK:
        groups.setdefault(phrase(language, f"group_{leaf.group}"), []).append(_page(leaf))
elif problem is not None:
    page = st.Page(problem_page, title=phrase(language, "problem_title"), icon=":material/error:", default=True)
    groups[phrase(language, "group_results")] = [page]
else:
    page = st.Page(
        first_run_page, title=phrase(language, "page_first_run"), icon=":material/rocket_launch:", default=True
    )
    groups[phrase(language, "group_results")] = [page]
opened = st.navigation([page for listed in groups.values() for page in listed], position="hidden")
components.sidebar(groups, published, language)
opened.run()
