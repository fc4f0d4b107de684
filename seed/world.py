"""The bank as it stands: channels, teams, regions, branches, costs, and what each feed records."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from kpi import schema
from seed.topics import FUNCTIONS, TOPICS

HANDLERS = ("self_service", "robot", "agent", "rm", "none")
SELF, ROBOT, AGENT, RM, NOBODY = range(5)
OUTCOMES = ("resolved", "unresolved", "given_up", "abandoned", "referred", "open")
RESOLVED, UNRESOLVED, GIVEN_UP, ABANDONED, REFERRED, OPEN = range(6)
STAGES = ("none", "menu", "queue")
MEDIA = ("text", "picture", "video", "voice")
REASONS = ("identity", "asked", "not_understood", "unsupported", "failed", "complaint", "other")
SCENARIOS = ("large_cash", "investment", "campaign")


@dataclass(frozen=True)
class Channel:
    """How a channel works; shares are of the inbound volume at the first and the last day of the data.

    ``starts``: share that begins with self-service, with the robot, with a human, and that hangs up in the menu.
    ``hands_over``: share of self-service sessions, and of robot sessions, that go on to a human. ``gives_up``: the
    same for those that end unresolved. ``unknown``: share without a known customer. ``queue``: share served at once
    and mean wait in seconds of the others, at usual load. ``talk``: median seconds. ``asks``: share asked for a score
    after a human, and after self-service. ``media``: shares of text, picture, video and voice.
    """

    id: str
    zh: str
    en: str
    family: str
    line: str
    letter: str
    messaging: bool
    share: tuple[float, float]
    digital: float
    starts: tuple[float, float, float, float]
    hands_over: tuple[float, float]
    gives_up: tuple[float, float]
    unknown: float
    queue: tuple[float, float]
    talk: float
    team: str
    asks: tuple[float, float]
    media: tuple[float, float, float, float]


CHANNELS: tuple[Channel, ...] = (
    Channel("hotline", "95588 热线", "Hotline 95588", "phone", "hotline", "H", False, (0.116, 0.095), -2.6,
            (0.40, 0.0, 0.56, 0.04), (0.13, 0.0), (0.07, 0.0), 0.22, (0.65, 22), 165, "general", (0.80, 0.10),
            (0, 0, 0, 1)),
    Channel("vip", "VIP 专线", "VIP line", "phone", "vip", "V", False, (0.0112, 0.0105), -1.6,
            (0.06, 0.0, 0.93, 0.01), (0.15, 0.0), (0.04, 0.0), 0.02, (0.75, 11), 190, "vip", (0.80, 0.10),
            (0, 0, 0, 1)),
    Channel("sms", "短信", "SMS", "sms", "digital", "S", True, (0.102, 0.088), -0.8,
            (0.985, 0.0, 0.015, 0.0), (0.008, 0.0), (0.07, 0.0), 0.15, (0.50, 42), 120, "online", (0.40, 0.14),
            (1, 0, 0, 0)),
    Channel("chat", "在线客服", "Online chat", "chat", "digital", "C", True, (0.050, 0.042), 0.6,
            (0.0, 0.90, 0.10, 0.0), (0.0, 0.13), (0.0, 0.13), 0.25, (0.55, 48), 260, "online", (0.75, 0.20),
            (0.86, 0.14, 0, 0)),
    Channel("wechat", "微信银行", "WeChat bank", "wechat", "digital", "W", True, (0.505, 0.550), 1.4,
            (0.62, 0.374, 0.006, 0.0), (0.018, 0.057), (0.032, 0.066), 0.08, (0.57, 45), 240, "wechat", (0.75, 0.26),
            (0.81, 0.13, 0.025, 0.035)),
    Channel("ronge", "融e联", "ICBC Link IM", "ronge", "digital", "E", True, (0.056, 0.064), 1.6,
            (0.45, 0.53, 0.02, 0.0), (0.03, 0.07), (0.04, 0.08), 0.0, (0.57, 44), 240, "wechat", (0.75, 0.26),
            (0.80, 0.17, 0.01, 0.02)),
    Channel("robot", "智能机器人", "Robot", "robot", "digital", "R", True, (0.112, 0.124), 0.9,
            (0.0, 1.0, 0.0, 0.0), (0.0, 0.05), (0.0, 0.10), 0.20, (0.55, 30), 240, "online", (0.70, 0.20),
            (0.97, 0.03, 0, 0)),
    Channel("rm", "移动客户经理", "Mobile RM", "rm", "digital", "M", True, (0.0072, 0.0088), 0.3,
            (0.0, 0.0, 1.0, 0.0), (0.0, 0.0), (0.0, 0.0), 0.0, (0.55, 60), 330, "rm", (0.70, 0.0),
            (0.62, 0.22, 0.10, 0.06)),
)  # fmt: skip
HOTLINE, VIP, SMS, CHAT, WECHAT, RONGE, ROBOT_CHANNEL, RM_CHANNEL = range(8)

# (id, zh, en, specialty): the order is the team's code.
TEAMS: tuple[tuple[str, str, str, str], ...] = (
    ("general", "热线综合组", "General hotline", "account"),
    ("card", "信用卡组", "Cards", "account"),
    ("loan", "融资组", "Financing", "financing"),
    ("invest", "投资理财组", "Investment", "investment"),
    ("ebank", "电子银行组", "Online banking", "direct_bank"),
    ("shop", "融e购组", "Shop", "shop"),
    ("complaints", "投诉处理组", "Complaints", "account"),
    ("vip", "VIP 专席组", "VIP desk", "account"),
    ("online", "在线客服组", "Online desk", "messaging"),
    ("wechat", "微信人工组", "WeChat desk", "messaging"),
    ("rm", "客户经理组", "Relationship managers", "investment"),
)
TEAM_CODE = {team[0]: code for code, team in enumerate(TEAMS)}
# The feed that delivers a team's clocks.
TEAM_FEED = {"vip": "vip", "online": "chat", "wechat": "wechat", "rm": "rm"}

_SPECIALISTS_EVERYWHERE = {"invest", "shop", "complaints"}


def team_of(channel: Channel, topic_team: str) -> str:
    """Who answers a topic on a channel: specialists on the hotline, some of them for other channels too."""
    if channel.id == "rm":
        return "rm"
    if channel.id == "hotline" or (channel.id in {"chat", "wechat", "vip"} and topic_team in _SPECIALISTS_EVERYWHERE):
        return topic_team
    return channel.team


# (id, zh, en, share of customers)
REGIONS: tuple[tuple[str, str, str, float], ...] = (
    ("beijing", "北京", "Beijing", 9.0),
    ("shanghai", "上海", "Shanghai", 9.0),
    ("guangdong", "广东", "Guangdong", 13.0),
    ("jiangsu", "江苏", "Jiangsu", 10.0),
    ("zhejiang", "浙江", "Zhejiang", 9.0),
    ("shandong", "山东", "Shandong", 8.0),
    ("sichuan", "四川", "Sichuan", 6.5),
    ("henan", "河南", "Henan", 6.0),
    ("hubei", "湖北", "Hubei", 5.5),
    ("hebei", "河北", "Hebei", 5.0),
    ("liaoning", "辽宁", "Liaoning", 4.5),
    ("shaanxi", "陕西", "Shaanxi", 4.0),
    ("fujian", "福建", "Fujian", 4.0),
    ("anhui", "安徽", "Anhui", 3.5),
    ("yunnan", "云南", "Yunnan", 2.0),
    ("xinjiang", "新疆", "Xinjiang", 1.0),
)
# Streets and quarters that nearly every Chinese city has.
_QUARTERS = (
    ("人民路", "Renmin Road"),
    ("解放路", "Jiefang Road"),
    ("中山路", "Zhongshan Road"),
    ("建设路", "Jianshe Road"),
    ("新华路", "Xinhua Road"),
    ("和平路", "Heping Road"),
    ("胜利路", "Shengli Road"),
    ("高新区", "High-tech Zone"),
)
BRANCHES_A_REGION = len(_QUARTERS)
AGE_BANDS = ("<25", "25-34", "35-44", "45-54", "55-64", "65+")

# Fen a contact by handler; a human costs more the harder the topic is.
_COST = {"self_service": 6, "robot": 14, "none": 4}
_HUMAN_COST = {"hotline": 860, "vip": 1280, "rm": 1650}
_HARDER = {"standard": 1.0, "personal": 1.25, "complex": 1.7}
# Costs change on the first of January: cheaper machines, dearer people.
_YEARLY = {"self_service": 0.94, "robot": 0.9, "none": 1.0, "agent": 1.035, "rm": 1.035}

_PHONE_LACKS = {"first_response_seconds", "matched", "ces_asked", "ces_score"}
# What a feed does not record, beside what it has no reason to.
_LACKS: dict[str, set[str]] = {
    "hotline": _PHONE_LACKS,
    "vip": _PHONE_LACKS,
    "sms": {"matched", "nps_asked", "nps_score"},
    "rm": {"matched", "function_use"},
}
_FACTS_BESIDE = ("handling_leg", "function_use", "complaint", "referral", "agent_time")
_ABOUT = ("customer", "customer_tier", "customer_month", "topic", "unit_cost")


def carries(channel: Channel) -> set[str]:
    """The columns of ``interaction`` and the other tables that a channel's feed records."""
    everything = {*schema.source_columns(schema.interaction), *_FACTS_BESIDE, *_ABOUT}
    return everything - {"updated_at"} - _LACKS.get(channel.id, set())


