"""Saved views belong to their owner and have different names."""

import pytest

from kpi.errors import InputError
from kpi.settings import Settings
from kpi.state import StateDatabase
from kpi.state.views import LONGEST, delete_view, rename_view, save_view, views

LINK = {"kpis": "csat,volume", "rows": "tier", "age_band": "<25,65+"}


def test_a_view_comes_back_as_it_was_saved(settings: Settings) -> None:
    state = StateDatabase(settings)
    save_view(state, "ann", "  满意率 ", "explore", LINK)
    (found,) = views(state, "ann")
    assert (found.name, found.page, found.link) == ("满意率", "explore", LINK)
    assert views(state, "ben") == []


def test_names_are_one_owners(settings: Settings) -> None:
    state = StateDatabase(settings)
    save_view(state, "ann", "b", "overview", {})
    save_view(state, "ann", "a", "overview", {})
    save_view(state, "ben", "b", "explore", LINK)
    with pytest.raises(InputError, match="“b” already"):
        save_view(state, "ann", "b", "explore", {})
    key = views(state, "ann")[0].id
    with pytest.raises(InputError, match="“b” already"):
        rename_view(state, "ann", key, "b")
    rename_view(state, "ann", key, "c")
    assert [one.name for one in views(state, "ann")] == ["b", "c"]


def test_trap_nobody_touches_anothers(settings: Settings) -> None:
    state = StateDatabase(settings)
    save_view(state, "ann", "a", "overview", {})
    key = views(state, "ann")[0].id
    rename_view(state, "ben", key, "x")
    delete_view(state, "ben", key)
    assert [one.name for one in views(state, "ann")] == ["a"]
    delete_view(state, "ann", key)
    delete_view(state, "ann", key)
    assert views(state, "ann") == []


@pytest.mark.parametrize("name", ["", "   ", "x" * (LONGEST + 1)])
def test_a_name_must_be_one(settings: Settings, name: str) -> None:
    with pytest.raises(InputError):
        save_view(StateDatabase(settings), "ann", name, "overview", {})
