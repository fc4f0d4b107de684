"""How a target, and whether it is met, is told."""

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_date, format_limit
from kpi.metrics.model import Metric
from kpi.query.answer import Cell
from kpi.query.cell_rules import few
from kpi.query.target_value import Band

Days = tuple[int, int]  # on target, of how many


def band_text(band: Band, metric: Metric, language: Language) -> str:
    """The limits with their sign: "≥85%", "≤30 s", "70–85%"."""
    low, high = (None if end is None else format_limit(end, metric.unit, language) for end in (band.low, band.high))
    if low is None:
        return f"≤{high}"
    if high is None:
        return f"≥{low}"
    return f"{low.removesuffix('%') if metric.unit == 'share' else low}–{high}"


def named(cell: Cell, metric: Metric, language: Language) -> str:
    """The target of a figure with the word for it; "" without one."""
    return "" if cell.goal is None else phrase(language, "goal", band=band_text(cell.goal, metric, language))


def mark(cell: Cell) -> str:
    """✓ met, ✕ missed; "" without a target or a value."""
    return {True: "✓", False: "✕"}.get(cell.met, "") if cell.met is not None else ""


def verdict(cell: Cell, language: Language) -> str:
    """Met, or missed, as a word."""
    return "" if cell.met is None else phrase(language, "goal_met" if cell.met else "goal_missed")


def tone_of(cell: Cell) -> str:
    """The tone that a mark is set in: better, worse, or none, as on a figure that says little."""
    return "" if cell.met is None or few(cell) else "better" if cell.met else "worse"


def since(cell: Cell, metric: Metric, language: Language) -> str:
    """Of a target that was another one, or none, earlier in the figure's days: since when, and what was before; ""
    of any other.
    """
    if cell.goal is None or cell.goal.since is None:
        return ""
    day = format_date(cell.goal.since, language, year=True)
    if cell.goal.before is None:
        return phrase(language, "goal_since", day=day)
    return phrase(language, "goal_before", day=day, band=band_text(cell.goal.before, metric, language))


def tip(cell: Cell, metric: Metric, language: Language, days: Days | None = None) -> str:
    """What is to be said of the target of a figure, in one line; "" without one.

    ``days``: how many of the period's days were on target, of how many that could be judged.
    """
    said = []
    if cell.goal is not None:
        said.append(" ".join(filter(None, [named(cell, metric, language), verdict(cell, language)])))
        said += [spanned] if (spanned := since(cell, metric, language)) else []
    if days is not None and days[1]:
        said.append(phrase(language, "goal_days", met=days[0], days=days[1]))
    return " · ".join(said)


def written(cell: Cell) -> str:
    """Who answers for the target of a figure, and the note on it, in the words of whoever wrote them."""
    return "" if cell.goal is None else " · ".join(filter(None, [cell.goal.owner, cell.goal.note]))
