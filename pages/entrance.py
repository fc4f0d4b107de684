"""What stands before the framework: who may ask, what every answer carries, and where an address leads.

Layers of ASGI, outermost first: ``SecureHeaders``, ``OwnOrigin``, ``OneEntrance``.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from kpi.errors import KpiError
from kpi.i18n import phrase
from kpi.settings import Host, load_settings
from pages.address.parsing import read_language
from pages.page_specs import PAGES

# What a browser may open by its address. The overview is the default page, whose address is "/".
PATHS = {"/healthz", *(f"/{page.address}" for page in PAGES)}
_LONGEST = 200  # characters of an unknown address that are told

# --- who may ask ---------------------------------------------------------------------------------------------------

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::(?P<port>[0-9]{1,5}))?")
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<rest>[^/?#@\\]+)")
# What the framework offers and no page of ours uses.
_UNUSED = re.compile(
    r"/(?:_stcore/(?:agent|metrics|bidi-components|script-health-check)|component|app/static|auth|oauth2callback)(?:/|$)"
)


@dataclass(frozen=True)
class Origin:
    """Where a page came from, as its browser says it; ``port``: the scheme's own where none is written."""

    scheme: str
    name: str
    port: int


def host_of(text: str) -> Host | None:
    """What a ``Host`` header says; None for what is no host."""
    found = _AUTHORITY.fullmatch(text.casefold())
    if found is None:
        return None
    port = int(found["port"]) if found["port"] else None
    return Host(found["name"], port) if port is None or port < 65536 else None


def origin_of(text: str) -> Origin | None:
    """What an ``Origin`` header says; None for ``null`` and whatever else is no web page's."""
    found = _ORIGIN.fullmatch(text.casefold())
    host = host_of(found["rest"]) if found is not None else None
    if found is None or host is None:
        return None
    return Origin(found["scheme"], host.name, host.port or _DEFAULT_PORTS[found["scheme"]])


class Known:
    """The hosts under which the pages may be opened: this machine's own names, that of ``KPI_PUBLIC_URL``, and those of
    ``KPI_ALLOWED_HOSTS``.
    """

    def __init__(self, hosts: Iterable[Host] = (), public_url: str = "") -> None:
        self.public = origin_of("/".join(public_url.split("/")[:3]))
        self.hosts = {Host(name) for name in _LOOPBACK} | set(hosts)
        if self.public is not None:
            self.hosts.add(Host(self.public.name))

    def host(self, host: Host) -> bool:
        """Whether a page may be opened under this name."""
        return host in self.hosts or Host(host.name) in self.hosts

    def origin(self, origin: Origin, host: Host, encrypted: bool) -> bool:
        """Whether a page of this origin may ask under ``host``: it is one of ours, opened under the same name and port
        (a proxy may ask under a name of its own for a page of the public one). ``encrypted``: whether it was asked
        by https.
        """
        if origin == self.public:
            return True
        public = self.public is not None and self.public.name == origin.name and self.public.scheme == "https"
        if (encrypted or public) and origin.scheme != "https":
            return False
        return (origin.name, origin.port) == (host.name, host.port or _DEFAULT_PORTS[origin.scheme])


