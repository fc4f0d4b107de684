"""What is kept between reruns and shared by all viewers. The only module with ``st.cache_*``.

Every answer is kept under its question (which holds the viewer's scope) and the version of the warehouse, so that
nobody sees another's rows, or an old number beside a new one.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import streamlit as st
from altair import LayerChart
from streamlit.runtime.scriptrunner import ScriptRunContext, add_script_run_ctx, get_script_run_ctx

from kpi.charts import Style
from kpi.charts.theme import spec_of
from kpi.errors import WarehouseEmpty
from kpi.i18n import Language
from kpi.jobs import Job
from kpi.query import answer as ask
from kpi.query import last_mature
from kpi.query import rows as ask_rows
from kpi.query.answer import Answer
from kpi.query.identity import Check, proof
from kpi.query.labels import labels as ask_labels
from kpi.query.question import Question
from kpi.query.rows import RowsPage
from kpi.settings import load_settings
from kpi.warehouse import Warehouse
from kpi.warehouse.published import Published

# Streamlit cannot hash a question by itself; its text holds every field.
_shared = partial(st.cache_resource, show_spinner=False, hash_funcs={Question: repr, Style: repr})


@st.cache_resource(show_spinner=False)
def warehouse() -> Warehouse:
    """The one warehouse of this process."""
    return Warehouse.from_settings(load_settings())


@dataclass
class Work:
    """The one job that fills an empty warehouse, whoever started it."""

    job: Job | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


@st.cache_resource(show_spinner=False)
def first_job() -> Work:
    """Shared by all viewers: the work is done once."""
    return Work()


class Moved(Exception):
    """A load was published while the page was being made: make it again."""


def published() -> Published:
    """What is published now. Never kept: it is what all else is kept by.

    Raises WarehouseEmpty where there is no data, or no warehouse, yet; WarehouseError where it cannot be read.
    """
    opened = warehouse()
    if not opened.exists():
        raise WarehouseEmpty("warehouse_empty", place=opened.place)
    with opened.read() as connection:
        return opened.require_data(connection)


@_shared(max_entries=2000)
def _answer(question: Question, version: int) -> Answer:
    found = ask(warehouse(), question)
    if found.version != version:
        raise Moved
    return found


def answer(question: Question, version: int) -> Answer:
    """The answer as of ``version``; raises ``Moved`` when that is no longer what is published."""
    found: Answer = _answer(question, version)
    return found


# Two at a time: the engine has threads of its own.
_AHEAD = ThreadPoolExecutor(2, thread_name_prefix="ahead")


def ahead(questions: Iterable[Question], proof_of: Question, version: int) -> None:
    """Begin to answer what a page will ask, so that its first parts are drawn while the last are still counted.

    Whoever asks for an answer that is under way waits for it; an error comes up where the answer is asked for.
    """
    context = get_script_run_ctx()
    for call in (
        *(partial(_answer, question, version) for question in questions),
        partial(identity, proof_of, version),
    ):
        _AHEAD.submit(_within, context, call)


def _within(context: ScriptRunContext | None, call: Callable[[], object]) -> None:
    """Make the call on behalf of the visitor whose page it is for."""
    add_script_run_ctx(threading.current_thread(), context)
    call()


@_shared(max_entries=500)
def mature(question: Question, version: int) -> Question | None:
    """The question over the last period of the same length that is mature; None where there is none."""
    return last_mature(warehouse(), question)


@_shared(max_entries=500)
def identity(question: Question, version: int) -> tuple[Check, ...]:
    """The identity proof of the question's period and filters."""
    return tuple(proof(warehouse(), question))


@_shared(max_entries=500)
def figure(
    name: str, question: Question, style: Style, version: int, _draw: Callable[[], LayerChart]
) -> dict[str, Any]:
    """The figure ``name`` of the question's view, as Vega-Lite; drawn once for all who look at it."""
    return spec_of(_draw())


@_shared(max_entries=200)
def rows(question: Question, version: int, page: int, size: int, sort: str) -> RowsPage:
    """One page of the rows behind the question's KPI."""
    return ask_rows(warehouse(), question, page=page, size=size, sort=sort)


@_shared(max_entries=200)
def labels(dimension: str, language: Language, version: int) -> Mapping[str, str]:
    """Value -> name of a dimension's values, in the order to show."""
    return ask_labels(warehouse(), dimension, language)
