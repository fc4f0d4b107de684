"""A copy: the same when it is made again, its recipient's own, never blank, and told what it stands on."""

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from html import unescape
from io import BytesIO
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pypdf
import pytest

from kpi.errors import InputError, NotApplicable, UnknownName
from kpi.i18n import LANGUAGES, Language, phrase
from kpi.query import Filter, Question, Scope, answer
from kpi.settings import load_settings
from kpi.snapshots.definition_file import READY, load
from kpi.snapshots.deliver.message import message_of
from kpi.snapshots.model import Definition, Format, Recipient, Rendered, Revision, Section, SectionKind
from kpi.snapshots.render import render
from kpi.snapshots.validation import problems_of
from kpi.warehouse import Warehouse
from tests.reports.conftest import ALL, DEFINITION, DUE, NOBODY_CALLED, TARGETS, copy
from tests.reports.test_equal import file
from tests.world import World, make

FORMATS: tuple[Format, ...] = ("xlsx", "pdf", "html", "png", "csv", "parquet")


def words_of(rendered: Rendered, ending: str) -> str:
    """All text of a file."""
    content = file(rendered, ending)
    match ending:
        case ".pdf":
            return "\n".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(content)).pages)
        case ".xlsx":
            book = openpyxl.load_workbook(BytesIO(content))
            cells = [one for sheet in book for line in sheet.iter_rows() for one in line if one.value is not None]
            # A number format may be a text that is shown in the place of a day.
            return "\n".join(str(one.number_format if one.number_format[0] == '"' else one.value) for one in cells)
        case ".parquet":
            return json.dumps(pq.read_table(BytesIO(content)).to_pylist(), default=str, ensure_ascii=False)
    return content.decode("utf-8-sig")


def test_every_file_is_the_same_when_made_again(bank: Warehouse) -> None:
    first, again = copy(bank), copy(bank)
    assert [name for name in first.files if first.files[name] != again.files[name]] == []
    assert first.figures == again.figures


def test_the_manifest_tells_what_it_stands_on(rendered: Rendered) -> None:
    told = rendered.manifest
    assert {name: one["sha256"] for name, one in told["files"].items()} == {
        name: sha256(content).hexdigest() for name, content in rendered.files.items() if name != "manifest.json"
    }
    assert len(told["files"]) == len(FORMATS)
    assert told["warehouse_version"] == rendered.version
    assert told["period"] == {"from": "2026-03-02", "to": "2026-03-08"}
    assert told["compared"] == {"from": "2026-02-23", "to": "2026-03-01"}
    assert told["time_zone"] == "Asia/Shanghai"
    assert told["synthetic"] is True
    assert told["proof"]["holds"] is rendered.holds is True
    assert set(told["as_of"]) == {"hotline", "vip", "chat", "wechat", "sms"}
    assert told["kpis"]["csat"] == {"formula_version": 1}
    assert told["rows"] == rendered.rows
    assert "file:///out" not in rendered.files["manifest.json"].decode(), "a target may be an address"


