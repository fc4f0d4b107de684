"""The stored calendar: its rows are written when their days are loaded, and mended when more is known of a year."""

import sqlalchemy as sa

from kpi import schema
from kpi.warehouse.days import LAST_PUBLISHED, calendar_rows
from kpi.warehouse.published import write_facts

_FACT = "calendar_published"  # the last published year when the rows were written
NEW = {_FACT: str(LAST_PUBLISHED)}


def is_behind(connection: sa.Connection) -> bool:
    """Whether rows may be of a time when less was published. One of a time when more was known stays as it is."""
    fact = schema.warehouse_fact.c
    stored = connection.scalars(sa.select(fact.value).where(fact.name == _FACT)).one_or_none()
    return stored is None or int(stored) < LAST_PUBLISHED


def catch_up(connection: sa.Connection) -> None:
    """Write the rows anew that say something else now."""
    table = schema.calendar
    stored = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
    now = calendar_rows(row["business_date"] for row in stored)
    changed = [row for row, old in zip(now, stored, strict=True) if row != old]
    if changed:
        days = [row["business_date"] for row in changed]
        connection.execute(table.delete().where(table.c.business_date.in_(days)))
        connection.execute(table.insert(), changed)
    write_facts(connection, NEW)
