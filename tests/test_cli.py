"""The command line: what it writes, and how it refuses."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest

from kpi import cli
from kpi.cli import question_commands
from kpi.metrics.registry import METRICS, SECTIONS
from kpi.query.integrity import Check
from tests.code import ROOT
from tests.world import World, make

CELL = {
    *("kpi", "value", "numerator", "denominator", "n", "low", "high", "previous", "change", "provisional", "partial"),
    "reason",
    *("target_low", "target_high", "met", "target_since", "before_low", "before_high"),
}
DAY = ("--from", "2026-03-02", "--to", "2026-03-02")


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        assert self.code == 0, self.err
        return json.loads(self.out)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two on Sunday; on Monday four to WeChat (three settled, one gave up), three calls answered and one lost."""
    home = tmp_path_factory.mktemp("bank")
    world = World(channels=("hotline", "wechat"))
    world.topic("card", "loan")
    five, six = world.customer(1, tier=5), world.customer(2, tier=6)
    world.contact("self", "2026-03-01 09:00", customer_key=five, topic="loan")
    world.contact("self", "2026-03-01 10:00")
    world.contact("self", "2026-03-02 09:00", customer_key=five, topic="card")
    world.contact("self", "2026-03-02 09:10", customer_key=six)
    world.contact("self", "2026-03-02 09:20")
    world.contact("gave_up", "2026-03-02 09:30")
    for minute, score in ((0, 5), (10, 4), (20, 2)):
        world.contact("call", f"2026-03-02 10:{minute:02}", csat_asked=True, csat_score=score)
    world.contact("abandoned", "2026-03-02 11:00")
    warehouse = make(home, "ducklake")
    world.publish(warehouse, {"hotline": "2026-03-03 00:00", "wechat": "2026-03-02 20:00"})
    warehouse.close()
    (home / "lake").rename(home / "warehouse")
    return home


