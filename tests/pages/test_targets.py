"""Targets on the pages of a small demo bank, and the page that edits them, without a browser."""

import re
from dataclasses import replace
from datetime import date
from html import unescape

import pandas as pd
import pytest

from kpi.i18n.formats import format_limit
from kpi.settings import load_settings
from kpi.state import StateDatabase, Target
from kpi.state.targets import save_targets, targets
from pages.views import targets as page
from tests.pages.conftest import as_read

SINCE = date(2026, 11, 10)
HALF = Target("csat", low=0.5, first=date(2026, 1, 1), last=date(2026, 11, 9))
CSAT = Target("csat", low=0.999, first=SINCE, owner="Quality & <b>co</b>", note="raised")
RATE = Target("self_service_rate", low=0.1, first=date(2026, 1, 1))
WECHAT = Target("self_service_rate", channel="wechat", low=0.95, first=date(2026, 1, 1))


@pytest.fixture
def state(tmp_path, monkeypatch):
    """The state database that the pages use; as the demo bank's own would be, but empty."""
    monkeypatch.setenv("KPI_STATE_URL", f"sqlite:///{tmp_path / 'state.sqlite'}")
    opened = StateDatabase(load_settings({"KPI_HOME": str(tmp_path), "KPI_STATE_URL": _url(tmp_path)}))
    yield opened
    opened.close()


def _url(folder):
    return f"sqlite:///{folder / 'state.sqlite'}"


def html(app):
    return [str(element.proto.body) for element in app.get("html")]


def card(app, name):
    (found,) = [body for body in html(app) if f'<div class="kpi-label">{name}</div>' in body]
    return found


def text(body):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def specs(app):
    """What the figures hold, their data included."""
    return [chart.proto.SerializeToString().decode("utf-8", "ignore") for chart in app.get("vega_lite_chart")]


def test_without_targets_nothing_is_said_of_any(demo_home, open_page, state):
    app = open_page(demo_home, lang="en")
    assert not app.exception
    assert not any('class="kpi-target"' in body for body in html(app))
    assert not any("target ≥" in spec for spec in specs(app))


def test_a_card_says_its_target_whether_it_is_met_and_on_how_many_days(demo_home, open_page, state):
    save_targets(state, [], [HALF, CSAT, RATE], "ann")
    app = open_page(demo_home, lang="en")
    assert not app.exception
    rate, csat = card(app, "Self-service rate"), card(app, "Satisfaction")
    assert "target ≥10%" in text(rate)
    assert 'class="better"' in rate
    days = re.search(r"(\d+)/(\d+) d", text(rate))
    assert days is not None
    assert days[1] == days[2] == "28"
    # The card names the last one, and its tip the one before.
    assert "target ≥99.9%*" in text(csat)
    assert "missed" in text(csat)
    assert "since 10 Nov 2026, ≥50% before" in csat
    assert "kpi-target" in card(app, "Interactions")
    (definition,) = [body for body in html(app) if 'class="define"' in body and "Quality" in body]
    assert "Quality &amp; &lt;b&gt;co&lt;/b&gt; · raised" in definition


def test_charts_and_tables_show_it(demo_home, open_page, state):
    save_targets(state, [], [RATE, WECHAT], "ann")
    drawn = specs(open_page(demo_home, lang="en"))
    assert sum("target 10%" in spec for spec in drawn) == 1  # the line over time
    assert any("target ≥10%" in spec and "≥95% " in spec for spec in drawn)  # the bars by channel
    app = open_page(demo_home, "explore", lang="zh", kpis="self_service_rate", rows="channel")
    (pivot,) = [body for body in html(app) if 'class="pivot"' in body]
    assert "≥95%" in pivot
    assert "目标" in text(pivot)


def test_days_on_target_are_counted_where_the_line_goes_by_weeks(demo_home, open_page, state):
    save_targets(state, [], [RATE], "ann")
    app = open_page(demo_home, lang="en", period="ytd", compare="none")
    assert not app.exception
    assert re.search(r"\b70/70 d", text(card(app, "Self-service rate")))


def test_a_filter_leads_to_the_narrower_target(demo_home, open_page, state):
    save_targets(state, [], [RATE, WECHAT], "ann")
    assert "≥95%" in text(card(open_page(demo_home, lang="en", channel="wechat"), "Self-service rate"))
    assert "≥10%" in text(card(open_page(demo_home, lang="en", tier="6,7"), "Self-service rate"))
    assert "≥" not in text(card(open_page(demo_home, lang="en", channel="wechat,sms"), "Self-service rate"))


