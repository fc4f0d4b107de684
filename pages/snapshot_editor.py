"""Editing a definition on the page, and all of them as a file."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import pandas as pd
import streamlit as st

from kpi.errors import FileError, KpiError
from kpi.i18n import LANGUAGES, Language, phrase
from kpi.snapshots import book, definition_file
from kpi.snapshots.model import Definition, Recipient, Schedule
from kpi.snapshots.plain import DAYS, EMPTY, FORMATS, PERIODS
from kpi.snapshots.valid import problems_of
from kpi.state import LOCAL
from kpi.warehouse.published import Published
from pages import cache, state

_Chosen = TypeVar("_Chosen", bound=str)


def edit(kept: book.Kept, language: Language, published: Published) -> None:
    """Behind one button: the form of a definition."""
    one = kept.definition
    key = f"edit_{one.name}"
    with (
        st.popover(phrase(language, "snapshots_edit"), icon=":material/edit:", type="tertiary", key=key),
        st.form(f"form_{one.name}", border=False),
    ):
        changed = _form(one, language)
        if st.form_submit_button(phrase(language, "edit_save"), type="primary", key=f"save_{one.name}"):
            _save(kept, changed, language, published)


def _form(one: Definition, language: Language) -> Definition:
    asked = one.schedule or Schedule("")

    def say(field: str) -> str:
        return phrase(language, f"snapshot_{field}")

    def key(field: str) -> str:
        return f"{field}_{one.name}"

    def choice(field: str, options: Sequence[_Chosen], value: _Chosen) -> _Chosen:
        return st.selectbox(
            say(field), options, index=list(options).index(value), key=key(field),
            format_func=lambda chosen: phrase(language, f"snapshot_{field}_{chosen}"),
            placeholder=phrase(language, "choose_one"),
        )  # fmt: skip

    zh = st.text_input(say("title_zh"), one.title[0], key=key("zh"))
    en = st.text_input(say("title_en"), one.title[1], key=key("en"))
    period = choice("period", PERIODS, one.period)
    cron = st.text_input(say("cron"), asked.cron, help=say("cron_help"), key=key("cron"))
    zone = st.text_input(say("zone"), asked.zone, key=key("zone"))
    days = choice("days", DAYS, asked.days)
    formats = st.multiselect(
        say("formats"), FORMATS, one.formats, key=key("formats"), select_all=False, format_func=str.upper,
        placeholder=phrase(language, "choose_one"),
    )  # fmt: skip
    told = choice("language", LANGUAGES, one.language)
    empty = choice("empty", EMPTY, one.empty)
    owner = st.text_input(say("owner"), one.owner, help=say("target_help"), key=key("owner"))
    st.caption(say("recipients"))
    frame = pd.DataFrame([{"name": r.name, "target": r.target} for r in one.recipients], columns=["name", "target"])
    edited = st.data_editor(
        frame.astype(object), num_rows="dynamic", hide_index=True, key=key("recipients"), placeholder="",
        alt=say("recipients"),
        column_config={
            "name": st.column_config.TextColumn(say("recipient_name"), max_chars=60),
            "target": st.column_config.TextColumn(say("recipient_target"), help=say("target_help")),
        },
    )  # fmt: skip
    before = {recipient.name: recipient for recipient in one.recipients}
    recipients = []
    for record in edited.to_dict("records"):
        name, target = ("" if pd.isna(record[field]) else str(record[field]).strip() for field in ("name", "target"))
        if name or target:
            # What is not shown here, his scope and language, stays his.
            recipients.append(replace(before.get(name, Recipient(name, target)), target=target))
    schedule = replace(asked, cron=cron.strip(), zone=zone.strip(), days=days) if cron.strip() else None  # type: ignore[arg-type]
    return replace(
        one, title=(zh.strip(), en.strip()), period=period, schedule=schedule, language=told, empty=empty,
        formats=tuple(name for name in FORMATS if name in formats), owner=owner.strip(), recipients=tuple(recipients),
    )  # fmt: skip


def _save(kept: book.Kept, changed: Definition, language: Language, published: Published) -> None:
    if problems := problems_of([changed], list(published.feeds)):
        st.error("\n\n".join(_plain(problem.message(language)) for problem in problems), icon=":material/error:")
        return
    try:
        book.save(cache.state_database(), [kept], [replace(kept, definition=changed)], LOCAL)
    except KpiError as error:
        st.error(error.message(language), icon=":material/error:")
        return
    state.tell("snapshots", phrase(language, "edit_saved"))
    st.rerun()


def _plain(message: str) -> str:
    """Without the number of the row: there is one."""
    return message.split("：", 1)[-1] if message.startswith("第") else message.split(": ", 1)[-1]


def none_yet(language: Language) -> None:
    """Before there is any: those that come with the program."""
    st.html(f'<p class="first-text">{phrase(language, "snapshots_none")}</p>')
    st.button(
        phrase(language, "snapshots_take_ready"),
        type="primary",
        icon=":material/library_add:",
        key="snapshots_ready",
        on_click=_take_ready,
        args=(language,),
    )


def _take_ready(language: Language) -> None:
    try:
        ready = definition_file.load(definition_file.READY.read_text("utf-8"))
        kept = cache.state_database()
        if not book.definitions(kept):
            book.apply(kept, [replace(one, language=language) for one in ready], LOCAL)
    except KpiError as error:
        state.tell("snapshots", error.message(language))


def as_file(kept: list[book.Kept], language: Language, published: Published) -> None:
    """All definitions as a file, and a file in the place of all of them."""
    with st.container(horizontal=True, gap="xsmall", key="snapshots_file"):
        st.download_button(
            phrase(language, "targets_download"),
            data=lambda: definition_file.dump([one.definition for one in kept], language),
            file_name="snapshots.toml",
            mime="application/toml",
            key="snapshots_download",
            on_click="ignore",
            icon=":material/download:",
        )
        with st.popover(phrase(language, "targets_upload"), icon=":material/upload_file:", key="snapshots_load"):
            file = st.file_uploader(phrase(language, "snapshots_upload_help"), type="toml", key="snapshots_upload")
            if not st.button(phrase(language, "targets_upload_apply"), key="snapshots_apply", disabled=file is None):
                return
            assert file is not None
            try:
                text = file.getvalue().decode("utf-8-sig")
                done = book.apply(cache.state_database(), definition_file.load(text, list(published.feeds)), LOCAL)
            except UnicodeDecodeError as problem:
                st.error(FileError("targets_unreadable", file=file.name, problem=problem).message(language))
                return
            except KpiError as error:
                st.error(error.message(language).replace("\n", "\n\n"), icon=":material/error:")
                return
            state.tell("snapshots", phrase(language, "snapshots_applied", **vars(done)))
            st.rerun()
