"""Handing over, with real targets on loopback: taken, refused, slow, away, and not known."""

import hmac
import json
import logging
import ssl
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from kpi.errors import InputError
from kpi.i18n import LANGUAGES
from kpi.query import Period
from kpi.settings import Settings, load_settings
from kpi.snapshots.deliver import DeliveryResult, deliver
from kpi.snapshots.deliver.attempts import pause
from kpi.snapshots.model import Notice, Parcel, Recipient, Rendered
from kpi.snapshots.target import parse
from tests.reports.receivers import Post, closed_port, posting, receiving

KEY = "weekly/2026-03-09/head"
PASSWORD = "not-to-be-told"


def rendered(**files: bytes) -> Rendered:
    manifest = {
        "language": "en",
        "synthetic": True,
        "empty": False,
        "period": {"from": "2026-03-02", "to": "2026-03-08"},
        "text": {"title": "Weekly report", "head": ["2 – 8 Mar 2026"], "changed": ["Better: satisfaction."]},
    }
    named = {name.replace("_", "."): content for name, content in files.items()} or {
        "weekly.pdf": b"%PDF", "weekly.png": b"\x89PNG", "weekly.csv": b"a,b\n",
    }  # fmt: skip
    period = Period.__new__(Period)
    everything = named | {"manifest.json": json.dumps(manifest).encode()}
    return Rendered(everything, {}, False, True, 1, {}, period)


@pytest.fixture
def settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("KPI_DELIVER_TO", "*")
    monkeypatch.setenv("KPI_DELIVER_TRIES", "3")
    monkeypatch.setenv("SWITCHBOARD_SECRET_HOOK", PASSWORD)
    return load_settings()


def sent(
    settings: Settings, target: str, what: Parcel | None = None, pauses: list[float] | None = None
) -> DeliveryResult:
    waited: list[float] = [] if pauses is None else pauses
    return deliver(what or rendered(), Recipient("head", target), key=KEY, settings=settings, sleep=waited.append)


# --- folder --------------------------------------------------------------------------------------------------------


def test_a_folder_has_the_files_whole(settings: Settings, tmp_path: Path) -> None:
    found = sent(settings, f"file://{tmp_path}/out")
    assert (found.status, found.attempts) == ("sent", 1)
    assert {path.name for path in Path(found.detail).iterdir()} == set(rendered().files)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["weekly_2026-03-09_head"]


def test_the_same_run_again_is_written_once(settings: Settings, tmp_path: Path) -> None:
    first = Path(sent(settings, f"file://{tmp_path}/out").detail)
    before = first.stat().st_ino
    assert sent(settings, f"file://{tmp_path}/out").status == "sent"
    assert first.stat().st_ino == before


def test_a_disk_that_fails_leaves_nothing(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kpi.snapshots.deliver.folder.os.fsync", full)
    found = sent(settings, f"file://{tmp_path}/out")
    assert (found.status, found.attempts) == ("temporary", 3)
    assert "No space left" in found.detail
    assert not list((tmp_path / "out").iterdir())


def test_a_folder_that_is_a_file_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    assert sent(settings, f"file://{tmp_path}/out/below").status == "permanent"


def _at(home: Path, place: str) -> str:
    return f"file://{place.format(home=home, above=home.parent)}"


OWN = [
    *("{home}", "{home}/settings.toml", "{home}/reports", "{home}/warehouse/data", "{home}/state.sqlite"),
    *("{home}/secrets/x", "{home}/outbox/../settings.toml", "{home}/outbox/%2e%2e/customer.key", "{home}/outbox.old"),
    *("{above}/link/settings.toml", "{home}/outbox/link/x", "{above}/loop/x", "{above}/lake", "{above}/keys/a"),
    "{above}/notes.sqlite",
]


@pytest.mark.parametrize("allowed", ["", "*", "above"])
@pytest.mark.parametrize("place", OWN)
def test_trap_a_place_of_the_programs_own_files_is_never_a_target(
    home: Path, monkeypatch: pytest.MonkeyPatch, place: str, allowed: str
) -> None:
    (home / "outbox").mkdir(parents=True)
    (home / "settings.toml").write_text('KPI_LANGUAGE = "en"')
    (home / "outbox" / "link").symlink_to(home)
    (home.parent / "link").symlink_to(home)
    (home.parent / "loop").symlink_to(home.parent / "loop")
    monkeypatch.setenv("KPI_DELIVER_TO", str(home.parent) if allowed == "above" else allowed)
    monkeypatch.setenv("KPI_WAREHOUSE_URL", f"ducklake:///{home.parent}/lake")
    monkeypatch.setenv("KPI_STATE_URL", f"sqlite:///{home.parent}/notes.sqlite")
    monkeypatch.setenv("KPI_SECRETS", f"{home.parent}/keys")
    before = sorted(str(one) for one in home.parent.rglob("*"))
    found = sent(load_settings(), _at(home, place))
    assert (found.status, found.attempts) == ("permanent", 0)
    assert f"{home}/outbox" in found.detail
    assert sorted(str(one) for one in home.parent.rglob("*")) == before
    assert (home / "settings.toml").read_text() == 'KPI_LANGUAGE = "en"'


@pytest.mark.parametrize("place", ["{home}/outbox", "{home}/outbox/head/weekly", "{home}/outbox/a/../b"])
def test_the_outbox_of_the_home_needs_no_permission(home: Path, place: str) -> None:
    assert sent(load_settings(), _at(home, place)).status == "sent"


def test_an_outbox_that_leads_elsewhere_is_allowed_like_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.parent / "srv").mkdir()
    home.mkdir()
    (home / "outbox").symlink_to(home.parent / "srv")
    assert sent(load_settings(), _at(home, "{home}/outbox")).status == "permanent"
    monkeypatch.setenv("KPI_DELIVER_TO", f"{home.parent}/srv")
    assert sent(load_settings(), _at(home, "{home}/outbox")).status == "sent"


