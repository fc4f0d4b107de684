"""``python -m kpi rules``: the dated rules that numbers depend on."""

import argparse
from typing import TextIO

from kpi import output
from kpi.i18n import Language, phrase
from kpi.warehouse import Warehouse
from kpi.warehouse.rules import rules, set_service_target, set_tail_rule


def list_(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Every rule with the day from which it holds."""
    found = rules(warehouse)
    if asked.format == "json":
        output.write_json([{name: output.json_value(value) for name, value in vars(one).items()} for one in found], to)
        return 0
    head = [phrase(language, f"head_{name}") for name in ("rule", "valid_from")]
    lines = [[phrase(language, f"rule_{one.kind}", **vars(one)), one.valid_from.isoformat()] for one in found]
    output.write_table(head, lines, [False, False], to)
    return 0


def tail(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Say who is long tail from a month on."""
    set_tail_rule(warehouse, asked.kind, asked.parameter, asked.start)
    return list_(asked, warehouse, language, to)


def service(asked: argparse.Namespace, warehouse: Warehouse, language: Language, to: TextIO) -> int:
    """Say within how many seconds a channel should answer, from a day on."""
    set_service_target(warehouse, asked.channel, asked.seconds, asked.start)
    return list_(asked, warehouse, language, to)
