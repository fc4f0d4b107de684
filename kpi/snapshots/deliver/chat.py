"""Chats by Apprise: WeCom, DingTalk, Feishu, Slack and what else it knows. The secret is Apprise's own URL."""

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import apprise

from kpi.errors import DeliveryError, DeliveryRefused, DeliveryUnconfirmed
from kpi.settings import Settings
from kpi.snapshots.deliver.message import Message
from kpi.snapshots.deliver.secrets import secret
from kpi.snapshots.model import Parcel
from kpi.snapshots.target import DeliveryTarget

# What Apprise logs holds the addresses, and these hold the keys: it stays in here.
_log = logging.getLogger("apprise")
_log.propagate = False
_log.setLevel(logging.DEBUG)
_log.addHandler(logging.NullHandler())
# What it asks with tells every path in its finest lines.
logging.getLogger("urllib3").setLevel(logging.INFO)
# Nothing was sent yet when one of these is in what it logs.
_NOT_REACHED = ("NewConnectionError", "Connection refused", "ConnectTimeout", "NameResolutionError", "SSLError")


def send(target: DeliveryTarget, parcel: Parcel, message: Message, *, key: str, settings: Settings) -> str:
    """Send the lines, and the headline picture where the service takes one. Gives the service's name.

    Apprise says only whether all went well; why not is read from what it logs. Raises DeliveryRefused for an answer
    4xx, DeliveryUnconfirmed where it was sent and no answer came, DeliveryError for all else.
    """
    service = apprise.Apprise.instantiate(secret(target.place, settings), suppress_exceptions=True)
    if service is None:
        raise DeliveryRefused("secret_unreadable", name=target.place)
    service.redirects = False  # the address in the secret is where it goes, and nowhere else
    name = str(service.service_name or type(service).__name__)
    pictures = [file for file in parcel.attached if file.endswith(".png")] if service.attachment_support else []
    with TemporaryDirectory() as folder, _logged() as lines:
        for file in pictures:
            (Path(folder) / file).write_bytes(parcel.attached[file])
        attached = apprise.AppriseAttachment([str(Path(folder) / file) for file in pictures]) if pictures else None
        try:
            sent = service.notify(
                title=message.title,
                body="\n".join(message.lines),
                notify_type=apprise.NotifyType.INFO,
                attach=attached,
            )
        except Exception as error:  # of one of its many services, and nobody knows how far it came
            raise DeliveryUnconfirmed("chat_unconfirmed", service=name) from error
    if not sent:
        raise _failure(name, "\n".join(lines))
    return name


def _failure(name: str, logged: str) -> DeliveryError:
    answered = re.search(r"error=(\d{3})", logged)
    if answered:
        status = int(answered[1])
        refused = 300 <= status < 500 and status not in {408, 425, 429}
        return (DeliveryRefused if refused else DeliveryError)("chat_answer", service=name, status=status)
    if "Connection" in logged and not any(word in logged for word in _NOT_REACHED):
        return DeliveryUnconfirmed("chat_unconfirmed", service=name)
    return DeliveryError("chat_failed", service=name)


@contextmanager
def _logged() -> Iterator[list[str]]:
    """What this thread's sending logs."""
    lines: list[str] = []
    thread = threading.get_ident()

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread:
                lines.append(record.getMessage())

    handler = Kept()
    _log.addHandler(handler)
    try:
        yield lines
    finally:
        _log.removeHandler(handler)
