"""A table of the state database that is edited: what is typed is kept until it is saved whole or discarded."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

import pandas as pd
import streamlit as st

from kpi.entry_file import Applied
from kpi.errors import FileError, KpiError, StateError
from kpi.i18n import Language, phrase
from kpi.state import Problem
from pages.address import state
from pages.ui import components, uploads

_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Table(Generic[_Row]):
    """``name``: of its panel, buttons and phrases (``NAME_title``, ``NAME_sub``). ``frame`` shows rows, ``rows`` reads
    back what the editor made of them; ``shown``: the columns that can be seen. ``more``: draws what stands beside the
    buttons.
    """

    name: str
    read: Callable[[], list[_Row]]
    frame: Callable[[list[_Row]], pd.DataFrame]
    rows: Callable[[pd.DataFrame, list[_Row]], list[_Row]]
    shown: tuple[str, ...]
    columns: dict[str, Any]
    problems: Callable[[list[_Row]], list[Problem]]
    save: Callable[[list[_Row], list[_Row]], None]
    more: Callable[[], None] = lambda: None


def section(table: Table[Any], title: str, subtitle: str, language: Language) -> None:
    """The panel with the table; apart from the rest of the page, which an edit does not make anew."""
    with st.container(border=True, key=f"panel_{table.name}"):
        components.heading(title, subtitle)
        _editor(table, title, language)


@st.fragment
def _editor(table: Table[Any], title: str, language: Language) -> None:
    try:
        newest = table.read()
    except StateError as error:
        st.error(components.paragraphs(error.message(language)), icon=":material/error:")
        return
    name = table.name
    kept, key = state.draft(name, newest)
    if saved := state.message(name):
        st.toast(components.paragraphs(saved), icon=":material/check:")
        state.set_message(name, "")
    edited = st.data_editor(
        table.frame(kept),
        key=key,
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        height=min(560, 32 * (len(kept) + 2) + 3),
        column_order=table.shown,
        placeholder="",
        alt=title,
        column_config=table.columns,
    )
    rows = table.rows(edited, kept)
    problems = table.problems(rows)
    changed = rows != kept
    if not changed and kept != newest:
        # Somebody else has edited the table, and nothing here stands against it.
        state.discard(name)
        state.rerun_page()
    with st.container(horizontal=True, gap="xsmall"):
        pressed = st.button(
            phrase(language, "edit_save"),
            type="primary",
            icon=":material/save:",
            key=f"{name}_save",
            disabled=not changed,
        )
        st.button(
            phrase(language, "edit_discard"),
            icon=":material/undo:",
            key=f"{name}_discard",
            on_click=state.discard,
            args=(name,),
        )
        table.more()
    if pressed and problems:
        # Nothing is lost: the table keeps what was typed.
        told = "\n".join(problem.message(language) for problem in problems)
        st.error(components.paragraphs(told), icon=":material/error:")
    elif pressed:
        try:
            table.save(kept, rows)
        except KpiError as error:
            st.error(components.paragraphs(error.message(language)), icon=":material/error:")
        else:
            done(name, phrase(language, "edit_saved"))


def done(name: str, said: str) -> None:
    """The table was changed: make the page anew from what is kept, and tell so."""
    state.discard(name)
    state.set_message(name, said)
    state.rerun_page()


def as_file(
    name: str,
    told: tuple[str, str],
    dump: Callable[[], str],
    apply: Callable[[str], Applied],
    language: Language,
) -> str | None:
    """A list as a TOML file to be downloaded, and a file in the place of the list. ``name``: of the file and the keys;
    ``told``: the phrases that say what a file does, and what it did; ``apply`` takes the text of a file. Says what
    became of the list where a file took its place just now; the page has to be made anew then.
    """
    help_, applied = told
    st.download_button(
        phrase(language, "targets_download"),
        data=dump,
        file_name=f"{name}.toml",
        mime="application/toml",
        key=f"{name}_download",
        on_click="ignore",
        icon=":material/download:",
    )
    with st.popover(phrase(language, "targets_upload"), icon=":material/upload_file:", key=f"{name}_load"):
        file = uploads.uploader(phrase(language, help_), f"{name}_upload", uploads.LIST, "toml")
        if not st.button(phrase(language, "targets_upload_apply"), key=f"{name}_apply", disabled=file is None):
            return None
        assert file is not None
        try:
            done = apply(_text_of(uploads.content(file), file.name))
        except KpiError as error:
            st.error(components.paragraphs(error.message(language)), icon=":material/error:")
            return None
        return phrase(language, applied, **vars(done))


def _text_of(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError("targets_unreadable", file=name, problem=error) from error


def frame_of(rows: list[Any], columns: list[str]) -> pd.DataFrame:
    """The rows as the editor takes them; what is not shown goes along, so that each row is known again."""
    frame = pd.DataFrame([vars(row) for row in rows], columns=columns)
    return frame.astype(dict.fromkeys(columns, object))


def records_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """What the editor gives back, a record a row without the fields that are empty; days and keys as they were."""
    found = []
    for record in frame.to_dict("records"):
        filled = {str(name): value for name, value in record.items() if not pd.isna(value)}
        for name in ("first", "last"):
            if name in filled:
                filled[name] = _day(filled[name])
        if "id" in filled:
            filled |= {"id": int(filled["id"]), "changed_at": pd.Timestamp(filled["changed_at"]).to_pydatetime()}
        found.append(filled)
    return found


def _day(value: Any) -> date:
    day: date = pd.Timestamp(value).date()
    return day
