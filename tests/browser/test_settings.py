"""Targets are edited on the page Settings, in a real browser: a good row is kept, a bad one says why and stays."""

from dataclasses import replace
from datetime import date

import pytest
from playwright.sync_api import Locator, Page, expect

from kpi.settings import load_settings
from kpi.state import StateDatabase, Target
from kpi.state.targets import save_targets, targets
from tests.browser.server import after, settled

RATE = Target("self_service_rate", low=0.85, first=date(2026, 1, 1))
WAIT = Target("asa", high=30.0, first=date(2026, 1, 1))
KPI, LOW, FIRST, LAST = 1, 5, 7, 8  # columns, counted from 1
ROW = 31  # pixels of a row, and of the head


@pytest.fixture
def state(demo_home):
    """The state database of the server's home with two targets; its own are put back in the end."""
    opened = StateDatabase(load_settings({"KPI_HOME": str(demo_home)}))
    before = targets(opened)
    save_targets(opened, before, [WAIT, RATE], "ann")
    yield opened
    save_targets(opened, targets(opened), [replace(row, id=None) for row in before], "demo")
    opened.close()


def reach(page: Page, row: int, column: int) -> Locator:
    """Begin to write a cell of the table: a canvas, whose first column is clicked and the others reached by the
    keyboard. Gives the cell as a reader of the screen has it.
    """
    panel = page.locator(".st-key-panel_targets")
    box = panel.locator("canvas").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 80, box["y"] + ROW * (row + 1.5))
    expect(panel.get_by_test_id(f"glide-cell-{KPI}-{row}")).to_be_focused()
    for _ in range(column - 1):
        page.keyboard.press("ArrowRight")
    cell = panel.get_by_test_id(f"glide-cell-{column}-{row}")
    expect(cell).to_be_focused()
    page.keyboard.press("Enter")
    return cell


def write(page: Page, row: int, column: int, text: str) -> None:
    """Type a number into a cell."""
    cell = reach(page, row, column)
    page.locator("input.gdg-input").fill(text)
    after(page, lambda: page.keyboard.press("Enter"))
    expect(cell).to_have_text(text)


def test_a_target_is_changed_and_stands_on_the_card(visit, address, state):
    page = visit()
    page.goto(f"{address}/settings")
    settled(page)
    save = page.locator(".st-key-targets_save button")
    expect(save).to_be_disabled()
    write(page, 1, LOW, "99.5")
    after(page, save.click)
    expect(save).to_be_disabled()
    assert [(row.kpi, row.low, row.author) for row in targets(state)][1] == ("self_service_rate", 0.995, "local")
    page.goto(address)
    settled(page)
    expect(page.locator(".st-key-card_self_service_rate .kpi-target")).to_contain_text("target ≥99.5% ✕")


def test_a_last_day_is_set_and_a_row_is_added(visit, address, state):
    page = visit()
    page.goto(f"{address}/settings")
    settled(page)
    reach(page, 0, LAST)
    day = page.get_by_test_id("date-picker-cell")
    day.fill("2026-12-31")
    after(page, lambda: page.keyboard.press("Enter"))
    panel = page.locator(".st-key-panel_targets")
    expect(panel.get_by_test_id(f"glide-cell-{LAST}-0")).to_have_text("2026-12-31")
    box = panel.locator("canvas").first.bounding_box()
    page.mouse.click(box["x"] + 80, box["y"] + ROW * 3.5)  # the empty row below the others
    page.get_by_role("combobox").last.wait_for()
    page.keyboard.type("Satisfaction (")
    page.keyboard.press("Enter")
    expect(panel.get_by_test_id(f"glide-cell-{KPI}-2")).to_have_text("csat")
    # Enter leads one row down, below the new one.
    for key in ("ArrowUp", *["ArrowRight"] * (FIRST - KPI), "Enter"):
        page.keyboard.press(key)
    day.fill("2026-02-01")
    after(page, lambda: page.keyboard.press("Enter"))
    for key in ("ArrowUp", *["ArrowLeft"] * (FIRST - LOW), "Enter"):
        page.keyboard.press(key)
    page.locator("input.gdg-input").fill("80")
    after(page, lambda: page.keyboard.press("Enter"))
    save = page.locator(".st-key-targets_save button")
    after(page, save.click)
    expect(save).to_be_disabled()
    assert [(row.kpi, row.low, row.high, row.first, row.last) for row in targets(state)] == [
        ("asa", None, 30.0, date(2026, 1, 1), date(2026, 12, 31)),
        ("csat", 0.8, None, date(2026, 2, 1), None),
        ("self_service_rate", 0.85, None, date(2026, 1, 1), None),
    ]


def test_trap_a_bad_row_says_why_and_loses_nothing(visit, address, state):
    page = visit("zh")
    page.goto(f"{address}/settings")
    settled(page)
    write(page, 0, LOW, "5")
    write(page, 1, LOW, "90")
    after(page, page.locator(".st-key-targets_save button").click)
    expect(page.get_by_test_id("stAlert")).to_contain_text("第 1 行：asa 越低越好")
    expect(page.locator(".st-key-panel_targets").get_by_test_id(f"glide-cell-{LOW}-1")).to_have_text("90")
    assert [row.low for row in targets(state)] == [None, 0.85]
