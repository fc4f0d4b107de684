"""What native libraries draw: in a process of its own, whose end is an error and no more."""

import os
import select
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kpi import native
from kpi.errors import DrawingError

ROOT = Path(__file__).parents[2]
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
ENDLESS = "#for i in range(100000) { for j in range(100000) { let x = calc.sin(i * j) } }"


def spec(name: str) -> dict[str, object]:
    encoding = {"x": {"field": "a", "type": "nominal"}, "y": {"field": "b", "type": "quantitative"}}
    return {"mark": "bar", "data": {"values": [{"a": name, "b": 1}]}, "encoding": encoding}


def test_trap_an_abort_of_the_library_is_an_error_and_the_next_picture_is_made() -> None:
    before = native.DRAWER.failed
    for form in ("svg", "png"):
        with pytest.raises(DrawingError, match="broke off"):
            native.picture(spec("a\x1bb"), form)
    assert native.DRAWER.failed == before + 2
    assert native.picture(spec("name"), "png").startswith(b"\x89PNG")
    assert b"name" in native.picture(spec("name"), "svg")


def test_what_a_library_refuses_is_an_error_in_both_languages() -> None:
    with pytest.raises(DrawingError) as raised:
        native.paper("#panic()", {}, "pdf", 72, MOMENT)
    assert "PDF" in raised.value.message("zh")
    assert "PDF" in raised.value.message("en")


def test_what_never_ends_is_ended_and_the_next_document_is_made() -> None:
    drawer = native.Drawer(seconds=2)
    told = {"inputs": {}, "format": "pdf", "ppi": 72, "moment": MOMENT.isoformat()}
    try:
        with pytest.raises(DrawingError, match="not ready after 2 s"):
            drawer.make("PDF", "paper", template=ENDLESS, **told)
        assert drawer.failed == 1
        assert drawer.make("PDF", "paper", template="made", **told).startswith(b"%PDF")
    finally:
        drawer.close()


def test_several_threads_get_what_each_asked_for() -> None:
    made: dict[str, str] = {}

    def draw(name: str) -> None:
        made[name] = native.picture(spec(name), "svg").decode()

    threads = [threading.Thread(target=draw, args=(f"name{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(name in picture for name, picture in made.items())
    assert len(made) == 6


def test_the_process_ends_with_whoever_started_it() -> None:
    code = (
        "import os; from kpi import native; native.script('1'); place = native.DRAWER._places.get();"
        "print(place._process.pid, flush=True); input(); os._exit(1)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdin is not None
        assert starter.stdout is not None
        drawing = os.pidfd_open(int(starter.stdout.readline()))
        starter.stdin.close()
        try:
            assert select.select([drawing], [], [], 60)[0]
        finally:
            os.close(drawing)


def test_trap_nothing_native_is_loaded_where_pages_and_runs_are_made() -> None:
    code = (
        "import sys, pages.ui.components, kpi.snapshots.render, kpi.snapshots.worker;"
        "print(sorted({'vl_convert', 'typst'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
