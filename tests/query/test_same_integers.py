"""Whatever a question is answered from, the figures are the same; rows and drill-downs add up to them.

Over every KPI and every declared dimension, and over questions drawn at random with a fixed seed, on a small demo
bank loaded in three parts: most of it, then what came later with some late rows, then nothing but the last hours.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta

import duckdb
import pyarrow as pa
import pytest

from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Metric, Percentile, Ratio, Total, parts_of
from kpi.metrics.registry import METRICS, requirements
from kpi.narrative.additivity import additivity
from kpi.query import Cell, Filter, Period, Question, answer, rows
from kpi.query.answer import Answer
from kpi.query.answering import answer_on
from kpi.query.buckets import TIMES, span_of
from kpi.query.integrity import audit, proof
from kpi.query.labels import known_values
from kpi.query.question import Compare
from kpi.query.rows import count_on
from kpi.query.selection import typed
from kpi.warehouse import Warehouse
from kpi.warehouse.load import Load
from seed.load import Bank
from seed.options import ZONE, Options
from seed.world import CHANNELS, carries
from tests.world import make

BANK = Options(end=date(2026, 11, 22), days=420, interactions=60, customers=3000, seed=7)
# One that still runs, and one long over.
RUNNING = Period(BANK.end - timedelta(days=59), BANK.end + timedelta(days=7))
PAST = Period(date(2026, 6, 3), date(2026, 7, 19))
RANDOM_QUESTIONS = 100


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    warehouse = make(tmp_path_factory.mktemp("bank"), "duckdb")
    made = Bank(BANK)
    found: dict[str, list[pa.Table]] = {}
    for chunk in made.traffic.chunks():
        for name, part in made.facts(chunk).items():
            found.setdefault(name, []).append(part)
    whole = {name: pa.concat_tables(parts) for name, parts in found.items()}
    for number, days in enumerate((BANK.days - 40, BANK.days - 1, BANK.days)):
        with Load(warehouse, description=f"part {number}", synthetic=True, zone=ZONE) as load:
            for code, channel in enumerate(CHANNELS):
                load.feed(channel.id, channel.zh, channel.en, made.watermark(code, days), carries(channel))
            if not number:
                for name, part in made.standing():
                    load.stage(name, part)
            for name, part in _arrived(whole, number, days).items():
                load.stage(name, part)
            load.publish()
    yield warehouse
    warehouse.close()


def _arrived(whole: dict[str, pa.Table], number: int, days: int) -> dict[str, pa.Table]:
    """What comes with a part: contacts by their day, one in fifty a part late; the last part repeats a good deal."""
    engine = duckdb.connect(":memory:")
    for name, table in whole.items():
        engine.register(name, table)
    start = BANK.end - timedelta(days=BANK.days - 1)
    late = "hash(interaction_id) % 50 = 0"
    before, after = (f"started_at {sign} TIMESTAMP '{start + timedelta(days=BANK.days - 40)}'" for sign in ("<", ">="))
    chosen = [f"{before} AND NOT {late}", f"{after} OR {late}", f"{after}"][number]
    engine.execute(f"CREATE TABLE part AS FROM interaction WHERE {chosen}")
    parts = {"interaction": "FROM part"}
    for name in set(whole) - {"interaction", "agent_time"}:
        parts[name] = f"SELECT t.* FROM {name} t SEMI JOIN part USING (source, interaction_id)"
    if not number:
        parts["agent_time"] = "FROM agent_time"
    return {name: engine.sql(sql).to_arrow_table() for name, sql in parts.items() if name in whole}


@pytest.fixture(scope="module")
def past(bank: Warehouse) -> dict[str, Answer]:
    """Every KPI over the period long over: "" -> as a whole, dimension -> by it."""
    return {"": answer(bank, Question(tuple(METRICS), PAST))} | {
        dimension: answer(bank, Question(_kpis_by(dimension), PAST, by=(dimension,))) for dimension in DIMENSIONS
    }


class Compared:
    """Questions asked twice, of the roll-ups and of the facts; how many KPIs were answered from either."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.count: Counter[str] = Counter()

    def ask(self, question: Question) -> None:
        rolled = answer(self.warehouse, question)
        facts = answer(self.warehouse, question, rolled_up=False)
        assert facts.rolled_up == 0
        different = [(a, b) for a, b in zip(rolled.cells, facts.cells, strict=True) if a != b]
        assert not different, f"{question}: {different[:3]}"
        self.count["from roll-ups"] += rolled.rolled_up
        self.count["from facts"] += len(question.kpis) - rolled.rolled_up
        self.count["cells"] += len(rolled.cells)

    def told(self, what: str) -> str:
        assert self.count["from roll-ups"]
        assert self.count["from facts"]
        return f"{what}: " + ", ".join(f"{number} {name}" for name, number in self.count.items())


def _kpis_by(dimension: str) -> tuple[str, ...]:
    return tuple(kpi for kpi, metric in METRICS.items() if dimension in metric.dimensions)


