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
        id="answer_rate",
        name_zh="人工接通率",
        name_en="answer rate",
        section="desk",
        unit="share",
        direction="up",
        roll_up="ratio",
        measure=Ratio(p.ANSWERED, p.OFFERED),
        formula=(
            "人工接通 ÷ 人工请求（接通 + 排队放弃 + 等待中）",
            "answered ÷ offered (answered + abandoned in queue + still waiting)",
        ),
        source="China Banking Association: 94.15 % (2021), 88.28 % (2022), 92.88 % (2023), 94.18 % (2024)",
        exclusions=_MENU,
    ),
    Metric(
        id="service_level",
        name_zh="服务水平",
        name_en="service level",
        section="desk",
        unit="share",
        direction="up",
        roll_up="ratio",
        measure=SERVICE_LEVELS["SL1"][0],
        formula=SERVICE_LEVELS["SL1"][1],
        source=_INDUSTRY,
        exclusions=_MENU,
        variants=SERVICE_LEVELS,
    ),
    Metric(
        id="abandonment_rate",
        name_zh="放弃率",
        name_en="abandonment",
        section="desk",
        unit="share",
        direction="down",
        roll_up="ratio",
        measure=Ratio(p.LOST_IN_QUEUE, p.OFFERED),
        formula=("排队中放弃 ÷ 人工请求", "abandoned in queue ÷ offered"),
        source=f"{_INDUSTRY}: at most 5 %",
        exclusions=_MENU,
    ),
    Metric(
        id="asa",
        name_zh="平均应答速度",
        name_en="average speed of answer",
        section="desk",
        unit="seconds",
        direction="down",
        roll_up="ratio",
        measure=Ratio(p.WAIT_OF_ANSWERED, p.ANSWERED, proportion=False),
        formula=(
            "接通者等待时间之和 ÷ 接通量；未排队计 0",
            "sum of waits of those answered ÷ answered; never queued = 0",
        ),
        source=_INDUSTRY,
    ),
    Metric(
        id="first_response",
        name_zh="首次响应",
        name_en="first response",
        section="desk",
        unit="seconds",
        direction="down",
        roll_up="ratio",
        measure=Ratio(p.RESPONSE_TIME, p.RESPONDED, proportion=False),
        formula=("消息渠道首次响应时间之和 ÷ 接通量", "messaging: sum of first responses ÷ answered"),
        source=_INDUSTRY,
    ),
    Metric(
        id="wait_p90",
        name_zh="等待 P90",
        name_en="wait, 90th percentile",
        section="desk",
        unit="seconds",
        direction="down",
        roll_up="percentile",
        measure=Percentile(p.ANSWERED, p.wait_seconds, 0.9),
        formula=(
            "至少九成接通者的等待不超过的最小值",
            "smallest wait with at least 90 % of those answered at or below it",
        ),
        source=_INDUSTRY,
    ),
    Metric(
        id="handle_p90",
        name_zh="处理时长 P90",
        name_en="handle time, 90th percentile",
        section="desk",
        unit="seconds",
        direction="down",
        roll_up="percentile",
        measure=Percentile(p.ANSWERED, p.handle_seconds, 0.9),
        formula=(
            "至少九成接通者的处理时长不超过的最小值",
            "smallest handle time with at least 90 % of those answered at or below it",
        ),
        source=_INDUSTRY,
    ),
    Metric(
        id="aht",
        name_zh="平均处理时长",
        name_en="average handle time",
        section="desk",
        unit="seconds",
        direction="none",
        roll_up="ratio",
        measure=Ratio(p.HANDLE_TIME, p.ANSWERED, proportion=False),
        formula=(
            "（通话 + 保持 + 话后）÷ 接通量；按团队或坐席时取自各处理段，一次接触在每个经手团队各计一次",
            "(talk + hold + wrap) ÷ answered; by team or agent from the legs, "
            "a contact counting once in every team it passed",
        ),
        source=_INDUSTRY,
        within=(
            frozenset({"team", "agent"}),
            DistinctRatio(p.LEG_TIME, Distinct(p.LEG_TIME, _i.source + ":" + _i.interaction_id)),
        ),
    ),
    Metric(
        id="transfer_rate",
        name_zh="转接率",
        name_en="transfer rate",
        section="desk",
        unit="share",
        direction="down",
        roll_up="ratio",
        measure=Ratio(p.TRANSFERRED, p.ANSWERED),
        formula=("至少转接一次的接通 ÷ 接通量", "answered contacts with at least one transfer ÷ answered"),
        source=_INDUSTRY,
    ),
    Metric(
        id="occupancy",
        name_zh="利用率",
        name_en="occupancy",
        section="desk",
        unit="share",
        direction="band",
        roll_up="ratio",
        measure=Ratio(p.HANDLE_CLOCK, p.STAFFED_CLOCK, proportion=False),
        formula=(
            "处理时间 ÷（处理 + 空闲待命），取自坐席时钟；宜在 70–85 %",
            "handle ÷ (handle + idle-ready) from agents' clocks; band 70–85 %",
        ),
        source=_INDUSTRY,
        exclusions=("小休时间", "breaks"),
    ),
    Metric(
        id="cost_per_contact",
        name_zh="单次服务成本",
        name_en="cost per contact",
        section="desk",
        unit="yuan",
        direction="down",
        roll_up="ratio",
        measure=Ratio(p.COST, p.COSTED, scale=0.01, proportion=False),
        formula=(
            "单位成本（渠道 × 处理者，按日期）之和 ÷ 接触数",
            "sum of unit costs (channel × handler, dated) ÷ contacts",
        ),
        source="centre's own practice",
    ),
    Metric(
        id="cost_avoided",
        name_zh="节约成本",
        name_en="cost avoided",
        section="desk",
        unit="yuan",
        direction="up",
        roll_up="additive",
        measure=Total(p.COST_AVOIDED, scale=0.01),
        formula=(
            "自助解决且 7 天内未再来的接触 ×（该主题人工成本 − 自身成本）",
            "contacts resolved in self-service that did not come back × "
            "(unit cost of a human for the topic − own unit cost)",
        ),
        source="centre's own practice",
        exclusions=(
            "7 天窗口未满、没有客户或主题的接触",
            "contacts whose 7 days are not over, or without customer or topic",
        ),
        maturity=LOOK_BACK,
    ),
)
