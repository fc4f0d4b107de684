"""What the pages on self-service and on journeys open with, from their answers' own figures. No cause is guessed."""

from collections.abc import Mapping, Sequence

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_change, format_value
from kpi.metrics.model import Metric
from kpi.narrative.change_tone import goodness, tone
from kpi.narrative.extremes import joined
from kpi.narrative.funnel import Funnel, in_hundred, per_hundred
from kpi.narrative.headline import Sentence, Span, on_comparison
from kpi.query.answer import Cell
from kpi.query.cell_rules import few
from kpi.query.question import Compare


def settled(chain: Funnel, metric: Metric, period: str, compare: Compare | None, language: Language) -> Sentence:
    """Of a hundred sessions: how many were settled for good, and where the others went. They add up to a hundred.

    ``metric``: the KPI of the last step; ``period``: the cohort's dates.
    """
    losses = {loss.id: loss.count for step in chain.steps for loss in step.losses}
    parts = (chain.steps[-1].count, losses["back"], losses["given_up"])
    in_vain = per_hundred((*parts, losses["answered"], losses["lost"]))[-1] > 0
    kept, back, gave_up, *human = in_hundred(
        (*parts, losses["answered"], losses["lost"]) if in_vain else (*parts, losses["answered"] + losses["lost"])
    )
    return (
        Span(phrase(language, "say_of_hundred", period=period)),
        Span(phrase(language, "say_settled", count=kept), strong=True),
        Span(
            phrase(language, "say_settled_lost", back=back, gave_up=gave_up, human=human[0], lost=human[1])
            if in_vain
            else phrase(language, "say_settled_rest", back=back, gave_up=gave_up, human=human[0])
        ),
        *changed(chain.last, metric, compare, language),
        Span(phrase(language, "say_end")),
    )


def moved_most(cells: Sequence[Cell], metric: Metric, names: Mapping[str, str], language: Language) -> Sentence:
    """The group whose change beyond chance weighs most in the whole; says so where none moved beyond chance."""
    compared = [cell for cell in cells if cell.change is not None and cell.key[0] is not None]
    if not compared:
        return ()
    beyond = [cell for cell in compared if goodness(cell, metric) != 0]
    if not beyond:
        return (Span(phrase(language, "say_no_channel_moved", kpi=metric.name(language))),)
    most = max(beyond, key=lambda cell: abs(cell.change or 0) * (cell.denominator or 0))
    name = names.get(str(most.key[0]), str(most.key[0]))
    value = format_value(most.value, metric.unit, language)
    return (
        Span(phrase(language, "say_channel_moved", name=name, kpi=metric.name(language))),
        Span(format_change(most, metric.unit, language), tone(most, metric), strong=True),
        Span(phrase(language, "say_channel_moved_to", value=value)),
    )


def fails_most(
    cells: Sequence[Cell], ranked: Sequence[Cell], metric: Metric, names: Mapping[str, str], language: Language
) -> Sentence:
    """The function that is left unfinished most often, with its change; of several that share it, their names.
    ``ranked``: ``cells`` from the highest on, as far as they are drawn.
    """
    if not ranked:
        return ()
    first = ranked[0]
    judged = [cell for cell in cells if cell.value is not None and cell.key[0] is not None and not few(cell)]
    alike = [names.get(str(cell.key[0]), str(cell.key[0])) for cell in judged if cell.value == first.value]
    key = "say_function" if len(alike) == 1 else "say_functions"
    return (
        Span(phrase(language, key, name=joined(alike, language))),
        Span(format_value(first.value, metric.unit, language), strong=True),
        Span(phrase(language, "say_function_most", count=len(judged))),
        *(_change_alone(first, metric, language) if len(alike) == 1 else []),
        Span(phrase(language, "say_end")),
    )


def referred(whole: Funnel, metric: Metric, period: str, compare: Compare | None, language: Language) -> Sentence:
    """Of a hundred referrals: how many came, how many signed."""
    _, came, completed = whole.steps
    not_visited, not_signed, signed = in_hundred((came.lost, completed.lost, completed.count))
    return (
        Span(phrase(language, "say_of_hundred_referred", period=period)),
        Span(phrase(language, "say_signed", count=signed), strong=True),
        Span(phrase(language, "say_not_signed", visited=not_signed, never=not_visited)),
        *changed(whole.last, metric, compare, language),
        Span(phrase(language, "say_end")),
    )


def scenarios(funnels: Mapping[str, Funnel], metric: Metric, amount: Cell | None, language: Language) -> Sentence:
    """The share that signed by scenario, and what the period's referrals brought so far."""
    spans = [Span(phrase(language, "say_scenarios"))]
    for place, (name, cohort) in enumerate(funnels.items()):
        joint = phrase(language, "say_next") if place else ""
        value = format_value(cohort.last.value, metric.unit, language)
        spans.append(Span(f"{joint}{name}{phrase(language, 'say_space')}{value}"))
    if amount is not None and amount.value is not None:
        spans += [
            Span(phrase(language, "say_amount")),
            Span(format_value(amount.value, "yuan", language), strong=True),
        ]
    return (*spans, Span(phrase(language, "say_end"))) if funnels else ()


def changed(cell: Cell, metric: Metric, compare: Compare | None, language: Language) -> list[Span]:
    """The KPI by name with its change on the comparison; nothing without one."""
    if cell.change is None or compare is None:
        return []
    value = format_value(cell.value, metric.unit, language)
    return [
        Span(phrase(language, "say_rate", kpi=metric.name(language), value=value)),
        *on_comparison(cell, metric, compare, language),
    ]


def _change_alone(cell: Cell, metric: Metric, language: Language) -> list[Span]:
    if cell.change is None:
        return []
    return [
        Span(phrase(language, "say_changed")),
        Span(format_change(cell, metric.unit, language), tone(cell, metric), strong=True),
    ]
