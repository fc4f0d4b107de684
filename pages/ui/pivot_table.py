"""The pivot as a table of the page: figures to read, each leading to the rows behind it."""

from collections.abc import Mapping, Sequence
from html import escape

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_change, format_count, format_value
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS
from kpi.narrative.change_tone import goodness
from kpi.pivot import ALL, Names, Pivot, Place, has_total
from kpi.query.answer import Cell
from kpi.query.cell_rules import few
from kpi.query.question import Filter
from kpi.targets import target_text
from pages.address import state
from pages.address.view import STEPS, WAYS
from pages.ui import cards

# What is told of a cell -> its column's name where each has one.
_FIELDS = {
    "value": "chart_value",
    "previous": "chart_compared",
    "change": "chart_change",
    "target": "define_target",
    "interval": "pivot_interval",
    "n": "table_n",
}


def table(pivot: Pivot, names: Names, detail: bool, language: Language) -> str:
    """The pivot as HTML, the total last and in bold. ``detail`` adds the interval and n.

    By one dimension each thing told of a figure has a column: value, comparison, change. By two dimensions there is a
    column a value of the second one, and the change stands under the figure. Targets, where there are any, have a
    column too; by two dimensions only with the details.
    """
    fields = {kpi: _fields_of(pivot, kpi, detail) for kpi in pivot.kpis}
    title = phrase(language, "explore_pivot")
    body = "".join(_row(pivot, row, names, fields, language) for row in pivot.row_places)
    return (
        f'<div class="pivot" role="region" tabindex="0" aria-label="{escape(title, quote=True)}"><table>'
        f"<thead>{_head(pivot, names, fields, language)}</thead><tbody>{body}</tbody></table></div>"
    )


def _fields_of(pivot: Pivot, kpi: str, detail: bool) -> list[str]:
    """What is told of the figures of one KPI."""
    fields = ["value"]
    if pivot.whole.question.compare is not None:
        fields += ["change"] if pivot.cols is not None else ["previous", "change"]
    own = (pivot.cell(*place) for place in _places(pivot) if place[0] == kpi)
    if any(cell is not None and cell.goal is not None for cell in own):
        fields += ["target"] if pivot.cols is None or detail else []
    return [*fields, *(["interval", "n"] if detail else [])]


def remarks(pivot: Pivot, names: Names, language: Language) -> list[str]:
    """What has to be said under the table: what is left out, what does not add up and why."""
    said = []
    for axis in (pivot.rows, pivot.cols):
        if axis is not None and axis.left_out:
            said.append(
                phrase(
                    language,
                    "explore_left_out",
                    dimension=DIMENSIONS[axis.dimension].name(language),
                    shown=len(axis.values),
                    left_out=axis.left_out,
                )
            )
    for kpi in pivot.kpis:
        name = cards.metric_title(METRICS[kpi], language)
        if twice := pivot.counted_twice(kpi):
            said.append(
                phrase(language, "explore_counted_twice", kpi=name, count=format_count(twice, language, compact=False))
            )
        if pivot.rows is not None and not has_total(METRICS[kpi]):
            said.append(phrase(language, "explore_no_total", kpi=name))
    if any((cell := pivot.cell(kpi, row, col)) is not None and few(cell) for kpi, row, col in _places(pivot)):
        said.append(phrase(language, "explore_small"))
    return said


def _places(pivot: Pivot) -> list[tuple[str, Place, Place]]:
    return [(kpi, row, col) for row in pivot.row_places for kpi in pivot.kpis for col in pivot.col_places]


def _head(pivot: Pivot, names: Names, fields: Mapping[str, Sequence[str]], language: Language) -> str:
    """Two lines: the KPIs, and under each the values of the second dimension, or the fields."""
    first = DIMENSIONS[pivot.rows.dimension].name(language) if pivot.rows is not None else ""
    second: list[tuple[str, bool]] = []
    if pivot.cols is not None:
        second = [(pivot.cols.name(col, names, language), col is ALL) for col in pivot.col_places]
    under = {kpi: second or [(phrase(language, _FIELDS[field]), False) for field in fields[kpi]] for kpi in pivot.kpis}
    groups = "".join(
        f'<th scope="colgroup" colspan="{len(columns)}">{escape(cards.metric_title(METRICS[kpi], language))}</th>'
        for kpi, columns in under.items()
    )
    names_of = "".join(
        f'<th scope="col"{_class(whole)}>{escape(name)}</th>' for columns in under.values() for name, whole in columns
    )
    return f'<tr><th scope="col" rowspan="2">{escape(first)}</th>{groups}</tr><tr>{names_of}</tr>'


