"""Every dimension, and the facts with what each can be grouped and filtered by."""

import sqlalchemy as sa

from kpi import schema
from kpi.metrics.model import Dimension, Fact

_HANDLERS = {
    "self_service": ("自助", "Self-service"),
    "robot": ("智能机器人", "Robot"),
    "agent": ("坐席", "Agent"),
    "rm": ("客户经理", "Relationship manager"),
    "none": ("无", "None"),
}

DIMENSIONS: dict[str, Dimension] = {
    dimension.id: dimension
    for dimension in (
        # time
        Dimension(id="date", name_zh="日期", name_en="Date", kind="date"),
        Dimension(
            id="week", name_zh="周", name_en="Week", kind="date", attribute_of="date", column=schema.calendar.c.week
        ),
        Dimension(
            id="month", name_zh="月", name_en="Month", kind="date", attribute_of="date", column=schema.calendar.c.month
        ),
        Dimension(
            id="weekday",
            name_zh="星期",
            name_en="Weekday",
            kind="number",
            numbers=range(1, 8),
            attribute_of="date",
            column=schema.calendar.c.weekday,
        ),
        Dimension(id="hour", name_zh="小时", name_en="Hour", kind="number", numbers=range(24)),
        Dimension(id="half_hour", name_zh="半小时", name_en="Half hour", kind="number", numbers=range(48)),
        # where
        Dimension(id="channel", name_zh="渠道", name_en="Channel", names=schema.channel),
        Dimension(
            id="line",
            name_zh="线路",
            name_en="Line",
            values={
                "hotline": ("95588 热线", "Hotline 95588"),
                "vip": ("VIP 专线", "VIP line"),
                "digital": ("线上", "Digital"),
            },
        ),
        Dimension(
            id="family",
            name_zh="渠道类",
            name_en="Channel family",
            attribute_of="channel",
            column=schema.channel.c.family,
            values={
                "phone": ("电话", "Phone"),
                "wechat": ("微信", "WeChat"),
                "sms": ("短信", "SMS"),
                "chat": ("在线客服", "Online chat"),
                "ronge": ("融e联", "ICBC Link IM"),
                "robot": ("智能机器人", "Robot"),
                "rm": ("移动客户经理", "Mobile RM"),
            },
        ),
        Dimension(
            id="media",
            name_zh="媒体",
            name_en="Media",
            values={
                "text": ("文字", "Text"),
                "picture": ("图片", "Picture"),
                "video": ("视频", "Video"),
                "voice": ("语音", "Voice"),
            },
        ),
        # who
        Dimension(
            id="tier",
            name_zh="星级",
            name_en="Tier",
            kind="number",
            customer=True,
            values={str(star): (f"{star} 星", f"{star}★") for star in range(1, 8)},
        ),
        Dimension(
            id="segment",
            name_zh="客群",
            name_en="Segment",
            customer=True,
            values={"tail": ("长尾", "Tail"), "top": ("头部", "Top")},
        ),
        Dimension(id="region", name_zh="地区", name_en="Region", names=schema.region, customer=True),
        Dimension(
            id="age_band",
            name_zh="年龄段",
            name_en="Age band",
            customer=True,
            values={
                "<25": ("25 岁以下", "under 25"),
                "25-34": ("25–34 岁", "25–34"),
                "35-44": ("35–44 岁", "35–44"),
                "45-54": ("45–54 岁", "45–54"),
                "55-64": ("55–64 岁", "55–64"),
                "65+": ("65 岁及以上", "65 and over"),
            },
        ),
        # what
        Dimension(id="topic", name_zh="主题", name_en="Topic", names=schema.topic),
        Dimension(
            id="business_line",
            name_zh="业务",
            name_en="Business line",
            attribute_of="topic",
            column=schema.topic.c.business_line,
            values={
                "payment": ("支付", "Payment"),
                "financing": ("融资", "Financing"),
                "investment": ("投资", "Investment"),
                "shop": ("融e购", "Shop"),
                "messaging": ("融e联", "Messaging"),
                "direct_bank": ("融e行", "Direct bank"),
                "account": ("账户与卡", "Accounts and cards"),
            },
        ),
        Dimension(
            id="complexity",
            name_zh="复杂度",
            name_en="Complexity",
            attribute_of="topic",
            column=schema.topic.c.complexity,
            values={
                "standard": ("标准", "Standard"),
                "personal": ("个性", "Personal"),
                "complex": ("复杂", "Complex"),
            },
        ),
        Dimension(id="function", name_zh="自助功能", name_en="Function", names=schema.function),
        # how it was handled
        Dimension(id="first_handler", name_zh="首个处理者", name_en="First handler", values=_HANDLERS),
        Dimension(id="final_handler", name_zh="最后处理者", name_en="Final handler", values=_HANDLERS),
        Dimension(
            id="outcome",
            name_zh="结果",
            name_en="Outcome",
            values={
                "resolved": ("已解决", "Resolved"),
                "unresolved": ("未解决", "Unresolved"),
                "given_up": ("放弃自助", "Gave up"),
                "abandoned": ("放弃等待", "Abandoned"),
                "referred": ("已转介", "Referred"),
                "open": ("进行中", "Open"),
            },
        ),
        Dimension(
            id="escalation_reason",
            name_zh="转人工原因",
            name_en="Escalation reason",
            values={
                "identity": ("需要核验身份", "Identity check needed"),
                "asked": ("要求直接找人工", "Asked for a human"),
                "not_understood": ("答复未看懂", "Answer unclear"),
                "unsupported": ("功能不支持", "Not supported"),
                "failed": ("操作失败", "Operation failed"),
                "complaint": ("情绪或投诉", "Upset or complaint"),
                "other": ("其他", "Other"),
            },
        ),
        Dimension(
            id="abandoned_stage",
            name_zh="挂断环节",
            name_en="Hung up in",
            values={"menu": ("菜单", "Menu"), "queue": ("排队", "Queue"), "none": ("未挂断", "Not hung up")},
        ),
        Dimension(id="team", name_zh="团队", name_en="Team", names=schema.team),
        Dimension(id="agent", name_zh="坐席", name_en="Agent"),
        # what the customer answered
        Dimension(
            id="score",
            name_zh="满意度评分",
            name_en="Score",
            kind="number",
            values={str(score): (f"{score} 分", str(score)) for score in range(1, 6)},
        ),
        Dimension(
            id="nps_group",
            name_zh="推荐意愿",
            name_en="Would recommend",
            values={
                "promoter": ("推荐者", "Promoters"),
                "passive": ("中立者", "Passives"),
                "detractor": ("贬损者", "Detractors"),
            },
        ),
        # of open complaints
        Dimension(
            id="complaint_age",
            name_zh="投诉账龄",
            name_en="Age of complaint",
            values={
                "0-15": ("15 天以内", "up to 15 days"),
                "16-30": ("16–30 天", "16–30 days"),
                "31-60": ("31–60 天", "31–60 days"),
                "61+": ("60 天以上", "over 60 days"),
            },
        ),
        Dimension(
            id="due_state",
            name_zh="办理期限",
            name_en="Due state",
            values={"in_time": ("期限内", "In time"), "overdue": ("已超期", "Overdue")},
        ),
        # referrals
        Dimension(
            id="scenario",
            name_zh="场景",
            name_en="Scenario",
            values={
                "large_cash": ("大额取现预约", "Large cash"),
                "investment": ("投资转介", "Investment"),
                "campaign": ("营销活动", "Campaign"),
            },
        ),
        Dimension(id="branch", name_zh="网点", name_en="Branch", names=schema.branch),
        # of cohorts of customers
        Dimension(id="through", name_zh="截至日", name_en="Through date", kind="date"),
        Dimension(
            id="reach",
            name_zh="触达次数",
            name_en="Contacts",
            customer=True,
            values={
                "0": ("从未", "never"),
                "1": ("1 次", "once"),
                "2-3": ("2–3 次", "2–3"),
                "4-9": ("4–9 次", "4–9"),
                "10+": ("10 次以上", "10 or more"),
            },
        ),
        Dimension(
            id="served",
            name_zh="是否服务",
            name_en="Served",
            customer=True,
            values={"yes": ("服务过", "Served"), "no": ("未服务", "Not served")},
        ),
        Dimension(
            id="tier_after",
            name_zh="期末星级",
            name_en="Tier after",
            customer=True,
            values={
                **{str(star): (f"{star} 星", f"{star}★") for star in range(1, 8)},
                "exit": ("离开", "Left"),
            },
        ),
    )
}

