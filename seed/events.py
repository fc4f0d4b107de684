"""What was planted in the demo world: the truth that an explanation can be checked against.

An event is listed once, with its dates, its size, its cause and what it must show; the traffic reads its size
from here and nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from kpi.state import Kind
from seed.options import Options


@dataclass(frozen=True)
class Sign:
    """What an event must show: ``kpi``, where ``dimension`` is ``value``, moves ``direction`` during it.

    ``dimension`` "" means the whole centre.
    """

    kpi: str
    dimension: str
    value: str
    direction: Literal["up", "down"]


@dataclass(frozen=True)
class Event:
    """``size``: what the traffic does differently, see ``PLANTED``. Dates are business dates, both inclusive.

    ``known``: what the centre knows to have happened, as an annotation's kind; None for what is to be found out.
    """

    id: str
    first: date
    last: date
    size: float
    zh: str
    en: str
    cause_zh: str
    cause_en: str
    signs: tuple[Sign, ...]
    known: Kind | None = None

    def days(self, options: Options) -> range:
        """Days of the data that it covers, 0 = the first."""
        first = max((self.first - options.start).days, 0)
        return range(first, min((self.last - options.start).days + 1, options.days))


@dataclass(frozen=True)
class _Plan:
    id: str
    dates: Callable[[date], list[tuple[date, date]]]
    size: float
    zh: str
    en: str
    cause_zh: str
    cause_en: str
    signs: tuple[Sign, ...]
    known: Kind | None = None


def _before_end(first: int, last: int) -> Callable[[date], list[tuple[date, date]]]:
    """``first`` to ``last`` days before the last day of the data."""
    return lambda end: [(end - timedelta(days=first), end - timedelta(days=last))]


def _each_november(end: date) -> list[tuple[date, date]]:
    """9 to 12 November of every year whose days lie before ``end``."""
    return [(date(year, 11, 9), date(year, 11, 12)) for year in range(end.year - 12, end.year + 1)]


PLANTED: tuple[_Plan, ...] = (
    # size: factor of the robot's hand-overs; most of those it no longer hands over come back.
    _Plan(
        "robot_release",
        _before_end(24, 0),
        0.40,
        "知识库 v3.2",
        "Knowledge base v3.2",
        "机器人不再主动转人工，答非所问者当作已解决",
        "The robot no longer offers a human; answers that miss the point count as resolved",
        (
            Sign("containment_rate", "first_handler", "robot", "up"),
            Sign("durable_self_service_rate", "first_handler", "robot", "down"),
        ),
        known="release",
    ),
    # size: share of WeChat's contacts between 8 and 20 o'clock that do not get through.
    _Plan(
        "wechat_outage",
        _before_end(19, 19),
        0.70,
        "微信接口故障",
        "WeChat outage",
        "微信接口中断，客户改打热线、改问机器人，或放弃",
        "The WeChat interface was down; customers called the hotline, asked the robot, or gave up",
        (
            Sign("volume", "channel", "wechat", "down"),
            Sign("volume", "channel", "hotline", "up"),
            Sign("service_level", "channel", "hotline", "down"),
        ),
        known="incident",
    ),
    # size: share of all contacts on the day itself that are about the shop and would not have been made.
    _Plan(
        "shop_campaign",
        _each_november,
        0.16,
        "融e购双十一",
        "11.11 shop campaign",
        "融e购双十一促销，订单与优惠券咨询激增",
        "The shop's 11.11 sale: questions about orders and coupons soar",
        (Sign("volume", "business_line", "shop", "up"), Sign("volume", "", "", "up")),
        known="campaign",
    ),
    # size: factor of the team's load.
    _Plan(
        "team_waits",
        _before_end(16, 3),
        2.2,
        "投资理财组人手不足",
        "Investment team short of staff",
        "组内培训两周，在岗人数减半",
        "Two weeks of training: half of the team on duty",
        (
            Sign("asa", "team", "invest", "up"),
            Sign("abandonment_rate", "team", "invest", "up"),
            Sign("service_level", "team", "invest", "down"),
        ),
    ),
    # size: share of the tier's contacts that are not made.
    _Plan(
        "tier_coverage",
        _before_end(27, 0),
        0.42,
        "三星客户短信提醒停发",
        "Reminders to 3-star customers stopped",
        "三星客户不再收到服务提醒，来访减少",
        "Customers of tier 3 get no service reminders any more and come less",
        (Sign("long_tail_coverage", "tier", "3", "down"), Sign("volume", "tier", "3", "down")),
    ),
    # size: share of all contacts on these days that are about fees and would not have been made.
    _Plan(
        "fee_notice",
        _before_end(68, 63),
        0.07,
        "账户收费调整公告",
        "Notice of changed fees",
        "收费调整公告引起咨询与投诉",
        "A notice of changed account fees brings questions and complaints",
        (Sign("volume", "topic", "fees", "up"), Sign("complaint_rate", "", "", "up")),
        known="other",
    ),
    # size: factor of the share of sessions that end unresolved on SMS.
    _Plan(
        "sms_gateway",
        _before_end(210, 205),
        3.0,
        "短信网关拥塞",
        "SMS gateway congested",
        "短信网关拥塞，回复超时",
        "The SMS gateway was congested and replies came too late",
        (Sign("given_up_rate", "channel", "sms", "up"),),
        known="incident",
    ),
)


def planted(options: Options) -> list[Event]:
    """The events that lie in the data, oldest first."""
    found = [
        Event(plan.id, first, last, plan.size, plan.zh, plan.en, plan.cause_zh, plan.cause_en, plan.signs, plan.known)
        for plan in PLANTED
        for first, last in plan.dates(options.end)
        if first >= options.start and first <= options.end
    ]
    return sorted(found, key=lambda event: (event.first, event.id))
