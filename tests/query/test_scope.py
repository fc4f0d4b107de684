"""Who may see what, in the query itself: a viewer's scope, small cells; and names that do not exist."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from kpi.errors import InputError, NotApplicable, PeriodError, UnknownName
from kpi.query import Filter, Scope, answer, rows
from kpi.query.rows import all_rows
from kpi.warehouse import Warehouse
from tests.query.ask import asked, cell, filters, parts, question, values
from tests.query.traps import world
from tests.world import make

WEEK = "2026-03-02/2026-03-08"
NO_ROWS = Scope(see_interactions=False)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Customers who came in P by tier and channel: 1★ 12 by phone 30 in WeChat · 2★ 15 and 20 · 3★ 3 and 40 ·
    4★ none and 11. Everybody came once; in the week before, only three of 4★ came in WeChat and ten of 1★.
    """
    facts = world()
    facts.contact("self", "2026-02-20 10:00")
    key = 0
    for tier, calls, sessions in ((1, 12, 30), (2, 15, 20), (3, 3, 40), (4, 0, 11)):
        for number in range(calls + sessions):
            key += 1
            facts.customer(key, tier)
            kind = "call" if number < calls else "self"
            facts.contact(kind, "2026-03-03 10:00", customer_key=key, topic="balance",
                          **({"csat_asked": True, "csat_score": 5} if number % 3 == 0 else {}))  # fmt: skip
            if (tier == 4 and number < 3) or (tier == 1 and number < 10):
                facts.contact("self", "2026-02-24 10:00", customer_key=key, topic="balance")
    warehouse = make(tmp_path_factory.mktemp("bank"), "duckdb")
    facts.publish(warehouse, "2026-04-01 00:00")
    yield warehouse
    warehouse.close()


def _reasons(warehouse: Warehouse, kpi: str, *by: str, **more: Any) -> dict[Any, str | None]:
    found = asked(warehouse, kpi, WEEK, *by, **more)
    return {cell.key if len(by) > 1 else cell.key[0]: cell.reason for cell in found.cells}


def test_trap_small_cell_shown(bank: Warehouse) -> None:
    """3★ by phone are three customers: hidden, and the numbers beside the value with it."""
    hidden = asked(bank, "volume", WEEK, "tier", channel="hotline", scope=NO_ROWS).cell("volume", 3)
    assert hidden.reason == "hidden"
    assert (hidden.value, hidden.numerator, hidden.n, hidden.low, hidden.previous) == (None, None, None, None, None)
    assert values(bank, "volume", WEEK, "tier", channel="hotline")[3] == 3  # who may see interactions sees it


def test_trap_hidden_cell_recovered_by_subtraction(bank: Warehouse) -> None:
    """Phone 12 + 15 + (3): the total less the others would give 3, so the next smallest is hidden too."""
    found = _reasons(bank, "volume", "tier", channel="hotline", scope=NO_ROWS)
    assert found == {1: "hidden", 2: None, 3: "hidden"}


def test_trap_hidden_cell_recovered_along_the_other_dimension(bank: Warehouse) -> None:
    """By channel and tier: 3★ by phone could be had from 3★ less WeChat, and from the phone less 1★ and 2★."""
    found = _reasons(bank, "volume", "channel", "tier", scope=NO_ROWS)
    hidden = {key for key, reason in found.items() if reason == "hidden"}
    assert {("hotline", 3), ("wechat", 3), ("hotline", 1)} <= hidden
    for position in (0, 1):
        for value in {key[position] for key in hidden}:
            line = [key for key in found if key[position] == value]
            assert sum(key in hidden for key in line) != 1 or len(line) == 1


def test_trap_small_cell_behind_a_large_number_of_contacts(bank: Warehouse) -> None:
    """A cell stands for those whom its KPI counts: 4★ has eleven customers, but four answered the survey."""
    assert _reasons(bank, "csat", "tier", scope=NO_ROWS)[4] == "hidden"
    assert _reasons(bank, "volume", "tier", scope=NO_ROWS)[4] is None