@pytest.mark.parametrize("target", ["file:outbox", "file://outbox/x", "file:///srv/%00x"])
def test_a_folder_is_told_by_its_whole_path(settings: Settings, target: str) -> None:
    assert "file:///srv/reports" in sent(settings, target).detail


@pytest.mark.parametrize("kind", ["folder", "bytes"])
def test_a_secret_that_cannot_be_read_is_told(settings: Settings, home: Path, kind: str) -> None:
    secret = home / "secrets" / "OPS"
    secret.parent.mkdir(parents=True)
    secret.mkdir() if kind == "folder" else secret.write_bytes(b"\xff\xfe")
    found = sent(settings, "chat:OPS")
    assert (found.status, str(secret) in found.detail) == ("permanent", True)


# --- webhook -------------------------------------------------------------------------------------------------------


def test_a_webhook_is_signed_and_keyed(settings: Settings) -> None:
    with receiving(200) as hook:
        assert sent(settings, f"{hook.url}/in?of=us#secret=HOOK").status == "sent"
    (got,) = hook.got
    assert got.path == "/in?of=us"
    signed = hmac.new(PASSWORD.encode(), got.body, sha256).hexdigest()
    assert got.headers["X-Signature-256"] == f"sha256={signed}"
    assert got.headers["Idempotency-Key"] == "weekly_2026-03-09_head"
    told = json.loads(got.body)
    assert told["key"] == KEY
    assert {name: b64decode(text) for name, text in told["files"].items()} == rendered().files


@pytest.mark.parametrize(
    ("answers", "status", "attempts"),
    [
        ([503, 429, 200], "sent", 3),
        ([500], "temporary", 3),
        ([404], "permanent", 1),
        ([302], "permanent", 1),
        ([0], "unconfirmed", 3),
        ([0, 200], "sent", 2),
    ],
)
def test_what_a_webhook_answers(settings: Settings, answers: list[int], status: str, attempts: int) -> None:
    pauses: list[float] = []
    with receiving(*answers) as hook:
        found = sent(settings, f"{hook.url}/in", pauses=pauses)
    assert (found.status, found.attempts) == (status, attempts)
    assert len(pauses) == attempts - 1
    assert len({got.headers["Idempotency-Key"] for got in hook.got}) == 1


def test_a_slow_webhook_is_unconfirmed(settings: Settings) -> None:
    with receiving(200, wait=2) as hook:
        found = sent(settings, f"{hook.url}/in#timeout=0.1")
    assert found.status == "unconfirmed"


def test_nobody_there(settings: Settings) -> None:
    assert sent(settings, f"http://127.0.0.1:{closed_port()}/").status == "temporary"


def test_pauses_grow_and_are_spread() -> None:
    assert all(2 ** (n - 1) / 2 <= pause(n) <= 2 ** (n - 1) for n in range(1, 7))
    assert pause(50) <= 60
    assert len({pause(3) for _ in range(20)}) > 10


