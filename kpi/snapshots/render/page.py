"""A copy as one HTML file: figures that can be pointed at, tables that can be sorted, no network."""

import json
import re
from datetime import date
from functools import cache
from html import escape
from pathlib import Path

from kpi import native
from kpi.charts import PALETTES
from kpi.charts.theme import css_variables
from kpi.i18n import phrase
from kpi.narrative.headline import Sentence
from kpi.output import json_value
from kpi.snapshots.render import data, pictures, words
from kpi.snapshots.render.report import Block, Report
from kpi.snapshots.render.tables import Entry, table

_TEMPLATE = Path(__file__).with_name("page.html")


def html(report: Report) -> bytes:
    """The file. The data of its figures and all rows of the data files lie in it as JSON."""
    charts: dict[str, object] = {}
    sections = "".join(_section(block, report, charts) for block in report.blocks)
    filled = {
        "language": "zh-CN" if report.language == "zh" else "en",
        "title": escape(report.title),
        "style": css_variables("light"),
        "head": "".join(f"<p class=head>{escape(line)}</p>" for line in words.opening(report)),
        "marks": "".join(f"<span class=mark>{escape(mark)}</span>" for mark in words.marks(report)),
        "changed": _changed(report),
        "sections": sections,
        "definitions": _definitions(report),
        "charts": _script(charts),
        "data": _script([row for rows in data.rows(report).values() for row in rows]),
        "vega": _bundle() if charts else "",
    }
    template = _TEMPLATE.read_text("utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: filled[found[1]], template).encode()


@cache
def _bundle() -> str:
    """Vega, Vega-Lite and what embeds them, as one script."""
    return native.script("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")


def _script(content: object) -> str:
    """JSON that no text within can end early."""
    return json.dumps(content, ensure_ascii=False, default=json_value).replace("<", "\\u003c")


def _changed(report: Report) -> str:
    if not report.sentences:
        return ""
    title = escape(phrase(report.language, "report_changed"))
    said = "".join(f"<p>{_sentence(one)}</p>" for one in report.sentences)
    return f"<section class=changed><h2>{title}</h2>{said}</section>"


def _sentence(sentence: Sentence) -> str:
    return "".join(
        f'<b class="{span.tone}">{escape(span.text)}</b>' if span.strong else escape(span.text) for span in sentence
    )


def _section(block: Block, report: Report, charts: dict[str, object]) -> str:
    title = words.title_of(block, report.language)
    inside = ""
    if block.section.kind == "headline":
        inside = "<div class=cards>" + "".join(_card(card) for card in words.cards(block, report)) + "</div>"
    elif block.kpis:
        spec = pictures.drawn(block, report, dict) if block.section.kind == "chart" else None
        figures = _table(block, report)
        if spec is not None:
            charts[block.section.id] = {**spec, "width": "container", "background": PALETTES["light"].background}
            name = escape(block.section.id, quote=True)
            failed = phrase(report.language, "chart_failed")
            said = escape(pictures.caption(block, report))
            inside = f"<p class=caption>{said}</p>"
            inside += f'<div class=chart role=img aria-label="{escape(title)}" data-chart="{name}"'
            inside += f' data-failed="{escape(failed)}"></div>'
            inside += f"<details><summary>{escape(phrase(report.language, 'report_data'))}</summary>{figures}</details>"
        else:
            inside = figures
    notes = "".join(f"<p class=note>{escape(note)}</p>" for note in words.notes(block, report))
    return f'<section id="{escape(block.section.id, quote=True)}"><h2>{escape(title)}</h2>{inside}{notes}</section>'


def _card(card: words.Card) -> str:
    return (
        f'<div class=card data-kpi="{card.kpi}"><div class=name>{escape(card.name)}</div>'
        f"<div class=value>{escape(card.value)}</div>"
        f'<div><span class="{card.tone}">{escape(card.change)}</span> <small>{escape(card.word)}</small></div>'
        f'<div class=foot><span class="{card.goal_tone}">{escape(card.target)}</span>'
        f"<small>{escape(card.n)}</small></div>"
        f"<small>{escape(card.foot)}</small></div>"
    )


def _table(block: Block, report: Report) -> str:
    found = table(block, report)
    heads = "".join(
        f'<th scope=col class="{"text" if one.kind == "name" else "number"}"><button>{escape(one.title)}</button></th>'
        for one in found.columns
    )
    lines = []
    for index, row in enumerate(found.rows):
        total = ' class="total"' if found.total and index == len(found.rows) - 1 else ""
        cells = (_cell(entry, column.kind == "name") for entry, column in zip(row, found.columns, strict=True))
        lines.append(f"<tr{total}>{''.join(cells)}</tr>")
    return f"<div class=wide><table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"


def _cell(entry: Entry, name: bool) -> str:
    if name:
        place = entry.place.toordinal() if isinstance(entry.place, date) else entry.place
        sorts = " data-last" if entry.unknown else "" if place is None else f' data-place="{place:.0f}"'
        return f"<th scope=row class=text{sorts}>{escape(entry.text)}</th>"
    number = "" if entry.number is None else f' data-value="{entry.number!r}"'
    change = f'<small class="{entry.tone}">{escape(entry.change)}</small>' if entry.change else ""
    pale = " class=pale" if entry.pale else ""
    return f"<td{number}{pale}>{escape(entry.text)}{change}</td>"


def _definitions(report: Report) -> str:
    language = report.language
    parts = []
    for one in words.definitions(report):
        terms = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in one.terms)
        parts.append(f"<details><summary>{escape(one.name)}</summary><dl>{terms}</dl></details>")
    feeds = "".join(f"<dt>{escape(name)}</dt><dd>{escape(until)}</dd>" for name, until in words.feeds(report))
    proof = "".join(
        f'<p class="{"" if holds else "worse"}">{"✓" if holds else "✕"} {escape(text)}</p>'
        for holds, text in words.proof(report)
    )
    basis = f"<h2>{escape(phrase(language, 'report_basis'))}</h2><dl>{feeds}</dl>{proof}"
    return f"<section><h2>{escape(phrase(language, 'report_definitions'))}</h2>{''.join(parts)}{basis}</section>"
