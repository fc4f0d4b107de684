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
        id="volume",
        name_zh="业务量",
        name_en="interactions",
        section="volume",
        unit="count",
        direction="none",
        roll_up="additive",
        measure=Total(p.CONTACTS),
        formula=("客户发起的接触数", "inbound interactions"),
        source=_BANK,
        exclusions=(
            "推送、测试、垃圾与零输入会话在导入时排除并计数",
            "push, test, spam and zero-input sessions are excluded at import and counted there",
        ),
    ),
    Metric(
        id="channel_mix",
        name_zh="渠道占比",
        name_en="channel mix",
        section="volume",
        unit="share",
        direction="none",
        roll_up="ratio",
        measure=Ratio(p.CONTACTS, p.CONTACTS, whole_of=("channel", "line")),
        formula=("渠道业务量 ÷ 全部业务量", "channel volume ÷ total volume"),
        source=_BANK,
        not_by=("family",),
    ),
    Metric(
        id="wechat_phone_multiple",
        name_zh="微信电话倍数",
        name_en="WeChat : agent-phone",
        section="volume",
        unit="multiple",
        direction="up",
        roll_up="ratio",
        measure=Ratio(p.CONTACTS_WECHAT, p.ANSWERED_PHONE, proportion=False),
        formula=("微信业务量 ÷ 两条电话线路的人工接通量", "WeChat volume ÷ answered calls of both phone lines"),
        source="ICBC Electronic Banking Centre, 2015: over 7 times",
        families=frozenset({"wechat", "phone"}),
        not_by=("channel", "line", "family"),
    ),
    Metric(
        id="customers_served",
        name_zh="服务客户数",
        name_en="customers served",
        section="volume",
        unit="customers",
        direction="up",
        roll_up="distinct",
        measure=_SERVED,
        formula=(
            "有至少一次有效来访的已识别客户，去重",
            "distinct identified customers with at least one engaged inbound contact",
        ),
        source=_BANK,
        exclusions=(
            "未识别客户；没有任何输入的自助会话",
            "unidentified customers; self-service sessions without any input",
        ),
        target_days=WINDOW,
    ),
    Metric(
        id="contacts_per_customer",
        name_zh="人均接触次数",
        name_en="contacts per customer",
        section="volume",
        unit="multiple",
        direction="none",
        roll_up="distinct",
        measure=DistinctRatio(p.CONTACTS_IDENTIFIED, _SERVED),
        formula=("已识别客户的业务量 ÷ 服务客户数", "volume of identified customers ÷ customers served"),
        source=_BANK,
        target_days=WINDOW,
    ),
    Metric(
        id="agent_volume",
        name_zh="人工量",
        name_en="agent volume",
        section="volume",
        unit="count",
        direction="none",
        roll_up="additive",
        measure=Total(p.ANSWERED),
        formula=("坐席或客户经理接通的接触数", "interactions answered by an agent or relationship manager"),
        source=_BANK,
    ),
    Metric(
        id="multi_channel_share",
        name_zh="跨渠道率",
        name_en="cross-channel journeys",
        section="volume",
        unit="share",
        direction="none",
        roll_up="distinct",
        measure=DistinctRatio(
            Distinct(p.CROSSED, _customer_topic), Distinct(p.LINKED, _customer_topic), proportion=True
        ),
        formula=(
            "7 天内在两个以上渠道接触过的客户主题 ÷ 已识别客户主题",
            "identified customer-topics with contacts on at least 2 channels within 7 days ÷ "
            "identified customer-topics",
        ),
        source=_BANK,
        exclusions=("没有客户或主题的接触", "contacts without customer or topic"),
        look_back=True,
    ),
    Metric(
        id="unlinked_share",
        name_zh="无法关联占比",
        name_en="unlinked contacts",
        section="volume",
        unit="share",
        direction="down",
        roll_up="ratio",
        measure=Ratio(p.CONTACTS_UNLINKED, p.CONTACTS),
        formula=(
            "没有客户或主题、因而无法判断是否再次来访的接触 ÷ 业务量",
            "contacts without customer or topic, whose return cannot be known ÷ interactions",
        ),
        source=_BANK,
    ),
)
