"""Which tier stands out, in a sentence."""

from collections.abc import Mapping, Sequence

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_change, format_value
from kpi.metrics.model import Metric
from kpi.narrative.change_tone import goodness, tone
from kpi.narrative.headline import Sentence, Span
from kpi.query.answer import Answer, Cell
from kpi.query.contrast import against_rest
from kpi.stats.intervals import SMALL_N


def standing_out(
    metrics: Sequence[Metric],
    wholes: Mapping[str, Cell],
    parts: Answer,
    titles: Mapping[str, str],
    names: Mapping[str, str],
    language: Language,
) -> Sentence:
    """Of each KPI the tier that lies farthest from all the other customers, where that is more than chance.

    ``metrics``: proportions; ``wholes``: KPI -> its figure of all; ``parts``: the same by tier. Tiers of fewer than 30
    are left out. ``titles``: KPI -> name; ``names``: tier -> name.
    """
    spans: list[Span] = []
    for metric in metrics:
        found = [
            cell
            for part in parts.cells
            if part.kpi == metric.id and part.key[0] is not None and (part.n or 0) >= SMALL_N
            if (cell := against_rest(wholes[metric.id], part)) is not None and goodness(cell, metric) != 0
        ]
        if not found:
            continue
        farthest = max(found, key=lambda cell: abs(cell.change or 0))
        said = phrase(
            language,
            "tiers_farthest",
            kpi=titles[metric.id],
            tier=names.get(str(farthest.key[0]), str(farthest.key[0])),
            value=format_value(farthest.value, metric.unit, language),
        )
        if spans:
            spans.append(Span(phrase(language, "say_stop")))
        spans.append(Span(said))
        spans.append(Span(format_change(farthest, metric.unit, language), tone(farthest, metric), strong=True))
    if not spans:
        return (Span(phrase(language, "tiers_none")),)
    return (*spans, Span(phrase(language, "say_end") + phrase(language, "tiers_chance")))
