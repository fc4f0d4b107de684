"""Row by row: what is loaded, left out and rejected, and why."""

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kpi import schema
from kpi.errors import MixedData, UnknownName
from kpi.ingest import import_file, rejected_rows_csv
from kpi.table_file import guarded
from kpi.warehouse import Warehouse
from kpi.warehouse.load import Load, LoadReport
from tests.ingest.conftest import GOOD, HEADER, MAPPING

LoadRows = Callable[..., LoadReport]


def interactions(warehouse: Warehouse) -> list[Any]:
    with warehouse.read() as connection:
        return list(connection.execute(sa.select(schema.interaction).order_by("interaction_id")))


def rejected(warehouse: Warehouse) -> list[tuple[int, dict[str, Any], list[str]]]:
    with warehouse.read() as connection:
        rows = connection.execute(sa.select(schema.rejected_row).order_by("load_id", "row_number"))
        return [(row.row_number, json.loads(row.raw), json.loads(row.reasons)) for row in rows]


def counts(report: LoadReport) -> dict[str, int]:
    got = {
        name: getattr(report, name) for name in ("rows_read", "loaded", "updated", "duplicate", "excluded", "rejected")
    }
    assert got["rows_read"] == sum(got.values()) - got["rows_read"]
    return {name: value for name, value in got.items() if value}


def test_a_row_becomes_an_interaction(warehouse: Warehouse, load_rows: LoadRows) -> None:
    assert counts(load_rows(GOOD)) == {"rows_read": 1, "loaded": 1}
    (row,) = interactions(warehouse)
    assert (row.source, row.interaction_id, row.channel, row.topic) == ("calls", "c1", "phone", "card")
    assert (row.started_at, row.ended_at) == (datetime(2024, 6, 1, 8), datetime(2024, 6, 1, 8, 5))
    assert row.business_date.isoformat() == "2024-06-01"
    assert (row.talk_seconds, row.engaged, row.wait_seconds, row.outcome) == (60, True, None, None)


def test_trap_a_row_whose_text_is_no_plain_text_is_rejected_with_the_reason(
    warehouse: Warehouse, load_rows: LoadRows
) -> None:
    wrong = ["c\x1b[2J", '"c\n3"', "c\u2028", "x" * 201, "y" * 100_000]
    report = load_rows(GOOD, *(GOOD.replace("c1", id_, 1) for id_ in wrong), GOOD.replace("c1", "名" * 200, 1))
    assert counts(report) == {"rows_read": 7, "loaded": 2, "rejected": 5}
    reasons = [" ".join(told) for _, _, told in rejected(warehouse)]
    assert [("control character" in told, "more than 200 characters" in told) for told in reasons] == [
        (True, False), (True, False), (True, False), (False, True), (False, True),
    ]  # fmt: skip
    assert all("interaction_id" in told and len(told) < 300 and "\x1b" not in told for told in reasons)


def test_an_empty_warehouse_adopts_the_zone_of_the_file(warehouse: Warehouse, load_rows: LoadRows) -> None:
    load_rows(GOOD)
    assert warehouse.published().zone.key == "Europe/Berlin"


def test_the_feed_says_what_it_carries_and_until_when(warehouse: Warehouse, load_rows: LoadRows) -> None:
    load_rows(GOOD, "c2,2024-06-01 23:58:00,2024-06-02 00:10:00,P,k1,card,60")
    feed = warehouse.published().feeds["calls"]
    assert feed.carries == {
        "interaction_id", "started_at", "ended_at", "channel", "direction", "customer_key", "topic", "talk_seconds",
        "engaged",
    }  # fmt: skip
    # The file holds whole days: the end of the day of the latest start, though that call ended a day later.
    assert feed.watermark == datetime(2024, 6, 1, 22)


def test_the_watermark_may_be_the_last_start(warehouse: Warehouse, load_rows: LoadRows) -> None:
    load_rows(GOOD, change={"required =": 'watermark = "last_start"\nrequired ='})
    assert warehouse.published().feeds["calls"].watermark == datetime(2024, 6, 1, 8)


def test_an_older_file_does_not_turn_the_watermark_back(warehouse: Warehouse, load_rows: LoadRows) -> None:
    load_rows(GOOD)
    load_rows("c0,2024-05-01 10:00:00,2024-05-01 10:05:00,P,k1,card,60")
    assert warehouse.published().feeds["calls"].watermark == datetime(2024, 6, 1, 22)


