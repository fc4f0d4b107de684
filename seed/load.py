"""Filling a warehouse with the demo bank, by the same load path as any feed."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from kpi import schema
from kpi.errors import MixedData
from kpi.i18n import Language, phrase
from kpi.warehouse import Warehouse
from kpi.warehouse.load import Load
from seed.answers import Answers
from seed.around import Around
from seed.facts import Facts
from seed.options import PART, ZONE, Options
from seed.people import People
from seed.plan import DAY, Plan
from seed.snapshots import Late
from seed.traffic import Chunk, Traffic, days_a_chunk
from seed.world import CHANNELS, SMS, carries, dimension_tables

Progress = Callable[[float, str], None]
_Item = TypeVar("_Item")

# Interactions that one load takes; a bigger bank is loaded in several, each complete up to a midnight.
_A_LOAD = 5_000_000
# Of each hundred contacts, so many sessions that are none: left out and counted, as in a real feed.
_EXCLUDED = {"zero_input": 0.021, "push": 0.083, "test": 0.0006}
_STAGING = 0.3  # share of a load's time, for the progress bar


@dataclass
class Filled:
    """What ``fill`` did, without what an earlier run had done.

    ``generate_seconds``: making the facts; ``load_seconds``: staging, deriving, publishing; ``seconds``: all of it,
    which is less than both, since the next facts are made while the last ones are loaded. ``tables``: rows staged.
    ``before_late``: the version of the warehouse in which what comes late was not there yet; None where nothing did.
    """

    interactions: int = 0
    first: date | None = None
    last: date | None = None
    generate_seconds: float = 0.0
    load_seconds: float = 0.0
    seconds: float = 0.0
    tables: dict[str, int] = field(default_factory=dict)
    before_late: int | None = None


@dataclass(frozen=True)
class Made:
    """The facts of the days before ``last`` that no earlier chunk has, by table; what was left out, by reason."""

    last: int
    facts: dict[str, pa.Table]
    excluded: dict[str, int]


class Bank:
    """The demo bank of some options, before it is written anywhere."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.plan = Plan(options)
        self.people = People(options, self.plan)
        self.traffic = Traffic(self.plan, self.people)
        self._answers = Answers(self.plan, self.people)
        self._facts = Facts(self.plan, self.people, self.traffic.staff)
        self._around = Around(self.plan, self.people, self.traffic.staff)

    def standing(self, since: int = 0, until: int | None = None) -> Iterator[tuple[str, pa.Table]]:
        """What contacts from day ``since`` to day ``until`` (exclusive) stand on, as (table, rows), several a table.

        From day 0: everything that has a name, the customers and their tiers. And the months that were closed when
        the contacts were made, without those that earlier ones stood on already.
        """
        closed = self.plan.month  # of a day: so many months were over
        if since == 0:
            yield from dimension_tables(self.options.start, self.options.end).items()
            yield "agent", self.traffic.staff.table()
            for rows in self.people.customers():
                yield "customer", rows
            for rows in self.people.tier_history():
                yield "customer_tier", rows
        known = closed[since - 1] if since else 0
        for rows in self.people.months(range(known, closed[(until or self.options.days) - 1])):
            yield "customer_month", rows

    def facts(self, chunk: Chunk) -> dict[str, pa.Table]:
        """The tables of one chunk of days."""
        self._answers.ask(chunk.rng, chunk.columns)
        names = self._facts.names(chunk)
        return {"interaction": self._facts.interactions(chunk, names), **self._around.tables(chunk, names)}

    def made(self, since: int = 0) -> Iterator[Made]:
        """The facts of all chunks of days from day ``since`` on."""
        for chunk in self.traffic.chunks():
            if chunk.first >= since:
                yield Made(chunk.last, self.facts(chunk), self.excluded(chunk))

    def watermark(self, channel: int, until_day: int) -> datetime:
        """UTC: how far a channel's feed has got when days before ``until_day`` were delivered."""
        seconds = self.plan.origin + min(until_day * DAY, int(self.plan.cut[channel]))
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)

    def excluded(self, chunk: Chunk) -> dict[str, int]:
        return {reason: int(chunk.rng.poisson(share * len(chunk))) for reason, share in _EXCLUDED.items()}


def present(warehouse: Warehouse, options: Options) -> tuple[int, int]:
    """How many loads of this very demo bank the warehouse holds, and of how many; (0, 1) in an empty one.

    Raises MixedData when it holds real data or a demo bank of other options.
    """
    with warehouse.read() as connection:
        published = warehouse.published(connection)
        if published.data_start is None:
            return 0, 1
        if not published.synthetic:
            raise MixedData("seed_holds_real_data", place=warehouse.place)
        loads = connection.execute(sa.select(schema.load_batch.c.description).order_by(schema.load_batch.c.load_id))
        described = [row.description or "–" for row in loads]
    ours = [description for description in described if description.startswith(options.name + PART)]
    if not ours:
        raise MixedData("seed_holds_other_demo", place=warehouse.place, found=described[0])
    return len(ours), int(ours[-1].rpartition(" ")[2])


