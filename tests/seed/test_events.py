"""Every planted event can be seen in the facts, with the sign that it is listed with."""

from datetime import date, timedelta

import duckdb
import pytest

from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.registry import METRICS
from seed.events import Event, Sign, planted
from seed.options import Options
from tests.seed.conftest import SMALL
from tests.seed.test_targets import CONTAINED, HUMAN, LINKED, OFFERED, coverage

# KPI -> numerator and denominator over ``contact``; None = per day.
MEASURES: dict[str, tuple[str, str | None]] = {
    "volume": ("count(*) FILTER (direction = 'inbound')", None),
    "containment_rate": (f"count(*) FILTER ({CONTAINED})", "count(*) FILTER (machine)"),
    "given_up_rate": (f"count(*) FILTER ({CONTAINED} AND outcome <> 'resolved')", "count(*) FILTER (machine)"),
    "durable_self_service_rate": (
        f"count(*) FILTER ({CONTAINED} AND {LINKED} AND later IS NULL)",
        f"count(*) FILTER ({CONTAINED} AND {LINKED})",
    ),
    "service_level": (
        f"count(*) FILTER ({HUMAN} AND coalesce(wait_seconds, 0) <= 20)",
        f"count(*) FILTER ({OFFERED})",
    ),
    "abandonment_rate": ("count(*) FILTER (abandoned_stage = 'queue')", f"count(*) FILTER ({OFFERED})"),
    "asa": (f"sum(coalesce(wait_seconds, 0)) FILTER ({HUMAN})", f"count(*) FILTER ({HUMAN})"),
}
EVENTS = planted(SMALL)
CASES = [
    pytest.param(event, sign, id=f"{event.id}-{sign.kpi}-{sign.value}") for event in EVENTS for sign in event.signs
]


def between(bank: duckdb.DuckDBPyConnection, sign: Sign, first: date, last: date, weekdays: set[int]) -> float:
    """A KPI over the days from ``first`` to ``last`` that are among ``weekdays``, where the sign says."""
    where = f"{sign.dimension} = '{sign.value}'" if sign.dimension else "true"
    days = f"day BETWEEN DATE '{first}' AND DATE '{last}' AND isodow(day) IN ({', '.join(map(str, weekdays))})"
    if sign.kpi == "complaint_rate":
        sql = f"""SELECT count(*) / (SELECT count(*) FROM contact WHERE {days})
                  FROM complaint WHERE {days.replace("day ", "opened_on ").replace("(day)", "(opened_on)")}"""
    else:
        top, bottom = MEASURES[sign.kpi]
        sql = f"SELECT {top} / {bottom or 'count(DISTINCT day)'} FROM contact WHERE {days} AND {where}"
    row = bank.execute(sql).fetchone()
    assert row is not None
    return float(row[0])


@pytest.mark.parametrize(("event", "sign"), CASES)
def test_an_event_shows(bank: duckdb.DuckDBPyConnection, event: Event, sign: Sign) -> None:
    if sign.kpi == "long_tail_coverage":
        before = coverage(bank, event.first - timedelta(days=28), int(sign.value))
        during = coverage(bank, event.first, int(sign.value))
        others = coverage(bank, event.first, int(sign.value) + 1)
        assert during < 0.9 * before
        assert during < 0.9 * others
        return
    last = event.last
    if sign.kpi == "durable_self_service_rate":
        last = SMALL.end - timedelta(days=8)  # those whose week is over
    weekdays = {(event.first + timedelta(days=day)).isoweekday() for day in range((last - event.first).days + 1)}
    # Against the same weekdays of the four weeks before.
    before = between(bank, sign, event.first - timedelta(days=28), event.first - timedelta(days=1), weekdays)
    during = between(bank, sign, event.first, last, weekdays)
    assert (during > before) == (sign.direction == "up")
    assert abs(during - before) > 0.005 * before


def test_signs_name_kpis_and_dimensions_that_exist() -> None:
    for event in EVENTS:
        for sign in event.signs:
            assert sign.kpi in METRICS
            assert not sign.dimension or sign.dimension in DIMENSIONS
            assert not sign.dimension or sign.dimension in METRICS[sign.kpi].dimensions
        assert event.zh
        assert event.en
        assert event.cause_zh
        assert event.cause_en


def test_several_events_lie_in_the_last_two_months_and_all_within_their_dates() -> None:
    recent = [event for event in EVENTS if event.first > SMALL.end - timedelta(days=60)]
    assert len(recent) >= 5
    assert {event.id for event in EVENTS} == {
        "robot_release", "wechat_outage", "shop_campaign", "team_waits", "tier_coverage", "fee_notice", "sms_gateway",
    }  # fmt: skip


def test_the_campaign_lies_in_november_whenever_the_data_ends() -> None:
    options = Options(end=date(2026, 6, 30), days=400, interactions=100, customers=1000)
    campaigns = [event for event in planted(options) if event.id == "shop_campaign"]
    assert [(event.first, event.last) for event in campaigns] == [(date(2025, 11, 9), date(2025, 11, 12))]


def test_an_outage_lasts_one_day(bank: duckdb.DuckDBPyConnection) -> None:
    outage = next(event for event in EVENTS if event.id == "wechat_outage")
    by_day = dict(bank.execute("SELECT day, count(*) FROM contact WHERE channel = 'wechat' GROUP BY 1").fetchall())
    assert outage.first == outage.last
    around = [by_day[outage.first + timedelta(days=shift)] for shift in (-1, 1)]
    assert by_day[outage.first] < 0.7 * min(around)