def test_values_of_a_map_become_its_id(warehouse: Warehouse, load_rows: LoadRows) -> None:
    load_rows(GOOD.replace("card", "mortgage"))
    assert interactions(warehouse)[0].topic == "loan"
    with warehouse.read() as connection:
        topics = connection.execute(sa.select(schema.topic.c.topic, schema.topic.c.name_zh)).all()
        channel = connection.execute(sa.select(schema.channel)).one()
    assert sorted(map(tuple, topics)) == [("card", "卡"), ("loan", "贷款")]
    assert (channel.channel, channel.family, channel.messaging) == ("phone", "phone", False)


def test_the_latest_update_of_a_contact_holds_in_whatever_order_its_versions_come(
    warehouse: Warehouse, load_rows: LoadRows
) -> None:
    """The small source says it in ``customer``; 12:00 in Berlin is 10:00 in UTC."""
    change = {'customer_key = "customer"': 'updated_at = "CAST(customer AS TIMESTAMP)"'}

    def version(updated: str, talk: int) -> str:
        return f"c1,2024-06-01 10:00:00,2024-06-01 10:05:00,P,{updated},card,{talk}"

    report = load_rows(
        version("2024-06-01 11:00", 1), version("2024-06-01 12:00", 2), version("", 3), version("2024-06-01 09:00", 4),
        change=change,
    )  # fmt: skip
    assert counts(report) == {"rows_read": 4, "loaded": 1, "duplicate": 3}
    assert counts(load_rows(version("2024-06-01 11:30", 5), change=change)) == {"rows_read": 1, "duplicate": 1}
    (row,) = interactions(warehouse)
    assert (row.talk_seconds, row.updated_at) == (2, datetime(2024, 6, 1, 10))


def test_excluded_rows_are_counted_and_not_judged(warehouse: Warehouse, load_rows: LoadRows) -> None:
    report = load_rows(GOOD, "x,no time,,?,,test,")
    assert counts(report) == {"rows_read": 2, "loaded": 1, "excluded": 1}
    with warehouse.read() as connection:
        assert connection.execute(sa.select(schema.exclusion.c.reason, schema.exclusion.c.rows)).all() == [
            ("test call", 1)
        ]


def test_a_bad_row_is_kept_with_its_number_and_every_reason(warehouse: Warehouse, load_rows: LoadRows) -> None:
    report = load_rows(GOOD, ",2024-13-01 10:00:00,2024-06-01 10:05:00,F,,travel,-5", "c3" + GOOD[2:])
    assert counts(report) == {"rows_read": 3, "loaded": 2, "rejected": 1}
    ((number, raw, reasons),) = rejected(warehouse)
    assert number == 2
    assert raw == {
        "id": None, "start": "2024-13-01 10:00:00", "end": "2024-06-01 10:05:00", "channel": "F", "customer": None,
        "topic": "travel", "talk": "-5",
    }  # fmt: skip
    assert reasons == [
        "interaction_id: empty (id “”)",
        "started_at: nothing can be made of start “2024-13-01 10:00:00”",
        "channel: the mapping does not know “F”; it knows P",
        "topic: the mapping does not know “travel”; it knows card, loan, mortgage",
        "talk_seconds: -5 is outside 0 to 2678400",
    ]


REASONS = [
    ("c,1970-01-01,2024-06-01,P,k,card,1", "started_at: 1970-01-01 00:00:00 is not between 1990 and 2100"),
    ("c,infinity,2024-06-01,P,k,card,1", "started_at: infinity is not between 1990 and 2100"),
    (
        "c,2024-06-01 10:00,2024-06-01 09:59,P,k,card,1",
        "ended_at lies before started_at (start “2024-06-01 10:00”, end “2024-06-01 09:59”)",
    ),
    ("c,2024-06-01,2024-06-02,P,k,card,long", "talk_seconds: nothing can be made of talk “long”"),
    ("c,2024-06-01,2024-06-02,P,,card,101", "talk without a customer (customer “”, talk “101”)"),
    (
        "c,2024-06-01,2024-06-02,P,,card,x",
        "check “talk without a customer”: cannot be judged from customer “”, talk “x”",
    ),
    ("c,2024-06-01,,P,k,card,99999999999", "talk_seconds: nothing can be made of talk “99999999999”"),
    ('c,2024-06-01,,P,k,"ca""r,d",1', 'topic: the mapping does not know “ca"r,d”; it knows card, loan, mortgage'),
]


