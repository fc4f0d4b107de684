"""Where a copy goes, as text: a folder, S3 storage, a mail address, a chat or a webhook.

    file:///srv/reports                       a folder
    s3://bucket/reports#secret=STORE          S3-compatible storage
    mailto:head@bank.example                  e-mail
    chat:OPS                                  WeCom, DingTalk, Feishu, Slack: the secret OPS holds Apprise's URL
    https://host/hook#secret=HOOK             a webhook, signed with the secret HOOK

What follows # is for this program and never sent. A target names a secret and never holds it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from kpi.errors import DeliveryRefused, InputError
from kpi.home import is_own
from kpi.settings import Settings

Kind = Literal["folder", "s3", "mail", "chat", "webhook"]
_KINDS: dict[str, Kind] = {
    "file": "folder",
    "s3": "s3",
    "mailto": "mail",
    "chat": "chat",
    "https": "webhook",
    "http": "webhook",
}
# One plain address and nothing that a mail server could read as another, or as several: what is held against the
# allow-list must be whom the mail goes to. "%" and "!" would ask an old relay to pass it on elsewhere.
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_NAME = re.compile(rf"{_HOST}(?:\.{_HOST})*")
_PORTS = {"https": 443, "http": 80}
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# Which options a kind of target has; a secret is named by the name of its file.
_OPTIONS: dict[Kind, tuple[str, ...]] = {
    "folder": (),
    "mail": (),
    "chat": (),
    "s3": ("endpoint", "region", "secret"),
    "webhook": ("secret", "timeout"),
}
SECRET = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
# What a reader of addresses drops, or takes for their end.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f]|^(?!file:|mailto:).* ")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_ADDRESS = re.compile(rf"[A-Za-z0-9._+=~-]{{1,64}}@{_HOST}(?:\.{_HOST})*")
# Parameters that are keys, and chats whose addresses hold one: these belong into a secret, as ``chat:NAME``.
_KEYS = {"key", "token", "accesstoken", "secret", "sig", "sign", "signature", "password", "apikey", "code"}
_CHATS = (
    "qyapi.weixin.qq.com",
    "oapi.dingtalk.com",
    "open.feishu.cn",
    "open.larksuite.com",
    "hooks.slack.com",
    "webhook.office.com",
    "discord.com",
)
MOST_SECONDS = 120  # that a webhook may be waited for


@dataclass(frozen=True)
class DeliveryTarget:
    """``place``: folder, bucket and prefix, address, name of the chat's secret, or URL. ``options``: after the #."""

    kind: Kind
    place: str
    options: Mapping[str, str]

    @property
    def secret(self) -> str:
        """The name of its secret; "" without one."""
        return self.place if self.kind == "chat" else self.options.get("secret", "")


def parse(text: str) -> DeliveryTarget:
    """Raises InputError for what is no target, holds a secret, is a mail to anything but one plain address, has a host,
    a port or a timeout that cannot be, or a bucket or a path that could be read as another one.
    """
    try:
        if _UNSEEN.search(text.strip()):
            raise ValueError(text)
        parts = urlsplit(text.strip())
        _ = parts.port  # is a number, or raises
    except ValueError:
        raise InputError("target_bad_host") from None
    kind = _KINDS.get(parts.scheme)
    needed = parts.hostname if kind in {"s3", "webhook"} else parts.path
    if kind is None or not needed:
        raise InputError("target_unknown", valid=", ".join(f"{scheme}:" for scheme in _KINDS))
    if parts.password or (kind == "webhook" and parts.username):
        raise InputError("target_holds_secret")
    if kind == "webhook" and _holds_key(parts):
        raise InputError("target_holds_key")
    options = _options(parts.fragment, _OPTIONS[kind])
    if (seconds := options.get("timeout")) is not None and not _seconds(seconds):
        raise InputError("target_bad_timeout", value=seconds[:20], most=MOST_SECONDS)
    match kind:
        case "folder":
            place = unquote(parts.path)
            if parts.netloc or not place.startswith("/") or "\0" in place:
                raise InputError("target_no_folder", folder=place[:200])
        case "chat":
            place = unquote(parts.path)
        case "mail":
            place = unquote(parts.path)
            if parts.query or not _ADDRESS.fullmatch(place):
                raise InputError("target_no_address", address=place[:100])
        case "s3":
            place = _objects(parts)
            if "endpoint" in options:
                options["endpoint"] = _endpoint(options["endpoint"])
            if not _REGION.fullmatch(options.get("region", "none")):
                raise InputError("target_bad_storage")
        case "webhook":
            place = _canonical(parts)._replace(fragment="").geturl()
    return DeliveryTarget(kind, place, options)


def _options(fragment: str, valid: tuple[str, ...]) -> dict[str, str]:
    """Raises InputError for an option that is none or stands twice: what is not read would be thought to hold."""
    pairs = parse_qsl(fragment, keep_blank_values=True)
    options = dict(pairs)
    wrong = [name for name, _ in pairs if name not in valid] or [name for name in options if len(pairs) != len(options)]
    if wrong:
        raise InputError("target_bad_option", option=wrong[0][:50], valid=", ".join(valid) or "–")
    secret = options.get("secret", "")
    if secret and not SECRET.fullmatch(secret):
        raise InputError("target_bad_secret", name=secret[:50])
    return options


