"""What customers say afterwards: satisfaction, recommendation, effort, of those who were asked and answered."""

import numpy as np

from seed.people import People
from seed.plan import DAY, Plan
from seed.topics import TOPICS
from seed.world import CHANNELS, GIVEN_UP, OPEN, UNRESOLVED

Columns = dict[str, np.ndarray]

_NOT_ASKED, _TIME_OUT, _INVALID = -9, -1, 0
_RESPONSE = 0.21
# Log-odds of a score of 4 or 5.
_BASE = 3.6
_BY_CHANNEL = {"hotline": 0.10, "vip": 0.75, "sms": -0.05, "chat": -0.25, "wechat": 0.20, "ronge": 0.0,
               "robot": -0.55, "rm": 0.85}  # fmt: skip
_BY_TIER = np.array([0.0, -0.16, -0.08, 0.0, 0.02, 0.10, 0.22, 0.36], dtype=np.float32)  # 0 = unknown
_BY_COMPLEXITY = {"standard": 0.12, "personal": -0.12, "complex": -0.55}
_A_MINUTE_OF_WAIT, _UNRESOLVED, _GIVEN_UP, _UNHELPED = -0.55, -2.3, -2.9, -1.0
_NPS_ASKED, _CES_ASKED = 0.035, 0.05
_CALLS_ASK_NO_EFFORT = np.array([channel.family == "phone" for channel in CHANNELS])
_SMS_ASKS_NO_NPS = np.array([channel.id == "sms" for channel in CHANNELS])


class Answers:
    """Asks those whose contact has ended, channel by channel."""

    def __init__(self, plan: Plan, people: People) -> None:
        self._plan, self._people = plan, people
        self._asks = np.array([channel.asks for channel in CHANNELS], dtype=np.float32)
        self._channel = np.array([_BY_CHANNEL[channel.id] for channel in CHANNELS], dtype=np.float32)
        self._topic = np.array([_BY_COMPLEXITY[topic.complexity] for topic in TOPICS], dtype=np.float32)

    def ask(self, rng: np.random.Generator, columns: Columns) -> None:
        """Add ``csat``, ``nps``, ``ces``: −9 not asked, −1 no answer in time, 0 an invalid key, else the answer."""
        size, channel = columns["start"].size, columns["channel"]
        askable = (columns["end"] >= 0) & ~columns["menu"] & (columns["stage"] == 0) & (columns["direction"] == 0)
        share = self._asks[channel, 1 - columns["answered"].astype(np.uint8)]
        asked = np.flatnonzero(askable & (rng.random(size, dtype=np.float32) < share))
        happy = self._log_odds(columns, asked)
        columns["csat"] = _filled(size, asked, self._scores(rng, columns, asked, happy))

        some = np.flatnonzero(askable & ~_SMS_ASKS_NO_NPS[channel] & (rng.random(size, dtype=np.float32) < _NPS_ASKED))
        mood = self._log_odds(columns, some)
        points = np.clip(np.round(rng.normal(8.65, 1.75, some.size) + 0.55 * (mood - _BASE)), 0, 10)
        points[rng.random(some.size) > 0.32] = _TIME_OUT
        columns["nps"] = _filled(size, some, points)

        some = np.flatnonzero(
            askable & ~_CALLS_ASK_NO_EFFORT[channel] & (rng.random(size, dtype=np.float32) < _CES_ASKED)
        )
        mood = self._log_odds(columns, some)
        ease = np.clip(np.round(rng.normal(5.9, 1.15, some.size) + 0.5 * (mood - _BASE)), 1, 7)
        ease[rng.random(some.size) > 0.27] = _TIME_OUT
        columns["ces"] = _filled(size, some, ease)

    def _log_odds(self, columns: Columns, rows: np.ndarray) -> np.ndarray:
        customer = columns["customer"][rows]
        month = self._plan.month[np.minimum(columns["start"][rows] // DAY, self._plan.options.days - 1)]
        tier = np.where(customer < 0, 0, self._people.tiers[np.maximum(customer, 0), month])
        outcome = columns["outcome"][rows]
        value = _BASE + self._channel[columns["channel"][rows]] + _BY_TIER[tier] + self._topic[columns["topic"][rows]]
        value += np.minimum(np.maximum(columns["wait"][rows], 0) / 60, 5) * _A_MINUTE_OF_WAIT
        value += np.where(outcome == UNRESOLVED, _UNRESOLVED, 0) + np.where(outcome == GIVEN_UP, _GIVEN_UP, 0)
        value += np.where(columns["unhelped"][rows], _UNHELPED, 0)
        return np.where(outcome == OPEN, _BASE, value)

    def _scores(self, rng: np.random.Generator, columns: Columns, rows: np.ndarray, happy: np.ndarray) -> np.ndarray:
        human = columns["answered"][rows]
        answers = rng.random(rows.size) < np.where(human, _RESPONSE * 1.15, _RESPONSE * 0.92)
        good = rng.random(rows.size) < 1 / (1 + np.exp(-happy))
        u = rng.random(rows.size)
        score = np.where(good, np.where(u < 0.74, 5, 4), np.where(u < 0.45, 3, np.where(u < 0.65, 2, 1)))
        silent = np.where(rng.random(rows.size) < 0.03, _INVALID, _TIME_OUT)
        return np.where(answers, score, silent)


def _filled(size: int, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    full = np.full(size, _NOT_ASKED, dtype=np.int8)
    full[rows] = values
    return full
