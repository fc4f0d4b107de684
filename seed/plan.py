"""When contacts happen: the days, the hours of the week, the holidays, and how far each feed has got."""

from datetime import date, datetime, time, timedelta

import holidays
import numpy as np

from seed.columns import EPOCH
from seed.events import Event, planted
from seed.options import Options
from seed.world import CHANNELS, SMS

DAY = 86_400
_ZONE_OFFSET = 8 * 3600  # Asia/Shanghai since 1991

# Local times that the feeds have reached on the running day.
_REACHED = 11 * 3600
_REACHED_SMS = 10 * 3600 + 20 * 60

WORKDAY, WEEKEND, HOLIDAY, FESTIVAL = range(4)
# Contacts by hour of the day; a workday has its peaks at ten and at three, a holiday starts late.
_HOURS = np.array(
    [
        [9, 5, 3, 3, 4, 8, 20, 42, 72, 98, 104, 92, 70, 76, 92, 96, 88, 74, 62, 60, 58, 48, 32, 18],
        [11, 6, 4, 3, 4, 7, 16, 32, 54, 78, 88, 84, 70, 68, 74, 76, 72, 66, 62, 62, 60, 52, 36, 21],
        [13, 7, 4, 3, 4, 6, 13, 26, 44, 66, 78, 78, 68, 64, 68, 70, 68, 64, 60, 60, 58, 52, 38, 24],
        [22, 12, 6, 4, 4, 6, 12, 24, 42, 62, 72, 70, 58, 52, 54, 56, 56, 52, 50, 54, 60, 58, 46, 34],
    ],
    dtype=np.float64,
)
_WEEKDAYS = (1.10, 1.06, 1.03, 1.02, 1.05, 0.86, 0.81)
_LEVEL = {HOLIDAY: 0.76, FESTIVAL: 0.52}
_PAYDAYS = {1: 1.03, 5: 1.03, 10: 1.06, 15: 1.07, 20: 1.02, 25: 1.05}
_GROWTH_A_YEAR = 1.09
_NOISE = 0.045
HOUR_GROUPS = np.array([0] * 7 + [1] * 2 + [2] * 3 + [3] * 2 + [4] * 4 + [5] * 3 + [6] * 3)


class Plan:
    """The calendar of the data. Days count from 0 = ``options.start``, seconds from its local midnight.

    ``kind``: workday, weekend, holiday or Spring Festival; ``month``: index into ``months``, whose first is the
    month before the data; ``weight``: contacts of a day, relative; ``cut``: seconds at which each channel's feed ends.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.events: list[Event] = planted(options)
        dates = [options.start + timedelta(days=i) for i in range(options.days)]
        free = holidays.country_holidays("CN", years=range(dates[0].year, dates[-1].year + 1), language="en_US")
        self.kind = np.array([_kind(day, free) for day in dates], dtype=np.uint8)
        self.months = _months(options.start, options.end)
        position = {month: index for index, month in enumerate(self.months)}
        self.month = np.array([position[day.replace(day=1)] for day in dates], dtype=np.int64)
        rng = np.random.default_rng(np.random.SeedSequence(options.seed, spawn_key=(0,)))
        age = np.arange(options.days) / 365
        self.weight = (
            np.array([_level(day, kind) for day, kind in zip(dates, self.kind, strict=True)])
            * _GROWTH_A_YEAR**age
            * np.exp(rng.normal(0, _NOISE, options.days))
        )
        for day, share in self.extra("shop_campaign").items():
            self.weight[day] /= 1 - share
        for day, share in self.extra("fee_notice").items():
            self.weight[day] /= 1 - share
        self.origin = (options.start - EPOCH).days * DAY - _ZONE_OFFSET
        self.last_midnight = (options.days - 1) * DAY
        self.cut = np.full(len(CHANNELS), self.last_midnight + _REACHED, dtype=np.int32)
        self.cut[SMS] = self.last_midnight + _REACHED_SMS
        self.curve = _HOURS / _HOURS.sum(axis=1, keepdims=True)

    def date_of(self, day: int) -> date:
        return self.options.start + timedelta(days=day)

    def counts(self) -> np.ndarray:
        """Contacts planned a day, so that what arrives before the feeds' end is the volume that was asked for."""
        arrived = np.ones(self.options.days)
        arrived[-1] = self.curve[self.kind[-1], : _REACHED // 3600].sum()
        total = self.options.days * self.options.interactions
        return np.round(self.weight * total / (self.weight * arrived).sum()).astype(np.int64)

    def extra(self, event_id: str) -> dict[int, float]:
        """Day -> size, for the days that an event covers. A campaign is half as large beside its main day."""
        found: dict[int, float] = {}
        for event in self.events:
            if event.id == event_id:
                for day in event.days(self.options):
                    beside = event_id == "shop_campaign" and (self.options.start + timedelta(days=day)).day != 11
                    found[day] = event.size / 2 if beside else event.size
        return found

    def day_values(self, event_id: str, usual: float) -> np.ndarray:
        """One value a day: an event's size where it holds, else ``usual``."""
        values = np.full(self.options.days, usual, dtype=np.float32)
        for day, size in self.extra(event_id).items():
            values[day] = size
        return values


def complete_until(options: Options) -> datetime:
    """UTC, no zone: what the slowest feed has reached on the running day."""
    return datetime.combine(options.end, time()) + timedelta(seconds=_REACHED_SMS - _ZONE_OFFSET)


def _months(start: date, end: date) -> list[date]:
    """First days of the months from the one before ``start`` to that of ``end``."""
    months = [(start.replace(day=1) - timedelta(days=1)).replace(day=1)]
    while months[-1] < end.replace(day=1):
        months.append((months[-1] + timedelta(days=32)).replace(day=1))
    return months


def _kind(day: date, free: holidays.HolidayBase) -> int:
    if free.is_working_day(day):
        return WORKDAY
    # The eve, the festival itself, and the days off and weekends right after it.
    around = (day - timedelta(days=shift) for shift in range(-1, 5))
    if any("Spring Festival" in free.get(other, "") for other in around):
        return FESTIVAL
    return HOLIDAY if day in free else WEEKEND


def _level(day: date, kind: int) -> float:
    level = _LEVEL.get(kind, _WEEKDAYS[1] if kind == WORKDAY and day.weekday() > 4 else _WEEKDAYS[day.weekday()])
    return level * (_PAYDAYS.get(day.day, 1.0) if kind != FESTIVAL else 1.0)
