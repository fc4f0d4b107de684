"""The pages of the long tail and of the tiers on a small demo bank, without a browser."""

import pyarrow as pa
import pytest

from kpi.i18n.formats import format_value
from kpi.metrics.registry import METRICS, SECTIONS
from pages.ui.cards import title
from pages.views import long_tail, tiers
from tests.pages.test_overview import asked, card, text

PAGES = {"long_tail": long_tail.HEADLINES, "tiers": tiers.HEADLINES}
NAMES = {
    "long_tail_coverage": ("长尾覆盖率", "Tail coverage"),
    "tail_served_average": ("日均覆盖长尾", "Tail served a day"),
    "top20_share": ("二八集中度（价值）", "Top-20 % of value"),
    "tier_upgrade_rate": ("星级提升率", "Tier upgrades"),
    "self_service_rate": ("自助化率", "Self-service rate"),
    "csat": ("满意率", "Satisfaction"),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("language", "position"), [("zh", 0), ("en", 1)])
def test_the_cards_say_what_the_warehouse_answers(demo_home, open_page, page, language, position):
    app = open_page(demo_home, page, lang=language)
    assert not app.exception
    answered = asked(PAGES[page])
    shown = set(NAMES) & set(PAGES[page])
    assert len(shown) >= 4
    for kpi in shown:
        value = format_value(answered.cell(kpi).value, METRICS[kpi].unit, language)
        assert value in card(app, NAMES[kpi][position]), kpi


def test_the_long_tail_names_its_rule_and_says_that_it_is_no_cause(demo_home, open_page):
    said = text(open_page(demo_home, "long_tail", lang="zh"))
    assert "长尾＝2026-09 价值排名前 20% 以外的在户客户" in said
    assert "不说明因果" in said


def test_trap_a_year_that_is_not_there_yet_is_a_dash_with_its_reason(demo_home, open_page):
    # The small bank is 70 days old.
    assert "window still open" in card(open_page(demo_home, "long_tail", lang="en"), "Not reached in a year")


@pytest.fixture
def drawn_rows(monkeypatch):
    """The rows of data of every figure that is drawn."""
    rows: list[dict[str, object]] = []

    def record(spec, **_more):
        rows.extend(
            row for data in spec["datasets"].values() for row in pa.ipc.open_stream(data).read_all().to_pylist()
        )

    monkeypatch.setattr("streamlit.vega_lite_chart", record)
    return rows


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_by_tier_is_what_the_query_says(demo_home, open_page, drawn_rows, section):
    app = open_page(demo_home, "tiers", lang="en", section=section, period="7d", compare="none")
    assert not app.exception
    assert not app.warning
    drawn = {(row["name"], row["tier"]): row["full"] for row in drawn_rows if {"name", "full", "shade"} <= set(row)}
    kpis = tiers.of_section(section)
    whole, parts = asked(kpis, 7), asked(kpis, 7, by=("tier",))
    compared = 0
    for cell in (*whole.cells, *parts.cells):
        # A tier that only the comparison knows of has no cell where nothing is compared.
        if cell.value is None or not cell.n or (cell.key and cell.key[0] is None):
            continue
        tier = f"{cell.key[0]}★" if cell.key else "All"
        told = format_value(cell.value, METRICS[cell.kpi].unit, "en", compact=False)
        assert drawn[title(cell.kpi, "en"), tier] == told, (cell.kpi, tier)
        compared += 1
    assert compared > len(kpis) // 2


def test_every_kpi_that_has_tiers_is_in_a_section():
    shown = {kpi for section in SECTIONS for kpi in tiers.of_section(section)}
    assert shown == {kpi for kpi, metric in METRICS.items() if "tier" in metric.dimensions}


def test_the_course_is_that_of_the_chosen_kpi(demo_home, open_page):
    app = open_page(demo_home, "tiers", lang="en", kpi="csat")
    (chosen,) = (box for box in app.selectbox if not box.key.startswith("send_"))
    assert chosen.value == "csat"
    chosen.select("volume").run()
    assert not app.exception
    assert app.query_params["kpi"] == "volume"


def test_bad_sections_and_kpis_are_named(demo_home, open_page):
    app = open_page(demo_home, "tiers", lang="en", section="fax", kpi="fame")
    assert not app.exception
    said = " ".join(warning.value for warning in app.warning)
    assert "fax" in said
    assert "fame" in said
    # A KPI without a course by tier is no error of the link: the page shows its own.
    assert not open_page(demo_home, "tiers", lang="en", kpi="occupancy").exception


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "params",
    [
        {"channel": "vip", "age_band": "<25", "tier": "7", "period": "yesterday"},
        {"segment": "top", "compare": "year", "period": "ytd"},
        {"topic": "unknown", "compare": "none", "period": "7d"},
    ],
)
def test_narrow_and_long_selections_are_no_error(demo_home, open_page, page, params):
    assert not open_page(demo_home, page, lang="zh", **params).exception
