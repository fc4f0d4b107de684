"""The customers: who they are, when they come and go, their star tier in time and what they are worth.

Everything is held in one array a property, by the customer's index; facts carry only ``keys``.
"""

from collections.abc import Iterator
from datetime import date

import numpy as np
import pyarrow as pa
from faker import Faker

from seed import columns
from seed.options import Options
from seed.plan import Plan
from seed.world import AGE_BANDS, BRANCHES_A_REGION, REGIONS, TEAMS, branch_ids, shares

NEVER = np.int32(2**30)
TIERS = 7
# Classes of customers that choose channels alike: how digital they are × what their tier entitles them to.
DIGITAL_CLASSES = 8
ENTITLED = np.array([0, 0, 0, 0, 1, 2, 3, 3], dtype=np.uint8)  # by tier
CLASSES = DIGITAL_CLASSES * 4

_AGE_SHARES = (0.12, 0.29, 0.25, 0.17, 0.10, 0.07)
_DIGITAL_BY_AGE = np.array([0.72, 0.70, 0.58, 0.44, 0.30, 0.18], dtype=np.float32)
_CONTACTS_BY_AGE = np.array([0.9, 1.1, 1.05, 1.0, 0.9, 0.8], dtype=np.float32)
_TIER_SHARES = (0.24, 0.25, 0.21, 0.15, 0.095, 0.042, 0.013)
_CONTACTS_BY_TIER = np.array([0, 0.88, 0.95, 1.0, 1.1, 1.25, 1.4, 1.5], dtype=np.float32)
# Mean monthly contribution in fen at the middle of a tier.
_VALUE_BY_TIER = np.array([0, 700, 1400, 2700, 5600, 12500, 27000, 60000], dtype=np.float32)
_VALUE_SPREAD, _VALUE_NOISE = 0.72, 0.18
_JOINED, _LEFT = 0.14, 0.15  # of all customers, during 800 days
_RISES, _FALLS = 0.010, 0.0062  # a month
_ROWS_AT_ONCE = 1_000_000


