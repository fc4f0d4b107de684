"""The service desk: queue, patience, answer, handling, transfers, and who did it."""

import numpy as np

from seed.people import People, Staff
from seed.plan import DAY, Plan
from seed.topics import TOPICS
from seed.world import (
    ABANDONED,
    AGENT,
    CHANNELS,
    HOTLINE,
    NOBODY,
    OPEN,
    REFERRED,
    RESOLVED,
    RM_CHANNEL,
    TEAM_CODE,
    TEAMS,
    UNRESOLVED,
    team_of,
)

Columns = dict[str, np.ndarray]

NONE, MENU, QUEUE = range(3)
_NULL = -1
# Mean seconds that a caller and somebody who writes are ready to wait.
_PATIENCE_CALL, _PATIENCE_WRITE = 290, 520
# How crowded the desk is at an hour of a workday, 1 = as planned; people are planned for the whole of the morning.
_CROWDED = np.array(
    [0.8, 0.75, 0.7, 0.7, 0.7, 0.75, 0.85, 0.95, 1.02, 1.18, 1.22, 1.08, 0.95, 0.92, 1.0, 1.12, 1.08, 0.98, 0.95, 0.92,
     0.9, 0.88, 0.85, 0.82], dtype=np.float32
)  # fmt: skip
_OF_WEEK = np.array([1.08, 1.02, 1.0, 0.98, 1.0, 0.95, 0.93], dtype=np.float32)
_DAY_NOISE = 0.10
_LONGER = {"standard": 0.85, "personal": 1.05, "complex": 1.55}
_UNRESOLVED = {"standard": 0.065, "personal": 0.10, "complex": 0.18}
# Usual share of the contacts handled by a human, and their seconds; only to plan how many agents there are.
_HANDLED_SHARE = {
    "general": 0.026, "card": 0.016, "loan": 0.008, "invest": 0.013, "ebank": 0.010, "shop": 0.006,
    "complaints": 0.007, "vip": 0.009, "online": 0.020, "wechat": 0.022, "rm": 0.008,
}  # fmt: skip
_HANDLE_SECONDS = 300


def hours_by_team(interactions: int) -> np.ndarray:
    """Hours of handling a day, by team, to be expected."""
    return np.array([_HANDLED_SHARE[team[0]] * interactions * _HANDLE_SECONDS / 3600 for team in TEAMS])


