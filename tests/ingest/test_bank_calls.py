"""The shipped mapping of a bank's call log, on a small log with all its quirks; expected figures by hand."""

from collections.abc import Iterator
from datetime import date, datetime

import pytest
import sqlalchemy as sa

from kpi import schema
from kpi.ingest import import_file
from kpi.query import Period, Question, answer
from kpi.settings import load_settings
from kpi.warehouse import Warehouse
from tests.ingest import bank_log

DAYS = Period(date(2010, 8, 1), date(2010, 8, 2))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """The log in a warehouse of the default engine; the tests only read it."""
    folder = tmp_path_factory.mktemp("bank")
    file = folder / "calls.csv"
    file.write_text(bank_log.text())
    warehouse = Warehouse.from_settings(load_settings({"KPI_HOME": str(folder / "home")}))
    report = import_file(warehouse, file, "bank_calls")
    assert (report.rows_read, report.loaded, report.excluded, report.rejected) == (61, 56, 5, 0)
    assert (report.first_date, report.last_date) == (DAYS.start, DAYS.end)
    yield warehouse
    warehouse.close()


def value(bank: Warehouse, kpi: str) -> tuple[object, ...]:
    cell = answer(bank, Question((kpi,), DAYS)).cell(kpi)
    assert cell.reason is None
    return cell.value, cell.numerator, cell.denominator


def call(bank: Warehouse, interaction_id: str) -> sa.Row:
    with bank.read() as connection:
        return connection.execute(
            sa.select(schema.interaction).where(schema.interaction.c.interaction_id == interaction_id)
        ).one()


def test_headline_figures(bank: Warehouse) -> None:
    assert value(bank, "volume")[0] == 56
    assert value(bank, "agent_volume")[0] == 33
    assert value(bank, "abandonment_rate")[1:] == (13, 46)
    assert value(bank, "answer_rate")[1:] == (33, 46)
    assert value(bank, "service_level")[1:] == (18, 46)
    assert value(bank, "asa") == (pytest.approx(1083 / 33), 1083, 33)
    assert value(bank, "aht") == (pytest.approx(3951 / 33), 3951, 33)
    assert value(bank, "customers_served")[0] == 25
    assert value(bank, "contacts_per_customer") == (pytest.approx(33 / 25), 33, 25)


def test_calls_hung_up_before_the_queue_are_not_offered(bank: Warehouse) -> None:
    stages = answer(bank, Question(("volume",), DAYS, by=("abandoned_stage",)))
    assert {cell.key[0]: cell.value for cell in stages.cells} == {"none": 33, "queue": 13, "menu": 10}
    assert value(bank, "abandonment_rate")[2] == 33 + 13


def test_trap_business_days_are_the_files_own_dates(bank: Warehouse) -> None:
    days = answer(bank, Question(("volume",), DAYS, by=("date",)))
    assert [cell.value for cell in days.cells] == [28, 28]


def test_trap_midnight(bank: Warehouse) -> None:
    waited = call(bank, "AA0208-7582-2010-08-01")
    assert (waited.business_date, waited.wait_seconds) == (date(2010, 8, 1), 88)
    # 0:01:16 of 2 August in Jerusalem, three hours ahead of UTC in summer
    assert waited.ended_at == datetime(2010, 8, 1, 21, 1, 16)
    served = call(bank, "AA0206-47700-2010-08-01")
    assert served.ended_at == datetime(2010, 8, 1, 21, 4, 25)
    gave_up = call(bank, "AA0213-24653-2010-08-02")
    assert gave_up.ended_at == datetime(2010, 8, 2, 21, 1, 7)


def test_trap_negative_menu_times_do_not_cross_midnight(bank: Warehouse) -> None:
    answered = call(bank, "AA0207-7039-2010-08-01")
    assert answered.started_at == datetime(2010, 8, 1, 9, 4, 42)
    assert answered.ended_at == datetime(2010, 8, 1, 9, 5, 57)
    gave_up = call(bank, "AA0204-43909-2010-08-02")
    assert gave_up.ended_at == datetime(2010, 8, 2, 20, 23, 55)


def test_trap_answered_without_an_agents_name_or_a_queue_is_answered(bank: Warehouse) -> None:
    nobody = call(bank, "AA0207-4006-2010-08-02")
    assert (nobody.human_answered, nobody.agent_key, nobody.wait_seconds, nobody.queued) == (True, None, None, False)
    assert nobody.talk_seconds == 30


def test_trap_a_service_by_nobody_after_giving_up_is_no_talk(bank: Warehouse) -> None:
    lost = call(bank, "AA0302-6001-2010-08-01")
    assert (lost.human_answered, lost.abandoned_stage, lost.talk_seconds, lost.agent_key) == (
        False,
        "queue",
        None,
        None,
    )


def test_trap_call_ids_start_again_each_day_and_line(bank: Warehouse) -> None:
    same = [
        call(bank, id_).agent_key
        for id_ in ("AA0101-4000-2010-08-01", "AA0101-4000-2010-08-02", "AA0201-4000-2010-08-02")
    ]
    assert same == ["AGENT01"] * 3


def test_trap_customer_0_is_nobody(bank: Warehouse) -> None:
    with bank.read() as connection:
        unknown = connection.execute(
            sa.select(sa.func.count()).where(schema.interaction.c.customer_key.is_(None))
        ).scalar_one()
    assert unknown == 23


NOT_TOLD = [
    "fcr",
    "csat",
    "csat_of_asked",
    "nps",
    "ces",
    "self_service_rate",
    "containment_rate",
    "first_response",
    "transfer_rate",
    "occupancy",
    "complaint_rate",
    "referral_rate",
    "long_tail_coverage",
    "cost_per_contact",
    "recognition_rate",
    "wechat_phone_multiple",
]


def test_what_the_log_cannot_tell_is_not_recorded(bank: Warehouse) -> None:
    answered = answer(bank, Question(tuple(NOT_TOLD), DAYS))
    assert {kpi: answered.cell(kpi).reason for kpi in NOT_TOLD} == dict.fromkeys(NOT_TOLD, "not_recorded")
    assert all(cell.value is None for cell in answered.cells)


def test_complete_until_the_end_of_the_files_last_day(bank: Warehouse) -> None:
    assert bank.published().zone.key == "Asia/Jerusalem"
    assert bank.published().complete_until == datetime(2010, 8, 2, 21)
    assert bank.published().today == date(2010, 8, 2)
