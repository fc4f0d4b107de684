"""The commands of ``python -m kpi``.

What they say to a person is in ``KPI_LANGUAGE``. Exit code 2: the input was not acceptable; 1: something failed.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TextIO, cast, get_args

from kpi import output
from kpi.errors import InputError, KpiError, PeriodError, UnknownName
from kpi.i18n import LANGUAGES, Language, catalogue, phrase
from kpi.i18n.numbers import format_change, format_count, format_moment, format_period, format_value
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import parts_of
from kpi.metrics.registry import METRICS, SECTIONS
from kpi.query import Answer, Filter, Period, Question, answer, rows
from kpi.query.identity import Check, audit, proof
from kpi.query.labels import labels
from kpi.query.question import Compare
from kpi.settings import load_settings
from kpi.warehouse import Warehouse
from kpi.warehouse.export import export_table

log = logging.getLogger("switchboard")

# The days of a period of which only the end is given.
_USUAL_DAYS = 28


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code. Nothing foreseen ends in a traceback."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    language = _language()
    try:
        parsed = build_parser(language).parse_args(sys.argv[1:] if arguments is None else arguments)
        code: int = parsed.run(parsed, sys.stdout)
        sys.stdout.flush()
        return code
    except KpiError as error:
        print(error.message(language), file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception:
        log.exception("unexpected error")
        return 1


def _language() -> Language:
    """What to speak even when the settings cannot be read."""
    try:
        return load_settings().language
    except KpiError:
        asked = os.environ.get("KPI_LANGUAGE", "")
        return cast(Language, asked) if asked in LANGUAGES else "en"


# --- the arguments -----------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """argparse with our own error for a command that is none."""

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if isinstance(action, argparse._SubParsersAction) and value not in (action.choices or ()):
            raise UnknownName("command", str(value), action.choices or ())
        super()._check_value(action, value)


def build_parser(language: Language) -> argparse.ArgumentParser:
    """The commands with their options, told in ``language``."""

    def say(key: str) -> str:
        return phrase(language, f"help_{key}")

    parser = _Parser(prog="python -m kpi", description=say("program"))
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)

    def command(name: str, run: Callable[[argparse.Namespace, TextIO], int]) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=say(name), description=say(name), allow_abbrev=False)
        added.set_defaults(run=run)
        return added

    def formats(of: argparse.ArgumentParser, valid: Sequence[str] = output.FORMATS) -> None:
        of.add_argument(
            "--format", type=_one_of("format", valid), default="table", metavar="|".join(valid), help=say("format")
        )

    def question(of: argparse.ArgumentParser) -> None:
        of.add_argument("--from", dest="start", type=_day, metavar="DATE", help=say("from"))
        of.add_argument("--to", dest="end", type=_day, metavar="DATE", help=say("to"))
        of.add_argument("--filter", action="append", default=[], metavar="DIM=VALUE[,VALUE]", help=say("filter"))

    listed = command("list", _list)
    formats(listed)

    query = command("query", _query)
    query.add_argument("kpi", nargs="+", metavar="KPI", help=say("kpis"))
    query.add_argument("--by", action="extend", nargs="+", default=[], metavar="DIM", help=say("by"))
    question(query)
    query.add_argument(
        "--compare",
        type=_one_of("comparison", get_args(Compare)),
        metavar="|".join(get_args(Compare)),
        help=say("compare"),
    )
    formats(query)

    found = command("rows", _rows)
    found.add_argument("kpi", metavar="KPI", help=say("kpi"))
    question(found)
    found.add_argument("--page", type=int, default=1, metavar="N", help=say("page"))
    found.add_argument("--size", type=int, default=50, metavar="N", help=say("size"))
    found.add_argument("--sort", default="", metavar="[-]COLUMN", help=say("sort"))
    formats(found)

    loaded = command("import", _import)
    loaded.add_argument("file", type=Path, metavar="FILE", help=say("file"))
    loaded.add_argument("--mapping", required=True, metavar="MAPPING", help=say("mapping"))
    loaded.add_argument("--allow-mixed", action="store_true", help=say("allow_mixed"))

    checked = command("check", _check)
    question(checked)
    formats(checked, ("table", "json"))

    exported = command("export", _export)
    exported.add_argument("table", metavar="TABLE", help=say("table"))
    exported.add_argument("--to", dest="file", required=True, type=Path, metavar="FILE.parquet", help=say("parquet"))
    return parser


def _one_of(kind: str, valid: Sequence[str]) -> Callable[[str], str]:
    def chosen(text: str) -> str:
        if text not in valid:
            raise UnknownName(kind, text, valid)
        return text

    return chosen


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise PeriodError("bad_date", text=text[:40]) from error


def _several(texts: Sequence[str]) -> tuple[str, ...]:
    """Names given apart or with commas, each once."""
    return tuple(dict.fromkeys(name.strip() for text in texts for name in text.split(",") if name.strip()))


def _filters(texts: Sequence[str]) -> tuple[Filter, ...]:
    """``dim=value,value``; the same dimension again adds values; an empty value is "unknown"."""
    chosen: dict[str, list[str]] = {}
    for text in texts:
        dimension, equals, values = text.partition("=")
        if not equals:
            raise InputError("bad_filter", text=text[:100])
        chosen.setdefault(dimension.strip(), []).extend(value.strip() for value in values.split(","))
    return tuple(Filter(dimension, tuple(dict.fromkeys(values))) for dimension, values in chosen.items())


def _period(warehouse: Warehouse, start: date | None, end: date | None) -> Period:
    """What was asked for; by default the four weeks up to the data's running day."""
    if end is None:
        with warehouse.read() as connection:
            end = warehouse.require_data(connection).today
    return Period(end - timedelta(days=_USUAL_DAYS - 1) if start is None else start, end)