def test_reasons(warehouse: Warehouse, load_rows: LoadRows) -> None:
    report = load_rows(GOOD, *(row for row, _ in REASONS))
    assert (report.loaded, report.rejected) == (1, len(REASONS))
    for (number, _, reasons), (_, expected) in zip(rejected(warehouse), REASONS, strict=True):
        assert expected in reasons, number


def test_closed_lists_are_held(warehouse: Warehouse, load_rows: LoadRows) -> None:
    load_rows(GOOD, GOOD.replace("card", "sms"), change={'topic = "topic"': 'media = "topic"', **_without_topics()})
    assert rejected(warehouse)[0][2] == ["media: “card” is no valid value; valid: text, picture, video, voice"]


def _without_topics() -> dict[str, str]:
    start, end = MAPPING.index("[topics.card]"), len(MAPPING)
    return {MAPPING[start:end]: ""}


def test_an_open_contact_has_no_end(warehouse: Warehouse, load_rows: LoadRows) -> None:
    assert load_rows("c1,2024-06-01 10:00:00,,P,k1,card,").rejected == 0
    assert interactions(warehouse)[0].ended_at is None


# --- clocks ---


def test_trap_a_time_that_the_clocks_skipped_is_rejected(warehouse: Warehouse, load_rows: LoadRows) -> None:
    report = load_rows(GOOD, "c2,2024-03-31 02:30:00,2024-03-31 03:10:00,P,k1,card,60")
    assert (report.loaded, report.rejected) == (1, 1)
    assert rejected(warehouse)[0][2] == [
        "started_at: 2024-03-31 02:30:00 did not exist in Europe/Berlin (clocks were put forward)"
    ]


def test_trap_a_time_that_occurs_twice_is_the_first_and_an_end_the_one_after_the_start(
    warehouse: Warehouse, load_rows: LoadRows
) -> None:
    # 27 October 2024: 03:00 summer time is put back to 02:00. 02:10 is 00:10 or 01:10 UTC.
    load_rows(
        "a,2024-10-27 02:10:00,2024-10-27 02:20:00,P,k1,card,60",
        "b,2024-10-27 02:50:00,2024-10-27 02:10:00,P,k1,card,60",
        "c,2024-10-27 01:50:00,2024-10-27 03:10:00,P,k1,card,60",
    )
    assert [
        (row.started_at.time().isoformat(), row.ended_at.time().isoformat()) for row in interactions(warehouse)
    ] == [
        ("00:10:00", "00:20:00"),
        ("00:50:00", "01:10:00"),
        ("23:50:00", "02:10:00"),
    ]


def test_a_time_with_an_offset_is_taken_as_it_is(warehouse: Warehouse, load_rows: LoadRows) -> None:
    change = {"CAST(start AS TIMESTAMP)": "CAST(start AS TIMESTAMPTZ)"}
    load_rows("c1,2024-06-01T10:00:00+08:00,2024-06-01 10:05:00,P,k1,card,60", change=change)
    assert interactions(warehouse)[0].started_at == datetime(2024, 6, 1, 2)


# --- again ---


def test_the_same_file_again_changes_nothing(warehouse: Warehouse, load_rows: LoadRows) -> None:
    rows = (GOOD, "c2" + GOOD[2:], "c3" + GOOD[2:])
    load_rows(*rows)
    before = interactions(warehouse)
    assert counts(load_rows(*rows)) == {"rows_read": 3, "duplicate": 3}
    assert interactions(warehouse) == before


def test_a_corrected_row_replaces_the_old_one(warehouse: Warehouse, load_rows: LoadRows) -> None:
    load_rows(GOOD, "c2" + GOOD[2:])
    assert counts(load_rows(GOOD.replace(",60", ",90"), "c2" + GOOD[2:])) == {
        "rows_read": 2,
        "updated": 1,
        "duplicate": 1,
    }
    assert [row.talk_seconds for row in interactions(warehouse)] == [90, 60]


