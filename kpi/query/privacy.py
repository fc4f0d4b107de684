"""Small cells: a viewer without the right to see interactions learns nothing about a handful of customers."""

from collections import defaultdict
from collections.abc import Mapping

import sqlalchemy as sa

from kpi import schema
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Custom, Measure, Part, Ratio, parts_of
from kpi.query.measure import Aggregate, Plan
from kpi.query.selection import Key, Selection

# A cell that stands for fewer distinct customers than this, and at least one, is hidden.
SMALLEST_SHOWN = 10

Measured = Mapping[str, tuple[Measure, frozenset[str] | None]]


def small_cells(
    selection: Selection, measured: Measured, found: Mapping[str, Mapping[Key, Aggregate]]
) -> dict[str, set[Key]]:
    """KPI -> keys of the cells to hide: those by customers' attributes that stand for 1–9 distinct customers, and
    where just one of a line of cells is hidden, so that the line's total would give it away, one more of them.
    """
    if not any(DIMENSIONS[dimension].customer for dimension in selection.dimensions):
        return {}
    plan = Plan(selection)
    places = {
        kpi: plan.other(part, f"{part.id}__customers", _customers(part), sources)
        for kpi, (measure, sources) in measured.items()
        if sources != frozenset() and (part := _stands_on(measure)) is not None
    }
    read = plan.read()
    hidden: dict[str, set[Key]] = {}
    for kpi in measured:
        if kpi in places:
            statement, label = places[kpi]
            sizes = {key: sums[label] for key, sums in read[statement].items()}
        else:
            sizes = {key: (raw.n or 0) if raw.customers is None else raw.customers for key, raw in found[kpi].items()}
        hidden[kpi] = too_small(sizes)
    return hidden


def _stands_on(measure: Measure) -> Part | None:
    """The part whose customers a cell stands for; None for a KPI of customers, which counts them itself."""
    match measure:
        case Ratio(numerator=top, whole_of=(_, *_)):
            return top
        case Custom(parts=()):
            return None
    return parts_of(measure)[-1]


def _customers(part: Part) -> sa.ColumnElement[int]:
    return sa.func.count(sa.distinct(sa.case((part.where, schema.interaction.c.customer_key))))


def too_small(sizes: Mapping[Key, int]) -> set[Key]:
    """The cells to hide of those that stand for so many customers."""
    hidden = {key for key, size in sizes.items() if 0 < size < SMALLEST_SHOWN}
    # Along every dimension, since the total over any of them may be asked for; again until nothing is added, since
    # what is hidden along one line may be alone on another.
    while added := {key for line in _lines(sizes) if (key := _second(line, hidden, sizes)) is not None}:
        hidden |= added
    return hidden


def _lines(sizes: Mapping[Key, int]) -> list[list[Key]]:
    """The cells that differ in one dimension only, for every dimension."""
    lines: dict[tuple[int, Key], list[Key]] = defaultdict(list)
    for key in sizes:
        for position in range(len(key)):
            lines[position, key[:position] + key[position + 1 :]].append(key)
    return list(lines.values())


def _second(line: list[Key], hidden: set[Key], sizes: Mapping[Key, int]) -> Key | None:
    """The cell to hide beside the only hidden one of a line: the smallest that stands for anybody."""
    shown = [key for key in line if key not in hidden]
    if len(line) - len(shown) != 1 or not shown:
        return None
    return min(shown, key=lambda key: (sizes[key] == 0, sizes[key], str(key)))
