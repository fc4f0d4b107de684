"""Long tail: do we reach the eighty per cent, and what do they bring."""

from kpi.charts import Style
from kpi.warehouse.published import Published
from pages import cards, components, layout
from pages.figures import Figures
from pages.state import View

HEADLINES = (
    "long_tail_coverage",
    "tail_served_daily",
    "top20_share",
    "tail_nps",
    "tier_upgrade_rate",
    "topic_tail_coverage",
)


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    figures = Figures(view, published, dict.fromkeys(HEADLINES, ""), {})
    layout.top("long_tail", view, published, figures.compared)
    cards.row(figures, style)
    components.identity_strip(figures.proof, view.language)
