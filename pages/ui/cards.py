"""The card of a headline figure, and the definition behind its "?"."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from kpi.charts import Style, spark
from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_change, format_count, format_period, format_value, shown_sign
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS
from kpi.metrics.sources import source_name
from kpi.narrative.change_tone import tone
from kpi.narrative.driver_sentences import card_title
from kpi.query.answer import Cell
from kpi.query.cell_rules import few
from kpi.query.question import Compare, kind_of
from kpi.targets import target_text
from kpi.targets.target_text import Days
from pages.address import state
from pages.address.view import View
from pages.data.figures import COVERAGE, Figures

_ARROWS = {-1: "↓", 0: "→", 1: "↑"}


def row(
    figures: Figures,
    style: Style,
    key: str = "cards",
    names: Mapping[str, str] | None = None,
    feet: Mapping[str, str] | None = None,
) -> None:
    """The cards of a page's headline KPIs. ``names``, ``feet``: KPI -> the name of its card, and the line below its
    figure, where they are not the usual ones.
    """
    names, feet = names or {}, feet or {}
    language, slots = style.language, figures.slots
    held = bool(figures.targets.of(figures.kpis))
    grid = st.grid(6, min_column_width=155, gap=("xsmall", "xsmall"), key=key)
    for kpi, beside in figures.headlines.items():
        cell, name = figures.cell(kpi), names.get(kpi) or title(kpi, language)
        with grid:
            if cell is None:
                card_not_applicable(METRICS[kpi], name, figures.view)
                continue
            line = figures.line(kpi)
            course = [one for one in line.cells if one.kpi == kpi] if line else []
            running = slots.period.end >= slots.running and kpi != COVERAGE
            card(
                METRICS[kpi],
                name if cell.variant is None else f"{name} {cell.variant}",
                cell,
                line=[(one.value, one.previous) for one in course],
                cut=(course[0].partial, course[-1].partial or running) if course else (False, False),
                foot=feet.get(kpi) or _foot(figures, cell, beside),
                mature=_mature(figures, kpi, cell),
                view=figures.view,
                style=style,
                days=figures.days_on_target(kpi),
                held=held,
            )


def title(kpi: str, language: Language) -> str:
    """The name on a card."""
    return card_title(kpi, language)


def _foot(figures: Figures, cell: Cell, beside: str) -> str:
    """The second figure of a card in words; of a KPI that should stay in a band, the band."""
    language = figures.view.language
    if METRICS[cell.kpi].direction == "band" and cell.goal is None:
        return phrase(language, f"foot_{cell.kpi}")
    if not beside:
        return ""
    if beside == "tail_base":
        value = cell.denominator
    else:
        second = figures.cell(beside)
        if second is None:
            return ""
        value = second.value
    return phrase(language, f"foot_{beside}", value=format_value(value, METRICS[beside].unit, language))


def _mature(figures: Figures, kpi: str, cell: Cell) -> tuple[Cell, str] | None:
    """For a KPI whose period holds nothing mature: the figure of the last period that does, and its dates."""
    if cell.reason != "immature" or (question := figures.mature(kpi)) is None:
        return None
    answered = figures.answer(question)
    dates = format_period(answered.period.start, answered.period.end, figures.view.language, year=False)
    return answered.cell(kpi), dates


def card(
    metric: Metric,
    name: str,
    cell: Cell,
    line: Sequence[tuple[float | None, float | None]],
    cut: tuple[bool, bool],
    foot: str,
    mature: tuple[Cell, str] | None,
    view: View,
    style: Style,
    days: Days | None = None,
    held: bool = False,
) -> None:
    """One headline figure. ``line``: (value, comparison) by slot, ``cut``: which of its ends are no whole slots.
    ``mature``: where the period holds nothing mature,
    the figure of the last period that does, and its dates. ``days``: on target. ``held``: whether any card of the row
    has a target, whose line all of them then have. Always the same lines, so that all are of one height.
    """
    language = view.language
    shown, shown_foot = cell, foot
    if cell.value is None and mature is not None:
        shown, shown_foot = mature[0], phrase(language, "card_mature_period", period=mature[1])
    reason = phrase(language, f"reason_{shown.reason}") if shown.value is None and shown.reason else ""
    values = [value for value, _ in line]
    known = [value for value in values if value is not None]
    description = (
        phrase(
            language,
            "card_spark",
            name=name,
            period=format_period(view.period.start, view.period.end, language),
            first=format_value(known[0], metric.unit, language),
            last=format_value(known[-1], metric.unit, language),
        )
        if known
        else phrase(language, "card_spark_none", name=name)
    )
    drawn = b64encode(spark(values, [before for _, before in line], style, cut).encode()).decode()
    with st.container(border=True, height="stretch", key=f"card_{metric.id}"):
        st.html(
            f'<div class="kpi-label">{escape(name)}</div>'
            f'<div class="kpi-value">{format_value(shown.value, metric.unit, language)}'
            f"{arriving(shown, language)}<small>{escape(reason) or few_mark(shown, language)}</small></div>"
            f'<div class="kpi-delta">{delta(shown, metric, view.compare, language)}</div>'
            f'<img class="{"spark low" if held else "spark"}" alt="{escape(description, quote=True)}" '
            f'src="data:image/svg+xml;base64,{drawn}">'
            f"{_target(shown, metric, days, language) if held else ''}"
            f'<div class="kpi-foot" title="{escape(shown_foot, quote=True)}">{escape(shown_foot)}</div>'
        )
        with (
            st.container(key=f"define_{metric.id}"),
            st.popover(
                phrase(language, "card_definition", name=name), icon=":material/help:", type="tertiary", wrap=False
            ),
        ):
            st.html(definition(metric, shown, language, days))
        count = "–" if shown.n is None else format_count(shown.n, language)
        st.button(
            phrase(language, "card_n", count=count),
            key=f"open_{metric.id}",
            type="tertiary",
            disabled=not shown.n,
            on_click=state.open_drill,
            args=(metric.id,),
        )


def _target(cell: Cell, metric: Metric, days: Days | None, language: Language) -> str:
    """The line of a card with its target, whether it is met, and on how many days, as HTML; all of it in the tip."""
    left = escape(target_text.named(cell, metric, language))
    if cell.goal is not None and cell.goal.since is not None:
        left += "*"
    if cell.met is not None:
        word = escape(target_text.verdict(cell, language))
        sign = f'<span aria-hidden="true">{target_text.mark(cell)}</span><span class="sr">{word}</span>'
        left += f' <b class="{target_text.tone_of(cell)}">{sign}</b>'
    right = phrase(language, "goal_days_short", met=days[0], days=days[1]) if days is not None else ""
    whole = escape(target_text.tip(cell, metric, language, days), quote=True)
    return f'<div class="kpi-target" title="{whole}"><span>{left}</span><span>{escape(right)}</span></div>'


def arriving(cell: Cell, language: Language) -> str:
    """The mark of a figure whose data are still arriving, as HTML; "" of any other."""
    if not cell.provisional:
        return ""
    told = phrase(language, "doubt_provisional")
    return f'<i class="arriving" title="{told}"><span class="sr">{told}</span></i>'


def few_mark(cell: Cell, language: Language) -> str:
    """The mark of a figure that stands on few, as HTML; "" of any other."""
    return escape(phrase(language, "doubt_few")) if few(cell) else ""


def card_not_applicable(metric: Metric, name: str, view: View) -> None:
    """A card whose KPI does not have a dimension that is filtered by: says which, and shows no figure."""
    with st.container(border=True, height="stretch", key=f"card_{metric.id}"):
        st.html(
            f'<div class="kpi-label">{escape(name)}</div>'
            f'<div class="kpi-value">–</div><p class="kpi-note">'
            f"{escape(not_by(metric, view))}</p>"
        )


def not_by(metric: Metric, view: View) -> str:
    """By which of the view's filters the KPI cannot be filtered."""
    language = view.language
    missing = [
        DIMENSIONS[one.dimension].name(language) for one in view.filters if one.dimension not in metric.dimensions
    ]
    return phrase(language, "card_not_by", dimensions=phrase(language, "say_and").join(missing))


