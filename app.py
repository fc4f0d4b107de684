"""The entry of the web application: ``streamlit run app.py``, or any ASGI server on ``app:app``.

The pages are reached through ``pages/shell.py`` alone.
"""

import logging
import secrets

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from kpi.errors import KpiError
from kpi.settings import load_settings
from pages import components, state

log = logging.getLogger("switchboard")


async def healthz(_: Request) -> JSONResponse:
    """200 when the application can serve; 503 with the reason when its settings cannot be read."""
    try:
        load_settings()
    except KpiError as error:
        return JSONResponse({"status": "error", "reason": error.message("en")}, status_code=503)
    return JSONResponse({"status": "ok"})


async def overview(request: Request) -> Response:
    """The overview is the default page, whose address is "/"; keep the filters of a link that names it."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/{query}", status_code=307)


def on_error(error: Exception) -> bool:
    """Log what nobody foresaw under a number, and show the number instead of a traceback."""
    code = secrets.token_hex(3)
    log.error("unexpected error %s", code, exc_info=error)
    language = state.read_language(state.query_params(), state.browser_language())
    components.unexpected(code, language)
    return True


app = st.App(
    "pages/shell.py", routes=[Route("/healthz", healthz), Route("/overview", overview)], on_script_error=on_error
)
