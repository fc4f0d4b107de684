"""Who may ask, by host and origin, and what every answer carries."""

import asyncio

import pytest

from pages.entrance import OneEntrance, OwnOrigin, SecureHeaders

HERE = "http://localhost:8501"


async def inner(scope, receive, send):
    """What lies behind the layers: says that it was reached, and tries to let other sites read it."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept", "host": dict(scope["headers"])[b"host"]})
    else:
        headers = [(b"access-control-allow-origin", b"*"), (b"cache-control", b"public")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"reached"})


def asked(host, origin=None, *, kind="http", path="/", scheme=None, more=(), layer=None):
    """What is sent to who asks so."""
    origins = [origin] if isinstance(origin, str) else origin or []
    headers = [("host", one) for one in ([host] if isinstance(host, str) else host)]
    headers += [*(("origin", one) for one in origins), *more]
    scope = {
        "type": kind,
        "path": path,
        "query_string": b"",
        "method": "GET",
        "scheme": scheme or {"http": "http", "websocket": "ws"}[kind],
        "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers],
        "extensions": {"websocket.http.response": {}},
    }
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": f"{kind}.connect"}

    asyncio.run((layer or SecureHeaders(OwnOrigin(inner)))(scope, receive, send))
    return sent


def status(*about, **more):
    """The status of the answer; 101 for a WebSocket that is accepted."""
    first = asked(*about, **more)[0]
    return 101 if first["type"] == "websocket.accept" else first["status"]


@pytest.mark.parametrize("host", ["localhost:8501", "127.0.0.1:8501", "[::1]:8501", "LOCALHOST", "localhost.:9000"])
def test_this_machine_may_be_asked_under_its_own_names(home, host):
    assert status(host) == 200
    assert status(host, f"http://{host}".replace(".:", ":"), kind="websocket") == 101


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8501",
        "localhost.evil.example",
        "evil.example@localhost",
        "localhost:8501@evil.example",
        "localhost/evil",
        "localhost:99999",
        "localhost:８５０１",
        "127.0.0.1.evil.example",
        "127.1",
        "2130706433",
        "0.0.0.0:8501",
        "10.0.0.5",
        "",
        [],
        ["localhost", "evil.example"],
        ["localhost", "localhost"],
    ],
)
def test_trap_a_name_that_was_made_to_point_here_is_refused(home, host):
    assert status(host) == 421
    assert status(host, "http://evil.example", kind="websocket") == 421
    said = asked(host)[1]["body"].decode()
    assert "KPI_ALLOWED_HOSTS" in said


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://localhost.evil.example:8501",
        "http://localhost:9000",
        "http://localhost",
        "http://127.0.0.1:8501",
        "http://localhost:8501@evil.example",
        "http://evil.example#localhost:8501",
        "http://evil.example\\@localhost:8501",
        "null",
        "file://",
        "chrome-extension://localhost:8501",
        "",
        [HERE, "http://evil.example"],
        [HERE, HERE],
    ],
)
def test_trap_a_page_of_another_site_asks_in_vain(home, origin):
    assert status("localhost:8501", origin, kind="websocket") == 403
    assert status("localhost:8501", origin) == 403


def test_a_websocket_without_an_origin_is_refused_and_a_page_is_not(home):
    assert status("localhost:8501", kind="websocket") == 403
    assert status("localhost:8501") == 200


def test_the_public_name_and_the_allowed_ones(home, monkeypatch):
    monkeypatch.setenv("KPI_PUBLIC_URL", "https://kpi.bank.example/switchboard")
    monkeypatch.setenv("KPI_ALLOWED_HOSTS", "desk.bank.example:8501, 10.0.0.5, [fd00::5], 银行.example")
    public = "https://kpi.bank.example"
    for host in ("kpi.bank.example", "kpi.bank.example:443", "127.0.0.1:8501"):  # as proxies may pass it on
        assert status(host, public, kind="websocket") == 101
    # What goes without encryption, or has another port, is not the page of that address.
    for origin in ("http://kpi.bank.example", "https://kpi.bank.example:444", "https://sub.kpi.bank.example"):
        assert status("kpi.bank.example", origin, kind="websocket") == 403
    assert status("desk.bank.example:8501", "http://desk.bank.example:8501", kind="websocket") == 101
    assert status("desk.bank.example:9000") == 421
    assert status("10.0.0.5:8501", "http://10.0.0.5:8501", kind="websocket") == 101
    assert status("[fd00::5]:8501") == 200
    assert status("xn--j6w470k.example") == 421
    assert status("xn--jn2a72x.example") == 200
    assert status("bank.example") == 421


def test_who_came_by_https_is_asked_back_by_https(home):
    assert status("localhost", "https://localhost", kind="websocket") == 101  # a proxy took the encryption off
    assert status("localhost", "https://localhost", kind="websocket", scheme="wss") == 101
    assert status("localhost", "http://localhost", kind="websocket", scheme="wss") == 403


def test_trap_what_a_proxy_is_said_to_have_said_counts_for_nothing(home):
    forged = [("x-forwarded-host", "localhost:8501"), ("forwarded", "host=localhost:8501")]
    assert status("evil.example", more=forged) == 421
    assert status("localhost:8501", "http://evil.example", more=[("x-forwarded-host", "evil.example")]) == 403


def test_trap_the_framework_sees_the_host_of_the_origin_and_has_nothing_to_ask(home, monkeypatch):
    monkeypatch.setenv("KPI_PUBLIC_URL", "https://kpi.bank.example")
    (accepted,) = asked("127.0.0.1:8501", "https://kpi.bank.example", kind="websocket")
    assert accepted["host"] == b"kpi.bank.example"


def test_the_health_may_be_asked_by_a_number_and_by_no_foreign_name(home):
    assert status("10.0.0.5:8501", path="/healthz") == 200
    assert status("10.0.0.5:8501", path="/") == 421
    assert status("evil.example", path="/healthz") == 421
    assert status("10.0.0.5:8501", "http://evil.example", path="/healthz") == 403


def test_settings_that_cannot_be_read_leave_this_machine(home, monkeypatch):
    monkeypatch.setenv("KPI_TIME_ZONE", "Mars/Olympus")
    assert status("localhost:8501", path="/healthz") == 200
    assert status("evil.example") == 421


@pytest.mark.parametrize(
    "path", ["/_stcore/metrics", "/_stcore/agent/interact", "/component/x/y.js", "/auth/login", "/app/static/x"]
)
def test_what_no_page_uses_is_not_there(home, path):
    assert status("localhost", path=path) == 404


@pytest.mark.parametrize(
    "about", [{"host": "localhost"}, {"host": "evil.example"}, {"host": "localhost", "origin": "null"}]
)
def test_every_answer_carries_the_headers_and_lets_no_other_site_read_it(home, about):
    headers = {name.decode(): value.decode() for name, value in asked(**about)[0]["headers"]}
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert "unsafe-eval" not in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize(("path", "kept"), [("/media/x.xlsx", "no-store"), ("/static/js/x.js", "public")])
def test_no_cache_keeps_a_download(home, path, kept):
    headers = dict(asked("localhost", path=path)[0]["headers"])
    assert headers[b"cache-control"].decode() == kept


@pytest.mark.parametrize(
    ("base", "path", "place"),
    [
        ("", "/nowhere", "/?page=nowhere"),
        ("", "/overview", "/"),
        ("kpi", "/kpi/nowhere", "/kpi/?page=nowhere"),
        ("kpi", "/", "/kpi/"),
        ("kpi", "/kpi/desk", None),
        ("kpi", "/kpi/", None),
        ("kpi", "/kpi", None),
        ("kpi", "/healthz", None),
    ],
)
def test_an_address_that_names_no_page_leads_to_the_entrance(monkeypatch, base, path, place):
    monkeypatch.setattr("streamlit.get_option", {"server.baseUrlPath": base}.get)
    first = asked("localhost", path=path, more=[("accept", "text/html")], layer=OneEntrance(inner))[0]
    assert dict(first["headers"]).get(b"location", b"").decode() == (place or "")
