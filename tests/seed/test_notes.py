"""The demo bank comes with the annotations of what the centre knows, written once and into its own home only."""

from datetime import date

import pytest

from kpi.settings import Settings
from kpi.state import StateDatabase, problems_of
from kpi.state.annotations import annotations, save_annotations
from seed.__main__ import main
from seed.events import planted
from seed.notes import annotate, known
from seed.options import Options

YEARS = Options(end=date(2026, 11, 22), days=800)
TINY = ["--days", "35", "--interactions", "60", "--customers", "1000", "--end", "2026-11-22"]


def kept(settings: Settings) -> list[str]:
    state = StateDatabase(settings)
    found = [row.text_en for row in annotations(state)]
    state.close()
    return found


def test_what_happened_is_known_but_not_what_is_to_be_found_out() -> None:
    rows = known(YEARS)
    assert problems_of(rows) == []
    assert [(row.first, row.last, row.kind) for row in rows if row.text_zh == "融e购双十一"] == [
        (date(year, 11, 9), date(year, 11, 12), "campaign") for year in (2024, 2025, 2026)
    ]
    assert [(row.first, row.last) for row in rows if row.kind == "release"] == [
        (date(2026, 10, 29), date(2026, 10, 29))
    ]
    secret = {event.zh for event in planted(YEARS) if event.id in {"team_waits", "tier_coverage"}}
    assert len(secret) == 2
    assert secret.isdisjoint(row.text_zh for row in rows)


def test_they_are_written_once(settings: Settings) -> None:
    assert annotate(settings, YEARS)
    assert not annotate(settings, YEARS)
    assert len(kept(settings)) == len(known(YEARS))


def test_a_table_that_holds_anything_is_left_alone(settings: Settings) -> None:
    state = StateDatabase(settings)
    save_annotations(state, [], known(YEARS)[:1], "ann")
    state.close()
    assert not annotate(settings, YEARS)
    assert len(kept(settings)) == 1


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_command_annotates_the_home_only(settings: Settings, elsewhere: bool) -> None:
    target = ["--target", f"duckdb:///{settings.home / 'other.duckdb'}"] if elsewhere else []
    settings.home.mkdir(exist_ok=True)
    for _ in range(2):
        assert main([*TINY, *target]) == 0
    assert kept(settings) == ([] if elsewhere else ["Knowledge base v3.2", "WeChat outage", "11.11 shop campaign"])