def fill(
    warehouse: Warehouse, options: Options, progress: Progress, language: Language = "en", late: Late | None = None
) -> Filled | None:
    """Create the warehouse where it is missing and fill it; None when it holds this bank already.

    ``progress``: is told the share done, 0 to 1, and what is being done in ``language``. ``late``: what comes by a
    small load of its own, after all others. What an earlier, broken run has published is kept and continued. Raises
    MixedData as ``present`` does, and what loading raises.
    """
    warehouse.create()
    done, of = present(warehouse, options)
    if done >= of:
        return None
    borders = _borders(options)
    of = len(borders) + (late is not None)
    progress(0.0, phrase(language, "seed_step_people"))
    clock = _Clock()
    bank = Bank(options)

    def share(day: int) -> float:
        """How far it is when days before ``day`` are staged; publishing takes the greater part of each load."""
        published = max((border for border in borders if border < day), default=0)
        return 0.05 + 0.95 * (published + _STAGING * (day - published)) / options.days

    # The chunks before the first load that is missing are made again, for what later ones take over from them.
    with ThreadPoolExecutor(1, thread_name_prefix="generate") as worker:
        kept = _Kept(late)
        made = _ahead(worker, clock.timed(bank.made(since=borders[done - 1] if done and late is None else 0)))
        for number, (since, until) in enumerate(pairwise([0, *borders]), start=1):
            if number <= done:
                if late is not None:
                    for part in made:
                        kept.without(part.facts)
                        if part.last == until:
                            break
                continue
            with Load(
                warehouse, description=f"{options.name}{PART}{number} of {of}", synthetic=True, zone=ZONE,
                ends=number == of,
            ) as load:  # fmt: skip
                for code, channel in enumerate(CHANNELS):
                    reached = kept.reached(code, bank.watermark(code, until))
                    load.feed(channel.id, channel.zh, channel.en, reached, carries(channel))
                for table, rows in clock.timed(bank.standing(since, until)):
                    with clock.loading():
                        load.stage(table, rows)
                for part in made:
                    with clock.loading():
                        for table, rows in kept.without(part.facts).items():
                            load.stage(table, rows)
                        for reason, rows_out in part.excluded.items():
                            load.exclude(reason, rows_out)
                    clock.count(part.facts)
                    day = bank.plan.date_of(part.last - 1)
                    progress(share(part.last), phrase(language, "seed_step_contacts", day=day))
                    if part.last == until:
                        break
                progress(share(until), phrase(language, "seed_step_publish"))
                with clock.loading():
                    load.publish()
            # An instance that has loaded fifty million takes a quarter longer for every statement than a new one does.
            with clock.loading():
                warehouse.close()
    if late is not None:
        progress(share(options.days), phrase(language, "seed_step_late"))
        with clock.loading():
            clock.filled.before_late = warehouse.published().version
            description = f"{options.name}{PART}{of} of {of}"
            with Load(warehouse, description=description, synthetic=True, zone=ZONE, ends=True) as load:
                channel = CHANNELS[SMS]
                load.feed(channel.id, channel.zh, channel.en, bank.watermark(SMS, options.days), carries(channel))
                for table, rows in kept.rows:
                    load.stage(table, rows)
                load.publish()
            warehouse.close()
    progress(1.0, phrase(language, "seed_step_done"))
    filled = clock.stop()
    filled.first, filled.last = options.start, options.end
    return filled


class _Kept:
    """Keeps what comes late from the loads before; ``rows``: what was kept, as (table, rows)."""

    def __init__(self, late: Late | None) -> None:
        self._late = late
        self.rows: list[tuple[str, pa.Table]] = []

    def reached(self, channel: int, watermark: datetime) -> datetime:
        """How far a feed has got of which something comes late."""
        return watermark if self._late is None or channel != SMS else min(watermark, self._late.since)

    def without(self, facts: dict[str, pa.Table]) -> dict[str, pa.Table]:
        """The facts without what comes late: contacts, and what hangs on them."""
        if self._late is None:
            return facts
        contacts, (first, last) = facts["interaction"], self._late.of_day
        began = contacts["started_at"]
        of_day = pc.and_(pc.greater_equal(began, pa.scalar(first)), pc.less(began, pa.scalar(last)))
        behind = pc.or_(of_day, pc.greater_equal(began, pa.scalar(self._late.since)))
        of_sms = pc.equal(contacts["source"], CHANNELS[SMS].id)
        names = contacts.filter(pc.and_(of_sms, behind))["interaction_id"]
        left = {}
        for table, rows in facts.items():
            left[table] = rows
            if len(names) and "interaction_id" in rows.column_names:
                late = pc.and_(pc.equal(rows["source"], CHANNELS[SMS].id), pc.is_in(rows["interaction_id"], names))
                left[table] = rows.filter(pc.invert(pc.fill_null(late, False)))
                self.rows.append((table, rows.filter(late)))
        return left


def _ahead(worker: Executor, items: Iterator[_Item]) -> Iterator[_Item]:
    """The items, the next of which is made while one is used: one more in memory, and never two at once in making."""
    coming = worker.submit(next, items, None)
    while (item := coming.result()) is not None:
        coming = worker.submit(next, items, None)
        yield item


def _borders(options: Options) -> list[int]:
    """Days (exclusive) up to which each load goes: so many whole chunks as one load takes."""
    chunk = days_a_chunk(options)
    step = chunk * max(_A_LOAD // (chunk * options.interactions), 1)
    return [*range(step, options.days, step), options.days]


class _Clock:
    """Adds up how long generating and loading took, whichever thread it was, and all together."""

    def __init__(self) -> None:
        self.filled = Filled()
        self._began = time.perf_counter()

    def timed(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """The items; making them is generating."""
        walked = iter(items)
        while True:
            began = time.perf_counter()
            try:
                item = next(walked)
            except StopIteration:
                return
            finally:
                self.filled.generate_seconds += time.perf_counter() - began
            yield item

    @contextmanager
    def loading(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.filled.load_seconds += time.perf_counter() - began

    def count(self, facts: dict[str, pa.Table]) -> None:
        for table, rows in facts.items():
            self.filled.tables[table] = self.filled.tables.get(table, 0) + rows.num_rows
        self.filled.interactions = self.filled.tables["interaction"]

    def stop(self) -> Filled:
        self.filled.seconds = time.perf_counter() - self._began
        return self.filled