def test_synthetic_data_say_so(rendered: Rendered) -> None:
    mark = phrase(rendered.manifest["language"], "synthetic")
    assert all(mark in words_of(rendered, ending) for ending in (".pdf", ".xlsx", ".html"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_period_says_no_data(bank: Warehouse, language: Language) -> None:
    found = copy(bank, NOBODY_CALLED, language=language)
    assert found.empty
    said = phrase(language, "report_no_data")
    for ending in (".pdf", ".xlsx", ".html", ".csv", ".parquet"):
        assert re.sub(r"\s", "", said) in re.sub(r"\s", "", words_of(found, ending)), ending
    assert file(found, ".png").startswith(b"\x89PNG")
    assert len(file(found, ".png")) > 10_000
    assert found.manifest["empty"] is True
    assert not any(found.figures[key] for key in found.figures if key[1] == "volume")


def test_a_scope_decides_what_is_in_the_copy(bank: Warehouse) -> None:
    hotline = Recipient("desk", "file:///out", Scope((Filter("channel", ("hotline",)),)), "en")
    whole, own = copy(bank), copy(bank, who=hotline)
    assert own.figures["volume", "volume", ""] == 7
    assert whole.figures["volume", "volume", ""] != 7
    keys = {key for _, _, key in own.figures if "channel=" in key}
    assert keys
    assert all("channel=hotline" in key for key in keys)
    assert "wechat" not in words_of(own, ".csv")
    assert own.manifest["scope"]["filters"] == [{"dimension": "channel", "values": ["hotline"]}]


@pytest.mark.parametrize(
    ("language", "count", "named"),
    [
        ("en", "Revision 3: 2 figures changed since revision 1", "satisfaction (channel hotline)"),
        ("zh", "第 3 版：与第 1 版相比，2 个数字有变化", "满意率 (渠道 hotline)"),
    ],
)
def test_a_revision_says_on_its_first_page_what_changed(
    bank: Warehouse, language: Language, count: str, named: str
) -> None:
    was = dict(copy(bank, formats=()).figures)
    was["headline", "volume", ""] = 20.0
    was["grid", "csat", "channel=hotline"] = 0.25
    found = copy(bank, language=language, formats=("xlsx", "pdf", "html"), revision=Revision(3, 1, was))
    sentence, volume, csat = found.manifest["text"]["revision"]
    assert sentence == count
    assert volume.endswith(" 20 → 25 (+5)")
    assert csat.startswith(f"{named} 25.00% → 50.00% (+25.00")
    for ending in (".xlsx", ".pdf", ".html"):
        said = re.sub(r"\s", "", words_of(found, ending))
        assert all(re.sub(r"\s", "", one) in said for one in (sentence, volume, csat)), ending
    assert message_of(found, "weekly.r3", load_settings()).subject.count(count) == 1
    assert copy(bank, formats=()).manifest["text"]["revision"] == []


def test_a_message_tells_the_headline_figures_and_leads_to_the_run(rendered: Rendered, monkeypatch) -> None:
    monkeypatch.setenv("KPI_PUBLIC_URL", "https://kpi.bank.example")
    said = message_of(rendered, "weekly.r1", load_settings()).lines
    (volume,) = [line for line in said if line.startswith(("Interactions ", "业务量 "))]
    assert f" {rendered.figures['headline', 'volume', '']:.0f}" in volume
    (rate,) = [line for line in said if line.startswith(("Self-service rate", "自助"))]
    assert "90%" in rate, "its target"
    assert "https://kpi.bank.example/snapshots?run=weekly.r1" in said[-1]


def test_the_service_level_goes_by_the_formula_that_is_named(bank: Warehouse) -> None:
    head = (Section("headline", "headline", ("service_level",)),)
    for formula in ("SL1", "SL2", "SL3"):
        found = copy(bank, sections=head, formats=("csv",), service_level=formula)
        question = Question(("service_level",), found.period, service_level=formula)
        assert found.figures["headline", "service_level", ""] == answer(bank, question).cell("service_level").value
        assert found.manifest["service_level"] == formula


@pytest.mark.parametrize("kind", ["table", "chart"])
def test_agents_are_left_out_for_who_may_not_see_them(bank: Warehouse, kind: SectionKind) -> None:
    sections = (Section("agents", kind, ("volume",), ("agent",)), Section("teams", "table", ("volume",), ("team",)))
    blind = Recipient("outside", "file:///out", Scope(see_agents=False))
    whole, own = (copy(bank, who=who, sections=sections, formats=FORMATS) for who in (ALL, blind))
    said = phrase("en", "agents_left_out")
    assert "agents" in {section for section, _, _ in whole.figures}
    assert {section for section, _, _ in own.figures} == {"teams"}
    assert own.rows["agents"] == 0
    for ending in (".html", ".pdf", ".xlsx"):
        assert re.sub(r"\s", "", said) in re.sub(r"\s", "", unescape(words_of(own, ending))), ending
        assert re.sub(r"\s", "", said) not in re.sub(r"\s", "", unescape(words_of(whole, ending))), ending
    for ending in (".html", ".csv", ".xlsx", ".parquet"):
        assert "a1" in words_of(whole, ending), ending
        assert not re.search(r"\ba1\b", words_of(own, ending)), ending


def test_small_cells_are_hidden_in_the_copy_too(bank: Warehouse) -> None:
    careful = Recipient("other", "file:///out", Scope(see_interactions=False))
    found = copy(bank, who=careful, formats=("csv", "html", "xlsx"))
    assert any("hidden" in line for line in words_of(found, ".csv").splitlines())
    assert found.figures["tiers", "volume", "tier=5"] is None
    said = words_of(found, ".html")
    assert '<th scope=row class=text data-place="5">5★</th><td>*</td>' in said
    assert "* hidden: too few customers" in said


def test_a_kpi_that_cannot_be_filtered_so_is_named(bank: Warehouse) -> None:
    found = copy(bank, filters=(Filter("topic", ("loan",)),), formats=("html", "pdf"))
    left = [kpi for kpi in ("long_tail_coverage",) if not any(one == kpi for _, one, _ in found.figures)]
    said = words_of(found, ".html")
    for kpi in left:
        assert phrase("en", "report_left_out", kpis="").strip() in said, kpi


def test_a_window_that_is_open_shows_the_last_full_one(tmp_path: Path) -> None:
    world, warehouse = World(), make(tmp_path, "duckdb")
    world.topic("card")
    for day in range(1, 16):
        world.contact("call", f"2026-03-{day:02} 09:00", customer_key=world.customer(day), topic="card")
    world.publish(warehouse, "2026-03-16 00:00")
    found = copy(warehouse, date(2026, 3, 16), period="yesterday", formats=("csv", "pdf"))
    warehouse.close()
    assert found.figures["headline", "fcr", ""] is None
    assert found.figures["headline", "fcr", "@2026-03-08/2026-03-08"] == 1
    assert found.manifest["mature"] == {"fcr": {"from": "2026-03-08", "to": "2026-03-08"}}
    assert phrase("en", "card_mature_period", period="8 Mar") in words_of(found, ".pdf")


def test_text_that_looks_like_a_formula_is_text(tmp_path: Path) -> None:
    world, names = World(), ["=1+1", "+cmd", "-2", "@sum", "</script><script>alert(1)</script>", "#set page()"]
    for name in names:
        world.topic(name)
        world.contact("call", "2026-03-02 09:00", topic=name)
    warehouse = make(tmp_path, "duckdb")
    world.publish(warehouse, "2026-03-09 00:00")
    section = Section("=topics", "table", ("volume",), ("topic",), ("=标题", "=Title"))
    definition = Definition("x", ("=报告", "=Report"), (section,), "last_week", formats=FORMATS)
    found = render(warehouse, definition, ALL, DUE)
    warehouse.close()
    book = openpyxl.load_workbook(BytesIO(file(found, ".xlsx")))
    texts = {one.value: one.data_type for sheet in book for line in sheet.iter_rows() for one in line}
    assert {texts[name] for name in [*names, "=报告", "=标题"]} == {"s"}
    assert not any(kind == "f" for kind in texts.values())
    assert "'=1+1" in words_of(found, ".csv")
    assert "alert(1)</script>" not in words_of(found, ".html")
    assert "#set page()" in words_of(found, ".pdf")


def test_trap_long_names_leave_the_figures_their_room_on_paper(tmp_path: Path) -> None:
    """Numbers stood over each other beside a name of 118 letters; what is one word wraps too."""
    names = ["a very long name " * 7, "很长的名称" * 24, "x" * 118]
    world = World()
    for number, name in enumerate(names):
        world.topic(name[:118])
        for minute in range(100 + number):
            at = f"2026-03-0{2 + number} {10 + minute // 60}:{minute % 60:02}"
            world.contact("call", at, topic=name[:118], csat_asked=True, csat_score=5 if minute % 2 else 1)
    warehouse = make(tmp_path, "duckdb")
    world.publish(warehouse, "2026-03-09 00:00")
    kpis = ("volume", "csat", "answer_rate", "aht", "wait_p90")
    sections = (Section("a", "table", kpis, ("topic",)), Section("b", "table", ("volume",), ("date", "topic")))
    definition = Definition("x", ("x" * 118, "x" * 118), sections, "last_week", None, formats=("pdf",), language="en")
    found = render(warehouse, definition, ALL, DUE)
    warehouse.close()
    pages = pypdf.PdfReader(BytesIO(file(found, ".pdf"))).pages
    text = "\n".join(page.extract_text(extraction_mode="layout") for page in pages)
    for volume, share in ((100, "50.00%"), (101, "49.50%"), (102, "50.00%")):
        assert re.search(rf"(?<!\d){volume} +{share} ", text), text
    assert text.replace("\u200b", "").replace("\n", "").count("x" * 20), "the word is broken, not cut"


def test_a_table_of_a_year_repeats_its_heads_on_every_page(tmp_path: Path) -> None:
    world = World()
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(360)]
    for day in days:
        world.contact("call", f"{day} 09:00")
    warehouse = make(tmp_path, "duckdb")
    world.publish(warehouse, f"{days[-1] + timedelta(days=1)} 00:00")
    section = Section("days", "table", ("volume",), ("date",))
    definition = Definition("x", ("", "Year"), (section,), "year_to_date", None, formats=("pdf", "xlsx"), language="en")
    found = render(warehouse, definition, ALL, days[-1] + timedelta(days=1))
    warehouse.close()
    texts = [page.extract_text() for page in pypdf.PdfReader(BytesIO(file(found, ".pdf"))).pages]
    rows = [re.findall(r"^\d+ (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) 1$", text, re.M) for text in texts]
    assert sum(map(len, rows)) == len(days)
    for text, on_page in zip(texts, rows, strict=True):
        assert len(re.findall("^Date Interactions$", text, re.M)) == (1 if on_page else 0)
    sheet = openpyxl.load_workbook(BytesIO(file(found, ".xlsx"))).worksheets[1]
    named = [sheet.cell(row, 1) for row in range(7, 7 + len(days))]
    assert [cell.value.date() for cell in named] == days
    assert {cell.number_format for cell in named} == {"yyyy-mm-dd"}


def test_trap_titles_of_emoji_make_sheets_and_charts(bank: Warehouse) -> None:
    """Excel counts units of UTF-16: 31 of Python's letters were too many, and the run waited for ever."""
    titles = ["😀" * 40, "😀" * 40, "History", "'Quoted'", "渠道/星级 [全部]: 本周*?", "😀" * 15 + "ab"]
    sections = tuple(
        Section(f"s{number}", "chart", ("volume",), ("channel",), (title, title)) for number, title in enumerate(titles)
    )
    definition = replace(DEFINITION, sections=sections, formats=("xlsx",))
    assert problems_of([definition]) == []
    found = render(bank, definition, ALL, DUE)
    sheets = openpyxl.load_workbook(BytesIO(file(found, ".xlsx"))).worksheets[1:-2]
    assert [sheet.title for sheet in sheets] == [
        "😀" * 15, "😀" * 14 + " 2", "History 2", "Quoted", "渠道星级 全部 本周", "😀" * 15 + "a",
    ]  # fmt: skip
    for sheet in sheets:
        (series,) = sheet._charts[0].series
        assert series.val.numRef.f.replace("'", "").startswith(f"{sheet.title}!$B$")


def test_a_past_version_is_rendered_again(tmp_path: Path) -> None:
    world, warehouse = World(), make(tmp_path, "ducklake")
    world.contact("call", "2026-03-02 09:00")
    world.publish(warehouse, "2026-03-09 00:00")
    first = copy(warehouse, formats=("csv", "parquet"))
    world.contact("call", "2026-03-03 09:00")
    world.publish(warehouse, "2026-03-10 00:00")
    definition = replace(DEFINITION, formats=("csv", "parquet"))
    again = render(warehouse, definition, ALL, DUE, targets=TARGETS, version=first.version)
    late = render(warehouse, definition, ALL, DUE, targets=TARGETS)
    warehouse.close()
    assert again.files == first.files
    assert (first.figures["volume", "volume", ""], late.figures["volume", "volume", ""]) == (1, 2)


@pytest.mark.parametrize(
    ("section", "error"),
    [
        (Section("a", "table", ("nothing",)), UnknownName),
        (Section("a", "table", ("volume",), ("function",)), NotApplicable),
        (Section("a", "table", ("volume",), ("channel", "tier", "topic")), InputError),
    ],
)
def test_what_cannot_be_asked(bank: Warehouse, section: Section, error: type[Exception]) -> None:
    with pytest.raises(error):
        copy(bank, sections=(section,))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [one.name for one in load(READY.read_text("utf-8"))])
def test_the_ready_made(bank: Warehouse, name: str, language: Language) -> None:
    definition = next(one for one in load(READY.read_text("utf-8")) if one.name == name)
    definition = replace(definition, language=language)
    due = date(2026, 4, 1) if definition.period == "last_month" else DUE
    found = render(bank, definition, ALL, due)
    assert not found.empty
    assert found.holds
    assert {name.rpartition(".")[2] for name in found.files} == {*definition.formats, "json"}
    assert definition.title[0 if language == "zh" else 1] in words_of(found, ".pdf").replace("\n", "")
    assert not definition.recipients
