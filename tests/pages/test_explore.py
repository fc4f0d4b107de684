"""What the explorer shows of a small demo bank, without a browser."""

import re
from datetime import date
from html import unescape

import pytest

from kpi.i18n.formats import format_count, format_value
from kpi.metrics.registry import METRICS
from kpi.settings import load_settings
from kpi.snapshots import definition_store
from kpi.state import Annotation, StateDatabase
from kpi.state.annotations import annotations, save_annotations
from kpi.state.views import LOCAL, delete_view, save_view, views
from pages.address.explore_choice import MOST_KPIS
from tests.pages.conftest import as_read
from tests.pages.test_overview import asked


@pytest.fixture
def explore(demo_home, open_page, monkeypatch):
    """Open the page with the given query parameters."""
    monkeypatch.setenv("KPI_HOME", str(demo_home))
    return lambda **params: open_page(demo_home, entry="explore", **params)


@pytest.fixture
def state(tmp_path, monkeypatch):
    """The state database that the page uses."""
    monkeypatch.setenv("KPI_STATE_URL", f"sqlite:///{tmp_path / 'state.sqlite'}")
    opened = StateDatabase(load_settings())
    yield opened
    opened.close()


def html(app):
    return [unescape(str(element.proto.body)) for element in app.get("html")]


def text(app):
    return re.sub(r"<[^>]+>", " ", "\n".join(html(app)))


def table(app):
    """The rows of the pivot: texts by cell, the head first."""
    (body,) = [body for body in html(app) if 'class="pivot"' in body]
    rows = re.findall(r"<tr.*?</tr>", body, re.S)
    return [
        [re.sub(r"<[^>]+>", " ", cell).split() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)] for row in rows
    ]


def test_the_pivot_says_what_the_warehouse_answers(explore):
    app = explore(lang="en", kpis="volume,self_service_rate", rows="tier")
    assert not app.exception
    by, whole = asked(("volume", "self_service_rate"), by=("tier",)), asked(("volume", "self_service_rate"))
    rows = {" ".join(row[0]): row[1:] for row in table(app)[2:]}
    assert len(rows) == 9  # seven tiers, unknown, all
    for tier in (1, 7):
        shown = rows[f"{tier}★"]
        assert shown[0][0] == format_value(by.cell("volume", tier).value, "count", "en")
        assert shown[3][0].rstrip("*") == format_value(by.cell("self_service_rate", tier).value, "share", "en")
    assert rows["All"][0][0] == format_value(whole.cell("volume").value, "count", "en")
    assert rows["All"][3][0] == format_value(whole.cell("self_service_rate").value, "share", "en")
    assert len(app.get("vega_lite_chart")) == 2


