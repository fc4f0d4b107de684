"""The service desk: what a customer meets who asks for a human."""

from kpi import schema
from kpi.metrics import parts as p
from kpi.metrics.model import LOOK_BACK, Distinct, DistinctRatio, Metric, Percentile, Ratio, Total

_i = schema.interaction.c
_MENU = ("菜单中挂断", "hang-ups in the menu")
_INDUSTRY = "industry standard"

# What "in time" means in each of the formulas, (zh, en).
LIMITS = (
    "时限按渠道，除非另有设定：电话 20 秒，VIP 10 秒，在线与消息 60 秒（首次响应）",
    "thresholds by channel, unless set otherwise: phone 20 s, VIP 10 s, chat and messaging 60 s (first response)",
)

# The five formulas in use, in short. They differ in what becomes of those who left the queue.
SHORT_FORMULAS = {
    name: (measure, (zh, en))
    for name, measure, zh, en in (
        ("SL1", Ratio(p.ANSWERED_IN_TIME, p.OFFERED), "时限内接通 ÷ 人工请求", "answered in time ÷ offered"),
        ("SL2", Ratio(p.ANSWERED_IN_TIME, p.ANSWERED), "时限内接通 ÷ 接通", "answered in time ÷ answered"),
        (
            "SL3",
            Ratio(p.DECIDED_IN_TIME, p.OFFERED),
            "（时限内接通 + 时限内放弃）÷ 人工请求",
            "(answered in time + abandoned in time) ÷ offered",
        ),
        (
            "SL4",
            Ratio(p.ANSWERED_IN_TIME, p.ANSWERED_OR_LOST_LATE),
            "时限内接通 ÷（接通 + 超时限放弃）",
            "answered in time ÷ (answered + abandoned after the threshold)",
        ),
        (
            "SL5",
            Ratio(p.ANSWERED_IN_TIME, p.OFFERED_NOT_SHORT),
            f"时限内接通 ÷（人工请求 − {p.SHORT_ABANDON_SECONDS} 秒内放弃）",
            f"answered in time ÷ (offered − abandoned within {p.SHORT_ABANDON_SECONDS} s)",
        ),
    )
}
SERVICE_LEVELS = {
    name: (measure, (f"{name}：{zh}；{LIMITS[0]}", f"{name}: {en}; {LIMITS[1]}"))
    for name, (measure, (zh, en)) in SHORT_FORMULAS.items()
}