def branch_ids() -> list[str]:
    """Branches in the order of their codes."""
    return [f"{region[0]}_{number}" for region in REGIONS for number in range(1, BRANCHES_A_REGION + 1)]


def unit_costs(first: date, last: date) -> list[dict[str, object]]:
    """Rows of ``unit_cost`` from the year of ``first`` to that of ``last``; the last ones have no end."""
    rows: list[dict[str, object]] = []
    for year in range(first.year, last.year + 1):
        for channel in CHANNELS:
            for handler, factor in _YEARLY.items():
                machine = _COST.get(handler)
                base = machine or _HUMAN_COST.get("rm" if handler == "rm" else channel.id, 430)
                # One row for every topic, and for people one for each topic that is harder than the simplest.
                for topic, harder in [("", 1.0)] + [
                    (topic.id, _HARDER[topic.complexity])
                    for topic in TOPICS
                    if machine is None and topic.complexity != "standard"
                ]:
                    rows.append(
                        {
                            "channel": channel.id,
                            "handler": handler,
                            "topic": topic,
                            "valid_from": date(year, 1, 1),
                            "valid_to": None if year == last.year else date(year + 1, 1, 1),
                            "cost_fen": round(base * harder * factor ** (year - first.year)),
                        }
                    )
    return rows


def dimension_tables(first: date, last: date) -> dict[str, pa.Table]:
    """Every table that names things, ready to be staged."""
    names = ("name_zh", "name_en")
    rows: dict[str, list[dict[str, object]]] = {
        "channel": [
            {
                "channel": c.id,
                "name_zh": c.zh,
                "name_en": c.en,
                "messaging": c.messaging,
                "family": c.family,
                "position": position,
            }
            for position, c in enumerate(CHANNELS, start=1)
        ],
        "topic": [
            {
                "topic": t.id,
                "name_zh": t.zh,
                "name_en": t.en,
                "business_line": t.business_line,
                "complexity": t.complexity,
                "referable": t.referable,
            }
            for t in TOPICS
        ],
        "function": [dict(zip(("function", *names, "topic"), row, strict=True)) for row in FUNCTIONS],
        "team": [dict(zip(("team", *names, "specialty"), row, strict=True)) for row in TEAMS],
        "region": [dict(zip(("region", *names), row[:3], strict=True)) for row in REGIONS],
        "branch": [
            {
                "branch": f"{region}_{number}",
                "name_zh": f"{zh}{quarter_zh}支行",
                "name_en": f"{en}, {quarter_en}",
                "region": region,
            }
            for region, zh, en, _ in REGIONS
            for number, (quarter_zh, quarter_en) in enumerate(_QUARTERS, start=1)
        ],
        "unit_cost": unit_costs(first, last),
    }
    return {table: pa.Table.from_pylist(found) for table, found in rows.items()}


def shares(values: list[float]) -> np.ndarray:
    """``values`` as shares that add up to 1."""
    array = np.array(values, dtype=np.float64)
    return array / array.sum()
