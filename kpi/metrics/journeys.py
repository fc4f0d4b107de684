"""Online to offline: from a contact to a referral, a visit to the branch and a signature. Dated by the referral."""

from datetime import timedelta

import sqlalchemy as sa

from kpi import schema
from kpi.metrics import parts as p
from kpi.metrics.model import Custom, Metric, Part, Percentile, Ratio, Total

_r = schema.referral.c
_O2O = "ICBC Electronic Banking Centre, 2015: online-to-offline"


def _seconds(later: sa.ColumnElement, earlier: sa.ColumnElement) -> sa.ColumnElement[int]:
    return sa.cast(sa.extract("epoch", later) - sa.extract("epoch", earlier), sa.BigInteger)


_TO_VISIT = _seconds(_r.visited_at, _r.referred_at)
_TO_SIGN = _seconds(_r.completed_at, _r.referred_at)
_PER_DAY = 1 / 86_400


def _days(kpi: str, zh: str, en: str, part: Part, value: sa.ColumnElement[int], share: float) -> Metric:
    middle = share == 0.5
    return Metric(
        id=kpi,
        name_zh=zh,
        name_en=en,
        section="journeys",
        unit="days",
        direction="down",
        roll_up="percentile",
        measure=Percentile(part, value, share, scale=_PER_DAY),
        formula=(
            f"从转介起的天数，{'中位数' if middle else 'P90'}（离散）",
            f"days from the referral, {'median' if middle else '90th percentile'} (discrete)",
        ),
        source=_O2O,
    )


METRICS = (
    Metric(
        id="referral_rate",
        name_zh="转介率",
        name_en="referral rate",
        section="journeys",
        unit="share",
        direction="up",
        roll_up="ratio",
        measure=Ratio(p.ELIGIBLE_REFERRED, p.ELIGIBLE),
        formula=(
            "产生转介的接触 ÷ 可转介的接触（人工接通、已识别、主题可转介）",
            "contacts with a referral ÷ eligible contacts (answered by a human, identified, referable topic)",
        ),
        source=_O2O,
    ),
    Metric(
        id="visit_rate",
        name_zh="到店率",
        name_en="visit rate",
        section="journeys",
        unit="share",
        direction="up",
        roll_up="ratio",
        measure=Ratio(p.VISITED_30, p.REFERRED_30),
        formula=("30 天内到店 ÷ 满 30 天的转介", "visited within 30 days ÷ referrals at least 30 days old"),
        source=_O2O,
        maturity=timedelta(days=30),
    ),
    Metric(
        id="signed_rate",
        name_zh="签约率",
        name_en="signed rate",
        section="journeys",
        unit="share",
        direction="up",
        roll_up="ratio",
        measure=Ratio(p.SIGNED_60, p.VISITED_60),
        formula=(
            "60 天内完成 ÷ 满 60 天的转介中到店者",
            "completed within 60 days ÷ those who visited, of referrals at least 60 days old",
        ),
        source=_O2O,
        maturity=timedelta(days=60),
    ),
    Metric(
        id="end_to_end",
        name_zh="全程转化率",
        name_en="end-to-end conversion",
        section="journeys",
        unit="share",
        direction="up",
        roll_up="ratio",
        measure=Ratio(p.SIGNED_60, p.REFERRED_60),
        formula=("60 天内完成 ÷ 满 60 天的转介", "completed within 60 days ÷ referrals at least 60 days old"),
        source=_O2O,
        maturity=timedelta(days=60),
    ),
    Metric(
        id="lost_rate",
        name_zh="转介流失率",
        name_en="lost referrals",
        section="journeys",
        unit="share",
        direction="down",
        roll_up="ratio",
        measure=Ratio(p.LOST_60, p.REFERRED_60),
        formula=("60 天内未完成 ÷ 满 60 天的转介", "not completed within 60 days ÷ referrals at least 60 days old"),
        source=_O2O,
        maturity=timedelta(days=60),
    ),
    _days("days_to_visit", "到店天数", "days to visit", p.VISITED, _TO_VISIT, 0.5),
    _days("days_to_visit_p90", "到店天数 P90", "days to visit, 90th percentile", p.VISITED, _TO_VISIT, 0.9),
    _days("days_to_sign", "签约天数", "days to sign", p.SIGNED, _TO_SIGN, 0.5),
    _days("days_to_sign_p90", "签约天数 P90", "days to sign, 90th percentile", p.SIGNED, _TO_SIGN, 0.9),
    Metric(
        id="referred_amount",
        name_zh="转介成交金额",
        name_en="referred amount",
        section="journeys",
        unit="yuan",
        direction="up",
        roll_up="additive",
        measure=Total(p.AMOUNT, scale=0.01),
        formula=("完成的转介金额之和", "sum of the amounts of completed referrals"),
        source=_O2O,
    ),
    Metric(
        id="upgraded_after",
        name_zh="转介后升星率",
        name_en="upgraded afterwards",
        section="journeys",
        unit="share",
        direction="up",
        roll_up="ratio",
        measure=Ratio(p.UPGRADED_90, p.SIGNED_90),
        formula=(
            "完成后 90 天内星级上升的客户的转介 ÷ 完成已满 90 天的转介",
            "completed referrals whose customer's tier rose within 90 days ÷ completed at least 90 days ago",
        ),
        source=_O2O,
        maturity=timedelta(days=90),
    ),
    Metric(
        id="consistency",
        name_zh="渠道一致性差距",
        name_en="consistency gap",
        section="journeys",
        unit="points",
        direction="down",
        roll_up="percentile",
        measure=Custom(
            ("tier", "segment", "region", "business_line", "complexity"),
            frozenset({"outcome", "topic"}),
            ("topic_gaps_by_volume", "topic_closed"),
            (schema.interaction.c.business_date,),
            parts=(p.TOPIC_RESOLVED, p.TOPIC_CLOSED),
        ),
        formula=(
            "各主题在各渠道（至少两个，各 n ≥ 30）解决率的最大值 − 最小值，按业务量加权平均，百分点",
            "per topic with n ≥ 30 on at least 2 channels: highest − lowest resolved share across channels, in points; "
            "mean weighted by volume",
        ),
        source="centre's own practice",
    ),
)
