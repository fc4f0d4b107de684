"""The module that draws each page."""

from importlib import import_module
from typing import Any, Protocol, cast

from kpi.charts import Style
from kpi.warehouse.published import Published
from pages.address.view import View
from pages.page_specs import PAGES, PageSpec


class PageModule(Protocol):
    """What a module of ``pages.views`` has. ``ask``: puts all questions of the page for a view, as ``render`` does
    before it draws; there of a page that has figures.
    """

    def render(self, view: View, published: Published, style: Style) -> None: ...
    def ask(self, view: View, published: Published) -> Any: ...


def module_of(page: PageSpec) -> PageModule:
    """The page's own module."""
    return _MODULES[page.id]


# All of them when the server starts, not at somebody's first click.
_MODULES = {page.id: cast(PageModule, import_module(f"pages.views.{page.id}")) for page in PAGES}