def test_trap_small_cell_of_the_comparison(bank: Warehouse) -> None:
    """This week's eleven may be seen, last week's three not."""
    found = asked(bank, "volume", WEEK, "tier", compare="previous", scope=NO_ROWS)
    four = found.cell("volume", 4)
    assert (four.value, four.previous, four.change) == (11, None, None)
    assert asked(bank, "volume", WEEK, "tier", compare="previous").cell("volume", 4).previous == 3


@pytest.mark.parametrize(
    ("kpi", "by"),
    [("tail_reach_frequency", ("tier", "reach")), ("tier_upgrade_rate", ("tier", "tier_after")),
     ("long_tail_coverage", ("tier", "through")), ("tail_base", ("tier",)), ("gini_contacts", ("tier",))],
)  # fmt: skip
def test_small_cells_of_customers_are_hidden_where_a_cell_is_of_few(
    bank: Warehouse, kpi: str, by: tuple[str, ...]
) -> None:
    """Only 42, 35, 43 and 11 customers by tier: nothing is small, until the question is about one region's few."""
    found = asked(bank, kpi, WEEK, *by, scope=NO_ROWS)
    seen = {cell.key: cell.n for cell in asked(bank, kpi, WEEK, *by).cells}
    for one in found.cells:
        assert (one.reason == "hidden") <= (one.key[0] is not None)
        if one.reason is None:
            assert (seen[one.key] or 0) >= 10


def test_a_viewer_without_interactions_gets_no_rows(bank: Warehouse) -> None:
    with pytest.raises(InputError, match="interactions"):
        rows(bank, question("volume", WEEK, scope=NO_ROWS))


def test_all_rows_come_page_after_page_as_they_are_listed(bank: Warehouse) -> None:
    for sort in ("", "-wait_seconds"):
        pages = list(all_rows(bank, question("volume", WEEK), sort=sort, size=50))
        assert [(page.page, len(page.records)) for page in pages] == [(1, 50), (2, 50), (3, 31)]
        listed = [rows(bank, question("volume", WEEK), page=number, size=50, sort=sort) for number in (1, 2, 3)]
        assert [page.records for page in pages] == [page.records for page in listed]
        assert {(page.total, page.numerator, page.columns) for page in pages} == {(131, None, listed[0].columns)}
    nobody = question("volume", WEEK, channel="hotline", scope=Scope(filters=tuple(filters(channel="sms"))))
    assert [page.total for page in all_rows(bank, nobody)] == [0]
    with pytest.raises(InputError, match="interactions"):
        next(all_rows(bank, question("volume", WEEK, scope=NO_ROWS)))
    with pytest.raises(UnknownName):
        next(all_rows(bank, question("volume", WEEK), sort="nothing"))


def test_scope_holds_whatever_is_filtered(bank: Warehouse) -> None:
    phone = Scope(filters=tuple(filters(channel="hotline")))
    assert cell(bank, "volume", WEEK, scope=phone).value == 30
    assert cell(bank, "volume", WEEK, scope=phone, channel="wechat").value == 0
    assert set(values(bank, "volume", WEEK, "channel", scope=phone)) == {"hotline"}
    assert rows(bank, question("volume", WEEK, scope=phone)).total == 30


def test_trap_share_of_a_whole_that_the_viewer_may_not_see(bank: Warehouse) -> None:
    assert parts(bank, "channel_mix", WEEK, channel="hotline") == (30, 131)
    phone = Scope(filters=tuple(filters(channel="hotline")))
    assert parts(bank, "channel_mix", WEEK, scope=phone) == (30, 30)
    assert values(bank, "channel_mix", WEEK, "channel", scope=phone) == {"hotline": 1}
    assert rows(bank, question("channel_mix", WEEK, scope=phone)).total == 30


def test_trap_scope_that_a_kpi_cannot_apply(bank: Warehouse) -> None:
    with pytest.raises(NotApplicable, match="occupancy"):
        answer(bank, question("occupancy", WEEK, scope=Scope(filters=tuple(filters(channel="hotline")))))


