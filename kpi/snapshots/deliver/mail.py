"""E-mail by SMTP with TLS: the headline picture in the text, the files attached up to a limit, then a link."""

import smtplib
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from urllib.parse import urlsplit

from kpi.errors import DeliveryError, DeliveryRefused, DeliveryUnconfirmed
from kpi.i18n import phrase
from kpi.settings import Settings
from kpi.snapshots.deliver.message import Message, run_at, safe
from kpi.snapshots.deliver.secrets import secret
from kpi.snapshots.model import Parcel
from kpi.snapshots.target import DeliveryTarget

_SECONDS = 30
_TYPES = {
    "xlsx": ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "pdf": ("application", "pdf"),
    "html": ("text", "html"),
    "png": ("image", "png"),
    "csv": ("text", "csv"),
    "json": ("application", "json"),
}


def send(target: DeliveryTarget, parcel: Parcel, message: Message, *, key: str, settings: Settings) -> str:
    """Send one message, whose Message-ID follows from the run's key. Gives that id.

    Raises DeliveryRefused for an answer 5xx, DeliveryUnconfirmed where the connection broke after the message was sent
    and before the server had said that it took it, DeliveryError for all else.
    """
    composed = compose(target.place, parcel, message, key, settings)
    server = urlsplit(settings.mail_server)
    if not server.hostname:
        raise DeliveryRefused("mail_no_server")
    handed_over = False
    try:
        with _connected(server.scheme, server.hostname, server.port, settings) as smtp:
            if server.username:
                smtp.login(server.username, secret(settings.mail_secret, settings))
            smtp.mail(settings.mail_from)
            code, said = smtp.rcpt(target.place)
            if code not in {250, 251}:
                raise smtplib.SMTPResponseException(code, said)
            handed_over = True
            code, said = smtp.data(composed.as_bytes(policy=SMTP))
            handed_over = False
            if code != 250:
                raise smtplib.SMTPResponseException(code, said)
    except smtplib.SMTPResponseException as error:
        told = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        kind = DeliveryRefused if 500 <= error.smtp_code < 600 else DeliveryError
        raise kind("mail_answer", code=error.smtp_code, said=str(told)[:200]) from error
    except ssl.SSLCertVerificationError as error:
        raise DeliveryRefused("mail_certificate", problem=error.verify_message) from error
    except Exception as error:
        if handed_over:
            raise DeliveryUnconfirmed("mail_unconfirmed", id=composed["Message-ID"]) from error
        if not isinstance(error, OSError):  # as SMTPException is: not of the connection
            raise
        raise DeliveryError("mail_failed", problem=type(error).__name__) from error
    return str(composed["Message-ID"])


def _connected(scheme: str, host: str, port: int | None, settings: Settings) -> smtplib.SMTP:
    """``smtps``: TLS from the first byte; ``smtp``: STARTTLS before anything is said; ``smtp+plain``: none, for a relay
    on the same machine.
    """
    context = ssl.create_default_context(cafile=settings.mail_ca or None)
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=_SECONDS, context=context)
    smtp = smtplib.SMTP(host, port or 587, timeout=_SECONDS)
    if scheme == "smtp+plain":
        smtp.ehlo()
        return smtp
    try:
        smtp.starttls(context=context)
        smtp.ehlo()
    except BaseException:
        smtp.close()
        raise
    return smtp


def compose(to: str, parcel: Parcel, message: Message, key: str, settings: Settings) -> EmailMessage:
    """The message: text, HTML with the picture, and what fits of the files."""
    domain = settings.mail_from.rpartition("@")[2] or "localhost"
    mail = EmailMessage()
    mail["Subject"] = message.subject
    mail["From"], mail["To"] = settings.mail_from, to
    mail["Message-ID"] = f"<{safe(key)}@{domain}>"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Auto-Submitted"] = "auto-generated"
    room = settings.mail_limit * 1_000_000
    picture = next((name for name in parcel.attached if name.endswith(".png")), None)
    if picture and (size := _encoded(parcel.attached[picture])) <= room:
        room -= size
    else:
        picture = None
    attached, left = _fitting({name: one for name, one in parcel.attached.items() if name != picture}, room)
    lines = [*message.lines, *_where(left, message, key, settings)]
    mail.set_content("\n".join([message.title, "", *lines]) + "\n")
    paragraphs = "".join(f"<p>{_linked(line, message.link)}</p>" for line in lines)
    shown = f'<p><img src="cid:headline" alt="{escape(message.title, quote=True)}" width="640"></p>' if picture else ""
    mail.add_alternative(f"<html><body><h2>{escape(message.title)}</h2>{shown}{paragraphs}</body></html>", "html")
    if picture:
        body = mail.get_payload()[1]  # type: ignore[index]
        # Without a name: a program that shows the picture in the text shall not list it among the files as well.
        body.add_related(parcel.attached[picture], "image", "png", cid="<headline>", disposition="inline")  # type: ignore[union-attr]
    for name in attached:
        kind, subtype = _TYPES.get(name.rpartition(".")[2], ("application", "octet-stream"))
        mail.add_attachment(parcel.attached[name], kind, subtype, filename=name)
    return mail


def _linked(line: str, link: str) -> str:
    """A line as HTML; in it, where the run is seen is a link."""
    said = escape(line)
    return said.replace(escape(link), f'<a href="{escape(link, quote=True)}">{escape(link)}</a>') if link else said


def _fitting(files: Mapping[str, bytes], room: int) -> tuple[list[str], list[str]]:
    """Names of the files that are attached, the small ones first, and of those that are too much."""
    attached: list[str] = []
    left: list[str] = []
    for name in sorted(files, key=lambda name: len(files[name])):
        size = _encoded(files[name])
        (attached if size <= room else left).append(name)
        room -= size if size <= room else 0
    return attached, left


def _encoded(content: bytes) -> int:
    """Bytes of it as the mail carries it: base64 in lines of 76 characters."""
    characters = -(-len(content) // 3) * 4
    return characters + 2 * -(-characters // 76)


def _where(left: list[str], message: Message, key: str, settings: Settings) -> list[str]:
    """What is said of the files that are not attached."""
    if not left:
        return []
    if not settings.public_url:
        return [phrase(message.language, "mail_too_large", files=", ".join(left))]
    return [phrase(message.language, "mail_left_at", files=", ".join(left), place=run_at(key, settings))]