def test_the_drill_down_says_it(demo_home, open_page, state):
    save_targets(state, [], [RATE, WECHAT], "ann")
    app = open_page(demo_home, lang="en", drill="self_service_rate", by="channel")
    assert any("drill-figure" in body and "target ≥10% met · 28 of 28 days on target" in body for body in html(app))


def test_an_edit_shows_at_once_and_a_broken_database_takes_no_figure_away(demo_home, open_page, state, monkeypatch):
    app = open_page(demo_home, lang="en")
    save_targets(state, [], [RATE], "ann")
    app.run()
    assert "target ≥10%" in text(card(app, "Self-service rate"))
    monkeypatch.setenv("KPI_STATE_URL", "nonsense")
    app = open_page(demo_home, lang="en")
    assert not app.exception
    assert "target" not in text(card(app, "Self-service rate"))


# --- the page that edits them --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "title"), [("zh", "设置"), ("en", "Settings")])
def test_the_settings_page_has_both_tables(demo_home, open_page, state, language, title):
    save_targets(state, [], [HALF, CSAT, WECHAT], "ann")
    app = open_page(demo_home, "settings", lang=language)
    assert not app.exception
    assert app.title[0].value == title
    wanted, notes = (element.value for element in app.dataframe)
    assert list(wanted["low"]) == [50.0, 99.9, 95.0]
    assert len(notes) == 0
    assert app.button(key="targets_save").disabled
    assert app.button(key="annotations_save").disabled


def test_the_settings_page_says_why_the_database_cannot_be_read(demo_home, open_page, monkeypatch):
    monkeypatch.setenv("KPI_STATE_URL", "nonsense")
    app = open_page(demo_home, "settings", lang="en")
    assert not app.exception
    assert ["KPI_STATE_URL" in as_read(error.value) for error in app.error] == [True, True]


def test_what_the_editor_shows_is_read_back_to_the_last_digit(state):
    rows = [HALF, replace(CSAT, low=0.1234567890123456), Target("asa", line="vip", high=10.0, first=SINCE), RATE]
    save_targets(state, [], rows, "ann")
    kept = targets(state)
    frame = page._frame(kept)
    assert page._rows(frame, kept) == kept
    frame.loc[frame["kpi"] == "asa", "high"] = 12.5
    frame.loc[frame["kpi"] == "self_service_rate", "low"] = 84.7
    added = pd.DataFrame([{"kpi": "fcr", "low": 80.0, "first": SINCE}], columns=frame.columns)
    frame = pd.concat([frame.astype(object), added.astype(object)], ignore_index=True)
    changed = {(row.kpi, row.first): row for row in page._rows(frame, kept)}
    assert changed["asa", SINCE] == replace(next(row for row in kept if row.kpi == "asa"), high=12.5)
    assert changed["self_service_rate", date(2026, 1, 1)].low == 0.847
    assert changed["fcr", SINCE].says(Target("fcr", low=0.8, first=SINCE))
    assert format_limit(0.847, "share", "en") == "84.7%"


GOOD = '[[target]]\nkpi = "fcr"\nlow = 0.8\nfirst = 2026-01-01\n'


def test_a_file_is_put_in_the_place_of_the_list_and_a_bad_one_changes_nothing(demo_home, open_page, state):
    save_targets(state, [], [RATE], "ann")
    app = open_page(demo_home, "settings", lang="en")
    app.file_uploader(key="targets_upload").upload("targets.toml", GOOD.replace("low", "high").encode(), "text/plain")
    app.run()
    app.button(key="targets_apply").click().run()
    assert not app.exception
    assert "lower limit (low) only" in as_read(app.error[0].value)
    assert [row.kpi for row in targets(state)] == ["self_service_rate"]
    app.file_uploader(key="targets_upload").upload("targets.toml", GOOD.encode(), "text/plain").run()
    app.button(key="targets_apply").click().run()
    assert not app.exception
    assert [(row.kpi, row.low, row.author) for row in targets(state)] == [("fcr", 0.8, "local")]
    assert "1 added, 0 changed, 1 removed" in as_read(app.toast[0].value)