# --- mail ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def post(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    port = closed_port()
    monkeypatch.setenv("KPI_MAIL_SERVER", f"smtp+plain://127.0.0.1:{port}")
    monkeypatch.setenv("KPI_MAIL_FROM", "reports@bank.example")
    with posting(port) as handler:
        yield handler


def test_a_mail_carries_the_picture_and_the_files(post: Post) -> None:
    found = sent(load_settings(), "mailto:head@bank.example")
    assert (found.status, found.attempts) == ("sent", 1), found.detail
    (mail,) = post.mails
    assert mail["Message-ID"] == found.detail == "<weekly_2026-03-09_head@bank.example>"
    assert mail["Subject"] == "Weekly report · 2 Mar – 8 Mar 2026 · Synthetic data"
    attached = {part.get_filename() for part in mail.iter_attachments()}
    assert attached == set(rendered().files) - {"weekly.png"}, "the picture stands in the text, and once"
    body = mail.get_body(("html",))
    assert body is not None
    assert 'src="cid:headline"' in body.get_content()
    (picture,) = [part for part in mail.walk() if part["Content-ID"] == "<headline>"]
    assert picture.get_content() == b"\x89PNG"
    assert (picture.get_content_disposition(), picture.get_filename()) == ("inline", None)
    assert sum(part.get_content_type() == "image/png" for part in mail.walk()) == 1
    text = mail.get_body(("plain",))
    assert text is not None
    assert "Better: satisfaction." in text.get_content()


