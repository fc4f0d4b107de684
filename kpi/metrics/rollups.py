"""Daily roll-ups: additive parts summed by day and a few dimensions.

One table with every dimension at once would hold nearly as many rows as the facts (a day has more combinations
than contacts, unless it has hundreds of thousands). So there are several narrow ones: what most questions need
(feed, channel, line, tier, segment), and that with one more dimension each. A question goes to the narrowest
that has all its dimensions, else to the facts; it is the same integer either way.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from kpi.metrics.dimensions import DIMENSIONS, FUNCTION_USE, INTERACTION
from kpi.metrics.model import Fact, Part
from kpi.metrics.registry import additive_parts

_TYPES = {"text": sa.String, "number": sa.SmallInteger, "date": sa.Date}
_CORE = ("channel", "line", "tier", "segment")


@dataclass(frozen=True, eq=False)
class RollUp:
    """Sums of ``parts`` of ``fact`` by business date, feed and ``dimensions``.

    ``table``: columns ``business_date``, ``source``, one a dimension, one a part (``id``), and for a part that sums
    a value the number of rows it stands on (``id__n``).
    """

    fact: Fact
    dimensions: tuple[str, ...]
    parts: tuple[Part, ...]
    table: sa.Table

    def select(self, between: tuple[date, date] | None = None, dates: Collection[date] | None = None) -> sa.Select:
        """The rows of the table, computed from the facts of some days (both ends inclusive), or of all days.

        The limits of maturity are bound values: pass ``Published.binds()`` when executing.
        """
        keys = [
            self.fact.date.label("business_date"),
            self.fact.source.label("source"),
            *(self.fact.columns[dimension].label(dimension) for dimension in self.dimensions),
        ]
        query = sa.select(*keys, *self.sums()).select_from(self.fact.from_).group_by(*(key.element for key in keys))
        if between is not None:
            query = query.where(self.fact.date.between(*between))
        if dates is not None:
            query = query.where(self.fact.date.in_(sorted(dates)))
        return query

    def sums(self) -> list[sa.Label]:
        """The aggregates behind the columns of the parts."""
        found: list[sa.Label] = []
        for part in self.parts:
            found.append(part.sum().label(part.id))
            if part.value is not None:
                found.append(part.count().label(f"{part.id}__n"))
        return found

    def labels(self) -> list[str]:
        """The names of the columns of the parts."""
        return [label.name for label in self.sums()]

    def covers(self, fact: Fact, dimensions: Collection[str]) -> bool:
        """Whether a question on ``fact`` by ``dimensions`` can be answered; attributes are looked up at asking."""
        bases = {DIMENSIONS[dimension].attribute_of or dimension for dimension in dimensions}
        return fact is self.fact and bases <= {"date", *self.dimensions}

    def columns(self) -> dict[str, sa.ColumnElement]:
        """Dimension id -> column of the table."""
        return {"date": self.table.c.business_date} | {key: self.table.c[key] for key in self.dimensions}


# The tables lie in metadata of their own: they are made from the facts and can be made again at any time.
metadata = sa.MetaData()


def _roll_up(name: str, fact: Fact, *dimensions: str) -> RollUp:
    parts = tuple(part for part in additive_parts().values() if part.fact is fact)
    columns: list[sa.Column] = [
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("source", sa.String, nullable=False),
    ]
    columns += [sa.Column(key, _TYPES[DIMENSIONS[key].kind]) for key in dimensions]
    for part in parts:
        columns.append(sa.Column(part.id, sa.BigInteger, nullable=False))
        if part.value is not None:
            columns.append(sa.Column(f"{part.id}__n", sa.BigInteger, nullable=False))
    return RollUp(fact, dimensions, parts, sa.Table(name, metadata, *columns))


# Who handled a contact, and in which team: together they hardly tell more groups apart than each does alone, so that
# the facts are summed by all of them at once, and each table from that.
JOINT_DIMENSIONS = ("first_handler", "final_handler", "team")

# From narrow to wide: the first that covers a question answers it.
ROLLUPS: tuple[RollUp, ...] = (
    _roll_up("daily", INTERACTION, *_CORE),
    _roll_up("daily_handler", INTERACTION, *_CORE, "first_handler", "final_handler"),
    _roll_up("daily_region", INTERACTION, *_CORE, "region"),
    _roll_up("daily_team", INTERACTION, *_CORE, "team"),
    _roll_up("daily_topic", INTERACTION, *_CORE, "topic"),
    _roll_up("daily_function", FUNCTION_USE, *_CORE, "function"),
)
