"""Files that visitors give: where they are taken, how much of them, and that none of it is held in memory."""

import http.client
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import FilePayload, Page, Request, expect

from kpi.i18n import phrase
from tests.browser import server
from tests.browser.server import leave, settled
from tests.ingest import bank_log

MB = 1 << 20
LIMITS = {"KPI_UPLOAD_LIMIT": "200", "KPI_UPLOAD_SESSION": "250", "KPI_UPLOAD_FILES": "3", "KPI_UPLOAD_TOTAL": "400"}


@dataclass
class Server:
    netloc: str
    home: Path
    process: int

    def memory(self) -> int:
        """The most bytes that it ever held."""
        (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.process}/status").read_text())
        return int(kilobytes) * 1024

    def given(self) -> list[int]:
        """The sizes of the files that it holds and that have no name any more."""
        found = []
        for descriptor in Path(f"/proc/{self.process}/fd").iterdir():
            try:
                place = str(descriptor.readlink())
                if place.startswith(str(self.home / "tmp")) and place.endswith("(deleted)"):
                    found.append(descriptor.stat().st_size)
            except FileNotFoundError:  # closed meanwhile
                continue
        return sorted(found)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on an empty home, whose first page asks for a file."""
    folder = tmp_path_factory.mktemp("uploads")
    with server.serve(folder / "home", folder / "log", environment=LIMITS) as address:
        port = address.rpartition(":")[2]
        told = [place for place in Path("/proc").glob("[0-9]*/cmdline") if _of(place, port)]
        (process,) = [int(place.parent.name) for place in told]
        yield Server(f"127.0.0.1:{port}", folder / "home", process)


def _of(place: Path, port: str) -> bool:
    try:
        words = place.read_bytes().split(b"\0")
    except OSError:
        return False
    return b"streamlit" in words and port.encode() in words


@dataclass
class Giver:
    """Somebody with the first page open; ``put``: the request with which his browser gave a file."""

    netloc: str
    page: Page
    put: list[Request] = field(default_factory=list)

    def give(self, file: Path | FilePayload) -> None:
        self.page.locator(".st-key-import_file input[type=file]").set_input_files(file)

    def ask(self, body: bytes, *, session: str = "", file: str = "", length: int | None = None, token: str = "") -> int:
        """As his browser would, by hand. ``length``: what is said of it; -1: nothing, it comes in pieces."""
        request = self.put[-1]
        _, own, _ = request.url.rsplit("/", 2)
        at = f"/_stcore/upload_file/{session or own}/{file or uuid4()}"
        headers = {name: value for name, value in request.all_headers().items() if name in {"cookie", "x-xsrftoken"}}
        headers |= {"x-xsrftoken": token} if token else {}
        frame = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n\r\n'
        whole = frame + body + b"\r\n--b--\r\n"
        connection = http.client.HTTPConnection(self.netloc, timeout=60)
        connection.putrequest("PUT", at)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Type", "multipart/form-data; boundary=b")
        if length == -1:
            connection.putheader("Transfer-Encoding", "chunked")
        else:
            connection.putheader("Content-Length", str(len(whole) if length is None else length))
        connection.endheaders()
        try:
            for start in range(0, len(whole), MB) if length is None or length == -1 else ():
                piece = whole[start : start + MB]
                connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if length == -1 else piece)
            if length == -1:
                connection.send(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it had come; the answer may be there to be read
        try:
            return connection.getresponse().status
        except (ConnectionResetError, http.client.RemoteDisconnected):
            return 0


@pytest.fixture
def giver(empty: Server, visit: Callable[..., Page]) -> Iterator[Giver]:
    page = visit("en")
    one = Giver(empty.netloc, page)
    note = lambda asked: one.put.append(asked) if asked.method == "PUT" else None  # noqa: E731
    page.on("request", note)
    page.goto(f"http://{empty.netloc}/")
    settled(page)
    yield one
    page.remove_listener("request", note)
    leave(page)


def test_a_large_file_lies_on_disk_and_goes_with_who_gave_it(empty, giver, tmp_path):
    big = tmp_path / "big.csv"
    with big.open("wb") as file:
        file.truncate(150 * MB)
    before = empty.memory()
    giver.give(big)
    expect(giver.page.locator(".st-key-import button")).to_be_enabled(timeout=120_000)
    assert empty.memory() - before < 60 * MB
    assert empty.given() == [150 * MB]
    assert not [place for place in (empty.home / "tmp").iterdir() if place.stat().st_size > MB]
    # Together with it, what he now gives would be more than one visitor may.
    assert giver.ask(bytes(120 * MB)) in {413, 0}
    # He takes it back.
    giver.page.locator(".st-key-import_file").get_by_role("button", name="Remove big.csv").click()
    expect(giver.page.locator(".st-key-import button")).to_be_disabled(timeout=60_000)
    assert empty.given() == []


def test_trap_what_is_not_asked_for_is_refused(empty, giver):
    giver.give({"name": "a.csv", "mimeType": "text/csv", "buffer": b"x" * 10})
    expect(giver.page.locator(".st-key-import button")).to_be_enabled(timeout=60_000)
    assert giver.ask(b"x" * 10) == 204
    assert giver.ask(b"x" * 10, token="2|0|0|0") == 403
    # Larger than the page asks for, as it is said to be, and as it turns out to be.
    assert giver.ask(b"", length=300 * MB) == 413
    assert giver.ask(bytes(201 * MB), length=-1) in {413, 0}
    # No visitor, somebody else, a path.
    assert giver.ask(b"x", session=str(uuid4())) == 403
    for name in ("..", "%2e%2e", "..%2f..%2fx", "x.y", "a/b"):
        assert giver.ask(b"x", file=name) in {400, 403, 404}
    # As many as one may; a file that was refused does not count.
    assert giver.ask(b"x") == 204
    assert giver.ask(b"x") == 413
    assert not [place for place in (empty.home / "tmp").iterdir() if place.name != "first_run.log"]


def test_a_file_is_imported_and_then_the_first_page_takes_no_other(empty, giver):
    giver.give({"name": "../calls.csv", "mimeType": "text/csv", "buffer": bank_log.text().encode()})
    button = giver.page.locator(".st-key-import button")
    expect(button).to_be_enabled(timeout=60_000)
    assert giver.ask(b"x") == 204
    button.click()
    expect(giver.page.get_by_role("heading", name=phrase("en", "page_overview"), level=1)).to_be_visible(
        timeout=120_000
    )
    assert giver.ask(b"x") == 403


def test_a_page_of_the_bank_takes_a_list_and_no_more(empty, visit):
    page = visit("en")
    one = Giver(empty.netloc, page)
    page.on("request", lambda asked: one.put.append(asked) if asked.method == "PUT" else None)
    page.goto(f"http://{empty.netloc}/settings")
    settled(page)
    page.get_by_role("button", name=phrase("en", "targets_upload")).first.click()
    file = {"name": "targets.toml", "mimeType": "application/toml", "buffer": b'[[target]]\nkpi = "csat"\nlow = 0.9\n'}
    page.locator("[class*=_upload] input[type=file]").first.set_input_files(file)
    expect(page.locator("[class*=_apply] button").first).to_be_enabled(timeout=60_000)
    assert one.ask(b"x") == 204
    assert one.ask(bytes(2 * MB)) in {413, 0}
    # The next page asks for nothing.
    page.get_by_test_id("stSidebar").get_by_role("link", name=phrase("en", "page_overview"), exact=True).click()
    expect(page.get_by_role("heading", name=phrase("en", "page_overview"), level=1)).to_be_visible(timeout=60_000)
    settled(page)
    assert one.ask(b"x") == 403
    leave(page)
