"""The Streamlit script: reads the address, then opens the one page that may be shown.

``app.py`` serves it. It lies where no ``pages/`` folder is beside it, so that nothing is served around it.
"""

from dataclasses import replace
from functools import partial

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from kpi.charts import Style
from kpi.errors import KpiError, WarehouseEmpty
from kpi.i18n import phrase
from kpi.warehouse.published import Published
from pages.address import state
from pages.address.parsing import read_language
from pages.data import activity, cache
from pages.page_specs import PAGES, PageSpec
from pages.registry import module_of
from pages.ui import components, layout, uploads
from pages.views import first_run

st.set_page_config(
    page_title="Switchboard", page_icon=str(components.ASSETS / "icon.svg"), layout="wide", initial_sidebar_state=200
)
language = read_language(state.query_params(), state.browser_language())
style = Style(language, "dark" if st.context.theme.type == "dark" else "light")
components.look(style)
components.logo(style)

published: Published | None = None
problem: KpiError | None = None
try:
    published = cache.published()
    style = replace(style, synthetic=published.synthetic)
except WarehouseEmpty:
    pass
except KpiError as error:
    problem = error


def draw(spec: PageSpec) -> None:
    """A page of what is published, for the view that the address asks for; at every address, while there is nothing,
    a beginning or the reason.
    """
    if problem is not None:
        components.problem(problem.message(language), language)
        return
    if published is None:
        first_run.render(language)
        return
    try:
        with activity.served():
            view = layout.view_of(state.query_params(), published, state.browser_language())
            module_of(spec).render(view, published, style)
            layout.bottom(view, published, style)
    except cache.Moved:
        st.rerun()
    except KpiError as error:
        components.problem(error.message(language), language)


def _page(spec: PageSpec) -> StreamlitPage:
    title, icon = phrase(language, f"page_{spec.id}"), spec.icon
    if problem is not None:
        title, icon = phrase(language, "problem_title"), "error"
    elif published is None:
        title, icon = phrase(language, "page_first_run"), "rocket_launch"
    return st.Page(
        partial(draw, spec), title=title, icon=f":material/{icon}:", url_path=spec.address, default=spec.default
    )


listed = [(phrase(language, f"group_{spec.group}"), _page(spec)) for spec in PAGES]
opened = st.navigation([page for _, page in listed], position="hidden")
groups: dict[str, list[StreamlitPage]] = {}
for group, page in listed if published is not None else listed[:1]:
    groups.setdefault(group, []).append(page)
components.sidebar(groups, published, language)
with uploads.asked_for():
    opened.run()
