"""Snapshots to begin with: a daily briefing, a weekly, a monthly long-tail report and a satisfaction review."""

from dataclasses import replace

from kpi.i18n import Language
from kpi.snapshots.model import Definition, Schedule, Section

_HEADLINES = ("self_service_rate", "volume", "csat", "long_tail_coverage", "service_level", "fcr")

_DAILY = Definition(
    name="daily-briefing",
    title=("每日简报", "Daily briefing"),
    period="yesterday",
    sections=(
        Section("headline", "headline", _HEADLINES),
        Section("hours", "chart", ("volume",), ("hour",), ("各小时业务量", "Interactions by hour")),
        Section(
            "channels",
            "table",
            ("volume", "self_service_rate", "answer_rate", "service_level", "csat"),
            ("channel",),
            ("各渠道", "Channels"),
        ),
        Section("desk", "table", ("answer_rate", "abandonment_rate", "asa", "aht", "transfer_rate"), ("line",)),
    ),
    formats=("pdf", "png"),
    schedule=Schedule("0 8 * * *"),
)

_WEEKLY = Definition(
    name="weekly-management",
    title=("管理周报", "Weekly management report"),
    period="last_week",
    sections=(
        Section("headline", "headline", _HEADLINES),
        Section(
            "volume", "chart", ("volume",), ("date", "channel"), ("每日各渠道业务量", "Interactions a day by channel")
        ),
        Section("course", "chart", ("self_service_rate",), ("date",)),
        Section("channels", "chart", ("self_service_rate",), ("channel",)),
        Section("tiers", "table", _HEADLINES, ("tier",), ("各星级", "By star tier")),
        Section(
            "desk",
            "table",
            ("answer_rate", "service_level", "abandonment_rate", "asa", "aht", "transfer_rate"),
            ("channel",),
            ("服务台", "Service desk"),
        ),
        Section("topics", "table", ("volume", "self_service_rate", "csat"), ("topic",), ("各主题", "By topic")),
    ),
    formats=("xlsx", "pdf", "html", "png", "csv", "parquet"),
    schedule=Schedule("0 8 * * 1"),
)

_TAIL = Definition(
    name="monthly-long-tail",
    title=("长尾月报", "Monthly long-tail report"),
    period="last_month",
    sections=(
        Section(
            "headline",
            "headline",
            ("long_tail_coverage", "tail_base", "tail_served_average", "top20_share", "tail_active", "tail_nps"),
        ),
        Section("course", "chart", ("long_tail_coverage",), ("through",), ("累计覆盖率", "Coverage, cumulative")),
        Section("tiers", "table", ("long_tail_coverage", "tail_base", "tier_upgrade_rate"), ("tier",)),
        Section("reach", "table", ("tail_reach_frequency",), ("reach",)),
        Section("value", "table", ("tail_value", "tail_active"), ("served",)),
    ),
    formats=("xlsx", "pdf"),
    schedule=Schedule("0 9 * * *", days="first_working_day"),
)

_SATISFACTION = Definition(
    name="satisfaction-review",
    title=("满意度回顾", "Satisfaction review"),
    period="last_week",
    sections=(
        Section("headline", "headline", ("csat", "response_rate", "nps", "ces", "fcr", "complaint_rate")),
        Section("course", "chart", ("csat",), ("date",)),
        Section("channels", "chart", ("csat",), ("channel",)),
        Section("grid", "chart", ("csat",), ("channel", "tier"), ("渠道与星级", "Channels and tiers")),
        Section("teams", "table", ("csat", "response_rate", "nps"), ("team",), ("各团队", "Teams")),
        Section("topics", "table", ("csat", "repeat_rate"), ("topic",), ("各主题", "Topics")),
    ),
    formats=("xlsx", "pdf"),
    schedule=Schedule("30 8 * * 1"),
)


def ready(language: Language = "zh") -> tuple[Definition, ...]:
    """The ready-made definitions, paused and without recipients: whoever takes one over names them."""
    return tuple(replace(one, language=language, paused=True) for one in (_DAILY, _WEEKLY, _TAIL, _SATISFACTION))
