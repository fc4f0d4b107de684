"""What is kept between reruns and shared by all viewers. The only module with ``st.cache_*``.

Every answer is kept under its question (which holds the viewer's scope) and the version of the warehouse, so that
nobody sees another's rows, or an old number beside a new one.
"""

import gc
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import count
from typing import Any, TypeVar

import sqlalchemy as sa
import streamlit as st
from altair import LayerChart
from streamlit.runtime.scriptrunner import ScriptRunContext, add_script_run_ctx, get_script_run_ctx

from kpi.charts import Note, Style
from kpi.charts.theme import spec_of
from kpi.drivers.analysis import explain
from kpi.drivers.finding import LEADING, Finding, Why, leading
from kpi.drivers.parallel import Reader
from kpi.errors import KpiError, StateError, WarehouseEmpty
from kpi.i18n import Language, phrase
from kpi.jobs import Job
from kpi.query import last_mature
from kpi.query import rows as ask_rows
from kpi.query.answer import Answer
from kpi.query.answering import answer_on
from kpi.query.cohorts.long_tail import TailRule, tail_rule_on
from kpi.query.cohorts.lorenz import Curve, lorenz_on
from kpi.query.holidays import holidays
from kpi.query.integrity import Check, proof_on
from kpi.query.labels import labels as ask_labels
from kpi.query.migration import Migration, migration_on
from kpi.query.question import Period, Question
from kpi.query.rows import RowsPage
from kpi.query.rows import all_rows as ask_all_rows
from kpi.settings import load_settings
from kpi.state import StateDatabase
from kpi.state.annotations import annotations
from kpi.state.targets import targets as kept
from kpi.targets.resolution import NO_TARGETS, Targets
from kpi.warehouse import Warehouse
from kpi.warehouse.published import Published
from pages.data import activity

_Found = TypeVar("_Found")
log = logging.getLogger("switchboard")

# So many are kept of each kind: what is asked ahead (some 225 views), as much again of what nobody foresaw, and, in the
# moments after a load, some of what was.
_ANSWERS, _OF_A_VIEW = 5000, 600

# Streamlit cannot hash a question by itself; its text holds every field.
_shared = partial(st.cache_resource, show_spinner=False, hash_funcs={Question: repr, Style: repr})


@st.cache_resource(show_spinner=False)
def warehouse() -> Warehouse:
    """The one warehouse of this process."""
    opened = Warehouse.from_settings(load_settings(), resident=True)
    set_aside()
    return opened


def set_aside(*, anew: bool = False) -> None:
    """Spare the collector of garbage what there is now. ``anew``: but first what was set aside before, of which some
    may be garbage by now.

    Streamlit has all of it looked through after every run, before what was drawn goes out, with the interpreter's lock:
    75 ms for what the program is made of, some hundred for the answers that are kept.
    """
    if anew:
        gc.unfreeze()
    gc.collect()
    gc.freeze()


@dataclass
class Work:
    """The one job that fills an empty warehouse, whoever started it."""

    job: Job | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


@st.cache_resource(show_spinner=False)
def first_job() -> Work:
    """Shared by all viewers: the work is done once."""
    return Work()


@st.cache_resource(show_spinner=False)
def runs_job() -> Work:
    """Shared by all viewers: the process that works on runs where there is no worker."""
    return Work()


class Moved(Exception):
    """A load was published while the page was being made: make it again."""


def published() -> Published:
    """What is published now. Never kept: it is what all else is kept by.

    Raises WarehouseEmpty where there is no data, or no warehouse, yet; WarehouseError where it cannot be read, or
    there was one.
    """
    opened = warehouse()
    if not opened.exists():
        raise WarehouseEmpty("warehouse_empty", place=opened.place)
    with opened.read() as connection:
        return opened.require_data(connection)


@contextmanager
def _reading(version: int) -> Iterator[tuple[sa.Connection, Published]]:
    """A transaction on ``version``, and what that says of itself; raises ``Moved`` when that is no longer what is
    published.
    """
    with warehouse().read() as connection:
        now = warehouse().require_data(connection)
        if now.version != version:
            raise Moved
        yield connection, now


class Reading(ExitStack):
    """Several questions put to one published state, in transactions that begin with the first of them.

    ``beside``: what the questions are compared with is read at the same time, in a transaction of its own.
    """

    def __init__(self, *, beside: bool = False) -> None:
        super().__init__()
        self._beside = beside
        self._opened: tuple[sa.Connection, Published, sa.Connection | None] | None = None

    def answer(self, question: Question, version: int) -> Answer:
        """The answer as of ``version``; raises ``Moved`` when that is no longer what is published."""
        if self._opened is None:
            other = self.enter_context(_reading(version))[0] if self._beside else None
            self._opened = *self.enter_context(_reading(version)), other
        connection, now, other = self._opened
        settings = warehouse().settings
        covered = settings.topic_covered
        return answer_on(connection, now, settings.service_level, question, covered_from=covered, beside=other)


