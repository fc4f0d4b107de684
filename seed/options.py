"""What can be asked of the demo bank."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from kpi.errors import InputError

ZONE = ZoneInfo("Asia/Shanghai")
# What a load of a demo bank is called: this and its options, then which one of how many it is.
PREFIX, PART = "demo bank: ", " part "
LONGEST = 4000
MOST_CUSTOMERS = 20_000_000
MOST_A_DAY = 2_000_000


@dataclass(frozen=True)
class Options:
    """The same options make the same facts.

    ``days``: business days of data, the running one included. ``interactions``: a day, on average. ``customers``:
    all that ever were one. ``end``: the running day; the feeds have reached its late morning.
    """

    end: date
    days: int = 800
    interactions: int = 2500
    customers: int = 200_000
    seed: int = 1

    def __post_init__(self) -> None:
        for name, least, most in (
            ("days", 35, LONGEST),
            ("interactions", 50, MOST_A_DAY),
            ("customers", 1000, MOST_CUSTOMERS),
            ("seed", 0, 2**31 - 1),
        ):
            if not least <= getattr(self, name) <= most:
                raise InputError("seed_bad_option", option=name, value=getattr(self, name), least=least, most=most)
        if not date(2006, 1, 1) <= self.start or self.end > date(2100, 1, 1):
            raise InputError("seed_bad_end", end=self.end)

    @property
    def start(self) -> date:
        return self.end - timedelta(days=self.days - 1)

    @property
    def name(self) -> str:
        """How the options are written down in the warehouse, to know them again."""
        return (
            f"{PREFIX}days={self.days} interactions={self.interactions} customers={self.customers} "
            f"end={self.end} seed={self.seed}"
        )


def today() -> date:
    """The business date of the clock."""
    return datetime.now(ZONE).date()
