"""Satisfaction: are customers content, and whom did we ask."""

from kpi.charts import Style
from kpi.warehouse.published import Published
from pages import cards, components, layout
from pages.figures import Figures
from pages.state import View

HEADLINES = ("csat", "response_rate", "nps", "ces", "fcr", "complaint_rate")


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    figures = Figures(view, published, dict.fromkeys(HEADLINES, ""), {})
    layout.top("satisfaction", view, published, figures.compared)
    cards.row(figures, style)
    components.identity_strip(figures.proof, view.language)
