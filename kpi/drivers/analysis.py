"""Why a KPI changed: the search through its dimensions for what moved it beyond chance."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import combinations

from kpi.drivers.customer_turnover import Turnover
from kpi.drivers.deduplication import distinct, located, may_replace, pair
from kpi.drivers.dimensions import causes_of
from kpi.drivers.finding import LEADING, Finding, Nothing, Why, by_size, leading
from kpi.drivers.grouping_sets import By, is_rolled, shares_of
from kpi.drivers.parallel import Reader
from kpi.drivers.period_counts import Counts
from kpi.drivers.reconciliation import both, parted, parts_add, scale_of
from kpi.drivers.search import Squares, chance_of, evidence, search
from kpi.drivers.sum_of_squares import is_mean
from kpi.metrics.dimensions import INTERACTION
from kpi.metrics.model import Custom, Distinct, DistinctRatio, Metric, Ratio, Total
from kpi.metrics.registry import metric
from kpi.query.answer import Answer, Cell
from kpi.query.question import Question
from kpi.query.validation import check_dimensions
from kpi.stats.decomposition import Decomposition, count_change, quotient_change, ratio_change
from kpi.stats.significance import counts
from kpi.warehouse import Warehouse

# What a cause must have moved, of the change.
_LEAST = Fraction(1, 20)
# Findings that are held against each other, of so many dimensions at most, and how many of them are located.
_COMPARED = 6
_DIMENSIONS = 3
_LOCATED = 3
# By what a finding is located, beside the dimensions of the others.
_PLACES = ("channel", "tier")


def why(warehouse: Warehouse, question: Question) -> tuple[Why, ...]:
    """Why each KPI of the question changed against its comparison, in the question's order.

    ``question.by``: dimensions by which the change is taken apart besides. Raises what ``answer`` raises.
    """
    with Reader.of(warehouse) as reader:
        return explain(reader, [question])


def three(warehouse: Warehouse, questions: Sequence[Question]) -> list[tuple[Why, Finding]]:
    """The three findings that lead a page, of the KPIs of all questions (which may be over different periods).

    Dimensions that only the facts have (the age) are left to ``why``: they would take longer than all others together.
    """
    with Reader.of(warehouse) as reader:
        return leading(explain(reader, questions, most=LEADING))


def changes(whole: Question, later: Mapping[str, Question]) -> tuple[Question, ...]:
    """What is to be explained of headline figures, on a page and in a report: each over the period that is shown of it.
    ``later``: KPI -> the question of the last mature period, where the one of ``whole`` holds nothing mature.
    """
    here = tuple(kpi for kpi in whole.kpis if kpi not in later)
    moved = (replace(later[kpi], kpis=(kpi,)) for kpi in whole.kpis if kpi in later)
    return (*([replace(whole, kpis=here)] if here else []), *moved)


def explain(
    reader: Reader, questions: Sequence[Question], most: int | None = None, known: Sequence[Answer] = ()
) -> tuple[Why, ...]:
    """As ``why``, of several questions together and from what the reader reads.

    ``known``: answers, of the reader's version, that may hold the wholes of some KPIs already.
    ``most``: the KPIs that changed most beyond chance are searched, until so many have a finding, by what roll-ups hold
    and for the first finding only; the others come without any.
    """
    for question in questions:
        check_dimensions([metric(kpi) for kpi in question.kpis], question.by)
    wholes = _wholes(reader, questions, known)
    cases = [
        _Case(metric(question.kpis[0]), question, wholes[replace(question, by=())], quick=most is not None)
        for question in (replace(one, kpis=(kpi,)) for one in questions for kpi in one.kpis)
    ]
    changed = [case for case in cases if case.begin() is None]
    _read_others(reader, changed, [[()] for _ in changed])
    for case in changed:
        case.weigh()
    if most is None:
        _search(reader, changed)
        return tuple(case.why for case in cases)
    of = {id(case.why): case for case in changed}
    left = [of[id(one)] for one in by_size(case.why for case in changed)]
    found = 0
    while left and found < most:
        next_, left = left[: most - found], left[most - found :]
        _search(reader, next_)
        found += sum(bool(case.why.findings) for case in next_)
    return tuple(case.why for case in cases)


def _wholes(reader: Reader, questions: Sequence[Question], known: Sequence[Answer]) -> dict[Question, Answer]:
    """A question of one KPI, by nothing -> the answer that holds its figure."""
    found = {
        replace(answered.question, kpis=(kpi,)): answered
        for answered in known
        if answered.version == reader.published.version and not answered.question.by
        for kpi in answered.question.kpis
    }
    asked = []
    for question in (replace(one, by=()) for one in questions):
        if missing := tuple(kpi for kpi in question.kpis if replace(question, kpis=(kpi,)) not in found):
            asked.append(replace(question, kpis=missing))
    for question, answered in zip(asked, reader.answers(asked), strict=True):
        found |= {replace(question, kpis=(kpi,)): answered for kpi in question.kpis}
    return found


def _search(reader: Reader, cases: Sequence["_Case"]) -> None:
    """Search some KPIs to the end: by single dimensions first, then by pairs of those that found something."""
    bys = [case.first() for case in cases]
    _count(reader, cases, bys)
    _read_others(reader, cases, [[by for by in of if len(by) == 1] for of in bys])
    for case in cases:
        case.search()
    found = [case for case in cases if case.why.decompositions and case.why.findings]
    _count(reader, found, [case.pairs() for case in found])
    for case in found:
        case.end()


@dataclass(eq=False)
class _Case:
    """The search of one KPI on its way."""

    metric: Metric
    question: Question
    answered: Answer  # of the whole
    quick: bool = False  # the first finding only, by what roll-ups hold
    counts: dict[By, Counts] = field(default_factory=dict)
    squares: dict[By, Squares] = field(default_factory=dict)
    turnover: Turnover | None = None
    why: Why = field(init=False)

    @property
    def causes(self) -> By:
        """What is searched: not what a filter has narrowed to one value."""
        single = {filter_.dimension for filter_ in self.question.filters if len(filter_.values) == 1}
        of = self.metric.facts
        return tuple(
            dimension
            for dimension in causes_of(self.metric)
            if dimension not in single and not (self.quick and of and not is_rolled(of[0], (dimension,)))
        )

    def begin(self) -> Nothing | None:
        """Take the whole; the reason where there is nothing to explain."""
        answered = self.answered
        whole = answered.cell(self.metric.id)
        reason: Nothing | None = None
        if self.question.compare is None:
            reason = "no_comparison"
        elif _is_whole(self.metric, self.question):
            reason = "whole"
        elif whole.value is None:
            reason = "hidden" if whole.reason == "hidden" else "no_value"
        elif whole.previous is None:
            counted = whole.before
            reason = "not_covered" if counted is None else "hidden" if counted.hidden else "no_value"
        self.why = Why(self.question, answered.version, answered.period, answered.compared, whole, reason=reason)
        return reason

    def first(self) -> list[By]:
        """What the search begins with: every cause, and what was asked for."""
        asked = self.question.by
        return [*((cause,) for cause in self.causes), *([asked] if asked and parts_add(self.metric, asked) else [])]

    def weigh(self) -> None:
        """How much the whole changed, and whether beyond chance."""
        if isinstance(self.metric.measure, Distinct):
            # New and lost are independent counts, and what they differ by is the change; of periods of one length only.
            turnover = self.turnover if self.why.times == 1 else None
            test = counts(turnover.lost, turnover.new) if turnover is not None else None
        else:
            squares = self.squares.get(())
            of_whole = (squares[0].get((), 0), squares[1].get((), 0)) if squares else None
            whole, scale = both(self.why.whole), scale_of(self.metric)
            test = evidence(chance_of(self.metric), *whole, scale, of_whole, self.why.times)
        self.why = replace(self.why, change=_change(self.metric, self.why.whole), evidence=test)

    def search(self) -> None:
        """Find what is beyond chance, dimension by dimension."""
        if isinstance(self.metric.measure, Distinct | DistinctRatio):
            self._of_customers()
            return
        parts = [part for cause in self.causes if (part := self.parted((cause,))) is not None]
        # At least as much as is shown, and what is no mere trifle of the change.
        least = max(Fraction(1, 2 * 10**self.why.decimals), _LEAST * abs(self.why.change or Fraction(0)))
        found = search(
            self.metric,
            [part for part in parts if len(part.effects) > 1],
            scale_of(self.metric),
            {by[0]: both_ for by, both_ in self.squares.items() if by},
            least,
            self.why.times,
        )
        reason: Nothing | None = None
        if not found.findings:
            unmoved: Nothing = "small" if found.small else "noise"
            reason = "no_parts" if not parts else "unchanged" if not self.why.change else unmoved
        self.why = replace(
            self.why,
            asked=self.parted(self.question.by) if self.question.by else None,
            decompositions=tuple(parts),
            findings=found.findings,
            tested=found.tested,
            untested=bool(parts) and chance_of(self.metric) is None,
            reason=reason,
        )

    def _of_customers(self) -> None:
        """Customers are never a sum of parts: who is new and who stayed away, or the two sides of the quotient."""
        change = self.why.change or Fraction(0)
        if isinstance(self.metric.measure, DistinctRatio):
            sides = quotient_change(*both(self.why.whole))
            found = (Finding(self.metric.id, "sides", change),) if sides is not None and change else ()
            self.why = replace(self.why, sides=sides, findings=found, reason=None if found else "unchanged")
            return
        if self.turnover is None:
            self.why = replace(self.why, reason="hidden")
            return
        turnover = self.turnover
        moved = turnover.new or turnover.lost
        found = (Finding(self.metric.id, "customers", change, n_before=turnover.lost, n_now=turnover.new),)
        self.why = replace(
            self.why,
            turnover=turnover,
            findings=found if moved else (),
            reason=None if moved else "unchanged",
        )

    def largest(self) -> list[Finding]:
        """The findings that are held against each other."""
        dimensions = list(dict.fromkeys(finding.dimension for finding in self.why.findings))[:_DIMENSIONS]
        return [finding for finding in self.why.findings if finding.dimension in dimensions][:_COMPARED]

    def pairs(self) -> list[By]:
        """The pairs of dimensions by which the largest findings are held against each other, and located."""
        largest = self.largest()
        lead = largest[0]
        held: Iterable[tuple[Finding, Finding]] = combinations(largest, 2)
        if self.quick:  # only what may take the place of the first
            held = ((lead, other) for other in largest[1:] if may_replace(other, lead))
        pairs = [pair(one.dimension, other.dimension) for one, other in held if one.dimension != other.dimension]
        pairs += [pair(lead.dimension, place) for place in _PLACES if place != lead.dimension and place in self.causes]
        return [by for by in dict.fromkeys(pairs) if parts_add(self.metric, by)]

    def end(self) -> None:
        """Drop what restates another finding, and say where most of the largest lie."""
        pairs = {
            by: part for by in self.counts if len(by) == 2 and by == pair(*by) and (part := self.parted(by)) is not None
        }
        kept = distinct(self.largest(), pairs)
        if self.quick:
            kept = kept[:1]  # the others may restate it
        found = [located(one, pairs) for one in kept[:_LOCATED]] + kept[_LOCATED:]
        self.why = replace(self.why, findings=tuple(found))

    def parted(self, by: By) -> Decomposition | None:
        """The change by some dimensions; None where their parts do not add up to the whole."""
        return parted(self.metric, self.why.whole, self.counts[by], by) if by in self.counts else None


def _is_whole(declared: Metric, question: Question) -> bool:
    """Whether the KPI is a share of the whole of which no part is chosen."""
    match declared.measure:
        case Ratio(numerator=top, denominator=bottom, whole_of=parts) if parts and top is bottom:
            return not any(one.dimension in parts for one in question.filters)
    return False


def _change(declared: Metric, whole: Cell) -> Fraction:
    """The change of the whole: exactly, where its value is made of two whole numbers."""
    before, now = both(whole)
    if isinstance(declared.measure, Total | Distinct):
        return count_change({(): before}, {(): now}, scale_of(declared)).change
    exact = ratio_change({(): before}, {(): now}, scale_of(declared))
    made_of_parts = isinstance(declared.measure, Ratio | DistinctRatio) or declared.proportion
    return exact.change if exact is not None and made_of_parts else Fraction(whole.change or 0)


def _count(reader: Reader, cases: Sequence[_Case], wanted: Sequence[Sequence[By]]) -> None:
    """Count what the cases want, each set of dimensions once for all KPIs of the same view."""
    views: dict[tuple[Question, bool], list[tuple[_Case, Sequence[By]]]] = defaultdict(list)
    for case, bys in zip(cases, wanted, strict=True):
        # Cohorts of customers are read by themselves, beside the others.
        own = isinstance(case.metric.measure, Custom)
        views[replace(case.question, kpis=(), by=()), own].append((case, [by for by in bys if by not in case.counts]))
    asked: list[tuple[Question, list[By]]] = []
    for (view, _), of in views.items():
        together: dict[tuple[str, ...], list[By]] = defaultdict(list)
        for by in dict.fromkeys(by for _, bys in of for by in bys):
            # Of a roll-up, one KPI more costs less than one statement more, so all are counted that have these.
            rolled = is_rolled(INTERACTION, by)
            wanting = [case for case, bys in of if by in bys or (rolled and set(by) <= set(case.metric.dimensions))]
            together[tuple(case.metric.id for case in wanting)].append(by)
        asked += [(replace(view, kpis=kpis), share) for kpis, bys in together.items() for share in shares_of(bys)]
    for (question, share), counted in zip(asked, reader.counts(asked), strict=True):
        for case in cases:
            if case.metric.id in question.kpis and replace(case.question, kpis=question.kpis, by=()) == question:
                case.counts |= {by: counted[case.metric.id][by] for by in share}


def _read_others(reader: Reader, cases: Sequence[_Case], bys: Sequence[Sequence[By]]) -> None:
    """The squares behind means, and who of distinct customers is new."""
    means = [(case, by) for case, of in zip(cases, bys, strict=True) if is_mean(case.metric) for by in of]
    questions = [replace(case.question, by=by) for case, by in means]
    for (case, by), read in zip(means, reader.squares(questions), strict=True):
        if case.metric.id in read:
            case.squares[by] = read[case.metric.id]
    customers = [case for case in cases if isinstance(case.metric.measure, Distinct) and case.turnover is None]
    questions = [replace(case.question, by=()) for case in customers]
    for case, turnover in zip(customers, reader.turnovers(questions), strict=True):
        case.turnover = turnover
