"""Journeys: what online service brings to the branches."""

from kpi.charts import Style
from kpi.warehouse.published import Published
from pages import cards, components, layout
from pages.figures import Figures
from pages.state import View

HEADLINES = ("referral_rate", "visit_rate", "signed_rate", "end_to_end", "referred_amount", "upgraded_after")


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    figures = Figures(view, published, dict.fromkeys(HEADLINES, ""), {})
    layout.top("journeys", view, published, figures.compared)
    cards.row(figures, style)
    components.identity_strip(figures.proof, view.language)
