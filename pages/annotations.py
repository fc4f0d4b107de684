"""The table of annotations, to be edited: what happened, for every time axis."""

from typing import Any

import pandas as pd
import streamlit as st

from kpi.errors import KpiError, StateError
from kpi.i18n import Language, phrase
from kpi.state import KINDS, LOCAL, Annotation, problems_of
from kpi.state.annotations import LONGEST, annotations, save_annotations
from pages import cache, components, state

_NAME = "annotations"
_SHOWN = ("first", "last", "kind", "text_zh", "text_en")


def section(language: Language) -> None:
    """The panel with the table; apart from the rest of the page, which an edit does not make anew."""
    with st.container(border=True, key="panel_annotations"):
        components.heading(phrase(language, "annotations_title"), phrase(language, "annotations_sub"))
        _editor(language)


@st.fragment
def _editor(language: Language) -> None:
    try:
        newest = annotations(cache.state_database())
    except StateError as error:
        st.error(error.message(language), icon=":material/error:")
        return
    kept, key = state.draft(_NAME, newest)
    if saved := state.told(_NAME):
        st.toast(saved, icon=":material/check:")
        state.tell(_NAME, "")
    edited = st.data_editor(
        _frame(kept),
        key=key,
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        height=min(420, 32 * (len(kept) + 2) + 3),
        column_order=_SHOWN,
        column_config=_columns(language),
    )
    rows = _rows(edited)
    problems = problems_of(rows)
    changed = rows != kept
    if not changed and kept != newest:
        # Somebody else has edited the table, and nothing here stands against it.
        state.discard(_NAME)
        state.rerun_page()
    with st.container(horizontal=True, gap="xsmall"):
        pressed = st.button(
            phrase(language, "annotations_save"),
            type="primary",
            icon=":material/save:",
            key="annotations_save",
            disabled=not changed,
        )
        st.button(
            phrase(language, "annotations_discard"),
            icon=":material/undo:",
            key="annotations_discard",
            on_click=state.discard,
            args=(_NAME,),
        )
    if pressed and problems:
        # Nothing is lost: the table keeps what was typed.
        st.error("\n\n".join(problem.message(language) for problem in problems), icon=":material/error:")
    elif pressed:
        try:
            save_annotations(cache.state_database(), kept, rows, LOCAL)
        except KpiError as error:
            st.error(error.message(language), icon=":material/error:")
        else:
            state.discard(_NAME)
            state.tell(_NAME, phrase(language, "annotations_saved"))
            state.rerun_page()


def _columns(language: Language) -> dict[str, Any]:
    return {
        "first": st.column_config.DateColumn(phrase(language, "annotation_first"), required=True, format="YYYY-MM-DD"),
        "last": st.column_config.DateColumn(
            phrase(language, "annotation_last"), help=phrase(language, "annotation_last_help"), format="YYYY-MM-DD"
        ),
        "kind": st.column_config.SelectboxColumn(
            phrase(language, "annotation_kind"),
            options=KINDS,
            format_func=lambda kind: phrase(language, f"note_{kind}"),
            default="other",
            required=True,
        ),
        "text_zh": st.column_config.TextColumn(
            phrase(language, "annotation_text_zh"), help=phrase(language, "annotation_text_help", longest=LONGEST)
        ),
        "text_en": st.column_config.TextColumn(
            phrase(language, "annotation_text_en"), help=phrase(language, "annotation_text_help", longest=LONGEST)
        ),
    }


def _frame(rows: list[Annotation]) -> pd.DataFrame:
    """The rows as the editor takes them; what is not shown goes along, so that each row is known again."""
    frame = pd.DataFrame([vars(row) for row in rows], columns=list(Annotation.__dataclass_fields__))
    return frame.astype(dict.fromkeys(frame.columns, object))


def _rows(frame: pd.DataFrame) -> list[Annotation]:
    """What the editor gives back; empty fields are what an annotation holds when nothing was filled in."""
    found = []
    for record in frame.to_dict("records"):
        filled = {str(name): value for name, value in record.items() if not pd.isna(value)}
        for name in ("first", "last"):
            if name in filled:
                filled[name] = pd.Timestamp(filled[name]).date()
        if "id" in filled:
            filled |= {"id": int(filled["id"]), "changed_at": pd.Timestamp(filled["changed_at"]).to_pydatetime()}
        found.append(Annotation(**filled))
    return found
