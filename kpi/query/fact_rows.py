"""Rows of a fact as they are listed behind a number: the contact that each hangs on, its customer masked."""

import sqlalchemy as sa

from kpi import schema
from kpi.metrics.dimensions import INTERACTION
from kpi.metrics.model import Fact, Part
from kpi.query.selection import Selection, Sources

# What is listed of a contact, in order. Keys of agents only for who may see them.
_CONTACT = (
    "started_at", "channel", "line", "tier", "topic", "first_handler", "final_handler", "outcome", "escalation_reason",
    "wait_seconds", "first_response_seconds", "talk_seconds", "hold_seconds", "wrap_seconds", "transfers", "team",
    "agent_key", "csat_score", "nps_score", "region", "media", "ended_at", "source", "interaction_id",
)  # fmt: skip


def fact_rows(
    selection: Selection,
    part: Part,
    mark: sa.ColumnElement[bool],
    sources: Sources,
    *kinds: sa.ColumnElement[bool],
    counted: bool = False,
) -> sa.Select:
    """The rows of a part that are of all ``kinds`` as well: ``numerator`` (``mark``), then what is listed of them.

    ``counted``: they are counted only, so that contacts need not be joined with whose they are.
    """
    fact = part.fact
    rows = selection.facts(fact, sources, part.where, *kinds)
    from_, where = rows.from_, rows.where
    if counted:
        return sa.select(mark.label("numerator")).select_from(from_).where(*where)
    tables = sa.sql.util.find_tables(fact.from_, include_joins=True)
    if schema.origin in tables:
        came_of = (schema.origin.c[name] == schema.interaction.c[name] for name in schema.interaction.info["key"])
        from_ = from_.outerjoin(schema.interaction, sa.and_(*came_of))
    if not {schema.interaction, schema.origin}.isdisjoint(tables):
        shown = [schema.interaction.c[key] for key in _CONTACT]
        customer = masked(schema.interaction.c.customer_key).label("customer")
        from_ = from_.outerjoin(schema.customer, schema.customer.c.customer_key == schema.interaction.c.customer_key)
    else:
        shown, customer = [], sa.cast(sa.null(), sa.String).label("customer")
    listed = {column.name for column in shown} | {"customer_key"}
    extra = [column for column in _main_table(fact).columns if column.name not in listed and fact is not INTERACTION]
    return sa.select(mark.label("numerator"), *shown[:1], customer, *shown[1:], *extra).select_from(from_).where(*where)


def _main_table(fact: Fact) -> sa.Table:
    """The table that the fact's rows are rows of: the left-most of its joins."""
    table = fact.from_
    while isinstance(table, sa.Join):
        table = table.left
    assert isinstance(table, sa.Table)
    return table


def masked(customer_key: sa.ColumnElement) -> sa.ColumnElement[str]:
    """How a customer is shown: his masked id (``customer`` must be joined), else the end of his pseudonym."""
    tail = sa.func.right(sa.cast(customer_key, sa.String), 4)
    return sa.func.coalesce(schema.customer.c.masked_id, "••" + tail)
