"""Every page, said once: its address, its place in the sidebar, its cards, what its figures ask, and its report.

The navigation, the rules of addresses, "send me this", the cache warmer, the benchmark and the tests read it; how a
page looks is in the module of ``pages.views`` that is named as it is. Nothing here needs the framework: the entry knows
the addresses before any page is imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kpi.narrative.funnel import CHAIN_KPIS, DAYS_KPIS, JOURNEY_KPIS

# KPIs, dimensions, and whether they are compared. The dimension {grain} is days, weeks or months, as long as the period
# is.
Panel = tuple[tuple[str, ...], tuple[str, ...], bool]
# What a report of a page shows after its headline figures: how, KPIs, dimensions.
ReportSection = tuple[Literal["chart", "table"], tuple[str, ...], tuple[str, ...]]

GRAIN = "{grain}"
_VOLUME: ReportSection = ("chart", ("volume",), (GRAIN, "channel"))
_ANSWERS = ("csat", "response_rate", "fcr", "repeat_rate")
_STEPS = ("referral_rate", "visit_rate", "signed_rate", "end_to_end")
_CONTAINED = ("self_service_rate", "containment_rate", "escalation_rate", "given_up_rate")
# What becomes of a session; the four add up to all.
_FATES = ("bot_resolution_rate", "given_up_rate", "escalated_answered_rate", "escalated_lost_rate")
_OF_FUNCTIONS = ("function_starts", "function_success", "function_dropout", "function_failure")


@dataclass(frozen=True, kw_only=True)
class PageSpec:
    """One page."""

    id: str  # its phrase is page_ID, its module pages.views.ID
    group: str  # its place in the sidebar; phrase group_GROUP
    icon: str  # of Material Symbols
    # The KPIs of its cards, each with the secondary one that stands on its foot ("": none).
    cards: Mapping[str, str] = field(default_factory=dict)
    # What its figures ask whatever the view, by the name of the figure.
    panels: Mapping[str, Panel] = field(default_factory=dict)
    report: tuple[ReportSection, ...] = ()  # after the cards' figures
    has_figures: bool = True  # of its own: it is answered ahead

    @property
    def address(self) -> str:
        """Its path, without the leading slash; the first page's is empty."""
        return "" if self.default else self.id.replace("_", "-")

    @property
    def default(self) -> bool:
        return self is PAGES[0]


