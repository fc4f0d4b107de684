"""Findings as sentences. The parts told in one sentence add up to the change that it tells."""

import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from kpi.drivers.finding import Finding, Why
from kpi.drivers.search import HIDDEN
from kpi.i18n import Language, catalogue, phrase
from kpi.i18n.formats import format_change, format_count, format_parts, format_period, format_value
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Metric
from kpi.metrics.registry import metric
from kpi.narrative.change_tone import Tone, tone
from kpi.narrative.headline import Sentence, Span
from kpi.query.answer import DimensionValue
from kpi.query.question import Period, kind_of
from kpi.stats.decomposition import Decomposition, Effect
from kpi.stats.rounding import add_up, shown

# Dimension -> value as text ("" = unknown) -> its name.
Names = Mapping[str, Mapping[str, str]]

_Part = tuple[Fraction, str]
# By whether it is a rate (else a share), and whether it rose.
_CAUSES = {
    (True, True): "cause_rate_up",
    (True, False): "cause_rate_down",
    (False, True): "cause_mix_up",
    (False, False): "cause_mix_down",
}
# How a value is called in a sentence, where its name alone does not say of what it is.
_SUBJECTS = {
    "team": "cause_of_team",
    "business_line": "cause_of_business_line",
    "topic": "cause_of_topic",
    "tier": "cause_of_tier",
    "segment": "cause_of_segment",
    "age_band": "cause_of_age_band",
    "first_handler": "cause_of_first_handler",
    "function": "cause_of_function",
    "scenario": "cause_of_scenario",
}
# Chinese sets a Latin word or a figure apart, and nothing else.
_JOINT = re.compile(r"(?<=[\u4e00-\u9fff])(?=[0-9A-Za-z])|(?<=[0-9A-Za-z%])(?=[\u4e00-\u9fff])")

_APART = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])|(?<=）) ")


def card_title(kpi: str, language: Language) -> str:
    """The name on a card: the declared one, as it begins a line, or a shorter one where it would not fit."""
    key = f"card_{kpi}"
    name = phrase(language, key) if key in catalogue() else metric(kpi).name(language)
    return name[:1].upper() + name[1:]


def driver_sentence(why: Why, finding: Finding, names: Names, language: Language, title: str | None = None) -> Sentence:
    """One finding: the KPI, its change, what moved it and by how much, the rest, and where most of it lies.

    ``title``: the KPI's name where the page has another one.
    """
    declared = metric(why.kpi)
    spans = _head(why, declared, title or declared.name(language), language)
    if finding.kind == "customers":
        assert why.turnover is not None
        new, lost, kept = (
            format_count(number, language, compact=False)
            for number in (why.turnover.new, why.turnover.lost, why.turnover.kept)
        )
        # Dates of one's own need not lie before the period, so that nobody need be new or have stayed away.
        own_dates = isinstance(why.question.compare, Period)
        key = "cause_customers_dates" if own_dates else "cause_customers"
        spans.append(Span(phrase(language, key, new=new, lost=lost, kept=kept)))
    else:
        spans += _parts(why, finding, declared, names, language)
    if finding.where is not None:
        value = subject(finding.where.dimension, finding.where.value, names, language)
        key = "cause_where_on" if finding.where.dimension in {"channel", "line"} else "cause_where"
        spans.append(Span(phrase(language, key, value=value)))
    return _set((*spans, Span(phrase(language, "cause_end"))), language)


def _set(said: Sentence, language: Language) -> Sentence:
    """The sentence with the blanks that Chinese has around what is not Chinese, within its pieces."""
    if language != "zh":
        return said
    return tuple(replace(span, text=_APART.sub("", _JOINT.sub(" ", span.text))) for span in said)


