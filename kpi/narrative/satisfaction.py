"""What the page of satisfaction opens with: how content, how surely, and whom we know nothing of."""

from collections.abc import Mapping

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_value
from kpi.metrics.model import Metric
from kpi.narrative.headline import Sentence, Span, changed
from kpi.query.answer import Answer
from kpi.stats.intervals import response_bounds


def how_content(answer: Answer, metrics: Mapping[str, Metric], language: Language) -> Sentence:
    """Satisfaction with its interval and change; the response rate, and what satisfaction would be if all who kept
    silent were discontent, or content. ``answer`` holds csat and response_rate.
    """
    csat, responded = answer.cell("csat"), answer.cell("response_rate")
    spans = [
        Span(metrics["csat"].name(language).capitalize() + phrase(language, "say_space")),
        Span(format_value(csat.value, "share", language), strong=True),
    ]
    if csat.low is not None and csat.high is not None:
        low, high = (format_value(end, "share", language, compact=False) for end in (csat.low, csat.high))
        spans.append(Span(phrase(language, "satisfaction_between", low=low, high=high)))
    spans += changed(csat, metrics["csat"], answer, language)
    if csat.value is not None and responded.value is not None:
        least, most = response_bounds(csat.value, responded.value)
        spans.append(Span(phrase(language, "say_stop")))
        spans.append(Span(phrase(language, "satisfaction_responded")))
        spans.append(Span(format_value(responded.value, "share", language), strong=True))
        spans.append(
            Span(
                phrase(
                    language,
                    "satisfaction_bounds",
                    least=format_value(least, "share", language),
                    most=format_value(most, "share", language),
                )
            )
        )
    return (*spans, Span(phrase(language, "say_end")))