def test_rejected_rows_can_be_downloaded_mended_and_loaded(
    warehouse: Warehouse, load_rows: LoadRows, write: Callable[..., Path]
) -> None:
    report = load_rows(GOOD, 'c2,never,,P,"k, ""2""",card,60', "c3,2024-06-01 11:00:00,,F,k3,card,60")
    exported = rejected_rows_csv(warehouse, report.load_id)
    first, second = csv.DictReader(io.StringIO(exported))
    assert (first["rejected_row"], first["customer"], second["rejected_row"]) == ("2", 'k, "2"', "3")
    assert "never" in first["reasons"]
    # One is mended, the other is not: it stays rejected, and its export has the same columns as the first.
    mended = write("mended.csv", exported.replace("never", "2024-06-01 12:00:00"))
    again = import_file(warehouse, mended, write("small.toml", MAPPING))
    assert counts(again) == {"rows_read": 2, "loaded": 1, "rejected": 1}
    third = rejected_rows_csv(warehouse, again.load_id)
    assert third.splitlines()[0] == exported.splitlines()[0] == f"rejected_row,reasons,{HEADER}"
    assert [row.interaction_id for row in interactions(warehouse)] == ["c1", "c2"]


def test_trap_rejected_rows_are_no_formulas_and_load_back_to_the_letter(
    warehouse: Warehouse, write: Callable[..., Path]
) -> None:
    """Texts of a rejected row stand behind an apostrophe in the export, which is taken off again and no other one."""
    ids = ["=1+1", "'=2", "''-3", " \u200b＝4", " @5", "'plain", "-6", "−7"]
    mapping = write("small.toml", MAPPING.replace('"talk"', '"=talk"').replace("CAST(talk", 'CAST(\\"=talk\\"'))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*HEADER.split(",")[:-1], "=talk"])
    writer.writerows([one, "never", "", "P", one, "card", "60"] for one in ids)
    report = import_file(warehouse, write("x.csv", text.getvalue()), mapping)
    assert counts(report) == {"rows_read": len(ids), "rejected": len(ids)}
    exported = rejected_rows_csv(warehouse, report.load_id)
    assert exported.splitlines()[0].endswith(",'=talk")
    told = [row["id"] for row in csv.DictReader(io.StringIO(exported))]
    assert told == [guarded(one) for one in ids]
    assert [one for one in told if not one.startswith("'")] == ["−7"]
    again = import_file(warehouse, write("mended.csv", exported.replace("never", "2024-06-01 12:00:00")), mapping)
    assert counts(again) == {"rows_read": len(ids), "loaded": len(ids)}
    assert {row.interaction_id for row in interactions(warehouse)} == set(ids)


def test_an_export_is_read_whatever_the_format_of_the_source(warehouse: Warehouse, write: Callable[..., Path]) -> None:
    mapping = write(
        "m.toml",
        MAPPING.replace("required =", 'delimiter = ";"\nencoding = "gb18030"\nrequired =').replace('["P"]', '["电话"]'),
    )
    text = f"{HEADER}\n{GOOD.replace(',P,', ',电话,')}\n{GOOD.replace(',P,', ',微信,')}\n".replace(",", ";")
    report = import_file(warehouse, write("x.csv", text.encode("gb18030")), mapping)
    assert counts(report) == {"rows_read": 2, "loaded": 1, "rejected": 1}
    exported = rejected_rows_csv(warehouse, report.load_id)
    assert "微信" in exported
    mended = import_file(warehouse, write("mended.csv", exported.replace(",微信,", ",电话,")), mapping)
    assert counts(mended) == {"rows_read": 1, "duplicate": 1}


def test_rejected_rows_of_no_load(warehouse: Warehouse, load_rows: LoadRows) -> None:
    load_rows(GOOD)
    with pytest.raises(UnknownName, match="no load “99”"):
        rejected_rows_csv(warehouse, 99)


def test_a_file_of_which_nothing_fits_loads_nothing_and_keeps_everything(
    warehouse: Warehouse, load_rows: LoadRows
) -> None:
    assert counts(load_rows("c1,never,,P,,card,1", "c2,2024-06-01,,?,,card,1")) == {"rows_read": 2, "rejected": 2}
    assert [number for number, _, _ in rejected(warehouse)] == [1, 2]
    assert warehouse.published().feeds == {}


# --- other ways to write a file ---