@pytest.fixture
def run(bank: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command on that bank, in this process."""
    monkeypatch.setenv("KPI_HOME", str(bank))
    monkeypatch.setenv("KPI_MEMORY", "1")

    def command(*arguments: str, language: str = "en") -> Said:
        monkeypatch.setenv("KPI_LANGUAGE", language)
        code = cli.main(arguments)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return command


# --- list ---


def test_list_shows_every_declaration(run: Callable[..., Said]) -> None:
    declared = json.loads(run("list", "--format", "json").out)
    assert [kpi["id"] for kpi in declared] == list(METRICS)
    for kpi in declared:
        for name in ("name_zh", "name_en", "unit", "direction", "class", "formula_zh", "formula_en", "source"):
            assert kpi[name], f"{kpi['id']} has no {name}"
        assert kpi["section"] in SECTIONS
        assert kpi["dimensions"]
        assert kpi["version"] >= 1
        assert kpi["numerator"]
        assert bool(kpi["denominator"]) or kpi["class"] != "ratio"
        assert len(kpi["facts"]) == len(kpi["date_attributes"]) > 0
    by_id = {kpi["id"]: kpi for kpi in declared}
    assert by_id["volume"]["class"] == "additive"
    coverage = by_id["long_tail_coverage"]
    assert (coverage["numerator"], coverage["denominator"]) == ("tail_customers_served", "tail_customers")
    assert coverage["facts"] == ["customer_month", "interaction"]
    assert coverage["date_attributes"] == ["customer_month.month", "interaction.business_date"]
    assert by_id["durable_self_service_rate"]["maturity_days"] == 7
    assert "channel" not in by_id["occupancy"]["dimensions"]


def test_list_for_people_is_told_in_their_language(run: Callable[..., Said]) -> None:
    assert "长尾覆盖率" in run("list", language="zh").out
    assert "long-tail coverage" in run("list").out


# --- query ---


def test_json_is_what_was_agreed(run: Callable[..., Said]) -> None:
    said = run("query", "volume", "csat", "--by", "channel", *DAY, "--format", "json").json
    assert set(said) == {"version", "as_of", "rows"}
    assert said["as_of"] == {"hotline": "2026-03-02T16:00:00Z", "wechat": "2026-03-02T12:00:00Z"}
    assert all(set(row) == CELL | {"channel"} for row in said["rows"])
    values = {(row["kpi"], row["channel"]): row["value"] for row in said["rows"]}
    assert values["volume", "hotline"] == values["volume", "wechat"] == 4
    assert values["csat", "hotline"] == pytest.approx(2 / 3)


def test_trap_a_cut_week_is_partial_in_every_form(run: Callable[..., Said]) -> None:
    asked = ("query", "volume", "--by", "week", "--from", "2026-02-16", "--to", "2026-03-02")
    (whole, cut) = run(*asked, "--format", "json").json["rows"]
    assert (whole["week"], whole["partial"]) == ("2026-02-23", True)  # the data begin on its Sunday
    assert (cut["week"], cut["partial"], cut["value"]) == ("2026-03-02", True, 8)
    rows = list(csv.DictReader(io.StringIO(run(*asked, "--format", "csv").out)))
    assert [row["partial"] for row in rows] == ["True", "True"]
    shown = run(*asked).out
    assert "2026-03-02..2026-03-02 (part)" in shown
    assert "only 1 Mar 2026" in shown
    assert run("query", "volume", "--by", "date", *DAY, "--format", "json").json["rows"][0]["partial"] is False


def test_rate_comes_with_its_parts_and_interval(run: Callable[..., Said]) -> None:
    (row,) = run("query", "self_service_rate", *DAY, "--format", "json").json["rows"]
    assert (row["value"], row["numerator"], row["denominator"], row["n"]) == (0.5, 3, 6, 6)
    assert row["low"] == pytest.approx(0.1876, abs=1e-4)
    assert row["high"] == pytest.approx(0.8124, abs=1e-4)
    assert row["previous"] is None
    assert row["reason"] is None


def test_trap_what_cannot_be_computed_is_null_with_its_reason(run: Callable[..., Said]) -> None:
    (row,) = run("query", "csat", *DAY, "--filter", "channel=wechat", "--format", "json").json["rows"]
    assert (row["value"], row["reason"]) == (None, "zero_denominator")


def test_trap_a_breakdown_without_any_part_says_why(run: Callable[..., Said]) -> None:
    before = ("--from", "2026-02-01", "--to", "2026-02-02")
    rows = run("query", "volume", "csat", "--by", "channel", *before, "--format", "json").json["rows"]
    assert [(row["kpi"], row["channel"], row["value"], row["reason"]) for row in rows] == [
        ("volume", None, None, "no_data"),
        ("csat", None, None, "no_data"),
    ]


def test_comparison(run: Callable[..., Said]) -> None:
    (row,) = run("query", "volume", *DAY, "--compare", "previous", "--format", "json").json["rows"]
    assert (row["value"], row["previous"], row["change"]) == (8, 2, 6)
    dates = ("--compare", "2026-03-01..2026-03-02")
    (row,) = run("query", "volume", *DAY, *dates, "--format", "json").json["rows"]
    assert (row["value"], row["previous"], row["change"]) == (8, 10, -2)
    told = run("why", "volume", *DAY, *dates).out
    assert "on 1 Mar – 2 Mar 2026 (days: 1 against 2; 8 a day, +60.0%)" in told


@pytest.mark.parametrize(
    ("compare", "words"),
    [
        ("2026-03-02..2026-03-01", "before it starts"),
        ("2026-02-30..2026-03-01", "“2026-02-30” is not a date"),
        ("2026-03-01..", "“” is not a date"),
        ("0001-01-01..2026-03-01", "“0001-01-01” is out of range: from 1900-01-01 to 2199-12-31"),
        ("last", "Valid: previous, year, DATE..DATE"),
    ],
)
def test_a_comparison_that_is_none_is_named(run: Callable[..., Said], compare: str, words: str) -> None:
    said = run("query", "volume", *DAY, "--compare", compare)
    assert (said.code, words in said.err) == (2, True)


def test_tier_is_a_number_and_unknown_is_null(run: Callable[..., Said]) -> None:
    rows = run("query", "volume", "--by", "tier", *DAY, "--format", "json").json["rows"]
    assert {row["tier"]: row["value"] for row in rows} == {5: 1, 6: 1, None: 6}


def test_date_is_iso(run: Callable[..., Said]) -> None:
    rows = run("query", "volume", "--by", "date", "--from", "2026-03-01", "--to", "2026-03-02", "--format", "json")
    assert {row["date"]: row["value"] for row in rows.json["rows"]} == {"2026-03-01": 2, "2026-03-02": 8}


def test_names_may_stand_apart_or_with_commas(run: Callable[..., Said]) -> None:
    apart = run("query", "volume", "csat", "--by", "channel", "tier", *DAY, "--format", "json").json
    commas = run("query", "volume,csat", "--by", "channel,tier", *DAY, "--format", "json").json
    assert apart == commas


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--filter", "tier=5,6"], 2),
        (["--filter", "tier=5", "--filter", "tier=6"], 2),
        (["--filter", "tier=5", "--filter", "channel=hotline"], 0),
        (["--filter", "tier="], 6),
        (["--filter", "tier=5", "channel=wechat"], 1),
    ],
)
def test_filters(run: Callable[..., Said], filters: list[str], expected: int) -> None:
    rows = run("query", "volume", *DAY, *filters, "--format", "json").json["rows"]
    assert [row["value"] or 0 for row in rows] == [expected]


def test_period_is_by_default_the_four_weeks_to_the_running_day(run: Callable[..., Said]) -> None:
    (row,) = run("query", "volume", "--format", "json").json["rows"]
    assert row["value"] == 10
    (row,) = run("query", "volume", "--to", "2026-03-01", "--format", "json").json["rows"]
    assert row["value"] == 2


def test_csv_has_the_same_figures(run: Callable[..., Said]) -> None:
    said = run("query", "volume", "csat", "--by", "tier", *DAY, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert set(rows[0]) == CELL | {"tier", "synthetic"}
    assert {row["synthetic"] for row in rows} == {"True"}, "the bank is an invented one"
    assert {row["tier"]: row["value"] for row in rows if row["kpi"] == "volume"} == {"5": "1", "6": "1", "": "6"}


def test_table_is_told_in_the_language_and_says_what_it_stands_on(run: Callable[..., Said]) -> None:
    said = run(
        "query", "self_service_rate", "csat", "--by", "channel", *DAY, "--compare", "previous", language="zh"
    ).out
    assert "自助化率" in said
    assert "100%" in said or "100.00%" in said
    assert "分母为零" in said
    assert "合成数据" in said
    assert "2026-03-02" in said
    english = run("query", "csat", *DAY).out
    assert "66.67%" in english
    assert "Synthetic data" in english


WHY = ("why", "self_service_rate", *DAY)


def test_why_adds_up_as_json(run: Callable[..., Said]) -> None:
    """One session settled of two on Sunday's only channel; on Monday three of six, three of them calls."""
    said = run(*WHY, "--by", "channel", "--format", "json").json
    assert (said["value"], said["previous"]) == (0.5, 1)
    assert Fraction(said["change"]["exact"]) == Fraction(-1, 2)
    cells = {cell["channel"]: cell for cell in said["cells"]}
    assert cells["hotline"]["only"] == "now"
    assert not cells["wechat"]["ranked"]
    parts = [Fraction(cell[part]["exact"]) for cell in said["cells"] for part in ("mix", "rate")]
    assert sum(parts) == Fraction(said["change"]["exact"])
    assert said["compared"] == ["2026-03-01", "2026-03-01"]
    query = run("query", "self_service_rate", *DAY, "--compare", "previous", "--format", "json").json["rows"][0]
    assert (query["value"], query["previous"], query["change"]) == (0.5, 1, -0.5)


def test_why_is_told_in_both_languages(run: Callable[..., Said]) -> None:
    english = run(*WHY, "--by", "channel", "tier").out
    assert english.startswith("self-service rate 50.0%, −50.0 pt on the previous period: ")
    assert "only now" in english
    assert "2 Mar 2026 against 1 Mar 2026" in english
    assert run(*WHY, language="zh").out.startswith("自助化率 50.0%，较上期 −50.0 个百分点：")
    assert "不能按channel分解" in run("why", "customers_served", *DAY, "--by", "channel", language="zh").out


def test_why_refuses_as_every_command(run: Callable[..., Said]) -> None:
    assert run("why", "nothing", *DAY).code == 2
    assert run(*WHY, "--by", "branch").code == 2
    assert run(*WHY, "--compare", "never").code == 2
    assert run(*WHY, "--format", "csv").code == 2


def test_trap_chinese_is_two_columns_wide(run: Callable[..., Said]) -> None:
    from wcwidth import wcswidth

    lines = run("query", "volume", "csat", "--by", "channel", *DAY, language="zh").out.splitlines()
    rule = lines[1].split("  ")
    starts = [sum(wcswidth(piece) + 2 for piece in rule[:i]) for i in range(len(rule))]
    for line in lines[:6]:
        for start in starts[1:3]:
            before = next(i for i in range(len(line) + 1) if wcswidth(line[:i]) >= start)
            assert line[before - 2 : before] == "  ", line


# --- rows ---


def test_rows_are_as_many_as_the_figure_says(run: Callable[..., Said]) -> None:
    said = run("rows", "csat", *DAY, "--format", "json").json
    assert (said["total"], said["numerator"], len(said["rows"])) == (3, 2, 3)
    assert {row["csat_score"] for row in said["rows"]} == {5, 4, 2}
    assert {row["started_at"] for row in said["rows"]} == {f"2026-03-02T02:{m}0:00Z" for m in (0, 1, 2)}


def test_rows_are_paged_and_sorted(run: Callable[..., Said]) -> None:
    first = run("rows", "csat", *DAY, "--size", "2", "--sort=-csat_score", "--format", "json").json
    second = run("rows", "csat", *DAY, "--size", "2", "--page", "2", "--sort=-csat_score", "--format", "json").json
    assert [row["csat_score"] for row in first["rows"] + second["rows"]] == [5, 4, 2]


def test_rows_for_people_are_in_local_time(run: Callable[..., Said]) -> None:
    said = run("rows", "csat", *DAY).out
    assert "2026-03-02 10:20:00" in said
    assert "rows 1–3 of 3, 2 of them in the numerator" in said
    assert "nan" not in said.lower()
    assert "10.0" not in said
    assert run("rows", "csat", *DAY, "--format", "csv").out.count("\n") == 4


# --- check and export ---


def test_check_proves_the_warehouse(run: Callable[..., Said]) -> None:
    said = run("check")
    assert said.code == 0
    assert "✗" not in said.out
    assert all(check["holds"] for check in run("check", *DAY, "--format", "json").json)


def test_check_fails_when_an_identity_does(run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question_commands, "audit", lambda _: [Check("offered", 4, (("answered", 2), ("waiting", 1)))])
    said = run("check")
    assert said.code == 1
    assert "✗ offered 4 = answered 2 + still waiting 1" in said.out


def test_export_writes_the_table(run: Callable[..., Said], tmp_path: Path) -> None:
    file = tmp_path / "contacts.parquet"
    file.write_text("an older file")
    assert run("export", "interaction", "--to", str(file)).code == 0
    table = pq.read_table(file)
    assert table.num_rows == 10
    assert {"interaction_id", "started_at", "business_date", "next_seconds"} <= set(table.column_names)
    assert pq.read_metadata(file).metadata[b"synthetic"] == b"true"
    assert list(tmp_path.iterdir()) == [file]


def test_trap_failed_export_leaves_nothing(run: Callable[..., Said], tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    assert run("export", "interactoin", "--to", str(file)).code == 2
    assert run("export", "interaction", "--to", str(tmp_path / "none" / "x.parquet")).code == 2
    assert list(tmp_path.iterdir()) == []


def test_trap_an_export_does_not_replace_the_programs_own_files(
    run: Callable[..., Said], bank: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(bank)
    for place in (bank / "settings.toml", bank / "warehouse" / "catalogue.sqlite", tmp_path / "link" / "customer.key"):
        said = run("export", "channel", "--to", str(place))
        assert said.code == 2
        assert "own files" in said.err
    (bank / "outbox").mkdir()
    assert run("export", "channel", "--to", str(bank / "outbox" / "channel.parquet")).code == 0


def test_roll_ups_can_be_exported(run: Callable[..., Said], tmp_path: Path) -> None:
    file = tmp_path / "daily.parquet"
    assert run("export", "daily", "--to", str(file)).code == 0
    assert sum(pq.read_table(file)["contacts"].to_pylist()) == 10


# --- refusals ---


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["lst"], ["lst", "list", "query"]),
        (["query", "volum"], ["volum", "Did you mean “volume”"]),
        (["query", "volume", "--by", "chanel"], ["chanel", "Did you mean “channel”"]),
        (["query", "occupancy", "--by", "channel"], ["occupancy", "half_hour", "team"]),
        (["query", "volume", "--filter", "channel=wechatt"], ["wechatt", "Did you mean “channel=wechat”"]),
        (["query", "volume", "--filter", "tier=nine"], ["nine"]),
        (["query", "volume", "--filter", "hour=99"], ["hour=99", "hour=23"]),
        (["query", "volume", "--filter", "month=2010-08-15"], ["2010-08-15", "2010-08-01"]),
        (["query", "volume", "--filter", "wechat"], ["wechat", "DIMENSION=VALUE"]),
        (["query", "volume", "--from", "2026-13-01"], ["2026-13-01"]),
        (["query", "volume", "--from", "2026-03-02", "--to", "2026-03-01"], ["2026-03-01", "Swap"]),
        (["query", "volume", "--format", "tabel"], ["tabel", "Did you mean “table”"]),
        (["query", "volume", "--compare", "last"], ["last", "previous", "year"]),
        (["rows", "volume", "--sort", "nothing"], ["nothing", "started_at"]),
        (["rows", "volume", "--page", "0"], ["0"]),
        (["export", "interactions", "--to", "x.parquet"], ["Did you mean “interaction”"]),
        (["import", "there_is_no.csv", "--mapping", "bank_calls"], ["there_is_no.csv"]),
        (["import", "there_is_no.csv", "--mapping", "bank_cals"], ["bank_cals"]),
    ],
)
def test_bad_input_ends_with_2_and_says_what_would_do(
    run: Callable[..., Said], arguments: list[str], named: list[str]
) -> None:
    said = run(*arguments)
    assert said.code == 2
    assert said.out == ""
    assert "Traceback" not in said.err
    for text in named:
        assert text in said.err


