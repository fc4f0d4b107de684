"""The sentence an exploration opens with: the whole, and where the figure is highest and lowest."""

from collections.abc import Sequence
from typing import TypeVar

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_value
from kpi.metrics.model import Metric
from kpi.narrative.headline import Sentence, Span
from kpi.query.answer import Cell
from kpi.query.cell_rules import few

MOST_NAMED = 3  # of those that share the highest or the lowest value; more are counted

_Named = TypeVar("_Named")


def ends(named: Sequence[tuple[_Named, Cell]]) -> tuple[list[_Named], list[_Named]]:
    """Those with the highest value and those with the lowest, all that share it; none where there are not two to tell
    apart. Passed over is what has no value, is of part of a week or month, or is a rate of few.
    """
    known = [(cell.value, name) for name, cell in named if _counts(cell) and cell.value is not None]
    values = [value for value, _ in known]
    if len(values) < 2:
        return [], []
    return tuple([name for value, name in known if value == end] for end in (max(values), min(values)))  # type: ignore[return-value]


def _counts(cell: Cell) -> bool:
    return cell.value is not None and not cell.partial and not few(cell)


def joined(names: Sequence[str], language: Language) -> str:
    """The names of those that share a value; how many there are where they are more than can be named."""
    if len(names) > MOST_NAMED:
        return phrase(language, "say_so_many", count=len(names))
    return phrase(language, "say_and").join(names)


def extremes(
    metric: Metric, whole: Cell, named: Sequence[tuple[str, Cell]], language: Language, left_out: int = 0
) -> Sentence:
    """``named``: the cells that are shown and may be told, each with its name; ``left_out``: how many are not shown."""
    spans = [
        Span(metric.name(language)[:1].upper() + metric.name(language)[1:] + phrase(language, "say_space")),
        Span(format_value(whole.value, metric.unit, language), strong=True),
    ]
    places = [(place, cell) for place, (_, cell) in enumerate(named)]
    highest, lowest = ends(places)
    if highest and highest == lowest:
        spans += [
            Span(phrase(language, "say_all_alike", count=len(highest))),
            Span(format_value(named[highest[0]][1].value, metric.unit, language), strong=True),
        ]
    elif highest:
        keys = (("say_highest", "say_highest_each"), ("say_lowest", "say_lowest_each"))
        for (alone, each), end in zip(keys, (highest, lowest), strict=True):
            names = [named[place][0] for place in end]
            spans += [
                Span(phrase(language, alone if len(names) == 1 else each, name=joined(names, language))),
                Span(format_value(named[end[0]][1].value, metric.unit, language), strong=True),
            ]
    if highest:
        about = [phrase(language, "say_of_shown", count=len(named))] if left_out else []
        about += [phrase(language, "say_of_firm")] if any(few(cell) for _, cell in named) else []
        spans += [Span(phrase(language, "say_about", about=phrase(language, "say_and").join(about)))] if about else []
    return (*spans, Span(phrase(language, "say_end")))
