"""What the server asks before anybody comes."""

import logging
import threading
from dataclasses import replace

import pytest
import streamlit as st

from kpi.errors import KpiError
from pages import ahead, cache, visits
from pages.ahead import Ahead
from pages.book import BOOK
from pages.view import PRESETS

# Where the pages' questions go to the warehouse.
ASKING = ("answer_on", "proof_on", "migration_on", "lorenz_on", "explain", "last_mature")

QUICK = next(view for view in ahead.VIEWS if view[0].id == "explore")


@pytest.fixture
def on_demo(demo_home, serve, monkeypatch):
    """The demo bank, of which nothing is kept yet."""
    monkeypatch.setattr(visits, "_QUIET", 0.0)
    st.cache_resource.clear()
    serve(demo_home)
    return demo_home


def test_every_page_with_figures_is_asked_over_every_usual_period():
    assert len(ahead.VIEWS) == 9 * (len(PRESETS) + 1)
    assert {leaf.id for leaf in BOOK} - {leaf.id for leaf, _ in ahead.VIEWS} == {"snapshots", "settings", "dictionary"}
    assert [params for _, params in ahead.VIEWS[:18:9]] == [{}, {"compare": "year"}]


def test_who_opens_a_page_finds_all_of_it_answered(on_demo, open_page, monkeypatch):
    # Too late in its quarter for the cohorts: they are asked again, over what is mature.
    preset, asked = {"period": "qtd"}, []
    monkeypatch.setattr(ahead, "VIEWS", [view for view in ahead.VIEWS if view[1] == preset])
    asking = Ahead()
    asking.ask(cache.published())
    assert (asking.progress.asked, asking.progress.failed) == (9, 0)
    for name in ASKING:
        monkeypatch.setattr(cache, name, lambda *_, name=name, **__: asked.append(name))
    for leaf, _ in ahead.VIEWS:
        app = open_page(on_demo, leaf.id, lang="en", **preset)
        assert (asked, [*app.exception]) == ([], []), leaf.id


def test_a_view_that_fails_is_logged_and_counted_and_the_others_are_asked(on_demo, monkeypatch, caplog):
    def fails(*_):
        raise KpiError("warehouse_empty", place="nowhere")

    first = ahead.VIEWS[0]
    monkeypatch.setattr(ahead, "VIEWS", [(replace(first[0], ask=fails), {"period": "7d"}), QUICK])
    asking = Ahead()
    with caplog.at_level(logging.ERROR):
        asking.ask(cache.published())
    assert (asking.progress.asked, asking.progress.failed) == (2, 1)
    assert f"page {first[0].id} could not be asked ahead for {{'period': '7d'}}" in caplog.text


def test_a_load_meanwhile_begins_anew(on_demo, monkeypatch):
    """What is asked of a version that is no longer published stops at once, and the next look finds the newer one."""
    published = cache.published()
    asked = []

    class Once(Ahead):
        def ask(self, published):
            asked.append(published.version)
            super().ask(published)
            if self.progress.asked:
                self.stop()

    monkeypatch.setattr(ahead, "_EVERY", 0.01)
    monkeypatch.setattr(ahead, "VIEWS", [QUICK])
    versions = iter([replace(published, version=published.version - 1)])
    monkeypatch.setattr(cache, "published", lambda: next(versions, published))
    asking = Once()
    asking.start()
    asking.join(60)
    assert not asking.is_alive()
    assert asked == [published.version - 1, published.version]


def test_whoever_comes_goes_first(monkeypatch):
    monkeypatch.setattr(visits, "_QUIET", 0.0)
    went = threading.Event()

    def behind() -> None:
        visits.give_way()
        went.set()

    with visits.served():
        waiting = threading.Thread(target=behind)
        waiting.start()
        assert not went.wait(0.1)
    assert went.wait(10)
    waiting.join()
