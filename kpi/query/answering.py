"""``answer``: the one way from a question to its figures."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import sqlalchemy as sa

from kpi.metrics.model import Custom, Distinct, Measure, Ratio, Total, parts_of
from kpi.query import privacy
from kpi.query.answer import Answer, Cell
from kpi.query.buckets import TIMES
from kpi.query.cell_rules import CellRules
from kpi.query.cohorts.registry import COHORTS
from kpi.query.measure import Aggregate, Plan, counted_in_several, request, roll_up_for
from kpi.query.period_pair import PeriodPair
from kpi.query.question import COVERED_FROM, Question
from kpi.query.selection import Key, Selection
from kpi.query.validation import check
from kpi.warehouse import Published, Warehouse


def answer(warehouse: Warehouse, question: Question, *, rolled_up: bool = True) -> Answer:
    """Answer ``question`` from one published state.

    ``rolled_up=False`` reads the facts even where a roll-up could answer: the same numbers, more slowly.
    Raises what ``validation.check`` raises, and WarehouseEmpty.
    """
    with warehouse.read() as connection:
        published = warehouse.require_data(connection)
        settings = warehouse.settings
        return answer_on(
            connection,
            published,
            settings.service_level,
            question,
            rolled_up=rolled_up,
            covered_from=settings.topic_covered,
        )


def answer_on(
    connection: sa.Connection,
    published: Published,
    service_level: str,
    question: Question,
    *,
    rolled_up: bool = True,
    covered_from: float = COVERED_FROM,
    beside: sa.Connection | None = None,
) -> Answer:
    """As ``answer``, within a transaction that is open already. ``service_level``, ``covered_from``: those of the
    settings, where the question names none. ``beside``: another connection that sees the same state, to read what is
    compared with at the same time.
    """
    service_level = question.service_level or service_level
    metrics = check(connection, question)
    pair = PeriodPair.of(connection, published, question, rolled_up=rolled_up, covered_from=covered_from)
    selection, before, compared, sources = pair.now, pair.before, pair.compared, pair.sources
    period = selection.period
    rules = {
        metric.id: CellRules(metric, pair.measure(metric, service_level), published, sources, service_level)
        for metric in metrics
    }
    if before is not None and beside is not None:
        with ThreadPoolExecutor(1, thread_name_prefix="beside") as worker:
            reading = worker.submit(_read, replace(before, connection=beside), rules)
            now = _read(selection, rules)
            then = reading.result()
    else:
        now = _read(selection, rules)
        then = _read(before, rules) if before is not None else {}

    hidden = _too_small(question, selection, rules, now)
    hidden_then = _too_small(question, before, rules, then) if before is not None else {}
    cells: list[Cell] = []
    for metric in metrics:
        kpi = rules[metric.id]
        previous = {
            moved: Aggregate(reason="hidden") if key in hidden_then.get(metric.id, ()) else raw
            for key, raw in then.get(metric.id, {}).items()
            if compared is not None and (moved := compared.moved(question.by, key)) is not None
        }
        seen = {key: raw for key, raw in previous.items() if raw.reason != "hidden"}
        keys = _keys(question, now, metric.id, seen)
        for key in keys:
            cell = kpi.cell(question.by, key, now[metric.id].get(key), previous.get(key), period, compared)
            cells.append(_without_figures(cell) if key in hidden.get(metric.id, ()) else cell)
        if not keys and (nothing := kpi.cell(question.by, (None,) * len(question.by), None, None, period)).reason:
            cells.append(nothing)  # no row at all would not say why
    return Answer(
        question=question,
        version=published.version,
        synthetic=published.synthetic,
        as_of={source: published.feeds[source].watermark for source in sorted(sources)},
        period=period,
        compared=compared.period if compared else None,
        aligned_by=compared.aligned_by if compared else None,
        cuts=compared.cuts if compared else (),
        cells=tuple(cells),
        rolled_up=sum(_from_roll_ups(selection, one.measure) for one in rules.values()),
        counted_twice=_counted_twice(selection, rules) if question.by else {},
    )


def _read(selection: Selection, rules: dict[str, CellRules]) -> dict[str, dict[Key, Aggregate]]:
    """KPI -> key -> what was counted; one plan for all KPIs that can share statements."""
    plan = Plan(selection)
    readers: dict[str, Callable[..., dict[Key, Aggregate]]] = {}
    found: dict[str, dict[Key, Aggregate]] = {}
    for kpi, one in rules.items():
        if one.sources is not None and not one.sources:
            found[kpi] = {}  # no feed records it
        elif isinstance(one.measure, Custom):
            found[kpi] = COHORTS[kpi].compute(selection, one.sources)
        else:
            readers[kpi] = request(plan, one.metric, one.measure, one.sources)
    read = plan.read()
    return found | {kpi: reader(read) for kpi, reader in readers.items()}


def _too_small(
    question: Question, selection: Selection, rules: dict[str, CellRules], found: dict[str, dict[Key, Aggregate]]
) -> dict[str, set[Key]]:
    """KPI -> keys of the cells that stand for too few customers for the viewer to see."""
    if question.scope.see_interactions:
        return {}
    measured = {kpi: (one.measure, one.sources) for kpi, one in rules.items()}
    return privacy.small_cells(selection, measured, found)


def _without_figures(cell: Cell) -> Cell:
    return Cell(
        cell.kpi, cell.key, None, None, None, None, provisional=cell.provisional, reason="hidden", days=cell.days
    )


def _keys(
    question: Question, now: dict[str, dict[Key, Aggregate]], kpi: str, previous: dict[Key, Aggregate]
) -> list[Key]:
    """The keys to show for a KPI: its own and the comparison's; where it has none, those of the other KPIs."""
    if not question.by:
        return [()]
    keys = dict.fromkeys([*now[kpi], *previous]) or dict.fromkeys(key for found in now.values() for key in found)
    return sorted(keys, key=lambda key: tuple((value is None, value if value is not None else "") for value in key))


def _from_roll_ups(selection: Selection, measure: Measure) -> bool:
    """Whether every sum of a total or ratio is read from a roll-up."""
    return isinstance(measure, Total | Ratio) and all(roll_up_for(selection, part.fact) for part in parts_of(measure))


def _counted_twice(selection: Selection, rules: dict[str, CellRules]) -> dict[str, int]:
    """Distinct counts: how many stand in more than one row. Not over time, where nobody would add."""
    if TIMES & set(selection.by):
        return {}
    return {
        kpi: counted_in_several(selection, one.measure, one.sources)
        for kpi, one in rules.items()
        if isinstance(one.measure, Distinct) and one.sources != frozenset()
    }
