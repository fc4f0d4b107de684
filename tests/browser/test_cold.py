"""A server that nobody has visited yet must not answer any page outside the shell."""

from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect

from pages.page_specs import PAGES
from tests.browser import server
from tests.browser.server import leave, settled
from tests.ingest import bank_log


@pytest.mark.parametrize("path", ["/overview?channel=wechat", "/drill", "/pages/overview"])
def test_trap_a_cold_server_opens_the_shell_only(demo_home, tmp_path, visit, path):
    with server.serve(demo_home, tmp_path / "server.log") as address:
        page = visit()
        page.goto(f"{address}{path}")
        settled(page)
        # Whatever was asked for, what is shown went through the shell: its head, its sidebar and its one page.
        expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
        expect(page.get_by_test_id("stSidebar")).to_contain_text("Results")
        assert page.get_by_test_id("stSidebarNav").count() == 0
        if path.startswith("/overview"):
            assert page.url == f"{address}/?channel=wechat"
            expect(page.locator(".st-key-chip_channel")).to_contain_text("WeChat bank")
        leave(page)


def test_an_empty_home_offers_a_beginning(tmp_path, visit):
    home = tmp_path / "home"
    home.mkdir()
    with server.serve(home, tmp_path / "server.log") as address:
        page = visit()
        page.goto(address)
        expect(page.get_by_role("button", name="Make the demo bank")).to_be_visible()
        expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()
        assert page.get_by_test_id("stException").count() == 0
        page.get_by_role("button", name="中文").click()
        expect(page.get_by_role("button", name="生成演示银行")).to_be_visible()
        for entry in PAGES[1::3]:
            page.goto(f"{address}/{entry.address}?tier=9")
            expect(page.get_by_role("button", name="Make the demo bank")).to_be_visible()
            assert page.get_by_role("dialog").count() == 0
            page.wait_for_load_state("networkidle")
        leave(page)


def test_a_file_given_to_an_empty_home_leads_to_its_overview(tmp_path, visit):
    home, file = tmp_path / "home", tmp_path / "calls.csv"
    home.mkdir()
    file.write_text(bank_log.text())
    with server.serve(home, tmp_path / "server.log") as address:
        page = visit()
        page.goto(address)
        page.locator("input[type=file]").set_input_files(file)
        page.get_by_role("button", name="Import", exact=True).click()
        expect(page.locator(".st-key-panel_progress")).to_contain_text("Import")
        expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible(timeout=120_000)
        settled(page)
        expect(page.locator(".st-key-card_volume")).to_contain_text("56")
        expect(page.locator(".st-key-card_csat")).to_contain_text("not recorded by the feeds")
        leave(page)


def test_a_damaged_warehouse_is_explained_without_a_traceback(tmp_path, visit):
    home = tmp_path / "home"
    (home / "warehouse").mkdir(parents=True)
    (home / "warehouse" / "catalogue.sqlite").write_bytes(b"this is no catalogue" * 100)
    with server.serve(home, tmp_path / "server.log") as address:
        with pytest.raises(HTTPError, match="503"):
            urlopen(f"{address}/healthz")
        page = visit("zh")
        page.goto(address)
        expect(page.get_by_role("heading", name="暂时无法显示")).to_be_visible()
        assert "Traceback" not in page.content()
        expect(page.locator(".first-text").first).to_contain_text("已损坏")
        for entry in PAGES[1::3]:
            page.goto(f"{address}/{entry.address}?tier=9")
            expect(page.locator(".first-text").first).to_contain_text("从备份恢复")
            assert page.get_by_role("dialog").count() == 0
            page.wait_for_load_state("networkidle")
        leave(page)