class People:
    """The universe of customers, made from the options alone.

    ``opened``, ``closed``: days of the data (negative: before it; NEVER: still open). ``tiers``: customer × month
    of ``Plan.months``. ``tickets``: customer indexes, each as often as he contacts the bank, to draw from.
    """

    def __init__(self, options: Options, plan: Plan) -> None:
        rng = np.random.default_rng(np.random.SeedSequence(options.seed, spawn_key=(1,)))
        count = options.customers
        self.options, self.plan, self.count = options, plan, count
        self.age = rng.choice(len(AGE_BANDS), count, p=shares(list(_AGE_SHARES))).astype(np.int8)
        self.region = rng.choice(len(REGIONS), count, p=shares([region[3] for region in REGIONS])).astype(np.int8)
        self.branch = (self.region.astype(np.int16) * BRANCHES_A_REGION) + rng.integers(
            0, BRANCHES_A_REGION, count, dtype=np.int16
        )
        digital = _DIGITAL_BY_AGE[self.age] + rng.normal(0, 0.22, count).astype(np.float32)
        self.digital = np.clip(digital * DIGITAL_CLASSES, 0, DIGITAL_CLASSES - 1).astype(np.uint8)
        self._come_and_go(rng)
        self._give_tiers(rng)
        self.level = rng.normal(0, 1, count).astype(np.float32)
        self.dormant = rng.random(count, dtype=np.float32) < 0.06
        activity = np.exp(rng.normal(0, 0.36, count)).astype(np.float32) * _CONTACTS_BY_TIER[self.tiers[:, -1]]
        activity *= _CONTACTS_BY_AGE[self.age] * np.where(self.dormant, np.float32(0.25), np.float32(1))
        drawn = activity * np.float32(5 / activity.mean())
        whole = drawn.astype(np.int32) + (rng.random(count, dtype=np.float32) < drawn % 1)
        self.tickets = np.repeat(np.arange(count, dtype=np.int32), whole)
        self._salt = int(rng.integers(1, 2**62))

    def _come_and_go(self, rng: np.random.Generator) -> None:
        days, count = self.options.days, self.count
        opened = -rng.integers(40, 15 * 365, count, dtype=np.int32)
        joins = rng.random(count, dtype=np.float32) < _JOINED * days / 800
        opened[joins] = rng.integers(-30, days, int(joins.sum()), dtype=np.int32)
        closed = np.full(count, NEVER, dtype=np.int32)
        leaves = rng.random(count, dtype=np.float32) < _LEFT * days / 800
        closed[leaves] = np.maximum(opened[leaves] + 60, rng.integers(1, days, int(leaves.sum()), dtype=np.int32))
        closed[closed >= days] = NEVER
        self.opened, self.closed = opened, closed

    def _give_tiers(self, rng: np.random.Generator) -> None:
        """Tiers by month: a tier holds from the customer's own day of the month on."""
        months, count = len(self.plan.months), self.count
        # Older customers stand higher.
        shift = np.array([-0.5, -0.1, 0.05, 0.2, 0.25, 0.2], dtype=np.float32)[self.age]
        score = rng.normal(0, 1, count).astype(np.float32) + shift
        limits = np.quantile(score, np.cumsum(_TIER_SHARES)[:-1])
        tier = (np.searchsorted(limits, score) + 1).astype(np.int8)
        self.tiers = np.empty((count, months), dtype=np.int8)
        starts = [(month - self.options.start).days for month in self.plan.months]
        for index in range(months):
            if index:
                u = rng.random(count, dtype=np.float32)
                step = (u < _RISES).astype(np.int8) - (u > 1 - _FALLS)
                # Nobody changes in the month in which he joins.
                step[self.opened >= starts[index]] = 0
                tier = np.clip(tier + step, 1, TIERS).astype(np.int8)
            self.tiers[:, index] = tier
        self.change_day = rng.integers(0, 28, count, dtype=np.int8)

    def keys(self, index: np.ndarray) -> np.ndarray:
        """Customer keys: like a keyed hash, not in order, never twice (every step can be undone in 63 bits)."""
        mask = np.uint64(2**63 - 1)
        key = (index.astype(np.uint64) + np.uint64(self._salt)) & mask
        for shift, factor in ((32, 0x5851F42D4C957F2D), (29, 0x14057B7EF767814F), (31, 0x2545F4914F6CDD1D)):
            key ^= key >> np.uint64(shift)
            key = (key * np.uint64(factor)) & mask
        key ^= key >> np.uint64(32)
        return key.astype(np.int64)

    def rises(self, index: np.ndarray, month: np.ndarray) -> np.ndarray:
        """Whether a customer's tier will be higher two months after ``month`` (index of ``Plan.months``)."""
        later = np.minimum(month + 2, self.tiers.shape[1] - 1)
        return self.tiers[index, later] > self.tiers[index, month]

    # --- tables -------------------------------------------------------------------------------------------------

    def customers(self) -> Iterator[pa.Table]:
        """The table ``customer``."""
        rng = np.random.default_rng(np.random.SeedSequence(self.options.seed, spawn_key=(2,)))
        start, branches = self.options.start, branch_ids()
        for first in range(0, self.count, _ROWS_AT_ONCE):
            part = slice(first, min(first + _ROWS_AT_ONCE, self.count))
            size = part.stop - part.start
            masked = np.tile(np.frombuffer(b"6222********0000", dtype=np.uint8), (size, 1))
            columns.digits(masked, 12, 4, rng.integers(0, 10_000, size))
            yield pa.table(
                {
                    "customer_key": self.keys(np.arange(part.start, part.stop)),
                    "masked_id": columns.texts(masked),
                    "region": columns.coded(self.region[part], [region[0] for region in REGIONS]),
                    "branch": columns.coded(self.branch[part], branches),
                    "age_band": columns.coded(self.age[part], AGE_BANDS),
                    "opened_on": columns.days(self.opened[part], start),
                    "closed_on": columns.days(self.closed[part], start, self.closed[part] == NEVER),
                }
            )

    def tier_history(self) -> Iterator[pa.Table]:
        """The table ``customer_tier``: one row from the opening on, one more a change."""
        start, last = self.options.start, self.options.days - 1
        starts = np.array([(month - start).days for month in self.plan.months], dtype=np.int32)
        for first in range(0, self.count, _ROWS_AT_ONCE):
            part = slice(first, min(first + _ROWS_AT_ONCE, self.count))
            tiers = self.tiers[part]
            who, before = np.nonzero(np.diff(tiers, axis=1))
            since = starts[before + 1] + self.change_day[part][who]
            kept = (since <= last) & (since < self.closed[part][who])
            who, since, reached = who[kept], since[kept], tiers[who, before + 1][kept]
            everybody = np.arange(tiers.shape[0])
            owner = np.concatenate([everybody, who])
            since = np.concatenate([self.opened[part], since]).astype(np.int32)
            tier = np.concatenate([tiers[:, 0], reached])
            order = np.lexsort((since, owner))
            owner, since, tier = owner[order], since[order], tier[order]
            until = self.closed[part][owner]
            followed = owner[1:] == owner[:-1]
            until[:-1][followed] = since[1:][followed]
            yield pa.table(
                {
                    "customer_key": self.keys(owner + part.start),
                    "valid_from": columns.days(since, start),
                    "valid_to": columns.days(until, start, until == NEVER),
                    "tier": columns.numbers(tier, pa.int16()),
                }
            )

    def months(self, indexes: range) -> Iterator[pa.Table]:
        """The table ``customer_month`` of some of ``Plan.months``: every customer open at the month's end."""
        start = self.options.start
        for index in indexes:
            month = self.plan.months[index]
            rng = np.random.default_rng(np.random.SeedSequence(self.options.seed, spawn_key=(3, index)))
            over = (self.plan.months[index + 1] - start).days
            who = np.flatnonzero((self.opened < over) & (self.closed >= over)).astype(np.int32)
            for first in range(0, who.size, _ROWS_AT_ONCE):
                some = who[first : first + _ROWS_AT_ONCE]
                tier = self.tiers[some, index]
                value, products = self._worth(rng, some, tier)
                yield pa.table(
                    {
                        "customer_key": self.keys(some),
                        "month": pa.repeat(pa.scalar(month, pa.date32()), some.size),
                        "tier": columns.numbers(tier, pa.int16()),
                        "value_fen": value,
                        "products": columns.numbers(products, pa.int16()),
                    }
                )

    def _worth(self, rng: np.random.Generator, who: np.ndarray, tier: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Contribution of a month in fen, and active products. Some cost more than they bring; the dormant bring 0."""
        noise = rng.normal(0, _VALUE_NOISE, who.size).astype(np.float32)
        value = _VALUE_BY_TIER[tier] * np.exp(_VALUE_SPREAD * self.level[who] + noise)
        u = rng.random(who.size, dtype=np.float32)
        value = np.where(u < 0.025, -0.15 * value, value)
        asleep = self.dormant[who]
        products = np.minimum(1 + (tier // 2) + (u * 3).astype(np.int8) - 1, 9).astype(np.int8)
        products[asleep | ((u > 0.9) & (tier <= 2))] = 0
        value[asleep] = 0
        return value.astype(np.int64), products


class Staff:
    """The agents: so many a team as its work needs. ``first``, ``size``: of a team's agents among all."""

    def __init__(self, options: Options, hours_a_day: np.ndarray) -> None:
        """``hours_a_day``: handling time by team."""
        # Six and a half hours a shift, five days of seven, and never so few that all names are the same.
        self.size = np.maximum(4, np.ceil(hours_a_day / 6.5 / 0.78 * 7 / 5)).astype(np.int32)
        self.first = np.concatenate([[0], np.cumsum(self.size)[:-1]]).astype(np.int32)
        self.count = int(self.size.sum())
        self._options = options

    @property
    def keys(self) -> list[str]:
        return [f"A{number:05d}" for number in range(1, self.count + 1)]

    def table(self) -> pa.Table:
        """The table ``agent``: the only place in the warehouse with names."""
        fake = Faker("zh_CN")
        fake.seed_instance(self._options.seed)
        team = np.repeat(np.arange(len(TEAMS)), self.size)
        return pa.table(
            {
                "agent_key": self.keys,
                "name": [fake.name() for _ in range(self.count)],
                "team": [TEAMS[code][0] for code in team],
                "valid_from": pa.array([_before(self._options.start)] * self.count, pa.date32()),
                "valid_to": pa.nulls(self.count, pa.date32()),
            }
        )


def _before(start: date) -> date:
    return date(start.year - 1, 1, 1)
