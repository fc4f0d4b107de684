"""Several questions answered side by side from one published state."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

import sqlalchemy as sa

from kpi.drivers.customer_turnover import Turnover, turnover_on
from kpi.drivers.grouping_sets import By
from kpi.drivers.period_counts import Counts, counts_on
from kpi.drivers.sum_of_squares import Squares, squares_on
from kpi.query.answer import Answer
from kpi.query.answering import answer_on
from kpi.query.question import Question
from kpi.settings import Settings
from kpi.warehouse import Published, Warehouse

_Found = TypeVar("_Found")
# As many as there are cores on a small machine; the engine has threads of its own.
WORKERS = 2


class Reader(ExitStack):
    """Transactions on one version of the warehouse; what is asked for together is answered side by side.

    A context: it must be closed.
    """

    def __init__(
        self,
        connections: Sequence[sa.Connection],
        published: Published,
        settings: Settings,
        opened: ExitStack | None = None,
    ) -> None:
        """``connections``: that see ``published`` in their open transactions; ``opened`` ends them with the reader."""
        super().__init__()
        self.published = published
        self._settings = settings
        self._free: SimpleQueue[sa.Connection] = SimpleQueue()
        for connection in connections:
            self._free.put(connection)
        if opened is not None:
            self.push(opened.pop_all())
        self._workers = self.enter_context(ThreadPoolExecutor(len(connections), thread_name_prefix="reader"))

    @classmethod
    def of(cls, warehouse: Warehouse, workers: int = WORKERS) -> "Reader":
        """Of what is published now. Raises WarehouseEmpty when there is no data."""
        with ExitStack() as opened:
            connections = [opened.enter_context(warehouse.read())]
            published = warehouse.require_data(connections[0])
            for _ in range(workers - 1):
                other = opened.enter_context(warehouse.read())
                # One that sees a later load would answer from other data: then there is one less.
                if warehouse.require_data(other).version == published.version:
                    connections.append(other)
            return cls(connections, published, warehouse.settings, opened)

    def answers(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer a question, in their order. Raises what ``answer`` raises."""
        answered = partial(answer_on, covered_from=self._settings.topic_covered)
        return self._all([partial(answered, question=question) for question in questions])

    def counts(self, asked: Sequence[tuple[Question, Sequence[By]]]) -> list[dict[str, dict[By, Counts]]]:
        """As ``period_counts.counts_on``, of each question by its sets of dimensions."""
        return self._all([partial(counts_on, question=question, bys=bys) for question, bys in asked])

    def squares(self, questions: Sequence[Question]) -> list[dict[str, tuple[Squares, Squares]]]:
        """As ``spread.squares_on``."""
        return self._all([partial(squares_on, question=question) for question in questions])

    def turnovers(self, questions: Sequence[Question]) -> list[Turnover | None]:
        """As ``turnover.turnover_on``."""
        return self._all([partial(turnover_on, question=question) for question in questions])

    def _all(self, calls: Sequence[Callable[[sa.Connection, Published, str], _Found]]) -> list[_Found]:
        tasks = [self._workers.submit(self._one, call) for call in calls]
        return [task.result() for task in tasks]

    def _one(self, call: Callable[[sa.Connection, Published, str], _Found]) -> _Found:
        connection = self._free.get()
        try:
            return call(connection, self.published, self._settings.service_level)
        finally:
            self._free.put(connection)
