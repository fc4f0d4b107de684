"""What the values of a dimension are, and what they are called."""

from collections.abc import Mapping

import sqlalchemy as sa

from kpi import schema
from kpi.i18n import Language
from kpi.metrics.dimensions import DIMENSIONS
from kpi.plain_text import Names
from kpi.warehouse import Warehouse

# Open dimensions without a table of names: their values are read from the agents.
_UNKNOWN: dict[Language, str] = {"zh": "未知", "en": "unknown"}


def known_values(connection: sa.Connection, dimension: str) -> list[str] | None:
    """The values that a filter on ``dimension`` may have; None where any value is acceptable (dates, hours)."""
    declared = DIMENSIONS[dimension]
    if declared.names is not None:
        key = declared.names.c[dimension]
        order = [declared.names.c.position] if "position" in declared.names.c else []
        found = [row[0] for row in connection.execute(sa.select(key).order_by(*order, key))]
        # A feed may deliver what no dimension table names (a new channel, a file without a list of teams).
        if not found and dimension in schema.interaction.c:
            column = schema.interaction.c[dimension]
            found = [row[0] for row in connection.execute(sa.select(column).distinct().order_by(column)) if row[0]]
        return found
    if declared.values is not None:
        return list(declared.values)
    if dimension == "agent":
        for key in (schema.agent.c.agent_key, schema.interaction.c.agent_key):
            if found := [row[0] for row in connection.execute(sa.select(key).distinct().order_by(key)) if row[0]]:
                return found
    return None


def labels(warehouse: Warehouse, dimension: str, language: Language) -> Mapping[str, str]:
    """Value (as text, "" = unknown) -> name, as plain text, in the order to show. Empty for dates and
    hours.
    """
    with warehouse.read() as connection:
        return labels_on(connection, dimension, language)


def labels_on(connection: sa.Connection, dimension: str, language: Language) -> Mapping[str, str]:
    """As ``labels``, within a transaction that is open already."""
    declared = DIMENSIONS[dimension]
    position = 0 if language == "zh" else 1
    named: dict[str, str] = {}
    if declared.values is not None:
        named = {value: names[position] for value, names in declared.values.items()}
    elif declared.names is not None:
        table = declared.names
        order = [table.c.position] if "position" in table.c else []
        query = sa.select(table.c[dimension], table.c.name_zh, table.c.name_en).order_by(*order, table.c[dimension])
        named = {row[0]: row[1 + position] for row in connection.execute(query)}
    elif dimension == "agent":
        query = sa.select(schema.agent.c.agent_key, schema.agent.c.name).order_by(schema.agent.c.valid_from)
        named = {row.agent_key: row.name or row.agent_key for row in connection.execute(query)}
    if not named:
        # What no table names is called as the feed calls it.
        named = {value: value for value in known_values(connection, dimension) or ()}
    return Names(named | {"": _UNKNOWN[language]} if named else {})
