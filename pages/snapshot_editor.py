"""Editing a definition on the page, and all of them as a file."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import pandas as pd
import streamlit as st

from kpi.commands import filters_of
from kpi.errors import InputError, KpiError
from kpi.i18n import LANGUAGES, Language, phrase
from kpi.query.question import Scope
from kpi.snapshots import book, definition_file
from kpi.snapshots.model import Definition, Recipient, Schedule
from kpi.snapshots.plain import DAYS, EMPTY, FORMATS, PERIODS
from kpi.snapshots.valid import problems_of
from kpi.state import LOCAL
from kpi.warehouse.published import Published
from pages import cache, editor, state

_Chosen = TypeVar("_Chosen", bound=str)
_TEXTS = ("name", "target", "scope")


def edit(kept: book.Kept, language: Language, published: Published) -> None:
    """Behind one button: the form of a definition."""
    one = kept.definition
    key = f"edit_{one.name}"
    with (
        st.popover(phrase(language, "snapshots_edit"), icon=":material/edit:", type="tertiary", key=key),
        st.form(f"form_{one.name}", border=False),
    ):
        try:
            changed, problem = _form(one, language), None
        except KpiError as error:
            changed, problem = one, error.message(language)
        if st.form_submit_button(phrase(language, "edit_save"), type="primary", key=f"save_{one.name}"):
            if problem is None:
                _save(kept, changed, language, published)
            else:
                st.error(problem, icon=":material/error:")


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
    edited = st.data_editor(
        _frame(one.recipients), num_rows="dynamic", hide_index=True, key=key("recipients"), placeholder="",
        alt=say("recipients"),
        column_config={
            "name": st.column_config.TextColumn(say("recipient_name"), max_chars=60),
            "target": st.column_config.TextColumn(say("recipient_target"), help=say("target_help")),
            "scope": st.column_config.TextColumn(say("recipient_scope"), help=say("scope_help")),
            "see_interactions": st.column_config.CheckboxColumn(say("see_interactions"), default=True),
            "see_agents": st.column_config.CheckboxColumn(say("see_agents"), default=True),
        },
    )  # fmt: skip
    recipients = _recipients(edited, one.recipients)
    schedule = replace(asked, cron=cron.strip(), zone=zone.strip(), days=days) if cron.strip() else None  # type: ignore[arg-type]
    return replace(
        one, title=(zh.strip(), en.strip()), period=period, schedule=schedule, language=told, empty=empty,
        formats=tuple(name for name in FORMATS if name in formats), owner=owner.strip(), recipients=recipients,
    )  # fmt: skip


def _frame(recipients: Sequence[Recipient]) -> pd.DataFrame:
    """Recipients as the table that is edited: a row each, his scope as filters are written in commands."""
    rows = [
        {
            "name": one.name,
            "target": one.target,
            "scope": shlex.join(f"{filter_.dimension}={','.join(filter_.values)}" for filter_ in one.scope.filters),
            "see_interactions": one.scope.see_interactions,
            "see_agents": one.scope.see_agents,
        }
        for one in recipients
    ]
    columns = ["name", "target", "scope", "see_interactions", "see_agents"]
    return pd.DataFrame(rows, columns=columns).astype({name: bool if "see" in name else object for name in columns})


def _recipients(edited: pd.DataFrame, before: Sequence[Recipient]) -> tuple[Recipient, ...]:
    """The table read back; a recipient's language, which it does not show, stays his. Raises InputError."""
    languages = {recipient.name: recipient.language for recipient in before}
    found = []
    for record in edited.to_dict("records"):
        name, target, scope = ("" if pd.isna(record[one]) else str(record[one]).strip() for one in _TEXTS)
        if name or target:
            # A box that was not touched in a new row is ticked.
            sees = {one: bool(pd.isna(record[one]) or record[one]) for one in ("see_interactions", "see_agents")}
            try:
                filters = filters_of(shlex.split(scope))
            except ValueError as error:  # a quotation mark without its other
                raise InputError("bad_filter", text=scope[:100]) from error
            found.append(Recipient(name, target, Scope(filters, **sees), languages.get(name)))
    return tuple(found)


def _save(kept: book.Kept, changed: Definition, language: Language, published: Published) -> None:
    if problems := problems_of([changed], list(published.feeds)):
        st.error("\n\n".join(problem.what(language) for problem in problems), icon=":material/error:")
        return
    try:
        book.save(cache.state_database(), [kept], [replace(kept, definition=changed)], LOCAL)
    except KpiError as error:
        st.error(error.message(language), icon=":material/error:")
        return
    state.tell("snapshots", phrase(language, "edit_saved"))
    st.rerun()


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
    feeds = list(published.feeds)
    with st.container(horizontal=True, gap="xsmall", key="snapshots_file"):
        said = editor.as_file(
            "snapshots",
            ("snapshots_upload_help", "snapshots_applied"),
            lambda: definition_file.dump([one.definition for one in kept], language),
            lambda text: book.apply(cache.state_database(), definition_file.load(text, feeds), LOCAL),
            language,
        )
    if said is not None:
        state.tell("snapshots", said)
        state.rerun_page()
