"""What a page shows of one view: every question that it asks, answered together before anything is drawn."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from altair import LayerChart

from kpi.charts import Note, Slots, Style, grain_of
from kpi.drivers.analysis import changes
from kpi.metrics.model import Custom
from kpi.metrics.registry import METRICS
from kpi.query.answer import Answer, Cell
from kpi.query.integrity import Check
from kpi.query.question import Period, Question
from kpi.targets.resolution import days_on_target
from kpi.targets.target_text import Days
from kpi.warehouse.published import Published
from pages.address.view import View, Within
from pages.data import cache

# Coverage accumulates through the days, the others' lines go by date. Its line ends in the figure of the card, and its
# denominator is the base, so that neither is asked for again.
COVERAGE, _BASE = "long_tail_coverage", "tail_base"


class Figures:
    """The figures of a page.

    ``headlines``: the KPIs of its cards, each with the one that stands beside it on its card ("": none).
    ``panels``: name -> (KPIs, dimensions, compared) of what its figures show, the dimension ``{grain}`` being the one
    of the page's time axes; a KPI to which a filter does not apply is left out, and a panel of which nothing is left is
    not there. A panel may be a whole question instead. ``also``: calls of ``cache`` to make beside the questions.
    ``spans``: panels of another period than the view's. ``cohorts``: panels that stand on a cohort as a whole: where
    nothing of their period is mature they show the last period of that length that is, and name it, as a card does.
    ``more``: questions that ``answer`` will be asked for.
    """

    def __init__(
        self,
        view: View,
        published: Published,
        headlines: Mapping[str, str],
        panels: Mapping[str, tuple[Sequence[str], tuple[str, ...], bool] | Question],
        *,
        spans: Mapping[str, Period] | None = None,
        cohorts: Collection[str] = (),
        proof: bool = True,
        also: Sequence[Callable[[], object]] = (),
        more: Sequence[Question] = (),
    ) -> None:
        self.view, self.published, self.version = view, published, published.version
        self.targets = cache.targets()
        self._answers: dict[Question, Answer] = {}
        self.slots = Slots(view.period, grain_of(view.period), published.today)
        grain = self.slots.grain
        self.headlines = dict(headlines)
        self.kpis = [kpi for kpi in headlines if view.applies(METRICS[kpi])]
        beside = [headlines[kpi] for kpi in self.kpis if headlines[kpi] not in {"", _BASE}]
        plain = [kpi for kpi in self.kpis if kpi != COVERAGE]
        # The days so far are held against as many days: not the whole period against one of another length.
        whole = [kpi for kpi in self.kpis if kpi != COVERAGE or isinstance(view.compare, Period)]
        shown = dict.fromkeys([*whole, *(kpi for kpi in beside if view.applies(METRICS[kpi]))])
        self._headline = view.question(*shown)
        self._lines = view.question(*(kpi for kpi in plain if grain in METRICS[kpi].dimensions), by=(grain,))
        self._coverage = view.question(COVERAGE, by=("through",)) if COVERAGE in self.kpis else None
        self._daily = self._by_date(grain)
        self._cohorts = frozenset(cohorts)
        self._panels: dict[str, Question] = {}
        for name, panel in panels.items():
            if isinstance(panel, Question):
                self._panels[name] = self.targets.asked(panel)
                continue
            kpis, by, compared = panel
            by = tuple(dimension.format(grain=grain) for dimension in by)
            applying = [kpi for kpi in kpis if view.applies(METRICS[kpi], *by)]
            if applying:
                question = view.question(*applying, by=by, compared=compared)
                spanned = replace(question, period=(spans or {}).get(name, question.period))
                self._panels[name] = self.targets.asked(spanned)
        self._proof = view.question("volume", compared=False) if proof else None
        asked = [self._headline, self._lines, self._coverage, *self._panels.values(), *more, self._daily]
        every = [question for question in asked if question is not None and question.kpis]
        # Cohorts of customers first, since they are the dearest, and in one portion, since they share what is put
        # together for a day.
        together = [question for question in every if _of_cohort(question)]
        others = [[question] for question in every if question not in together]
        cache.prepare([together, *others], self._proof, self.version, also)
        self._prepare_mature()

    def _prepare_mature(self) -> None:
        """Answer together, too, what is asked again because nothing of the period is mature."""
        asked = [self.mature(kpi) for kpi in self.kpis if (cell := self.cell(kpi)) and cell.reason == "immature"]
        asked += [self._mature(self._panels[name]) for name in self._panels if self._immature(name)]
        wanted = list(dict.fromkeys(question for question in asked if question is not None))
        if wanted:
            cache.prepare([[question] for question in wanted], None, self.version)

    def _immature(self, name: str) -> bool:
        """Whether a panel stands on a cohort of which, for one of its KPIs, nothing is mature."""
        if name not in self._cohorts:
            return False
        question = self._panels[name]
        needing = [kpi for kpi in question.kpis if METRICS[kpi].maturity is not None]
        cells = self._answer(question).cells if needing else ()
        for kpi in needing:
            own = [cell for cell in cells if cell.kpi == kpi]
            if all(cell.value is None for cell in own) and any(cell.reason == "immature" for cell in own):
                return True
        return False

    def _mature(self, question: Question) -> Question | None:
        return cache.mature(question, self.version)

    def _by_date(self, grain: str) -> Question | None:
        """Where the lines go by another grain: the question that tells the days on target of the headlines."""
        kpis = [kpi for kpi in self.targets.of(self._lines.kpis) if "date" in METRICS[kpi].dimensions]
        return self.view.question(*kpis, by=("date",), compared=False) if kpis and grain != "date" else None

    def _answer(self, question: Question) -> Answer:
        if question not in self._answers:
            self._answers[question] = cache.answer(question, self.version, self.targets)
        return self._answers[question]

    def days_on_target(self, kpi: str) -> Days | None:
        """Of a headline: how many of the period's days met their target, of how many that have one and a value; None
        where its days are not told apart.
        """
        lines = self._daily or (self._lines if self._lines.by == ("date",) else None)
        if lines is None or kpi not in self.targets.of(lines.kpis):
            return None
        found = days_on_target(cell for cell in self._answer(lines).cells if cell.kpi == kpi)
        return found if found[1] else None

    @property
    def headline(self) -> Answer | None:
        """The period's figures, without a dimension; of the coverage see ``cell``. None where no KPI applies."""
        return self._answer(self._headline) if self._headline.kpis else None

    @property
    def compared(self) -> Answer | None:
        """An answer of the page that says what it is compared with."""
        return self.headline or (self._answer(self._coverage) if self._coverage else None)

    def cell(self, kpi: str) -> Cell | None:
        """The figure of the whole period; None where a filter does not apply to the KPI."""
        if kpi in self._headline.kpis:
            return self._answer(self._headline).cell(kpi)
        # The days so far of the last day are the whole period.
        return self._answer(self._coverage).cells[-1] if kpi == COVERAGE and self._coverage is not None else None

    def line(self, kpi: str) -> Answer | None:
        """The KPI over time; None where it has no course."""
        if kpi == COVERAGE and self._coverage is not None:
            return self._answer(self._coverage)
        return self._answer(self._lines) if kpi in self._lines.kpis else None

    def panel(self, name: str) -> Answer | None:
        """The answer of a panel; None where a filter does not apply to any of its KPIs.

        Its ``period`` is another than the view's where nothing of that is mature.
        """
        question = self._panels.get(name)
        if question is None:
            return None
        moved = self._mature(question) if self._immature(name) else None
        return self._answer(moved or question)

    def within(self, name: str) -> Within:
        """What the figures of a panel are of, where that is not the view."""
        question = self._panels[name]
        mine = {filter_.dimension for filter_ in question.filters}
        every = tuple(filter_.dimension for filter_ in self.view.filters if filter_.dimension not in mine)
        return Within(question.period if question.period != self.view.period else None, every)

    def drawn(self, name: str, style: Style, draw: Callable[[], LayerChart]) -> dict[str, Any]:
        """One figure of the view, drawn once for all who look at it."""
        marked = " ".join(filter(None, [name, str(self.notes or ""), self.targets.mark]))
        return cache.figure(marked, self.view.question("volume"), style, self.version, draw)

    def names(self, dimension: str) -> Mapping[str, str]:
        """Value -> name of a dimension's values."""
        return cache.labels(dimension, self.view.language, self.version)

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What happened in the period."""
        return cache.notes(self.view.period, self.view.language, self.version)

    @property
    def proof(self) -> tuple[Check, ...]:
        """The identity proof of the view."""
        return cache.identity(self._proof, self.version) if self._proof is not None else ()

    def mature(self, kpi: str) -> Question | None:
        """Where the period holds nothing mature: the question over the last period that does, the same one for all
        headlines with the same window.
        """
        window = METRICS[kpi].maturity
        return self._mature(self.view.question(*(one for one in self.kpis if METRICS[one].maturity == window)))

    def changes(self) -> tuple[Question, ...]:
        """The questions whose changes are to be explained: of the cards, each over the period that its card shows."""
        moved = {kpi: question for kpi in self.kpis if (cell := self.cell(kpi)) and cell.reason == "immature"
                 and (question := self.mature(kpi)) is not None}  # fmt: skip
        return changes(self.view.question(*self.kpis), moved)

    def answer(self, question: Question) -> Answer:
        """The answer to a question that only some views need."""
        return self._answer(question)


def _of_cohort(question: Question) -> bool:
    """Whether a question reads customers one by one."""
    return any(isinstance(METRICS[kpi].measure, Custom) for kpi in question.kpis)
