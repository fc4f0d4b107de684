"""Panels that more than one page has."""

from collections.abc import Mapping, Sequence

from kpi.charts import Style, trend, unit_of_bars, volume_by_channel
from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_change, format_period, format_value
from kpi.metrics.registry import METRICS
from kpi.narrative.caveats import cut_note
from kpi.pivot import by_one, to_frame
from kpi.query.answer import Answer, Cell
from kpi.tables import of_answer
from kpi.targets import target_text
from pages.address import state
from pages.address.view import AS_VIEWED, View, Within
from pages.data.figures import Figures
from pages.ui import components, pivot_table


def dates(figures: Figures) -> str:
    """The period in words."""
    return format_period(figures.view.period.start, figures.view.period.end, figures.view.language)


def everything(view: View) -> str:
    """What the figure of a whole is called beside those of the channels: never all of them where some are chosen."""
    return phrase(view.language, "all_channels" if view == view.without("channel", "line") else "all_chosen")


def with_change(cell: Cell, language: Language) -> str:
    """A figure for a line of text, in brackets its change, and its target, where it has them."""
    metric = METRICS[cell.kpi]
    value = format_value(cell.value, metric.unit, language)
    beside = [format_change(cell, metric.unit, language)] if cell.change is not None else []
    if cell.goal is not None:
        beside.append(" ".join(filter(None, [target_text.named(cell, metric, language), target_text.mark(cell)])))
    if not beside:
        return value
    return phrase(language, "panel_with_change", value=value, change=" · ".join(beside))


def by_tier_picks(names: Mapping[str, str], titles: Mapping[str, str], language: Language) -> state.Picks:
    """What a cell of the map of KPIs by tier leads to. ``names``: of tiers; ``titles``: of KPIs."""
    heads = {tier: name if tier else phrase(language, "unknown_short") for tier, name in names.items()}
    return state.picks("tier", heads, "tier", titles)


def with_arrows(subtitle: str, answered: Answer, language: Language) -> str:
    """The subtitle of a map, with what its arrows mean where there is a comparison."""
    compared = any(cell.previous is not None for cell in answered.cells)
    return f"{subtitle} · {phrase(language, 'panel_arrows')}" if compared else subtitle


def volume_over_time(figures: Figures, parts: Answer, style: Style, names: Mapping[str, str]) -> None:
    """Interactions by channel as stacked bars. ``parts``: volume by the page's grain and channel."""
    language, slots = style.language, figures.slots
    line = figures.line("volume")
    assert line is not None
    totals = line.frame("volume")
    _, letter = unit_of_bars(totals, language)
    unit = phrase(language, "unit_contacts", letter=letter).strip()
    said = [phrase(language, "panel_volume_sub", unit=unit, grain=phrase(language, f"grain_{slots.grain}"))]
    if totals["previous"].notna().any():
        said.append(phrase(language, "panel_previous_line"))
    if slots.period.end >= slots.running:
        said.append(phrase(language, "panel_running"))
    if cut := cut_note(parts, language):
        said.append(cut)
    whole = figures.cell("volume")
    total = format_value(whole.value if whole else None, "count", language)
    components.panel(
        "volume",
        phrase(language, "panel_volume"),
        " · ".join(said),
        figures.drawn(
            "volume",
            style,
            lambda: volume_by_channel(parts.frame("volume"), totals, slots, names, style, figures.notes),
        )
        if parts.valued
        else None,
        lambda: of_answer(parts, language, {"channel": names}),
        phrase(language, "alt_volume", period=dates(figures), total=total),
        style,
        drill="volume",
        picks=state.picks("channel", names).also(slots.grain, None, "at"),
    )


def table(
    figures: Figures, whole: Answer | None, panel: str, title: str, style: Style, but: Sequence[str] = ()
) -> None:
    """A page's figures by the one dimension of ``panel`` as the table that ends it, each value leading to its rows.

    ``whole``: the answer that holds the totals; ``title``: phrase; ``but``: KPIs that are left out, so that the others
    find room.
    """
    parts, language = figures.panel(panel), style.language
    if whole is None or parts is None or not parts.valued:
        return
    (dimension,) = parts.question.by
    names = {dimension: figures.names(dimension)}
    found = by_one(whole, parts, names[dimension], [kpi for kpi in parts.question.kpis if kpi not in but])
    if not found.kpis:
        return
    compared = parts.compared is not None
    components.table_panel(
        f"table_{panel}",
        phrase(language, title),
        phrase(language, "panel_table_sub" if compared else "panel_table_sub_alone"),
        pivot_table.table(found, names, False, language),
        lambda: to_frame(found, names, language),
        style,
    )


def over_time(
    figures: Figures,
    answered: Answer,
    kpi: str,
    title: str,
    subtitles: tuple[str, str],
    alt_text: str,
    style: Style,
    anchor: tuple[float, str] | None = None,
    within: Within = AS_VIEWED,
) -> None:
    """A KPI over time as a line. ``subtitles``: with a comparison, and without; ``anchor``: a value to measure by, and
    its name; ``within``: what the line is of.
    """
    metric, frame = METRICS[kpi], answered.frame(kpi)
    components.panel(
        f"trend_{kpi}",
        title,
        " · ".join(
            filter(
                None,
                [subtitles[0 if frame["previous"].notna().any() else 1], cut_note(answered, style.language)],
            )
        ),
        figures.drawn(f"trend_{kpi}", style, lambda: trend(metric, frame, figures.slots, style, figures.notes, anchor))
        if frame["value"].notna().any()
        else None,
        lambda: of_answer(answered, style.language, {}, kpi=kpi),
        alt_text,
        style,
        drill=kpi,
        within=within,
        picks=state.picks(figures.slots.grain, None, "at"),
    )