def _objects(parts: SplitResult) -> str:
    """Bucket and prefix. On its way, "/bucket/../other" becomes "/other", another bucket."""
    prefix = parts.path.removeprefix("/").removesuffix("/")
    segments = prefix.split("/") if prefix else []
    read = [unquote(unquote(one)) for one in segments]
    odd = any(one in {"", ".", ".."} or "/" in one or "\\" in one or not one.isprintable() for one in read)
    if odd or parts.query or ".." in parts.netloc or not _BUCKET.fullmatch(parts.netloc):
        raise InputError("target_bad_storage")
    return "/".join([parts.netloc, *segments])


def _endpoint(text: str) -> str:
    """Scheme, host and port of a storage."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise InputError("target_bad_host") from None
    if parts.scheme not in _PORTS or parts.username is not None or parts.path.strip("/") or parts.query:
        raise InputError("target_bad_storage")
    return _canonical(parts)._replace(path="", fragment="").geturl()


def _canonical(parts: SplitResult) -> SplitResult:
    """The address with its host as it is looked up: what is held against the allow-list is what is asked. Raises
    InputError.
    """
    name = parts.hostname or ""
    try:
        if ":" in name and "%" not in name:
            host = f"[{IPv6Address(name)}]"
        else:
            host = name.encode("idna").decode().casefold().removesuffix(".")
            if not _NAME.fullmatch(host):
                raise ValueError(host)
    except ValueError:
        raise InputError("target_bad_host") from None
    if parts.port == 0:
        raise InputError("target_bad_host")
    port = "" if parts.port in {None, _PORTS[parts.scheme]} else f":{parts.port}"
    return parts._replace(netloc=f"{host}{port}")


def _holds_key(url: SplitResult) -> bool:
    """Whether who knows the address may post: a target is shown on the page, a manifest and a log may name it."""
    names = (name for name, _ in parse_qsl(url.query, keep_blank_values=True))
    asked = {name.casefold().replace("-", "").replace("_", "") for name in names}
    return bool(asked & _KEYS) or any(_below((url.hostname or "").casefold(), (host,)) for host in _CHATS)


def _seconds(text: str) -> bool:
    try:
        return 0 < float(text) <= MOST_SECONDS
    except ValueError:
        return False


def check_allowed(target: DeliveryTarget, settings: Settings) -> None:
    """Hold a target against ``KPI_DELIVER_TO``; a folder also against what is the program's own (``allowed_folder``).

    An entry is an address, a domain (of a mail address, or of a host and what lies below it, by https on its usual
    port), ``http(s)://host:port`` for exactly that, ``chat:NAME``, ``s3://bucket``, a folder, or * for everything. A
    storage of one's own (``endpoint``) needs an entry for its bucket and one for its host. Raises DeliveryRefused.
    """
    if target.kind == "folder":
        allowed_folder(target.place, settings)
        return
    if "*" in settings.deliver_to:
        return
    refused = None if _allowed(target, settings) else target.place
    endpoint = target.options.get("endpoint")
    if refused is None and target.kind == "s3" and endpoint and not _web_allowed(endpoint, settings.deliver_to):
        refused = endpoint
    if refused is not None:
        raise DeliveryRefused("target_not_allowed", target=refused, valid=", ".join(settings.deliver_to) or "–")


def allowed_folder(place: str, settings: Settings) -> Path:
    """The folder that a path leads to, links resolved: ``outbox`` in ``KPI_HOME`` and what lies below it, or what the
    operator allows and is not the program's own, which no permission opens. Raises DeliveryRefused.
    """
    outbox = settings.home.resolve() / "outbox"
    entries = [entry for entry in settings.deliver_to if entry.startswith("/") or entry == "*"]
    try:
        folder = Path(place).resolve()
        if folder.is_relative_to(outbox):
            return folder
        allowed = any(entry == "*" or folder.is_relative_to(Path(entry).resolve()) for entry in entries)
        if allowed and not is_own(folder, settings):
            return folder
    except (OSError, RuntimeError):  # a link that leads to itself, or a name that is too long
        pass
    raise DeliveryRefused("folder_not_allowed", folder=place, valid=", ".join([str(outbox), *entries]))


def _allowed(target: DeliveryTarget, settings: Settings) -> bool:
    """Whether an entry names a target that is no folder."""
    entries = settings.deliver_to
    match target.kind:
        case "folder":
            return False
        case "mail":
            address = target.place.casefold()
            return address in entries or _below(address.rpartition("@")[2], entries)
        case "s3":
            return f"s3://{target.place.split('/')[0]}".casefold() in entries
        case "chat":
            return f"chat:{target.place}" in entries
        case "webhook":
            return _web_allowed(target.place, entries)


def _web_allowed(url: str, entries: tuple[str, ...]) -> bool:
    """Whether scheme, host and port of a canonical address are those of an entry; of a domain alone: https as usual."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    exact = [entry for entry in entries if entry.startswith(("http://", "https://"))]
    if any(_origin(entry) == origin for entry in exact):
        return True
    return parts.scheme == "https" and parts.port is None and _below(parts.hostname or "", entries)


def _origin(entry: str) -> str | None:
    try:
        return _endpoint(entry)
    except InputError:
        return None


def _below(host: str, entries: tuple[str, ...]) -> bool:
    """Whether a host is one of the entries, or lies below one."""
    domains = [_domain(entry) for entry in entries if entry and not set(entry) & set("@:/*")]
    return any(host == domain or host.endswith(f".{domain}") for domain in domains if domain)


def _domain(entry: str) -> str:
    try:
        return entry.encode("idna").decode().casefold().removesuffix(".")
    except UnicodeError:
        return ""
