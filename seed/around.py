"""What hangs on contacts: legs, self-service functions, referrals and branch visits, complaints, agents' clocks."""

from datetime import timedelta

import numpy as np
import pyarrow as pa

from seed import columns as to
from seed.people import People, Staff
from seed.plan import DAY, Plan
from seed.topics import CODE, FUNCTIONS, TOPICS
from seed.traffic import Chunk
from seed.world import (
    CHANNELS,
    GIVEN_UP,
    REFERRED,
    RESOLVED,
    RONGE,
    SCENARIOS,
    SELF,
    SMS,
    TEAM_CODE,
    TEAM_FEED,
    TEAMS,
    UNRESOLVED,
    WECHAT,
    branch_ids,
)

_HALF_HOUR = 1800
_SECOND_FUNCTION = 0.14
_LARGE_CASH, _INVESTMENT, _CAMPAIGN = range(len(SCENARIOS))
# By scenario: visits the branch, mean days until then, signs there, mean days until then, median yuan.
_VISITS = np.array([0.80, 0.47, 0.34])
_DAYS_TO_VISIT = np.array([1.4, 6.5, 8.0])
_SIGNS = np.array([0.94, 0.52, 0.44])
_DAYS_TO_SIGN = np.array([0.0, 3.5, 2.5])
_AMOUNT = np.array([150_000, 80_000, 20_000])
_SIGNS_WHO_RISE = 1.6  # factor for customers whose tier is about to rise: money that came in raises it
_ALSO_REFERRED = 0.08  # of resolved contacts on a referable topic
_FROM_OFFER = 0.45
_FROM_CAMPAIGN = 0.03  # of contacts about the shop's offers while a campaign runs
_COMPLAINTS = 0.00025
_COMPLAINTS_BY_TOPIC = {"complaint": 0.035, "dispute": 0.012, "fraud": 0.008, "fees": 0.0008}
_ANNOYED = 6.0  # factor after an unresolved contact
_TERMS = np.array([15, 30, 60])
_COMPLEXITIES = ("simple", "normal", "complex")
_OCCUPANCY = np.array([0.79, 0.78, 0.75, 0.77, 0.76, 0.74, 0.73, 0.72, 0.80, 0.81, 0.70])


