"""Self-service: what is resolved without a human, honestly."""

from kpi.charts import Style
from kpi.warehouse.published import Published
from pages import cards, components, layout
from pages.figures import Figures
from pages.state import View

HEADLINES = (
    "self_service_rate",
    "containment_rate",
    "bot_resolution_rate",
    "durable_self_service_rate",
    "escalation_rate",
    "false_containment_rate",
)


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    figures = Figures(view, published, dict.fromkeys(HEADLINES, ""), {})
    layout.top("self_service", view, published, figures.compared)
    cards.row(figures, style)
    components.identity_strip(figures.proof, view.language)
