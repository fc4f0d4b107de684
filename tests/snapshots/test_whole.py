"""A run with the real files and a real folder: what the parts do together."""

import json
import logging
from dataclasses import replace
from datetime import timedelta
from functools import partial
from io import StringIO
from pathlib import Path

import pytest

from kpi.snapshots import store
from kpi.snapshots.deliver import deliver
from kpi.snapshots.ledger import Ledger, find
from kpi.snapshots.model import Recipient, Section
from kpi.snapshots.render import render
from kpi.snapshots.runs import deliveries, files, runs
from kpi.snapshots.worker import again
from tests.reports.receivers import closed_port, receiving
from tests.snapshots.conftest import Centre
from tests.snapshots.standins import MONDAY


def test_a_report_is_rendered_and_lies_in_the_folder(centre: Centre, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    centre.warehouse.settings = replace(centre.warehouse.settings, deliver_to=(str(folder),))
    weekly = replace(
        centre.weekly("head"), recipients=(Recipient("head", folder.as_uri()),), formats=("xlsx", "pdf", "csv")
    )
    centre.keep(weekly)
    assert centre.run(render=render, deliver=deliver) == 1
    (run,) = runs(centre.state)
    assert run.state == "sent"
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".xlsx", ".pdf", ".csv", ".json"}
    manifest = json.loads(next(folder.rglob("manifest.json")).read_text("utf-8"))
    assert manifest["files"]


def test_a_revision_rendered_again_is_the_same_byte_for_byte(centre: Centre) -> None:
    """Its data, its page, its manifest and what it says of the revision before, though data have come since."""
    ann = Recipient("ann", (centre.outbox / "ann").as_uri(), language="zh")
    centre.warehouse.settings = replace(centre.warehouse.settings, deliver_to=(str(centre.outbox),))
    who = Section("who", "table", ("volume",), ("final_handler",))
    centre.keep(centre.weekly(recipients=(ann,), formats=("csv", "parquet", "html"), sections=(who,)))
    centre.run(render=render, deliver=deliver)
    centre.world.contact("self", "2026-03-05 12:00")
    centre.load("2026-03-09 09:00")
    ledger = Ledger(centre.state, lambda: centre.moment)
    key = ledger.add("weekly", MONDAY.date()).key
    centre.run(render=render, deliver=deliver)
    centre.world.contact("self", "2026-03-06 12:00")
    centre.load("2026-03-09 10:00")
    run = find(centre.state, key)
    stored = {one.name: store.read(centre.settings, run, "ann", one.name) for one in files(centre.state, run)}
    made = again(centre.warehouse, centre.state, run, render)["ann"]
    assert {name for name in made if made[name] != stored[name]} == set()
    assert len(made) == 5
    said = made["changes.txt"].decode()
    assert "业务量 · 按最后处理者\t业务量 (最后处理者 自助)\t7 → 8 (+1)" in said


def test_its_owner_is_told_by_the_real_delivery_why_it_is_held(centre: Centre, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    centre.warehouse.settings = replace(centre.warehouse.settings, deliver_to=(str(folder),))
    late = replace(
        centre.weekly("head"), recipients=(Recipient("head", (folder / "head").as_uri()),),
        owner=(folder / "owner").as_uri(),
    )  # fmt: skip
    centre.keep(late, since=MONDAY + timedelta(days=6))
    centre.moment = MONDAY + timedelta(days=7, hours=5)
    centre.run(render=render, deliver=deliver)
    (run,) = runs(centre.state)
    assert run.state == "held"
    assert {line.kind: line.status for line in deliveries(centre.state, run)} == {"owner": "sent", "notice": "sent"}
    told, said = (next((folder / who).glob("*/notice.txt")).read_text("utf-8") for who in ("owner", "head"))
    assert "Data are late: hotline, wechat." in told
    assert "being checked" in said


def test_no_secret_is_in_the_database_a_log_or_a_file(
    centre: Centre, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Whether a target takes it, refuses it, or is not there: each of the secrets was used."""
    logged = StringIO()  # as a program logs; pytest's own capture also hears what goes no further
    handler, level = logging.StreamHandler(logged), logging.root.level
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.DEBUG)
    request.addfinalizer(partial(logging.root.setLevel, level))
    request.addfinalizer(partial(logging.root.removeHandler, handler))
    monkeypatch.setenv("SWITCHBOARD_SECRET_HOOK", "hook-not-to-be-told")
    monkeypatch.setenv("SWITCHBOARD_SECRET_STORE", json.dumps({"key": "KEY", "secret": "store-not-to-be-told"}))
    with receiving(200) as hook, receiving(403) as chat, receiving(0) as mute:
        monkeypatch.setenv(
            "SWITCHBOARD_SECRET_OPS", f"json://user:chat-not-to-be-told@127.0.0.1:{chat.port}/in-not-to-be-told"
        )
        monkeypatch.setenv("SWITCHBOARD_SECRET_NIGHT", f"json://127.0.0.1:{mute.port}/night-not-to-be-told")
        centre.warehouse.settings = replace(centre.warehouse.settings, deliver_to=("*",), deliver_tries=1)
        targets = {
            "hook": f"{hook.url}/in#secret=HOOK",
            "ops": "chat:OPS",
            "night": "chat:NIGHT",
            "store": f"s3://reports/weekly#secret=STORE&endpoint=http://127.0.0.1:{closed_port()}",
        }
        recipients = tuple(Recipient(name, target) for name, target in targets.items())
        centre.keep(replace(centre.weekly(), recipients=recipients, owner="chat:OPS"))
        centre.run(render=render, deliver=deliver)
    (run,) = runs(centre.state)
    by = {line.recipient: line.status for line in deliveries(centre.state, run) if line.kind == "copy"}
    assert by == {"hook": "sent", "ops": "failed", "night": "unconfirmed", "store": "failed"}
    assert "X-Signature-256" in hook.got[0].headers
    assert "Authorization" in chat.got[0].headers
    assert mute.got[0].path == "/night-not-to-be-told"
    written = {path: path.read_bytes() for path in centre.settings.home.rglob("*") if path.is_file()}
    assert any(path.name == "manifest.json" for path in written)
    assert any(run.key.encode() in content for path, content in written.items() if "sqlite" in path.name)
    assert run.key in logged.getvalue()
    assert [path for path, content in written.items() if b"not-to-be-told" in content] == []
    assert "not-to-be-told" not in logged.getvalue()


def test_where_it_may_not_go_it_ends_as_failed_with_the_reason(centre: Centre, tmp_path: Path) -> None:
    centre.keep(replace(centre.weekly("head"), recipients=(Recipient("head", (tmp_path / "no").as_uri()),)))
    assert centre.run(render=render, deliver=deliver) == 1
    (run,) = runs(centre.state)
    assert run.state == "failed"
    (copy,) = (line for line in deliveries(centre.state, run) if line.kind == "copy")
    assert copy.status == "failed"
    assert "KPI_DELIVER_TO" in copy.detail
    assert find(centre.state, run.key).state == "failed"
