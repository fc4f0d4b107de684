"""Settings: targets, and what happened; both edited here and shown everywhere."""

from dataclasses import replace

from kpi.charts import Style
from kpi.i18n import phrase
from kpi.insight.headline import Span
from kpi.warehouse.published import Published
from pages import annotations, components, layout, targets
from pages.figures import Figures
from pages.view import View


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    language = view.language
    figures = Figures(replace(view, compare=None, filters=()), published, {}, {})
    layout.top("settings", view, published, None, filtered=False)
    components.sentences((Span(phrase(language, "settings_opening")),))
    targets.section(language, published.version)
    annotations.section(language)
    components.identity_strip(figures.proof, language)
