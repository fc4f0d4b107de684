"""A copy on paper (PDF) and its headline as a picture (PNG), set from one template. Both raise DrawingError."""

import json
import re
from datetime import UTC, datetime, time
from functools import cache
from pathlib import Path
from typing import Literal

from kpi import native
from kpi.charts import PALETTES, export
from kpi.i18n import catalogue, phrase
from kpi.snapshots.render import pictures, words
from kpi.snapshots.render.report import Block, Report
from kpi.snapshots.render.tables import table

_TEMPLATE = Path(__file__).with_name("document.typ")
_WIDTH = 700  # units that a figure is drawn in; on paper they are 176 mm
# A word that is longer than any of a sentence's, beside Chinese, which breaks anywhere; and its pieces.
_LONG_WORD, _PIECE = re.compile(r"[^\s\u2e80-\uffef]{21,}"), 5
_PIXELS = 144  # an inch, of the picture


def pdf(report: Report) -> bytes:
    """A4: the first page with the headline, then the sections, definitions at the end. Dated by the day it is due."""
    return _set(_content(report, "paper"), "pdf", report)


def png(report: Report) -> bytes:
    """The headline figures and what changed, for a chat."""
    return _set(_content(report, "card"), "png", report)


def _set(content: dict[str, str], form: Literal["pdf", "png"], report: Report) -> bytes:
    return native.paper(_source(), content, form, _PIXELS, datetime.combine(report.due, time(), tzinfo=UTC))


@cache
def _source() -> str:
    return _TEMPLATE.read_text("utf-8")


def _content(report: Report, form: str) -> dict[str, str]:
    """What the template reads, as one JSON text: texts stay texts there, whatever they hold."""
    language = report.language
    palette = PALETTES["light"]
    roles = {name: value for name, value in vars(palette).items() if isinstance(value, str)} | {"faint": palette.mute}
    paper = form == "paper"
    page = catalogue()["report_page"][language]
    content = {
        "form": form,
        "language": language,
        "palette": roles,
        "title": _soft(report.title),
        "head": [_soft(line) for line in words.opening(report)],
        "marks": words.marks(report),
        "sentences": [[vars(span) | {"text": _soft(span.text)} for span in sentence] for sentence in report.sentences],
        "sections": [_section(block, report, paper) for block in report.blocks],
        "definitions": [vars(one) for one in words.definitions(report)] if paper else [],
        "feeds": words.feeds(report),
        "proof": words.proof(report),
        "footer": _soft(" · ".join([report.title, words.period(report), *words.marks(report)])),
        "words": {
            "page": page,
            "changed": phrase(language, "report_changed"),
            "definitions": phrase(language, "report_definitions"),
            "basis": phrase(language, "report_basis"),
        },
    }
    # The font has no U+2715.
    return {"data": json.dumps(content, ensure_ascii=False).replace("✕", "×")}


def _soft(text: str) -> str:
    """A text whose long words may be broken anywhere: else they would run out of their column."""
    return _LONG_WORD.sub(lambda word: "\u200b".join(re.findall(f".{{1,{_PIECE}}}", word[0])), text)


def _section(block: Block, report: Report, paper: bool) -> dict[str, object]:
    kind = block.section.kind
    shown = table(block, report) if kind == "table" and block.kpis and paper else None
    svg = pictures.drawn(block, report, lambda spec: export.svg(spec, _WIDTH)) if kind == "chart" and paper else None
    return {
        "title": _soft(words.title_of(block, report.language)),
        "caption": pictures.caption(block, report) if svg else "",
        "cards": [vars(card) for card in words.cards(block, report)] if kind == "headline" else [],
        "svg": svg or "",
        "columns": [{"title": _soft(one.title), "kind": one.kind} for one in shown.columns] if shown else [],
        "rows": [
            [{"text": _soft(one.text), "change": one.change, "tone": one.tone, "pale": one.pale} for one in row]
            for row in shown.rows
        ]
        if shown
        else [],
        "total": shown.total if shown else False,
        "notes": [_soft(note) for note in words.notes(block, report)],
    }
