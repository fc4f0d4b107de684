"""The table of annotations, to be edited: what happened, for every time axis."""

from typing import Any

import pandas as pd
import streamlit as st

from kpi.i18n import Language, phrase
from kpi.state import KINDS, LOCAL, Annotation, problems_of
from kpi.state.annotations import LONGEST, annotations, save_annotations
from pages.data import cache
from pages.ui import editor

_SHOWN = ("first", "last", "kind", "text_zh", "text_en")


def section(language: Language) -> None:
    """The panel with the table."""
    table = editor.Table(
        "annotations",
        lambda: annotations(cache.state_database()),
        lambda rows: editor.frame_of(rows, list(Annotation.__dataclass_fields__)),
        _rows,
        _SHOWN,
        _columns(language),
        problems_of,
        lambda before, after: save_annotations(cache.state_database(), before, after, LOCAL),
    )
    editor.section(table, phrase(language, "annotations_title"), phrase(language, "annotations_sub"), language)


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


def _rows(frame: pd.DataFrame, _: list[Annotation]) -> list[Annotation]:
    """What the editor gives back; empty fields are what an annotation holds when nothing was filled in."""
    return [Annotation(**record) for record in editor.records_of(frame)]
