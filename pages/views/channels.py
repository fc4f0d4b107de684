"""Channels: where customers come from, and where they go."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import streamlit as st

from kpi.charts import (
    Style,
    by_channel,
    by_channel_and_tier,
    by_hour,
    changes_by_channel,
    grain_of,
    migration_matrix,
    mix_by_channel,
    rate_bars,
)
from kpi.i18n import phrase
from kpi.i18n.formats import format_change, format_period, format_value
from kpi.metrics.registry import METRICS
from kpi.narrative.channels import where_from, whose_rate
from kpi.query.answer import Answer, Cell
from kpi.query.migration import ABSENT
from kpi.query.question import Filter
from kpi.query.weekly_pattern import usual_week, whole_days
from kpi.tables import of_answer, of_moves, of_week
from kpi.warehouse.published import Published
from pages.address import state
from pages.address.view import View
from pages.data import cache
from pages.data.figures import Figures
from pages.page_specs import page_spec
from pages.ui import cards, components, layout, panels

# The six headline figures, each with the one that stands beside it on its card.
SPEC = page_spec("channels")
HEADLINES = tuple(SPEC.cards)
# Side by side for every channel.
COMPARED = ("volume", "self_service_rate", "csat", "service_level", "escalation_rate")
_RATE, _MULTIPLE = "self_service_rate", "wechat_phone_multiple"
_ANCHOR = 7.0  # WeChat to agent-phone, as the bank told in 2015


def render(view: View, published: Published, style: Style) -> None:
    """Draw the page for ``view`` of what is ``published``."""
    language = view.language
    figures = ask(view, published)
    names = layout.names(view, published)
    layout.top("channels", view, published, figures.compared)
    by_itself = figures.panel("channels")
    own, together, centre, multiple = _rates(figures)
    volume = figures.cell("volume")
    if volume is not None and by_itself is not None:
        components.sentences(
            where_from(volume, by_itself, METRICS, names["channel"], language),
            whose_rate(own, together, centre, multiple, language),
        )
    narrowed = view != view.without("channel", "line")
    value = format_value(own.value if own else None, "share", language)
    cards.row(
        figures,
        style,
        names={_RATE: phrase(language, "channels_card_chosen" if narrowed else "channels_card_all")},
        feet={
            _RATE: phrase(language, "channels_card_own", value=value),
            _MULTIPLE: phrase(language, "channels_card_anchor"),
        },
    )

    left, right = st.columns([2.05, 1], gap="xsmall")
    over_time = figures.panel("volume")
    with left:
        if over_time is not None:
            panels.volume_over_time(figures, over_time, style, names["channel"])
    with right:
        _changes(figures, by_itself, style, names["channel"])
    left, right = st.columns(2, gap="xsmall")
    with left:
        _mix(figures, style, names["channel"])
    with right:
        _whose(figures, (own, together, centre), style)
    left, right = st.columns(2, gap="xsmall")
    with left:
        _multiple_over_time(figures, multiple, style)
    with right:
        _hours(figures, style)
    left, right = st.columns(2, gap="xsmall")
    with left:
        _migration(figures, style, names["channel"])
    with right:
        _tiers(figures, style, names)
    _table(figures, by_itself, style, names["channel"])
    components.identity_strip(figures.proof, language)


def ask(view: View, published: Published) -> Figures:
    """All that the page asks for ``view``."""
    # Whose rate is whose does not depend on the channels that are chosen.
    everywhere = view.without("channel", "line")
    pair = replace(everywhere, filters=(*everywhere.filters, Filter("family", ("wechat", "phone"))))
    days = replace(view, period=whole_days(view.period, published.today))
    return Figures(
        view,
        published,
        SPEC.cards,
        {
            **SPEC.panels,
            "channels": ((*COMPARED, "channel_mix"), ("channel",), True),
            "wholes": (COMPARED, (), True),
            "families": everywhere.question(_RATE, by=("family",)),
            "together": pair.question(_RATE),
            "centre": everywhere.question(_RATE, _MULTIPLE),
            "multiple": everywhere.question(_MULTIPLE, by=(grain_of(view.period),)),
            # The shape of a week: whether more or fewer came is told above.
            "hours": days.question("volume", by=("weekday", "hour"), compared=False),
        },
        also=[partial(cache.migration, view.question("volume"), published.version)],
    )


def _rates(figures: Figures) -> tuple[Cell | None, Cell, Cell, Cell]:
    """The self-service rate of WeChat alone (None: no contact there), with the phone lines, and of all channels; and
    the multiple.
    """
    families, together, centre = (figures.panel(name) for name in ("families", "together", "centre"))
    assert families is not None
    assert together is not None
    assert centre is not None
    own = next((cell for cell in families.cells if cell.key == ("wechat",)), None)
    return own, together.cell(_RATE), centre.cell(_RATE), centre.cell(_MULTIPLE)


def _changes(figures: Figures, parts: Answer | None, style: Style, names: Mapping[str, str]) -> None:
    language, metric, whole = style.language, METRICS["volume"], figures.cell("volume")
    if parts is None:
        return
    cells = [cell for cell in parts.cells if cell.kpi == metric.id]
    comparable = whole is not None and whole.relative_change is not None
    components.panel(
        "changes",
        phrase(language, "channels_change"),
        phrase(language, "channels_change_sub"),
        figures.drawn(
            "changes",
            style,
            lambda: changes_by_channel(metric, (panels.everything(figures.view), whole), cells, names, style),
        )
        if whole is not None and comparable
        else None,
        lambda: of_answer(parts, language, {"channel": names}, kpi=metric.id),
        phrase(language, "channels_change_alt", change=format_change(whole, metric.unit, language) if whole else ""),
        style,
        drill="volume",
    )


def _mix(figures: Figures, style: Style, names: Mapping[str, str]) -> None:
    language, parts, whole = style.language, figures.panel("mix"), figures.panel("channels")
    if parts is None or whole is None:
        return
    period = [cell for cell in whole.cells if cell.kpi == "channel_mix"]
    components.panel(
        "mix",
        phrase(language, "channels_mix"),
        phrase(language, "channels_mix_sub"),
        figures.drawn(
            "mix",
            style,
            lambda: mix_by_channel(parts.frame("channel_mix"), period, figures.slots, names, style, figures.notes),
        )
        if parts.valued
        else None,
        lambda: of_answer(parts, language, {"channel": names}),
        phrase(language, "channels_mix_alt", period=panels.dates(figures)),
        style,
        drill="channel_mix",
        picks=state.picks("channel", names).also(figures.slots.grain, None, "at"),
    )


def _whose(figures: Figures, rates: tuple[Cell | None, Cell, Cell], style: Style) -> None:
    language, palette = style.language, style.palette
    own, together, centre = rates
    rows = [
        (phrase(language, "channels_row_centre"), palette.ink2, centre),
        (phrase(language, "channels_row_together"), palette.compare, together),
        *([(phrase(language, "channels_row_own"), palette.channel("wechat"), own)] if own is not None else []),
    ]
    parts = figures.panel("families")
    assert parts is not None
    told = {
        name: format_value(cell.value if cell else None, "share", language)
        for name, cell in (("own", own), ("together", together), ("centre", centre))
    }
    components.panel(
        "rates",
        phrase(language, "channels_rates"),
        phrase(language, "channels_rates_sub"),
        figures.drawn("rates", style, lambda: rate_bars(METRICS[_RATE], rows, style, 250)),
        lambda: of_answer(parts, language, {"family": cache.labels("family", language, figures.version)}),
        phrase(language, "channels_rates_alt", **told),
        style,
        drill=_RATE,
        within=figures.within("families"),
    )


def _multiple_over_time(figures: Figures, whole: Cell, style: Style) -> None:
    language, answered = style.language, figures.panel("multiple")
    assert answered is not None
    panels.over_time(
        figures,
        answered,
        _MULTIPLE,
        phrase(language, "channels_multiple"),
        (phrase(language, "channels_multiple_sub"), phrase(language, "channels_multiple_sub_alone")),
        phrase(
            language,
            "channels_multiple_alt",
            period=panels.dates(figures),
            value=format_value(whole.value, "multiple", language),
        ),
        style,
        anchor=(_ANCHOR, phrase(language, "channels_anchor")),
        within=figures.within("multiple"),
    )


def _hours(figures: Figures, style: Style) -> None:
    language, parts = style.language, figures.panel("hours")
    if parts is None:
        return
    period = format_period(parts.period.start, parts.period.end, language, year=False)
    components.panel(
        "hours",
        phrase(language, "channels_hours"),
        phrase(language, "channels_hours_sub", period=period),
        figures.drawn("hours", style, lambda: by_hour(usual_week(parts, "volume"), style)) if parts.valued else None,
        lambda: of_week(usual_week(parts, "volume"), language, parts.period),
        phrase(language, "channels_hours_alt", period=period),
        style,
        drill="volume",
        within=figures.within("hours"),
        picks=state.picks("weekday", None, "weekday").also("hour", None, "hour"),
    )


def _migration(figures: Figures, style: Style, names: Mapping[str, str]) -> None:
    language = style.language
    moves = cache.migration(figures.view.question("volume"), figures.version)
    dates = {"before": "", "now": format_period(moves.period.start, moves.period.end, language, year=False)}
    if moves.compared is not None:
        dates["before"] = format_period(moves.compared.start, moves.compared.end, language, year=False)
    components.panel(
        "migration",
        phrase(language, "channels_moves"),
        phrase(language, "channels_moves_sub", before=dates["before"])
        if moves.moves
        else phrase(language, "channels_moves_none"),
        figures.drawn("migration", style, lambda: migration_matrix(moves.frame(), ABSENT, names, style))
        if moves.moves
        else None,
        lambda: of_moves(moves.frame(), ABSENT, names, language, moves.period),
        phrase(language, "channels_moves_alt", **dates),
        style,
        drill="customers_served",
    )


def _tiers(figures: Figures, style: Style, names: Mapping[str, Mapping[str, str]]) -> None:
    language, parts = style.language, figures.panel("tiers")
    if parts is None:
        return
    components.panel(
        "tiers",
        phrase(language, "channels_tiers"),
        phrase(language, "channels_tiers_sub"),
        figures.drawn(
            "channel_tiers",
            style,
            lambda: by_channel_and_tier(METRICS[_RATE], parts, names["channel"], names["tier"], style),
        )
        if any(cell.value is not None and None not in cell.key for cell in parts.cells)
        else None,
        lambda: of_answer(parts, language, names),
        phrase(language, "channels_tiers_alt"),
        style,
        drill=_RATE,
        picks=state.picks("channel", names["channel"], "channel").also("tier", names["tier"], "tier_name"),
    )


def _table(figures: Figures, parts: Answer | None, style: Style, names: Mapping[str, str]) -> None:
    language = style.language
    if parts is None:
        return
    answered = figures.panel("wholes")
    wholes = {cell.kpi: cell for cell in answered.cells if cell.kpi in parts.question.kpis} if answered else {}
    titles = {kpi: cards.title(kpi, language) for kpi in wholes}
    components.panel(
        "table",
        phrase(language, "channels_table"),
        panels.with_arrows(phrase(language, "channels_table_sub"), parts, language),
        figures.drawn(
            "table",
            style,
            lambda: by_channel(
                [METRICS[kpi] for kpi in wholes], wholes, parts, titles, names, style, panels.everything(figures.view)
            ),
        )
        if wholes and parts.valued
        else None,
        lambda: of_answer(parts, language, {"channel": names}),
        phrase(language, "channels_table_alt"),
        style,
        drill=next(iter(wholes), None),
        split="channel",
        picks=state.picks("channel", names, "channel", titles),
    )
