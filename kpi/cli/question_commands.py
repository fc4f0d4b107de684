"""The commands of ``python -m kpi``. Each writes to ``to`` and gives its exit code."""

import argparse
import logging
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from typing import TextIO, cast

from kpi import output
from kpi.errors import FileError, InputError, StateError
from kpi.i18n import Language, catalogue, phrase
from kpi.i18n.formats import format_change, format_count, format_moment, format_period, format_value
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.registry import METRICS, SECTIONS, metric
from kpi.narrative.caveats import caveats_of
from kpi.narrative.working_days import unpublished
from kpi.query import Answer, Filter, Period, Question, answer, rows
from kpi.query.integrity import Check, audit, proof
from kpi.query.labels import labels
from kpi.state import LOCAL, StateDatabase
from kpi.state.targets import targets
from kpi.tables import dimensions_of, of_rows
from kpi.targets import target_file
from kpi.targets.resolution import NO_TARGETS, Targets, kept_targets
from kpi.targets.target_text import band_text, since, verdict
from kpi.warehouse import Warehouse
from kpi.warehouse.export import export_table

log = logging.getLogger("switchboard")

# The days of a period of which only the end is given.
_USUAL_DAYS = 28

# --- what was asked for ------------------------------------------------------------------------------------------


def several(texts: Sequence[str]) -> tuple[str, ...]:
    """Names given apart or with commas, each once."""
    return tuple(dict.fromkeys(name.strip() for text in texts for name in text.split(",") if name.strip()))


def _kpis(texts: Sequence[str]) -> tuple[str, ...]:
    """As ``several``; a name that is no KPI is told before anything is opened."""
    return tuple(metric(kpi).id for kpi in several(texts))


def filters_of(texts: Sequence[str]) -> tuple[Filter, ...]:
    """``dim=value,value``; the same dimension again adds values; an empty value is "unknown"."""
    chosen: dict[str, list[str]] = {}
    for text in texts:
        dimension, equals, values = text.partition("=")
        if not equals:
            raise InputError("bad_filter", text=text[:100])
        chosen.setdefault(dimension.strip(), []).extend(value.strip() for value in values.split(","))
    return tuple(Filter(dimension, tuple(dict.fromkeys(values))) for dimension, values in chosen.items())


def period_of(warehouse: Warehouse, start: date | None, end: date | None) -> Period:
    """What was asked for; by default the four weeks up to the data's running day."""
    if end is None:
        with warehouse.read() as connection:
            end = warehouse.require_data(connection).today
    return Period(end - timedelta(days=_USUAL_DAYS - 1) if start is None else start, end)


# --- list --------------------------------------------------------------------------------------------------------


def declaration(kpi: str) -> dict[str, object]:
    """A KPI's declaration as JSON can hold it."""
    declared = METRICS[kpi]
    numerator, denominator = (*declared.terms, None)[:2]
    return {
        "id": declared.id,
        "name_zh": declared.name_zh,
        "name_en": declared.name_en,
        "section": declared.section,
        "unit": declared.unit,
        "direction": declared.direction,
        "class": declared.roll_up,
        "formula_zh": declared.formula[0],
        "formula_en": declared.formula[1],
        "exclusions_zh": declared.exclusions[0],
        "exclusions_en": declared.exclusions[1],
        "numerator": numerator,
        "denominator": denominator,
        "facts": list(declared.dates),
        "date_attributes": [str(attribute) for attribute in declared.dates.values()],
        "dimensions": list(declared.dimensions),
        "maturity_days": declared.maturity.days if declared.maturity else None,
        "version": declared.version,
        "source": declared.source,
    }


