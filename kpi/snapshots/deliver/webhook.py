"""A webhook: manifest and files as JSON, signed, with a key by which it is told from a repetition of itself."""

import hmac
import http.client
import json
import ssl
from base64 import b64encode
from hashlib import sha256
from urllib.parse import urlsplit

from kpi.errors import DeliveryError, DeliveryRefused, DeliveryUnconfirmed
from kpi.settings import Settings
from kpi.snapshots.deliver.message import Message, safe
from kpi.snapshots.deliver.secrets import secret
from kpi.snapshots.model import Parcel
from kpi.snapshots.target import DeliveryTarget

_SECONDS = 30.0
# The target asks to come back.
_LATER = {408, 425, 429}


def send(target: DeliveryTarget, parcel: Parcel, message: Message, *, key: str, settings: Settings) -> str:
    """POST ``{"key", "title", "lines", "manifest", "files": {name: base64}}``. Gives the status of the answer.

    Headers: ``Idempotency-Key``; with a secret ``X-Signature-256: sha256=…``, the HMAC-SHA256 of the body. Options:
    ``timeout`` in seconds. Raises DeliveryRefused for an answer 3xx or 4xx, DeliveryUnconfirmed where the body was
    sent and no answer came, DeliveryError for all else.
    """
    content = {
        "key": key,
        "title": message.title,
        "lines": list(message.lines),
        "manifest": parcel.manifest,
        "files": {name: b64encode(file).decode() for name, file in parcel.attached.items()},
    }
    body = json.dumps(content, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": safe(key)}
    if target.secret:
        signed = hmac.new(secret(target.secret, settings).encode(), body, sha256).hexdigest()
        headers["X-Signature-256"] = f"sha256={signed}"
    url = urlsplit(target.place)
    seconds = float(target.options.get("timeout", _SECONDS))
    host = url.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, url.port, timeout=seconds, context=ssl.create_default_context())
        if url.scheme == "https"
        else http.client.HTTPConnection(host, url.port, timeout=seconds)
    )
    sent = False
    try:
        connection.connect()
        sent = True
        connection.request("POST", url._replace(scheme="", netloc="").geturl() or "/", body, headers)
        answer = connection.getresponse()
        answer.read(1000)
    except ssl.SSLCertVerificationError as error:
        raise DeliveryRefused("webhook_failed", host=host, problem=error.verify_message) from error
    except Exception as error:
        if sent:
            raise DeliveryUnconfirmed("webhook_unconfirmed", host=host, problem=type(error).__name__) from error
        if not isinstance(error, OSError | http.client.HTTPException):
            raise
        raise DeliveryError("webhook_failed", host=host, problem=type(error).__name__) from error
    finally:
        connection.close()
    if 200 <= answer.status < 300:
        return str(answer.status)
    later = answer.status >= 500 or answer.status in _LATER
    raise (DeliveryError if later else DeliveryRefused)("webhook_answer", host=host, status=answer.status)