def test_refusals_are_told_in_chinese(run: Callable[..., Said]) -> None:
    said = run("query", "volum", language="zh")
    assert said.code == 2
    assert "没有名为“volum”的指标" in said.err
    assert "您是否想用“volume”" in said.err


def test_bad_setting_is_told_in_the_language_asked_for(
    run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KPI_THREADS", "many")
    said = run("list", language="zh")
    assert said.code == 2
    assert "设置 KPI_THREADS" in said.err


def test_missing_warehouse_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["query", "volume"]) == 1
    assert "python -m seed" in capsys.readouterr().err


def test_what_nobody_foresaw_is_logged_and_ends_with_1(
    run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(question_commands, "answer", broken)
    assert run("query", "volume").code == 1
    assert "ZeroDivisionError" in caplog.text


# --- as a process ---


def process(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "kpi", *arguments],
        cwd=ROOT,
        env=os.environ | {"KPI_HOME": str(home), "KPI_MEMORY": "1"},
        text=True,
        capture_output=True,
        check=False,
    )


def test_process_answers_and_refuses(bank: Path) -> None:
    answered = process(bank, "query", "volume", *DAY, "--format", "json")
    assert answered.returncode == 0
    assert answered.stderr == ""
    assert json.loads(answered.stdout)["rows"][0]["value"] == 8
    refused = process(bank, "query", "volum")
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert "Traceback" not in refused.stderr


