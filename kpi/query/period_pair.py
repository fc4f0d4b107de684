"""A question's period and what it is compared with, as two selections."""

from dataclasses import dataclass, replace

import sqlalchemy as sa

from kpi.metrics.model import Measure, Metric
from kpi.query.cell_rules import is_covered
from kpi.query.compare import Comparison, comparison
from kpi.query.feeds import feeds_in_scope
from kpi.query.question import COVERED_FROM, Question
from kpi.query.selection import Selection
from kpi.warehouse import Published


@dataclass(frozen=True)
class PeriodPair:
    """What a question reads. ``before``: what it is compared with, as far as the data reaches back; ``compared``: the
    comparison, read or not; ``sources``: the feeds in scope.
    """

    now: Selection
    before: Selection | None
    compared: Comparison | None
    sources: frozenset[str]

    @classmethod
    def of(
        cls,
        connection: sa.Connection,
        published: Published,
        question: Question,
        *,
        rolled_up: bool = True,
        covered_from: float = COVERED_FROM,
    ) -> "PeriodPair":
        """Those of a question that was checked."""
        sources = feeds_in_scope(connection, published, question)
        now = Selection.of(connection, published, question, rolled_up=rolled_up, covered_from=covered_from)
        compared = comparison(connection, published, question, sources)
        if compared is None or not is_covered(published, compared.period):
            return cls(now, None, compared, sources)
        return cls(now, replace(now, period=compared.period, cuts=compared.cuts), compared, sources)

    def measure(self, metric: Metric, service_level: str) -> Measure:
        """The KPI's formula for the dimensions that are used."""
        return metric.measure_for(self.now.dimensions, service_level)
