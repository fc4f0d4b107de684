"""The table ``interaction``: the columns of a chunk as Arrow."""

import numpy as np
import pyarrow as pa

from seed import columns as to
from seed.people import People, Staff
from seed.plan import DAY, Plan
from seed.topics import TOPICS
from seed.traffic import Chunk
from seed.world import CHANNELS, HANDLERS, MEDIA, OUTCOMES, REASONS, STAGES, TEAMS

_WIDTH = len("W260101-0000000")


class Facts:
    """Turns chunks into tables. ``names``: the ids of a chunk's interactions as rows of ASCII codes."""

    def __init__(self, plan: Plan, people: People, staff: Staff) -> None:
        self._plan, self._people = plan, people
        self._agents = staff.keys
        self._channels = [channel.id for channel in CHANNELS]
        lines = [channel.line for channel in CHANNELS]
        self._lines = sorted(set(lines))
        self._line_of = np.array([self._lines.index(line) for line in lines], dtype=np.int8)
        self._media = to.lookup(np.array([channel.media for channel in CHANNELS], dtype=np.float64), 256)
        self._letters = np.array([ord(channel.letter) for channel in CHANNELS], dtype=np.uint8)

    def names(self, chunk: Chunk) -> np.ndarray:
        """``W260101-0000042``: channel, local day, number within both, in the order of the start."""
        channel, day = chunk.columns["channel"], chunk.columns["start"] // DAY
        size = channel.size
        order = np.argsort(channel, kind="stable")
        group = channel[order].astype(np.int64) * (self._plan.options.days + 1) + day[order]
        new = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]])) if size else np.empty(0, np.int64)
        number = np.empty(size, dtype=np.int32)
        number[order] = np.arange(size) - np.repeat(new, np.diff(np.concatenate([new, [size]])))
        matrix = np.full((size, _WIDTH), ord("-"), dtype=np.uint8)
        matrix[:, 0] = self._letters[channel]
        dates = np.array(
            [list(f"{self._plan.date_of(index):%y%m%d}".encode()) for index in range(chunk.first, chunk.last)],
            dtype=np.uint8,
        )
        matrix[:, 1:7] = dates[day - chunk.first]
        to.digits(matrix, 8, 7, number + 1)
        return matrix

    def interactions(self, chunk: Chunk, names: np.ndarray) -> pa.Table:
        c, rng = chunk.columns, chunk.rng
        channel, answered = c["channel"], c["answered"]
        size = channel.size
        unknown = c["customer"] < 0
        keys = np.zeros(size, dtype=np.int64)
        keys[~unknown] = self._people.keys(c["customer"][~unknown])
        # Nobody asked what it was about: those who hung up in the menu.
        topic = np.where(c["menu"], np.int8(-1), c["topic"])
        origin = self._plan.origin
        asked = {name: c[name] > -9 for name in ("csat", "nps", "ces")}
        return pa.table(
            {
                "source": to.coded(channel, self._channels),
                "interaction_id": to.texts(names),
                "started_at": to.moments(c["start"], origin),
                "ended_at": to.moments(c["end"], origin, c["end"] < 0),
                "channel": to.coded(channel, self._channels),
                "line": to.coded(self._line_of[channel], self._lines),
                "direction": to.coded(c["direction"], ("inbound", "outbound")),
                "customer_key": to.numbers(keys, pa.int64(), unknown),
                "topic": to.coded(topic, [topic.id for topic in TOPICS]),
                "media": to.coded(self._media[channel, rng.integers(0, 256, size, dtype=np.uint16)], MEDIA),
                "first_handler": to.coded(c["first"], HANDLERS),
                "final_handler": to.coded(c["final"], HANDLERS),
                "engaged": pa.array(~c["menu"] & (c["direction"] == 0)),
                "matched": to.numbers(c["matched"] == 1, pa.bool_(), c["matched"] < 0),
                "outcome": to.coded(c["outcome"], OUTCOMES),
                "escalated": pa.array(c["escalated"]),
                "escalation_reason": to.coded(c["reason"], REASONS),
                "queued": pa.array(c["queued"]),
                "human_answered": pa.array(answered),
                "abandoned_stage": to.coded(c["stage"], STAGES),
                "wait_seconds": to.numbers(c["wait"], pa.int32()),
                "first_response_seconds": to.numbers(c["response"], pa.int32()),
                "transfers": to.numbers(c["transfers"], pa.int32(), c["transfers"] < 0),
                "talk_seconds": to.numbers(c["talk"], pa.int32()),
                "hold_seconds": to.numbers(c["hold"], pa.int32()),
                "wrap_seconds": to.numbers(c["wrap"], pa.int32()),
                "team": to.coded(c["team"], [team[0] for team in TEAMS]),
                "agent_key": to.coded(c["agent"], self._agents),
                "csat_asked": pa.array(asked["csat"]),
                "csat_score": to.numbers(c["csat"], pa.int16(), ~asked["csat"]),
                "nps_asked": pa.array(asked["nps"]),
                "nps_score": to.numbers(c["nps"], pa.int16(), ~asked["nps"]),
                "ces_asked": pa.array(asked["ces"]),
                "ces_score": to.numbers(c["ces"], pa.int16(), ~asked["ces"]),
            }
        )
