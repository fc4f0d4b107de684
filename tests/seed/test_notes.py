"""The demo bank comes with the annotations of what the centre knows and with targets, written once and into its own
home only.
"""

from datetime import date

import pytest

from kpi.settings import Settings
from kpi.state import StateDatabase, problems_of
from kpi.state.annotations import annotations, save_annotations
from kpi.state.targets import targets as kept_targets
from kpi.targets.resolution import problems_of as problems_of_targets
from seed.__main__ import main
from seed.events import planted
from seed.notes import known, targets, write_down
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
    assert write_down(settings, YEARS)
    assert not write_down(settings, YEARS)
    assert len(kept(settings)) == len(known(YEARS))


def test_a_table_that_holds_anything_is_left_alone(settings: Settings) -> None:
    state = StateDatabase(settings)
    save_annotations(state, [], known(YEARS)[:1], "ann")
    state.close()
    # The targets, of which there is none, are still written; at the next time nothing is.
    assert write_down(settings, YEARS)
    assert not write_down(settings, YEARS)
    assert len(kept(settings)) == 1


@pytest.mark.parametrize("options", [YEARS, Options(end=date(2026, 3, 1), days=35)], ids=["years", "a_month"])
def test_its_targets_are_good_ones_and_one_was_raised(options: Options) -> None:
    rows = targets(options, "zh")
    assert problems_of_targets(rows, ("wechat",)) == []
    assert all(row.owner for row in rows)
    whole = [row for row in rows if row.kpi == "self_service_rate" and row.channel is None]
    assert [(row.first, row.last) for row in whole] == [
        (date(options.start.year, 1, 1), date(2026, 6, 30)),
        (date(2026, 7, 1), None),
    ]


def test_targets_are_kept_in_the_order_of_their_kpis(settings: Settings) -> None:
    assert write_down(settings, YEARS)
    state = StateDatabase(settings)
    assert sorted(row.kpi for row in kept_targets(state)) == [row.kpi for row in kept_targets(state)]
    assert len(kept_targets(state)) == len(targets(YEARS, "en"))
    state.close()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_command_annotates_the_home_only(settings: Settings, elsewhere: bool) -> None:
    target = ["--target", f"duckdb:///{settings.home / 'other.duckdb'}"] if elsewhere else []
    settings.home.mkdir(exist_ok=True)
    for _ in range(2):
        assert main([*TINY, *target]) == 0
    assert kept(settings) == ([] if elsewhere else ["Knowledge base v3.2", "WeChat outage", "11.11 shop campaign"])
