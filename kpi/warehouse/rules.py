"""Dated settings that numbers depend on: the service target of a channel, and who is long tail.

They lie in the warehouse, so that a version of it says which were in force. Changing one is a load of its own: what
depends on it is derived again, the roll-ups of those days too, and a new version is published.
"""

from datetime import date

import pyarrow as pa
import sqlalchemy as sa

from kpi import schema
from kpi.errors import UnknownName
from kpi.warehouse.engine import Warehouse
from kpi.warehouse.load import Load, LoadReport


def set_service_target(warehouse: Warehouse, channel: str, seconds: int, valid_from: date) -> LoadReport:
    """From ``valid_from`` until the channel's next target, a contact is in target when answered within ``seconds``.

    Raises UnknownName for a channel that is none, LoadError for a negative number.
    """
    with warehouse.read() as connection:
        channels = list(connection.scalars(sa.select(schema.channel.c.channel).order_by(schema.channel.c.position)))
    if channel not in channels:
        raise UnknownName("channel", channel, channels)
    row = {"channel": channel, "valid_from": valid_from, "seconds": seconds}
    return _change(warehouse, "service_target", row, f"service target of {channel}: {seconds} s from {valid_from}")


def set_tail_rule(warehouse: Warehouse, kind: str, parameter: int, valid_from: date) -> LoadReport:
    """Months from ``valid_from`` (a first of a month) until the next rule use this one.

    ``kind`` "value": long tail is who is not among the top ``parameter`` percent of the open customers by value;
    "tier": who has at most ``parameter`` stars. Raises LoadError for another kind, or a parameter that makes no sense.
    """
    row = {"valid_from": valid_from, "kind": kind, "parameter": parameter}
    return _change(warehouse, "tail_rule", row, f"tail rule: {kind} {parameter} from {valid_from}")


def _change(warehouse: Warehouse, table: str, row: dict[str, object], description: str) -> LoadReport:
    with Load(warehouse, description=description, synthetic=None) as load:
        load.stage(table, pa.Table.from_pylist([row]))
        return load.publish()