def _open() -> Warehouse:
    return Warehouse.from_settings(load_settings())


# --- list --------------------------------------------------------------------------------------------------------


def declaration(kpi: str) -> dict[str, object]:
    """A KPI's declaration as JSON can hold it."""
    metric = METRICS[kpi]
    names = [part.id for part in parts_of(metric.measure)]
    return {
        "id": metric.id,
        "name_zh": metric.name_zh,
        "name_en": metric.name_en,
        "section": metric.section,
        "unit": metric.unit,
        "direction": metric.direction,
        "class": metric.roll_up,
        "formula_zh": metric.formula[0],
        "formula_en": metric.formula[1],
        "exclusions_zh": metric.exclusions[0],
        "exclusions_en": metric.exclusions[1],
        "numerator": names[0] if names else None,
        "denominator": names[1] if len(names) > 1 else None,
        "facts": [fact.id for fact in metric.facts],
        "date_attributes": [str(fact.date) for fact in metric.facts],
        "dimensions": list(metric.dimensions),
        "maturity_days": metric.maturity.days if metric.maturity else None,
        "version": metric.version,
        "source": metric.source,
    }


def _list(asked: argparse.Namespace, to: TextIO) -> int:
    declarations = [declaration(kpi) for kpi in METRICS]
    if asked.format == "json":
        output.write_json(declarations, to)
    elif asked.format == "csv":
        output.write_csv(list(declarations[0]), declarations, to)
    else:
        language = _language()
        of = 0 if language == "zh" else 1
        for section, names in SECTIONS.items():
            to.write(f"{names[of]}\n")
            for metric in METRICS.values():
                if metric.section == section:
                    to.write(f"  {metric.id} · {metric.name(language)} · {metric.roll_up}, v{metric.version}\n")
                    to.write(f"      {metric.formula[of]}\n")
                    if metric.exclusions[of]:
                        to.write(f"      {phrase(language, 'without', what=metric.exclusions[of])}\n")
                    to.write(f"      {phrase(language, 'by', dimensions=', '.join(metric.dimensions))}\n")
    return 0


# --- query -------------------------------------------------------------------------------------------------------

_CELL = ("kpi", "value", "numerator", "denominator", "n", "low", "high", "previous", "change", "provisional", "reason")


def answer_json(answered: Answer) -> dict[str, object]:
    """An answer as JSON can hold it: version, as-of, and a row a cell."""
    return {
        "version": answered.version,
        "as_of": {source: output.plain(moment) for source, moment in answered.as_of.items()},
        "rows": [
            dict(zip(answered.question.by, map(output.plain, cell.key), strict=True))
            | {name: output.plain(getattr(cell, name)) for name in _CELL}
            for cell in answered.cells
        ],
    }


def _query(asked: argparse.Namespace, to: TextIO) -> int:
    warehouse = _open()
    question = Question(
        kpis=_several(asked.kpi),
        period=_period(warehouse, asked.start, asked.end),
        by=_several(asked.by),
        filters=_filters(asked.filter),
        compare=asked.compare,
    )
    answered = answer(warehouse, question)
    if asked.format == "json":
        output.write_json(answer_json(answered), to)
    elif asked.format == "csv":
        records = cast(list[dict[str, object]], answer_json(answered)["rows"])
        output.write_csv([*question.by, *_CELL], records, to)
    else:
        _answer_table(warehouse, answered, _language(), to)
    return 0


