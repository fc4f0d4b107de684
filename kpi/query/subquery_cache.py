"""What several questions need, put together once: a table for as long as a reading transaction lasts, and for whoever
reads the same version after it, as long as there is room.

Who was there on a day, and what they had in a period, takes most of the time of the questions that read customers one
by one; those of one page are about the same days, and a filter on customers changes nothing of it.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from weakref import WeakKeyDictionary, WeakValueDictionary

import pyarrow as pa
import sqlalchemy as sa

from kpi.warehouse import Published

# Of one table that outlives its transaction, and of all together. What is larger is put together for every transaction
# anew, in the engine, which knows what to do where memory is short.
_MOST_OF_ONE, _MOST_OF_ALL = 16_000_000, 128_000_000  # bytes
_BYTES = 8  # of a field, about

# Reading transaction -> what it has: what is in it -> its table.
_HELD: WeakKeyDictionary[sa.Transaction | None, dict[tuple[str, Hashable], sa.Table | None]] = WeakKeyDictionary()
# Name and columns -> table: the same object for every transaction, so that a statement is compiled once.
_TABLES: dict[tuple[str, ...], sa.Table] = {}

# What is kept of a table that is too large to be, where that is known.
_TOO_LARGE = pa.table({})


class _Store:
    """Tables by engine, version and what is in them; those that were not asked for longest make room."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._making: WeakValueDictionary[Hashable, threading.Lock] = WeakValueDictionary()
        self._tables: OrderedDict[Hashable, pa.Table] = OrderedDict()
        self._size = 0

    def turn(self, key: Hashable) -> threading.Lock:
        """What whoever looks for a table holds until it is there, so that others wait for it, not make it too."""
        with self._lock:
            return self._making.setdefault(key, threading.Lock())

    def get(self, key: Hashable) -> pa.Table | None:
        with self._lock:
            if key in self._tables:
                self._tables.move_to_end(key)
            return self._tables.get(key)

    def put(self, key: Hashable, table: pa.Table) -> None:
        with self._lock:
            if key not in self._tables:
                self._tables[key] = table
                self._size += table.nbytes
            while self._size > _MOST_OF_ALL:
                self._size -= self._tables.popitem(last=False)[1].nbytes


_STORE = _Store()


def cached(connection: sa.Connection, published: Published, kind: str, what: Hashable, query: sa.Select) -> sa.Table:
    """What ``query`` finds, as a table of the reading transaction, whose end removes it.

    ``kind`` and ``what`` say, beside the version, all that decides over it: equal ones are put together once.
    """
    table = _held(connection, published, kind, what, query)
    assert table is not None
    return table


def cached_if_small(
    connection: sa.Connection, published: Published, kind: str, what: Hashable, query: sa.Select
) -> sa.Table | None:
    """As ``cached``, where that is small enough to outlive the transaction; None where it is not."""
    most = _MOST_OF_ONE // (_BYTES * len(query.selected_columns))
    return _held(connection, published, kind, what, query.limit(most + 1), most)


def _held(
    connection: sa.Connection,
    published: Published,
    kind: str,
    what: Hashable,
    query: sa.Select,
    most: int | None = None,
) -> sa.Table | None:
    """What this transaction has, or will have; None where there are more rows than ``most``."""
    held = _HELD.setdefault(connection.get_transaction(), {})
    if (kind, what) not in held:
        name = f"cached_{kind}_{sum(other == kind for other, _ in held)}"
        columns = [sa.Column(column.key, column.type) for column in query.selected_columns]
        table = _TABLES.setdefault(
            (name, *(column.key for column in columns)),
            sa.Table(name, sa.MetaData(), *columns, prefixes=["TEMPORARY"]),
        )
        key = (connection.engine, published.version, kind, what)
        with _STORE.turn(key):
            filled = _fill(connection, published, table, key, query, most)
        held[kind, what] = table if filled else None
    return held[kind, what]


def _fill(
    connection: sa.Connection,
    published: Published,
    table: sa.Table,
    key: Hashable,
    query: sa.Select,
    most: int | None,
) -> bool:
    """Put what the query finds into the table; whether that is no more than ``most``."""
    driver = connection.connection.driver_connection
    assert driver is not None
    found_before = _STORE.get(key)
    if found_before is not None:
        if found_before is not _TOO_LARGE:
            driver.register(table.name, found_before)
        return found_before is not _TOO_LARGE
    table.create(connection, checkfirst=False)
    found = query.params(published.binds())
    rows: int = connection.execute(table.insert().from_select(table.columns.keys(), found)).rowcount
    if most is not None and rows > most:
        _STORE.put(key, _TOO_LARGE)
        return False
    if rows * len(table.columns) * _BYTES <= _MOST_OF_ONE:
        _STORE.put(key, driver.execute(f'FROM "{table.name}"').to_arrow_table())
    return True
