"""The panel of a ranked list."""

from collections.abc import Sequence
from dataclasses import dataclass

from kpi.charts import Style, ranked, top
from kpi.charts.ranked import HEIGHT, By
from kpi.i18n import phrase
from kpi.i18n.formats import format_value
from kpi.metrics.registry import METRICS
from kpi.query.answer import Cell
from kpi.tables import of_answer
from pages.address import state
from pages.data.figures import Figures
from pages.page_specs import PageSpec
from pages.ui import components


@dataclass(frozen=True)
class Ranking:
    """A panel that ranks the values of a dimension by a KPI, or by its numerator. ``title``, ``subtitle``: phrases."""

    panel: str
    kpi: str
    dimension: str
    title: str
    subtitle: str
    by: By = "value"
    most: int = 10
    height: int = HEIGHT

    @classmethod
    def of(
        cls,
        page: PageSpec,
        panel: str,
        title: str,
        subtitle: str,
        *,
        kpi: str = "",
        by: By = "value",
        most: int = 10,
        height: int = HEIGHT,
    ) -> "Ranking":
        """That of a panel of a page: by the panel's dimension, of its first KPI or of ``kpi``, which is another one."""
        kpis, (dimension,), _ = page.panels[panel]
        return cls(panel, kpi or kpis[0], dimension, title, subtitle, by, most, height)

    def cells(self, figures: Figures) -> Sequence[Cell]:
        """What is shown, from the highest on."""
        answered = figures.panel(self.panel)
        cells = [cell for cell in answered.cells if cell.kpi == self.kpi] if answered is not None else []
        return top(cells, self.by, self.most)


def draw(ranking: Ranking, figures: Figures, style: Style, **said: str) -> None:
    """The panel; not there where a filter does not apply to its KPI. ``said``: what its subtitle needs."""
    answered, language = figures.panel(ranking.panel), style.language
    if answered is None:
        return
    metric, names = METRICS[ranking.kpi], figures.names(ranking.dimension)
    shown, title = ranking.cells(figures), phrase(language, ranking.title)
    ranked_of = sum(cell.kpi == ranking.kpi and cell.key[0] is not None and bool(cell.n) for cell in answered.cells)
    subtitle = phrase(language, ranking.subtitle, **said)
    if len(shown) < ranked_of:
        subtitle += " · " + phrase(language, "chart_part_all", shown=len(shown), total=ranked_of)
    first = shown[0] if shown else None
    name = names.get(str(first.key[0]), str(first.key[0])) if first else ""
    components.panel(
        ranking.panel,
        title,
        subtitle,
        figures.drawn(
            ranking.panel, style, lambda: ranked(metric, shown, names, style, by=ranking.by, height=ranking.height)
        )
        if shown
        else None,
        lambda: of_answer(answered, language, {ranking.dimension: names}, kpi=ranking.kpi),
        phrase(
            language,
            "alt_ranked",
            title=title,
            name=name,
            value=format_value(first.value if first else None, metric.unit, language),
        ),
        style,
        drill=ranking.kpi,
        within=figures.within(ranking.panel),
        picks=state.picks(ranking.dimension, names),
    )
