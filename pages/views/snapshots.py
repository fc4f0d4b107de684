"""Snapshots: what is due next, what became of the last runs, their files and what a revision changed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from html import escape

import streamlit as st

from kpi.charts import Style
from kpi.cli.snapshot_commands import next_of
from kpi.errors import KpiError, StateError
from kpi.home import working_folder
from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_count, format_moment
from kpi.jobs import Job
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.registry import METRICS
from kpi.narrative.headline import Span
from kpi.snapshots import definition_store, resolution, store
from kpi.snapshots.ledger import Ledger
from kpi.snapshots.notices import change_parts, part_name
from kpi.snapshots.runs import (
    GOOD,
    TROUBLE,
    Change,
    Run,
    changes,
    decisions,
    deliveries,
    files,
    run_told,
    runs,
    say,
    told_state,
    workers,
)
from kpi.snapshots.schedule import USUAL, local, next_due
from kpi.state import LOCAL
from kpi.state.database import now
from kpi.warehouse.published import Published
from pages.address import state
from pages.address.view import View
from pages.data import cache
from pages.ui import components, layout
from pages.views import snapshot_editor

_MOST_RUNS, _MOST_CHANGES, _LONGEST_KEY = 25, 40, 200
_OPEN = ("due", "waiting", "running")


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    language = view.language
    asked, view = state.read_text(view, "run", _LONGEST_KEY)
    layout.top("snapshots", view, published, None, filtered=False)
    try:
        _page(language, published, asked)
    except StateError as error:
        st.error(components.paragraphs(error.message(language)), icon=":material/error:")


def _page(language: Language, published: Published, asked: str) -> None:
    """``asked``: the key of the run that the address is about, "" for none."""
    kept = definition_store.definitions(cache.state_database())
    components.sentences((Span(phrase(language, "snapshots_opening")),))
    if said := state.message("snapshots"):
        st.info(components.paragraphs(said), icon=":material/info:")
        state.set_message("snapshots", "")
    with st.container(border=True, key="panel_definitions"):
        components.heading(phrase(language, "snapshots_title"), phrase(language, "snapshots_sub"))
        if not kept:
            snapshot_editor.none_yet(language)
        for one in sorted(kept, key=_next_due):
            _definition(one, language, published)
        with st.container(horizontal=True, gap="xsmall", key="snapshots_all"):
            snapshot_editor.new(language)
            snapshot_editor.as_file(kept, language, published)
    _runs_panel(language, asked, published)


def _next_due(kept: definition_store.Kept) -> tuple[datetime, str]:
    """What is due next comes first, what is not due by itself last."""
    one = kept.definition
    due = next_due(one.schedule, now()) if one.schedule is not None and not one.paused else None
    return datetime.max if due is None else due.at, one.name


def _definition(kept: definition_store.Kept, language: Language, published: Published) -> None:
    one = kept.definition
    names = ", ".join(recipient.name for recipient in one.recipients) or phrase(language, "snapshots_kept_only")
    told = " · ".join(
        [phrase(language, f"snapshot_period_{one.period}"), next_of(one, language), names,
         " ".join(format_.upper() for format_ in one.formats)]
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"snapshot_{one.name}"):
        st.html(f'<p class="snapshot-name"><b>{escape(one.title_in(language))}</b> <code>{escape(one.name)}</code></p>'
                f'<p class="kpi-note">{escape(told)}</p>')  # fmt: skip
        st.button(
            phrase(language, "snapshots_run_now"),
            icon=":material/play_arrow:",
            key=f"run_{one.name}",
            on_click=_run_now,
            args=(one.name, language),
        )
        st.button(
            phrase(language, "snapshots_resume" if one.paused else "snapshots_pause"),
            icon=":material/play_circle:" if one.paused else ":material/pause_circle:",
            type="tertiary",
            key=f"pause_{one.name}",
            on_click=_pause,
            args=(one.name, not one.paused, language),
        )
        _back_fill(one.name, language, published)
        snapshot_editor.edit(kept, language, published)


def _back_fill(name: str, language: Language, published: Published) -> None:
    """Behind one button: the due dates of the past that are to be made up for."""
    with st.popover(
        phrase(language, "snapshots_back_fill"), icon=":material/history:", type="tertiary", key=f"past_{name}"
    ):
        yesterday = published.today - timedelta(days=1)
        days = st.date_input(
            phrase(language, "snapshots_back_fill_days"),
            (yesterday - timedelta(days=27), yesterday),
            max_value=published.today,
            key=f"past_days_{name}",
        )
        st.button(
            phrase(language, "snapshots_back_fill_run"),
            key=f"past_run_{name}",
            disabled=len(days) != 2,  # only the first day is chosen yet
            on_click=_run_past,
            args=(name, days, language),
        )


def _run_now(name: str, language: Language, day: date | None = None) -> None:
    """Put a run down; of a ``day`` that was run already it is the next revision."""
    _start(lambda ledger: phrase(language, "snapshots_started", run=ledger.add(name, day).key), language)


def _run_past(name: str, days: Sequence[date], language: Language) -> None:
    """Put every due date between two days down that has no run yet."""
    _start(lambda ledger: phrase(language, "snapshots_back_filled", count=len(ledger.back_fill(name, *days))), language)


def _start(put_down: Callable[[Ledger], str], language: Language) -> None:
    """Put runs down, and tell so; a worker that runs takes them within seconds, else a process is started for them."""
    try:
        kept, settings = cache.state_database(), cache.warehouse().settings
        state.set_message("snapshots", put_down(Ledger(kept)))
        if not workers(kept, now()):
            work = cache.runs_job()
            with work.lock:
                if work.job is None or not work.job.running:
                    log = working_folder(settings.home) / "snapshots.log"
                    work.job = Job("kpi", ["snapshots", "run-due"], log, {"KPI_HOME": str(settings.home)})
    except (KpiError, OSError) as error:
        state.set_message("snapshots", error.message(language) if isinstance(error, KpiError) else str(error))


def _pause(name: str, paused: bool, language: Language) -> None:
    try:
        definition_store.pause(cache.state_database(), name, paused, LOCAL)
    except KpiError as error:
        state.set_message("snapshots", error.message(language))


# --- runs ------------------------------------------------------------------------------------------------------------


def _runs_panel(language: Language, asked: str, published: Published) -> None:
    kept = cache.state_database()
    found = runs(kept, most=_MOST_RUNS)
    linked = run_told(kept, asked) if asked else None
    if linked is not None and linked.key not in {run.key for run in found}:
        found.append(linked)
    with st.container(border=True, key="panel_runs"):
        components.heading(phrase(language, "snapshots_runs_title"), _worker_line(language))
        if asked and linked is None:
            st.info(
                phrase(language, "snapshots_run_unknown", run=components.escape_markdown(asked)), icon=":material/info:"
            )
        if any(run.state in _OPEN for run in found):
            _watched(language, [run.key for run in found if run.state in _OPEN])
        if not found:
            st.html(f'<p class="first-text">{phrase(language, "snapshots_no_runs")}</p>')
            return
        st.html(_table(found, language))
        _details(found, language, linked, published)


def _worker_line(language: Language) -> str:
    alive = workers(cache.state_database(), now())
    return phrase(language, "snapshots_worker" if alive else "snapshots_no_worker")


@st.fragment(run_every=3.0)
def _watched(language: Language, before: list[str]) -> None:
    """While something is open: how it stands, every three seconds; when it ends, the page is made anew."""
    found = [run for run in runs(cache.state_database(), most=_MOST_RUNS) if run.state in _OPEN]
    if [run.key for run in found] != before:
        state.rerun_page()
    for run in found:
        told = told_state(run, language)
        if run.state == "running":
            told += " · " + phrase(language, f"run_step_{run.step}")
        if run.reason:
            told += " · " + say(run.reason, language)
        st.html(f'<p class="kpi-note"><b>{escape(_titled(run, language))}</b> {escape(told)}</p>')


def _titled(run: Run, language: Language) -> str:
    title = run.definition.title_in(language)
    return title if run.revision == 1 else phrase(language, "snapshots_revision", title=title, revision=run.revision)


def _moment(run: Run, language: Language) -> str:
    return format_moment(local(run.due_at, (run.definition.schedule or USUAL).zone), language)


def _table(found: list[Run], language: Language) -> str:
    head = "".join(
        f'<th scope="col">{phrase(language, f"snapshots_head_{name}")}</th>'
        for name in ("title", "state", "due", "seconds", "attempts", "reason")
    )
    lines = "".join(
        f'<tr><th scope="row">{escape(_titled(run, language))}</th><td class="{_tone(run)}">'
        f"{told_state(run, language)}</td><td>{_moment(run, language)}</td>"
        f"<td>{'–' if run.seconds is None else f'{run.seconds:.1f}'}</td><td>{run.attempts}</td>"
        f'<td class="reason">{escape(say(run.reason, language))}</td></tr>'
        for run in found
    )
    return (f'<div class="pivot runs" tabindex="0"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{lines}</tbody></table></div>")  # fmt: skip


def _tone(run: Run) -> str:
    if run.state in GOOD:
        return "better"
    return "worse" if run.state in TROUBLE else ""


def _details(found: list[Run], language: Language, linked: Run | None, published: Published) -> None:
    """One run: who got it, its files, and what it changed."""
    # What has just begun has nothing to show yet.
    first = linked or next((run for run in found if run.state not in _OPEN), found[0])
    keys = [run.key for run in found]
    chosen = st.selectbox(
        phrase(language, "snapshots_choose"),
        keys,
        index=keys.index(first.key),
        format_func=lambda key: next(
            (f"{_titled(run, language)} · {_moment(run, language)}" for run in found if run.key == key), str(key)
        ),
        placeholder=phrase(language, "choose_one"),
        key="snapshot_run",
    )
    run = next((one for one in found if one.key == chosen), found[0])
    kept = cache.state_database()
    _deliveries(run, language)
    changed = changes(kept, run)
    if changed is not None:
        st.html(_changes(changed, language, published))
    if run.state not in _OPEN:
        st.button(
            phrase(language, "snapshots_run_again"),
            icon=":material/replay:",
            type="tertiary",
            key=f"again_{run.id}",
            on_click=_run_now,
            args=(run.name, language, run.due_on),
        )
    _files(run, language)


def _files(run: Run, language: Language) -> None:
    """The files of each recipient's copy under his name, in the order of the recipients."""
    found = files(cache.state_database(), run)
    names = [recipient.name for recipient in run.definition.recipients]
    copies = sorted({file.recipient for file in found}, key=lambda name: [*names, name].index(name))
    for number, name in enumerate(copies):
        if name in names:
            st.html(f'<p class="kpi-note"><b>{escape(name)}</b></p>')
        with st.container(horizontal=True, gap="xsmall", key=f"run_files_{number}"):
            for file in (one for one in found if one.recipient == name):
                size = format_count(max(1, file.bytes // 1024), language, compact=False)
                # Copies of one run must not take each other's place in the folder of downloads.
                whose = f"{store.copy_folder(name)}-" if len(copies) > 1 else ""
                st.download_button(
                    components.escape_markdown(f"{file.name} ({size} KB)"),
                    data=_reader(run, file.recipient, file.name),
                    file_name=f"{run.name}-{run.due_on}-r{run.revision}-{whose}{file.name}",
                    key=f"file_{run.id}_{file.recipient}_{file.name}",
                    on_click="ignore",
                    icon=":material/download:",
                )


def _deliveries(run: Run, language: Language) -> None:
    """Who got it and what was told; of whom it is not known, or who did not, the owner may decide."""
    kept = cache.state_database()
    open_to_decision = run.state in resolution.OPEN_TO_DECISION and run.folder is not None
    lines = deliveries(kept, run)
    for line in lines:
        what = line.recipient if line.kind == "copy" else phrase(language, f"snapshots_{line.kind}")
        moment = "" if line.ended_at is None else format_moment(local(line.ended_at, USUAL.zone), language)
        told = " · ".join(filter(None, [phrase(language, f"delivery_{line.status}"), line.detail, moment]))
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"delivery_{line.id}"):
            st.html(f'<p class="kpi-note"><b>{escape(what)}</b> {escape(told)}</p>')
            if open_to_decision and line.kind == "copy" and line.status in resolution.IN_DOUBT:
                _decision("arrived", f"arrived_{line.id}", _arrived, run, [line.recipient], language)
                _decision("send_again", f"send_again_{line.id}", _send_again, run, [line.recipient], language)
    for one in decisions(kept, run):
        moment = format_moment(local(one.decided_at, USUAL.zone), language)
        said = phrase(language, f"snapshots_decided_{one.what}", recipient=one.recipient, author=one.author,
                      moment=moment)  # fmt: skip
        st.html(f'<p class="kpi-note">{escape(said)}</p>')
    without = [line.recipient for line in lines if line.kind == "copy" and line.status in resolution.NOT_SENT]
    if open_to_decision and without:
        _decision("send_failed_again", f"send_failed_again_{run.id}", _send_again, run, without, language)


def _decision(
    what: str, key: str, decide: Callable[[Run, list[str], Language], None], run: Run, names: list[str],
    language: Language,
) -> None:  # fmt: skip
    st.button(
        phrase(language, f"snapshots_{what}", names=components.escape_markdown(", ".join(names))),
        icon=":material/check:" if what == "arrived" else ":material/forward_to_inbox:",
        type="tertiary",
        key=key,
        on_click=decide,
        args=(run, names, language),
    )


def _arrived(run: Run, names: list[str], language: Language) -> None:
    try:
        resolution.arrived(Ledger(cache.state_database()), run.key, names, LOCAL)
    except KpiError as error:
        state.set_message("snapshots", error.message(language))


def _send_again(run: Run, names: list[str], language: Language) -> None:
    """Put the run down for these alone."""

    def put_down(ledger: Ledger) -> str:
        resolution.send_again(ledger, run.key, names, LOCAL)
        return phrase(language, "snapshots_sent_again", names=", ".join(names), run=run.key)

    _start(put_down, language)


def _reader(run: Run, recipient: str, name: str) -> Callable[[], bytes]:
    return lambda: store.read(cache.warehouse().settings, run, recipient, name)


def _changes(changed: Sequence[Change], language: Language, published: Published) -> str:
    """What a revision changed against the one before it; what is the same in several copies once."""
    changed = list(dict.fromkeys(replace(one, recipient="") for one in changed))
    if not changed:
        return f'<p class="kpi-note">{phrase(language, "snapshots_unchanged")}</p>'
    shown = changed[:_MOST_CHANGES]
    by = {part.partition("=")[0] for one in shown for part in one.key.partition("@")[0].split("|")}
    names = {name: cache.labels(name, language, published.version) for name in by if name in DIMENSIONS}
    lines = "".join(
        f'<tr><th scope="row">{escape(METRICS[one.kpi].name(language) if one.kpi in METRICS else one.kpi)}</th>'
        f"<td>{escape(part_name(one.key, names, language))}</td>"
        + "".join(f"<td>{escape(told)}</td>" for told in change_parts(one.kpi, one.before, one.after, language))
        + "</tr>"
        for one in shown
    )
    head = "".join(
        f'<th scope="col">{phrase(language, f"snapshots_head_{name}")}</th>'
        for name in ("kpi", "key", "was", "is", "by")
    )
    said = phrase(language, "snapshots_changed", count=len(changed))
    return (f'<p class="kpi-note">{said}</p><div class="pivot runs" tabindex="0"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{lines}</tbody></table></div>")  # fmt: skip