class Around:
    """Makes the tables that hang on a chunk's interactions."""

    def __init__(self, plan: Plan, people: People, staff: Staff) -> None:
        self._plan, self._people, self._staff = plan, people, staff
        self._agents = staff.keys
        self._teams = [team[0] for team in TEAMS]
        self._channels = [channel.id for channel in CHANNELS]
        self._functions, self._has_function = _function_table()
        self._referable = np.array([topic.referable for topic in TOPICS])
        self._annoying = np.array([_COMPLAINTS_BY_TOPIC.get(topic.id, _COMPLAINTS) for topic in TOPICS])
        self._notice = plan.day_values("fee_notice", 0) > 0
        self._sale = plan.day_values("shop_campaign", 0) > 0
        self._short = plan.day_values("team_waits", 1) > 1
        self._now = int(plan.cut[SMS])  # what the slowest feed knows

    def tables(self, chunk: Chunk, names: np.ndarray) -> dict[str, pa.Table]:
        return {
            "handling_leg": self._legs(chunk, names),
            "function_use": self._function_uses(chunk, names),
            "referral": self._referrals(chunk, names),
            "complaint": self._complaints(chunk, names),
            "agent_time": self._clocks(chunk),
        }

    def _hanging(self, chunk: Chunk, names: np.ndarray, rows: np.ndarray) -> dict[str, pa.Array]:
        return {
            "source": to.coded(chunk.columns["channel"][rows], self._channels),
            "interaction_id": to.texts(names[rows]),
        }

    def _legs(self, chunk: Chunk, names: np.ndarray) -> pa.Table:
        """One row for each who handled a contact; their seconds add up to the contact's."""
        c = chunk.columns
        last = np.flatnonzero(c["answered"] & (c["end"] >= 0))
        moved = last[c["transfers"][last] >= 1]
        twice = last[c["transfers"][last] >= 2]
        rows = np.concatenate([last, moved, twice])
        seq = np.concatenate([c["transfers"][last] + 1, np.ones(moved.size), np.full(twice.size, 2)]).astype(np.int16)
        team = np.concatenate([c["team"][last], c["first_team"][moved], c["team"][twice]])
        first = self._staff.first[c["team"][twice]]
        colleague = first + (c["agent"][twice] - first + 1) % self._staff.size[c["team"][twice]]
        agent = np.concatenate([c["agent"][last], c["first_agent"][moved], colleague])
        seconds = {}
        for name in ("talk", "hold", "wrap"):
            whole = c[name]
            early, middle = whole[moved] * 2 // 5, whole[twice] // 5
            rest = whole[last].copy()
            rest[c["transfers"][last] >= 1] -= early
            rest[c["transfers"][last] >= 2] -= middle
            seconds[name] = np.concatenate([rest, early, middle])
        return pa.table(
            self._hanging(chunk, names, rows)
            | {
                "seq": pa.array(seq),
                "team": to.coded(team, self._teams),
                "agent_key": to.coded(agent, self._agents),
            }
            | {f"{name}_seconds": to.numbers(values, pa.int32()) for name, values in seconds.items()}
        )

    def _clocks(self, chunk: Chunk) -> pa.Table:
        """Half hours in which an agent worked: by what he handled, with the idle time that his team has."""
        c, rng = chunk.columns, chunk.rng
        rows = np.flatnonzero(c["answered"] & (c["end"] >= 0))
        slots = (self._plan.options.days + 1) * 48
        key = c["agent"][rows].astype(np.int64) * slots + c["start"][rows] // _HALF_HOUR
        keys, inverse = np.unique(key, return_inverse=True)
        handled = np.bincount(inverse, (c["talk"] + c["hold"] + c["wrap"])[rows], keys.size).astype(np.int64)
        handled = np.minimum(handled, _HALF_HOUR - 30)
        agent, slot = keys // slots, keys % slots
        team = np.searchsorted(self._staff.first, agent, side="right") - 1
        busy = _OCCUPANCY[team] + rng.normal(0, 0.06, keys.size)
        busy += 0.12 * (self._short[slot // 48] & (team == TEAM_CODE["invest"]))
        ready = np.minimum(handled / np.clip(busy, 0.4, 0.97), _HALF_HOUR).astype(np.int64)
        pause = ((_HALF_HOUR - ready) * rng.random(keys.size) * 0.3).astype(np.int64)
        feeds = [TEAM_FEED.get(team_id, "hotline") for team_id in self._teams]
        known = sorted(set(feeds))
        code = np.array([known.index(feed) for feed in feeds], dtype=np.int8)
        return pa.table(
            {
                "source": to.coded(code[team], known),
                "agent_key": to.coded(agent.astype(np.int32), self._agents),
                "half_hour": to.moments(slot * _HALF_HOUR, self._plan.origin),
                "team": to.coded(team, self._teams),
                "handle_seconds": to.numbers(handled, pa.int32()),
                "idle_seconds": to.numbers(ready - handled, pa.int32()),
                "break_seconds": to.numbers(pause, pa.int32()),
            }
        )

    def _function_uses(self, chunk: Chunk, names: np.ndarray) -> pa.Table:
        """Self-service on WeChat and ICBC Link: the function of the topic, at times a second one of it."""
        c, rng = chunk.columns, chunk.rng
        where = ((c["channel"] == WECHAT) | (c["channel"] == RONGE)) & (c["first"] == SELF)
        rows = np.flatnonzero(where & self._has_function[c["topic"]])
        function = self._functions[c["topic"][rows], rng.integers(0, 256, rows.size, dtype=np.uint16)]
        more = np.flatnonzero(rng.random(rows.size, dtype=np.float32) < _SECOND_FUNCTION)
        other = self._functions[c["topic"][rows[more]], rng.integers(0, 256, more.size, dtype=np.uint16)]
        differs = other != function[more]
        rows = np.concatenate([rows, rows[more][differs]])
        function = np.concatenate([function, other[differs]])
        started = 1 + (rng.random(rows.size, dtype=np.float32) < 0.06).astype(np.int8)
        resolved = (c["outcome"][rows] == RESOLVED) & ~c["escalated"][rows]
        u = rng.random(rows.size, dtype=np.float32)
        completed = np.where(resolved, started - (u < 0.03) * (started > 1), 0).astype(np.int8)
        # What was not completed failed, or the customer left.
        failed = np.where(
            resolved | (c["end"][rows] < 0), 0, (u < np.where(c["escalated"][rows], 0.68, 0.42)) * started
        ).astype(np.int8)
        return pa.table(
            self._hanging(chunk, names, rows)
            | {
                "function": to.coded(function.astype(np.int8), [row[0] for row in FUNCTIONS]),
                "started": to.numbers(started, pa.int32()),
                "completed": to.numbers(completed, pa.int32()),
                "failed": to.numbers(failed, pa.int32()),
            }
        )

    def _referrals(self, chunk: Chunk, names: np.ndarray) -> pa.Table:
        c, rng, people = chunk.columns, chunk.rng, self._people
        day = c["start"] // DAY
        u = rng.random(day.size, dtype=np.float32)
        outbound = c["direction"] == 1
        human = c["answered"] & self._referable[c["topic"]] & ~outbound & (c["customer"] >= 0)
        shop = (c["topic"] == CODE["shop_coupon"]) & self._sale[day] & (c["outcome"] == RESOLVED) & (c["customer"] >= 0)
        referred = (human & ((c["outcome"] == REFERRED) | (u < _ALSO_REFERRED))) | (outbound & (u < _FROM_OFFER))
        referred |= shop & (u < _FROM_CAMPAIGN)
        rows = np.flatnonzero(referred & (c["end"] >= 0))
        size, customer = rows.size, c["customer"][rows]
        scenario = np.where(c["topic"][rows] == CODE["large_cash"], _LARGE_CASH, _INVESTMENT)
        scenario[outbound[rows] | shop[rows]] = _CAMPAIGN
        at = c["end"][rows].astype(np.int64)
        visits = rng.random(size) < _VISITS[scenario]
        visited = _opening_hours(rng, at + rng.exponential(1, size) * _DAYS_TO_VISIT[scenario] * DAY)
        signs = _SIGNS[scenario] * np.where(people.rises(customer, self._plan.month[day[rows]]), _SIGNS_WHO_RISE, 1.0)
        signs = visits & (rng.random(size) < signs)
        later = rng.exponential(1, size) * _DAYS_TO_SIGN[scenario] * DAY
        completed = np.where(later < DAY, visited + 1200, _opening_hours(rng, visited + later))
        visits &= visited < self._now
        signs &= visits & (completed < self._now)
        # A referral that came to nothing is written off after a month and a half.
        old = self._now - at > 45 * DAY
        status = np.select([signs, old, visits], [2, 3, 1], 0).astype(np.int8)
        amount = _AMOUNT[scenario] * np.exp(rng.normal(0, 0.7, size))
        numbers = np.tile(np.frombuffer(b"F000-000000", dtype=np.uint8), (size, 1))
        to.digits(numbers, 1, 3, np.full(size, chunk.number))
        to.digits(numbers, 5, 6, np.arange(1, size + 1))
        origin = self._plan.origin
        return pa.table(
            self._hanging(chunk, names, rows)
            | {
                "referral_id": to.texts(numbers),
                "customer_key": pa.array(people.keys(customer)),
                "scenario": to.coded(scenario, SCENARIOS),
                "branch": to.coded(people.branch[customer], branch_ids()),
                "referred_at": to.moments(at, origin),
                "visited_at": to.moments(visited, origin, ~visits),
                "completed_at": to.moments(completed, origin, ~signs),
                # Whole thousands of yuan, in fen.
                "amount_fen": to.numbers(np.round(amount, -3).astype(np.int64) * 100, pa.int64(), ~signs),
                "status": to.coded(status, ("referred", "visited", "completed", "lost")),
            }
        )

    def _complaints(self, chunk: Chunk, names: np.ndarray) -> pa.Table:
        """Complaints with their clocks: 15, 30 or 60 days, longer where an extension was granted."""
        c, rng, options = chunk.columns, chunk.rng, self._plan.options
        day = c["start"] // DAY
        share = self._annoying[c["topic"]] * np.where(c["outcome"] == UNRESOLVED, _ANNOYED, 1.0)
        share *= np.where(c["outcome"] == GIVEN_UP, 2.0, 1.0)
        share[self._notice[day] & (c["topic"] == CODE["fees"])] = 0.02
        share[(c["direction"] == 1) | (c["end"] < 0)] = 0
        rows = np.flatnonzero(rng.random(share.size) < share)
        # Some come by letter or through the regulator, not by a contact.
        beside = rng.integers(chunk.first, chunk.last, rng.poisson(rows.size / 9))
        size = rows.size + beside.size
        without = np.arange(size) >= rows.size
        opened = np.concatenate([day[rows], beside]).astype(np.int64)
        kind = rng.choice(3, size, p=[0.62, 0.29, 0.09])
        term = _TERMS[kind] + np.where((kind == 2) & (rng.random(size) < 0.2), 30, 0)
        taken = np.ceil(term * np.exp(rng.normal(-0.72, 0.42, size))).astype(np.int64)
        withdrawn = rng.random(size) < 0.05
        decided, closed = opened + taken, opened + taken + np.where(withdrawn, 0, rng.integers(0, 4, size))
        today, start = options.days - 1, options.start
        source = np.zeros(size, dtype=np.int8)
        source[~without] = c["channel"][rows]
        customer = np.full(size, -1, dtype=np.int64)
        customer[~without] = c["customer"][rows]
        keys = np.where(customer < 0, 0, self._people.keys(np.maximum(customer, 0)))
        ids = pa.concat_arrays([to.texts(names[rows]), pa.nulls(beside.size, pa.string())])
        numbers = [
            f"K{start + timedelta(days=int(when)):%y%m%d}-{number:05d}" for number, when in enumerate(opened, start=1)
        ]
        return pa.table(
            {
                "source": to.coded(source, self._channels),
                "complaint_id": pa.array(numbers, pa.string()),
                "interaction_id": ids,
                "customer_key": to.numbers(keys, pa.int64(), customer < 0),
                "opened_on": to.days(opened, start),
                "due_on": to.days(opened + term, start),
                "decided_on": to.days(decided, start, withdrawn | (decided > today)),
                "closed_on": to.days(closed, start, closed > today),
                "complexity": to.coded(kind, _COMPLEXITIES),
                "forwarded": pa.array(rng.random(size) < np.where(without, 0.7, 0.06)),
            }
        )


def _opening_hours(rng: np.random.Generator, seconds: np.ndarray) -> np.ndarray:
    """The same day if the branch is still open, else the next one, between nine and five."""
    day, rest = seconds // DAY, seconds % DAY
    late = rest > 16.5 * 3600
    hour = np.where((rest < 9 * 3600) | late, rng.uniform(9, 16.5, seconds.size) * 3600, rest)
    return ((day + late) * DAY + hour).astype(np.int64)


def _function_table() -> tuple[np.ndarray, np.ndarray]:
    """Function by topic, ready to draw from: the first of a topic is used most. And which topics have any."""
    weights = np.zeros((len(TOPICS), len(FUNCTIONS)))
    for code, topic in enumerate(TOPICS):
        own = [index for index, row in enumerate(FUNCTIONS) if row[3] == topic.id]
        weights[code, own] = 0.55 ** np.arange(len(own))
    has = weights.sum(axis=1) > 0
    weights[~has, 0] = 1
    return to.lookup(weights, 256), has
