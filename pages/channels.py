"""Channels: where customers come from, and where they go."""

from kpi.charts import Style
from kpi.warehouse.published import Published
from pages import cards, components, layout
from pages.figures import Figures
from pages.state import View

HEADLINES = (
    "volume",
    "agent_volume",
    "wechat_phone_multiple",
    "self_service_rate",
    "customers_served",
    "multi_channel_share",
)


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    figures = Figures(view, published, dict.fromkeys(HEADLINES, ""), {})
    layout.top("channels", view, published, figures.compared)
    cards.row(figures, style)
    components.identity_strip(figures.proof, view.language)
