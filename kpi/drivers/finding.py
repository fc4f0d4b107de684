"""What an explanation consists of: findings, and the tables that they were found in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import asin, log, sqrt
from typing import Literal

from kpi.drivers.customer_turnover import Turnover
from kpi.i18n.formats import part_decimals
from kpi.metrics.registry import metric
from kpi.query.answer import Cell, DimensionValue
from kpi.query.question import Filter, Period, Question
from kpi.stats.decomposition import Decomposition
from kpi.stats.significance import Evidence

FindingKind = Literal["mix", "rate", "count", "simpson", "customers", "sides"]
Nothing = Literal[
    "no_comparison",  # none was asked for
    "not_covered",  # the data does not reach back to it
    "no_value",  # one of the periods has no value; the cell says why
    "unchanged",  # both are the same
    "no_parts",  # no dimension's parts add up to such a KPI
    "hidden",  # what there is may not be seen
    "noise",  # nothing that was tried is distinguishable from noise
    "small",  # what is distinguishable from noise moved too little to be told
    "whole",  # of a share of the whole nothing is chosen: all together are always everything
]
# How many findings lead a page.
LEADING = 3


@dataclass(frozen=True)
class Where:
    """The value of another dimension that carries ``share`` of a finding, which is more than its usual share."""

    dimension: str
    value: DimensionValue
    share: float


@dataclass(frozen=True)
class Finding:
    """One cause: ``value`` of ``dimension``.

    ``points``: what it moved of the KPI, in the KPI's unit (a share as 0–1). ``kind`` decides what ``before`` and
    ``now`` are: of a ``rate`` the value's own KPI; of ``mix`` and ``simpson`` (all values moved against the whole) its
    share of the denominator, where ``points`` is of the whole dimension and the value is the one that moved most of it;
    of a ``count`` its number. ``low``, ``high``: 95 % interval of now − before. ``rank``: the points by which it ranks
    (of a rate or a count its movement against the general one); ``weight``: its mean share of the whole. ``n_before``,
    ``n_now``: what it stands on. ``p``: of its test. ``where``: the two-way cell that is most of it. ``filters``: lead
    to its rows. ``customers`` and ``sides`` (of a quotient over customers) have no dimension; their figures are the
    explanation's.
    """

    kpi: str
    kind: FindingKind
    points: Fraction
    dimension: str = ""
    value: DimensionValue = None
    before: float | None = None
    now: float | None = None
    low: float | None = None
    high: float | None = None
    n_before: int = 0
    n_now: int = 0
    p: float = 0.0
    rank: Fraction = Fraction(0)
    weight: Fraction = Fraction(0)
    where: Where | None = None
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True)
class Why:
    """Why a KPI changed. ``question``: of this KPI alone. ``change``: exact, in the KPI's unit; None where there is
    none. ``asked``: the decomposition that was asked for; ``decompositions``: one a dimension that was searched.
    ``findings``: beyond chance, the largest first; ``reason``: why there is none. ``tested``: how many comparisons the
    search made; ``untested``: the KPI is of a kind whose chance cannot be told, so that nothing ranks.
    ``evidence``: of the whole change. ``sides``: what numerator and denominator add to a quotient.
    """

    question: Question
    version: int
    period: Period
    compared: Period | None
    whole: Cell
    change: Fraction | None = None
    asked: Decomposition | None = None
    decompositions: tuple[Decomposition, ...] = ()
    findings: tuple[Finding, ...] = ()
    reason: Nothing | None = None
    tested: int = 0
    untested: bool = False
    evidence: Evidence | None = None
    turnover: Turnover | None = None
    sides: tuple[Fraction, Fraction] | None = None

    @property
    def kpi(self) -> str:
        return self.question.kpis[0]

    @property
    def decimals(self) -> int:
        """To how many, in the KPI's unit, the parts of the change are rounded where they are told."""
        return part_decimals(metric(self.kpi).unit, self.whole.value, self.whole.previous)

    @property
    def times(self) -> float:
        """How many times as long as the comparison the period is."""
        return self.period.days / self.compared.days if self.compared is not None else 1.0

    @property
    def beyond_chance(self) -> bool:
        return self.evidence is not None and self.evidence.beyond

    @property
    def size(self) -> float:
        """How much changed, comparable across KPIs: Cohen's h of proportions (1988), |ln(now ÷ before)| of all else."""
        now, before = self.whole.value, self.whole.previous
        if now is None or before is None:
            return 0.0
        if self.whole.low is not None:  # a proportion
            return abs(2 * asin(sqrt(min(1.0, max(0.0, now)))) - 2 * asin(sqrt(min(1.0, max(0.0, before)))))
        return abs(log(now / before)) if now > 0 and before > 0 else 0.0

    @property
    def dimensions(self) -> set[str]:
        """Those whose values its sentences name: a page needs their labels."""
        named = {finding.dimension for finding in self.findings if finding.dimension}
        return named | {finding.where.dimension for finding in self.findings if finding.where is not None}

    def decomposition(self, *by: str) -> Decomposition | None:
        """That by these dimensions, if it was made."""
        made = [*([self.asked] if self.asked else []), *self.decompositions]
        return next((one for one in made if one.by == by), None)


def leading(whys: Iterable[Why], most: int = LEADING) -> list[tuple[Why, Finding]]:
    """The findings that a page leads with: the first one of each KPI that changed beyond chance, the KPI that changed
    most (``Why.size``) first; then their second ones, until there are enough.
    """
    moved = by_size(whys)
    depth = max((len(why.findings) for why in moved), default=0)
    return [(why, why.findings[i]) for i in range(depth) for why in moved if i < len(why.findings)][:most]


def by_size(whys: Iterable[Why]) -> Sequence[Why]:
    """Those that changed beyond chance, the most first."""
    return sorted((why for why in whys if why.beyond_chance), key=lambda why: -why.size)