def test_what_is_too_large_becomes_a_link(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPI_MAIL_LIMIT", "1")
    monkeypatch.setenv("KPI_PUBLIC_URL", "https://kpi.bank.example/")
    assert (
        sent(load_settings(), "mailto:head@bank.example", rendered(a_csv=b"x", b_pdf=b"y" * 2_000_000)).status == "sent"
    )
    (mail,) = post.mails
    assert {part.get_filename() for part in mail.iter_attachments()} == {"a.csv", "manifest.json"}
    text = mail.get_body(("plain",))
    assert text is not None
    link = "https://kpi.bank.example/snapshots?run=weekly/2026-03-09/head"
    assert link in text.get_content()
    assert "<a" not in text.get_content()
    body = mail.get_body(("html",))
    assert body is not None
    assert body.get_content().count(f'<a href="{link}">{link}</a>') == 2, "where it is seen, and where the rest is"


def test_trap_the_mails_of_two_weeks_are_told_apart(post: Post) -> None:
    first, second = rendered(), rendered()
    manifest = json.dumps(second.manifest | {"period": {"from": "2026-03-09", "to": "2026-03-15"}}).encode()
    second = replace(second, files={**second.files, "manifest.json": manifest})
    for one in (first, second):
        assert sent(load_settings(), "mailto:head@bank.example", one).status == "sent"
    subjects = [mail["Subject"] for mail in post.mails]
    assert len(set(subjects)) == 2
    assert "9 Mar – 15 Mar 2026" in subjects[1]


def test_the_limit_is_that_of_the_mail_as_it_goes_out(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """In base64 400 kB are 547 kB, beside the picture's 274 kB; 600 kB (821 kB) are too much."""
    monkeypatch.setenv("KPI_MAIL_LIMIT", "1")
    assert sent(
        load_settings(), "mailto:head@bank.example", rendered(a_png=b"p" * 200_000, b_csv=b"c" * 600_000)
    ).status
    assert sent(
        load_settings(), "mailto:head@bank.example", rendered(a_png=b"p" * 200_000, b_csv=b"c" * 400_000)
    ).status
    names = [{part.get_filename() for part in mail.iter_attachments()} for mail in post.mails]
    assert names == [{"manifest.json"}, {"b.csv", "manifest.json"}]
    assert all(size < 1_000_000 for size in post.sizes)


@pytest.mark.parametrize(
    ("answers", "to", "status", "attempts"),
    [
        (["451 later", "250 OK"], "250 OK", "sent", 2),
        (["554 spam"], "250 OK", "permanent", 1),
        (["250 OK"], "550 nobody", "permanent", 1),
        (["250 OK"], "450 busy", "temporary", 3),
        (["gone"], "250 OK", "unconfirmed", 1),
    ],
)
def test_what_a_mail_server_answers(post: Post, answers: list[str], to: str, status: str, attempts: int) -> None:
    post.answers, post.to = answers, to
    found = sent(load_settings(), "mailto:head@bank.example")
    assert (found.status, found.attempts) == (status, attempts)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KPI_MAIL_SERVER", "smtp+plain://127.0.0.1:25a"),
        ("KPI_MAIL_FROM", "reports@bank.example\r\nBcc: x@evil.example"),
    ],
)
def test_what_goes_wrong_before_anything_left_is_permanent(
    post: Post, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    found = sent(load_settings(), "mailto:head@bank.example")
    assert found.status == "permanent"
    assert "nothing has left" in found.detail
    assert not post.mails


def test_a_mail_server_without_tls_is_not_talked_to(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPI_MAIL_SERVER", load_settings().mail_server.replace("smtp+plain", "smtp"))
    assert sent(load_settings(), "mailto:head@bank.example").status == "temporary"
    assert not post.mails


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_mail_goes_by_tls_and_signs_in(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                       scheme: str) -> None:  # fmt: skip
    """STARTTLS, and TLS from the first byte; a certificate that nobody vouches for is refused."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    signed_in: list[LoginPassword] = []

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: LoginPassword) -> AuthResult:
        signed_in.append(data)
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    handler, port = Post(), closed_port()
    starts = scheme == "smtp"
    controller = Controller(
        handler, hostname="localhost", port=port, ready_timeout=60, authenticator=authenticate, auth_required=True,
        auth_require_tls=starts, require_starttls=starts,
        **({"tls_context": context} if starts else {"ssl_context": context}),  # type: ignore[arg-type]
    )  # fmt: skip
    controller.start()
    try:
        monkeypatch.setenv("KPI_MAIL_SERVER", f"{scheme}://reports@localhost:{port}")
        monkeypatch.setenv("KPI_MAIL_FROM", "reports@bank.example")
        monkeypatch.setenv("KPI_MAIL_SECRET", "HOOK")
        refused = sent(load_settings(), "mailto:head@bank.example")
        assert (refused.status, refused.attempts) == ("permanent", 1)
        assert "certificate" in refused.detail
        monkeypatch.setenv("KPI_MAIL_CA", str(tmp_path / "ca.pem"))
        found = sent(load_settings(), "mailto:head@bank.example")
        assert (found.status, found.attempts) == ("sent", 1), found.detail
        monkeypatch.setenv("SWITCHBOARD_SECRET_HOOK", "wrong")
        assert sent(load_settings(), "mailto:head@bank.example").status == "permanent"
    finally:
        controller.stop()
    assert len(handler.mails) == 1
    assert signed_in[0].login == b"reports"


# --- notices -------------------------------------------------------------------------------------------------------

NOTICE = Notice("Weekly · held", ("Data are late: sms.", "Send it with: …"), "en", {"notice": "owner", "run": KEY})


def test_a_notice_by_mail_is_text_and_nothing_else(post: Post) -> None:
    assert sent(load_settings(), "mailto:owner@bank.example", NOTICE).status == "sent"
    (mail,) = post.mails
    assert mail["Subject"] == "Weekly · held"
    assert [*mail.iter_attachments()] == []
    text = mail.get_body(("plain",))
    assert text is not None
    assert "Data are late: sms." in text.get_content()


def test_a_notice_elsewhere(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file in a folder, as JSON for a webhook, as text in a chat."""
    place = Path(sent(settings, f"file://{tmp_path}/out", NOTICE).detail)
    assert [path.name for path in place.iterdir()] == ["notice.txt"]
    assert "Data are late: sms." in (place / "notice.txt").read_text()
    assert sent(settings, f"file://{tmp_path}/out", NOTICE).status == "sent"
    with receiving(200) as hook:
        assert sent(settings, f"{hook.url}/in", NOTICE).status == "sent"
        monkeypatch.setenv("SWITCHBOARD_SECRET_OPS", f"json://127.0.0.1:{hook.port}/in")
        assert sent(settings, "chat:OPS", NOTICE).status == "sent"
    told, said = (json.loads(got.body) for got in hook.got)
    assert (told["title"], told["files"], told["manifest"]["run"]) == ("Weekly · held", {}, KEY)
    assert said["message"] == "\n".join(NOTICE.lines)


# --- chat ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "status", "attempts"),
    [([200], "sent", 1), ([500, 200], "sent", 2), ([403], "permanent", 1), ([0], "unconfirmed", 1)],
)
def test_what_a_chat_answers(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[int],
    status: str,
    attempts: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with receiving(*answers) as chat:
        monkeypatch.setenv("SWITCHBOARD_SECRET_OPS", f"json://user:{PASSWORD}@127.0.0.1:{chat.port}/in")
        found = sent(settings, "chat:OPS")
    assert (found.status, found.attempts) == (status, attempts)
    assert json.loads(chat.got[0].body)["title"] == "Weekly report"
    assert PASSWORD not in found.detail + caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "wecombot://abcdefgh-0000-0000-0000-000000000000",
        "dingtalk://0123456789abcdef0123456789abcdef",
        "feishu://0123456789abcdef",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
    ],
)
def test_chats_that_are_known(settings: Settings, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Each is understood, and asked over its own address (nothing leaves the machine)."""
    monkeypatch.setenv("SWITCHBOARD_SECRET_OPS", url)
    asked: list[str] = []

    def request(self: object, **more: object) -> object:
        asked.append(str(more["url"]))
        raise RuntimeError("asked")

    monkeypatch.setattr("requests.Session.request", request)
    assert sent(settings, "chat:OPS").status == "unconfirmed"
    assert asked[0].startswith("https://")


def test_a_chat_whose_secret_is_no_address(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_SECRET_OPS", "nonsense")
    assert sent(settings, "chat:OPS").status == "permanent"


# --- who may get it, and secrets -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("mailto:head@bank.example", True),
        ("mailto:Head@Branch.Bank.example", True),
        ("mailto:auditor@firm.example", True),
        ("mailto:other@firm.example", False),
        ("mailto:head@otherbank.example", False),
        ("mailto:x@evil.example,b@bank.example", False),
        ("mailto:x@evil.example%2Cb@bank.example", False),
        ("mailto:x@evil.example(@bank.example", False),
        ("mailto:<x@evil.example>@bank.example", False),
        ("mailto:x@evil.example>@bank.example", False),
        ("mailto:%22x@evil.example%22@bank.example", False),
        ("mailto:x@evil.example b@bank.example", False),
        ("mailto:x@evil.example%0D%0ARCPT:b@bank.example", False),
        ("mailto:x%25evil.example@bank.example", False),
        ("mailto:head@bank.example?cc=x@evil.example", False),
        ("mailto:head@bank.example%0A", False),
        ("https://hooks.bank.example/in", True),
        ("https://bank.example.evil.example/in", False),
        ("https://HOOKS.Bank.example.:443/in", True),
        ("https://bank\u3002example/in", True),
        ("https://bänk.example/in", False),
        ("http://hooks.bank.example/in", False),
        ("https://hooks.bank.example:8443/in", False),
        ("https://hooks.bank.example:80/in", False),
        ("http://relay.example:8080/in", True),
        ("http://relay.example/in", False),
        ("https://relay.example:8080/in", False),
        ("http://in.relay.example:8080/in", False),
        ("https://[fd00::5]:8443/in", True),
        ("https://[FD00:0::5]:8443/in", True),
        ("https://[fd00::5]/in", False),
        ("https://[::1]/in", False),
        ("chat:OPS", True),
        ("chat:NIGHT", False),
        ("s3://reports/weekly", True),
        ("s3://reports2/weekly", False),
        ("s3://reports/a/b.c/%20d", True),
        ("s3://reports/weekly#endpoint=https://store.bank.example", True),
        ("s3://reports/weekly#endpoint=https://STORE.bank.example:443/", True),
        ("s3://reports/weekly#endpoint=http://relay.example:8080", True),
        ("s3://reports/weekly#endpoint=https://evil.example", False),
        ("s3://reports/weekly#endpoint=http://store.bank.example", False),
        ("s3://reports/weekly#endpoint=https://store.bank.example:9000", False),
        ("s3://reports/weekly#endpoint=https://bank.example.evil.example", False),
        ("s3://reports/weekly#endpoint=https://bank.example&endpoint=https://evil.example", False),
        ("s3://other/weekly#endpoint=https://store.bank.example", False),
        ("file:///srv/reports/weekly", True),
        ("file:///srv/reports/../other", False),
    ],
)
def test_only_who_is_allowed(home: Path, monkeypatch: pytest.MonkeyPatch, target: str, allowed: bool) -> None:
    monkeypatch.setenv(
        "KPI_DELIVER_TO",
        "Bank.example, auditor@firm.example, chat:OPS, s3://reports, /srv/reports, http://relay.example:8080, "
        "https://[fd00::5]:8443",
    )
    reached: list[str] = []
    kind = {"mailto": "mail", "https": "webhook", "http": "webhook", "chat": "chat", "s3": "s3", "file": "folder"}[
        target.split(":")[0]
    ]
    monkeypatch.setattr(
        "kpi.snapshots.deliver.attempts._SENDERS",
        {kind: lambda *_, **__: reached.insert(0, kind) or "there"},  # type: ignore[func-returns-value]
    )
    found = sent(load_settings(), target)
    assert (found.status == "sent") is allowed
    assert bool(reached) is allowed
    if not allowed:
        assert (found.status, found.attempts) == ("permanent", 0)
        assert any(said in found.detail for said in ("KPI_DELIVER_TO", "one plain address", "stands twice"))


@pytest.mark.parametrize(
    "target",
    [
        "s3://bucket/../other",
        "s3://bucket/a/../../other",
        "s3://bucket/%2e%2e/other",
        "s3://bucket/%252e%252e/other",
        "s3://bucket/./a",
        "s3://bucket//a",
        "s3://bucket/a%2f..%2fb",
        "s3://bucket/..\\other",
        "s3://bucket/a?versionId=1",
        "s3://bucket:80/a",
        "s3://user@bucket/a",
        "s3://Bucket/a",
        "s3://../other",
        "s3://b..t/a",
        "s3://arn:aws:s3:::other/a",
        "s3://bucket/a#endpoint=ftp://host",
        "s3://bucket/a#endpoint=https://u@host",
        "s3://bucket/a#endpoint=https://host/path",
        "s3://bucket/a#endpoint=https://host%5c@evil.example",
        "s3://bucket/a#endpoint=evil.example",
        "s3://bucket/a#endpoint=",
        "s3://bucket/a#endpoint=https://host:0",
        "s3://bucket/a#region=evil.example/",
        "https://host%2eexample/in",
        "https://ho st/in",
        "https://host:0/in",
        "https://host\\@evil.example/in",
        "https://user@host/in",
        "https://[::1/in",
        "https://[fe80::1%25eth0]/in",
        "https://-host/in",
    ],
)
def test_trap_what_could_be_read_as_another_target_is_none(settings: Settings, target: str) -> None:
    with pytest.raises(InputError):
        parse(target)
    found = sent(settings, target)  # though everything is allowed
    assert (found.status, found.attempts) == ("permanent", 0)


def test_trap_a_chat_is_not_followed_elsewhere(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(200) as other, receiving(307, location=f"{other.url}/in") as chat:
        monkeypatch.setenv("SWITCHBOARD_SECRET_OPS", f"json://127.0.0.1:{chat.port}/in?redirect=yes")
        assert sent(settings, "chat:OPS").status == "permanent"
        assert chat.got
    assert other.got == []


def test_trap_a_webhook_is_not_followed_elsewhere(settings: Settings) -> None:
    with receiving(200) as other, receiving(307, location=f"{other.url}/in") as hook:
        assert sent(settings, f"{hook.url}/in").status == "permanent"
        assert hook.got
    assert other.got == []


def test_trap_what_was_allowed_when_it_was_written_is_looked_at_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(200) as hook:
        assert sent(settings, f"{hook.url}/in").status == "sent"
        monkeypatch.setenv("KPI_DELIVER_TO", "127.0.0.1")  # by https
        assert sent(load_settings(), f"{hook.url}/in").status == "permanent"
        monkeypatch.setenv("KPI_DELIVER_TO", hook.url)
        assert sent(load_settings(), f"{hook.url}/in").status == "sent"
    assert len(hook.got) == 2


@pytest.mark.parametrize(
    "target", ["https://u:p@host/in", "s3://key:word@bucket", "ftp://host/x", "nowhere", "mailto:"]
)
def test_what_is_no_target(settings: Settings, target: str) -> None:
    found = sent(settings, target)
    assert (found.status, found.attempts) == ("permanent", 0)
    assert ":p@" not in found.detail
    assert "word" not in found.detail or "password" in found.detail


def test_a_secret_lies_in_a_file_or_the_environment(settings: Settings, home: Path) -> None:
    assert sent(settings, "chat:FILED").status == "permanent"
    (home / "secrets").mkdir(parents=True)
    with receiving(200) as chat:
        (home / "secrets" / "FILED").write_text(f"json://127.0.0.1:{chat.port}/\n")
        assert sent(settings, "chat:FILED").status == "sent"
    for name in ("../FILED", "", "a/b"):
        assert sent(settings, f"chat:{name}").status == "permanent"


def test_failures_are_told_in_both_languages(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPI_DELIVER_TO", "*")
    told = set()
    for language in LANGUAGES:
        monkeypatch.setenv("KPI_LANGUAGE", language)
        told.add(sent(load_settings(), "chat:NONE").detail)
    assert len(told) == 2
