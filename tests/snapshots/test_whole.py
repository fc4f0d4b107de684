"""A run with the real files and a real folder: what the parts do together."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from kpi.snapshots.deliver import deliver
from kpi.snapshots.ledger import find
from kpi.snapshots.model import Recipient
from kpi.snapshots.render import render
from kpi.snapshots.runs import deliveries, runs
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


def test_where_it_may_not_go_it_ends_as_failed_with_the_reason(centre: Centre, tmp_path: Path) -> None:
    centre.keep(replace(centre.weekly("head"), recipients=(Recipient("head", (tmp_path / "no").as_uri()),)))
    assert centre.run(render=render, deliver=deliver) == 1
    (run,) = runs(centre.state)
    assert run.state == "failed"
    (copy,) = (line for line in deliveries(centre.state, run) if line.kind == "copy")
    assert copy.status == "failed"
    assert "KPI_DELIVER_TO" in copy.detail
    assert find(centre.state, run.key).state == "failed"