def list_kpis(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Every KPI with its declaration."""
    declarations = [declaration(kpi) for kpi in METRICS]
    if asked.format == "json":
        output.write_json(declarations, to)
    elif asked.format == "csv":
        output.write_csv(list(declarations[0]), declarations, to)
    else:
        of = 0 if language == "zh" else 1
        for section, names in SECTIONS.items():
            to.write(f"{names[of]}\n")
            for kpi in (kpi for kpi in METRICS.values() if kpi.section == section):
                to.write(f"  {kpi.id} · {kpi.name(language)} · {kpi.roll_up}, v{kpi.version}\n")
                to.write(f"      {kpi.formula[of]}\n")
                if kpi.exclusions[of]:
                    to.write(f"      {phrase(language, 'without', what=kpi.exclusions[of])}\n")
                to.write(f"      {phrase(language, 'by', dimensions=', '.join(kpi.dimensions))}\n")
    return 0


# --- query -------------------------------------------------------------------------------------------------------

_CELL = (
    *("kpi", "value", "numerator", "denominator", "n", "low", "high", "previous", "change", "provisional", "partial"),
    "reason",
    *("target_low", "target_high", "met", "target_since", "before_low", "before_high"),
)


def answer_json(answered: Answer) -> dict[str, object]:
    """An answer as JSON can hold it: version, as-of, and a row a cell."""
    return {
        "version": answered.version,
        "as_of": {source: output.json_value(moment) for source, moment in answered.as_of.items()},
        "rows": [
            dict(zip(answered.question.by, map(output.json_value, cell.key), strict=True))
            | {name: output.json_value(getattr(cell, name)) for name in _CELL}
            for cell in answered.cells
        ],
    }


def targets_of(warehouse: Warehouse) -> Targets:
    """The targets that are kept; none where they cannot be read, which takes no figure away."""
    try:
        return kept_targets(warehouse.settings)
    except StateError as error:
        log.warning("no targets: %s", error)
        return NO_TARGETS


def query(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """The answer to one question."""
    question = Question(
        kpis=_kpis(asked.kpi),
        period=period_of(warehouse, asked.start, asked.end),
        by=several(asked.by),
        filters=filters_of(asked.filter),
        compare=asked.compare,
    )
    held = targets_of(warehouse)
    answered = held.hold(answer(warehouse, held.asked(question)))
    if asked.format == "json":
        output.write_json(answer_json(answered), to)
    elif asked.format == "csv":
        records = cast(list[dict[str, object]], answer_json(answered)["rows"])
        output.write_csv([*question.by, *_CELL], records, to, synthetic=answered.synthetic)
    else:
        _answer_table(warehouse, answered, language, to)
    return 0


def _answer_table(warehouse: Warehouse, answered: Answer, language: Language, to: TextIO) -> None:
    question = answered.question
    names = {dimension: labels(warehouse, dimension, language) for dimension in question.by}
    dimensions = [DIMENSIONS[dimension].name(language) for dimension in question.by]
    compared = ["previous", "change"] if question.compare else []
    held = ["target"] if any(cell.goal is not None for cell in answered.cells) else []
    numbers = ["value", "n", "interval", *compared, *held]
    head = [*dimensions, phrase(language, "head_kpi"), *(phrase(language, f"head_{name}") for name in numbers), ""]
    lines = []
    for cell in answered.cells:
        declared = METRICS[cell.kpi]
        shown = partial(format_value, unit=declared.unit, language=language, compact=False)
        keys = ["" if value is None else str(value) for value in cell.key]
        notes = [phrase(language, f"reason_{cell.reason}")] if cell.reason else []
        if cell.met is not None:
            notes.append(verdict(cell, language))
        notes += [changed] if (changed := since(cell, declared, language)) else []
        notes += caveats_of(cell, language)
        lines.append(
            [
                *(
                    phrase(language, "cut_days", days=cell.days)
                    if cell.days is not None and dimension in {"week", "month"}
                    else names[dimension].get(key, key) or "–"
                    for dimension, key in zip(question.by, keys, strict=True)
                ),
                declared.name(language),
                shown(cell.value),
                "–" if cell.n is None else format_count(cell.n, language, compact=False),
                "" if cell.low is None else f"{shown(cell.low)} – {shown(cell.high)}",
                *(
                    [shown(cell.previous), format_change(cell, declared.unit, language, compact=False)]
                    if compared
                    else []
                ),
                *(["" if cell.goal is None else band_text(cell.goal, declared, language)] if held else []),
                ", ".join(notes),
            ]
        )
    output.write_table(head, lines, [False] * (len(dimensions) + 1) + [True] * len(numbers) + [False], to)
    _footer(warehouse, answered, language, to)


def _footer(warehouse: Warehouse, answered: Answer, language: Language, to: TextIO) -> None:
    """What the figures stand on: period, comparison, version, feeds."""
    published = warehouse.published()
    period = format_period(answered.period.start, answered.period.end, language)
    if answered.compared is not None:
        period = phrase(
            language,
            "period_compared",
            period=period,
            compared=format_period(answered.compared.start, answered.compared.end, language),
        )
    feeds = (f"{source} {format_moment(published.local(at), language)}" for source, at in answered.as_of.items())
    to.write(
        "\n" + phrase(language, "stands_on", period=period, version=answered.version, feeds=", ".join(feeds)) + "\n"
    )
    if said := unpublished(answered.period.start, answered.period.end, language):
        to.write(said + "\n")
    if answered.synthetic:
        to.write(phrase(language, "synthetic") + "\n")


# --- rows --------------------------------------------------------------------------------------------------------


def list_rows(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """One page of the rows behind one KPI."""
    question = Question(
        kpis=_kpis([asked.kpi]),
        period=period_of(warehouse, asked.start, asked.end),
        filters=filters_of(asked.filter),
    )
    page = rows(warehouse, question, page=asked.page, size=asked.size, sort=asked.sort)
    if asked.format == "json":
        records = [{name: output.json_value(value) for name, value in record.items()} for record in page.records]
        counted = {"total": page.total, "numerator": page.numerator, "page": page.page, "size": page.size}
        output.write_json({"kpi": asked.kpi, **counted, "rows": records}, to)
    elif asked.format == "csv":
        output.write_csv(page.columns, page.records, to, synthetic=warehouse.published().synthetic)
    else:
        names = {name: labels(warehouse, name, language) for name in dimensions_of(page.columns)}
        frame = of_rows(page, language, names, warehouse.published())
        values = [[output.json_value(value) for value in line] for line in frame.to_numpy().tolist()]
        lines = [["" if value is None else str(value) for value in line] for line in values]
        numbers = [any(isinstance(value, int | float) for value in frame[column]) for column in frame.columns]
        output.write_table(list(frame.columns), lines, numbers, to)
        last = (page.page - 1) * page.size + len(page.records)
        shown = phrase(
            language, "rows_shown", first=last - len(page.records) + 1 if lines else 0, last=last, total=page.total
        )
        if page.numerator is not None:
            shown += phrase(language, "rows_numerator", numerator=page.numerator)
        to.write(f"\n{shown}\n")
    return 0


# --- import, check, export ---------------------------------------------------------------------------------------


def import_(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Load one file by a mapping, and say what became of its rows."""
    from kpi.ingest import import_file  # what it needs is not needed to answer a question

    report = import_file(warehouse, asked.file, asked.mapping, allow_mixed=asked.allow_mixed, anew=asked.anew)
    counts = ("rows_read", "loaded", "updated", "duplicate", "excluded", "rejected")
    lines = [
        [phrase(language, f"count_{name}"), format_count(getattr(report, name), language, False)] for name in counts
    ]
    output.write_table([asked.file.name, ""], lines, [False, True], to)
    if report.first_date is not None and report.last_date is not None:
        to.write(
            "\n" + phrase(language, "dates", period=format_period(report.first_date, report.last_date, language)) + "\n"
        )
    if report.rejected:
        to.write("\n" + phrase(language, "rejected_where", load=report.load_id) + "\n")
    return 0


def rejected(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """The rejected rows of a load as CSV, to be mended and imported again."""
    from kpi.ingest import rejected_rows_csv

    to.write(rejected_rows_csv(warehouse, asked.load))
    return 0


def check(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """The identity proof of a period, or of the whole warehouse; 1 when an identity fails."""
    filters = filters_of(asked.filter)
    if asked.start or asked.end or filters:
        checks = proof(warehouse, Question(("volume",), period_of(warehouse, asked.start, asked.end), filters=filters))
    else:
        checks = audit(warehouse)
    if asked.format == "json":
        output.write_json([_check_json(check) for check in checks], to)
    else:
        for check in checks:
            to.write(_equation(check, language) + "\n")
        failed = sum(not check.holds for check in checks)
        to.write(
            "\n" + phrase(language, "check_failed" if failed else "check_holds", all=len(checks), failed=failed) + "\n"
        )
    return 0 if all(check.holds for check in checks) else 1


def _equation(check: Check, language: Language) -> str:
    """Like "✓ offered 1,234 = answered 1,000 + …"; a term without a phrase (a channel) is told by its id."""

    def named(key: str, name: str) -> str:
        return phrase(language, key) if key in catalogue() else name or "–"

    terms = " + ".join(f"{named(f'term_{name}', name)} {format_count(n, language, False)}" for name, n in check.terms)
    total = f"{named(f'identity_{check.id}', check.id)} {format_count(check.total, language, False)}"
    return f"{'✓' if check.holds else '✗'} {total} = {terms or 0}"


def _check_json(check: Check) -> dict[str, object]:
    return {"id": check.id, "holds": check.holds, "total": check.total, "terms": dict(check.terms)}


def export(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """One table as a Parquet file."""
    written = export_table(warehouse, asked.table, asked.file)
    to.write(phrase(language, "exported", rows=format_count(written, language, False), file=asked.file) + "\n")
    return 0


# --- targets -----------------------------------------------------------------------------------------------------


def apply_targets(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Put a file of targets in the place of those that are kept, and say what that changed."""
    try:
        text = asked.file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError("targets_unreadable", file=asked.file, problem=error) from error
    rows = target_file.load(text, _channels(warehouse))
    state = StateDatabase(warehouse.settings)
    try:
        done = target_file.apply(state, rows, LOCAL)
    finally:
        state.close()
    to.write(phrase(language, "targets_applied", **vars(done)) + "\n")
    return 0


def dump_targets(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """The targets as a file that can be applied again."""
    state = StateDatabase(warehouse.settings)
    try:
        to.write(target_file.dump(targets(state), language))
    finally:
        state.close()
    return 0


def _channels(warehouse: Warehouse) -> tuple[str, ...] | None:
    """The channels that a target may be for; None before there is any data."""
    if not warehouse.present or warehouse.published().data_start is None:
        return None
    return tuple(channel for channel in labels(warehouse, "channel", "en") if channel)
