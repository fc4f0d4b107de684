"""What every page with figures has: its head, the filter bar, what of the link was ignored, the drill-down."""

from collections.abc import Mapping

from kpi.charts import Style
from kpi.i18n import phrase
from kpi.query.answer import Answer
from kpi.warehouse.published import Published
from pages import cache, components, drill, filters
from pages.state import FILTERS, View


def top(page: str, view: View, published: Published, compared: Answer | None) -> None:
    """Title, as-of line, filter bar. ``page``: its id; ``compared``: an answer that says what it is compared with."""
    language = view.language
    components.head(
        phrase(language, f"page_{page}"), language, published, components.as_of_line(view, published, compared)
    )
    filters.filter_bar(view, names(view, published), published)
    filters.ignored(view)


def names(view: View, published: Published) -> Mapping[str, Mapping[str, str]]:
    """Dimension -> value -> name, of those that can be filtered by."""
    return {dimension: cache.labels(dimension, view.language, published.version) for dimension in FILTERS}


def bottom(view: View, published: Published, style: Style) -> None:
    """The drill-down, where the link asks for one."""
    if view.drill is not None:
        drill.show(view, published, style)
