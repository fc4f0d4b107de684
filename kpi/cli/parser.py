"""``python -m kpi``: the arguments, and what every command does about errors.

What is said to a person is in ``KPI_LANGUAGE``. Exit code 2: the input was not acceptable; 1: something failed.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO, cast, get_args

from kpi import output
from kpi.cli import question_commands, rule_commands, why_command
from kpi.cli import snapshot_commands as snapshot_commands
from kpi.dates import day_of
from kpi.errors import KpiError, UnknownName
from kpi.i18n import LANGUAGES, Language, phrase
from kpi.plain_text import CleanStream, log_to_stderr
from kpi.query.question import Compare, Named, Period
from kpi.settings import load_settings, machine_language
from kpi.warehouse import Warehouse

log = logging.getLogger("switchboard")

_DATES = "DATE..DATE"

Command = Callable[[argparse.Namespace, Warehouse, Language, TextIO], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code. Nothing foreseen ends in a traceback."""
    # Nothing of data, or of what was asked, reaches a terminal but as text.
    with redirect_stdout(cast(TextIO, CleanStream(sys.stdout))), redirect_stderr(cast(TextIO, CleanStream(sys.stderr))):
        log_to_stderr()
        return _main(sys.argv[1:] if arguments is None else arguments)


def _main(arguments: Sequence[str]) -> int:
    language = _language()
    try:
        asked = build_parser(language).parse_args(arguments)
        with closing(Warehouse.from_settings(load_settings())) as warehouse:
            code: int = asked.run(asked, warehouse, language, sys.stdout)
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
        return asked if asked in LANGUAGES else machine_language(os.environ)


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
    chosen = top = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)

    def command(name: str, run: Command, told: str = "") -> argparse.ArgumentParser:
        what = say(told or name)
        added = chosen.add_parser(name, help=what, description=what, allow_abbrev=False)
        added.set_defaults(run=run)
        return added

    def formats(of: argparse.ArgumentParser, valid: Sequence[str] = output.FORMATS) -> None:
        of.add_argument(
            "--format", type=_one_of("format", valid), default="table", metavar="|".join(valid), help=say("format")
        )

    def question(of: argparse.ArgumentParser) -> None:
        of.add_argument("--from", dest="start", type=day_of, metavar="DATE", help=say("from"))
        of.add_argument("--to", dest="end", type=day_of, metavar="DATE", help=say("to"))
        of.add_argument(
            "--filter", action="extend", nargs="+", default=[], metavar="DIM=VALUE[,VALUE]", help=say("filter")
        )

    listed = command("list", question_commands.list_kpis)
    formats(listed)

    query = command("query", question_commands.query)
    query.add_argument("kpi", nargs="+", metavar="KPI", help=say("kpis"))
    query.add_argument("--by", action="extend", nargs="+", default=[], metavar="DIM", help=say("by"))
    question(query)
    query.add_argument(
        "--compare",
        type=_comparison,
        metavar="|".join((*get_args(Named), _DATES)),
        help=say("compare"),
    )
    formats(query)

    explained = command("why", why_command.explain)
    explained.add_argument("kpi", metavar="KPI", help=say("kpi"))
    explained.add_argument("--by", action="extend", nargs="+", default=[], metavar="DIM", help=say("why_by"))
    question(explained)
    explained.add_argument(
        "--compare",
        type=_comparison,
        default="previous",
        metavar="|".join((*get_args(Named), _DATES)),
        help=say("compare"),
    )
    explained.add_argument(
        "--format",
        type=_one_of("format", ("text", "json")),
        default="text",
        metavar="text|json",
        help=say("why_format"),
    )

    found = command("rows", question_commands.list_rows)
    found.add_argument("kpi", metavar="KPI", help=say("kpi"))
    question(found)
    found.add_argument("--page", type=int, default=1, metavar="N", help=say("page"))
    found.add_argument("--size", type=int, default=50, metavar="N", help=say("size"))
    found.add_argument("--sort", default="", metavar="[-]COLUMN", help=say("sort"))
    formats(found)

    loaded = command("import", question_commands.import_)
    loaded.add_argument("file", type=Path, metavar="FILE", help=say("file"))
    loaded.add_argument("--mapping", required=True, metavar="MAPPING", help=say("mapping"))
    loaded.add_argument("--allow-mixed", action="store_true", help=say("allow_mixed"))
    loaded.add_argument("--new", action="store_true", dest="anew", help=say("import_new"))

    rejected = command("rejected", question_commands.rejected)
    rejected.add_argument("load", type=int, metavar="LOAD", help=say("load"))

    checked = command("check", question_commands.check)
    question(checked)
    formats(checked, ("table", "json"))

    exported = command("export", question_commands.export)
    exported.add_argument("table", metavar="TABLE", help=say("table"))
    exported.add_argument("--to", dest="file", required=True, type=Path, metavar="FILE.parquet", help=say("parquet"))

    targets = chosen.add_parser("targets", help=say("targets"), description=say("targets"), allow_abbrev=False)
    chosen = targets.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    applied = command("apply", question_commands.apply_targets, "targets_apply")
    applied.add_argument("file", type=Path, metavar="FILE.toml", help=say("targets_file"))
    command("dump", question_commands.dump_targets, "targets_dump")

    rules = top.add_parser("rules", help=say("rules"), description=say("rules"), allow_abbrev=False)
    chosen = rules.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    formats(command("list", rule_commands.list_, "rules_list"), ("table", "json"))
    tail = command("tail", rule_commands.tail, "rules_tail")
    tail.add_argument("kind", type=_one_of("kind", ("value", "tier")), metavar="value|tier", help=say("rules_kind"))
    tail.add_argument("parameter", type=int, metavar="N", help=say("rules_parameter"))
    service = command("service", rule_commands.service, "rules_service")
    service.add_argument("channel", metavar="CHANNEL", help=say("rules_channel"))
    service.add_argument("seconds", type=int, metavar="SECONDS", help=say("rules_seconds"))
    for changed in (tail, service):
        changed.add_argument("--from", dest="start", type=day_of, required=True, metavar="DATE", help=say("rules_from"))
        formats(changed, ("table", "json"))

    snapshots = top.add_parser("snapshots", help=say("snapshots"), description=say("snapshots"), allow_abbrev=False)
    chosen = snapshots.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    applied = command("apply", snapshot_commands.apply, "snapshots_apply")
    applied.add_argument("file", type=Path, metavar="FILE.toml", help=say("snapshots_file"))
    command("dump", snapshot_commands.dump, "snapshots_dump")
    command("list", snapshot_commands.list_, "snapshots_list")
    ran = command("run", snapshot_commands.run, "snapshots_run")
    ran.add_argument("name", metavar="NAME", help=say("snapshots_name"))
    ran.add_argument("--due", type=day_of, metavar="DATE", help=say("snapshots_due"))
    filled = command("back-fill", snapshot_commands.back_fill, "snapshots_back_fill")
    filled.add_argument("name", metavar="NAME", help=say("snapshots_name"))
    filled.add_argument("--from", dest="start", type=day_of, required=True, metavar="DATE", help=say("snapshots_first"))
    filled.add_argument("--to", dest="end", type=day_of, required=True, metavar="DATE", help=say("snapshots_last"))
    command("run-due", snapshot_commands.run_due, "snapshots_run_due")
    served = command("serve", snapshot_commands.serve, "snapshots_serve")
    served.add_argument("--child", action="store_true", help=say("snapshots_child"))
    told = command("runs", snapshot_commands.list_runs, "snapshots_runs")
    told.add_argument("name", nargs="?", metavar="NAME", help=say("snapshots_name"))
    told.add_argument("--last", type=int, default=50, metavar="N", help=say("snapshots_runs_last"))
    formats(told, ("table", "json"))
    anew = command("again", snapshot_commands.again, "snapshots_again")
    anew.add_argument("key", metavar="RUN", help=say("snapshots_key"))
    anew.add_argument("--to", required=True, type=Path, metavar="FOLDER", help=say("snapshots_to"))
    for name, decide, told_as in (
        ("arrived", snapshot_commands.arrived, "snapshots_arrived"),
        ("send-again", snapshot_commands.send_again, "snapshots_send_again"),
    ):
        about = command(name, decide, told_as)
        about.add_argument("key", metavar="RUN", help=say("snapshots_key"))
        about.add_argument("recipients", nargs="*", metavar="RECIPIENT", help=say("snapshots_recipients"))
    for name, run in (("pause", snapshot_commands.pause), ("resume", snapshot_commands.resume)):
        command(name, run, f"snapshots_{name}").add_argument("name", metavar="NAME", help=say("snapshots_name"))
    return parser


def _one_of(kind: str, valid: Sequence[str]) -> Callable[[str], str]:
    def chosen(text: str) -> str:
        if text not in valid:
            raise UnknownName(kind, text, valid)
        return text

    return chosen


def _comparison(text: str) -> Compare:
    """A comparison by its name, or as dates."""
    names = get_args(Named)
    if text in names:
        return cast(Named, text)
    if ".." in text:
        return Period.of(text)
    raise UnknownName("comparison", text, (*names, _DATES))
