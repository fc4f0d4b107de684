"""Expected answers as data (``tests/cases/*.yaml``), each beside independent SQL written by hand.

Three ways to a figure must agree: worked out by hand (the case), plain SQL on the source's columns (the case), and
``answer``. That roll-ups and facts say the same is ``test_same_integers.py``'s.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from kpi.metrics.registry import METRICS
from kpi.query import Answer, Cell, Filter, Period, Question, Scope, answer
from kpi.query.answering import answer_on
from kpi.warehouse import Warehouse
from tests.query.ask import question
from tests.query.conftest import CASES

PRELUDE = yaml.safe_load((CASES / "world.yaml").read_text("utf-8"))["prelude"]
WORDS = {"no_data", "zero_denominator", "not_recorded", "immature", "hidden"}
# KPIs that are one figure of a cohort or across topics, not a rate of contacts by the contact's tier.
NOT_BY_TIER = {"consistency", "topic_tail_coverage", "occupancy", "channel_mix", "tail_active"}


def _cases() -> Iterator[Any]:
    for file in sorted(CASES.glob("*.yaml")):
        told = yaml.safe_load(file.read_text("utf-8"))
        for number, case in enumerate(told.get("cases", ()), 1):
            full = told["defaults"] | case
            yield pytest.param(full, id=f"{file.stem}-{number}-{full['kpi']}")


def _question(case: dict[str, Any], by: tuple[str, ...]) -> Question:
    return Question(
        kpis=(case["kpi"],),
        period=Period(case["from"], case["to"]),
        by=by,
        filters=tuple(Filter(dimension, (str(value),)) for dimension, value in case.get("filters", {}).items()),
        compare=case.get("compare"),
        scope=Scope(see_interactions=case.get("see_interactions", True)),
    )


def _expected(case: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], dict[tuple[Any, ...], Any]]]:
    """Dimensions with key -> cell, for the total and every drill-down of a case."""
    if "total" in case:
        yield (), {(): case["total"]}
    for names, cells in case.get("by", {}).items():
        pairs = cells.items() if isinstance(cells, dict) else cells
        yield tuple(names.split(",")), {tuple(k) if isinstance(k, list) else (k,): cell for k, cell in pairs}


def _close(found: float | None, expected: float | None) -> bool:
    return found == expected if found is None or expected is None else found == pytest.approx(expected, abs=2e-6)


def _same(cell: Cell, expected: Any) -> bool:
    if isinstance(expected, str):
        return cell.value is None and cell.reason == expected
    value, numerator, denominator, *n = expected
    return (
        cell.reason is None
        and _close(cell.value, value)
        # Of a percentile only value and n are told.
        and (numerator is None or cell.numerator == numerator)
        and (denominator is None or cell.denominator == denominator)
        and cell.n == (n[0] if n else denominator)
    )


@pytest.mark.parametrize("case", list(_cases()))
def test_answer_is_what_the_case_says(hand_made_world: Warehouse, case: dict[str, Any]) -> None:
    for by, cells in _expected(case):
        found = answer(hand_made_world, _question(case, by))
        wrong = [f"{key}: {_found(found, case, key)}, expected {cell}" for key, cell in cells.items()
                 if _found(found, case, key) is None or not _same(found.cell(case["kpi"], *key), cell)]  # fmt: skip
        assert not wrong, f"by {by}: " + "\n".join(wrong)
        if not case.get("some"):
            assert {cell.key for cell in found.cells} == set(cells)
        for name, expected in (("previous", case.get("previous")), ("change", case.get("change"))):
            if expected is not None:
                assert getattr(found.cell(case["kpi"]), name) == pytest.approx(expected, abs=2e-6)
        if not by and "note" in case:
            assert dict(found.cell(case["kpi"]).note) == case["note"]
    for dimension, twice in case.get("counted_twice", {}).items():
        assert answer(hand_made_world, _question(case, (dimension,))).counted_twice == {case["kpi"]: twice}


def _found(found: Answer, case: dict[str, Any], key: tuple[Any, ...]) -> Cell | None:
    return next((cell for cell in found.cells if cell.key == key and cell.kpi == case["kpi"]), None)


@pytest.mark.parametrize("case", [case for case in _cases() if {"sql", "each"} & set(case.values[0])])
def test_independent_sql_says_the_same(hand_made_world: Warehouse, case: dict[str, Any]) -> None:
    """The case's own SQL against the figures worked out by hand; the program's formulas have no part in it."""
    with hand_made_world.read() as connection:
        for by, cells in _expected(case):
            _compare_sql(connection, case, by, cells)


def _compare_sql(
    connection: sa.Connection, case: dict[str, Any], by: tuple[str, ...], cells: dict[tuple[Any, ...], Any]
) -> None:
    name = case["kpi"]
    if "each" in case:
        keys = ", ".join(by)
        sql = (
            f"SELECT {keys + ',' if by else ''} sum(CAST(num AS BIGINT)) AS num, sum(CAST(den AS BIGINT)) AS den "
            f"FROM ({case['each']}) {'GROUP BY ' + keys if by else ''}"
        )
    else:
        sql = case["sql"]
    sql = PRELUDE + (", " + sql.strip().removeprefix("WITH ") if sql.strip().startswith("WITH") else sql)
    days = {"from": case["from"], "to": case["to"]}
    bound = {key: day for key, day in days.items() if f":{key}" in sql}
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for figures in connection.execute(sa.text(sql), bound).mappings():
        found[tuple(figures[dimension] for dimension in by)] = dict(figures)
    extra = {key for key, figures in found.items() if figures.get("num", figures.get("value"))} - set(cells)
    assert not extra, f"{name} by {by}: SQL also has {extra}"
    for key, cell in cells.items():
        row: dict[str, Any] = found.get(key, {})
        if isinstance(cell, str):
            assert not row.get("den"), f"{name} by {by} {key}: {row}, and yet {cell}"
            continue
        value, numerator, denominator, *_ = cell
        if "num" in row:
            assert (row["num"] or 0) == numerator, f"{name} by {by} {key}: {row}"
        if denominator is not None and row.get("den") is not None:
            assert row["den"] == denominator, f"{name} by {by} {key}: {row}"
        worked_out = (numerator or 0) * case.get("scale", 1) / (denominator or 1)
        assert _close(row.get("value", worked_out), value), f"{name} by {by} {key}: {row}"
        if "previous" in row:
            assert _close(row["previous"], case["previous"]), f"{name}: {row}"


def test_every_kpi_has_a_case_and_ratios_also_by_tier() -> None:
    covered: dict[str, set[str]] = {}
    for parameter in _cases():
        case = parameter.values[0]
        if "sql" in case or "each" in case:
            covered.setdefault(case["kpi"], set()).update(case.get("by", {}))
    assert set(covered) == set(METRICS)
    ratios = {kpi for kpi, metric in METRICS.items() if metric.roll_up == "ratio"}
    assert {kpi for kpi in ratios if "tier" not in covered[kpi]} == ratios & NOT_BY_TIER - {"channel_mix"}


def test_every_reason_has_a_case() -> None:
    told = {cell for parameter in _cases() for _, cells in _expected(parameter.values[0])
            for cell in cells.values() if isinstance(cell, str)}  # fmt: skip
    assert told == WORDS


def test_a_value_is_missing_exactly_where_there_is_a_reason(hand_made_world: Warehouse) -> None:
    week = Period(date(2026, 3, 2), date(2026, 3, 8))
    for kpi in METRICS:
        for cell in answer(hand_made_world, Question((kpi,), week)).cells:
            assert (cell.value is None) == (cell.reason is not None), cell


@pytest.mark.parametrize(("covered_from", "share"), [(None, 0.5), (0.5, 1.0), (0.81, 0.0)])
def test_what_covers_a_topic_is_said_by_the_question(
    hand_made_world: Warehouse, covered_from: float | None, share: float
) -> None:
    # loan 24/30, invest 15/30
    week = question("topic_tail_coverage", "2026-01-12/2026-01-18")
    asked = replace(week, covered_from=covered_from)
    assert answer(hand_made_world, asked).cell("topic_tail_coverage").value == share
    with hand_made_world.read() as connection:
        published = hand_made_world.require_data(connection)
        found = answer_on(connection, published, "SL1", week, covered_from=covered_from or 0.8)
    assert found.cell("topic_tail_coverage").value == share