def tell_nothing(why: Why, language: Language, title: str | None = None) -> Sentence:
    """That there is no finding, and why not."""
    declared = metric(why.kpi)
    name = title or declared.name(language)
    end = Span(phrase(language, "cause_end"))
    if why.reason == "noise" and why.untested:
        return _set(
            (*_head(why, declared, name, language), Span(phrase(language, "cause_none_untested")), end), language
        )
    if why.whole.change is not None:
        text = phrase(language, f"cause_none_{why.reason}", tested=why.tested, reason="")
        return _set((*_head(why, declared, name, language), Span(text), end), language)
    value = format_value(why.whole.value, declared.unit, language)
    head = phrase(language, "cause_head", name=name)
    missing = why.whole.reason
    reason = phrase(language, f"reason_{missing}") if missing else phrase(language, "cause_value_before")
    text = phrase(language, f"cause_none_{why.reason}", tested=why.tested, reason=reason)
    return (
        Span(head),
        Span(value, strong=True),
        Span(phrase(language, "cause_join")),
        Span(text),
        end,
    )


def sentences(why: Why, names: Names, language: Language, title: str | None = None) -> list[Sentence]:
    """One sentence a finding of ``findings_with_sentence``, the first one first; one that says why there is none."""
    if why.findings:
        return [driver_sentence(why, finding, names, language, title) for finding in findings_with_sentence(why)]
    return [tell_nothing(why, language, title)]


def findings_with_sentence(why: Why) -> list[Finding]:
    """The findings that have a sentence of their own: two that would each name the other beside it have one."""
    found: list[Finding] = []
    for finding in why.findings:
        beside = _second(why, finding)
        if not any(one is beside and _second(why, one) is finding for one in found):
            found.append(finding)
    return found


def text_of(sentence: Sentence) -> str:
    """A sentence as mere text."""
    return "".join(span.text for span in sentence).strip()


def value_name(dimension: str, value: DimensionValue, names: Names, language: Language) -> str:
    """What a dimension's value is called in a sentence."""
    if value == HIDDEN:
        return phrase(language, "cause_hidden")
    if value is None:
        return phrase(language, "cause_unknown", dimension=DIMENSIONS[dimension].name(language))
    return names.get(dimension, {}).get(str(value), str(value))


def remark(part: Decomposition, effect: Effect, language: Language) -> str:
    """What is to be said of a cell beside its figures: that only one period has it, that it ranks nowhere."""
    notes = [phrase(language, f"cause_only_{effect.only}")] if effect.only else []
    if not part.ranks(effect):
        notes.append(phrase(language, "cause_small"))
    return ", ".join(notes)


def subject(dimension: str, value: DimensionValue, names: Names, language: Language) -> str:
    """A value within a sentence, so that it is clear what it is: a team and a business may have one name."""
    name = value_name(dimension, value, names, language)
    if value is None or value == HIDDEN or dimension not in _SUBJECTS:
        return name
    return phrase(language, _SUBJECTS[dimension], value=name)


def part_tone(points: Fraction, declared: Metric, uneven: bool = False) -> Tone:
    """Whether what moved a KPI so is good. ``uneven``: as of the cell of the whole."""
    if not points or uneven or declared.direction not in {"up", "down"}:
        return "neutral"
    return "better" if (points > 0) == (declared.direction == "up") else "worse"


def _head(why: Why, declared: Metric, name: str, language: Language) -> list[Span]:
    """The KPI with its value and its change; of a count the number besides, since its parts are told in numbers. Where
    the two periods are not equally long, how long they are, and of a sum what it is a day.
    """
    cell = why.whole
    assert why.question.compare is not None
    assert why.compared is not None
    change = format_change(cell, declared.unit, language)
    compared = format_period(why.compared.start, why.compared.end, language)
    key = f"cause_change_{kind_of(why.question.compare)}"
    before, _, after = phrase(language, key, change=change, compared=compared).partition(change)
    spans = [
        Span(phrase(language, "cause_head", name=name)),
        Span(format_value(cell.value, declared.unit, language), strong=True),
        Span(before),
        Span(change, tone(cell, declared), strong=True),
    ]
    if declared.unit in {"count", "customers", "yuan"} and why.change is not None:
        whole = add_up([why.change], why.change, why.decimals)
        (number,) = format_parts(whole, declared.unit, why.decimals)
        spans.append(Span(phrase(language, "cause_number", value=number)))
    spans.append(Span(after))
    if why.times != 1:
        spans.append(Span(_lengths(why, why.period.days, why.compared.days, declared, language)))
    return [span for span in (*spans, Span(phrase(language, "cause_colon"))) if span.text]


