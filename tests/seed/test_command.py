"""``python -m seed``: fills, refuses, goes on after a break, and says so."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from kpi import schema
from kpi.errors import InputError, MixedData
from kpi.settings import Settings
from kpi.warehouse import Warehouse
from kpi.warehouse.load import Load
from seed import load as seed_load
from seed.__main__ import main
from seed.load import fill
from seed.options import Options

TINY = Options(end=date(2026, 11, 23), days=35, interactions=60, customers=1000)
ARGUMENTS = ["--days", "35", "--interactions", "60", "--customers", "1000", "--end", "2026-11-23"]


def quietly(share: float, text: str) -> None:
    """Nobody watches."""


@contextmanager
def opened(settings: Settings, name: str) -> Iterator[Warehouse]:
    settings.home.mkdir(exist_ok=True)
    warehouse = Warehouse(f"duckdb:///{settings.home / name}", settings)
    yield warehouse
    warehouse.close()


def facts(warehouse: Warehouse) -> dict[str, int]:
    tables = ("interaction", "handling_leg", "function_use", "customer", "customer_month", "agent_time")
    with warehouse.read() as connection:
        return {
            name: connection.execute(sa.select(sa.func.count()).select_from(schema.metadata.tables[name])).scalar_one()
            for name in tables
        }


def test_it_fills_a_warehouse_and_tells_how_far_it_is(settings: Settings) -> None:
    told: list[tuple[float, str]] = []
    with opened(settings, "new.duckdb") as warehouse:
        filled = fill(warehouse, TINY, lambda share, text: told.append((share, text)), "zh")
        assert filled is not None
        published = warehouse.published()
        made = facts(warehouse)
        with warehouse.read() as connection:
            batch = connection.execute(sa.select(schema.load_batch)).one()
    assert made["interaction"] == filled.interactions == filled.tables["interaction"] > 1900
    assert min(made.values()) > 0
    assert published.synthetic
    assert published.zone.key == "Asia/Shanghai"
    assert published.today == date(2026, 11, 23)
    assert published.feeds["sms"].watermark == datetime(2026, 11, 23, 2, 20)
    assert published.feeds["wechat"].watermark == datetime(2026, 11, 23, 3, 0)
    assert "first_response_seconds" not in published.feeds["hotline"].carries
    assert "csat_score" in published.feeds["hotline"].carries
    # Sessions that are none are counted, not loaded.
    assert batch.excluded > 100
    assert batch.rows_read == batch.loaded + batch.excluded
    assert batch.rejected == batch.duplicate == batch.updated == 0
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert all(text for _, text in told)


def test_the_same_bank_is_not_made_twice(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(settings, "w.duckdb") as warehouse:
        assert fill(warehouse, TINY, quietly) is not None
        before = facts(warehouse)
        assert fill(warehouse, TINY, quietly) is None
        assert facts(warehouse) == before
        with pytest.raises(MixedData, match="another demo bank"):
            fill(warehouse, Options(end=TINY.end, days=35, interactions=60, customers=1000, seed=2), quietly)
        assert facts(warehouse) == before
        url = warehouse.url
    assert main([*ARGUMENTS, "--target", url]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main([*ARGUMENTS, "--seed", "2", "--if-empty", "--target", url]) == 0
    assert main([*ARGUMENTS, "--seed", "2", "--target", url]) == 2
    assert "--target" in capsys.readouterr().err


def test_trap_real_data_are_never_mixed_with_the_demo(settings: Settings) -> None:
    with opened(settings, "real.duckdb") as warehouse:
        warehouse.create()
        with Load(warehouse, description="calls.csv", synthetic=False) as load:
            load.feed("calls", "电话", "Calls", datetime(2026, 1, 2), {"queued"})
            load.stage(
                "interaction",
                pd.DataFrame(
                    [
                        {
                            "source": "calls",
                            "interaction_id": "1",
                            "started_at": datetime(2026, 1, 1),
                            "ended_at": datetime(2026, 1, 1, 0, 1),
                            "channel": "hotline",
                            "direction": "inbound",
                        }
                    ]
                ),
            )
            load.publish()
        with pytest.raises(MixedData, match="real data") as refused:
            fill(warehouse, TINY, quietly)
        assert facts(warehouse)["interaction"] == 1
    assert refused.value.exit_code == 2
    assert "真实数据" in refused.value.message("zh")


def test_a_broken_run_is_continued(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A big bank comes in several loads; what was published before a break stays, the rest follows."""
    with opened(settings, "whole.duckdb") as warehouse:
        fill(warehouse, TINY, quietly)
        whole = facts(warehouse)
    monkeypatch.setattr(seed_load, "_A_LOAD", 700)
    monkeypatch.setattr("seed.traffic._PER_CHUNK", 600)
    with opened(settings, "parts.duckdb") as warehouse:

        def stop(share: float, text: str) -> None:
            if share > 0.5:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fill(warehouse, TINY, stop)
        partly = facts(warehouse)
        assert 0 < partly["interaction"] < whole["interaction"]
        # A part ends at a midnight, and says so.
        assert warehouse.published().complete_until.hour == 16
        assert fill(warehouse, TINY, quietly) is not None
        again = facts(warehouse)
        assert fill(warehouse, TINY, quietly) is None
    assert again["customer"] == whole["customer"]
    assert again["interaction"] == pytest.approx(whole["interaction"], rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--days", "3"], "--days cannot be 3; it takes 35 to 4000"),
        (["--customers", "0"], "--customers cannot be 0"),
        (["--end", "2026-13-01"], "“2026-13-01” is not a date"),
        (["--end", "1999-01-01"], "--end cannot be 1999-01-01"),
        (["--target", "oracle:///x"], "Valid: ducklake:///FOLDER"),
    ],
)
def test_what_cannot_be_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_the_data_end_where_the_calendar_does() -> None:
    with pytest.raises(InputError):
        Options(end=date(2005, 1, 1))


def test_the_command_prints_plain_lines_where_there_is_no_terminal(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "seed", *ARGUMENTS, "--timing"],
        capture_output=True, text=True, cwd=Path(__file__).parents[2], env={**os.environ, "KPI_LANGUAGE": "zh"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "\r" not in done.stderr
    assert "100% 完成" in done.stderr
    assert "演示银行已就绪" in done.stdout
    assert "内存峰值" in done.stdout