def test_keys_of_agents_only_for_who_may_see_them(bank: Warehouse) -> None:
    assert "agent_key" in rows(bank, question("agent_volume", WEEK)).columns
    assert "agent_key" not in rows(bank, question("agent_volume", WEEK, scope=Scope(see_agents=False))).columns


def test_figures_of_agents_only_for_who_may_see_them(bank: Warehouse) -> None:
    blind = Scope(see_agents=False)
    for by, only in ((("agent",), {}), ((), {"agent": "a1"})):
        refused = question("volume", WEEK, *by, scope=blind, **only)
        with pytest.raises(InputError, match="agent"):
            answer(bank, refused)
        assert answer(bank, replace(refused, scope=Scope())).cells
    own = Scope(tuple(filters(agent="a1")), see_agents=False)
    assert answer(bank, question("volume", WEEK, scope=own)).cell("volume").value


@pytest.mark.parametrize(
    ("kpis", "by", "only", "suggestion"),
    [
        ("csatt", (), {}, "csat"),
        ("volume", ("chanel",), {}, "channel"),
        ("volume", (), {"chanel": "wechat"}, "channel"),
        ("volume", (), {"channel": "wechatt"}, "channel=wechat"),
        ("volume", (), {"tier": "9"}, None),
        ("volume", (), {"hour": "24"}, None),
        ("volume", (), {"half_hour": "48"}, None),
        ("volume", (), {"weekday": "0"}, None),
        ("volume", (), {"weekday": "Monday"}, None),
    ],
)
def test_unknown_names_are_told_with_the_nearest(
    bank: Warehouse, kpis: str, by: tuple[str, ...], only: dict[str, Any], suggestion: str | None
) -> None:
    with pytest.raises(UnknownName) as error:
        answer(bank, question(kpis, WEEK, *by, **only))
    assert suggestion is None or error.value.suggestion == suggestion
    assert error.value.exit_code == 2
    assert error.value.valid


def test_a_dimension_that_does_not_apply_names_those_that_do(bank: Warehouse) -> None:
    with pytest.raises(NotApplicable) as error:
        answer(bank, question("occupancy", WEEK, "channel"))
    for message in (error.value.message("zh"), error.value.message("en")):
        assert "occupancy" in message
        assert "half_hour" in message
    with pytest.raises(NotApplicable):
        answer(bank, question("volume csat occupancy", WEEK, channel="wechat"))


@pytest.mark.parametrize(
    ("only", "told"),
    [
        ({"month": "2026-03-15"}, "2026-03-01"),
        ({"week": "2026-03-08"}, "2026-03-02"),
        ({"date": "8 March"}, "2026-11-23"),
    ],
)
def test_a_day_that_begins_no_week_or_month_names_the_one_that_does(
    bank: Warehouse, only: dict[str, Any], told: str
) -> None:
    with pytest.raises(PeriodError) as error:
        answer(bank, question("volume", WEEK, **only))
    assert error.value.exit_code == 2
    for message in (error.value.message("zh"), error.value.message("en")):
        assert told in message


def test_the_limits_of_clock_and_calendar_are_values(bank: Warehouse) -> None:
    for only in ({"hour": ("0", "23")}, {"half_hour": ("0", "47")}, {"weekday": ("1", "7")}, {"month": "2026-03-01"},
                 {"week": "2026-03-02"}):  # fmt: skip
        assert asked(bank, "volume", WEEK, **only).cells, only


def test_dates_that_are_no_period() -> None:
    with pytest.raises(PeriodError):
        question("volume", "2026-03-08/2026-03-02")


def test_unknown_stands_for_null(bank: Warehouse) -> None:
    assert cell(bank, "volume", WEEK, tier="").value == 0
    assert cell(bank, "volume", WEEK, tier=("", 4)).value == 11
    assert answer(bank, question("volume", WEEK).drill("tier", "4")).question.filters == (Filter("tier", ("4",)),)