@pytest.mark.parametrize("name", ["odd [name] *.csv", "it's.csv", "微信.csv"])
def test_odd_file_names(warehouse: Warehouse, write: Callable[..., Path], name: str) -> None:
    assert import_file(warehouse, write(name, f"{HEADER}\n{GOOD}\n"), write("m.toml", MAPPING)).loaded == 1


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeff{HEADER}\n{GOOD}\n".encode(),
        f"{HEADER}\r\n{GOOD}\r\n".encode(),
        f'"id","start","end","channel","customer","topic","talk"\n{GOOD}\n'.encode(),
        f"{HEADER}\n\n{GOOD}\n\n".encode(),
        f"talk,x,{HEADER.removesuffix(',talk')}\n60,?,{GOOD.removesuffix(',60')}\n".encode(),
    ],
    ids=["byte-order-mark", "windows", "quoted-header", "blank-lines", "other-order"],
)
def test_variants_of_csv(warehouse: Warehouse, write: Callable[..., Path], content: bytes) -> None:
    assert counts(import_file(warehouse, write("x.csv", content), write("m.toml", MAPPING))) == {
        "rows_read": 1,
        "loaded": 1,
    }
    assert interactions(warehouse)[0].talk_seconds == 60


def test_a_file_without_a_header(warehouse: Warehouse, write: Callable[..., Path]) -> None:
    names = ", ".join(f'"{name}"' for name in HEADER.split(","))
    mapping = write("m.toml", MAPPING.replace("required =", f"header = false\nnames = [{names}]\nrequired ="))
    assert import_file(warehouse, write("x.csv", f"{GOOD}\n"), mapping).loaded == 1


def test_a_column_without_a_name_is_called_by_its_position(warehouse: Warehouse, write: Callable[..., Path]) -> None:
    mapping = write("m.toml", MAPPING.replace('"id"', '"column_1"'))
    file = write("x.csv", f"{HEADER.removeprefix('id')}\n{GOOD}\n")
    assert import_file(warehouse, file, mapping).loaded == 1
    assert interactions(warehouse)[0].interaction_id == "c1"


def test_json_lines(warehouse: Warehouse, write: Callable[..., Path]) -> None:
    record = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
    first = record | {"talk": {"net": {"seconds": 60}}, "same": {"A": 1, "a": 2}}
    second = record | {"id": "c2", "start": "never", "talk": None}
    change = {
        "required =": 'format = "json"\nrequired =',
        "CAST(talk AS INTEGER)": "CAST(talk ->> '$.net.seconds' AS INTEGER)",
    }
    text = MAPPING
    for old, new in change.items():
        text = text.replace(old, new)
    file = write("x.json", json.dumps(first) + "\n" + json.dumps(second) + "\n")
    report = import_file(warehouse, file, write("m.toml", text))
    assert counts(report) == {"rows_read": 2, "loaded": 1, "rejected": 1}
    assert interactions(warehouse)[0].talk_seconds == 60
    assert (rejected(warehouse)[0][1]["start"], rejected(warehouse)[0][1]["talk"]) == ("never", None)
    # A list of records is read like lines.
    assert import_file(warehouse, write("l.json", json.dumps([first, second])), write("m.toml", text)).duplicate == 1


def test_parquet(warehouse: Warehouse, write: Callable[..., Path], tmp_path: Path) -> None:
    import duckdb

    source = write("x.csv", f"{HEADER}\n{GOOD}\n")
    duckdb.sql(f"COPY (FROM read_csv('{source}')) TO '{tmp_path / 'x.parquet'}'")
    mapping = write("m.toml", MAPPING.replace("required =", 'format = "parquet"\nrequired ='))
    assert import_file(warehouse, tmp_path / "x.parquet", mapping).loaded == 1
    assert interactions(warehouse)[0].started_at == datetime(2024, 6, 1, 8)


# --- beside synthetic data ---


def test_real_data_is_not_put_into_a_demo_warehouse_unless_asked_for(
    warehouse: Warehouse, write: Callable[..., Path]
) -> None:
    warehouse.create()
    started = datetime(2024, 6, 1, 8)
    with Load(warehouse, description="demo", synthetic=True) as load:
        load.feed("demo", "演示", "Demo", datetime(2024, 6, 2), {"channel"})
        import pandas as pd

        row = {
            "source": "demo",
            "interaction_id": "1",
            "started_at": started,
            "channel": "chat",
            "direction": "inbound",
        }
        load.stage("interaction", pd.DataFrame([row]))
        load.publish()
    file, mapping = write("x.csv", f"{HEADER}\n{GOOD}\n"), write("m.toml", MAPPING)
    with pytest.raises(MixedData):
        import_file(warehouse, file, mapping)
    assert len(interactions(warehouse)) == 1
    assert import_file(warehouse, file, mapping, allow_mixed=True).loaded == 1
