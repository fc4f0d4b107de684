"""Files that visitors give: taken only while their page asks for one, written to disk as they come, and counted.

The framework takes a file of up to a common limit from any page, and keeps it in memory. Here ``Uploads`` stands before
it: what the framework is handed instead of a file is empty, and what it keeps of it holds the file on disk, which is
gone when it lets go of that: as the visitor takes his file back, or leaves. The files have no name on disk, so that
nothing is left of them even where the server is killed.
"""

import asyncio
import io
import logging
import re
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, cast

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from kpi.errors import KpiError
from kpi.i18n import phrase
from kpi.settings import Settings, load_settings
from pages.address import state
from pages.address.parsing import read_language
from pages.entrance import root_path

log = logging.getLogger("switchboard")

MB = 1 << 20
LIST = 1  # MB of a list that people write: targets, snapshots, a mapping
_FRAME = 64 * 1024  # bytes of a request around its file
_SILENCE = 30.0  # seconds that a sender may say nothing
_LEFT_OVER = 86_400  # seconds after which nobody reads what an import was given
_PLACE = re.compile(r"/_stcore/upload_file/([0-9a-zA-Z-]{1,64})/([0-9a-zA-Z-]{1,64})")
# A request with an empty file, by which the framework says whether it would take one from this visitor.
_EMPTY = b'--b\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n\r\n--b--\r\n'
_EMPTY_HEADERS = [(b"content-type", b"multipart/form-data; boundary=b"), (b"content-length", b"%d" % len(_EMPTY))]


@dataclass(eq=False)
class _OnDisk:
    """A file of a visitor, from its first byte on. ``size`` in bytes; ``file``: there when it has come whole."""

    session: str
    size: int = 0
    file: IO[bytes] | None = None


class _Kept(bytes):
    """What the framework keeps in the place of a file's content."""

    on_disk: _OnDisk


@dataclass(frozen=True)
class _Asked:
    most: int
    still: Callable[[], bool]


@dataclass(eq=False)
class _Desk:
    """What the page of a visitor asks for, by the key of the widget; ``drawn``: the keys of the run that is made."""

    asked: dict[str, _Asked] = field(default_factory=dict)
    drawn: set[str] = field(default_factory=set)


# By session, and by file; they go with what holds them, the session's state and the framework's record of the file.
_desks: "weakref.WeakValueDictionary[str, _Desk]" = weakref.WeakValueDictionary()
_files: "weakref.WeakValueDictionary[tuple[str, str], _OnDisk]" = weakref.WeakValueDictionary()


# --- the pages' side -----------------------------------------------------------------------------------------------


@contextmanager
def asked_for() -> Iterator[None]:
    """While a page is made: in the end, its visitor can give what it asks for and nothing else."""
    desk = _desk()
    desk.drawn = set()
    try:
        yield
    finally:
        desk.asked = {key: asked for key, asked in desk.asked.items() if key in desk.drawn}


def uploader(
    label: str, key: str, most: int, type: str | None = None, still: Callable[[], bool] = lambda: True
) -> UploadedFile | None:
    """Ask for a file of at most ``most`` MB. ``label`` is a phrase; ``still``: whether it is wanted when it comes."""
    desk = _desk()
    desk.asked[key] = _Asked(most * MB, still)
    desk.drawn.add(key)
    return st.file_uploader(label, type=type, key=key, max_upload_size=most)


def _desk() -> _Desk:
    desk = state.of_visitor("upload_desk", _Desk)
    _desks[_session()] = desk
    return desk


def _session() -> str:
    """The visitor's session; "" where the script is run outside the server, where nobody can give anything."""
    context = get_script_run_ctx()
    return "" if context is None else context.session_id


def content(file: UploadedFile) -> bytes:
    """What is in it."""
    to = io.BytesIO()
    save(file, to)
    return to.getvalue()


def save(file: UploadedFile, to: IO[bytes]) -> None:
    """Copy it, without holding it in memory."""
    on_disk = _files.get((_session(), file.file_id))
    # What did not come through the server was put in its place by the framework's own way of testing.
    source = file if on_disk is None or on_disk.file is None else on_disk.file
    source.seek(0)
    shutil.copyfileobj(source, to, MB)


def safe_name(name: str) -> str:
    """The last part of a file's name as its sender tells it, as a name that any file system takes."""
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[\x00-\x1f\x7f]", "_", last)[-60:].lstrip(".") or "file"


def clear(settings: Settings) -> None:
    """Delete what imports were given before this server began, and that nobody reads any more."""
    for folder in (settings.home / "tmp").glob("upload_*"):
        try:
            if folder.stat().st_mtime < time.time() - _LEFT_OVER:
                shutil.rmtree(folder)
        except OSError:
            log.exception("what an import was given could not be deleted: %s", folder)