def test_every_kpi_by_every_dimension_is_the_same_from_roll_ups_and_facts(
    bank: Warehouse, tell: Callable[[str], None]
) -> None:
    compared = Compared(bank)
    compared.ask(Question(tuple(METRICS), RUNNING, compare="previous"))
    for dimension in DIMENSIONS:
        compared.ask(Question(_kpis_by(dimension), RUNNING, by=(dimension,)))
    tell(compared.told("KPI × dimension"))


def test_random_questions_are_the_same_from_roll_ups_and_facts(bank: Warehouse, tell: Callable[[str], None]) -> None:
    draw = random.Random(20261122)
    compared = Compared(bank)
    with bank.read() as connection:
        known = {name: known_values(connection, name) or [] for name in DIMENSIONS}
    for _ in range(RANDOM_QUESTIONS):
        kpi = draw.choice(list(METRICS))
        can = METRICS[kpi].dimensions
        by = tuple(draw.sample(can, min(draw.choice((0, 1, 2, 2)), len(can))))
        filters = []
        for dimension in draw.sample(can, min(draw.choice((0, 1, 1, 2)), len(can))):
            if known[dimension]:
                values = draw.sample(known[dimension], min(2, len(known[dimension])))
                filters.append(Filter(dimension, tuple([*values, ""][: draw.randint(1, 3)])))
        first = BANK.end - timedelta(days=draw.randrange(0, 380))
        period = Period(first, first + timedelta(days=draw.choice((0, 6, 30, 45))))
        compare: Compare | None = draw.choice((None, "previous", "year"))
        others = tuple(
            other for other in METRICS if {*by, *(f.dimension for f in filters)} <= set(METRICS[other].dimensions)
        )
        kpis = tuple(dict.fromkeys((kpi, *draw.sample(others, min(2, len(others))))))
        compared.ask(Question(kpis, period, by=by, filters=tuple(filters), compare=compare))
    tell(compared.told("random questions"))


@pytest.mark.parametrize("filters", [(), (Filter("tier", ("2", "5")),)], ids=["all", "two tiers"])
def test_rows_behind_a_number_are_as_many_as_it_stands_on(bank: Warehouse, filters: tuple[Filter, ...]) -> None:
    """Every KPI: rows = n; those marked = the numerator, where it counts rows."""
    needed = {filter_.dimension for filter_ in filters}
    for kpi, metric in METRICS.items():
        if not needed <= set(metric.dimensions):
            continue
        question = Question((kpi,), RUNNING, filters=filters)
        cell = answer(bank, question).cell(kpi)
        page = rows(bank, question, size=1)
        assert page.total == (cell.n or 0), kpi
        # Not of amounts: the top 20 % of customers are marked, the numerator is what they hold.
        if page.numerator is not None and cell.value is not None and cell.n == cell.denominator:
            assert page.numerator == cell.numerator, kpi


def test_the_drill_down_of_every_kpi_by_every_dimension_leads_to_the_rows_it_counts(
    bank: Warehouse, past: dict[str, Answer], tell: Callable[[str], None]
) -> None:
    """Of each pair the largest part and the unknown one: the part, asked for by itself, is the same figure, and its
    rows are as many as it stands on; the parts add up where the KPI says that they do.
    """
    wholes = {cell.kpi: cell for cell in past[""].cells}
    pairs, walked = 0, 0
    listed: dict[tuple[object, ...], int] = {}
    for dimension in DIMENSIONS:
        kpis = _kpis_by(dimension)
        found = past[dimension]
        parts: dict[str, list[Cell]] = defaultdict(list)
        for kpi in kpis:
            metric, cells = METRICS[kpi], [cell for cell in found.cells if cell.kpi == kpi]
            how = additivity(metric, wholes[kpi], cells, found.counted_twice.get(kpi))
            measure = metric.measure_for((dimension,), "SL1")
            if isinstance(measure, Total | Ratio) and measure is metric.measure_for((), "SL1"):
                known = all(cell.reason is None for cell in (*cells, wholes[kpi]))
                assert how.kind == "adds" or not known, (kpi, dimension)
            counted = sorted((cell for cell in cells if cell.n and _can_be_filtered(dimension)), key=lambda c: c.n or 0)
            for cell in {id(cell): cell for cell in (counted[-1:] + _unknown(counted))}.values():
                parts["" if cell.key[0] is None else str(cell.key[0])].append(cell)
            pairs += 1
        for value, cells in parts.items():
            # As a page takes it apart: a day, a week or a month is a period of its own.
            period = span_of((dimension,), (typed(dimension, value),), PAST) if dimension in TIMES else PAST
            within = Question(tuple(cell.kpi for cell in cells), period).drill(dimension, value)
            with bank.read() as connection:
                published = bank.published(connection)
                alone = answer_on(connection, published, bank.settings.service_level, within)
                for cell in cells:
                    assert alone.cell(cell.kpi).value == cell.value, (cell.kpi, dimension, value)
                    same = (_what_is_listed(METRICS[cell.kpi], dimension), dimension, value)
                    if same not in listed:
                        one = replace(within, kpis=(cell.kpi,))
                        listed[same] = count_on(connection, published, bank.settings.service_level, one)
                    assert listed[same] == cell.n, (cell.kpi, dimension, value)
                    walked += 1
    tell(f"drill-down: {pairs} pairs of KPI and dimension, {walked} parts taken apart to their rows")
    assert walked > 1000


