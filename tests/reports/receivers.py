"""Targets on loopback: a mail server, storage, and a web server that answers as it is told."""

import email
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Got:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """``answers``: the statuses to give, one a request, the last one again; 0: none, the connection just ends.
    ``location``: where a redirection leads.
    """

    answers: list[int]
    wait: float = 0.0
    location: str = ""
    port: int = 0
    got: list[Got] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def receiving(*answers: int, wait: float = 0.0, location: str = "") -> Iterator[Receiver]:
    receiver = Receiver(list(answers) or [200], wait, location)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if self.headers.get("Expect"):
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.got.append(Got(self.path, dict(self.headers), body))
            status = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
            time.sleep(receiver.wait)
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            if receiver.location:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", "2")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(b"ok")

        do_PUT = do_GET = do_HEAD = do_POST

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


class Post:
    """A mail server's behaviour: ``answer`` to the message, or to the recipient."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.sizes: list[int] = []
        self.answers = ["250 OK"]
        self.to = "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.to.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(email.message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        self.sizes.append(len(envelope.content))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == "gone":
            server.transport.close()
            return "250 too late"
        return answer


@contextmanager
def posting(port: int) -> Iterator[Post]:
    """A mail server on that port."""
    handler = Post()
    controller = Controller(handler, hostname="127.0.0.1", port=port, ready_timeout=60)
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()


def closed_port() -> int:
    """A port on which nobody listens."""
    with receiving() as receiver:
        return receiver.port
