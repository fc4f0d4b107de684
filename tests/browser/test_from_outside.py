"""The server as whoever reaches its port finds it: nothing of what he sends makes it ask anybody outside."""

import http.client
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.browser import server

# Run by Python at its start: notes every name that is looked up, and every address that is connected to.
LISTENER = """
import sys

def note(event, about):
    if event in {"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}:
        asked = about[1] if event in {"socket.connect", "socket.sendto"} else about[0]
        host = asked[0] if isinstance(asked, tuple) else asked
        if host not in {None, "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"} and not str(host).startswith("/"):
            with open(FILE, "a") as file:
                print(event, asked, file=file)

sys.addaudithook(note)
"""
PUBLIC = "https://kpi.bank.example"
ENDPOINTS = [
    "/",
    "/desk",
    "/healthz",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/allowed-message-origins",
    "/_stcore/metrics",
    "/_stcore/script-health-check",
    "/_stcore/agent/interact",
    "/_stcore/agent/openapi.json",
    "/_stcore/stream",
    "/_stcore/upload_file/session/file",
    "/_stcore/bidi-components/x/y",
    "/component/x/index.html",
    "/media/nothing.csv",
    "/static/js/nothing.js",
    "/app/static/x",
    "/auth/login",
    "/oauth2callback",
]
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AbstractContextManager[tuple[str, Path]]]:
    """A server on an empty home, and the file that names what it asked outside of this machine."""

    @contextmanager
    def begun(*arguments: str) -> Iterator[tuple[str, Path]]:
        folder = tmp_path_factory.mktemp("outside")
        asked = folder / "asked"
        asked.touch()
        (folder / "sitecustomize.py").write_text(f"FILE = {str(asked)!r}\n{LISTENER}")
        told = {"PYTHONPATH": str(folder), "KPI_PUBLIC_URL": PUBLIC}
        with server.serve(folder / "home", folder / "log", arguments=arguments, environment=told) as address:
            yield address.removeprefix("http://"), asked

    return begun


@pytest.fixture(scope="module")
def outside(listening: Callable[..., AbstractContextManager[tuple[str, Path]]]) -> Iterator[tuple[str, Path]]:
    # On every address, as in a container, where the framework would look for its own at its start.
    with listening("--server.address", "0.0.0.0") as begun:
        yield begun


def ask(
    netloc: str, path: str, host: str = "", origin: str = "", method: str = "GET", **headers: str
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(netloc, timeout=60)
    connection.putrequest(method, path, skip_host=True)
    for name, value in {"Host": host or netloc, **({"Origin": origin} if origin else {}), **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection.getresponse()


def shake(netloc: str, host: str = "", origin: str = "") -> int:
    answer = ask(netloc, "/_stcore/stream", host, origin, **UPGRADE)
    answer.close()
    return answer.status


def test_the_listener_hears(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(f"FILE = {str(tmp_path / 'asked')!r}\n{LISTENER}")
    code = "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.connect(('192.0.2.1', 1))"
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, check=False, capture_output=True)
    assert "192.0.2.1" in (tmp_path / "asked").read_text()


def test_trap_no_handshake_and_no_request_makes_the_server_ask_outside(outside):
    netloc, asked = outside
    for number in range(20):
        assert shake(netloc, origin=f"http://evil{number}.example") == 403
        assert shake(netloc, host=f"evil{number}.example", origin=f"http://evil{number}.example") == 421
    assert shake(netloc, origin="null") == 403
    assert shake(netloc) == 403
    for path in ENDPOINTS:
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"):
            assert ask(netloc, path, origin="http://evil.example", method=method).status == 403
            assert ask(netloc, path, host="evil.example", method=method).status == 421
            assert ask(netloc, path, method=method).status < 500
    # Who may come is let in without asking anybody, too.
    assert shake(netloc, origin=f"http://{netloc}") == 101
    assert shake(netloc, origin=PUBLIC) == 101
    assert shake(netloc, host="kpi.bank.example", origin=PUBLIC) == 101
    assert ask(netloc, "/healthz").status == 200
    assert asked.read_text() == ""


@pytest.mark.parametrize("path", ENDPOINTS)
def test_every_endpoint_answers_with_the_headers(outside, path):
    answer = ask(outside[0], path)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"]
    assert not answer.headers["access-control-allow-origin"]
    assert not any(map(str.isdigit, answer.headers["server"]))  # which program, at most, and no version of it


def test_under_a_path_of_its_own(listening):
    with listening("--server.baseUrlPath", "kpi") as (netloc, asked):
        assert b'<div id="root">' in ask(netloc, "/kpi/", Accept="text/html").read()
        assert b'<div id="root">' in ask(netloc, "/kpi/desk", Accept="text/html").read()
        assert ask(netloc, "/kpi/nowhere", Accept="text/html").headers["location"] == "/kpi/?page=nowhere"
        assert ask(netloc, "/kpi/_stcore/metrics").status == 404
        answer = ask(netloc, "/kpi/_stcore/stream", origin=PUBLIC, **UPGRADE)
        assert answer.status == 101
        assert asked.read_text() == ""
