"""Customer tiers: every KPI by star, and who moved between them."""

from kpi.charts import Style
from kpi.warehouse.published import Published
from pages import cards, components, layout
from pages.figures import Figures
from pages.state import View

HEADLINES = ("volume", "self_service_rate", "csat", "long_tail_coverage", "fcr", "tier_upgrade_rate")


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    figures = Figures(view, published, dict.fromkeys(HEADLINES, ""), {})
    layout.top("tiers", view, published, figures.compared)
    cards.row(figures, style)
    components.identity_strip(figures.proof, view.language)