PAGES: tuple[PageSpec, ...] = (
    PageSpec(
        id="overview",
        group="results",
        icon="dashboard",
        cards={
            "self_service_rate": "given_up_rate",
            "volume": "wechat_phone_multiple",
            "csat": "response_rate",
            "long_tail_coverage": "tail_base",
            "service_level": "asa",
            "fcr": "repeat_rate",
        },
        panels={
            # Eight channels a day have room for one grey line, that of all; the findings tell whose change it was.
            "volume": (("volume",), (GRAIN, "channel"), False),
            "channels": (("self_service_rate",), ("channel",), True),
            "tiers": (
                ("self_service_rate", "volume", "csat", "long_tail_coverage", "service_level", "fcr"),
                ("tier",),
                True,
            ),
        },
        report=(
            _VOLUME,
            ("chart", ("self_service_rate",), ("channel",)),
            ("chart", ("self_service_rate",), (GRAIN,)),
            ("table", ("self_service_rate", "volume", "csat", "long_tail_coverage", "service_level", "fcr"), ("tier",)),
        ),
    ),
    PageSpec(
        id="channels",
        group="service",
        icon="forum",
        cards={
            "volume": "",
            "agent_volume": "answer_rate",
            "wechat_phone_multiple": "",
            "self_service_rate": "",
            "customers_served": "consistency",
            "multi_channel_share": "unlinked_share",
        },
        panels={
            # Eight channels a day have room for one grey line, that of all; each one's change stands beside, and by the
            # names of the mix.
            "volume": (("volume",), (GRAIN, "channel"), False),
            "mix": (("channel_mix",), (GRAIN, "channel"), False),
            "tiers": (("self_service_rate",), ("channel", "tier"), True),
        },
        report=(
            _VOLUME,
            ("chart", ("wechat_phone_multiple",), (GRAIN,)),
            ("table", ("volume", "self_service_rate", "csat", "service_level", "escalation_rate"), ("channel",)),
        ),
    ),
    PageSpec(
        id="self_service",
        group="service",
        icon="smart_toy",
        cards={
            "self_service_rate": "given_up_rate",
            "containment_rate": "settled_rate",
            "bot_resolution_rate": "recognition_rate",
            "durable_self_service_rate": "durable_self_service_rate_24h",
            "escalation_rate": "escalated_lost_rate",
            "false_containment_rate": "",
        },
        panels={
            "service_chain": (CHAIN_KPIS, (), True),
            "service_channels": (CHAIN_KPIS, ("channel",), True),
            "service_tiers": (CHAIN_KPIS, ("tier",), True),
            "service_media": (_FATES, ("media",), False),
            "service_reasons": (("escalation_mix",), ("escalation_reason",), True),
            "service_returns": (("false_containment_rate",), ("topic",), True),
            "service_unmatched": (("unmatched_rate",), ("topic",), True),
            "service_functions": (_OF_FUNCTIONS, ("function",), True),
            "service_functions_all": (_OF_FUNCTIONS, (), True),
        },
        report=(
            ("chart", ("self_service_rate",), (GRAIN,)),
            ("chart", ("escalation_mix",), ("escalation_reason",)),
            ("chart", ("function_failure",), ("function",)),
            ("table", _CONTAINED, ("channel",)),
            ("table", _CONTAINED, ("tier",)),
        ),
    ),
    PageSpec(
        id="satisfaction",
        group="service",
        icon="sentiment_satisfied",
        cards={
            "csat": "response_rate",
            "csat_of_asked": "",
            "nps": "",
            "ces": "",
            "fcr": "repeat_rate",
            "complaint_rate": "complaint_overdue",
        },
        panels={
            "channels": (("csat", "response_rate", "fcr", "repeat_rate"), ("channel",), True),
            "tier": (("csat", "response_rate"), ("tier",), True),
            "team": (("csat", "response_rate"), ("team",), True),
            "topic": (("csat", "response_rate", "fcr", "repeat_rate"), ("topic",), True),
            "nps": (("nps",), ("channel",), True),
            # Of the three groups the net is compared, which is what they come to.
            "nps_groups": (("nps_share",), ("channel", "nps_group"), False),
            "scores": (("score_share",), ("score",), True),
            "response": (("first_response",), ("channel",), True),
            "response_all": (("first_response",), (), True),
            "complaints": (("complaints_open",), ("complaint_age", "due_state"), True),
            "complaints_all": (("complaints_open",), (), True),
        },
        report=(
            ("chart", ("csat",), ("channel",)),
            ("chart", ("csat",), (GRAIN,)),
            ("chart", ("score_share",), ("score",)),
            *(("table", _ANSWERS, (dimension,)) for dimension in ("channel", "tier", "team", "topic")),
        ),
    ),
    PageSpec(
        id="desk",
        group="service",
        icon="support_agent",
        cards={
            "service_level": "",
            "answer_rate": "",
            "abandonment_rate": "",
            "asa": "first_response",
            "aht": "transfer_rate",
            "occupancy": "",
        },
        panels={
            "day": (("service_level", "answer_rate"), ("half_hour",), True),
            "day_occupancy": (("occupancy",), ("half_hour",), True),
            "teams": (("service_level",), ("team",), True),
            "tiers": (("service_level",), ("channel", "tier"), True),
            "waits": (("wait_p90", "asa"), ("channel",), True),
            # The headlines that the table at the end has by channel stand in it, too.
            "cost": (("cost_per_contact", "service_level", "abandonment_rate", "aht"), ("channel",), True),
            "cost_all": (("cost_per_contact",), (), True),
        },
        report=(
            ("chart", ("service_level",), (GRAIN,)),
            ("chart", ("service_level",), ("half_hour",)),
            ("chart", ("service_level",), ("channel", "tier")),
            ("table", ("service_level", "answer_rate", "abandonment_rate", "aht", "occupancy"), ("team",)),
            ("table", ("wait_p90", "asa", "cost_per_contact"), ("channel",)),
        ),
    ),
    PageSpec(
        id="journeys",
        group="service",
        icon="route",
        cards={
            "referral_rate": "",
            "visit_rate": "days_to_visit",
            "signed_rate": "days_to_sign",
            "end_to_end": "lost_rate",
            "referred_amount": "cost_avoided",
            "upgraded_after": "",
        },
        panels={
            "journey_all": (JOURNEY_KPIS, (), True),
            "journey_scenarios": ((*JOURNEY_KPIS, *DAYS_KPIS), ("scenario",), True),
            "journey_tiers": (JOURNEY_KPIS, ("tier",), True),
            # Months are compared with no months: the comparison is a number of days before.
            "journey_amounts": (("referred_amount",), ("month", "scenario"), False),
            "journey_months": (("referred_amount",), ("month",), False),
            "journey_regions": (("lost_rate",), ("region",), True),
            "journey_lost": (("lost_rate",), ("branch",), True),
            "journey_branches": (("referred_amount",), ("branch",), True),
        },
        report=(
            ("chart", ("end_to_end",), ("scenario",)),
            ("table", _STEPS, ("scenario",)),
            ("table", _STEPS, ("tier",)),
        ),
    ),
    PageSpec(
        id="long_tail",
        group="customers",
        icon="groups",
        cards={
            "long_tail_coverage": "tail_base",
            "tail_served_average": "tail_served_daily",
            "tail_unreached_year": "",
            "top20_share": "gini",
            "tail_nps": "nps",
            "tier_upgrade_rate": "",
        },
        panels={
            "reach": (("tail_reach_frequency",), ("reach",), True),
            # Those who came later only say why coverage is not of all: no figure to be held against another.
            "later": (("tail_joined_later",), (), False),
            "contacts": (("top20_share_contacts", "gini_contacts"), (), True),
            "dividends": (("tail_value", "tail_active"), ("served",), True),
            "moves": (("tier_upgrade_rate",), ("tier", "tier_after"), True),
            "topics": (("bot_resolution_rate", "volume"), ("topic",), True),
            "topics_all": (("bot_resolution_rate", "volume"), (), True),
            "topics_covered": (("topic_tail_coverage",), (), True),
        },
        report=(
            ("chart", ("long_tail_coverage",), ("through",)),
            ("chart", ("tail_reach_frequency",), ("reach",)),
            ("table", ("tail_value", "tail_active"), ("served",)),
            ("table", ("tier_upgrade_rate",), ("tier", "tier_after")),
        ),
    ),
    PageSpec(
        id="tiers",
        group="customers",
        icon="star",
        cards={
            "volume": "",
            "self_service_rate": "given_up_rate",
            "csat": "response_rate",
            "long_tail_coverage": "tail_base",
            "fcr": "repeat_rate",
            "tier_upgrade_rate": "",
        },
        panels={
            # Proportions of contacts, in which a tier can be held against all the others, not against itself before.
            "told": (("self_service_rate", "csat", "fcr"), ("tier",), False),
            "mix": (("channel_mix",), ("tier", "channel"), True),
            "volumes": (("volume",), ("tier",), True),
            "moves": (("tier_upgrade_rate",), ("tier", "tier_after"), True),
        },
        report=(
            ("chart", ("self_service_rate",), (GRAIN, "tier")),
            ("chart", ("channel_mix",), ("tier", "channel")),
            ("table", ("volume", "self_service_rate", "csat", "fcr"), ("tier",)),
        ),
    ),
    PageSpec(id="explore", group="analysis", icon="pivot_table_chart"),
    PageSpec(id="snapshots", group="analysis", icon="schedule_send", has_figures=False),
    PageSpec(id="settings", group="administration", icon="tune", has_figures=False),
    PageSpec(id="dictionary", group="administration", icon="menu_book", has_figures=False),
)
_BY_ID = {page.id: page for page in PAGES}


def page_spec(page: str) -> PageSpec:
    """The page of an id; raises KeyError."""
    return _BY_ID[page]


def is_page(page: str) -> bool:
    """Whether there is a page of that id, as one that was saved with a view may no longer be."""
    return page in _BY_ID