_i = schema.interaction.c


def segment(is_tail: sa.ColumnElement[bool]) -> sa.ColumnElement[str]:
    """Give tail, top or null for a tail flag. In literals: a bound value cannot be grouped by on every engine."""
    return sa.case(
        (is_tail.is_(True), sa.literal_column("'tail'", sa.String)),
        (is_tail.is_(False), sa.literal_column("'top'", sa.String)),
    )


def _between(column: sa.ColumnElement[int], low: int, high: int) -> sa.ColumnElement[bool]:
    """Within two numbers, written as literals so that it can be grouped by."""
    return column.between(sa.literal_column(str(low)), sa.literal_column(str(high)))


# Codes outside the scale are no answer. These are no columns of a roll-up: a question by them goes to the facts.
_OF_ANSWER: dict[str, sa.ColumnElement] = {
    "score": sa.case((_between(_i.csat_score, 1, 5), _i.csat_score)),
    "nps_group": sa.case(
        (_between(_i.nps_score, 9, 10), sa.literal_column("'promoter'", sa.String)),
        (_between(_i.nps_score, 7, 8), sa.literal_column("'passive'", sa.String)),
        (_between(_i.nps_score, 0, 6), sa.literal_column("'detractor'", sa.String)),
    ),
}


def _half_hour(hour: sa.ColumnElement[int], moment: sa.ColumnElement) -> sa.ColumnElement[int]:
    """0–47, of a stored business hour and the UTC time it was taken from.

    The minutes by which the zone differs from whole hours (Kathmandu: 45) are a bound value. They are the same all
    year in every zone but that of Lord Howe Island, which puts its clocks forward by half an hour.
    """
    minute = (sa.extract("minute", moment) + sa.bindparam("zone_minutes", type_=sa.Integer)) % sa.literal_column("60")
    second_half = sa.case((minute >= sa.literal_column("30"), sa.literal_column("1")), else_=sa.literal_column("0"))
    return hour * sa.literal_column("2") + second_half


