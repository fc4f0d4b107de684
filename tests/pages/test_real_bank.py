"""Every page of a bank whose one feed records little: calls, and neither customers nor answers nor self-service."""

import re

import pytest

from kpi.i18n import phrase
from kpi.ingest import import_file
from kpi.settings import load_settings
from kpi.warehouse import Warehouse
from pages.page_specs import PAGES
from pages.ui.cards import title
from tests.ingest import bank_log
from tests.pages.test_overview import html

# The pages with cards, and those of their figures that such a feed cannot carry, by hand.
NOT_RECORDED = {
    "overview": "self_service_rate csat long_tail_coverage fcr",
    "channels": "wechat_phone_multiple",
    "self_service": "self_service_rate",
    "satisfaction": "csat nps ces fcr complaint_rate",
    "desk": "occupancy",
    "journeys": "referral_rate end_to_end",
    "long_tail": "long_tail_coverage tail_unreached_year top20_share tail_nps tier_upgrade_rate",
    "tiers": "self_service_rate csat long_tail_coverage fcr tier_upgrade_rate",
}


@pytest.fixture(scope="module")
def bank_home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    file = folder / "calls.csv"
    file.write_text(bank_log.text())
    warehouse = Warehouse.from_settings(load_settings({"KPI_HOME": str(folder / "home"), "KPI_MEMORY": "1"}))
    import_file(warehouse, file, "bank_calls")
    warehouse.close()
    return folder / "home"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("entry", [entry.id for entry in PAGES])
def test_every_page_opens_and_says_what_is_not_recorded(bank_home, open_page, entry, language):
    app = open_page(bank_home, entry, lang=language)
    assert not app.exception
    assert app.title[0].value == phrase(language, f"page_{entry}")
    reason = phrase(language, "reason_not_recorded")
    for kpi in NOT_RECORDED.get(entry, "").split():
        assert _figure(app, kpi, language).split() == ["–", *reason.split()], kpi


def test_the_calls_hung_up_in_the_menu_stand_in_the_drill_down(bank_home, open_page):
    app = open_page(bank_home, lang="en", drill="volume", by="abandoned_stage")
    assert not app.exception
    stages = [button.label for button in app.button if button.key.startswith("down_abandoned_stage_")]
    calls = [found[1] for body in html(app) if (found := re.match(r'<div class="part.*?<strong[^>]*>(\d+)<', body))]
    assert dict(zip(stages, calls, strict=True)) == {"Menu": "10", "Queue": "13", "Not hung up": "33"}


@pytest.mark.parametrize("period", ["yesterday", "ytd"])
def test_periods_other_than_the_usual_open_too(bank_home, open_page, period):
    for entry in ("overview", "long_tail", "tiers"):
        assert not open_page(bank_home, entry, lang="en", period=period, compare="year").exception


def _figure(app, kpi, language):
    """The words in the place of a card's figure."""
    shown = next(body for body in html(app) if f'<div class="kpi-label">{title(kpi, language)}</div>' in body)
    return re.sub(r"<[^>]+>", " ", re.findall(r'<div class="kpi-value">(.*?)</div>', shown)[0])
