"""Migration between channels: where the customers of an earlier period come from now.

No KPI, but a table of customers: each is counted once, under his main channel then and now.
"""

from dataclasses import dataclass, replace

import pandas as pd
import sqlalchemy as sa

from kpi import schema
from kpi.metrics import parts
from kpi.metrics.dimensions import DIMENSIONS, INTERACTION
from kpi.metrics.registry import metric
from kpi.query.compare import comparison, effective
from kpi.query.feeds import feeds_for, feeds_in_scope
from kpi.query.privacy import too_small
from kpi.query.question import Period, Question
from kpi.query.selection import Key, Selection, Sources
from kpi.query.validation import check
from kpi.warehouse import Published

# Who did not come in one of the two periods.
ABSENT = "absent"
# A customer is counted as served by the rule of this KPI.
_SERVED = "customers_served"
_LIFTED = ("channel", "line", "family")


@dataclass(frozen=True)
class Move:
    """Distinct customers with main channel ``before`` in the earlier period and ``after`` in the later one; ``absent``
    for those who did not come. ``share``: of the customers with that channel before (of the new ones: of all new).
    Both None where the viewer may not see so small a cell.
    """

    before: str
    after: str
    customers: int | None
    share: float | None


@dataclass(frozen=True)
class Migration:
    """``moves``: every pair that occurs, none where there is nothing to compare with."""

    period: Period
    compared: Period | None
    moves: tuple[Move, ...]

    def frame(self) -> pd.DataFrame:
        """One row a pair: before, after, customers, share."""
        return pd.DataFrame([vars(move) for move in self.moves], columns=["before", "after", "customers", "share"])


def migration_on(connection: sa.Connection, published: Published, question: Question) -> Migration:
    """The moves of customers between the period that ``question`` is compared with and its own.

    Its filters hold for the contacts of both periods, except those on channels, which are what is looked at; the
    filters of the scope all hold. Within a transaction that is open already; raises what ``answer`` raises.
    """
    served = metric(_SERVED)
    kept = tuple(filter_ for filter_ in question.filters if filter_.dimension not in _LIFTED)
    question = replace(question, kpis=(_SERVED,), by=(), filters=kept)
    check(connection, question)
    period = effective(question.period, published.today)
    compared = comparison(connection, published, question, frozenset(published.feeds))
    if compared is None:
        return Migration(period, None, ())
    if published.data_start is None or compared.period.start < published.local(published.data_start).date():
        return Migration(period, compared.period, ())
    selection = Selection.of(connection, published, question)
    sources = feeds_for(served, served.measure, published, feeds_in_scope(connection, published, question))
    before = _main_channel(replace(selection, period=compared.period, cuts=compared.cuts), sources, "before")
    after = _main_channel(selection, sources, "after")
    absent = sa.literal_column(f"'{ABSENT}'", sa.String)
    key = [sa.func.coalesce(side.c.channel, absent).label(name) for side, name in ((before, "b"), (after, "a"))]
    query = (
        sa.select(*key, sa.func.count())
        .select_from(before.join(after, before.c.customer_key == after.c.customer_key, full=True))
        .group_by(sa.text("b"), sa.text("a"))
    )
    found: dict[Key, int] = {(row[0], row[1]): row[2] for row in connection.execute(query, published.binds()).all()}
    small = not question.scope.see_interactions and any(DIMENSIONS[key].customer for key in selection.dimensions)
    hidden = too_small(found) if small else set()
    totals: dict[str, int] = {}
    for (channel, _), customers in found.items():
        totals[str(channel)] = totals.get(str(channel), 0) + customers
    moves = []
    for pair in sorted(found, key=str):
        was, now = str(pair[0]), str(pair[1])
        seen = None if pair in hidden else found[pair]
        moves.append(Move(was, now, seen, None if seen is None else seen / totals[was]))
    return Migration(period, compared.period, tuple(moves))


def _main_channel(selection: Selection, sources: Sources, name: str) -> sa.Subquery:
    """Each customer served in the period with the channel of most of his contacts; of several the one he used last."""
    rows = selection.grouped(("channel",)).facts(INTERACTION, sources, parts.ENGAGED_CUSTOMERS.where)
    channel, i = rows.columns["channel"], schema.interaction.c
    each = (
        sa.select(
            i.customer_key,
            channel.label("channel"),
            sa.func.count().label("contacts"),
            sa.func.max(i.started_at).label("last"),
        )
        .select_from(rows.from_)
        .where(*rows.where)
        .group_by(i.customer_key, channel)
        .subquery(f"each_{name}")
    )
    most = sa.func.row(each.c.contacts, each.c.last, each.c.channel)
    main = sa.func.arg_max(each.c.channel, most).label("channel")
    return sa.select(each.c.customer_key, main).group_by(each.c.customer_key).subquery(name)