def _class(whole: bool) -> str:
    return ' class="whole"' if whole else ""


def _row(pivot: Pivot, row: Place, names: Names, fields: Mapping[str, Sequence[str]], language: Language) -> str:
    name = phrase(language, "pivot_all") if pivot.rows is None else pivot.rows.name(row, names, language)
    cells = []
    for kpi in pivot.kpis:
        for col in pivot.col_places:
            told = _figures(pivot, kpi, row, col, language)
            shown = [told.get(field, "") for field in fields[kpi]]
            if pivot.cols is not None:
                shown = ["<br>".join(one for one in shown if one)]
            whole = row is ALL or (col is ALL and pivot.cols is not None)
            cells += [f"<td{_class(whole)}>{one}</td>" for one in shown]
    return f'<tr{_class(row is ALL)}><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>'


def _figures(pivot: Pivot, kpi: str, row: Place, col: Place, language: Language) -> dict[str, str]:
    """Field -> what a cell tells of it, as HTML; a field that it has nothing for is not there."""
    cell, metric = pivot.cell(kpi, row, col), METRICS[kpi]
    if cell is None:
        return {"value": "–"}
    if cell.value is None:
        reason = escape(phrase(language, f"reason_{cell.reason}"), quote=True)
        return {"value": f'<span title="{reason}">–<span class="sr"> {reason}</span></span>'}
    text = escape(format_value(cell.value, metric.unit, language))
    if (steps := _steps(pivot, row, col)) is not None and cell.n:
        text = f'<a href="{escape(state.drill_link(kpi, steps), quote=True)}" target="_self">{text}</a>'
    shown = f'<span class="small">{text}*</span>' if few(cell) else text
    told = {"value": shown + cards.arriving(cell, language)}
    if cell.previous is not None:
        told["previous"] = f"<small>{escape(format_value(cell.previous, metric.unit, language))}</small>"
    if cell.change is not None:
        tone = {1: "better", -1: "worse"}.get(goodness(cell, metric), "")
        told["change"] = f'<small class="{tone}">{escape(format_change(cell, metric.unit, language))}</small>'
    if cell.goal is not None:
        told["target"] = f"<small>{_target(cell, metric, language)}</small>"
    if cell.low is not None and cell.high is not None:
        low, high = (format_value(end, metric.unit, language, compact=False) for end in (cell.low, cell.high))
        told["interval"] = f"<small>{escape(low)} – {escape(high)}</small>"
    if cell.n is not None:
        count = format_count(cell.n, language, compact=False)
        told["n"] = f"<small>{count if pivot.cols is None else f'n {count}'}</small>"
    return told


def _target(cell: Cell, metric: Metric, language: Language) -> str:
    """The target of a figure with the mark of its being met, and below what was before, as HTML."""
    assert cell.goal is not None
    told = escape(target_text.band_text(cell.goal, metric, language))
    if cell.met is not None:
        word = escape(target_text.verdict(cell, language))
        mark = f'{target_text.mark(cell)}<span class="sr">{word}</span>'
        told += f' <b class="{target_text.tone_of(cell)}" title="{word}">{mark}</b>'
    before = escape(target_text.since(cell, metric, language))
    return f"{told}<br>{before}" if before else told


def _steps(pivot: Pivot, row: Place, col: Place) -> Sequence[Filter] | None:
    """The way down to a cell's rows; None where a dimension of it cannot be drilled by."""
    steps = []
    for axis, place in ((pivot.rows, row), (pivot.cols, col)):
        if axis is None or place is ALL:
            continue
        if axis.dimension not in STEPS or (place is None and axis.dimension not in WAYS):
            return None
        steps.append(Filter(axis.dimension, ("" if place is None else str(place),)))
    return steps
