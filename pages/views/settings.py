"""Settings: targets, and what happened; both edited here and shown everywhere."""

from dataclasses import replace

from kpi.charts import Style
from kpi.i18n import phrase
from kpi.narrative.headline import Span
from kpi.warehouse.published import Published
from pages.address.view import View
from pages.data.figures import Figures
from pages.ui import components, layout
from pages.views import annotations, targets


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    language = view.language
    figures = Figures(replace(view, compare=None, filters=()), published, {}, {})
    layout.top("settings", view, published, None, filtered=False)
    components.sentences((Span(phrase(language, "settings_opening")),))
    targets.section(language, published.version)
    annotations.section(language)
    components.identity_strip(figures.proof, language)
