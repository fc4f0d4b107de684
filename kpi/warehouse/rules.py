"""Dated settings that numbers depend on: the service target of a channel, and who is long tail.

They lie in the warehouse, so that a version of it says which were in force. Changing one is a load of its own: what
depends on it is derived again, the roll-ups of those days too, and a new version is published.
"""

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import sqlalchemy as sa

from kpi import schema
from kpi.errors import InputError, UnknownName
from kpi.warehouse.engine import Warehouse
from kpi.warehouse.load import Load, LoadReport

# The most that a rule of the long tail can say, by its kind: per cent, or stars.
_MOST = {"value": 99, "tier": 7}


@dataclass(frozen=True)
class Rule:
    """A rule in force from ``valid_from`` to the next of its kind (and channel).

    ``kind`` service: ``channel`` should answer within ``parameter`` seconds; value: long tail is who is outside the top
    ``parameter`` percent by value; tier: who has at most ``parameter`` stars.
    """

    kind: str
    parameter: int
    valid_from: date
    channel: str = ""


def rules(warehouse: Warehouse) -> list[Rule]:
    """All rules: who is long tail, oldest first, then service targets by channel.

    Channels without one answer by the product's defaults (20 s by phone, 10 s for VIPs, 60 s in messages).
    """
    tail, target = schema.tail_rule.c, schema.service_target.c
    tails = sa.select(tail.kind, tail.parameter, tail.valid_from).order_by(tail.valid_from)
    targets = sa.select(target.channel, target.seconds, target.valid_from).order_by(target.channel, target.valid_from)
    with warehouse.read() as connection:
        return [
            *(Rule(kind, parameter, since) for kind, parameter, since in connection.execute(tails)),
            *(Rule("service", seconds, since, channel) for channel, seconds, since in connection.execute(targets)),
        ]


def set_service_target(warehouse: Warehouse, channel: str, seconds: int, valid_from: date) -> LoadReport:
    """From ``valid_from`` until the channel's next target, a contact is in target when answered within ``seconds``.

    Raises UnknownName for a channel that is none, InputError for a negative number.
    """
    if seconds < 0:
        raise InputError("rule_seconds", seconds=seconds)
    with warehouse.read() as connection:
        channels = list(connection.scalars(sa.select(schema.channel.c.channel).order_by(schema.channel.c.position)))
    if channel not in channels:
        raise UnknownName("channel", channel, channels)
    row = {"channel": channel, "valid_from": valid_from, "seconds": seconds}
    return _change(warehouse, "service_target", row, f"service target of {channel}: {seconds} s from {valid_from}")


def set_tail_rule(warehouse: Warehouse, kind: str, parameter: int, valid_from: date) -> LoadReport:
    """Months from ``valid_from`` (a first of a month) until the next rule use this one.

    ``kind`` "value": long tail is who is not among the top ``parameter`` percent of the open customers by value;
    "tier": who has at most ``parameter`` stars. Raises UnknownName for another kind, InputError for a parameter that
    makes no sense or another day of a month.
    """
    if kind not in _MOST:
        raise UnknownName("kind", kind, tuple(_MOST))
    if not 1 <= parameter <= _MOST[kind]:
        raise InputError(f"rule_{kind}_bad", parameter=parameter, most=_MOST[kind])
    if valid_from.day != 1:
        raise InputError("rule_day", date=valid_from)
    row = {"valid_from": valid_from, "kind": kind, "parameter": parameter}
    return _change(warehouse, "tail_rule", row, f"tail rule: {kind} {parameter} from {valid_from}")


def _change(warehouse: Warehouse, table: str, row: dict[str, object], description: str) -> LoadReport:
    with Load(warehouse, description=description, synthetic=None) as load:
        load.stage(table, pa.Table.from_pylist([row]))
        return load.publish()
