"""The page that edits annotations, without a browser: what is typed is read back, saved whole, or said to be wrong."""

from datetime import date

import pandas as pd
import pytest
import streamlit as st

from kpi.settings import load_settings
from kpi.state import Annotation, StateDatabase
from kpi.state.annotations import annotations, save_annotations
from pages.ui import editor
from pages.views import annotations as page

SALE = Annotation(date(2026, 11, 9), date(2026, 11, 12), "campaign", "双十一", "11.11")
OUTAGE = Annotation(date(2026, 11, 3), None, "incident", "微信故障", "")
COLUMNS = list(Annotation.__dataclass_fields__)


@pytest.fixture
def state(tmp_path, monkeypatch):
    """The state database that the pages use, with two annotations."""
    url = f"sqlite:///{tmp_path / 'state.sqlite'}"
    monkeypatch.setenv("KPI_STATE_URL", url)
    opened = StateDatabase(load_settings({"KPI_HOME": str(tmp_path), "KPI_STATE_URL": url}))
    save_annotations(opened, [], [SALE, OUTAGE], "ann")
    yield opened
    opened.close()


def added(frame, **typed):
    """The editor's frame with a new row: what was not typed is empty, as the browser sends it."""
    return pd.concat([frame, pd.DataFrame([typed], columns=frame.columns, dtype=object)], ignore_index=True)


@pytest.fixture
def typing(monkeypatch):
    """Lets the visitor type in the table of annotations: ``typing(change)``, of the frame that the editor shows."""
    shown = st.data_editor

    def typed(change):
        def editing(frame, **options):
            given = shown(frame, **options)
            return change(given) if options["key"].startswith("annotations") else given

        monkeypatch.setattr(st, "data_editor", editing)

    return typed


def test_what_the_editor_shows_is_read_back_as_it_was(state):
    kept = annotations(state)
    assert page._rows(editor.frame_of(kept, COLUMNS), kept) == kept


def test_a_new_row_holds_what_was_typed_and_nothing_else(state):
    frame = added(editor.frame_of([], COLUMNS), first=pd.Timestamp("2026-10-01"), kind="release", text_en="New app")
    (row,) = page._rows(frame, [])
    assert row.says(Annotation(date(2026, 10, 1), None, "release", "", "New app"))
    assert (row.id, row.text_zh) == (None, "")


def test_an_edit_is_saved_whole(demo_home, open_page, state, typing):
    def change(frame):
        frame = frame[frame["text_zh"] != "微信故障"].copy()
        frame["text_en"] = "Singles' Day"
        return added(frame, first=date(2026, 11, 16), last=date(2026, 11, 17), kind="incident", text_zh="台风")

    typing(change)
    app = open_page(demo_home, "settings", lang="en")
    assert not app.button(key="annotations_save").disabled
    assert [row.text_zh for row in annotations(state)] == ["微信故障", "双十一"]  # not before it is saved
    # Once it is saved the editor begins anew, and the visitor types nothing more.
    typing(lambda frame: frame if "台风" in set(frame["text_zh"]) else change(frame))
    app.button(key="annotations_save").click().run()
    assert not app.exception
    assert [(row.text_zh, row.text_en, row.first, row.last) for row in annotations(state)] == [
        ("双十一", "Singles' Day", date(2026, 11, 9), date(2026, 11, 12)),
        ("台风", "", date(2026, 11, 16), date(2026, 11, 17)),
    ]
    assert app.button(key="annotations_save").disabled


def test_a_wrong_row_is_named_and_nothing_is_saved(demo_home, open_page, state, typing):
    typing(lambda frame: added(frame, first=date(2026, 11, 17), last=date(2026, 11, 16), kind="other", text_zh="倒"))
    app = open_page(demo_home, "settings", lang="en")
    app.button(key="annotations_save").click().run()
    assert not app.exception
    assert "row 3" in app.error[0].value.lower()
    assert [row.text_zh for row in annotations(state)] == ["微信故障", "双十一"]