def test_trap_reader_that_leaves_early_is_no_error(bank: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        ended = subprocess.run(
            [sys.executable, "-m", "kpi", "list", "--format", "json"],
            cwd=ROOT,
            env=os.environ | {"KPI_HOME": str(bank)},
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (0, b"")


# --- rules ---


def test_rules_are_listed_and_changed_and_the_figures_follow(
    bank: Path, tmp_path: Path, run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    shutil.copytree(bank, home)
    assert run("rules", "list").out.splitlines()[2:] == [
        "long tail = open customers outside the top 20% by value  1900-01-01"
    ]
    monkeypatch.setenv("KPI_WAREHOUSE_URL", f"ducklake:///{home / 'warehouse'}")
    # Everybody waited 10 s; three of four were answered.
    level = ("query", "service_level", *DAY, "--format", "json")
    assert run(*level).json["rows"][0]["value"] == 0.75
    said = run("rules", "service", "hotline", "9", "--from", "2026-03-02", "--format", "json")
    assert said.json[1:] == [{"kind": "service", "parameter": 9, "valid_from": "2026-03-02", "channel": "hotline"}]
    assert run(*level).json["rows"][0]["value"] == 0
    said = run("rules", "tail", "tier", "5", "--from", "2026-02-01", language="zh")
    assert "长尾＝星级不高于 5 星的在户客户" in said.out
    assert "hotline：9 秒内响应" in said.out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("service", "hotlin", "9", "--from", "2026-03-02"), "hotline"),
        (("service", "hotline", "-9", "--from", "2026-03-02"), "-9 seconds"),
        (("tail", "tier", "8", "--from", "2026-02-01"), "1 to 7 stars"),
        (("tail", "value", "100", "--from", "2026-02-01"), "1 to 99 per cent"),
        (("tail", "value", "20", "--from", "2026-02-03"), "2026-02-03"),
        (("tail", "values", "20", "--from", "2026-02-01"), "value"),
    ],
)
def test_a_bad_rule_changes_nothing(run: Callable[..., Said], arguments: tuple[str, ...], named: str) -> None:
    before = run("rules", "list").out
    said = run("rules", *arguments)
    assert said.code == 2
    assert named in said.err
    assert run("rules", "list").out == before


