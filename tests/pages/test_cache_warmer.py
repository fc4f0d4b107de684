"""What the server asks before anybody comes."""

import logging
import threading
from dataclasses import replace

import pytest
import streamlit as st

from kpi.errors import KpiError
from pages import cache_warmer
from pages.address.view import PRESETS
from pages.cache_warmer import CacheWarmer
from pages.data import activity, cache
from pages.page_specs import PAGES, PageSpec
from pages.registry import module_of
from tests.code import PATIENCE

# Where the pages' questions go to the warehouse.
ASKING = ("answer_on", "proof_on", "migration_on", "lorenz_on", "explain", "last_mature")

QUICK: tuple[PageSpec, dict[str, str]] = (next(entry for entry in PAGES if entry.id == "explore"), {})


@pytest.fixture
def on_demo(demo_home, serve, monkeypatch):
    """The demo bank, of which nothing is kept yet."""
    monkeypatch.setattr(activity, "_QUIET", 0.0)
    st.cache_resource.clear()
    serve(demo_home)
    return demo_home


def only(monkeypatch, *views):
    """The only views that are asked ahead."""
    monkeypatch.setattr(cache_warmer, "views", lambda _: views)


def test_every_page_with_figures_is_asked_over_every_usual_period_and_of_every_tier_and_channel(on_demo):
    usual = cache_warmer.views(cache.published())
    tiers = [str(star) for star in range(1, 8)]
    assert len(usual) == 9 * (len(PRESETS) + 1 + len(tiers) + 8)
    assert {entry.id for entry in PAGES} - {entry.id for entry, _ in usual} == {"snapshots", "settings", "dictionary"}
    params = [params for _, params in usual[::9]]
    assert params[:2] == [{}, {"compare": "year"}]
    assert [{"tier": tier} for tier in tiers] == params[len(PRESETS) + 1 :][: len(tiers)]
    assert {"channel": "wechat"} in params


# Too late in its quarter for the cohorts: they are asked again, over what is mature.
@pytest.mark.parametrize("params", [{"period": "qtd"}, {"tier": "3"}])
def test_who_opens_a_page_finds_all_of_it_answered(on_demo, open_page, monkeypatch, params):
    views, asked = [view for view in cache_warmer.views(cache.published()) if view[1] == params], []
    only(monkeypatch, *views)
    asking = CacheWarmer()
    asking.ask(cache.published())
    assert (asking.progress.of, asking.progress.asked, asking.progress.failed) == (9, 9, 0)
    for name in ASKING:
        monkeypatch.setattr(cache, name, lambda *_, name=name, **__: asked.append(name))
    for entry, _ in views:
        app = open_page(on_demo, entry.id, lang="en", **params)
        assert (asked, [*app.exception]) == ([], []), entry.id


def test_a_view_that_fails_is_logged_and_counted_and_the_others_are_asked(on_demo, monkeypatch, caplog):
    def fails(*_):
        raise KpiError("warehouse_empty", place="nowhere")

    first = PAGES[0]
    monkeypatch.setattr(module_of(first), "ask", fails)
    only(monkeypatch, (first, {"period": "7d"}), QUICK)
    asking = CacheWarmer()
    with caplog.at_level(logging.ERROR):
        asking.ask(cache.published())
    assert (asking.progress.asked, asking.progress.failed) == (2, 1)
    assert f"page {first.id} could not be asked ahead for {{'period': '7d'}}" in caplog.text


def test_a_load_meanwhile_begins_anew(on_demo, monkeypatch):
    """What is asked of a version that is no longer published stops at once, and the next look finds the newer one."""
    published = cache.published()
    asked = []

    class Once(CacheWarmer):
        def ask(self, published):
            asked.append(published.version)
            super().ask(published)
            if self.progress.asked:
                self.stop()

    monkeypatch.setattr(cache_warmer, "_EVERY", 0.01)
    only(monkeypatch, QUICK)
    versions = iter([replace(published, version=published.version - 1)])
    monkeypatch.setattr(cache, "published", lambda: next(versions, published))
    asking = Once()
    asking.start()
    asking.join(PATIENCE)
    assert not asking.is_alive()
    assert asked == [published.version - 1, published.version]


def test_whoever_comes_goes_first(monkeypatch):
    monkeypatch.setattr(activity, "_QUIET", 0.0)
    went = threading.Event()

    def behind() -> None:
        activity.give_way()
        went.set()

    with activity.served():
        waiting = threading.Thread(target=behind)
        waiting.start()
        assert not went.wait(0.1)
    assert went.wait(PATIENCE)
    waiting.join()