def delta(cell: Cell, metric: Metric, compare: Compare | None, language: Language) -> str:
    """The change as a pill with its word, as HTML."""
    if compare is None:
        return phrase(language, "word_off")
    if cell.value is None:
        return ""
    how = tone(cell, metric)
    if how == "none":
        return phrase(language, "word_none")
    text = format_change(cell, metric.unit, language)
    arrow = _ARROWS[shown_sign(cell, metric.unit)]
    word = phrase(language, f"word_neutral_{kind_of(compare)}" if how == "neutral" else f"word_{how}")
    pill = f'<span class="pill {how}"><span aria-hidden="true">{arrow}</span> {escape(text)}</span>'
    return f"{pill}<span>{escape(word)}</span>"


def definition(metric: Metric, cell: Cell | None, language: Language, days: Days | None = None) -> str:
    """What the "?" shows, from the declaration."""
    position = 0 if language == "zh" else 1
    rows = [(phrase(language, "define_formula"), metric.formula_of(cell.variant if cell else None)[position])]
    if metric.exclusions[position]:
        rows.append((phrase(language, "define_exclusions"), metric.exclusions[position]))
    if metric.maturity is not None:
        rows.append(
            (
                phrase(language, "define_maturity"),
                phrase(language, "define_maturity_days", days=metric.maturity.days),
            )
        )
    rows.append((phrase(language, "define_direction"), phrase(language, f"direction_{metric.direction}")))
    if cell is not None and cell.value is not None:
        value = format_value(cell.value, metric.unit, language, compact=False)
        if cell.low is not None and cell.high is not None:
            low, high = (format_value(end, metric.unit, language, compact=False) for end in (cell.low, cell.high))
            value = phrase(language, "define_interval", value=value, low=low, high=high)
        rows.append((phrase(language, "define_value"), value))
    if cell is not None and (target := target_text.tip(cell, metric, language, days)):
        rows.append((phrase(language, "define_target"), target))
    rows.append((phrase(language, "define_source"), source_name(metric.source, language)))
    listed = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in rows)
    if cell is not None and (written := target_text.written(cell)):
        # In the one language that it was written in.
        owner = phrase(language, "define_target_owner")
        listed += f'<dt>{escape(owner)}</dt><dd translate="no">{escape(written)}</dd>'
    version = f"{metric.id} · {phrase(language, 'define_version', version=metric.version)}"
    return (
        f'<div class="define"><h4>{escape(metric_title(metric, language))}</h4><dl>{listed}</dl><p>{version}</p></div>'
    )


def metric_title(metric: Metric, language: Language) -> str:
    """The KPI's declared name, as it begins a line."""
    name = metric.name(language)
    return name[:1].upper() + name[1:]
