"""Editing a definition on the page, and all of them as a file."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import pandas as pd
import streamlit as st

from kpi.cli.question_commands import filters_of
from kpi.errors import InputError, KpiError
from kpi.i18n import LANGUAGES, Language, phrase
from kpi.query.question import Filter, Scope
from kpi.snapshots import definition_file, definition_store
from kpi.snapshots.model import Definition, Recipient, Schedule, Section, SectionKind
from kpi.snapshots.serialization import COMPARISONS, DAYS, DOWNTIME, EMPTY, FORMATS, KINDS, PERIODS
from kpi.snapshots.validation import problems_of
from kpi.state import LOCAL
from kpi.warehouse.published import Published
from pages.address import state
from pages.data import cache
from pages.ui import components, editor, subscribe

_Chosen = TypeVar("_Chosen", bound=str)
_TEXTS = ("name", "target", "scope", "language")
# A snapshot that is new has something to show.
_NEW = Section("headline", "headline", ("self_service_rate", "volume", "csat", "service_level"))


def edit(kept: definition_store.Kept, language: Language, published: Published) -> None:
    """Behind one button: the form of a definition, and its end."""
    one = kept.definition
    key = f"edit_{one.name}"
    with st.popover(phrase(language, "snapshots_edit"), icon=":material/edit:", type="tertiary", key=key):
        with st.form(f"form_{one.name}", border=False):
            try:
                changed, problem = _form(one, language, published), None
            except KpiError as error:
                changed, problem = one, error.message(language)
            if st.form_submit_button(phrase(language, "edit_save"), type="primary", key=f"save_{one.name}"):
                if problem is None:
                    _save(kept, changed, language, published)
                else:
                    st.error(components.paragraphs(problem), icon=":material/error:")
        st.button(
            phrase(language, "snapshots_delete"),
            icon=":material/delete:",
            type="tertiary",
            key=f"delete_{one.name}",
            on_click=_delete,
            args=(kept, language),
        )


def _form(one: Definition, language: Language, published: Published) -> Definition:
    """What the fields hold. Raises InputError for filters that are none."""
    asked = one.schedule or Schedule("")

    def say(field: str) -> str:
        return phrase(language, f"snapshot_{field}")

    def key(field: str) -> str:
        return f"{field}_{one.name}"

    def choice(
        field: str, options: Sequence[_Chosen], value: _Chosen, called: Callable[[_Chosen], str] | None = None
    ) -> _Chosen:
        return st.selectbox(
            say(field), options, index=list(options).index(value), key=key(field),
            format_func=called or (lambda chosen: phrase(language, f"snapshot_{field}_{chosen}")),
            placeholder=phrase(language, "choose_one"),
        )  # fmt: skip

    zh = st.text_input(say("title_zh"), one.title[0], key=key("zh"))
    en = st.text_input(say("title_en"), one.title[1], key=key("en"))
    period = choice("period", PERIODS, one.period)
    compare = choice(
        "compare", COMPARISONS, one.compare or "none", lambda chosen: phrase(language, f"compare_{chosen}")
    )
    filters = st.text_input(say("filters"), _said(one.filters), help=say("filters_help"), key=key("filters"))
    st.caption(say("sections"))
    sections = st.data_editor(
        _section_frame(one.sections), num_rows="dynamic", hide_index=True, key=key("sections"), placeholder="",
        alt=say("sections"),
        column_config={
            "id": st.column_config.TextColumn(say("section_id"), max_chars=40),
            "kind": st.column_config.SelectboxColumn(
                say("section_kind"), options=KINDS, default="table",
                format_func=lambda kind: phrase(language, f"snapshot_kind_{kind}"),
            ),
            "kpis": st.column_config.TextColumn(say("section_kpis"), help=say("section_kpis_help")),
            "by": st.column_config.TextColumn(say("section_by"), help=say("section_by_help")),
            "title_zh": st.column_config.TextColumn(say("title_zh")),
            "title_en": st.column_config.TextColumn(say("title_en")),
        },
    )  # fmt: skip
    cron = st.text_input(say("cron"), asked.cron, help=say("cron_help"), key=key("cron"))
    zone = st.text_input(say("zone"), asked.zone, key=key("zone"))
    days = choice("days", DAYS, asked.days)
    wait = st.checkbox(say("wait"), asked.wait, key=key("wait"))
    feeds = st.multiselect(
        say("feeds"), list(dict.fromkeys([*published.feeds, *asked.feeds])), asked.feeds, key=key("feeds"),
        select_all=False, placeholder=say("feeds_all"),
    )  # fmt: skip
    deadline = st.number_input(say("deadline"), 0, None, asked.deadline_minutes, key=key("deadline"))
    downtime = choice("downtime", DOWNTIME, asked.after_downtime)
    limit = st.number_input(say("limit"), 10, None, one.time_limit_seconds, key=key("limit"))
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
            "language": st.column_config.SelectboxColumn(
                say("language"), options=LANGUAGES,
                format_func=lambda spoken: phrase(language, f"snapshot_language_{spoken}"),
            ),
            "see_interactions": st.column_config.CheckboxColumn(say("see_interactions"), default=True),
            "see_agents": st.column_config.CheckboxColumn(say("see_agents"), default=True),
        },
    )  # fmt: skip
    schedule = Schedule(
        cron.strip(), zone.strip(), days, wait, tuple(feeds), deadline, downtime,  # type: ignore[arg-type]
    )  # fmt: skip
    return replace(
        one, title=(zh.strip(), en.strip()), period=period, compare=None if compare == "none" else compare,
        filters=_filters(filters), sections=_sections(sections), schedule=schedule if schedule.cron else None,
        formats=tuple(name for name in FORMATS if name in formats), language=told, empty=empty, owner=owner.strip(),
        recipients=_recipients(edited), time_limit_seconds=limit,
    )  # fmt: skip


def _said(filters: Sequence[Filter]) -> str:
    """Filters as they are written in commands."""
    return shlex.join(f"{one.dimension}={','.join(one.values)}" for one in filters)


def _filters(text: str) -> tuple[Filter, ...]:
    """What ``_said`` wrote. Raises InputError."""
    try:
        return filters_of(shlex.split(text))
    except ValueError as error:  # a quotation mark without its other
        raise InputError("bad_filter", text=text[:100]) from error


def _section_frame(sections: Sequence[Section]) -> pd.DataFrame:
    """Sections as the table that is edited: a row each, KPIs and dimensions with commas between them."""
    rows = [(one.id, one.kind, ", ".join(one.kpis), ", ".join(one.by), *one.title) for one in sections]
    return pd.DataFrame(rows, columns=["id", "kind", "kpis", "by", "title_zh", "title_en"]).astype(object)


def _sections(edited: pd.DataFrame) -> tuple[Section, ...]:
    """The table read back; a row without an id is called by its kind and place, one without anything is none."""
    found = []
    for number, record in enumerate(edited.to_dict("records"), start=1):
        told = {name: "" if pd.isna(value) else str(value).strip() for name, value in record.items()}
        kpis, by = (tuple(filter(None, map(str.strip, told[name].split(",")))) for name in ("kpis", "by"))
        if told["id"] or kpis:
            kind: SectionKind = next((one for one in KINDS if one == told["kind"]), "table")
            title = told["title_zh"], told["title_en"]
            found.append(Section(told["id"] or f"{kind}-{number}", kind, kpis, by, title))
    return tuple(found)


def _frame(recipients: Sequence[Recipient]) -> pd.DataFrame:
    """Recipients as the table that is edited: a row each, his scope as filters are written in commands."""
    rows = [
        {
            "name": one.name,
            "target": one.target,
            "scope": _said(one.scope.filters),
            "language": one.language,
            "see_interactions": one.scope.see_interactions,
            "see_agents": one.scope.see_agents,
        }
        for one in recipients
    ]
    columns = ["name", "target", "scope", "language", "see_interactions", "see_agents"]
    return pd.DataFrame(rows, columns=columns).astype({name: bool if "see" in name else object for name in columns})


def _recipients(edited: pd.DataFrame) -> tuple[Recipient, ...]:
    """The table read back. Raises InputError."""
    found = []
    for record in edited.to_dict("records"):
        name, target, scope, told = ("" if pd.isna(record[one]) else str(record[one]).strip() for one in _TEXTS)
        if name or target:
            # A box that was not touched in a new row is ticked.
            sees = {one: bool(pd.isna(record[one]) or record[one]) for one in ("see_interactions", "see_agents")}
            spoken = next((one for one in LANGUAGES if one == told), None)
            found.append(Recipient(name, target, Scope(_filters(scope), **sees), spoken))
    return tuple(found)


def _save(kept: definition_store.Kept, changed: Definition, language: Language, published: Published) -> None:
    if problems := problems_of([changed], list(published.feeds), settings=cache.warehouse().settings):
        told = "\n".join(problem.what(language) for problem in problems)
        st.error(components.paragraphs(told), icon=":material/error:")
        return
    try:
        definition_store.save(cache.state_database(), [kept], [replace(kept, definition=changed)], LOCAL)
    except KpiError as error:
        st.error(components.paragraphs(error.message(language)), icon=":material/error:")
        return
    state.set_message("snapshots", phrase(language, "edit_saved"))
    st.rerun()


def _delete(kept: definition_store.Kept, language: Language) -> None:
    """Take it out of the list; its runs and their files stay."""
    try:
        definition_store.save(cache.state_database(), [kept], [], LOCAL)
        state.set_message("snapshots", phrase(language, "snapshots_deleted", title=kept.definition.title_in(language)))
    except KpiError as error:
        state.set_message("snapshots", error.message(language))


def new(language: Language) -> None:
    """One that is made from nothing, to be edited: it is not due by itself yet."""
    st.button(
        phrase(language, "snapshots_new"), icon=":material/add:", key="snapshots_new", on_click=_new, args=(language,)
    )


def _new(language: Language) -> None:
    title = phrase("zh", "snapshots_new_title"), phrase("en", "snapshots_new_title")
    made = Definition("snapshot", title, (_NEW,), "last_week", language=language)
    state.set_message("snapshots", subscribe.make(made, "", language))


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
        if not definition_store.definitions(kept):
            definition_store.apply(kept, [replace(one, language=language) for one in ready], LOCAL)
    except KpiError as error:
        state.set_message("snapshots", error.message(language))


def as_file(kept: list[definition_store.Kept], language: Language, published: Published) -> None:
    """All definitions as a file, and a file in the place of all of them."""
    feeds = list(published.feeds)
    with st.container(horizontal=True, gap="xsmall", key="snapshots_file"):
        said = editor.as_file(
            "snapshots",
            ("snapshots_upload_help", "snapshots_applied"),
            lambda: definition_file.dump([one.definition for one in kept], language),
            lambda text: definition_store.apply(
                cache.state_database(),
                definition_file.load(text, feeds, settings=cache.warehouse().settings),
                LOCAL,
            ),
            language,
        )
    if said is not None:
        state.set_message("snapshots", said)
        state.rerun_page()
