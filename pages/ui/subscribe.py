"""“Send me this every Monday”: a snapshot made of what a page shows, with its filters and its period."""

from dataclasses import replace
from datetime import timedelta

import streamlit as st

from kpi.charts import grain_of
from kpi.errors import KpiError
from kpi.i18n import Language, phrase
from kpi.metrics.registry import METRICS
from kpi.query.question import Period
from kpi.snapshots import definition_store
from kpi.snapshots.model import Definition, Recipient, RelativePeriod, Schedule, Section, SectionKind, period_of
from kpi.snapshots.serialization import PERIODS
from kpi.snapshots.validation import problems_of
from kpi.state import LOCAL
from pages.address import state
from pages.address.view import Preset, View
from pages.data import cache
from pages.page_specs import page_spec
from pages.ui import components

# How a section shows which KPIs by what.
_Shown = tuple[SectionKind, tuple[str, ...], tuple[str, ...]]
# A view's period up to now becomes one of whole days before the report is due.
_PERIOD: dict[Preset, RelativePeriod] = {
    "yesterday": "yesterday", "7d": "last_7_days", "28d": "last_28_days", "90d": "last_90_days",
    "mtd": "month_to_date", "qtd": "quarter_to_date", "ytd": "year_to_date", "last_month": "last_month",
    "last_quarter": "last_quarter",
}  # fmt: skip
EVERY = {
    "monday": Schedule("0 8 * * 1"),
    "working_day": Schedule("0 8 * * *", days="working"),
    "month": Schedule("0 8 * * *", days="first_working_day"),
}


def can_be_sent(page: str) -> bool:
    """Whether the page shows figures of its own."""
    return page == "explore" or bool(page_spec(page).report)


def of_view(view: View, page: str, period: RelativePeriod | None = None) -> Definition | None:
    """A definition of what the page shows, over ``period`` (None: the view's own); None where it shows no figures."""
    period = period or _relative(view)
    # As on the page: a KPI that a filter does not apply to is left out.
    kept = [
        (kind, tuple(kpi for kpi in kpis if view.applies(METRICS[kpi], *by)), by)
        for kind, kpis, by in _shown(view, page, grain_of(period_of(period, view.period.end)))
    ]
    sections = [Section(f"{kind}-{number}", kind, kpis, by) for number, (kind, kpis, by) in enumerate(kept, 1) if kpis]
    if not sections:
        return None
    return Definition(
        page.replace("_", "-"),
        (phrase("zh", f"page_{page}"), phrase("en", f"page_{page}")),
        tuple(sections),
        period,
        # A report comes again: dates of one's own would be compared with for ever.
        "previous" if isinstance(view.compare, Period) else view.compare,
        view.filters,
        view.language,
        schedule=EVERY["monday"],
        service_level=view.service_level,
    )


def _shown(view: View, page: str, grain: str) -> list[_Shown]:
    if page == "explore":
        kpis, by = view.explore.kpis, view.explore.by
        charts: list[_Shown] = [("chart", (kpi,), by) for kpi in kpis] if by else []
        return [*charts, ("table", kpis, by)]
    spec = page_spec(page)
    if not spec.report:
        return []
    told: list[_Shown] = [(kind, kpis, tuple(one.format(grain=grain) for one in by)) for kind, kpis, by in spec.report]
    return [("headline", tuple(spec.cards), ()), *told]


def _relative(view: View) -> RelativePeriod:
    """The view's period as one before the report is due; of dates of one's own the one that comes nearest to them, were
    it due on the day after.
    """
    if view.preset is not None:
        return _PERIOD[view.preset]
    own, due = view.period, view.period.end + timedelta(days=1)

    def apart(relative: RelativePeriod) -> tuple[int, bool]:
        there = period_of(relative, due)
        # A month that is over is the last month, and not one to date.
        return abs((there.start - own.start).days) + abs((there.end - own.end).days), relative.endswith("_to_date")

    return min(PERIODS, key=apart)


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
            args=(view, page, period, every or "monday", target),
        )
        if said := state.message("send"):
            st.info(components.paragraphs(said), icon=":material/info:")


def _make(view: View, page: str, period: RelativePeriod, every: str, target: str) -> None:
    definition = of_view(view, page, period)
    assert definition is not None
    state.set_message("send", make(replace(definition, schedule=EVERY[every]), target, view.language))


def make(definition: Definition, target: str, language: Language) -> str:
    """Keep the definition under a name that is free, its maker its owner and, with a target, its recipient; what became
    of it, in words.
    """
    try:
        kept, target = cache.state_database(), target.strip()
        taken = {one.label for one in definition_store.definitions(kept)}
        name = next(
            name for number in range(1, 1000)
            if (name := definition.name if number == 1 else f"{definition.name}-{number}") not in taken
        )  # fmt: skip
        made = replace(definition, name=name, owner=target)
        if target:
            made = replace(made, recipients=(Recipient(phrase(language, "send_me"), target),))
        if target.startswith(("mailto:", "chat:")):  # where a picture is seen at once
            made = replace(made, formats=(*made.formats, "png"))
        if problems := problems_of([made], settings=cache.warehouse().settings):
            return "\n\n".join(problem.message(language) for problem in problems)
        definition_store.save(kept, [], [definition_store.Kept(made)], LOCAL)
        return phrase(language, "send_made", name=name)
    except KpiError as error:
        return error.message(language)