def _lengths(why: Why, now: int, before: int, declared: Metric, language: Language) -> str:
    """The days of both periods, and of a sum the average day."""
    cell, a_day = why.whole, ""
    if declared.roll_up == "additive" and cell.value is not None and cell.previous is not None:
        average = replace(cell, value=cell.value / now, previous=cell.previous / before)
        average = replace(average, change=(average.value or 0) - (average.previous or 0))
        value, change = (
            format_value(average.value, declared.unit, language),
            format_change(average, declared.unit, language),
        )
        a_day = phrase(language, "cause_a_day", value=value, change=change)
    return phrase(language, "cause_lengths", now=now, before=before, a_day=a_day)


def _parts(why: Why, finding: Finding, declared: Metric, names: Names, language: Language) -> list[Span]:
    """What moved the KPI, each part with its reason; together they are the change that is shown."""
    parts: list[_Part]
    lead: list[Span] = []
    if finding.kind == "sides":
        assert why.sides is not None
        terms = declared.formula[0 if language == "zh" else 1].split("÷")
        texts = [phrase(language, "cause_count", value=term.strip()) for term in terms]
        parts = list(zip(why.sides, texts, strict=True))
    else:
        parts = [(finding.points, _cause(finding, declared, names, language))]
        if finding.kind == "simpson":
            way = "down" if (why.change or 0) < 0 else "up"
            dimension = DIMENSIONS[finding.dimension].name(language)
            dimension = dimension if language == "zh" else dimension.lower()
            lead = [Span(phrase(language, f"cause_simpson_{way}", dimension=dimension))]
            parts.append(((why.change or Fraction(0)) - finding.points, phrase(language, "cause_simpson_rates")))
        elif (other := _second(why, finding)) is not None:
            parts.append((other.points, _cause(other, declared, names, language)))
        rest = (why.change or Fraction(0)) - sum((points for points, _ in parts), Fraction(0))
        parts.append((rest, phrase(language, "cause_rest")))
    whole = Fraction(why.whole.change or 0)
    findings_with_sentence = add_up([points for points, _ in parts], whole, why.decimals)
    if not findings_with_sentence[0] and finding.kind != "sides" and (first := shown(finding.points, why.decimals)):
        # A cause is not rounded away for the sake of what is left.
        left = shown(whole, why.decimals) - first
        findings_with_sentence = [first, *add_up([points for points, _ in parts[1:]], left, why.decimals)]
    spans = list(lead)
    texts_of = format_parts(findings_with_sentence, declared.unit, why.decimals)
    for index, (number, text, (_, cause)) in enumerate(zip(findings_with_sentence, texts_of, parts, strict=True)):
        if not number and index:
            continue  # what rounds to nothing is not told
        spans.append(Span(phrase(language, "cause_join") if index else ""))
        spans.append(Span(text, part_tone(number, declared, why.whole.uneven), strong=True))
        spans.append(Span(("" if language == "en" else " ") + cause))
    return [span for span in spans if span.text]


def _second(why: Why, finding: Finding) -> Finding | None:
    """Another finding of the same dimension, told beside the first: the parts of one dimension add up."""
    if finding.kind not in {"rate", "mix"} or why.decomposition(finding.dimension) is None:
        return None
    return next(
        (
            one
            for one in why.findings
            if one.dimension == finding.dimension and one is not finding and one.kind in {"rate", "mix"}
        ),
        None,
    )


def _cause(finding: Finding, declared: Metric, names: Names, language: Language) -> str:
    value = subject(finding.dimension, finding.value, names, language)
    if finding.kind == "count":
        return phrase(language, "cause_count", value=value)
    unit = "share" if finding.kind in {"mix", "simpson"} else declared.unit
    rose = (finding.now or 0) >= (finding.before or 0)
    before, now = (format_value(number, unit, language) for number in (finding.before, finding.now))
    return phrase(language, _CAUSES[finding.kind == "rate", rose], value=value, before=before, now=now)