def _what_is_listed(metric: Metric, dimension: str) -> object:
    """Equal of KPIs whose rows are chosen by the same condition, so that one count is enough for them."""
    measure = metric.measure_for((dimension,), "SL1")
    if not isinstance(measure, Total | Ratio | Percentile):
        return metric.id
    whole_of = measure.whole_of if isinstance(measure, Ratio) else ()
    return parts_of(measure)[-1], whole_of, requirements(metric, measure)


def _can_be_filtered(dimension: str) -> bool:
    """Not the days up to which a cohort was followed, nor the tier after, whose cells are shares of those before."""
    return dimension not in {"through", "tier_after"}


def _unknown(cells: list[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.key[0] is None]


def test_sums_and_both_parts_of_ratios_add_up_over_every_dimension(past: dict[str, Answer]) -> None:
    """Σ and R over a drill-down make the parent; a distinct count never more than its rows."""
    parents = {cell.kpi: cell for cell in past[""].cells}
    added: Counter[str] = Counter()
    for dimension in DIMENSIONS:
        found = past[dimension]
        for kpi in found.question.kpis:
            measure = METRICS[kpi].measure_for((dimension,), "SL1")
            cells = [cell for cell in found.cells if cell.kpi == kpi]
            parent = parents[kpi]
            if parent.reason == "not_recorded":
                continue
            if isinstance(measure, Total) or (isinstance(measure, Ratio) and dimension not in measure.whole_of):
                assert sum(cell.n or 0 for cell in cells) == (parent.n or 0), (kpi, dimension)
                if not any(cell.reason == "immature" for cell in (*cells, parent)):
                    assert sum(cell.numerator or 0 for cell in cells) == (parent.numerator or 0), (kpi, dimension)
                    assert sum(cell.denominator or 0 for cell in cells) == (parent.denominator or 0), (kpi, dimension)
                added["sums"] += 1
            elif METRICS[kpi].roll_up == "distinct" and cells:
                assert max(cell.n or 0 for cell in cells) <= (parent.n or 0), (kpi, dimension)
                assert sum(cell.n or 0 for cell in cells) >= (parent.n or 0), (kpi, dimension)
                added["distinct"] += 1
            elif isinstance(measure, Percentile) and parent.value is not None:
                seen = [cell.value for cell in cells if cell.value is not None]
                assert min(seen) <= parent.value <= max(seen), (kpi, dimension)
                added["percentiles"] += 1
    assert min(added[kind] for kind in ("sums", "distinct", "percentiles")) > 10


def test_the_proof_holds(bank: Warehouse) -> None:
    for check in (*audit(bank), *proof(bank, Question(("volume",), PAST, filters=(Filter("channel", ("wechat",)),)))):
        assert check.holds, check


@pytest.mark.parametrize("kpi", ["service_level", "csat", "fcr", "tail_base"])
def test_numbers_differ_between_periods(bank: Warehouse, kpi: str) -> None:
    """The world is no constant, so that equality above means something."""
    found = {answer(bank, Question((kpi,), period)).cell(kpi).value for period in (RUNNING, PAST)}
    assert len(found) == 2
    assert None not in found


@pytest.mark.parametrize("kpi", ["volume", "csat", "wait_p90", "transfer_rate", "aht"])
def test_every_step_of_the_usual_way_down_is_the_figure_that_led_to_it(bank: Warehouse, kpi: str) -> None:
    """Tier, channel, topic, team, agent: the largest part each time, down to the rows behind it."""
    question, walked = Question((kpi,), PAST), []
    for dimension in ("tier", "channel", "topic", "team", "agent"):
        parts = answer(bank, replace(question, by=(dimension,))).cells
        known = [cell for cell in parts if cell.key[0] is not None and cell.value is not None]
        largest = max(known, key=lambda cell: (cell.n or 0, str(cell.key[0])))
        question = question.drill(dimension, str(largest.key[0]))
        (whole,) = answer(bank, question).cells
        assert replace(largest, key=()) == whole
        listed = rows(bank, question)
        assert listed.total == whole.n
        if listed.numerator is not None:
            assert (listed.numerator, listed.total) == (whole.numerator, whole.denominator)
        walked.append(whole.n)
    assert walked == sorted(walked, reverse=True)
    assert walked[0] > walked[-1] > 0
    if "agent_key" in listed.columns:
        assert {record["agent_key"] for record in listed.records} == {question.filters[-1].values[0]}
