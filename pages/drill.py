"""The rows behind a figure, in a drawer: paged and sorted by the database, masked, counted like the figure."""

from collections.abc import Mapping
from functools import partial
from io import StringIO

import streamlit as st

from kpi.charts import Style
from kpi.i18n import Language, phrase
from kpi.i18n.numbers import format_count, format_period
from kpi.metrics.registry import METRICS
from kpi.query.question import Question
from kpi.query.rows import LARGEST_PAGE, RowsPage
from kpi.tables import column_name, dimensions_of, of_rows
from kpi.warehouse.published import Published
from pages import cache, cards, state
from pages.state import View

_SIZE = 50


def show(view: View, published: Published, style: Style) -> None:
    """Open the rows of ``view.drill``; closing takes them out of the address."""
    assert view.drill is not None
    question = view.question(view.drill, compared=False)
    mature = cache.mature(question, published.version)
    if mature is not None and cache.answer(question, published.version).cell(view.drill).value is None:
        question = mature
    name = cards.title(view.drill, view.language)
    opened = st.dialog(phrase(view.language, "drill_title", name=name), width="large", on_dismiss=state.close_drill)(
        _content
    )
    opened(question, view.language, published)


def _content(question: Question, language: Language, published: Published) -> None:
    version = published.version
    metric = METRICS[question.kpis[0]]
    first = cache.rows(question, version, 1, _SIZE, "")
    with st.container(horizontal=True, vertical_alignment="bottom", key="drill_head"):
        st.html(f'<p class="first-text">{_summary(first, question, language)}</p>')
        if not first.total:
            return
        sort = _sort(first, language)
        st.download_button(
            phrase(language, "drill_csv", count=format_count(first.total, language)),
            data=partial(_csv, question, sort, language, published),
            file_name=f"{metric.id}_{question.period.start}_{question.period.end}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
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

    chosen: str = st.selectbox(phrase(language, "drill_sort"), options, format_func=told, key="drill_sort", width=260)
    return chosen


def _names(page: RowsPage, language: Language, version: int) -> Mapping[str, Mapping[str, str]]:
    return {dimension: cache.labels(dimension, language, version) for dimension in dimensions_of(page.columns)}


def _csv(question: Question, sort: str, language: Language, published: Published) -> bytes:
    """All rows as CSV, made when the button is pressed."""
    text = StringIO()
    number, done = 1, 0
    while True:
        page = cache.rows(question, published.version, number, LARGEST_PAGE, sort)
        frame = of_rows(page, language, _names(page, language, published.version), published)
        frame.to_csv(text, index=False, header=number == 1)
        done += len(page.records)
        if done >= page.total or not page.records:
            return text.getvalue().encode("utf-8-sig")
        number += 1
