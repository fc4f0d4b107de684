"""What a copy asks: every section's question within one transaction, under the recipient's scope."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import sqlalchemy as sa

from kpi.drivers.analysis import changes, explain
from kpi.drivers.finding import LEADING, leading
from kpi.drivers.parallel import Reader
from kpi.errors import InputError, KpiError
from kpi.i18n import Language
from kpi.metrics.registry import METRICS, metric
from kpi.narrative.driver_sentences import card_title, driver_sentence
from kpi.narrative.headline import Sentence, movers
from kpi.pivot import MOST_COLUMNS, MOST_ROWS, Pivot, axis
from kpi.query.answer import Answer, Cell
from kpi.query.answering import answer_on
from kpi.query.buckets import TIMES
from kpi.query.integrity import Check, proof_on
from kpi.query.labels import labels_on
from kpi.query.maturity import last_mature_on
from kpi.query.question import Period, Question
from kpi.query.validation import tells_agents
from kpi.settings import Settings
from kpi.snapshots.model import Definition, Recipient, Revision, Section, period_of
from kpi.targets.resolution import Targets
from kpi.warehouse.published import Published

# The axis of a figure holds more than that of a table which is read on paper.
_MOST_DAYS = 400


@dataclass(frozen=True)
class Asking:
    """One open transaction, and the one way in which a copy asks within it."""

    connection: sa.Connection
    published: Published
    settings: Settings
    targets: Targets
    language: Language

    def answer(self, question: Question) -> Answer:
        """The answer, held against the targets. Raises what ``kpi.query.answer`` raises."""
        settings = self.settings
        found = answer_on(
            self.connection,
            self.published,
            settings.service_level,
            self.targets.asked(question),
            covered_from=settings.topic_covered,
        )
        return self.targets.hold(found)

    def names(self, dimension: str) -> Mapping[str, str]:
        """Value (as text, "" = unknown) -> name, in the order to show."""
        return labels_on(self.connection, dimension, self.language)


# What is said of the change: the headline figures (no dimension, compared) -> sentences, the most telling first.
Tell = Callable[[Asking, Answer], Sequence[Sentence]]


def what_moved(asking: Asking, headline: Answer) -> Sequence[Sentence]:
    """The findings that matter most of what moved the headline figures, as Overview tells them; where there is none,
    which of them moved.
    """
    if headline.question.compare is None:
        return ()
    whole = replace(headline.question, kpis=tuple(dict.fromkeys(cell.kpi for cell in headline.cells)))
    later = _mature(asking, replace(headline, question=whole))
    questions = changes(whole, {kpi: answered.question for kpi, answered in later.items()})
    with Reader([asking.connection], asking.published, asking.settings) as reader:
        found = leading(explain(reader, questions, most=LEADING))
    if found:
        names = {dimension: asking.names(dimension) for why, _ in found for dimension in why.dimensions}
        return [
            driver_sentence(why, one, names, asking.language, card_title(why.kpi, asking.language))
            for why, one in found
        ]
    told = movers(headline.cells, METRICS, asking.language)
    return (told,) if told else ()


@dataclass(frozen=True)
class Block:
    """A section answered. ``kpis``: those that can be filtered as asked, ``left_out`` the others. ``pivot``: by the
    section's dimensions, its ``whole`` without one. ``answers``: all that the section shows, in the order of its data.
    ``not_allowed``: it tells of single agents, whom the recipient may not see.
    """

    section: Section
    kpis: tuple[str, ...]
    left_out: tuple[str, ...]
    pivot: Pivot | None
    answers: tuple[Answer, ...] = ()
    not_allowed: bool = False

    @property
    def by(self) -> tuple[str, ...]:
        return tuple(one.dimension for one in (self.pivot.rows, self.pivot.cols) if one) if self.pivot else ()

    @property
    def time(self) -> str | None:
        """The dimension of time that it goes by, if one."""
        return next((dimension for dimension in self.by if dimension in TIMES), None)

    @property
    def blank(self) -> bool:
        """No figure of it has a value."""
        return all(cell.value is None for answer in self.answers for cell in answer.cells)


@dataclass(frozen=True)
class Report:
    """Everything that the files of one copy tell. ``whole``: every KPI without a dimension. ``mature``: KPI without a
    mature contact in the period -> its figure over the last period that has some. ``empty``: no contact in the period.
    ``broken``: format, or title of a chart, -> why it could not be made; filled while the files are made.
    """

    definition: Definition
    recipient: Recipient
    due: date
    language: Language
    published: Published
    service_level: str
    period: Period
    whole: Answer
    mature: Mapping[str, Answer]
    blocks: tuple[Block, ...]
    names: Mapping[str, Mapping[str, str]]
    checks: tuple[Check, ...]
    sentences: tuple[Sentence, ...] = ()
    empty: bool = False
    kpis: tuple[str, ...] = field(default=())
    revision: Revision | None = None
    broken: dict[str, KpiError] = field(default_factory=dict, compare=False)

    @property
    def title(self) -> str:
        return self.definition.title_in(self.language)

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)

    def headline(self, kpi: str) -> tuple[Cell, Period | None]:
        """The figure of a card; its period where that is not the report's."""
        cell = self.whole.cell(kpi)
        later = self.mature.get(kpi)
        return (cell, None) if later is None else (later.cell(kpi), later.period)


