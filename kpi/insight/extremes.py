"""The sentence an exploration opens with: the whole, and where the figure is highest and lowest."""

from collections.abc import Sequence

from kpi.i18n import Language, phrase
from kpi.i18n.numbers import format_value
from kpi.insight.headline import Sentence, Span
from kpi.metrics.model import Metric
from kpi.query.answer import Cell

SMALL = 30  # a cell on fewer than this is not called the highest or the lowest


def extremes(metric: Metric, whole: Cell, named: Sequence[tuple[str, Cell]], language: Language) -> Sentence:
    """``named``: the cells that may be told, each with its name; those without a value are passed over."""
    spans = [
        Span(metric.name(language)[:1].upper() + metric.name(language)[1:] + phrase(language, "say_space")),
        Span(format_value(whole.value, metric.unit, language), strong=True),
    ]
    known = [
        (cell.value, name) for name, cell in named if cell.value is not None and (cell.n is None or cell.n >= SMALL)
    ]
    if len(known) > 1:
        for key, (value, name) in (
            ("say_highest", max(known, key=lambda one: one[0])),
            ("say_lowest", min(known, key=lambda one: one[0])),
        ):
            spans += [
                Span(phrase(language, key, name=name)),
                Span(format_value(value, metric.unit, language), strong=True),
            ]
    return (*spans, Span(phrase(language, "say_end")))
