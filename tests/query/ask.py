"""Short ways to ask, for tests: days as "2026-03-02" or "2026-03-02/2026-03-08"."""

from datetime import date
from typing import Any

from kpi.query import Answer, Cell, Filter, Period, Question, Scope, answer
from kpi.warehouse import Warehouse


def question(kpis: str, days: str, *by: str, compare: Any = None, scope: Scope | None = None, **only: Any) -> Question:
    """``only``: dimension = value, or a tuple of values."""
    first, _, last = days.partition("/")
    return Question(
        kpis=tuple(kpis.split()),
        period=Period(date.fromisoformat(first), date.fromisoformat(last or first)),
        by=by,
        filters=tuple(filters(**only)),
        compare=compare,
        scope=scope or Scope(),
    )


def filters(**only: Any) -> list[Filter]:
    return [
        Filter(name, tuple(str(v) for v in values) if isinstance(values, tuple) else (str(values),))
        for name, values in only.items()
    ]


def asked(warehouse: Warehouse, kpis: str, days: str, *by: str, **more: Any) -> Answer:
    """The answer, which must be the same from the roll-ups and from the facts."""
    wanted = question(kpis, days, *by, **more)
    found = answer(warehouse, wanted)
    assert answer(warehouse, wanted, rolled_up=False).cells == found.cells
    return found


def cell(warehouse: Warehouse, kpi: str, days: str, **more: Any) -> Cell:
    return asked(warehouse, kpi, days, **more).cell(kpi)


def parts(warehouse: Warehouse, kpi: str, days: str, **more: Any) -> tuple[float | None, float | None]:
    """Numerator and denominator."""
    found = cell(warehouse, kpi, days, **more)
    return found.numerator, found.denominator


def values(warehouse: Warehouse, kpi: str, days: str, by: str, **more: Any) -> dict[Any, float | None]:
    """Value of the dimension -> value of the KPI."""
    return {found.key[0]: found.value for found in asked(warehouse, kpi, days, by, **more).cells}
