"""Volume and channel."""

import sqlalchemy as sa

from kpi import schema
from kpi.metrics import parts as p
from kpi.metrics.model import WINDOW, Distinct, DistinctRatio, Metric, Ratio, Total

_i = schema.interaction.c
_BANK = "centre's own practice"

_SERVED = Distinct(p.ENGAGED_CUSTOMERS, _i.customer_key)
# A pair is told from others faster than a text made of both.
_customer_topic = sa.func.row(_i.customer_key, _i.topic)

METRICS = (
    Metric(
        "volume",
        "业务量",
        "interactions",
        "volume",
        "count",
        "none",
        "additive",
        Total(p.CONTACTS),
        ("客户发起的接触数", "inbound interactions"),
        _BANK,
        exclusions=(
            "推送、测试、垃圾与零输入会话在导入时排除并计数",
            "push, test, spam and zero-input sessions are excluded at import and counted there",
        ),
    ),
    Metric(
        "channel_mix",
        "渠道占比",
        "channel mix",
        "volume",
        "share",
        "none",
        "ratio",
        Ratio(p.CONTACTS, p.CONTACTS, whole_of=("channel", "line")),
        ("渠道业务量 ÷ 全部业务量", "channel volume ÷ total volume"),
        _BANK,
        not_by=("family",),
    ),
    Metric(
        "wechat_phone_multiple",
        "微信电话倍数",
        "WeChat : agent-phone",
        "volume",
        "multiple",
        "up",
        "ratio",
        Ratio(p.CONTACTS_WECHAT, p.ANSWERED_PHONE, proportion=False),
        ("微信业务量 ÷ 两条电话线路的人工接通量", "WeChat volume ÷ answered calls of both phone lines"),
        "ICBC Electronic Banking Centre, 2015: over 7 times",
        families=frozenset({"wechat", "phone"}),
        not_by=("channel", "line", "family"),
    ),
    Metric(
        "customers_served",
        "服务客户数",
        "customers served",
        "volume",
        "customers",
        "up",
        "distinct",
        _SERVED,
        (
            "有至少一次有效来访的已识别客户，去重",
            "distinct identified customers with at least one engaged inbound contact",
        ),
        _BANK,
        exclusions=(
            "未识别客户；没有任何输入的自助会话",
            "unidentified customers; self-service sessions without any input",
        ),
        target_days=WINDOW,
    ),
    Metric(
        "contacts_per_customer",
        "人均接触次数",
        "contacts per customer",
        "volume",
        "multiple",
        "none",
        "distinct",
        DistinctRatio(p.CONTACTS_IDENTIFIED, _SERVED),
        ("已识别客户的业务量 ÷ 服务客户数", "volume of identified customers ÷ customers served"),
        _BANK,
        target_days=WINDOW,
    ),
    Metric(
        "agent_volume",
        "人工量",
        "agent volume",
        "volume",
        "count",
        "none",
        "additive",
        Total(p.ANSWERED),
        ("坐席或客户经理接通的接触数", "interactions answered by an agent or relationship manager"),
        _BANK,
    ),
    Metric(
        "multi_channel_share",
        "跨渠道率",
        "cross-channel journeys",
        "volume",
        "share",
        "none",
        "distinct",
        DistinctRatio(Distinct(p.CROSSED, _customer_topic), Distinct(p.LINKED, _customer_topic), proportion=True),
        (
            "7 天内在两个以上渠道接触过的客户主题 ÷ 已识别客户主题",
            "identified customer-topics with contacts on at least 2 channels within 7 days ÷ "
            "identified customer-topics",
        ),
        _BANK,
        exclusions=("没有客户或主题的接触", "contacts without customer or topic"),
        look_back=True,
    ),
    Metric(
        "unlinked_share",
        "无法关联占比",
        "unlinked contacts",
        "volume",
        "share",
        "down",
        "ratio",
        Ratio(p.CONTACTS_UNLINKED, p.CONTACTS),
        (
            "没有客户或主题、因而无法判断是否再次来访的接触 ÷ 业务量",
            "contacts without customer or topic, whose return cannot be known ÷ interactions",
        ),
        _BANK,
    ),
)
