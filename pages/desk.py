"""Service desk: can a customer get through to a human."""

from kpi.charts import Style
from kpi.warehouse.published import Published
from pages import cards, components, layout
from pages.figures import Figures
from pages.state import View

HEADLINES = ("service_level", "answer_rate", "abandonment_rate", "asa", "aht", "occupancy")


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    figures = Figures(view, published, dict.fromkeys(HEADLINES, ""), {})
    layout.top("desk", view, published, figures.compared)
    cards.row(figures, style)
    components.identity_strip(figures.proof, view.language)
