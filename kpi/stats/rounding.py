"""Parts rounded so that they add up to the rounded whole, as it is shown."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import floor


def shown(value: float | Fraction, decimals: int) -> Fraction:
    """``value`` as it is written with so many decimals: the same rounding as in text."""
    return Fraction(Decimal(f"{float(value):.{decimals}f}"))


def add_up(parts: Sequence[Fraction], whole: Fraction, decimals: int) -> list[Fraction]:
    """Each part rounded down or up to ``decimals``, so that their sum is ``whole`` rounded (largest remainders).

    ``whole``: the sum of the parts, but for the rounding of a figure that is shown elsewhere.
    """
    if not parts:
        return []
    step = Fraction(1, 10**decimals)
    units = [floor(part / step) for part in parts]
    missing = int(shown(whole, decimals) / step) - sum(units)
    by_remainder = sorted(range(len(parts)), key=lambda i: (units[i] * step - parts[i], i))
    for turn in range(abs(missing)):
        if missing > 0:
            units[by_remainder[turn % len(parts)]] += 1
        else:
            units[by_remainder[-1 - turn % len(parts)]] -= 1
    return [unit * step for unit in units]
