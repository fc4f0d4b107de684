"""What was planted in the demo bank is found: the first cause has the event's dimension, value and sign."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bench.causes import Case, cases
from kpi.drivers.analysis import explain
from kpi.drivers.finding import Why
from kpi.drivers.parallel import Reader
from kpi.narrative.driver_sentences import sentences, text_of
from kpi.query import answer
from kpi.warehouse import Warehouse
from seed.load import fill
from seed.options import Options
from tests.world import make

# Short enough to be made twice; one event lies before it.
SHORT = Options(date(2026, 11, 22), days=100, interactions=1200, customers=96_000)
EVENTS = {"robot_release", "wechat_outage", "shop_campaign", "team_waits", "tier_coverage", "fee_notice"}


@pytest.fixture(scope="module", params=[1, 2])
def searched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Case, Why]]:
    """The first sign of every event, searched in a bank of its own."""
    folder: Path = tmp_path_factory.mktemp(f"causes_{request.param}")
    options = replace(SHORT, seed=request.param)
    warehouse: Warehouse = make(folder, "duckdb")
    fill(warehouse, options, lambda share, text: None)
    first = {case.event.id: case for case in reversed(list(cases(options)))}
    with Reader.of(warehouse) as reader:
        found = explain(reader, [case.question for case in first.values()])
    for case, why in zip(first.values(), found, strict=True):
        # What is told is what the question itself answers.
        cell = answer(warehouse, case.question).cell(case.sign.kpi)
        assert (why.whole.value, why.whole.change) == (cell.value, cell.change)
        part = why.findings[0]
        within = answer(warehouse, replace(case.question, filters=part.filters[:1])).cell(case.sign.kpi)
        assert (within.value, within.previous) == pytest.approx((part.now, part.before))
    warehouse.close()
    return list(zip(first.values(), found, strict=True))


def test_every_planted_event_is_the_first_cause(searched: list[tuple[Case, Why]]) -> None:
    assert {case.event.id for case, _ in searched} == EVENTS
    named = {case.name: case.named_by(why.findings) for case, why in searched}
    assert all(named.values()), named


def test_it_is_told_in_both_languages(searched: list[tuple[Case, Why]]) -> None:
    for case, why in searched:
        for language in ("zh", "en"):
            told = text_of(sentences(why, {case.sign.dimension: {case.sign.value: "X1X"}}, language)[0])  # type: ignore[arg-type]
            assert "X1X" in told
            assert ("−" if case.sign.direction == "down" else "+") in told
