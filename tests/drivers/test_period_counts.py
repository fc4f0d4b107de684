"""Several sets of dimensions in one statement give the same integers as a question each."""

from datetime import date

import pytest

from kpi.drivers.dimensions import CAUSES
from kpi.drivers.period_counts import counts_on
from kpi.drivers.reconciliation import both
from kpi.metrics.dimensions import DIMENSIONS
from kpi.query import Filter, Period, Question
from kpi.query.answering import answer_on
from kpi.stats.decomposition import EMPTY
from kpi.warehouse import Warehouse

KPIS = ("volume", "self_service_rate", "csat", "service_level", "fcr", "repeat_rate", "nps", "cost_avoided")
BYS = [("channel",), ("tier",), ("business_line",), ("age_band",), ("channel", "tier"), ("channel", "topic"),
       ("first_handler", "team"), ("region", "segment")]  # fmt: skip
# Two days against two; eleven days up to the running one, whose counterpart is cut at the same hour.
PERIODS = [Period(date(2026, 3, 4), date(2026, 3, 5)), Period(date(2026, 3, 10), date(2026, 3, 20))]


@pytest.mark.parametrize("filters", [(), (Filter("line", ("digital",)),), (Filter("tier", ("5", "")),)])
@pytest.mark.parametrize("period", PERIODS)
def test_the_counts_are_those_of_the_answers(hand_made_world: Warehouse, filters, period) -> None:
    question = Question(KPIS, period, filters=filters, compare="previous")
    level = hand_made_world.settings.service_level
    seen = 0
    with hand_made_world.read() as connection:
        published = hand_made_world.require_data(connection)
        counted = counts_on(connection, published, level, question, BYS)
        for by in BYS:
            told = answer_on(connection, published, level, Question(KPIS, period, by, filters, "previous"))
            for kpi in KPIS:
                cells = {cell.key: both(cell) for cell in told.cells if cell.kpi == kpi}
                counts = counted[kpi][by]
                for key in {*counts.before, *counts.now}:
                    if cells[key] != (counts.before.get(key, EMPTY), counts.now.get(key, EMPTY)):
                        # A cell that the feeds do not record, or whose week is not over, tells no numbers.
                        assert told.cell(kpi, *key).reason in {"not_recorded", "immature"}, (kpi, by, key)
                    seen += bool(counts.before.get(key, EMPTY).denominator)
    assert seen > 10


def test_a_year_apart_is_read_apart(hand_made_world: Warehouse) -> None:
    question = Question(("volume",), PERIODS[0], compare="year")
    with hand_made_world.read() as connection:
        published = hand_made_world.require_data(connection)
        assert counts_on(connection, published, "SL1", question, [("channel",)]) == {"volume": {}}


def test_causes_are_dimensions() -> None:
    assert set(CAUSES) <= set(DIMENSIONS)