class Desk:
    """Serves those who ask for a human."""

    def __init__(self, plan: Plan, people: People, staff: Staff, hours: np.ndarray) -> None:
        self._plan, self._people, self._staff = plan, people, staff
        rng = np.random.default_rng(np.random.SeedSequence(plan.options.seed, spawn_key=(5,)))
        days = plan.options.days
        weekday = (np.arange(days) + plan.options.start.weekday()) % 7
        noise = np.exp(rng.normal(0, _DAY_NOISE, (days, len(CHANNELS)))).astype(np.float32)
        self._crowded = _OF_WEEK[weekday][:, None] * noise
        for day in plan.extra("wechat_outage"):
            self._crowded[day, HOTLINE] *= 2.0
        self._short = plan.day_values("team_waits", 1)
        self._team = np.array(
            [[TEAM_CODE[team_of(channel, topic.team)] for topic in TOPICS] for channel in CHANNELS], dtype=np.int8
        )
        self._at_once = np.array([channel.queue[0] for channel in CHANNELS], dtype=np.float32)
        self._mean_wait = np.array([channel.queue[1] for channel in CHANNELS], dtype=np.float32)
        self._talk = np.array([channel.talk for channel in CHANNELS], dtype=np.float32)
        self._messaging = np.array([channel.messaging for channel in CHANNELS])
        self._longer = np.array([_LONGER[topic.complexity] for topic in TOPICS], dtype=np.float32)
        self._unresolved = np.array([_UNRESOLVED[topic.complexity] for topic in TOPICS], dtype=np.float32)
        self._referable = np.array([topic.referable for topic in TOPICS])
        # Agents on duty at a time of the day: what the hour needs, at least one.
        busy = plan.curve[0][:, None] * hours[None, :] / 0.78
        self._on_duty = np.clip(np.ceil(busy), 1, staff.size[None, :]).astype(np.int32)
        self._most_on_duty = self._on_duty.max(axis=0)

    def serve(self, rng: np.random.Generator, columns: Columns, rows: np.ndarray) -> None:
        """Fill in the desk's columns; ``rows``: the contacts that ask for a human."""
        size = columns["start"].size
        channel, topic = columns["channel"][rows], columns["topic"][rows]
        begin = columns["end"][rows]  # when the machine, if any, was done with it
        day = np.minimum(begin // DAY, self._plan.options.days - 1)
        hour = (begin % DAY) // 3600
        team = self._team[channel, topic]
        crowded = _CROWDED[hour] * self._crowded[day, channel]
        crowded *= np.where(team == TEAM_CODE["invest"], self._short[day], np.float32(1))
        queued, wait, answered = self._queue(rng, channel, crowded)
        writes = self._messaging[channel]

        count = rows.size
        talk = np.exp(rng.normal(0, 0.5, count).astype(np.float32)) * self._talk[channel] * self._longer[topic]
        hold = np.where(rng.random(count, dtype=np.float32) < 0.17, rng.exponential(45, count) + 5, 0)
        hold[writes] = 0
        wrap = rng.exponential(32, count).astype(np.float32) + 3
        # The specialists take over; from them it goes to a colleague.
        moved = answered & (rng.random(count, dtype=np.float32) < 0.065 + 0.05 * (self._longer[topic] > 1.2))
        transfers = moved.astype(np.uint8) + (moved & (rng.random(count, dtype=np.float32) < 0.14))
        first_team = team.copy()
        general = np.int8(TEAM_CODE["general"])
        specialist = self._team[HOTLINE, topic]
        first_team[moved & (channel == HOTLINE)] = general
        to_specialist = moved & (channel != HOTLINE) & (channel != RM_CHANNEL)
        team = np.where(to_specialist, specialist, team)
        talk[moved] *= np.float32(1.35)
        typing = rng.integers(3, 22, count, dtype=np.int32)
        talk, hold, wrap = talk.astype(np.int32) + 8, hold.astype(np.int32), wrap.astype(np.int32)

        outcome = np.full(count, RESOLVED, dtype=np.uint8)
        u = rng.random(count, dtype=np.float32)
        worse = self._unresolved[topic]
        outcome[u < worse] = UNRESOLVED
        outcome[self._referable[topic] & (u > 0.90)] = REFERRED
        outcome[~answered] = ABANDONED

        def put(name: str, kind: type, usual: int, values: np.ndarray, where: np.ndarray | None = None) -> None:
            full: np.ndarray = np.full(size, usual, dtype=kind)
            chosen = rows if where is None else rows[where]
            full[chosen] = values if where is None else values[where]
            columns[name] = full

        put("asked", np.int32, 0, begin)
        put("answered", bool, 0, answered)
        put("queued", bool, 0, queued)
        put("stage", np.int8, NONE, np.where(answered, NONE, QUEUE))
        columns["stage"][columns["menu"]] = MENU
        put("wait", np.int32, _NULL, wait, queued)
        put("response", np.int32, _NULL, np.where(queued, wait, 0) + typing, answered & writes)
        put("transfers", np.int8, _NULL, transfers, answered)
        put("talk", np.int32, _NULL, talk, answered)
        put("hold", np.int32, _NULL, hold, answered)
        put("wrap", np.int32, _NULL, wrap, answered)
        put("team", np.int8, -1, team)
        put("first_team", np.int8, -1, first_team)
        put("agent", np.int32, _NULL, self._agents(rng, team, day, hour), answered)
        put("first_agent", np.int32, _NULL, self._agents(rng, first_team, day, hour), answered)
        alone = answered & (transfers == 0)
        columns["first_agent"][rows[alone]] = columns["agent"][rows[alone]]
        columns["outcome"][rows] = outcome
        columns["end"][rows] = begin + np.where(queued, wait, 0) + np.where(answered, talk + hold, 0)
        final = columns["first"].copy()
        final[rows] = np.where(
            answered,
            np.where(channel == RM_CHANNEL, columns["first"][rows], AGENT),
            np.where(columns["escalated"][rows], columns["first"][rows], NOBODY),
        )
        # Nobody handled a contact that asked for a human and got none.
        columns["first"][rows[~answered & ~columns["escalated"][rows]]] = NOBODY
        columns["final"] = final

    def _queue(
        self, rng: np.random.Generator, channel: np.ndarray, crowded: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Queued, seconds waited, answered."""
        count = channel.size
        at_once = np.clip(self._at_once[channel] - 0.35 * (crowded - 1), 0.08, 0.92)
        u = rng.random(count, dtype=np.float32)
        waits = u >= at_once
        # Of those served at once, half never enter a queue.
        queued = waits | (u > at_once * 0.5)
        needed = rng.exponential(1, count).astype(np.float32) * self._mean_wait[channel] * crowded**2 + 4
        needed = np.where(waits, needed, rng.integers(1, 6, count))
        patience = np.where(self._messaging[channel], _PATIENCE_WRITE, _PATIENCE_CALL)
        patience = rng.exponential(1, count) * patience + 2
        answered = ~waits | (patience > needed)
        return queued, np.minimum(needed, patience).astype(np.int32), answered

    def _agents(self, rng: np.random.Generator, team: np.ndarray, day: np.ndarray, hour: np.ndarray) -> np.ndarray:
        """An agent of the team who is on duty: three shifts a day, another part of the team each day."""
        on_duty = self._on_duty[hour, team]
        start = (day * 3 + (hour + 16) % 24 // 8) * self._most_on_duty[team]
        return (
            self._staff.first[team] + (start + rng.integers(0, 2**31 - 1, team.size) % on_duty) % self._staff.size[team]
        )


def leave_open(columns: Columns, limit: np.ndarray) -> None:
    """Contacts that go on when their feed ends: without an end, and without what comes later."""
    going_on = columns["end"] >= limit
    # Still with the machine: nobody was asked yet.
    earlier = going_on & columns["escalated"] & (columns["asked"] >= limit)
    answered_at = columns["asked"] + np.maximum(columns["wait"], 0)
    waiting = going_on & ~earlier & columns["queued"] & (answered_at >= limit)
    columns["end"] = np.where(going_on, _NULL, columns["end"])
    columns["outcome"][going_on] = OPEN
    columns["stage"][going_on] = NONE
    columns["wait"][earlier | waiting] = _NULL
    columns["queued"][earlier] = False
    columns["escalated"][earlier] = False
    columns["reason"][earlier] = -1
    columns["answered"] &= ~(earlier | waiting)
    for name in ("response", "team", "first_team", "transfers", "agent", "first_agent"):
        columns[name][earlier | waiting] = -1
    for name in ("talk", "hold", "wrap"):
        columns[name][going_on] = _NULL
    columns["final"][earlier | waiting] = columns["first"][earlier | waiting]
