"""Every page of a bank whose names are hostile: each figure is drawn, and as it is with harmless names."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import altair as alt
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from streamlit.testing.v1 import AppTest

from kpi import native
from kpi.charts.export import png
from kpi.charts.theme import Style, finish, spec_of
from kpi.plain_text import Names, clean
from kpi.query import labels
from kpi.query.question import Filter
from kpi.warehouse import Warehouse
from pages import cache, components, state
from pages.book import BOOK
from tests.hostile.names import ALLOWED, REFUSED, REORDERING, bank, lists
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


def test_trap_every_figure_of_every_page_is_drawn(
    run: Callable[..., AppTest], figures: list[tuple[str, dict[str, Any]]]
) -> None:
    for leaf in BOOK:
        app = run(leaf.id, **WEEK)
        assert not app.exception, leaf.id
    for chosen in EXPLORED:
        assert not run("explore", **WEEK, **chosen).exception
    assert len(figures) > 25
    assert_drawn(figures, shown(EVERY))
    assert png(figures[0][1], Style("zh", synthetic=True)).startswith(b"\x89PNG")


# Without making a failing list of names smaller: each try takes seconds.
@settings(max_examples=3, derandomize=True, deadline=None, database=None, phases=[Phase.generate])
@given(names=lists)
def fuzzed(
    names: list[str],
    run: Callable[..., AppTest],
    figures: list[tuple[str, dict[str, Any]]],
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
    for chosen in EXPLORED:
        assert not run("explore", **WEEK, **chosen).exception
    assert_drawn(figures, set(turn.values()))


def test_figures_of_any_names_are_drawn(
    run: Callable[..., AppTest], figures: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fuzzed(run=run, figures=figures, monkeypatch=monkeypatch)


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
    monkeypatch.setattr("pages.panels.volume_by_channel", fails)
    app = run(**WEEK)
    assert not app.exception
    assert "This chart could not be drawn" in " ".join(str(one.proto.body) for one in app.get("html"))
    drawn = [spec for _, spec in figures if spec is not cache.NOT_DRAWN]
    assert len(drawn) == len(figures) - 1 > 1
    cache._figure.clear()