# --- targets ---

TARGETS = """
[[target]]
kpi = "csat"
low = 0.9
first = 2026-01-01

[[target]]
kpi = "volume"
channel = "wechat"
low = 4
first = 2026-01-01
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state database of the test's own."""
    file = tmp_path / "state.sqlite"
    monkeypatch.setenv("KPI_STATE_URL", f"sqlite:///{file}")
    return file


def test_targets_are_applied_dumped_and_shown(run: Callable[..., Said], state: Path, tmp_path: Path) -> None:
    file = tmp_path / "targets.toml"
    file.write_text(TARGETS, "utf-8")
    assert run("query", "csat", *DAY, "--format", "json").json["rows"][0]["target_low"] is None
    assert not state.exists()
    assert run("targets", "apply", str(file)).out == "Targets: 2 added, 0 changed, 0 removed, 0 unchanged.\n"
    dumped = run("targets", "dump").out
    file.write_text(dumped, "utf-8")
    assert run("targets", "apply", str(file), language="zh").out == "目标：新增 0，更改 0，删除 0，未变 2。\n"
    assert run("targets", "dump").out == dumped

    rows = run("query", "csat", "volume", "--by", "channel", *DAY, "--format", "json").json["rows"]
    told = {(row["kpi"], row["channel"]): (row["target_low"], row["met"]) for row in rows}
    assert told["volume", "wechat"] == (4, True)
    assert told["volume", "hotline"] == (None, None)
    assert told["csat", "hotline"] == (0.9, False)
    table = run("query", "csat", *DAY).out
    assert "≥90%" in table
    assert "missed" in table
    assert "未达标" in run("query", "csat", *DAY, language="zh").out
    assert "n < 30" in table
    lines = list(csv.DictReader(io.StringIO(run("query", "csat", *DAY, "--format", "csv").out)))
    assert (lines[0]["target_low"], lines[0]["target_high"], lines[0]["met"]) == ("0.9", "", "False")