@_shared(max_entries=_ANSWERS)
def _answer(question: Question, version: int, _reading: Reading) -> Answer:
    return _reading.answer(question, version)


def answer(question: Question, version: int, held: Targets = NO_TARGETS) -> Answer:
    """The answer as of ``version``, its figures held against the targets ``held``; raises ``Moved`` when that version
    is no longer what is published.
    """
    found: Answer
    question = held.asked(question)
    with Reading() as reading:
        if held.of(question.kpis):
            found = _on_target(question, version, held.mark, held, reading)
        else:
            found = _answer(question, version, reading)
    return found


def topic_covered() -> float:
    """The resolution that covers a topic where no target says it."""
    return warehouse().settings.topic_covered


@_shared(max_entries=_OF_A_VIEW)
def _on_target(question: Question, version: int, mark: str, _held: Targets, _reading: Reading) -> Answer:
    return _held.hold(_answer(question, version, _reading))


# As many as there are cores on a small machine; the engine has threads of its own.
_AT_ONCE = 2
_WORKERS = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="answers")


def prepare(
    portions: Sequence[Sequence[Question]],
    proof_of: Question | None,
    version: int,
    also: Sequence[Callable[[], object]] = (),
) -> None:
    """Answer what a page will ask, before anything of it is drawn: whoever is free takes the next portion.

    A portion of several questions is for those that share what is put together for them; since the page waits for it
    longest, what they are compared with is read at the same time. ``also``: calls of this module for what is no answer.
    A browser that draws while it waits for the rest takes the time of those who count. An error comes up where the
    answer is asked for.

    Where there is no visitor, nobody waits: one after the other, each when no visitor's page is being made.
    """
    context, coming = get_script_run_ctx(suppress_warning=True), deque(portions)
    tasks: list[Callable[[], object]] = [*also]
    if proof_of is not None:
        tasks.append(partial(identity, proof_of, version))
    if context is None:
        tasks += [partial(_answer_next, deque([portion]), version) for portion in portions]
        for task in tasks:
            activity.give_way()
            task()
    else:
        tasks += [partial(_answer_next, coming, version)] * _AT_ONCE
        wait([_WORKERS.submit(_within, context, task) for task in tasks])


def in_background(call: Callable[[], _Found]) -> Callable[[], _Found]:
    """Begin a call of this module beside what is drawn meanwhile; what is given back waits for what it finds.

    Where there is no visitor, it is made here, when no visitor's page is being made.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        activity.give_way()
        found = call()
        return lambda: found
    return _WORKERS.submit(_within, context, call).result


def _answer_next(coming: deque[Sequence[Question]], version: int) -> None:
    """Answer what nobody else has begun, until nothing is left."""
    with Reading() as alone, Reading(beside=True) as beside:
        while True:
            try:
                portion = coming.popleft()
            except IndexError:
                return
            for question in portion:
                _answer(question, version, beside if portion[1:] else alone)


def _within(context: ScriptRunContext | None, call: Callable[[], _Found]) -> _Found:
    """Make the call on behalf of the visitor whose page it is for."""
    add_script_run_ctx(threading.current_thread(), context)
    return call()


@_shared(max_entries=_OF_A_VIEW)
def mature(question: Question, version: int) -> Question | None:
    """The question over the last period of the same length that is mature; None where there is none."""
    return last_mature(warehouse(), question)


@_shared(max_entries=_OF_A_VIEW)
def identity(question: Question, version: int) -> tuple[Check, ...]:
    """The identity proof of the question's period and filters."""
    with _reading(version) as (connection, now):
        return tuple(proof_on(connection, now, warehouse().settings.service_level, question))


@_shared(max_entries=_OF_A_VIEW)
def migration(question: Question, version: int) -> Migration:
    """The moves of customers between channels."""
    with _reading(version) as (connection, now):
        return migration_on(connection, now, question)


@_shared(max_entries=_OF_A_VIEW)
def lorenz(question: Question, version: int) -> tuple[Curve, ...]:
    """The Lorenz curves of the question's period and filters."""
    with _reading(version) as (connection, now):
        return lorenz_on(connection, now, question)


