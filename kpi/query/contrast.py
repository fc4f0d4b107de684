"""One part against all the rest: a tier beside the customers of all the other tiers."""

from dataclasses import replace

from kpi.query.answer import Cell
from kpi.stats.intervals import newcombe


def against_rest(whole: Cell, part: Cell) -> Cell | None:
    """The part of a proportion, compared with the rest of the whole instead of with another period.

    None where either is not known, or nothing is left beside the part.
    """
    if part.value is None or part.numerator is None or not part.denominator:
        return None
    if whole.numerator is None or whole.denominator is None or whole.denominator <= part.denominator:
        return None
    numerator, denominator = whole.numerator - part.numerator, whole.denominator - part.denominator
    low, high = newcombe(part.numerator, part.denominator, numerator, denominator)
    rest = numerator / denominator
    return replace(part, previous=rest, change=part.value - rest, change_low=low, change_high=high)
