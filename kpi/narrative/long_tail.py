"""What the long tail's figures say, and the rule that they stand on."""

from collections.abc import Sequence

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_count, format_date, format_value
from kpi.metrics.registry import METRICS
from kpi.narrative.headline import Sentence, Span, changed
from kpi.query.answer import Answer, Cell
from kpi.query.cohorts.long_tail import TailRule


def rule_named(rule: TailRule, language: Language) -> str:
    """Who is long tail, and since when that holds."""
    key = "tail_rule_tier" if rule.kind == "tier" else "tail_rule_value"
    said = phrase(language, key, parameter=rule.parameter, month=f"{rule.month:%Y-%m}")
    # A rule from before any customer is the one that holds where none was set.
    if rule.valid_from.year <= 1900:
        return said
    return said + phrase(language, "tail_rule_since", date=format_date(rule.valid_from, language, year=True))


def covered(cell: Cell, answer: Answer, later: Cell | None, language: Language) -> Sentence:
    """Members of the base served in the period, their share and its change; apart, who joined the tail only later."""
    if cell.value is None:
        return ()
    spans = [
        Span(phrase(language, "tail_say_served")),
        Span(phrase(language, "tail_people", count=format_count(cell.numerator or 0, language)), strong=True),
        Span(phrase(language, "tail_say_share", base=format_count(cell.denominator or 0, language))),
        Span(format_value(cell.value, "share", language), strong=True),
        *changed(cell, METRICS[cell.kpi], answer, language),
        Span(phrase(language, "say_end")),
    ]
    if later is not None and later.value:
        spans.append(Span(phrase(language, "tail_say_later", count=format_count(later.value, language))))
    return tuple(spans)


def unreached(cell: Cell, answer: Answer, language: Language) -> Sentence:
    """Members of the base whom nobody served for a year."""
    if cell.value is None or cell.numerator is None:
        return ()
    return (
        Span(phrase(language, "tail_people", count=format_count(cell.numerator, language)), strong=True),
        Span(phrase(language, "tail_say_unreached")),
        Span(format_value(cell.value, "share", language), strong=True),
        *changed(cell, METRICS[cell.kpi], answer, language),
        Span(phrase(language, "say_end")),
    )


def dividends(cells: Sequence[Cell], language: Language) -> Sentence:
    """What members bring, served beside not served, and that this is no cause. ``cells``: keyed by ``served``."""
    found = {(cell.kpi, cell.key[0]): cell for cell in cells if cell.value is not None}
    said: list[str] = []
    for kpi in ("tail_value", "tail_active"):
        served, others = found.get((kpi, "yes")), found.get((kpi, "no"))
        if served is None or others is None:
            continue
        unit = METRICS[kpi].unit
        said.append(
            phrase(
                language,
                "tail_say_dividend",
                kpi=METRICS[kpi].name(language),
                served=format_value(served.value, unit, language),
                others=format_value(others.value, unit, language),
            )
        )
    if not said:
        return ()
    return (
        Span(phrase(language, "tail_say_brings") + phrase(language, "tail_say_and").join(said)),
        Span(phrase(language, "say_end") + phrase(language, "tail_no_cause")),
    )