# --- the server's side ---------------------------------------------------------------------------------------------


class _Refused(Exception):
    """``status``: of the answer; ``key``: the phrase that says why."""

    def __init__(self, status: int, key: str) -> None:
        super().__init__(key)
        self.status, self.key = status, key


class Uploads:
    """Takes the files. A layer of ASGI."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "PUT":
            await self.app(scope, receive, send)
            return
        try:
            at = _PLACE.fullmatch(scope["path"].removeprefix(root_path()))
            if at is None:
                raise _Refused(403, "upload_not_asked")
            answer = await self._take(scope, receive, at[1], at[2])
        except _Refused as refused:
            language = read_language({}, Headers(scope=scope).get("accept-language"))
            said = phrase(language, refused.key)
            answer = PlainTextResponse(f"{said}\n", status_code=refused.status, headers={"Connection": "close"})
        await answer(scope, receive, send)

    async def _take(self, scope: Scope, receive: Receive, session: str, file_id: str) -> Response:
        settings = load_settings()
        most = await _most(session)
        declared = Headers(scope=scope).get("content-length")
        if declared is not None and int(declared) > most + _FRAME:
            raise _Refused(413, "upload_too_large")
        consent = await self._ask(scope)
        if consent.status_code != 204:
            return consent
        # Only the framework's own manager of files is asked by its sessions; a test holds that it is still this one.
        manager = cast(MemoryUploadedFileManager, Runtime.instance().uploaded_file_mgr)
        if (session, file_id) in _files or _count(session) >= settings.upload_files:
            raise _Refused(413, "upload_too_many")
        on_disk = _OnDisk(session)
        _files[session, file_id] = on_disk
        try:
            given = await _receive(scope, receive, on_disk, most, settings)
        except BaseException:
            manager.remove_file(session, file_id)
            raise
        kept = _Kept()
        kept.on_disk = on_disk
        kind = given.content_type or "application/octet-stream"
        manager.add_file(session, UploadedFileRec(file_id, given.filename or "", kind, kept))
        return consent

    async def _ask(self, scope: Scope) -> Response:
        """What the framework says to an empty file in the place of this one: it knows its sessions and its tokens."""
        others = [one for one in scope["headers"] if one[0] not in {b"content-type", b"content-length"}]
        others = [one for one in others if one[0] != b"transfer-encoding"]
        said = Response(status_code=500)

        async def receive() -> Message:
            return {"type": "http.request", "body": _EMPTY, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                said.status_code = message["status"]

        await self.app({**scope, "headers": [*others, *_EMPTY_HEADERS]}, receive, send)
        return Response(status_code=said.status_code)


async def _most(session: str) -> int:
    """How many bytes a visitor may give now. Raises _Refused where his page asks for nothing."""
    desk = _desks.get(session)
    for asked in list(desk.asked.values()) if desk is not None else []:
        try:
            if not await run_in_threadpool(asked.still):
                break
        except KpiError:
            break
    else:
        if desk is not None and desk.asked:
            return max(asked.most for asked in desk.asked.values())
    raise _Refused(403, "upload_not_asked")


def _count(session: str) -> int:
    return sum(one.session == session for one in list(_files.values()))


async def _receive(scope: Scope, receive: Receive, on_disk: _OnDisk, most: int, settings: Settings) -> UploadFile:
    """Write the file as it comes, whatever length it was said to have. Raises _Refused."""
    folder = settings.home / "tmp"

    async def counted() -> Message:
        try:
            message = await asyncio.wait_for(receive(), _SILENCE)
        except TimeoutError:
            raise _Refused(408, "upload_broken") from None
        if message["type"] == "http.disconnect":
            raise _Refused(400, "upload_broken")
        on_disk.size += len(message.get("body", b""))
        if on_disk.size > most + _FRAME:
            raise _Refused(413, "upload_too_large")
        files = list(_files.values())
        if sum(one.size for one in files if one.session == on_disk.session) > settings.upload_session * MB + _FRAME:
            raise _Refused(413, "upload_too_many")
        if sum(one.size for one in files) > settings.upload_total * MB + _FRAME:
            raise _Refused(507, "upload_no_room")
        return message

    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.tempdir = str(folder)  # where Starlette's files without a name lie, readable for nobody else
        form = await Request(scope, counted).form(max_files=1, max_fields=0)
    except (MultiPartException, HTTPException) as error:
        raise _Refused(400, "upload_broken") from error
    except OSError as error:
        log.exception("a file that was given could not be kept")
        raise _Refused(507, "upload_no_room") from error
    given = [value for value in form.values() if isinstance(value, UploadFile)]
    if len(given) != 1:
        raise _Refused(400, "upload_broken")
    on_disk.file = given[0].file
    weakref.finalize(on_disk, given[0].file.close)
    return given[0]