METRICS = (
    Metric(
        "answer_rate",
        "人工接通率",
        "answer rate",
        "desk",
        "share",
        "up",
        "ratio",
        Ratio(p.ANSWERED, p.OFFERED),
        (
            "人工接通 ÷ 人工请求（接通 + 排队放弃 + 等待中）",
            "answered ÷ offered (answered + abandoned in queue + still waiting)",
        ),
        "China Banking Association: 94.15 % (2021), 88.28 % (2022), 92.88 % (2023), 94.18 % (2024)",
        exclusions=_MENU,
    ),
    Metric(
        "service_level",
        "服务水平",
        "service level",
        "desk",
        "share",
        "up",
        "ratio",
        SERVICE_LEVELS["SL1"][0],
        SERVICE_LEVELS["SL1"][1],
        _INDUSTRY,
        exclusions=_MENU,
        variants=SERVICE_LEVELS,
    ),
    Metric(
        "abandonment_rate",
        "放弃率",
        "abandonment",
        "desk",
        "share",
        "down",
        "ratio",
        Ratio(p.LOST_IN_QUEUE, p.OFFERED),
        ("排队中放弃 ÷ 人工请求", "abandoned in queue ÷ offered"),
        f"{_INDUSTRY}: at most 5 %",
        exclusions=_MENU,
    ),
    Metric(
        "asa",
        "平均应答速度",
        "average speed of answer",
        "desk",
        "seconds",
        "down",
        "ratio",
        Ratio(p.WAIT_OF_ANSWERED, p.ANSWERED, proportion=False),
        ("接通者等待时间之和 ÷ 接通量；未排队计 0", "sum of waits of those answered ÷ answered; never queued = 0"),
        _INDUSTRY,
    ),
    Metric(
        "first_response",
        "首次响应",
        "first response",
        "desk",
        "seconds",
        "down",
        "ratio",
        Ratio(p.RESPONSE_TIME, p.RESPONDED, proportion=False),
        ("消息渠道首次响应时间之和 ÷ 接通量", "messaging: sum of first responses ÷ answered"),
        _INDUSTRY,
    ),
    Metric(
        "wait_p90",
        "等待 P90",
        "wait, 90th percentile",
        "desk",
        "seconds",
        "down",
        "percentile",
        Percentile(p.ANSWERED, p.wait_seconds, 0.9),
        ("至少九成接通者的等待不超过的最小值", "smallest wait with at least 90 % of those answered at or below it"),
        _INDUSTRY,
    ),
    Metric(
        "handle_p90",
        "处理时长 P90",
        "handle time, 90th percentile",
        "desk",
        "seconds",
        "down",
        "percentile",
        Percentile(p.ANSWERED, p.handle_seconds, 0.9),
        (
            "至少九成接通者的处理时长不超过的最小值",
            "smallest handle time with at least 90 % of those answered at or below it",
        ),
        _INDUSTRY,
    ),
    Metric(
        "aht",
        "平均处理时长",
        "average handle time",
        "desk",
        "seconds",
        "none",
        "ratio",
        Ratio(p.HANDLE_TIME, p.ANSWERED, proportion=False),
        (
            "（通话 + 保持 + 话后）÷ 接通量；按团队或坐席时取自各处理段，一次接触在每个经手团队各计一次",
            "(talk + hold + wrap) ÷ answered; by team or agent from the legs, "
            "a contact counting once in every team it passed",
        ),
        _INDUSTRY,
        within=(
            frozenset({"team", "agent"}),
            DistinctRatio(p.LEG_TIME, Distinct(p.LEG_TIME, _i.source + ":" + _i.interaction_id)),
        ),
    ),
    Metric(
        "transfer_rate",
        "转接率",
        "transfer rate",
        "desk",
        "share",
        "down",
        "ratio",
        Ratio(p.TRANSFERRED, p.ANSWERED),
        ("至少转接一次的接通 ÷ 接通量", "answered contacts with at least one transfer ÷ answered"),
        _INDUSTRY,
    ),
    Metric(
        "occupancy",
        "利用率",
        "occupancy",
        "desk",
        "share",
        "band",
        "ratio",
        Ratio(p.HANDLE_CLOCK, p.STAFFED_CLOCK, proportion=False),
        (
            "处理时间 ÷（处理 + 空闲待命），取自坐席时钟；宜在 70–85 %",
            "handle ÷ (handle + idle-ready) from agents' clocks; band 70–85 %",
        ),
        _INDUSTRY,
        exclusions=("小休时间", "breaks"),
    ),
    Metric(
        "cost_per_contact",
        "单次服务成本",
        "cost per contact",
        "desk",
        "yuan",
        "down",
        "ratio",
        Ratio(p.COST, p.COSTED, scale=0.01, proportion=False),
        ("单位成本（渠道 × 处理者，按日期）之和 ÷ 接触数", "sum of unit costs (channel × handler, dated) ÷ contacts"),
        "centre's own practice",
    ),
    Metric(
        "cost_avoided",
        "节约成本",
        "cost avoided",
        "desk",
        "yuan",
        "up",
        "additive",
        Total(p.COST_AVOIDED, scale=0.01),
        (
            "自助解决且 7 天内未再来的接触 ×（该主题人工成本 − 自身成本）",
            "contacts resolved in self-service that did not come back × "
            "(unit cost of a human for the topic − own unit cost)",
        ),
        "centre's own practice",
        exclusions=(
            "7 天窗口未满、没有客户或主题的接触",
            "contacts whose 7 days are not over, or without customer or topic",
        ),
        maturity=LOOK_BACK,
    ),
)
