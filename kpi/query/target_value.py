"""What a figure is held against: the target in force for it."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Band:
    """From ``low`` to ``high``, in the KPI's own unit, both inclusive; at least one of them."""

    low: float | None
    high: float | None

    def met(self, value: float | None) -> bool | None:
        """Whether a value lies in it; None without a value."""
        if value is None:
            return None
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True)
class Goal(Band):
    """The target of a figure over its days: that of the last of them; of a KPI that adds, the sum of the days' own.

    ``since``: the first day of its being in force, where there was another one (``before``), or none, earlier in the
    figure's days. ``owner``, ``note``: of the target that is in force on the last day.
    """

    owner: str = ""
    note: str = ""
    since: date | None = None
    before: Band | None = None