def _answer_table(warehouse: Warehouse, answered: Answer, language: Language, to: TextIO) -> None:
    question = answered.question
    names = {dimension: labels(warehouse, dimension, language) for dimension in question.by}
    dimensions = [DIMENSIONS[dimension].name(language) for dimension in question.by]
    compared = ["previous", "change"] if question.compare else []
    numbers = ["value", "n", "interval", *compared]
    head = [*dimensions, phrase(language, "head_kpi"), *(phrase(language, f"head_{name}") for name in numbers), ""]
    lines = []
    for cell in answered.cells:
        metric = METRICS[cell.kpi]

        def shown(value: float | None, unit=metric.unit) -> str:  # type: ignore[no-untyped-def]
            return format_value(value, unit, language, compact=False)

        keys = ["" if value is None else str(value) for value in cell.key]
        notes = [phrase(language, f"reason_{cell.reason}")] if cell.reason else []
        if cell.provisional:
            notes.append(phrase(language, "provisional"))
        lines.append(
            [
                *(names[dimension].get(key, key) or "–" for dimension, key in zip(question.by, keys, strict=True)),
                metric.name(language),
                shown(cell.value),
                "–" if cell.n is None else format_count(cell.n, language, compact=False),
                "" if cell.low is None else f"{shown(cell.low)} – {shown(cell.high)}",
                *(
                    [shown(cell.previous), format_change(cell, metric.unit, language, compact=False)]
                    if compared
                    else []
                ),
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
    if answered.synthetic:
        to.write(phrase(language, "synthetic") + "\n")


# --- rows --------------------------------------------------------------------------------------------------------


def _rows(asked: argparse.Namespace, to: TextIO) -> int:
    warehouse = _open()
    period = _period(warehouse, asked.start, asked.end)
    question = Question(kpis=(asked.kpi,), period=period, filters=_filters(asked.filter))
    page = rows(warehouse, question, page=asked.page, size=asked.size, sort=asked.sort)
    if asked.format == "json":
        records = [{name: output.plain(value) for name, value in record.items()} for record in page.records]
        counted = {"total": page.total, "numerator": page.numerator, "page": page.page, "size": page.size}
        output.write_json({"kpi": asked.kpi, **counted, "rows": records}, to)
    elif asked.format == "csv":
        output.write_csv(page.columns, page.records, to)
    else:
        language = _language()
        lines = [["" if record[c] is None else str(record[c]) for c in page.columns] for record in page.records]
        output.write_table(page.columns, lines, [False] * len(page.columns), to)
        last = (page.page - 1) * page.size + len(page.records)
        shown = phrase(
            language, "rows_shown", first=last - len(page.records) + 1 if lines else 0, last=last, total=page.total
        )
        if page.numerator is not None:
            shown += phrase(language, "rows_numerator", numerator=page.numerator)
        to.write(f"\n{shown}\n")
    return 0


# --- import, check, export ---------------------------------------------------------------------------------------


def _import(asked: argparse.Namespace, to: TextIO) -> int:
    from kpi.ingest import import_file  # what it needs is not needed to answer a question

    report = import_file(_open(), asked.file, asked.mapping, allow_mixed=asked.allow_mixed)
    language = _language()
    counts = ("rows_read", "loaded", "updated", "duplicate", "excluded", "rejected")
    lines = [
        [phrase(language, f"count_{name}"), format_count(getattr(report, name), language, False)] for name in counts
    ]
    output.write_table([asked.file.name, ""], lines, [False, True], to)
    if report.first_date is not None:
        to.write(
            "\n" + phrase(language, "dates", period=format_period(report.first_date, report.last_date, language)) + "\n"
        )
    return 0


def _check(asked: argparse.Namespace, to: TextIO) -> int:
    warehouse = _open()
    filters = _filters(asked.filter)
    if asked.start or asked.end or filters:
        checks = proof(warehouse, Question(("volume",), _period(warehouse, asked.start, asked.end), filters=filters))
    else:
        checks = audit(warehouse)
    if asked.format == "json":
        output.write_json([_check_json(check) for check in checks], to)
    else:
        language = _language()
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


def _export(asked: argparse.Namespace, to: TextIO) -> int:
    written = export_table(_open(), asked.table, asked.file)
    language = _language()
    to.write(phrase(language, "exported", rows=format_count(written, language, False), file=asked.file) + "\n")
    return 0
