"""What customers are used to: which channel, when, about what, and how often a machine is enough for them."""

import numpy as np

from seed.columns import lookup
from seed.options import Options
from seed.people import CLASSES, DIGITAL_CLASSES, ENTITLED, People
from seed.topics import TOPICS
from seed.world import CHANNELS, HOTLINE, REASONS, RM_CHANNEL, SMS, VIP, shares

BINS = 2048  # what ``lookup``'s tables are drawn from
QUARTER = 91

# How a complexity changes the share that goes on to a human, and that gives up.
_HARD_TO_END = {"standard": (0.78, 0.88), "personal": (1.35, 1.15), "complex": (2.3, 1.5)}
# How an hour differs between the channels: the phone by day, the machines at night.
_BY_HOUR = np.ones((7, len(CHANNELS)))
_BY_HOUR[:, HOTLINE] = (0.62, 0.85, 1.18, 1.0, 1.12, 0.86, 0.70)
_BY_HOUR[:, VIP] = (0.5, 0.8, 1.25, 1.0, 1.15, 0.8, 0.6)
_BY_HOUR[:, RM_CHANNEL] = (0.05, 0.5, 1.4, 0.9, 1.4, 0.6, 0.2)
_BY_HOUR[:, SMS] = (1.1, 1.1, 1.0, 0.95, 1.0, 0.95, 0.9)
# Who may use what, by what the tier entitles to (tiers 1–3, 4, 5, 6–7).
_ENTITLEMENT = np.ones((4, len(CHANNELS)))
_ENTITLEMENT[:, VIP] = (0.0, 0.25, 3.0, 9.0)
_ENTITLEMENT[:, RM_CHANNEL] = (0.06, 1.0, 3.0, 8.0)
# Topics that a channel sees more or less of.
_TOPIC_BIAS: dict[str, dict[str, float]] = {
    "hotline": {"loss_report": 2.5, "dispute": 3, "fraud": 3, "complaint": 3, "large_cash": 2.5, "balance": 0.5},
    "vip": {"wealth": 4, "funds": 3, "private_banking": 12, "fx_purchase": 3, "large_cash": 3, "balance": 0.4},
    "sms": {"balance": 2.5, "card_bill": 1.8, "statement": 1.5, "points": 1.5, "wealth": 0.2, "mortgage": 0.1},
    "chat": {"shop_order": 3, "shop_refund": 4, "mobile_bank": 1.6},
    "wechat": {"balance": 1.15, "notices": 1.4},
    "ronge": {"link_im": 8, "shop_order": 1.8, "wealth": 1.3},
    "robot": {"mobile_bank": 1.8, "login_password": 1.6, "fees": 1.6},
    "rm": {"wealth": 8, "funds": 7, "private_banking": 20, "insurance": 6, "large_cash": 2, "balance": 0.1},
}


def channel_table(options: Options, people: People) -> np.ndarray:
    """Channel by quarter of the data, group of hours and class of customers, ready to draw from."""
    quarters = options.days // QUARTER + 1
    who = people.tickets
    classes = people.digital[who].astype(np.int64) * 4 + ENTITLED[people.tiers[who, -1]]
    of_class = np.bincount(classes, minlength=CLASSES) / who.size
    digital = np.repeat(np.linspace(-0.5, 0.5, DIGITAL_CLASSES), 4)
    entitled = np.tile(np.arange(4), DIGITAL_CLASSES)
    liking = np.exp(np.outer(digital, [channel.digital for channel in CHANNELS])) * _ENTITLEMENT[entitled]
    ends = np.array([channel.share for channel in CHANNELS])
    tables = []
    for quarter in range(quarters):
        done = min((quarter + 0.5) * QUARTER, options.days) / options.days
        wanted = ends[:, 0] + (ends[:, 1] - ends[:, 0]) * done
        wanted = wanted / wanted.sum()
        fitted = liking.copy()
        for _ in range(60):  # until both the classes and the channels add up
            fitted /= fitted.sum(axis=1, keepdims=True)
            fitted *= wanted / (of_class @ fitted)
        tables.append(fitted[None, :, :] * _BY_HOUR[:, None, :])
    return lookup(np.stack(tables), BINS)


def topic_shares() -> np.ndarray:
    """Channel × topic."""
    rows = []
    for channel in CHANNELS:
        bias = _TOPIC_BIAS[channel.id]
        rows.append(shares([topic.weight * bias.get(topic.id, 1.0) for topic in TOPICS]))
    return np.stack(rows)


def ending_shares() -> tuple[np.ndarray, np.ndarray]:
    """Share handed over to a human, and given up: channel × (self-service, robot) × topic."""
    harder = np.array([_HARD_TO_END[topic.complexity] for topic in TOPICS], dtype=np.float32)
    over = np.array([channel.hands_over for channel in CHANNELS], dtype=np.float32)[:, :, None] * harder[:, 0]
    up = np.array([channel.gives_up for channel in CHANNELS], dtype=np.float32)[:, :, None] * harder[:, 1]
    return over, up


def reasons(rng: np.random.Generator, size: int, unmatched: np.ndarray) -> np.ndarray:
    """Why a session went on to a human."""
    usual = np.cumsum(shares([0.22, 0.34, 0.08, 0.14, 0.13, 0.05, 0.04]))
    lost = np.cumsum(shares([0.05, 0.22, 0.58, 0.05, 0.03, 0.05, 0.02]))
    u = rng.random(size)
    code = np.where(unmatched, np.searchsorted(lost, u), np.searchsorted(usual, u))
    return np.minimum(code, len(REASONS) - 1).astype(np.int8)
