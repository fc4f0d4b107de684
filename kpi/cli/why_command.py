"""``python -m kpi why``: what moved a KPI, in sentences and as a table, or as JSON."""

import argparse
from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from typing import TextIO

from kpi import output
from kpi.cli.question_commands import filters_of, period_of, several, targets_of
from kpi.drivers.analysis import why
from kpi.drivers.finding import Finding, Why
from kpi.drivers.reconciliation import scale_of
from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_count, format_parts, format_period, format_value, part_decimals
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Metric
from kpi.metrics.registry import metric
from kpi.narrative.driver_sentences import Names, driver_sentence, remark, sentences, text_of, value_name
from kpi.query import Question
from kpi.query.labels import labels
from kpi.stats.decomposition import Decomposition, Effect
from kpi.stats.rounding import add_up
from kpi.warehouse import Warehouse


def explain(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Why one KPI changed."""
    question = Question(
        kpis=(metric(asked.kpi).id,),
        period=period_of(warehouse, asked.start, asked.end),
        by=several(asked.by),
        filters=filters_of(asked.filter),
        compare=asked.compare,
    )
    (found,) = why(warehouse, targets_of(warehouse).asked(question))
    part = _told(found)
    dimensions = found.dimensions | set(part.by if part is not None else ())
    names = {dimension: labels(warehouse, dimension, language) for dimension in dimensions}
    if asked.format == "json":
        output.write_json(as_json(found, names, language), to)
        return 0
    for sentence in sentences(found, names, language):
        to.write(text_of(sentence) + "\n")
    if part is not None:
        to.write("\n")
        _table(found, part, names, language, to)
    elif question.by and found.reason != "no_comparison":
        to.write(phrase(language, "cause_not_by", dimensions=", ".join(question.by)) + "\n")
    if found.compared is not None:
        period, compared = (format_period(one.start, one.end, language) for one in (found.period, found.compared))
        to.write("\n" + phrase(language, "period_compared", period=period, compared=compared) + "\n")
    return 0


def _told(found: Why) -> Decomposition | None:
    """The decomposition to show: the one asked for, else the one of the first finding."""
    if found.question.by:
        return found.asked
    if found.findings and found.findings[0].dimension:
        return found.decomposition(found.findings[0].dimension)
    return found.decompositions[0] if found.decompositions else None


# --- as JSON -----------------------------------------------------------------------------------------------------


def as_json(found: Why, names: Names, language: Language) -> dict[str, object]:
    """An explanation as JSON can hold it. Shares are 0–1; ``exact`` is the same number as a fraction, so that mix and
    rate of all cells add up to the change to the last digit.
    """
    declared, whole, part = metric(found.kpi), found.whole, _told(found)
    return {
        "kpi": found.kpi,
        "version": found.version,
        "period": [output.json_value(day) for day in (found.period.start, found.period.end)],
        "compared": [output.json_value(day) for day in (found.compared.start, found.compared.end)]
        if found.compared is not None
        else None,
        "value": whole.value,
        "previous": whole.previous,
        "change": _number(found.change),
        "beyond_chance": found.beyond_chance if found.evidence is not None else None,
        "reason": found.reason,
        "tested": found.tested,
        "by": list(part.by) if part is not None else [],
        "mix": _number(part.mix) if part is not None else None,
        "rate": _number(part.rate) if part is not None else None,
        "cells": [_cell(effect, part, declared) for effect in part.ordered] if part is not None else [],
        "findings": [_finding(found, one, names, language) for one in found.findings],
        "turnover": vars(found.turnover) if found.turnover is not None else None,
        "sides": [_number(side) for side in found.sides] if found.sides is not None else None,
    }


def _number(exact: Fraction | None) -> dict[str, object] | None:
    return None if exact is None else {"value": output.json_value(float(exact)), "exact": str(exact)}


def _cell(effect: Effect, part: Decomposition, declared: Metric) -> dict[str, object]:
    scale = float(scale_of(declared))
    return {
        **{dimension: output.json_value(value) for dimension, value in zip(part.by, effect.key, strict=True)},
        **{
            name: {
                "numerator": pair.numerator,
                "denominator": pair.denominator,
                "n": pair.n,
                "value": None if pair.rate is None else output.json_value(float(pair.rate) * scale),
            }
            for name, pair in (("before", effect.before), ("now", effect.now))
        },
        "mix": _number(effect.mix),
        "rate": _number(effect.rate),
        "only": effect.only,
        "ranked": part.ranks(effect),
    }


def _finding(found: Why, one: Finding, names: Names, language: Language) -> dict[str, object]:
    return {
        "kind": one.kind,
        "dimension": one.dimension or None,
        "value": output.json_value(one.value),
        "points": _number(one.points),
        **{
            name: output.json_value(getattr(one, name))
            for name in ("before", "now", "low", "high", "n_before", "n_now")
        },
        "p": one.p,
        "where": {
            "dimension": one.where.dimension,
            "value": output.json_value(one.where.value),
            "share": one.where.share,
        }
        if one.where is not None
        else None,
        "filters": {filter_.dimension: list(filter_.values) for filter_ in one.filters},
        "sentence": text_of(driver_sentence(found, one, names, language)),
    }


# --- as a table --------------------------------------------------------------------------------------------------


def _table(
    found: Why, part: Decomposition, names: Mapping[str, Mapping[str, str]], language: Language, to: TextIO
) -> None:
    """Cells with both periods and their effects, and the sums, which are the change."""
    declared, effects = metric(found.kpi), part.ordered
    ratio = part.kind == "ratio"
    columns = ["before", "now", *(["share_before", "share_now"] if ratio else []), "n"]
    columns += ["mix", "rate", "total"] if ratio else ["general", "own", "total"]
    shown = partial(format_value, unit=declared.unit, language=language, compact=False)
    # One more digit than in a sentence, and each column rounded so that it adds up to its own foot.
    decimals = part_decimals(declared.unit, found.whole.value, found.whole.previous) + (1 if ratio else 0)
    sums = [part.mix, part.rate, part.change]
    texts = []
    for position, whole in enumerate(sums):
        values = [(effect.mix, effect.rate, effect.total)[position] for effect in effects]
        texts.append(format_parts([*add_up(values, whole, decimals), whole], declared.unit, decimals))
    total_before, total_now = (total.denominator for total in part.wholes)
    scale = float(scale_of(declared))
    lines = []
    for index, effect in enumerate(effects):
        values_ = [
            (None if pair.rate is None else float(pair.rate) * scale) if ratio else pair.numerator * scale
            for pair in (effect.before, effect.now)
        ]
        lines.append(
            [
                *(value_name(one, value, names, language) for one, value in zip(part.by, effect.key, strict=True)),
                *(shown(value) for value in values_),
                *(
                    [
                        format_value(pair.denominator / total, "share", language, compact=False)
                        for pair, total in ((effect.before, total_before), (effect.now, total_now))
                    ]
                    if ratio
                    else []
                ),
                " → ".join(format_count(pair.n, language, compact=False) for pair in (effect.before, effect.now)),
                *(column[index] for column in texts),
                remark(part, effect, language),
            ]
        )
    foot = [phrase(language, "cause_sum"), *([""] * (len(part.by) - 1))]
    foot += [shown(found.whole.previous), shown(found.whole.value)]
    foot += [""] * (3 if ratio else 1) + [column[-1] for column in texts] + [""]
    head = [DIMENSIONS[dimension].name(language) for dimension in part.by]
    head += [phrase(language, f"cause_head_{column}") for column in columns] + [phrase(language, "cause_head_note")]
    right = [False] * len(part.by) + [True] * len(columns) + [False]
    output.write_table(head, [*lines, foot], right, to)
