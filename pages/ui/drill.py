"""The drill-down: a figure split by tier, channel, topic, team, agent, down to the contacts that it counts.

In a drawer over any page. Every step is in the address; the rows are paged and sorted by the database, masked, and as
many as the figure says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from io import BufferedRandom, BufferedReader, TextIOWrapper
from tempfile import TemporaryFile

import streamlit as st

from kpi.charts import Style
from kpi.charts.theme import value_colour
from kpi.errors import KpiError
from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_change, format_count, format_period, format_value
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS
from kpi.narrative.additivity import additivity
from kpi.narrative.caveats import caveats_of
from kpi.narrative.change_tone import goodness
from kpi.pivot import days_name, value_name
from kpi.query.answer import Answer, Cell
from kpi.query.buckets import cut_of, span_of
from kpi.query.cell_rules import few
from kpi.query.question import Filter, Question
from kpi.query.rows import RowsPage
from kpi.table_file import SHEET_ROWS, file_name, marked, write_frame
from kpi.tables import column_name, dimensions_of, of_rows
from kpi.targets import target_text
from kpi.targets.resolution import days_on_target
from kpi.targets.target_text import Days
from kpi.warehouse.published import Published
from pages.address import state
from pages.address.explore_choice import TIMES
from pages.address.parsing import read_drill, time_value
from pages.address.view import UNKNOWN, WAYS, View
from pages.data import cache
from pages.ui import cards, components, drivers

_SIZE = 50
_LISTED = 12  # parts with a bar of their own; the others can be chosen from a list


def show(view: View, published: Published, style: Style) -> None:
    """Open what ``view.drill`` is made of; closing takes it out of the address."""
    assert view.drill is not None
    name = cards.title(view.drill, view.language)
    opened = st.dialog(phrase(view.language, "drill_title", name=name), width="large", on_dismiss=state.close_drill)(
        _content
    )
    opened(view, published, style)


def _content(view: View, published: Published, style: Style) -> None:
    # A click within the drawer runs this alone, with the view and the version as they were when it was opened, and
    # what goes wrong in it does not reach the page.
    try:
        _taken_apart(view, published, style)
    except cache.Moved:
        state.rerun_page()
    except KpiError as error:
        components.problem(error.message(view.language), view.language)


def _taken_apart(view: View, published: Published, style: Style) -> None:
    version, view = published.version, view.taken_apart
    choices = {way: cache.labels(way, view.language, version) for way in WAYS}
    drill, steps, chosen = read_drill(state.query_params(), choices, METRICS)
    if drill is None:
        return
    metric = METRICS[drill]
    if not view.applies(metric):
        st.html(f'<p class="first-text">{escape(cards.not_by(metric, view))}</p>')
        return
    question = _mature(_within(view.question(metric.id), steps), version)
    ways = [way for way in WAYS if way in metric.dimensions and way not in {step.dimension for step in steps}]
    by = chosen if chosen in ways else next(iter(ways), None)
    split = replace(question, by=(by,)) if by is not None else None
    also = [partial(cache.why, question, version)] if question.compare is not None else []
    held = cache.targets()
    daily = replace(question, by=("date",), compare=None) if held.of([drill]) and "date" in metric.dimensions else None
    cache.prepare([[one] for one in (question, split, daily) if one is not None], None, version, also)
    whole = cache.answer(question, version, held).cell(metric.id)
    days = days_on_target(cache.answer(daily, version, held).cells) if daily is not None else None
    _path(steps, view, version)
    st.html(_figure(whole, metric, question, days, view.language))
    if split is not None and by is not None:
        parts = cache.answer(split, version, held)
        _ways(ways, by, view.language)
        _parts(metric, whole, parts, steps, style, choices[by])
    drivers.explained(question, steps, by if chosen is not None else None, style, version)
    _rows(question, style, published)


def _within(question: Question, steps: Sequence[Filter]) -> Question:
    """The question a step further for each; a date, week or month narrows its period."""
    for step in steps:
        if step.dimension in TIMES:
            key = (time_value(step.dimension, step.values[0]),)
            question = replace(question, period=span_of((step.dimension,), key, question.period))
        else:
            question = question.drill(step.dimension, step.values[0])
    return question


def _mature(question: Question, version: int) -> Question:
    """The question, or where its period holds nothing mature the one over the last period that does."""
    mature = cache.mature(question, version)
    if mature is None or cache.answer(question, version).cell(question.kpis[0]).value is not None:
        return question
    return mature


# --- the way down ---------------------------------------------------------------------------------------------------


def _path(steps: tuple[Filter, ...], view: View, version: int) -> None:
    """The breadcrumb: every step leads back to where it was taken."""
    language = view.language
    with st.container(key="drill_path", horizontal=True, gap="xxsmall", vertical_alignment="center"):
        st.button(
            phrase(language, "drill_all"), type="tertiary", key="step_0", on_click=state.go_down, args=((),),
            disabled=not steps,
        )  # fmt: skip
        for number, step in enumerate(steps, start=1):
            st.html('<span class="crumb" aria-hidden="true">›</span>', width="content")
            st.button(
                components.escape_markdown(_named(step.dimension, step.values[0], view, version)),
                type="tertiary",
                key=f"step_{number}",
                on_click=state.go_down,
                args=(steps[:number],),
                disabled=number == len(steps),
            )


def _named(dimension: str, value: str, view: View, version: int) -> str:
    language = view.language
    if dimension not in WAYS:
        first = time_value(dimension, value)
        days = cut_of((dimension,), (first,), view.period)
        if days is not None:
            return phrase(language, "cut_days", days=days_name(dimension, days, language))
        return value_name(dimension, first, {}, language)
    name = cache.labels(dimension, language, version).get(value, value)
    return phrase(language, "drill_unknown", dimension=DIMENSIONS[dimension].name(language)) if value == "" else name


def _figure(cell: Cell, metric: Metric, question: Question, days: Days | None, language: Language) -> str:
    """The figure of the step, its n, its change, its dates and its target. ``days``: on target."""
    value = format_value(cell.value, metric.unit, language)
    reason = phrase(language, f"reason_{cell.reason}") if cell.value is None and cell.reason else ""
    said = [format_period(question.period.start, question.period.end, language)]
    if cell.n is not None:
        said.append(f"n {format_count(cell.n, language, compact=False)}")
    pill = cards.delta(cell, metric, question.compare, language)
    said += [told] if (told := target_text.tip(cell, metric, language, days)) else []
    return (
        f'<div class="drill-figure"><span class="kpi-value">{value}{cards.arriving(cell, language)}'
        f"<small>{escape(reason) or cards.few_mark(cell, language)}</small></span>"
        f'<span class="kpi-delta">{pill}</span><span class="drill-said">{escape(" · ".join(said))}</span></div>'
    )


def _ways(ways: Sequence[str], by: str, language: Language) -> None:
    st.pills(
        phrase(language, "drill_by"),
        ways,
        required=True,
        format_func=lambda way: DIMENSIONS[way].name(language),
        **state.bound("by", by),
    )


def _parts(
    metric: Metric, whole: Cell, parts: Answer, steps: tuple[Filter, ...], style: Style, names: Mapping[str, str]
) -> None:
    """The values of a dimension, each with its figure and a way further down."""
    language, (by,) = style.language, parts.question.by
    order = {value: place for place, value in enumerate(names)}
    keyed = {"" if cell.key[0] is None else str(cell.key[0]): cell for cell in parts.cells}
    largest = sorted(keyed, key=lambda value: -(keyed[value].n or 0))[:_LISTED]
    top = max([abs(keyed[value].value or 0) for value in largest] + [0]) or 1
    for value in sorted(largest, key=lambda value: order.get(value, len(order))) if len(keyed) <= _LISTED else largest:
        cell = keyed[value]
        with st.container(
            key=f"part_{value or UNKNOWN}", horizontal=True, wrap=False, gap="xsmall", vertical_alignment="center"
        ):
            st.button(
                components.escape_markdown(
                    names.get(value)
                    or value
                    or phrase(language, "drill_unknown", dimension=DIMENSIONS[by].name(language))
                ),
                type="tertiary",
                key=f"down_{by}_{value}",
                width=150,
                on_click=state.go_down,
                args=((*steps, Filter(by, (value,))),),
            )
            st.html(_bar(cell, metric, top, value_colour(by, value, style), language))
    others = [value for value in keyed if value not in largest]
    if others:
        st.selectbox(
            phrase(language, "drill_others", count=len(others)),
            sorted(others, key=lambda value: -(keyed[value].n or 0)),
            index=None,
            format_func=lambda value: f"{names.get(value, value)} · {_told(keyed[value], metric, language)}",
            placeholder=phrase(language, "drill_choose"),
            key=f"others_{by}",
            on_change=state.go_down_chosen,
            args=(f"others_{by}", steps, by),
        )
    st.html(f'<p class="drill-sum">{_sum(metric, whole, parts, language)}</p>')


def _told(cell: Cell, metric: Metric, language: Language) -> str:
    return f"{format_value(cell.value, metric.unit, language)} · n {format_count(cell.n or 0, language)}"


def _bar(cell: Cell, metric: Metric, top: float, colour: str, language: Language) -> str:
    """One row: bar, value, change, n; pale where it stands on few."""
    width = 0 if cell.value is None else 100 * abs(cell.value) / top
    reason = phrase(language, f"reason_{cell.reason}") if cell.value is None and cell.reason else ""
    told = [*caveats_of(cell, language), target_text.tip(cell, metric, language)]
    tip = escape(reason or " · ".join(filter(None, told)), quote=True)
    small = " small" if few(cell) else ""
    good = {1: "better", -1: "worse"}.get(goodness(cell, metric), "")
    change = "" if cell.change is None else format_change(cell, metric.unit, language)
    count = "–" if cell.n is None else format_count(cell.n, language)
    value = f"{format_value(cell.value, metric.unit, language)}{cards.arriving(cell, language)}"
    return (
        f'<div class="part{small}"><span class="track"><i style="width:{width:.1f}%;background:{colour}"></i></span>'
        f'<strong title="{tip}">{value}</strong>'
        f'<span class="{good}">{escape(change)}</span><span>n {count}</span></div>'
    )


def _sum(metric: Metric, whole: Cell, parts: Answer, language: Language) -> str:
    """What the parts come to together."""
    found = additivity(metric, whole, parts.cells, parts.counted_twice.get(metric.id))
    if found.kind == "adds":
        numbers = [format_count(number, language, compact=False)
                   for number in (found.numerator, found.denominator) if number is not None]  # fmt: skip
        return phrase(language, "drill_adds", sums=" ÷ ".join(numbers))
    if found.kind == "several":
        count = "" if found.times is None else format_count(found.times, language, compact=False)
        return phrase(language, "drill_several_known", count=count) if count else phrase(language, "drill_several")
    return phrase(language, "drill_no_sum")


# --- the rows -------------------------------------------------------------------------------------------------------


def _rows(question: Question, style: Style, published: Published) -> None:
    language, version = style.language, published.version
    metric = METRICS[question.kpis[0]]
    question = replace(question, compare=None)
    first = cache.rows(question, version, 1, _SIZE, "")
    with st.container(horizontal=True, vertical_alignment="bottom", key="drill_head"):
        st.html(f'<p class="first-text">{_summary(first, question, language)}</p>')
        if not first.total:
            return
        sort = _sort(first, language)
        st.download_button(
            phrase(language, "drill_csv", count=format_count(first.total, language)),
            data=partial(_csv, question, sort, style, published),
            file_name=file_name(metric.id, "csv", style.synthetic, question.period),
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            help=_too_many(first.total, language),
            key="drill_csv",
        )
    pages = -(-first.total // _SIZE)
    slot = st.container()
    number = st.pagination(pages, key="drill_page") if pages > 1 else 1
    page = cache.rows(question, version, number, _SIZE, sort)
    frame = of_rows(page, language, _names(page, language, version), published)
    with slot:
        st.dataframe(
            frame,
            hide_index=True,
            height=440,
            placeholder="–",
            key="drill_rows",
            alt=cards.metric_title(metric, language),
        )


def _summary(page: RowsPage, question: Question, language: Language) -> str:
    """How many rows, how many of them in the numerator, over which days."""
    days = format_period(question.period.start, question.period.end, language)
    if not page.total:
        return f"{days} · {phrase(language, 'drill_none')}"
    total = format_count(page.total, language, compact=False)
    if page.numerator is None:
        return f"{days} · <b>{phrase(language, 'drill_count_total', total=total)}</b>"
    marked = format_count(page.numerator, language, compact=False)
    return (
        f"{days} · <b>{phrase(language, 'drill_count', total=total)}</b> · "
        f"{phrase(language, 'drill_numerator', numerator=marked)}"
    )


def _sort(page: RowsPage, language: Language) -> str:
    """The order chosen: a column, with a leading "-" for descending."""
    options = ["", *(sign + column for column in page.columns for sign in ("-", ""))]

    def told(option: str) -> str:
        if not option:
            return phrase(language, "drill_newest")
        key = "drill_descending" if option.startswith("-") else "drill_ascending"
        return phrase(language, key, column=column_name(option.removeprefix("-"), language))

    chosen: str = st.selectbox(
        phrase(language, "drill_sort"),
        options,
        format_func=told,
        placeholder=phrase(language, "choose_one"),
        key="drill_sort",
        width=260,
    )
    return chosen


def _names(page: RowsPage, language: Language, version: int) -> Mapping[str, Mapping[str, str]]:
    return {dimension: cache.labels(dimension, language, version) for dimension in dimensions_of(page.columns)}


def _too_many(rows: int, language: Language) -> str | None:
    """That the file has them all, but Excel does not open so many."""
    if rows < SHEET_ROWS:
        return None
    return phrase(language, "drill_csv_many", most=format_count(SHEET_ROWS, language, compact=False))


def _csv(question: Question, sort: str, style: Style, published: Published) -> BufferedReader:
    """All rows as CSV, made when the button is pressed: written as they are read, however many there are."""
    # Whoever sends the file closes it.
    made = TemporaryFile()  # noqa: SIM115
    text: TextIOWrapper[BufferedRandom] = TextIOWrapper(made, encoding="utf-8-sig", newline="")
    language = style.language
    for page in cache.all_rows(question, published.version, sort):
        frame = of_rows(page, language, _names(page, language, published.version), published)
        write_frame(marked(frame, language, style.synthetic), text, head=page.page == 1)
    file = text.detach().detach()
    file.seek(0)
    return BufferedReader(file)
