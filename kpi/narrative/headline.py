"""The sentences a page opens with, composed from the answers' own figures.

Nothing is weighed or guessed: a change is called better or worse only when its 95 % interval leaves out zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_change, format_value
from kpi.metrics.model import Metric
from kpi.narrative.change_tone import Tone, goodness, tone
from kpi.query.answer import Answer, Cell
from kpi.query.question import Compare, kind_of


@dataclass(frozen=True)
class Span:
    """A piece of a sentence; ``tone`` colours it (``none``: plain text), ``strong`` sets it bold."""

    text: str
    tone: Tone = "none"
    strong: bool = False


Sentence = tuple[Span, ...]


def opening(answer: Answer, metrics: Mapping[str, Metric], names: Mapping[str, str], language: Language) -> Sentence:
    """Self-service rate with its change and who gave up, then the volume with its change.

    ``answer`` holds self_service_rate, given_up_rate and volume; ``names``: KPI id -> name on the page.
    """
    rate, gave_up, volume = (answer.cell(kpi) for kpi in ("self_service_rate", "given_up_rate", "volume"))
    spans = [
        Span(names["self_service_rate"] + phrase(language, "say_space")),
        Span(format_value(rate.value, "share", language), strong=True),
    ]
    spans += changed(rate, metrics["self_service_rate"], answer, language)
    if gave_up.value is not None:
        spans.append(Span(phrase(language, "say_gave_up", value=format_value(gave_up.value, "share", language))))
    spans.append(Span(phrase(language, "say_stop")))
    spans += [
        Span(names["volume"] + phrase(language, "say_space")),
        Span(format_value(volume.value, "count", language), strong=True),
    ]
    spans += changed(volume, metrics["volume"], answer, language)
    return (*spans, Span(phrase(language, "say_end")))


def movers(cells: Sequence[Cell], metrics: Mapping[str, Metric], language: Language) -> Sentence:
    """Which of the KPIs became better, which worse, beyond chance; empty without a comparison."""
    compared = [cell for cell in cells if cell.change is not None and metrics[cell.kpi].direction != "none"]
    if not compared:
        return ()
    spans: list[Span] = []
    for wanted, key in ((1, "say_better"), (-1, "say_worse")):
        found = [cell for cell in compared if goodness(cell, metrics[cell.kpi]) == wanted]
        if not found:
            continue
        spans.append(Span(phrase(language, key)))
        for index, cell in enumerate(found):
            metric = metrics[cell.kpi]
            spans.append(
                Span(
                    (phrase(language, "say_and") if index else "")
                    + metric.name(language)
                    + phrase(language, "say_space")
                )
            )
            spans.append(Span(format_change(cell, metric.unit, language), tone(cell, metric), strong=True))
        spans.append(Span(phrase(language, "say_end")))
    told = sum(1 for cell in compared if goodness(cell, metrics[cell.kpi]) != 0)
    if told == 0:
        return (Span(phrase(language, "say_nothing_moved", count=len(compared))),)
    if told < len(compared):
        spans.append(Span(phrase(language, "say_rest", count=len(compared) - told)))
    return tuple(spans)


def changed(cell: Cell, metric: Metric, answer: Answer, language: Language) -> list[Span]:
    """The change of a figure against the comparison, coloured by goodness; nothing without one."""
    return on_comparison(cell, metric, answer.question.compare, language)


def on_comparison(cell: Cell, metric: Metric, compare: Compare | None, language: Language) -> list[Span]:
    """The change and what it is against; nothing without one."""
    if cell.change is None or compare is None:
        return []
    how = kind_of(compare)
    return [
        Span(phrase(language, f"say_before_{how}")),
        Span(format_change(cell, metric.unit, language), tone(cell, metric), strong=True),
        Span(phrase(language, f"say_after_{how}")),
    ]