def test_two_dimensions_with_totals_that_do_not_add(explore):
    app = explore(lang="en", kpis="customers_served,wait_p90", rows="tier", cols="channel", detail="1")
    assert not app.exception
    found = asked(("customers_served",), by=("tier", "channel"))
    assert found.counted_twice["customers_served"] > 0
    said = text(app)
    assert f"Customers served: {found.counted_twice['customers_served']:,} customers are counted in several" in said
    assert "Wait, 90th percentile does not add up" in said
    last = table(app)[-1]
    whole = format_value(asked(("customers_served",)).cell("customers_served").value, "customers", "en")
    assert last[len(table(app)[1]) // 2][0] == whole
    assert last[-1] == ["–"]
    assert any("n < 30" in body for body in html(app))


def test_chinese_all_through(explore):
    app = explore(lang="zh", kpis="volume", rows="date")
    assert not app.exception
    assert app.title[0].value == "探索"
    assert "最高：" in text(app)
    assert app.multiselect(key="f_kpis").label.startswith("指标")


@pytest.mark.parametrize(
    ("rows", "cols", "chart"),
    [
        ("none", "none", ""),
        ("topic", "tier", "heat"),
        ("channel", "line", "grouped"),
        ("week", "channel", "line"),
        ("hour", "weekday", ""),
    ],
)
def test_every_kind_of_question_is_drawn(explore, rows, cols, chart):
    app = explore(kpis="volume", rows=rows, cols=cols, chart=chart, period="90d")
    assert not app.exception
    assert len(app.get("vega_lite_chart")) == (0 if rows == "none" else 1)


def test_trap_more_than_can_be_shown_is_cut_and_told(explore):
    app = explore(lang="en", kpis="volume", rows="topic", cols="date", period="90d")
    assert not app.exception
    assert re.search(r"Date: 31 values are shown, \d+ more are not", text(app))
    assert len(table(app)[1]) == 32  # and the total


def test_trap_a_filter_that_a_kpi_lacks(explore):
    team = next(value for value in ("invest", "shop", "online") if value)
    app = explore(lang="en", kpis="long_tail_coverage,volume", rows="tier", team=team)
    assert not app.exception
    assert "long-tail coverage cannot be filtered as chosen" in app.info[0].value


def test_bad_links_are_named(explore):
    app = explore(lang="en", kpis="money", rows="x" * 10_000, chart="pie")
    assert not app.exception
    assert "money" in app.warning[0].value
    assert "pie" in app.warning[0].value
    assert len(app.warning[0].value) < 600


def test_a_choice_is_written_into_the_address(explore):
    app = explore(lang="en", kpis="csat", rows="tier")
    app.selectbox(key="f_cols").select("channel").run()
    app.toggle(key="f_detail").set_value(True).run()
    assert (app.query_params["cols"], app.query_params["detail"]) == ("channel", "1")
    app.selectbox(key="f_cols").select("none").run()
    assert "cols" not in app.query_params
    assert not app.exception


def test_a_view_is_saved_opened_renamed_and_deleted(explore, state):
    app = explore(lang="en", kpis="csat", rows="tier", period="7d")
    app.text_input(key="saved_name").input("By tier").run()
    app.button(key="saved_save").click().run()
    (view,) = views(state, LOCAL)
    assert (view.name, view.page, view.link) == ("By tier", "explore", {"kpis": "csat", "rows": "tier", "period": "7d"})
    app.button(key="saved_save").click().run()
    assert "already" in app.error[0].value
    app = explore(lang="zh")
    app.button(key=f"saved_open_{view.id}").click().run()
    assert dict(app.query_params.items()) == {**view.link, "lang": "zh"}
    app.button(key=f"saved_send_{view.id}").click().run()
    made = definition_store.definition(state, "explore").definition
    assert (made.title, made.period) == (("By tier", "By tier"), "last_7_days")
    assert [(one.kind, one.kpis, one.by) for one in made.sections] == [
        ("chart", ("csat",), ("tier",)),
        ("table", ("csat",), ("tier",)),
    ]
    app.text_input(key=f"saved_name_{view.id}").input("新名").run()
    app.button(key=f"saved_rename_{view.id}").click().run()
    assert views(state, LOCAL)[0].name == "新名"
    app.button(key=f"saved_delete_{view.id}").click().run()
    assert views(state, LOCAL) == []
    assert not app.exception


def test_a_view_of_another_page_leads_there(explore, state):
    save_view(state, LOCAL, "Morning", "overview", {"channel": "wechat"})
    app = explore(lang="en")
    assert not app.exception
    links = [link.proto for link in app.get("page_link") if link.proto.label == "Morning"]
    assert [(link.page, sorted(link.query_string.split("&"))) for link in links] == [
        ("", ["channel=wechat", "lang=en"])
    ]
    delete_view(state, LOCAL, views(state, LOCAL)[0].id)


def test_an_annotation_stands_on_the_time_axis_at_once(explore, state):
    app = explore(lang="en", kpis="csat", rows="date")
    assert "Storm" not in str(app.get("vega_lite_chart")[0].proto)
    save_annotations(state, [], [Annotation(date(2026, 11, 5), None, "incident", "台风", "Storm")], "ann")
    app.run()
    assert "Storm" in str(app.get("vega_lite_chart")[0].proto)
    assert not app.exception


def test_a_state_database_that_cannot_be_read_leaves_the_figures(explore, tmp_path, monkeypatch):
    monkeypatch.setenv("KPI_STATE_URL", "nonsense")
    app = explore(lang="en", kpis="csat", rows="date")
    assert not app.exception
    assert "KPI_STATE_URL" in as_read(app.error[0].value)
    assert len(app.get("vega_lite_chart")) == 1


@pytest.mark.parametrize("kpis", [list(METRICS)[at : at + MOST_KPIS] for at in range(0, len(METRICS), MOST_KPIS)])
def test_every_kpi_can_be_explored(explore, kpis):
    app = explore(lang="en", kpis=",".join(kpis))
    assert not app.exception
    assert not app.error
    assert len(table(app)[0]) == 1 + len(kpis)


def test_the_demo_bank_has_its_annotations(demo_home):
    state = StateDatabase(load_settings({"KPI_HOME": str(demo_home)}))
    assert "微信接口故障" in [row.text_zh for row in annotations(state)]
    state.close()


@pytest.mark.parametrize("rows", ["date", "week", "month", "weekday", "hour"])
def test_a_figure_of_a_time_leads_to_its_rows(explore, rows):
    found = asked(("self_service_rate",), by=(rows,))
    key = max((cell for cell in found.cells if cell.n), key=lambda cell: cell.n).key[0]
    cell = found.cell("self_service_rate", key)
    (pivot,) = [
        body for body in html(explore(lang="en", kpis="self_service_rate", rows=rows)) if 'class="pivot"' in body
    ]
    assert f"at={rows}%3A{key}&" in pivot or f'at={rows}%3A{key}"' in pivot
    app = explore(lang="en", drill="self_service_rate", at=f"{rows}:{key}")
    assert not app.exception
    assert not app.warning
    (head,) = [body for body in html(app) if 'class="drill-figure"' in body]
    assert format_value(cell.value, "share", "en") in head
    assert f"n {format_count(cell.n, 'en', compact=False)}" in head
    assert f"{format_count(cell.n, 'en', compact=False)} in the denominator" in text(app)
