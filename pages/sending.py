"""“Send me this every Monday”: a snapshot made of what a page shows, with its filters and its period."""

from dataclasses import replace

import streamlit as st

from kpi.errors import KpiError
from kpi.i18n import phrase
from kpi.metrics.registry import METRICS
from kpi.snapshots import book
from kpi.snapshots.model import Definition, Recipient, RelativePeriod, Schedule, Section
from kpi.snapshots.plain import PERIODS
from kpi.snapshots.valid import problems_of
from kpi.state import LOCAL
from pages import cache, state
from pages.state import Preset, View

# What a page is about: its headline figures, and the dimension of its table.
_OF_PAGE: dict[str, tuple[tuple[str, ...], str]] = {
    "overview": (("self_service_rate", "volume", "csat", "long_tail_coverage", "service_level", "fcr"), "channel"),
    "channels": (("volume", "customers_served", "self_service_rate", "agent_volume"), "channel"),
    "self_service": (("self_service_rate", "containment_rate", "escalation_rate", "given_up_rate"), "channel"),
    "satisfaction": (("csat", "response_rate", "nps", "fcr", "repeat_rate", "complaint_rate"), "channel"),
    "desk": (("service_level", "asa", "abandonment_rate", "aht", "answer_rate"), "team"),
    "journeys": (("referral_rate", "visit_rate", "signed_rate", "end_to_end"), "channel"),
    "long_tail": (("long_tail_coverage", "tail_base", "tail_value", "tail_active"), "tier"),
    "tiers": (("volume", "self_service_rate", "csat", "fcr"), "tier"),
}
# A view's period up to now becomes one of whole days before the report is due.
_PERIOD: dict[Preset, RelativePeriod] = {
    "yesterday": "yesterday", "7d": "last_7_days", "28d": "last_28_days", "90d": "last_28_days",
    "mtd": "month_to_date", "qtd": "last_quarter", "ytd": "last_quarter", "last_month": "last_month",
    "last_quarter": "last_quarter",
}  # fmt: skip
EVERY = {
    "monday": Schedule("0 8 * * 1"),
    "working_day": Schedule("0 8 * * *", days="working"),
    "month": Schedule("0 8 * * *", days="first_working_day"),
}


def of_view(view: View, page: str) -> Definition | None:
    """A definition of what the page shows; None where it shows no figures of its own."""
    if page == "explore":
        chosen = view.explore
        sections = [Section("table", "table", chosen.kpis, chosen.by)]
    elif page in _OF_PAGE:
        kpis, dimension = _OF_PAGE[page]
        sections = [Section("headline", "headline", kpis), Section("table", "table", kpis, (dimension,))]
    else:
        return None
    # As on the page: a KPI that a filter does not apply to is left out.
    kept = [
        replace(one, kpis=tuple(kpi for kpi in one.kpis if view.applies(METRICS[kpi], *one.by))) for one in sections
    ]
    kept = [one for one in kept if one.kpis]
    if not kept:
        return None
    names = phrase("zh", f"page_{page}"), phrase("en", f"page_{page}")
    return Definition(
        page.replace("_", "-"),
        names,
        tuple(kept),
        _PERIOD[view.preset] if view.preset is not None else "last_week",
        view.compare,
        view.filters,
        view.language,
        schedule=EVERY["monday"],
    )


def button(view: View, page: str) -> None:
    """Behind one button of the filter bar: how often, over which period, to whom."""
    definition = of_view(view, page)
    if definition is None:
        return
    language = view.language
    with st.popover(phrase(language, "send_this"), icon=":material/schedule_send:", type="tertiary", key="chip_send"):
        every = st.pills(
            phrase(language, "send_every"),
            list(EVERY),
            default="monday",
            required=True,
            format_func=lambda one: phrase(language, f"send_every_{one}"),
            key="send_every",
        )
        period = st.selectbox(
            phrase(language, "snapshot_period"),
            PERIODS,
            index=PERIODS.index(definition.period),
            format_func=lambda one: phrase(language, f"snapshot_period_{one}"),
            placeholder=phrase(language, "choose_one"),
            key="send_period",
        )
        target = st.text_input(
            phrase(language, "send_target"), help=phrase(language, "snapshot_target_help"), key="send_target"
        )
        st.button(
            phrase(language, "send_make"),
            type="primary",
            icon=":material/add:",
            key="send_make",
            on_click=_make,
            args=(view, replace(definition, period=period, schedule=EVERY[every or "monday"]), target),
        )
        if said := state.told("send"):
            st.info(said, icon=":material/info:")


def _make(view: View, definition: Definition, target: str) -> None:
    language = view.language
    try:
        kept = cache.state_database()
        taken = {one.label for one in book.definitions(kept)}
        name = next(
            name for number in range(1, 1000)
            if (name := definition.name if number == 1 else f"{definition.name}-{number}") not in taken
        )  # fmt: skip
        recipients = (Recipient(phrase(language, "send_me"), target.strip()),) if target.strip() else ()
        made = replace(definition, name=name, recipients=recipients)
        if problems := problems_of([made]):
            state.tell("send", "\n\n".join(problem.message(language) for problem in problems))
            return
        book.save(kept, [], [book.Kept(made)], LOCAL)
        state.tell("send", phrase(language, "send_made", name=name))
    except KpiError as error:
        state.tell("send", error.message(language))
