"""The entry of the web application: ``streamlit run app.py``, or any ASGI server on ``app:app``.

The pages are reached through ``pages/shell.py`` alone.
"""

import logging
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from kpi.errors import KpiError, WarehouseEmpty
from kpi.plain_text import log_to_stderr
from kpi.settings import ROOT, load_settings
from kpi.snapshots.runs import workers
from kpi.state.database import is_begun_at, now
from pages.address import state
from pages.address.parsing import read_language
from pages.cache_warmer import CacheWarmer
from pages.data import cache
from pages.entrance import OneEntrance, OwnOrigin, SecureHeaders, on_failure
from pages.ui import components, uploads
from pages.ui.uploads import Uploads

log = logging.getLogger("switchboard")
log_to_stderr()

_LEAVE = 10  # seconds for what is being asked ahead when the server ends


def healthz(_: Request) -> JSONResponse:
    """200 when the application can serve, be it a beginning; 503 with the reason when its settings, its warehouse or a
    table of it cannot be read, or there was a warehouse and is none. Tells beside whether a worker of snapshots lives,
    and how many views were asked ahead, without which the pages serve all the same.
    """
    try:
        with suppress(WarehouseEmpty):
            cache.published()
        if cache.warehouse().exists():
            cache.warehouse().check_readable()
    except KpiError as error:
        return JSONResponse({"status": "error", "reason": error.message("en")}, status_code=503)
    return JSONResponse({"status": "ok", "snapshots": _worker(), "ahead": _ahead()})


def _worker() -> str:
    """The worker of snapshots by its last sign of life: alive, none, or why that cannot be read."""
    try:
        kept = is_begun_at(load_settings()) and workers(cache.state_database(), now())
    except KpiError as error:
        return error.message("en")
    return "alive" if kept else "none"


def _ahead() -> dict[str, int | None] | str:
    """How many of the usual views were asked ahead of what is published, and how many of those in vain; or off."""
    asking: CacheWarmer | None = app.state.get("ahead")
    return "off" if asking is None else asdict(asking.progress)


def on_error(error: Exception) -> bool:
    """Log what nobody foresaw under a number, and show the number instead of a traceback."""
    code = secrets.token_hex(3)
    log.error("unexpected error %s", code, exc_info=error)
    language = read_language(state.query_params(), state.browser_language())
    components.unexpected(code, language)
    return True


@asynccontextmanager
async def beside(_: st.App) -> AsyncIterator[dict[str, CacheWarmer | None]]:
    """While the server runs, what the settings want beside it: a worker of snapshots, and who asks ahead.

    The worker is a process of its own, of low priority, so that a report that is made takes nothing from the pages; it
    ends with the server, even with one that is killed.
    """
    worker: subprocess.Popen[bytes] | None = None
    ahead: CacheWarmer | None = None
    with suppress(KpiError):
        settings = load_settings()
        uploads.clear(settings)
        if settings.snapshot_worker == "inside":
            command = [sys.executable, "-m", "kpi", "snapshots", "serve", "--child"]
            worker = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL)
        if settings.ask_ahead:
            ahead = CacheWarmer()
            ahead.start()
    try:
        yield {"ahead": ahead}
    finally:
        if ahead is not None:
            ahead.stop()
            ahead.join(_LEAVE)
        if worker is not None:
            worker.terminate()


app = st.App(
    "pages/shell.py",
    lifespan=beside,
    routes=[Route("/healthz", healthz)],
    middleware=[Middleware(SecureHeaders), Middleware(OwnOrigin), Middleware(Uploads), Middleware(OneEntrance)],
    exception_handlers={Exception: on_failure},
    on_script_error=on_error,
)