def ask(
    asking: Asking, definition: Definition, recipient: Recipient, due: date, driver_sentence: Tell = what_moved
) -> Report:
    """Ask everything. Raises InputError for a definition without a KPI that the recipient may see filtered so, and what
    ``kpi.query.answer`` raises for names that are none.
    """
    period = period_of(definition.period, due, asking.published.last_day)
    base = Question((), period, (), definition.filters, definition.compare, recipient.scope,
                    definition.service_level)  # fmt: skip
    narrowed = {one.dimension for one in (*base.filters, *base.scope.filters)}
    every = dict.fromkeys(metric(kpi).id for section in definition.sections for kpi in section.kpis)
    kpis = tuple(kpi for kpi in every if narrowed <= set(METRICS[kpi].dimensions))
    if not kpis:
        raise InputError("report_without_kpis", name=definition.name, dimensions=", ".join(sorted(narrowed)) or "–")
    whole = asking.answer(replace(base, kpis=kpis))
    mature = _mature(asking, whole)
    blocks = tuple(_block(asking, base, section, kpis, whole, mature) for section in definition.sections)
    headlines = [kpi for block in blocks if block.section.kind == "headline" for kpi in block.kpis]
    headline = replace(whole, cells=tuple(whole.cell(kpi) for kpi in dict.fromkeys(headlines or kpis)))
    dimensions = dict.fromkeys(
        [
            *(dimension for block in blocks for dimension in block.by),
            *(one.dimension for one in (*base.filters, *base.scope.filters)),
        ]
    )
    volume = tuple(one for one in base.filters if one.dimension in METRICS["volume"].dimensions)
    seen = tuple(one for one in base.scope.filters if one.dimension in METRICS["volume"].dimensions)
    proven = replace(base, kpis=("volume",), compare=None, filters=volume, scope=replace(base.scope, filters=seen))
    checks = proof_on(asking.connection, asking.published, asking.settings.service_level, proven)
    contacts = next(check.total for check in checks if check.id == "channel")
    return Report(
        definition=definition,
        recipient=recipient,
        due=due,
        language=asking.language,
        published=asking.published,
        service_level=definition.service_level or asking.settings.service_level,
        period=whole.period,
        whole=whole,
        mature=mature,
        blocks=blocks,
        names={dimension: asking.names(dimension) for dimension in dimensions},
        checks=tuple(checks),
        sentences=tuple(driver_sentence(asking, headline)),
        empty=contacts == 0,
        kpis=kpis,
    )


def _mature(asking: Asking, whole: Answer) -> dict[str, Answer]:
    """KPI -> the answer over the last mature period, the same one for all KPIs of a window; as the pages' cards do."""
    found: dict[str, Answer] = {}
    immature = [cell.kpi for cell in whole.cells if cell.reason == "immature"]
    for window in dict.fromkeys(METRICS[kpi].maturity for kpi in immature):
        same = tuple(kpi for kpi in whole.question.kpis if METRICS[kpi].maturity == window)
        moved = last_mature_on(asking.connection, asking.published, replace(whole.question, kpis=same))
        if moved is not None:
            answered = asking.answer(moved)
            found |= {kpi: answered for kpi in same if kpi in immature}
    return found


def _block(
    asking: Asking,
    base: Question,
    section: Section,
    kpis: tuple[str, ...],
    whole: Answer,
    mature: Mapping[str, Answer],
) -> Block:
    if not base.scope.see_agents and tells_agents(replace(base, by=section.by)):
        return Block(section, (), (), None, not_allowed=True)
    shown = tuple(kpi for kpi in section.kpis if kpi in kpis)
    left_out = tuple(kpi for kpi in section.kpis if kpi not in kpis)
    if not shown:
        return Block(section, (), left_out, None)
    if section.kind == "chart":
        shown = shown[:1]
    own = _of(whole, shown)
    if section.kind == "headline":
        again = dict.fromkeys(mature[kpi].period for kpi in shown if kpi in mature)
        later = [
            _of(next(one for one in mature.values() if one.period == period),
                tuple(kpi for kpi in shown if kpi in mature and mature[kpi].period == period))
            for period in again
        ]  # fmt: skip
        return Block(section, shown, left_out, None, (own, *later))
    by = section.by or (("date",) if section.kind == "chart" else ())
    if not by:
        return Block(section, shown, left_out, None, (own,))
    if len(by) > 2:
        raise InputError("report_dimensions", section=section.id, count=len(by))
    sides = [asking.answer(replace(base, kpis=shown, by=(dimension,))) for dimension in by]
    axes = [
        axis(side, most, asking.names(dimension)) for side, dimension, most in zip(sides, by, _most(by), strict=True)
    ]
    if len(by) == 1:
        return Block(section, shown, left_out, Pivot(own, axes[0], sides[0]), (own, sides[0]))
    cells = asking.answer(replace(base, kpis=shown, by=by))
    pivot = Pivot(own, axes[0], sides[0], axes[1], sides[1], cells)
    return Block(section, shown, left_out, pivot, (own, *sides, cells))


def _most(by: tuple[str, ...]) -> list[int]:
    """How many values of each dimension are shown."""
    usual = [MOST_ROWS, MOST_COLUMNS]
    return [_MOST_DAYS if dimension in TIMES else most for dimension, most in zip(by, usual, strict=False)]


def _of(answer: Answer, kpis: tuple[str, ...]) -> Answer:
    """What of an answer is about some of its KPIs."""
    return replace(
        answer,
        question=replace(answer.question, kpis=kpis),
        cells=tuple(cell for cell in answer.cells if cell.kpi in kpis),
    )
