"""Looking around a contact: the next and the previous one of the same customer on the same topic, on any channel.

Only inbound contacts of an identified customer with a topic are linked. ``next_seconds`` runs from this one's end to
the first start after it, ``previous_seconds`` from the last end before it to its start, both within 7 days and in
whole seconds (rounded down); an open contact has no next and is nobody's previous. ``crossed_channel``: another one,
on another channel, began in the 7 days before this one did.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from kpi.metrics.model import LOOK_BACK
from kpi.warehouse.staging import fetch_numpy, insert_arrow

_LINKED = "customer_key IS NOT NULL AND topic IS NOT NULL AND direction = 'inbound'"
_WINDOW_US = LOOK_BACK // timedelta(microseconds=1)
OPEN = -(2**63)  # in place of the end of a contact that has none
_LARGEST = 2**62
# Contacts that are looked at together: some 100 bytes each, twice.
_ROWS_AT_ONCE = 1_500_000


def link(connection: sa.Connection, warehouse_empty: bool) -> None:
    """Link the staged interactions with each other and with the stored ones.

    Makes the temporary tables ``fresh_link`` (``rid`` = row of ``staged_interaction``) and ``moved_link`` (stored
    rows whose links change: source, interaction_id, business_date, and the new values). The old versions of
    replaced rows lie in ``stored_interaction`` and are no longer in ``interaction``.
    """
    run = connection.exec_driver_sql
    _nearby(connection, warehouse_empty)
    run(
        "CREATE OR REPLACE TEMP TABLE link "
        "(fresh BOOLEAN, rid BIGINT, next_seconds INTEGER, previous_seconds INTEGER, crossed_channel BOOLEAN)"
    )
    # A topic and a channel as numbers, which sort and compare many times faster than their names.
    for name in ("topic", "channel"):
        run(
            f"CREATE OR REPLACE TEMP TABLE {name}_number AS SELECT {name}, (row_number() OVER ())::INTEGER AS number "
            f"FROM (SELECT {name} FROM staged_interaction UNION SELECT {name} FROM nearby)"
        )
    rows = run(f"SELECT (SELECT count(*) FROM staged_interaction WHERE {_LINKED}) + count(*) FROM nearby").scalar_one()
    parts = -(-rows // _ROWS_AT_ONCE)
    # One part is fetched while the one before it is looked at.
    with ThreadPoolExecutor(1, thread_name_prefix="around") as worker:
        looked: Future[pa.Table] | None = None
        for part in range(parts):
            contacts = _contacts(connection, part, parts)
            if looked is not None:
                insert_arrow(connection, "link", looked.result())
            looked = worker.submit(around, contacts) if len(contacts.rid) else None
        if looked is not None:
            insert_arrow(connection, "link", looked.result())
    run(
        "CREATE OR REPLACE TEMP TABLE fresh_link AS SELECT rid, next_seconds, previous_seconds, crossed_channel "
        "FROM link WHERE fresh"
    )
    run(
        """
        CREATE OR REPLACE TEMP TABLE moved_link AS
        SELECT n.source, n.interaction_id, n.business_date, l.next_seconds, l.previous_seconds,
            coalesce(l.crossed_channel, false) AS crossed_channel
        FROM nearby n LEFT JOIN link l ON NOT l.fresh AND l.rid = n.rowid
        WHERE n.judged AND (l.next_seconds, l.previous_seconds, coalesce(l.crossed_channel, false))
            IS DISTINCT FROM (n.next_seconds, n.previous_seconds, n.crossed_channel)
        """
    )


@dataclass(frozen=True)
class Contacts:
    """Arrays of one length, sorted by customer, topic and start. ``customer``, ``topic``, ``channel``: numbers;
    ``started``, ``ended``: microseconds, an open contact's end ``OPEN``; ``fresh`` and ``rid`` say which row it is.
    """

    fresh: np.ndarray
    rid: np.ndarray
    customer: np.ndarray
    topic: np.ndarray
    channel: np.ndarray
    started: np.ndarray
    ended: np.ndarray


def _contacts(connection: sa.Connection, part: int, parts: int) -> Contacts:
    """The contacts of one part of the customers, staged ones and stored ones nearby."""
    halves = (
        f"SELECT {fresh} AS fresh, rowid AS rid, customer_key, topic, channel, started_at, ended_at FROM {relation} "
        f"WHERE {which} AND hash(customer_key) % {parts} = {part}"
        for fresh, relation, which in (("true", "staged_interaction", _LINKED), ("false", "nearby", "true"))
    )
    found = fetch_numpy(
        connection,
        "SELECT fresh, rid, customer_key AS customer, topic.number AS topic, channel.number AS channel, "
        f"epoch_us(started_at) AS started, coalesce(epoch_us(ended_at), {OPEN}) AS ended "
        f"FROM ({' UNION ALL '.join(halves)}) JOIN topic_number topic USING (topic) "
        "JOIN channel_number channel USING (channel) ORDER BY customer, topic, started",
    )
    return Contacts(**found)


def around(contacts: Contacts) -> pa.Table:
    """The links of the contacts that have any: fresh, rid, next_seconds, previous_seconds, crossed_channel."""
    c = contacts
    new_pair = (np.diff(c.customer, prepend=c.customer[:1] - 1) != 0) | (np.diff(c.topic, prepend=-1) != 0)
    pair = np.cumsum(new_pair) - 1
    # A pair (of customer and topic) and a moment in one number: pairs lie so far apart that what is within the window
    # is of the same pair. So many pairs at once as the number holds.
    latest = max(c.started.max(), c.ended.max())
    earliest = c.started.min()
    span = int(latest - earliest) + _WINDOW_US + 1
    at_once = max(_LARGEST // span, 1)
    borders = np.searchsorted(pair, np.arange(0, pair[-1] + 1 + at_once, at_once))
    parts = []
    for low, high in pairwise(borders):
        some = slice(low, high)
        base = (pair[some] - pair[low]) * span - earliest
        started, open_ = base + c.started[some], c.ended[some] == OPEN
        ended = np.where(open_, started, base + c.ended[some])
        parts.append(_around(started, ended, open_, c.channel[some], new_pair[some]))
    following, previous, crossed = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    linked = np.flatnonzero((following >= 0) | (previous >= 0) | crossed)
    return pa.table(
        {
            "fresh": c.fresh[linked],
            "rid": c.rid[linked],
            "next_seconds": pa.array(following[linked], pa.int32(), mask=following[linked] < 0),
            "previous_seconds": pa.array(previous[linked], pa.int32(), mask=previous[linked] < 0),
            "crossed_channel": crossed[linked],
        }
    )


def _around(
    started: np.ndarray, ended: np.ndarray, open_: np.ndarray, channel: np.ndarray, new_pair: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whole seconds to the next start and from the previous end (−1: none within the window), and whether another
    channel was tried before. ``started`` is sorted; moments of two pairs are never within the window of each other.
    """
    count, far = len(started), _WINDOW_US + 1
    # The first start after the end.
    place = np.searchsorted(started, ended, side="right")
    following = np.where(place < count, started[np.minimum(place, count - 1)] - ended, far)
    following[open_] = far
    # The last end before the start.
    ends = np.sort(ended[~open_])
    place = np.searchsorted(ends, started, side="left") - 1
    previous = np.where(place >= 0, started - ends[np.maximum(place, 0)], far) if len(ends) else np.full(count, far)
    # The last start before this one (those at the same moment are not before each other), or where that is on the same
    # channel, the one before the stretch of starts on one channel that it ends.
    places = np.arange(count)
    stretch = np.maximum.accumulate(np.where(new_pair | (np.diff(channel, prepend=-1) != 0), places, 0))
    earlier = np.maximum.accumulate(np.where(np.diff(started, prepend=-1) != 0, places, 0)) - 1
    other = np.where(channel[earlier] != channel, earlier, stretch[earlier] - 1)
    crossed = (earlier >= 0) & (other >= 0) & (started - started[other] <= _WINDOW_US)
    following, previous = (np.where(gap <= _WINDOW_US, gap // 1_000_000, -1) for gap in (following, previous))
    return following, previous, crossed


def _nearby(connection: sa.Connection, warehouse_empty: bool) -> None:
    """The temporary table ``nearby``: stored contacts with the customers and topics of what changes, as far around
    in time as they can matter. ``judged``: close enough to a change to have gained or lost a neighbour.
    """
    run = connection.exec_driver_sql
    changed = (
        f"SELECT customer_key, topic, started_at, ended_at FROM staged_interaction WHERE {_LINKED} UNION ALL "
        f"SELECT customer_key, topic, started_at, ended_at FROM stored_interaction WHERE {_LINKED}"
    )
    first, last = run(f"SELECT min(started_at), max(coalesce(ended_at, started_at)) FROM ({changed})").one()
    if first is None or warehouse_empty:
        _fetch(connection, "SELECT NULL::BIGINT AS customer_key, NULL::VARCHAR AS topic WHERE false", None)
        return
    close = (first - LOOK_BACK, last + LOOK_BACK)
    # A day more, so that contacts of ordinary length are reached at once.
    margin = 2 * LOOK_BACK + timedelta(days=1)
    reach = (first - margin, last + margin)
    while True:
        _fetch(connection, changed, reach)
        run(f"UPDATE nearby SET judged = {_touches(*close)}")
        began, ended = run("SELECT min(started_at), max(coalesce(ended_at, started_at)) FROM nearby WHERE judged").one()
        if began is None:
            return
        # What is judged needs its own neighbours: a contact that lasted for weeks reaches further than most.
        needed = (min(reach[0], began - LOOK_BACK), max(reach[1], ended + LOOK_BACK))
        if needed == reach:
            return
        reach = needed


def _touches(low: datetime, high: datetime) -> str:
    return (
        f"(ended_at >= TIMESTAMP '{low}' AND started_at <= TIMESTAMP '{high}' "
        f"OR ended_at IS NULL AND started_at BETWEEN TIMESTAMP '{low}' AND TIMESTAMP '{high}')"
    )


def _fetch(connection: sa.Connection, changed: str, reach: tuple[datetime, datetime] | None) -> None:
    columns = (
        "source, interaction_id, business_date, customer_key, topic, channel, started_at, ended_at, next_seconds, "
        "previous_seconds, crossed_channel, false AS judged"
    )
    # Apart, so that each half is limited by plain comparisons, which skip stored files that cannot match.
    halves = ["ended_at IS NULL AND false"]
    if reach is not None:
        low, high = (f"TIMESTAMP '{moment}'" for moment in reach)
        halves = [
            f"ended_at >= {low} AND started_at <= {high}",
            f"ended_at IS NULL AND started_at >= {low} AND started_at <= {high}",
        ]
    found = " UNION ALL ".join(f"SELECT * FROM interaction WHERE {_LINKED} AND {half}" for half in halves)
    connection.exec_driver_sql(
        f"CREATE OR REPLACE TEMP TABLE nearby AS SELECT {columns} FROM ({found}) "
        f"SEMI JOIN ({changed}) USING (customer_key, topic)"
    )
