"""Contacts: who comes when, on which channel, about what, and how it ends before a human is asked.

A chunk of days is made at once, column by column. What its contacts lead to later (a customer comes back after a
failure) is handed on to the next chunk, so a chunk needs memory for itself only.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seed import desk, habits
from seed.columns import lookup
from seed.options import Options
from seed.people import DIGITAL_CLASSES, ENTITLED, People, Staff
from seed.plan import DAY, HOUR_GROUPS, Plan
from seed.topics import CODE, TOPICS
from seed.world import (
    ABANDONED,
    AGENT,
    CHANNELS,
    CHAT,
    GIVEN_UP,
    HOTLINE,
    NOBODY,
    RESOLVED,
    RM,
    RM_CHANNEL,
    ROBOT,
    ROBOT_CHANNEL,
    SELF,
    SMS,
    UNRESOLVED,
    WECHAT,
)

Columns = dict[str, np.ndarray]

# What the planned contacts of a day leave out: those that come back are made from them.
_RETURNS = 0.093
_OUTBOUND = 0.0045
_PER_CHUNK = 900_000
_WEEK = 7 * DAY
_LAG = 300  # seconds after which a feed tells what became of a contact
UNKNOWN = np.int32(-1)

_MATCHED = 0.925
_UNMATCHED = 3.2  # factor of both shares when the robot did not understand
# Share that comes back within a week, by how the contact ended (see ``_come_back``).
_BACK = {"resolved": 0.098, "given_up": 0.32, "human_resolved": 0.075, "unresolved": 0.36, "lost": 0.45}
# Of what the robot no longer hands over after the release, this share comes back.
_BACK_UNHELPED = 0.75
_SAYS_SO = 0.2  # of those who end unresolved
_UNHELPED_LEAVE = np.float32(0.4)  # the others are told that it is done
# Where customers go who come back: by kind of the earlier contact, shares of the channels; the rest stays.
_AFTER_MACHINE = {HOTLINE: 0.16, CHAT: 0.05, ROBOT_CHANNEL: 0.07, WECHAT: 0.14}
_AFTER_HUMAN = {HOTLINE: 0.12, WECHAT: 0.16, CHAT: 0.03, ROBOT_CHANNEL: 0.03}
_OFFERED = ("wealth", "funds", "precious_metal", "shop_coupon", "e_loan")
_SHOP = np.array([CODE["shop_order"], CODE["shop_coupon"], CODE["shop_refund"]], dtype=np.int8)


@dataclass
class Chunk:
    """The contacts that began on days ``first`` to ``last`` (exclusive), in the order of their start."""

    number: int
    first: int
    last: int
    columns: Columns
    rng: np.random.Generator

    def __len__(self) -> int:
        return self.columns["start"].size


class Traffic:
    """Makes the chunks, oldest first. ``chunks`` may be walked once."""

    def __init__(self, plan: Plan, people: People) -> None:
        self.plan, self.people, self.options = plan, people, plan.options
        self.counts = np.round(plan.counts() / (1 + _RETURNS + _OUTBOUND)).astype(np.int64)
        self._hours = lookup(plan.curve, habits.BINS)
        self._topics = lookup(habits.topic_shares(), habits.BINS * 2)
        self._channels = habits.channel_table(self.options, people)
        self._starts = lookup(np.array([channel.starts for channel in CHANNELS]) + 0.0, habits.BINS)
        self._hands_over, self._gives_up = habits.ending_shares()
        self._unknown = np.array([channel.unknown for channel in CHANNELS], dtype=np.float32)
        hours = desk.hours_by_team(self.options.interactions)
        self.staff = Staff(self.options, hours)
        self.desk = desk.Desk(plan, people, self.staff, hours)
        self._matched = np.array([_MATCHED - 0.05 * (t.complexity != "standard") for t in TOPICS], dtype=np.float32)
        self._release = plan.day_values("robot_release", 1)
        self._sms = plan.day_values("sms_gateway", 1)

    def chunks(self) -> Iterator[Chunk]:
        """The data in chunks of days; the same days for the same options."""
        length = days_a_chunk(self.options)
        later: Columns | None = None
        for number, first in enumerate(range(0, self.options.days, length)):
            last = min(first + length, self.options.days)
            rng = np.random.default_rng(np.random.SeedSequence(self.options.seed, spawn_key=(4, number)))
            fresh = self._contacts(rng, first, last)
            again = self._come_back(rng, fresh)
            parts = [fresh, again, self._campaign(rng, first, last)]
            if later is not None:
                parts.append(later)
            merged = {name: np.concatenate([part[name] for part in parts]) for name in fresh}
            order = np.argsort(merged["start"], kind="stable")
            merged = {name: values[order] for name, values in merged.items()}
            border = int(np.searchsorted(merged["start"], last * DAY))
            later = {name: values[border:] for name, values in merged.items()}
            now = {name: values[:border] for name, values in merged.items()}
            yield Chunk(number, first, last, self._arrived(now, last), rng)

    def _arrived(self, now: Columns, last: int) -> Columns:
        """Without what the feeds have not delivered yet; what goes on at that time is open."""
        if last < self.options.days:
            return now
        limit = self.plan.cut[now["channel"]]
        kept = now["start"] < limit
        now = {name: values[kept] for name, values in now.items()}
        desk.leave_open(now, limit[kept] - _LAG)
        return now

    # --- new contacts -------------------------------------------------------------------------------------------

    def _contacts(self, rng: np.random.Generator, first: int, last: int) -> Columns:
        """Contacts that nothing led to."""
        plan, people = self.plan, self.people
        counts = self.counts[first:last]
        day = np.repeat(np.arange(first, last, dtype=np.int32), counts)
        size = day.size
        hour = self._hours[plan.kind[day], _draw(rng, size, habits.BINS)]
        start = day * np.int32(DAY) + hour.astype(np.int32) * 3600 + rng.integers(0, 3600, size, dtype=np.int32)
        start.sort()
        hour = (start - day * np.int32(DAY)) // 3600
        who = self._customers(rng, day)
        month = plan.month[day]
        tier = people.tiers[np.maximum(who, 0), month]
        # Nobody is entitled to anything by a tier that is not known.
        tier[who < 0] = 1
        group = people.digital[np.maximum(who, 0)] * np.uint8(4) + ENTITLED[tier]
        group[who < 0] = (DIGITAL_CLASSES // 2) * 4
        channel = self._channels[day // habits.QUARTER, HOUR_GROUPS[hour], group, _draw(rng, size, habits.BINS)]
        unknown = rng.random(size, dtype=np.float32) < self._unknown[channel]
        who[unknown] = UNKNOWN
        topic = self._topics[channel, _draw(rng, size, habits.BINS * 2)].astype(np.int8)
        for event, codes in (("shop_campaign", _SHOP), ("fee_notice", np.array([CODE["fees"]], dtype=np.int8))):
            for index, share in self.plan.extra(event).items():
                rows = np.flatnonzero(day == index) if first <= index < last else np.empty(0, np.int64)
                rows = rows[rng.random(rows.size) < share]
                topic[rows] = codes[rng.integers(0, codes.size, rows.size)]
        kept = np.ones(size, dtype=bool)
        self._break_wechat(rng, day, hour, channel, kept)
        columns = {"start": start, "customer": who, "channel": channel, "topic": topic}
        if not kept.all():
            columns = {name: values[kept] for name, values in columns.items()}
        return self._outcomes(rng, columns)

    def _customers(self, rng: np.random.Generator, day: np.ndarray) -> np.ndarray:
        """A customer for each contact, among those open on its day."""
        tickets, people = self.people.tickets, self.people
        who = tickets[rng.integers(0, tickets.size, day.size, dtype=np.int32)]
        missing = self.plan.day_values("tier_coverage", 0)
        fewer = np.flatnonzero(missing[day] > 0)
        fewer = fewer[people.tiers[who[fewer], self.plan.month[day[fewer]]] == 3]
        fewer = fewer[rng.random(fewer.size, dtype=np.float32) < missing[day[fewer]]]
        again = np.union1d(np.flatnonzero((people.opened[who] > day) | (people.closed[who] <= day)), fewer)
        for _ in range(3):
            who[again] = tickets[rng.integers(0, tickets.size, again.size, dtype=np.int32)]
            again = again[(people.opened[who[again]] > day[again]) | (people.closed[who[again]] <= day[again])]
        who[again] = UNKNOWN
        return who

    def _break_wechat(
        self, rng: np.random.Generator, day: np.ndarray, hour: np.ndarray, channel: np.ndarray, kept: np.ndarray
    ) -> None:
        """On the day of the outage WeChat's customers turn elsewhere, or stay away."""
        for index, share in self.plan.extra("wechat_outage").items():
            rows = np.flatnonzero((day == index) & (channel == WECHAT) & (hour >= 8) & (hour < 20))
            u = rng.random(rows.size) / share
            channel[rows[u < 0.22]] = HOTLINE
            channel[rows[(u >= 0.22) & (u < 0.45)]] = ROBOT_CHANNEL
            kept[rows[(u >= 0.45) & (u < 1)]] = False

    def _campaign(self, rng: np.random.Generator, first: int, last: int) -> Columns:
        """Contacts that the bank began: relationship managers who tell of an offer. No service, but referrals."""
        share = _OUTBOUND * (1 + 3 * (self.plan.day_values("shop_campaign", 0)[first:last] > 0))
        counts = rng.poisson(self.counts[first:last] * share)
        day = np.repeat(np.arange(first, last, dtype=np.int32), counts)
        who = self._customers(rng, day)
        start = day * np.int32(DAY) + rng.integers(9 * 3600, 18 * 3600, day.size, dtype=np.int32)
        known = who >= 0
        codes = np.array([CODE[topic] for topic in _OFFERED], dtype=np.int8)
        columns = {
            "start": start[known],
            "customer": who[known],
            "channel": np.full(int(known.sum()), RM_CHANNEL, dtype=np.uint8),
            "topic": codes[rng.integers(0, codes.size, int(known.sum()))],
        }
        made = self._outcomes(rng, columns)
        reached = made["answered"]
        made = {name: values[reached] for name, values in made.items()}
        made["direction"][:] = 1
        # Nobody waits for a call that he did not make.
        made["end"] -= np.maximum(made["wait"], 0)
        made["queued"][:] = False
        made["wait"][:] = -1
        made["response"][:] = -1
        return made

    # --- how they end -------------------------------------------------------------------------------------------

    def _outcomes(self, rng: np.random.Generator, columns: Columns) -> Columns:
        """Add everything that follows from time, customer, channel and topic."""
        start, channel, topic = columns["start"], columns["channel"], columns["topic"]
        size, day = start.size, start // DAY
        way = self._starts[channel, _draw(rng, size, habits.BINS)]
        machine, menu = way < 2, way == 3
        robot = way == 1
        first = np.where(robot, np.uint8(ROBOT), np.uint8(SELF))
        human_first = way == 2
        first[human_first] = AGENT
        at_rm = human_first & (channel == RM_CHANNEL)
        # Mobile service: the customer's own RM, or the online representative beside him.
        first[at_rm] = np.where(rng.random(int(at_rm.sum())) < 0.82, np.uint8(RM), np.uint8(AGENT))
        first[menu] = NOBODY
        matched = np.full(size, -1, dtype=np.int8)
        asked = np.flatnonzero(robot)
        matched[asked] = rng.random(asked.size, dtype=np.float32) < self._matched[topic[asked]]
        over = self._hands_over[channel, robot.astype(np.uint8), topic]
        up = self._gives_up[channel, robot.astype(np.uint8), topic]
        lost = matched == 0
        over[lost] *= np.float32(_UNMATCHED)
        up[lost] *= np.float32(_UNMATCHED)
        up *= np.where(channel == SMS, self._sms[day], np.float32(1))
        u = rng.random(size, dtype=np.float32)
        before = u < over
        release = self._release[day]
        escalated = machine & (u < np.where(robot, over * release, over))
        # What the release keeps from a human: most count as resolved and come back.
        unhelped = machine & before & ~escalated
        given_up = machine & ~before & (u < over + up)
        given_up |= unhelped & (u < over * (release + (1 - release) * _UNHELPED_LEAVE))
        outcome = np.full(size, RESOLVED, dtype=np.uint8)
        # Some say that it did not help before they leave.
        leaves = np.flatnonzero(given_up)
        outcome[leaves] = np.where(rng.random(leaves.size) < _SAYS_SO, np.uint8(UNRESOLVED), np.uint8(GIVEN_UP))
        outcome[menu] = ABANDONED
        reason = np.full(size, -1, dtype=np.int8)
        handed = np.flatnonzero(escalated)
        reason[handed] = habits.reasons(rng, handed.size, matched[handed] == 0)
        columns |= {
            "first": first,
            "matched": matched,
            "outcome": outcome,
            "escalated": escalated,
            "reason": reason,
            "menu": menu,
            "unhelped": unhelped,
        }
        # A session with a machine, or in the menu.
        alone = np.exp(rng.normal(0, 0.55, size).astype(np.float32))
        alone *= np.where(robot, np.float32(105), np.float32(78))
        alone[channel == SMS] *= np.float32(0.3)
        alone[menu] *= np.float32(0.25)
        alone[human_first] = 0
        columns["end"] = start + np.maximum(alone, 2 * ~human_first).astype(np.int32)
        self.desk.serve(rng, columns, np.flatnonzero(human_first | escalated))
        columns["direction"] = np.zeros(size, dtype=np.uint8)
        return columns

    # --- coming back --------------------------------------------------------------------------------------------

    def _come_back(self, rng: np.random.Generator, earlier: Columns) -> Columns:
        """The same customers on the same topic within a week, most of them after something went wrong."""
        outcome, human = earlier["outcome"], earlier["answered"]
        share = np.select(
            [human & (outcome != UNRESOLVED), human, _left(outcome), outcome == ABANDONED],
            [_BACK["human_resolved"], _BACK["unresolved"], _BACK["given_up"], _BACK["lost"]],
            _BACK["resolved"],
        ).astype(np.float32)
        share[earlier["unhelped"]] = _BACK_UNHELPED
        share[earlier["customer"] < 0] = 0
        share[earlier["menu"]] *= np.float32(0.5)
        rows = np.flatnonzero(rng.random(share.size, dtype=np.float32) < share)
        soon = np.where(outcome[rows] == RESOLVED, 60.0, 26.0) * 3600
        delay = rng.exponential(1, rows.size) * soon + 240
        start = earlier["end"][rows] + delay.astype(np.int64)
        hour = (start % DAY) // 3600
        # Who wakes at night waits for the morning.
        asleep = (hour < 7) & (rng.random(rows.size) < 0.85)
        start[asleep] += 3600 * rng.integers(7, 10, int(asleep.sum()))
        fits = (start - earlier["end"][rows] < _WEEK) & (start < self.options.days * DAY)
        rows, start = rows[fits], start[fits].astype(np.int32)
        customer = earlier["customer"][rows]
        open_then = self.people.closed[customer] > start // DAY
        rows, start, customer = rows[open_then], start[open_then], customer[open_then]
        channel = earlier["channel"][rows].copy()
        u = rng.random(rows.size)
        by_human = human[rows]
        for condition, targets in ((~by_human, _AFTER_MACHINE), (by_human, _AFTER_HUMAN)):
            below = 0.0
            for target, part in targets.items():
                channel[condition & (u >= below) & (u < below + part)] = target
                below += part
        down = np.zeros(self.options.days, dtype=bool)
        down[list(self.plan.extra("wechat_outage"))] = True
        channel[(channel == WECHAT) & down[start // DAY]] = ROBOT_CHANNEL
        return self._outcomes(
            rng, {"start": start, "customer": customer, "channel": channel, "topic": earlier["topic"][rows]}
        )


def days_a_chunk(options: Options) -> int:
    """Days that are made at once."""
    return max(_PER_CHUNK // options.interactions, 1)


def _left(outcome: np.ndarray) -> np.ndarray:
    """Ended without a human and without success (asked of contacts that no human answered)."""
    return (outcome == GIVEN_UP) | (outcome == UNRESOLVED)


def _draw(rng: np.random.Generator, size: int, below: int) -> np.ndarray:
    return rng.integers(0, below, size, dtype=np.uint16)
