"""Explore: any KPI by any two dimensions."""

from kpi.charts import Style
from kpi.warehouse.published import Published
from pages import components, layout
from pages.state import View


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    layout.top("explore", view, published, None)
    components.identity_strip((), view.language)
