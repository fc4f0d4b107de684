"""Small cells: a viewer without the right to see interactions learns nothing about a handful of customers."""

from collections import defaultdict
from dataclasses import replace

import sqlalchemy as sa

from kpi import schema
from kpi.metrics.dimensions import DIMENSIONS, INTERACTION
from kpi.metrics.parts import CONTACTS_IDENTIFIED
from kpi.query.answer import Answer, Cell
from kpi.query.measure import Asked, Key, Plan

# A cell that stands for fewer distinct customers than this, and at least one, is hidden.
SMALLEST_SHOWN = 10


def hide_small_cells(answer: Answer, asked: Asked) -> Answer:
    """The answer as the question's scope may see it.

    Hidden are the cells by customers' attributes that stand for 1–9 distinct customers, and, where just one of a
    line of cells is hidden and could be recovered from the line's total, the next smallest with it.
    """
    if answer.question.scope.see_interactions:
        return answer
    attributes = [key for key in asked.dimensions if DIMENSIONS[key].customer]
    if not attributes or any(key not in INTERACTION.columns for key in asked.dimensions):
        return answer
    sizes = _distinct_customers(asked)
    hidden = {key for key, size in sizes.items() if 0 < size < SMALLEST_SHOWN}
    for position, dimension in enumerate(asked.by):
        if not DIMENSIONS[dimension].customer:
            continue
        lines: dict[Key, list[Key]] = defaultdict(list)
        for key in sizes:
            lines[key[:position] + key[position + 1 :]].append(key)
        for keys in lines.values():
            shown = sorted((key for key in keys if key not in hidden), key=lambda key: sizes[key])
            if len(keys) - len(shown) == 1 and shown:
                hidden.add(shown[0])
    return replace(answer, cells=tuple(_hidden(cell) if cell.key in hidden else cell for cell in answer.cells))


def _distinct_customers(asked: Asked) -> dict[Key, int]:
    plan = Plan(asked)
    place = plan.other(
        CONTACTS_IDENTIFIED, "customers", sa.func.count(sa.distinct(schema.interaction.c.customer_key)), None
    )
    return {key: sums[place[1]] for key, sums in plan.read()[place[0]].items()}


def _hidden(cell: Cell) -> Cell:
    return Cell(cell.kpi, cell.key, None, None, None, None, provisional=cell.provisional, reason="hidden")
