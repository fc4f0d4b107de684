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
        kpi,
        zh,
        en,
        "journeys",
        "days",
        "down",
        "percentile",
        Percentile(part, value, share, scale=_PER_DAY),
        (
            f"从转介起的天数，{'中位数' if middle else 'P90'}（离散）",
            f"days from the referral, {'median' if middle else '90th percentile'} (discrete)",
        ),
        _O2O,
    )


METRICS = (
    Metric(
        "referral_rate",
        "转介率",
        "referral rate",
        "journeys",
        "share",
        "up",
        "ratio",
        Ratio(p.ELIGIBLE_REFERRED, p.ELIGIBLE),
        (
            "产生转介的接触 ÷ 可转介的接触（人工接通、已识别、主题可转介）",
            "contacts with a referral ÷ eligible contacts (answered by a human, identified, referable topic)",
        ),
        _O2O,
    ),
    Metric(
        "visit_rate",
        "到店率",
        "visit rate",
        "journeys",
        "share",
        "up",
        "ratio",
        Ratio(p.VISITED_30, p.REFERRED_30),
        ("30 天内到店 ÷ 满 30 天的转介", "visited within 30 days ÷ referrals at least 30 days old"),
        _O2O,
        maturity=timedelta(days=30),
    ),
    Metric(
        "signed_rate",
        "签约率",
        "signed rate",
        "journeys",
        "share",
        "up",
        "ratio",
        Ratio(p.SIGNED_60, p.VISITED_60),
        (
            "60 天内完成 ÷ 满 60 天的转介中到店者",
            "completed within 60 days ÷ those who visited, of referrals at least 60 days old",
        ),
        _O2O,
        maturity=timedelta(days=60),
    ),
    Metric(
        "end_to_end",
        "全程转化率",
        "end-to-end conversion",
        "journeys",
        "share",
        "up",
        "ratio",
        Ratio(p.SIGNED_60, p.REFERRED_60),
        ("60 天内完成 ÷ 满 60 天的转介", "completed within 60 days ÷ referrals at least 60 days old"),
        _O2O,
        maturity=timedelta(days=60),
    ),
    Metric(
        "lost_rate",
        "转介流失率",
        "lost referrals",
        "journeys",
        "share",
        "down",
        "ratio",
        Ratio(p.LOST_60, p.REFERRED_60),
        ("60 天内未完成 ÷ 满 60 天的转介", "not completed within 60 days ÷ referrals at least 60 days old"),
        _O2O,
        maturity=timedelta(days=60),
    ),
    _days("days_to_visit", "到店天数", "days to visit", p.VISITED, _TO_VISIT, 0.5),
    _days("days_to_visit_p90", "到店天数 P90", "days to visit, 90th percentile", p.VISITED, _TO_VISIT, 0.9),
    _days("days_to_sign", "签约天数", "days to sign", p.SIGNED, _TO_SIGN, 0.5),
    _days("days_to_sign_p90", "签约天数 P90", "days to sign, 90th percentile", p.SIGNED, _TO_SIGN, 0.9),
    Metric(
        "referred_amount",
        "转介成交金额",
        "referred amount",
        "journeys",
        "yuan",
        "up",
        "additive",
        Total(p.AMOUNT, scale=0.01),
        ("完成的转介金额之和", "sum of the amounts of completed referrals"),
        _O2O,
    ),
    Metric(
        "upgraded_after",
        "转介后升星率",
        "upgraded afterwards",
        "journeys",
        "share",
        "up",
        "ratio",
        Ratio(p.UPGRADED_90, p.SIGNED_90),
        (
            "完成后 90 天内星级上升的客户的转介 ÷ 完成已满 90 天的转介",
            "completed referrals whose customer's tier rose within 90 days ÷ completed at least 90 days ago",
        ),
        _O2O,
        maturity=timedelta(days=90),
    ),
    Metric(
        "consistency",
        "渠道一致性差距",
        "consistency gap",
        "journeys",
        "points",
        "down",
        "percentile",
        Custom(
            ("tier", "segment", "region", "business_line", "complexity"),
            frozenset({"outcome", "topic"}),
            ("topic_gaps_by_volume", "topic_closed"),
            (schema.interaction.c.business_date,),
            parts=(p.TOPIC_RESOLVED, p.TOPIC_CLOSED),
        ),
        (
            "各主题在各渠道（至少两个，各 n ≥ 30）解决率的最大值 − 最小值，按业务量加权平均，百分点",
            "per topic with n ≥ 30 on at least 2 channels: highest − lowest resolved share across channels, in points; "
            "mean weighted by volume",
        ),
        "centre's own practice",
    ),
)