class OwnOrigin:
    """Refuses what is asked under a foreign name (a page elsewhere whose name was made to point here), and what a page
    of a foreign origin asks, before the framework sees it.

    The framework would ask a service on the internet for the address of this machine, in its event loop, to decide
    about an origin that it does not know. So what passes here has the host of its origin, which it accepts at once.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.known = Known()
        with suppress(KpiError):  # which /healthz tells; until then only this machine may ask
            settings = load_settings()
            self.known = Known(settings.allowed_hosts, settings.public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        host = host_of(hosts[0]) if len(hosts) == 1 else None
        language = read_language({}, headers.get("accept-language"))
        refused: Response | None = None
        if host is None or not (self.known.host(host) or _is_probe(scope, host)):
            told = phrase(language, "host_refused", host="".join(filter(str.isprintable, " ".join(hosts)))[:100])
            refused = PlainTextResponse(f"{told}\n", status_code=421)
        elif not self._from_here(scope, host, origins):
            refused = PlainTextResponse(f"{phrase(language, 'origin_refused')}\n", status_code=403)
        elif _UNUSED.match(scope["path"].removeprefix(root_path())):
            refused = PlainTextResponse("Not Found", status_code=404)
        if refused is None:
            await self.app(_as_same_origin(scope, origins), receive, send)
        elif scope["type"] == "http":
            await refused(scope, receive, send)
        else:
            await _deny(refused, scope, receive, send)

    def _from_here(self, scope: Scope, host: Host, origins: list[str]) -> bool:
        """A browser always names the origin of a WebSocket: who leaves it out is none, and nobody else has use for
        one; a proxy that drops it would open the door to the pages of all others.
        """
        if not origins:
            return bool(scope["type"] == "http")
        origin = origin_of(origins[0]) if len(origins) == 1 else None
        return origin is not None and self.known.origin(origin, host, scope["scheme"] in {"https", "wss"})


def _is_probe(scope: Scope, host: Host) -> bool:
    """A monitor may ask for the health under any address of the machine: a number cannot be made to point elsewhere."""
    if scope["type"] != "http" or scope["path"] != "/healthz":
        return False
    try:
        ip_address(host.name.strip("[]"))
    except ValueError:
        return False
    return True


def _as_same_origin(scope: Scope, origins: list[str]) -> Scope:
    if scope["type"] != "websocket":
        return scope
    netloc = origins[0].partition("://")[2].encode("latin-1")
    others = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {**scope, "headers": [(b"host", netloc), *others]}


async def _deny(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a WebSocket before it is accepted, with the reason where the server can send one."""
    socket = WebSocket(scope, receive, send)
    if "websocket.http.response" in scope.get("extensions", {}):
        await socket.send_denial_response(response)
    else:
        await socket.close()


# --- what every answer carries -------------------------------------------------------------------------------------


@cache
def content_security_policy() -> str:
    """What a page may load, and from where: from here alone.

    The framework writes its styles into the page and has one script in its HTML, which is named by its hash; figures
    are drawn without ``eval``, since it has Vega's expressions interpreted.
    """
    index = (Path(st.__file__).parent / "static" / "index.html").read_bytes()
    inline = re.findall(rb"<script>(.*?)</script>", index, re.DOTALL)
    hashes = " ".join(f"'sha256-{b64encode(sha256(script).digest()).decode()}'" for script in inline)
    policy = {
        "default-src": "'none'",
        "script-src": f"'self' {hashes}".strip(),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "manifest-src": "'self'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'self'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in policy.items())


def secure_headers() -> dict[str, str]:
    """The headers of every answer."""
    return {
        "Content-Security-Policy": content_security_policy(),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


class SecureHeaders:
    """Puts the headers on every answer, keeps figures out of caches, and takes back what would let other sites read."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def carrying(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                headers = MutableHeaders(scope=message)
                for name, value in secure_headers().items():
                    headers[name] = value
                for name in [name for name in headers if name.startswith("access-control-")]:
                    del headers[name]
                # A download is somebody's figures; what says nothing of itself is one answer at one moment.
                if "cache-control" not in headers or scope["path"].startswith(f"{root_path()}/media/"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self.app(scope, receive, carrying)


def on_failure(_: Request, error: Exception) -> Response:
    """The answer to a request on which the server itself failed, which the layers here do not see."""
    return PlainTextResponse("Internal Server Error", status_code=500, headers=secure_headers())


# --- where an address leads ----------------------------------------------------------------------------------------


class OneEntrance:
    """Leads every address that names no page to the default one, with its filters, which says what was ignored.

    A browser that asks for a page says that it wants HTML; everything else is the application's own traffic.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _wants_a_page(Headers(scope=scope)) and not _is_page(scope["path"]):
            asked = [text] if (text := scope["query_string"].decode("latin-1")) else []
            if (page := scope["path"].removeprefix(root_path()).strip("/")) not in {"", PAGES[0].id}:
                asked.append(urlencode({"page": page[:_LONGEST]}))
            response = RedirectResponse(f"{root_path()}/" + ("?" + "&".join(asked) if asked else ""), status_code=307)
            await response(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _wants_a_page(headers: Headers) -> bool:
    return "text/html" in headers.get("accept", "")


def _is_page(path: str) -> bool:
    root = root_path()
    return path in {"/healthz", root} or (path.startswith(f"{root}/") and path.removeprefix(root) in PATHS)


def root_path() -> str:
    """The path that everything lies under where the server was given one, as /switchboard; else empty."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""