def test_a_period_of_two_targets_says_so(run: Callable[..., Said], state: Path, tmp_path: Path) -> None:
    file = tmp_path / "targets.toml"
    file.write_text(
        '[[target]]\nkpi = "csat"\nlow = 0.5\nfirst = 2026-01-01\nlast = 2026-03-01\n'
        '[[target]]\nkpi = "csat"\nlow = 0.9\nfirst = 2026-03-02\n',
        "utf-8",
    )
    assert run("targets", "apply", str(file)).code == 0
    days = ("--from", "2026-03-01", "--to", "2026-03-02")
    (row,) = run("query", "csat", *days, "--format", "json").json["rows"]
    assert (row["target_low"], row["target_since"], row["before_low"], row["before_high"]) == (
        0.9, "2026-03-02", 0.5, None,
    )  # fmt: skip
    assert "since 2 Mar 2026, ≥50% before" in run("query", "csat", *days).out
    (row,) = run("query", "csat", *DAY, "--format", "json").json["rows"]
    assert (row["target_low"], row["target_since"], row["before_low"]) == (0.9, None, None)


def test_a_bad_file_of_targets_changes_nothing(run: Callable[..., Said], state: Path, tmp_path: Path) -> None:
    file = tmp_path / "targets.toml"
    file.write_text(TARGETS, "utf-8")
    assert run("targets", "apply", str(file)).code == 0
    before = run("targets", "dump").out
    file.write_text(TARGETS.replace("wechat", "wechad").replace("low = 0.9", "high = 0.9"), "utf-8")
    said = run("targets", "apply", str(file))
    assert said.code == 2
    assert "Entry 1 (line 2): of csat more is better" in said.err
    assert "Entry 2 (line 7): There is no value “wechad”. Valid: " in said.err
    assert "Did you mean “wechat”?" in said.err
    assert run("targets", "dump").out == before
    assert run("targets", "apply", str(tmp_path / "none.toml")).code == 2


def test_figures_are_told_where_the_state_database_cannot_be_read(
    run: Callable[..., Said], state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state.write_bytes(b"not a database" * 100)
    assert run("query", "csat", *DAY, "--format", "json").json["rows"][0]["met"] is None
    assert "no targets" in caplog.text
    assert run("targets", "dump").code == 1