@_shared(max_entries=200)
def tail_rule(start: date, version: int) -> TailRule:
    """The rule that says who is long tail in a period beginning on ``start``."""
    with _reading(version) as (connection, _):
        return tail_rule_on(connection, start)


# Of figures that could not be drawn, since the server was started.
_undrawn = count(1)
# What stands in the place of a figure that could not be drawn.
NOT_DRAWN: dict[str, Any] = {}


@_shared(max_entries=_OF_A_VIEW)
def _figure(
    name: str, question: Question, style: Style, version: int, _draw: Callable[[], LayerChart]
) -> dict[str, Any]:
    return spec_of(_draw())


def figure(name: str, question: Question, style: Style, version: int, draw: Callable[[], LayerChart]) -> dict[str, Any]:
    """The figure ``name`` of the question's view, as Vega-Lite; drawn once for all who look at it. ``NOT_DRAWN`` where
    that fails, which takes nothing else with it.
    """
    found: dict[str, Any] = drawn(name, lambda: _figure(name, question, style, version, draw))
    return found


def drawn(name: str, draw: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What ``draw`` gives; ``NOT_DRAWN``, logged and counted, where it fails. What says that the page is to be made
    again, or that its data cannot be read, goes through.
    """
    try:
        return draw()
    except (Moved, KpiError):
        raise
    except Exception:
        log.exception("the figure %s could not be drawn, number %d since the start", name, next(_undrawn))
        return NOT_DRAWN


def why(question: Question, version: int) -> Why:
    """Why the question's KPI changed; ``by``: dimensions by which it is taken apart besides."""
    return _why(targets().asked(question), version)


@_shared(max_entries=_OF_A_VIEW)
def _why(question: Question, version: int) -> Why:
    return _explained((question,), version)[0]


@_shared(max_entries=_OF_A_VIEW)
def findings(
    questions: tuple[Question, ...], version: int, _known: Sequence[Answer] = ()
) -> tuple[tuple[Why, Finding], ...]:
    """The findings that lead a page, of the KPIs of all questions. ``_known``: what the page has answered already."""
    return tuple(leading(_explained(questions, version, LEADING, _known)))


def _explained(
    questions: tuple[Question, ...], version: int, most: int | None = None, known: Sequence[Answer] = ()
) -> tuple[Why, ...]:
    with Reader.of(warehouse()) as reader:
        if reader.published.version != version:
            raise Moved
        return explain(reader, questions, most, known)


@_shared(max_entries=200)
def rows(question: Question, version: int, page: int, size: int, sort: str) -> RowsPage:
    """One page of the rows behind the question's KPI."""
    found = ask_rows(warehouse(), question, page=page, size=size, sort=sort)
    if published().version != version:
        raise Moved
    return found


def all_rows(question: Question, version: int, sort: str) -> Iterator[RowsPage]:
    """All rows behind the question's KPI, page after page; never kept."""
    for page in ask_all_rows(warehouse(), question, sort=sort):
        if page.page == 1 and published().version != version:
            raise Moved
        yield page


@_shared(max_entries=200)
def labels(dimension: str, language: Language, version: int) -> Mapping[str, str]:
    """Value -> name of a dimension's values, in the order to show."""
    return ask_labels(warehouse(), dimension, language)


@st.cache_resource(show_spinner=False)
def state_database() -> StateDatabase:
    """The one state database of this process."""
    return StateDatabase(load_settings())


def notes(period: Period, language: Language, version: int) -> tuple[Note, ...]:
    """What happened in the period, for time axes.

    What people wrote down is read each time (half a millisecond), so that an edit, whoever made it, shows at once.
    Where the state database cannot be opened there are still figures: the page that edits it says what is wrong.
    """
    try:
        written = annotations(state_database(), period.start, period.end)
    except StateError as error:
        log.warning("no annotations: %s", error)
        written = []
    return tuple(
        sorted(
            [
                *_holidays(period, language, version),
                *(
                    Note(one.first, one.last, one.kind, one.text(language))
                    for one in written
                    if one.first is not None and one.last is not None
                ),
            ],
            key=lambda note: (note.first, note.last, note.text),
        )
    )


def targets() -> Targets:
    """All targets, read each time as the notes are; none where the state database cannot be opened."""
    try:
        return Targets(tuple(kept(state_database())))
    except StateError as error:
        log.warning("no targets: %s", error)
        return NO_TARGETS


@_shared(max_entries=200)
def _holidays(period: Period, language: Language, version: int) -> tuple[Note, ...]:
    with _reading(version) as (connection, _):
        found = holidays(connection, period)
    return tuple(Note(one.first, one.last, "holiday", phrase(language, f"holiday_{one.id}")) for one in found)