def _of_contact(contact: sa.Table) -> dict[str, sa.ColumnElement]:
    """What a contact is told apart by, and what came of it with it: not the time of day, which is the contact's own."""
    c = contact.c
    return {
        "channel": c.channel,
        "line": c.line,
        "media": c.media,
        "tier": c.tier,
        "segment": segment(c.is_tail),
        "region": c.region,
        "age_band": c.age_band,
        "topic": c.topic,
        "first_handler": c.first_handler,
        "final_handler": c.final_handler,
        "outcome": c.outcome,
        "escalation_reason": c.escalation_reason,
        "abandoned_stage": c.abandoned_stage,
        "team": c.team,
        "agent": c.agent_key,
    }


_OF_INTERACTION: dict[str, sa.ColumnElement] = {
    "date": _i.business_date,
    "hour": _i.business_hour,
    "half_hour": _half_hour(_i.business_hour, _i.started_at),
    **_of_contact(schema.interaction),
}


def _with_attributes(columns: dict[str, sa.ColumnElement]) -> dict[str, sa.ColumnElement]:
    """Add the dimensions that are attributes of those given; the query joins their table."""
    return columns | {
        dimension.id: dimension.column
        for dimension in DIMENSIONS.values()
        if dimension.attribute_of in columns and dimension.column is not None
    }


INTERACTION = Fact(
    "interaction",
    schema.interaction,
    _i.business_date,
    _i.source,
    _with_attributes(_OF_INTERACTION | _OF_ANSWER),
    started=_i.started_at,
)


def _hanging(table: sa.Table) -> sa.FromClause:
    """``table`` joined to the interaction that it hangs on, whose business date it carries, so that a question about
    some days reads the interactions of these days only.
    """
    on = sa.and_(*(table.c[name] == _i[name] for name in ("source", "interaction_id", "business_date")))
    return table.join(schema.interaction, on)


LEG = Fact(
    "handling_leg",
    _hanging(schema.handling_leg),
    schema.handling_leg.c.business_date,
    schema.handling_leg.c.source,
    _with_attributes(
        _OF_INTERACTION
        | _OF_ANSWER
        | {
            "date": schema.handling_leg.c.business_date,
            "team": schema.handling_leg.c.team,
            "agent": schema.handling_leg.c.agent_key,
        }
    ),
    started=_i.started_at,
)

FUNCTION_USE = Fact(
    "function_use",
    _hanging(schema.function_use),
    schema.function_use.c.business_date,
    schema.function_use.c.source,
    _with_attributes(
        _OF_INTERACTION | {"date": schema.function_use.c.business_date, "function": schema.function_use.c.function}
    ),
    started=_i.started_at,
)

_o = schema.origin.c
_OF_ORIGIN = _of_contact(schema.origin)


def _coming_of(table: sa.Table, optional: bool = False) -> sa.FromClause:
    """``table`` joined to the interaction that its rows came of."""
    on = sa.and_(table.c.source == _o.source, table.c.interaction_id == _o.interaction_id)
    return table.join(schema.origin, on, isouter=optional)


COMPLAINT_OPENED = Fact(
    "complaint_opened",
    _coming_of(schema.complaint, optional=True),
    schema.complaint.c.opened_on,
    schema.complaint.c.source,
    _with_attributes(_OF_ORIGIN | {"date": schema.complaint.c.opened_on}),
)

COMPLAINT_DUE = Fact(
    "complaint_due",
    _coming_of(schema.complaint, optional=True),
    schema.complaint.c.due_on,
    schema.complaint.c.source,
    _with_attributes(_OF_ORIGIN | {"date": schema.complaint.c.due_on}),
)

REFERRAL = Fact(
    "referral",
    _coming_of(schema.referral),
    schema.referral.c.business_date,
    schema.referral.c.source,
    _with_attributes(
        _OF_ORIGIN
        | {
            "date": schema.referral.c.business_date,
            "scenario": schema.referral.c.scenario,
            "branch": schema.referral.c.branch,
        }
    ),
    started=schema.referral.c.referred_at,
)

AGENT_TIME = Fact(
    "agent_time",
    schema.agent_time,
    schema.agent_time.c.business_date,
    schema.agent_time.c.source,
    _with_attributes(
        {
            "date": schema.agent_time.c.business_date,
            "half_hour": schema.agent_time.c.business_half_hour,
            "team": schema.agent_time.c.team,
            "agent": schema.agent_time.c.agent_key,
        }
    ),
    started=schema.agent_time.c.half_hour,
)
