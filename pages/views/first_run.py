"""An empty home: make the demo bank, or import a file. Both run in a process of their own, so that the server goes on
answering; whoever opens the page meanwhile sees the same progress.
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from kpi.errors import KpiError, WarehouseEmpty
from kpi.home import require_writable, working_folder
from kpi.i18n import Language, phrase
from kpi.ingest import shipped_mappings
from kpi.jobs import Job
from kpi.settings import Settings, load_settings
from pages.address import state
from pages.data import cache
from pages.ui import components, uploads

_OWN = "own"


def render(language: Language) -> None:
    """The two ways to begin, or the progress of the one that was taken."""
    components.head(phrase(language, "first_title"), language, None)
    work = cache.first_job()
    if work.job is not None and work.job.running:
        _watch(language)
        return
    try:
        require_writable(load_settings().home)
    except KpiError as error:
        components.problem(error.message(language), language)
        return
    if work.job is not None and work.job.failed:
        told = components.paragraphs(f"{phrase(language, 'first_failed')}\n{work.job.complaint()}")
        st.error(told, icon=":material/error:")
    st.html(f'<p class="first-text">{phrase(language, "first_lead")}</p>')
    demo, own = st.columns(2, gap="small")
    with demo, st.container(border=True, height="stretch", key="panel_demo"):
        _offer_demo(language)
    with own, st.container(border=True, height="stretch", key="panel_import"):
        _offer_import(language)


def _offer_demo(language: Language) -> None:
    components.heading(phrase(language, "first_demo"), phrase(language, "first_demo_time"))
    st.html(f'<p class="first-text">{phrase(language, "first_demo_text")}</p>')
    st.button(
        phrase(language, "first_demo_button"),
        type="primary",
        icon=":material/account_balance:",
        key="make_demo",
        on_click=_make_demo,
        args=(language,),
    )


def _offer_import(language: Language) -> None:
    components.heading(phrase(language, "first_import"), "")
    st.html(f'<p class="first-text">{phrase(language, "first_import_text")}</p>')
    most = load_settings().upload_limit
    file = uploads.uploader(phrase(language, "first_import_file"), "import_file", most, still=_still_empty)
    mapping = st.selectbox(
        phrase(language, "first_import_mapping"),
        [*shipped_mappings(), _OWN],
        format_func=lambda name: phrase(language, "first_import_mapping_own") if name == _OWN else name,
        placeholder=phrase(language, "choose_one"),
        key="import_mapping",
    )
    own = (
        uploads.uploader(
            phrase(language, "first_import_mapping_own"), "import_own", uploads.LIST, "toml", still=_still_empty
        )
        if mapping == _OWN
        else None
    )
    ready = file is not None and (mapping != _OWN or own is not None)
    if st.button(
        phrase(language, "first_import_button"), icon=":material/upload_file:", key="import", disabled=not ready
    ):
        assert file is not None
        settings = load_settings()
        folder = Path(tempfile.mkdtemp(prefix="upload_", dir=working_folder(settings.home)))
        place = _keep(folder / "file", file)
        by = str(mapping) if own is None else str(_keep(folder / "mapping", own))
        _start(settings, "kpi", ["import", str(place), "--mapping", by], language, folder)
        st.rerun()


def _still_empty() -> bool:
    """Whether there is nothing yet, and nobody makes it: whose page is old has nothing to give any more."""
    job = cache.first_job().job
    try:
        cache.published()
    except WarehouseEmpty:
        return job is None or not job.running
    return False


def _keep(folder: Path, file: UploadedFile) -> Path:
    """Write an upload, which may name customers, for the service's user alone."""
    folder.mkdir()
    place = folder / uploads.safe_name(file.name)
    with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
        uploads.save(file, written)
    return place


def _make_demo(language: Language) -> None:
    settings = load_settings()
    _start(settings, "seed", ["--target", settings.warehouse_url], language)


def _start(
    settings: Settings, module: str, arguments: Sequence[str], language: Language, folder: Path | None = None
) -> None:
    """Start the work, unless somebody else just did. ``folder``: what was uploaded for it, deleted in the end."""
    work = cache.first_job()
    with work.lock:
        if work.job is None or not work.job.running:
            log = working_folder(settings.home) / "first_run.log"
            environment = {"KPI_LANGUAGE": language, "KPI_HOME": str(settings.home)}
            work.job = Job(module, arguments, log, environment, folder)
        elif folder is not None:
            shutil.rmtree(folder)


@st.fragment(run_every=1.0)
def _watch(language: Language) -> None:
    """Progress, once a second; at the end the page is made anew."""
    job = cache.first_job().job
    if job is None or not job.running:
        state.rerun_page()
        return
    done, said = job.progress()
    what = phrase(language, "first_demo" if job.module == "seed" else "first_import")
    with st.container(border=True, key="panel_progress"):
        components.heading(phrase(language, "first_running", what=what), "")
        st.progress(done or 0.0, text=components.escape_markdown(said) or phrase(language, "first_starting"))
