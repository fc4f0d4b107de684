"""The long tail and what customers are worth. The tail rule is a dated setting of the warehouse."""

from kpi import schema
from kpi.metrics import parts as p
from kpi.metrics.model import WINDOW, Custom, Distinct, Metric, Ratio

_i = schema.interaction.c

# What a customer has by himself, and what a contact adds to it.
_CUSTOMER = ("tier", "region", "age_band")
_CONTACT = ("channel", "line", "topic", "business_line", "complexity", "media")
_BASE = frozenset({"customer", "customer_month"})
# What a customer is worth belongs to a month, what he asked to a day.
_MONTH = (schema.customer_month.c.month,)
_DAY = (_i.business_date,)
_MONTH_AND_DAY = (*_MONTH, *_DAY)
_TAIL = "tail rule of the centre; unless set: outside the top 20 % of open customers by value in the last closed month"
_NO_CAUSE = ("对照不是因果", "a comparison, not a cause")

METRICS = (
    Metric(
        id="tail_base",
        name_zh="长尾客户数",
        name_en="tail base",
        section="tail",
        unit="customers",
        direction="none",
        roll_up="snapshot",
        measure=Custom(_CUSTOMER, _BASE, ("tail_customers",), _MONTH),
        formula=("期初在户且属长尾的客户", "customers open and tail on the period's first day"),
        source=_TAIL,
    ),
    Metric(
        id="long_tail_coverage",
        name_zh="长尾覆盖率",
        name_en="long-tail coverage",
        section="tail",
        unit="share",
        direction="up",
        roll_up="ratio",
        measure=Custom(
            (*_CUSTOMER, *_CONTACT, "through"),
            _BASE | {"customer_key", "engaged"},
            ("tail_customers_served", "tail_customers"),
            _MONTH_AND_DAY,
            proportion=True,
            whole_of=_CONTACT,
        ),
        formula=(
            "期初长尾客户中，期内至少有一次有效来访者 ÷ 期初长尾客户；星级按期初",
            "members of the tail base with at least one engaged inbound contact in the period ÷ tail base; "
            "tier on the first day",
        ),
        source=_TAIL,
        exclusions=(
            "期内才加入或转为长尾的客户；推送不算服务",
            "customers who joined or became tail later; a push is not service",
        ),
        target_days=WINDOW,
    ),
    Metric(
        id="tail_served_daily",
        name_zh="日覆盖长尾客户",
        name_en="tail customers served a day",
        section="tail",
        unit="customers",
        direction="up",
        roll_up="distinct",
        measure=Distinct(p.ENGAGED_TAIL, _i.customer_key),
        formula=(
            "接触时属长尾的客户，按日去重；跨日为并集，不相加",
            "distinct customers who are tail at the contact, a day; over a period the union, never the sum",
        ),
        source=_TAIL,
        target_days=1,
    ),
    Metric(
        id="tail_reach_frequency",
        name_zh="触达频次",
        name_en="reach frequency",
        section="tail",
        unit="customers",
        direction="none",
        roll_up="snapshot",
        measure=Custom(
            (*_CUSTOMER, "reach"),
            _BASE | {"customer_key", "engaged"},
            ("tail_customers_by_contacts", "tail_customers"),
            _MONTH_AND_DAY,
        ),
        formula=(
            "期初长尾客户按期内有效来访次数分组，含从未触达",
            "members of the tail base by number of engaged contacts in the period, never reached included",
        ),
        source=_TAIL,
    ),
    Metric(
        id="tail_unreached_year",
        name_zh="一年未触达率",
        name_en="not reached in a year",
        section="tail",
        unit="share",
        direction="down",
        roll_up="snapshot",
        measure=Custom(
            _CUSTOMER,
            _BASE | {"customer_key", "engaged"},
            ("tail_customers_unreached", "tail_customers"),
            _MONTH_AND_DAY,
            proportion=True,
        ),
        formula=(
            "期初长尾客户中，截至期末 365 天内没有任何有效来访者 ÷ 期初长尾客户",
            "members of the tail base without an engaged contact in the 365 days up to the period's end ÷ tail base",
        ),
        source=_TAIL,
    ),
    Metric(
        id="tail_served_average",
        name_zh="日均覆盖长尾客户",
        name_en="tail customers served on an average day",
        section="tail",
        unit="customers",
        direction="up",
        roll_up="distinct",
        measure=Custom(
            (*_CUSTOMER, *_CONTACT, "date", "week", "month"),
            frozenset({"customer_month", "customer_key", "engaged"}),
            ("tail_customers_served_by_day", "days"),
            _DAY,
            parts=(p.ENGAGED_TAIL,),
        ),
        formula=(
            "每日去重的长尾客户之和 ÷ 天数；是平均数，不是期内客户数",
            "distinct tail customers a day, summed ÷ days; an average, not the period's customers",
        ),
        source=_TAIL,
    ),
    Metric(
        id="tail_joined_later",
        name_zh="期内新入长尾客户",
        name_en="tail only later",
        section="tail",
        unit="customers",
        direction="none",
        roll_up="snapshot",
        measure=Custom(
            (*_CUSTOMER, *_CONTACT),
            _BASE | {"customer_key", "engaged"},
            ("tail_customers_joined_later",),
            _MONTH_AND_DAY,
            parts=(p.ENGAGED_TAIL,),
        ),
        formula=(
            "期内服务过、接触时属长尾但不在期初长尾客户中的客户，去重",
            "distinct customers served who are tail at the contact but not in the tail base of the first day",
        ),
        source=_TAIL,
        target_days=WINDOW,
    ),
    Metric(
        id="top20_share",
        name_zh="二八集中度",
        name_en="top-20 % share of value",
        section="tail",
        unit="share",
        direction="none",
        roll_up="snapshot",
        measure=Custom(_CUSTOMER, _BASE, ("value_of_top_customers", "value"), _MONTH),
        formula=("价值最高的 20 % 客户的贡献 ÷ 全部", "value of the top 20 % of customers ÷ total value"),
        source="Pareto",
        exclusions=("贡献为负的客户，其数量与合计另列", "customers with negative value, their count and sum stated"),
    ),
    Metric(
        id="top20_share_contacts",
        name_zh="服务集中度",
        name_en="top-20 % share of contacts",
        section="tail",
        unit="share",
        direction="none",
        roll_up="snapshot",
        measure=Custom(
            _CUSTOMER, frozenset({"customer", "customer_key"}), ("contacts_of_top_customers", "contacts"), _DAY
        ),
        formula=(
            "来访最多的 20 % 客户的业务量 ÷ 全部",
            "contacts of the top 20 % of customers by contacts ÷ all contacts",
        ),
        source="Pareto",
    ),
    Metric(
        id="gini",
        name_zh="基尼系数",
        name_en="Gini of value",
        section="tail",
        unit="score",
        direction="none",
        roll_up="snapshot",
        measure=Custom(_CUSTOMER, _BASE, ("spread_of_value", "customers_times_value"), _MONTH),
        formula=(
            "客户价值的基尼系数（有偏式，含零）",
            "Gini coefficient of customer value, biased form, zeros included",
        ),
        source="Gini, 1912",
        exclusions=("贡献为负的客户，其数量与合计另列", "customers with negative value, their count and sum stated"),
    ),
    Metric(
        id="gini_contacts",
        name_zh="服务基尼系数",
        name_en="Gini of contacts",
        section="tail",
        unit="score",
        direction="none",
        roll_up="snapshot",
        measure=Custom(
            _CUSTOMER,
            frozenset({"customer", "customer_key"}),
            ("spread_of_contacts", "customers_times_contacts"),
            _DAY,
        ),
        formula=("客户来访次数的基尼系数（有偏式，含零）", "Gini coefficient of contacts, biased form, zeros included"),
        source="Gini, 1912",
    ),
    Metric(
        id="tail_value",
        name_zh="长尾月均贡献",
        name_en="tail value",
        section="tail",
        unit="yuan",
        direction="up",
        roll_up="snapshot",
        measure=Custom(
            (*_CUSTOMER, "served"),
            _BASE | {"customer_key", "engaged"},
            ("value_of_tail_customers", "months_of_tail_customers"),
            _MONTH_AND_DAY,
        ),
        formula=(
            "期初长尾客户的月均贡献；可按期内是否服务过对照",
            "mean monthly value of the tail base; compare served with not served in the period",
        ),
        source="tail dividend",
        exclusions=_NO_CAUSE,
    ),
    Metric(
        id="tail_active",
        name_zh="长尾活跃率",
        name_en="tail active",
        section="tail",
        unit="share",
        direction="up",
        roll_up="snapshot",
        measure=Custom(
            (*_CUSTOMER, "served"),
            _BASE | {"customer_key", "engaged"},
            ("tail_customers_active", "tail_customers"),
            _MONTH_AND_DAY,
            proportion=True,
        ),
        formula=(
            "期初长尾客户中持有活跃产品者的占比；可按期内是否服务过对照",
            "share of the tail base with active products; compare served with not served in the period",
        ),
        source="tail dividend",
        exclusions=_NO_CAUSE,
    ),
    Metric(
        id="tail_nps",
        name_zh="长尾口碑",
        name_en="tail NPS",
        section="tail",
        unit="points",
        direction="up",
        roll_up="ratio",
        measure=Ratio(p.NPS_NET_TAIL, p.NPS_VALID_TAIL, scale=100, proportion=False),
        formula=("接触时属长尾的客户的净推荐值", "NPS of customers who are tail at the contact"),
        source="Reichheld, 2003",
        not_by=("segment",),
    ),
    Metric(
        id="tier_upgrade_rate",
        name_zh="星级提升率",
        name_en="tier upgrade rate",
        section="tail",
        unit="share",
        direction="up",
        roll_up="snapshot",
        measure=Custom(
            (*_CUSTOMER, "segment", "tier_after"),
            frozenset({"customer", "customer_tier"}),
            ("customers_upgraded", "customers_open"),
            (schema.customer_tier.c.valid_from,),
            proportion=True,
        ),
        formula=(
            "期初在户客户中期末星级高于期初者 ÷ 全部；矩阵含下降与离开",
            "customers open on the first day whose tier is higher at the end of the last ÷ all of them; "
            "the matrix has down and exit",
        ),
        source="centre's own practice",
        exclusions=_NO_CAUSE,
        target_days=WINDOW,
    ),
    Metric(
        id="topic_tail_coverage",
        name_zh="长尾问题覆盖",
        name_en="long-tail topics covered",
        section="tail",
        unit="share",
        direction="up",
        roll_up="snapshot",
        measure=Custom(
            ("channel", "tier", "segment", "region", "business_line", "complexity"),
            frozenset({"topic", "outcome", "first_handler"}),
            ("tail_topics_covered", "tail_topics_judged"),
            _DAY,
            proportion=True,
            parts=(p.CONTACTS, p.RESOLVED, p.COHORT),
        ),
        formula=(
            "业务量前 20 % 以外、n ≥ 30 的主题中，智能解决率达到其目标（无目标时为设置值，默认 80 %）者的占比",
            "topics outside the top 20 % by volume with n ≥ 30 whose resolution reaches its target (without one the "
            "setting, 80 % by default) ÷ such topics",
        ),
        source="Anderson, The Long Tail, applied to questions",
    ),
)
