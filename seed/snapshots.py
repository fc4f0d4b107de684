"""The snapshots of the demo bank: the ready-made ones, and the runs that a worker then makes of them.

A run is put down as any other, so nothing of it is made up: the worker makes it when the pages are up. One feed, SMS,
comes late in the demo, by a load of its own (``Late``), which gives one run a second revision and keeps one from being
sent.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

import sqlalchemy as sa

from kpi import schema
from kpi.i18n import LANGUAGES, Language
from kpi.settings import Settings
from kpi.snapshots import definition_store
from kpi.snapshots.definition_file import READY, load
from kpi.snapshots.ledger import Ledger
from kpi.snapshots.model import Definition, Recipient, period_of
from kpi.snapshots.schedule import Due, due_between
from kpi.state import StateDatabase
from kpi.warehouse import Warehouse
from kpi.warehouse.published import Published, write_facts
from seed.options import PART, PREFIX, ZONE, Options
from seed.plan import complete_until

AUTHOR = "demo"
NAMES: dict[Language, str] = {"zh": "中文", "en": "English"}  # of a recipient: how his language calls itself
_HELD = "daily"
_REVISED = ("satisfaction", "weekly", "long-tail")  # the first whose period was over before SMS fell behind
_DAY = timedelta(days=1)
_LOOKED_BACK = timedelta(days=100)  # every ready-made one was due within it
_BEHIND = timedelta(hours=3)  # before midnight: since then nothing came from SMS


@dataclass(frozen=True)
class Late:
    """What of SMS came late: everything since ``since`` (UTC, no zone), and the business day ``day``.

    Until then the run of ``held``, due on ``held_on``, waited in vain; that of ``revised``, due on ``revised_on``, was
    made without ``day``.
    """

    since: datetime
    day: date
    held: str
    held_on: date
    revised: str
    revised_on: date

    @property
    def of_day(self) -> tuple[datetime, datetime]:
        """UTC: from when to when ``day`` goes."""
        return _midnight(self.day), _midnight(self.day + _DAY)

    @property
    def over(self) -> datetime:
        """UTC: when nobody waited any more, and both runs had been due."""
        return _midnight(max(self.held_on, self.revised_on) + _DAY)


def definitions(settings: Settings) -> list[Definition]:
    """The ready-made ones, in both languages into a folder of the home, the settings' language first."""
    outbox = settings.home / "outbox"
    spoken = sorted(LANGUAGES, key=lambda one: one != settings.language)
    readers = tuple(Recipient(NAMES[one], (outbox / one).as_uri(), language=one) for one in spoken)
    owner = (outbox / "owner").as_uri()
    return [
        replace(one, language=settings.language, recipients=readers, owner=owner)
        for one in load(READY.read_text("utf-8"))
    ]


def late(options: Options) -> Late | None:
    """What comes late in the bank of these options; None in one too short for it."""
    ready = {one.name: one for one in load(READY.read_text("utf-8"))}
    # The last briefing is sent; the one before it is over, whatever the hour at which the demo is made.
    held = next(islice(_dues(ready[_HELD], options.start, complete_until(options)), 1, None), None)
    if held is None:
        return None
    since = _midnight(held.on) - _BEHIND
    for one in map(ready.__getitem__, _REVISED):
        due = next(_dues(one, options.start, _midnight(options.end)), None)
        if due is not None:
            last = period_of(one.period, due.on).end
            if _midnight(last + _DAY) <= since:
                return Late(since, last, _HELD, held.on, one.name, due.on)
    return None


def write_down(
    settings: Settings, published: Published, came_late: Late | None = None, version: int | None = None
) -> bool:
    """Write the definitions down where there are none, and the last due run of each, of a period that the data have;
    says whether it did. ``came_late``: what the warehouse did not have yet in ``version``.
    """
    assert published.data_start is not None
    state = StateDatabase(settings)
    try:
        wanted = definitions(settings)
        if not definition_store.begin_with(state, wanted, AUTHOR):
            return False
        ledger = Ledger(state)
        start, until = published.local(published.data_start).date(), min(published.complete_until, ledger.clock())
        # The bank may end in the future.
        if came_late is not None and version is not None and came_late.over <= ledger.clock():
            ledger.back_fill(came_late.held, came_late.held_on, came_late.held_on, version=version)
            ledger.back_fill(came_late.revised, came_late.revised_on, came_late.revised_on, version=version)
            ledger.add(came_late.revised, came_late.revised_on)
        for one in wanted:
            for due in islice(_dues(one, start, until), 1):
                ledger.back_fill(one.name, due.on, due.on)
        return True
    finally:
        state.close()


def go_on(settings: Settings, warehouse: Warehouse) -> None:
    """A demo bank is opened again: what was due while it was shut is not made up for. One that was made before there
    were snapshots gets them.
    """
    published = warehouse.published()
    if not published.ended:
        if not _only_demo(warehouse):
            return
        with warehouse.write() as connection:
            write_facts(connection, {"ended": "true"})
        published = warehouse.published()
    if not write_down(settings, published):
        state = StateDatabase(settings)
        definition_store.nothing_missed(state, AUTHOR)
        state.close()


def _only_demo(warehouse: Warehouse) -> bool:
    """Whether all that was ever loaded is a demo bank, of whatever options, and whole."""
    query = sa.select(schema.load_batch.c.description).order_by(schema.load_batch.c.load_id)
    with warehouse.read() as connection:
        loads = [text or "" for text in connection.execute(query).scalars()]
    number, _, of = loads[-1].rpartition(PART)[2].partition(" of ")
    return number == of and all(text.startswith(PREFIX) for text in loads)


def _dues(definition: Definition, start: date, until: datetime) -> Iterator[Due]:
    """Its due times up to ``until`` (UTC), the latest first, whose period does not begin before the data do."""
    assert definition.schedule is not None
    for due in reversed(due_between(definition.schedule, until - _LOOKED_BACK, until)):
        if period_of(definition.period, due.on).start >= start:
            yield due


def _midnight(day: date) -> datetime:
    """UTC: when a business day begins."""
    return datetime.combine(day, time(), ZONE).astimezone(UTC).replace(tzinfo=None)
