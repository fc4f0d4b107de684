"""What every page with figures has: its head, the filter bar, what of the link was ignored, the drill-down."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from kpi.charts import Style
from kpi.i18n import phrase
from kpi.metrics.registry import METRICS
from kpi.narrative.freshness import first_day
from kpi.query.answer import Answer
from kpi.warehouse.published import Published
from pages.address.parsing import read_language, read_view
from pages.address.view import FILTERS, WAYS, View
from pages.data import cache
from pages.ui import components, drill, filters

_Made = TypeVar("_Made")


def top(page: str, view: View, published: Published, compared: Answer | None, *, filtered: bool = True) -> None:
    """Title, as-of line, filter bar. ``page``: its id; ``compared``: an answer that says what it is compared with;
    ``filtered``: whether anything of the page goes by the filters, which stay in the address where nothing does.
    """
    language = view.language
    components.head(
        phrase(language, f"page_{page}"), language, published, components.as_of_line(view, published, compared)
    )
    if filtered:
        filters.filter_bar(view, names(view, published), published, page)
    filters.ignored(view)


def view_of(params: Mapping[str, str], published: Published, browser: str | None = None) -> View:
    """The view that a link asks for, of what is published."""
    language, dimensions = read_language(params, browser), dict.fromkeys((*FILTERS, *WAYS))
    choices = {dimension: cache.labels(dimension, language, published.version) for dimension in dimensions}
    return read_view(params, published.today, first_day(published), choices, METRICS, browser)


def names(view: View, published: Published) -> Mapping[str, Mapping[str, str]]:
    """Dimension -> value -> name, of those that can be filtered by."""
    return {dimension: cache.labels(dimension, view.language, published.version) for dimension in FILTERS}


def bottom(view: View, published: Published, style: Style) -> None:
    """The drill-down, where the link asks for one."""
    if view.drill is not None:
        drill.show(view, published, style)


def by_name(answer: Answer, names: Mapping[str, str], make: Callable[..., _Made | None]) -> dict[str, _Made]:
    """What ``make`` builds of the answer for each known value of its dimension, by name and in the names' order."""
    keys = {str(cell.key[0]): cell.key[0] for cell in answer.cells if cell.key[0] is not None}
    listed = [*(key for key in names if key in keys), *(key for key in keys if key not in names)]
    made = {names.get(key, key): make(answer, keys[key]) for key in listed}
    return {name: one for name, one in made.items() if one is not None}
