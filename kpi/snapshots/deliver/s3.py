"""S3-compatible storage, by fsspec: objects under a deterministic key, the manifest last."""

import json
from functools import partial
from typing import Any

import fsspec
from aiobotocore.httpsession import AIOHTTPSession

from kpi.errors import DeliveryError, DeliveryRefused
from kpi.settings import Settings
from kpi.snapshots.deliver.message import Message, safe
from kpi.snapshots.deliver.secrets import secret
from kpi.snapshots.model import Parcel
from kpi.snapshots.target import DeliveryTarget

_SECONDS = 20  # for a connection, and for each answer
_FOR_GOOD = (PermissionError, FileNotFoundError)


class _Here(AIOHTTPSession):  # type: ignore[misc]
    """An answer that leads elsewhere is not followed: the client behind fsspec would carry the file there."""

    async def _get_session(self, proxy_url: str | None) -> Any:
        session = await super()._get_session(proxy_url)
        session.request = partial(session.request, allow_redirects=False)
        return session


def send(target: DeliveryTarget, parcel: Parcel, message: Message, *, key: str, settings: Settings) -> str:
    """Put every file to ``<prefix>/<key>/<name>``; who finds the manifest there finds the others too.

    The secret is JSON with ``key`` and ``secret``; without one the machine's own credentials apply. Options:
    ``endpoint``, ``region``. Gives where the files lie. Raises DeliveryError.
    """
    place = f"{target.place}/{safe(key)}"
    client: dict[str, object] = {"endpoint_url": target.options.get("endpoint")}
    if region := target.options.get("region"):
        client["region_name"] = region
    config: dict[str, object] = {"connect_timeout": _SECONDS, "read_timeout": _SECONDS}
    config |= {"retries": {"max_attempts": 1}, "http_session_cls": _Here}
    credentials = _credentials(target, settings)
    files = sorted(parcel.files, key=lambda name: name == "manifest.json")
    try:
        storage = fsspec.filesystem(
            "s3", **credentials, client_kwargs=client, config_kwargs=config, skip_instance_cache=True
        )
        for name in files:
            storage.pipe_file(f"{place}/{name}", parcel.files[name])
    except _FOR_GOOD as error:
        raise DeliveryRefused("storage_refused", place=place, problem=type(error).__name__) from error
    except Exception as error:  # what else there is belongs to the client behind fsspec
        raise DeliveryError("storage_failed", place=place, problem=type(error).__name__) from error
    return f"s3://{place}"


def _credentials(target: DeliveryTarget, settings: Settings) -> dict[str, object]:
    if not target.secret:
        return {}
    try:
        told = json.loads(secret(target.secret, settings))
        return {"key": str(told["key"]), "secret": str(told["secret"])}
    except (ValueError, KeyError, TypeError):
        # The text must not be told: it is the secret.
        raise DeliveryRefused("secret_unreadable", name=target.secret) from None
