"""Every page of a bank whose names are hostile: each figure is drawn, and as it is with harmless names; each file that
it offers is made, and tells the names as they are shown.
"""

import csv
import io
import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import altair as alt
import openpyxl
import pandas as pd
import pytest
import streamlit as st
from hypothesis import Phase, given, settings
from streamlit.testing.v1 import AppTest

from kpi import native
from kpi.charts.export import png
from kpi.charts.theme import Style, finish, spec_of
from kpi.plain_text import Names, clean
from kpi.query import labels
from kpi.query.question import Filter
from kpi.table_file import unguarded
from kpi.warehouse import Warehouse
from pages.address import state
from pages.data import cache
from pages.page_specs import PAGES
from pages.ui import components
from tests.hostile.names import ALLOWED, REFUSED, REORDERING, bank, is_plain, lists
from tests.pages.conftest import open_page, serve, served  # noqa: F401 – the pages are run as there

EVERY = (*ALLOWED, *REFUSED, *REORDERING)
WEEK = {"period": "custom", "from": "2026-03-02", "to": "2026-03-08", "compare": "previous"}
# What Explore draws of names: bars, a map, lines, groups.
EXPLORED = [
    {"kpis": "volume", "rows": "topic"},
    {"kpis": "csat", "rows": "topic", "cols": "channel"},
    {"kpis": "volume", "rows": "date", "cols": "team"},
    {"kpis": "aht", "rows": "agent", "cols": "tier", "chart": "bars"},
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    made = bank(tmp_path_factory.mktemp("hostile"), EVERY)
    yield made
    made.close()


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What the pages draw from now on: key of a panel and its figure."""
    found: list[tuple[str, dict[str, Any]]] = []
    panel = components.panel

    def spy(key: str, title: str, subtitle: str, spec: dict[str, Any] | None, *more: Any, **named: Any) -> None:
        if spec is not None:
            found.append((key, spec))
        panel(key, title, subtitle, spec, *more, **named)

    monkeypatch.setattr(components, "panel", spy)
    return found


class Opened:
    """A menu as it is once it was opened."""

    open = True

    def __init__(self, menu: Any) -> None:
        self.menu = menu

    def __enter__(self) -> Any:
        return self.menu.__enter__()

    def __exit__(self, *error: object) -> Any:
        return self.menu.__exit__(*error)


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the pages offer as files from now on, with every menu open: name of the file and what makes it."""
    found: dict[str, Any] = {}
    popover, button = st.popover, st.download_button

    def spy(label: str, data: Any, file_name: str, **named: Any) -> bool:
        found[file_name] = data
        return button(label, data, file_name, **named)

    monkeypatch.setattr(st, "popover", lambda *given, **named: Opened(popover(*given, **named)))
    monkeypatch.setattr(st, "download_button", spy)
    return found


@pytest.fixture
def run(request: pytest.FixtureRequest, hostile: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    monkeypatch.setenv("KPI_WAREHOUSE_URL", str(hostile.url))
    return partial(request.getfixturevalue("open_page"), hostile.settings.home)


def marks(spec: dict[str, Any]) -> int:
    """How many shapes the figure has when it is drawn."""
    return native.picture({**spec, "width": 900}, "svg").count(b"<path")


def harmless(spec: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """The same figure with the names numbered, in its data and in the order of its scales."""
    numbers = {name: f"name {number}" for number, name in enumerate(names)}

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: numbered(one) if key in {"domain", "datasets"} else renamed(one) for key, one in value.items()}
        return [renamed(one) for one in value] if isinstance(value, list) else value

    def numbered(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: numbered(one) for key, one in value.items()}
        if isinstance(value, list):
            return [numbered(one) for one in value]
        return numbers.get(value, value) if isinstance(value, str) else value

    made: dict[str, Any] = renamed(spec)
    return made


def shown(names: tuple[str, ...] | list[str]) -> set[str]:
    return {clean(name) for name in names}


def assert_drawn(figures: list[tuple[str, dict[str, Any]]], names: set[str]) -> None:
    for key, spec in figures:
        assert spec is not cache.NOT_DRAWN, key
        assert marks(spec) == marks(harmless(spec, names)) > 0, key


def open_all(run: Callable[..., AppTest]) -> None:
    for entry in PAGES:
        app = run(entry.id, **WEEK)
        assert not app.exception, entry.id
    for chosen in EXPLORED:
        assert not run("explore", **WEEK, **chosen).exception
    for dimension in ("topic", "team", "agent"):
        assert not run("overview", **WEEK, drill="volume", by=dimension).exception


def assert_made(downloads: dict[str, Any]) -> None:
    """Every file is made, and holds the texts of its table as they are shown."""
    for name, data in downloads.items():
        made = data() if callable(data) else data
        content = made.read() if isinstance(made, io.IOBase) else made
        suffix = Path(name).suffix
        if suffix == ".png":
            assert content.startswith(b"\x89PNG"), name
        elif suffix == ".toml":
            tomllib.loads(content if isinstance(content, str) else content.decode())
        elif suffix == ".csv":
            lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
            assert_told(name, data, [cell for line in lines for cell in line])
        elif suffix == ".xlsx":
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
            assert_told(name, data, [cell for sheet in book for line in sheet.values for cell in line])


def assert_told(name: str, data: Any, cells: Sequence[object]) -> None:
    assert all(is_plain(cell) for cell in cells if isinstance(cell, str)), name
    frame = next((given for given in getattr(data, "args", ()) if isinstance(given, pd.DataFrame)), None)
    if frame is not None:
        told = {value for column in frame for value in frame[column] if isinstance(value, str)}
        assert told - {""} <= {text for cell in cells for text in (str(cell), unguarded(str(cell)))}, name


def test_trap_every_figure_of_every_page_is_drawn_and_every_file_made(
    run: Callable[..., AppTest], figures: list[tuple[str, dict[str, Any]]], downloads: dict[str, Any]
) -> None:
    open_all(run)
    assert len(figures) > 25
    assert_drawn(figures, shown(EVERY))
    assert {Path(name).suffix for name in downloads} >= {".csv", ".xlsx", ".png", ".toml"}
    assert len(downloads) > 60
    assert_made(downloads)
    assert png(figures[0][1], Style("zh", synthetic=True)).startswith(b"\x89PNG")


# Without making a failing list of names smaller: each try takes seconds.
@settings(max_examples=2, derandomize=True, deadline=None, database=None, phases=[Phase.generate])
@given(names=lists)
def fuzzed(
    names: list[str],
    run: Callable[..., AppTest],
    figures: list[tuple[str, dict[str, Any]]],
    downloads: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called = Names({str(number): name for number, name in enumerate(names)})
    turn = dict(enumerate(called.values()))
    monkeypatch.setattr(
        labels, "Names", lambda named: Names({value: turn[n % len(turn)] for n, value in enumerate(named)})
    )
    cache.labels.clear()
    cache._figure.clear()
    figures.clear()
    downloads.clear()
    open_all(run)
    assert_drawn(figures, set(turn.values()))
    # The pictures were drawn just now, as the browser draws them.
    assert_made({name: make for name, make in downloads.items() if not name.endswith(".png")})


def test_figures_and_files_of_any_names_are_made(
    run: Callable[..., AppTest],
    figures: list[tuple[str, dict[str, Any]]],
    downloads: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fuzzed(run=run, figures=figures, downloads=downloads, monkeypatch=monkeypatch)


def test_trap_a_click_on_a_mark_leads_to_its_value_whatever_that_is_called() -> None:
    """As the browser tells it: by the name that stands in the figure's data."""
    chart = alt.Chart(pd.DataFrame({"name": list(ALLOWED), "value": 1.0})).mark_bar()
    spec = spec_of(finish([chart.encode(y=alt.Y("name:N", sort=list(ALLOWED)), x=alt.X("value:Q"))], Style("en"), 300))
    (rows,) = spec["datasets"].values()
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == [row["name"] for row in rows]
    chosen = state.picks("topic", Names({name: name for name in ALLOWED}))
    told = [chosen.leads(row, "volume")[1] for row in rows]
    assert told == [(Filter("topic", (name,)),) for name in ALLOWED]


def test_a_figure_that_fails_says_so_and_leaves_the_others(
    run: Callable[..., AppTest], figures: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ValueError("no picture")

    cache._figure.clear()
    monkeypatch.setattr("pages.ui.panels.volume_by_channel", fails)
    app = run(**WEEK)
    assert not app.exception
    assert "This chart could not be drawn" in " ".join(str(one.proto.body) for one in app.get("html"))
    drawn = [spec for _, spec in figures if spec is not cache.NOT_DRAWN]
    assert len(drawn) == len(figures) - 1 > 1
    cache._figure.clear()
