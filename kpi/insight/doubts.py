"""What keeps a figure from being relied on: data still arriving, or few that it stands on."""

from kpi.i18n import Language, phrase
from kpi.insight.intervals import SMALL_N
from kpi.metrics.registry import METRICS
from kpi.query.answer import Cell


def few(cell: Cell) -> bool:
    """Whether the figure says little, since fewer than 30 stand behind it; a count says what it counts."""
    return cell.value is not None and cell.n is not None and cell.n < SMALL_N and not METRICS[cell.kpi].adds


def doubts(cell: Cell, language: Language) -> list[str]:
    """Why the figure is not to be relied on, in words; nothing where it is."""
    return [
        *([phrase(language, "doubt_provisional")] if cell.provisional and cell.value is not None else []),
        *([phrase(language, "doubt_few")] if few(cell) else []),
    ]
