"""The what-if of the service desk: numbers of the busiest half hour that can be changed, and the agents they take."""

from dataclasses import dataclass, replace
from html import escape

import streamlit as st

from kpi.charts import Style
from kpi.charts.staffing import agents_for_target
from kpi.charts.theme import spec_of
from kpi.i18n import Language, phrase
from kpi.narrative.service_desk import prefilled, target_name, told_agents, told_saving, told_seats
from kpi.narrative.staffing_plan import Plan, Scenario, busiest, handle_time, more_self_service, patience, plan
from kpi.query.question import Question
from kpi.tables import of_plan
from pages.address import state
from pages.address.view import PLAN, View
from pages.data import cache
from pages.data.figures import Figures
from pages.ui import components

# What a contact costs goes into the what-if; of that nothing is compared.
PANELS = {"handlers": (("cost_per_contact",), ("final_handler",), False)}


@dataclass(frozen=True)
class Field:
    """A number that can be changed: its limits and step, as shown; ``factor``: shown = factor × the scenario's."""

    least: float
    most: float
    step: float
    factor: float = 1


FIELDS = {
    "calls": Field(0, 20_000, 1.0),
    "handle": Field(10, 3_600, 5.0),
    "self": Field(0, 99, 0.5, 100),
    "patience": Field(5, 3_600, 5.0),
    "target": Field(50, 99, 1.0, 100),
    "within": Field(0, 600, 5.0),
    "seats": Field(1, 20_000, 1.0),
}


def _everybody(view: View) -> View:
    """The view without the filters that only humans have: self-service has no team."""
    return replace(view, filters=tuple(one for one in view.filters if one.dimension != "team"))


def questions(view: View) -> list[Question]:
    """What the what-if asks beside the panels of the page."""
    whole = _everybody(view)
    return [
        whole.question("self_service_rate", compared=False),
        whole.question("cost_per_contact", by=("final_handler",), compared=False),
    ]


def read(view: View, figures: Figures) -> tuple[Scenario, View]:
    """The scenario of the address; what it leaves open is as in the period."""
    day, clock = figures.panel("day"), figures.panel("day_occupancy")
    found = busiest(day, clock) if day is not None else None
    rate = figures.answer(questions(view)[0]).cell("self_service_rate").value or 0.0
    now = {
        "calls": found.calls if found else 0.0,
        "handle": handle_time(figures.cell("aht")),
        "self": min(rate, 0.99),
        "patience": patience(figures.cell("asa"), figures.cell("abandonment_rate")),
        "target": 0.8,
        "within": 20.0,
        "seats": found.seats if found and found.seats else 1.0,
    }
    shown: dict[str, float] = {}
    for name, field in FIELDS.items():
        digits = 1 if name in {"calls", "self"} else 0
        value = round(now[name] * field.factor, digits)
        shown[name], view = state.read_number(view, name, field.least, field.most, value)
    wanted = {name: value / FIELDS[name].factor for name, value in shown.items()}
    base = round(now["self"], 3)
    return (
        Scenario(
            calls=wanted["calls"],
            handle=wanted["handle"],
            patience=wanted["patience"],
            base=base,
            self_service=wanted["self"],
            target=wanted["target"],
            within=wanted["within"],
            seats=round(wanted["seats"]),
        ),
        view,
    )


def show(scenario: Scenario, figures: Figures, style: Style) -> None:
    """Inputs on the left; the agents, what the seats give and what more self-service spares on the right."""
    language = style.language
    found = plan(scenario)
    day, clock = figures.panel("day"), figures.panel("day_occupancy")
    left, right = st.columns([1, 2.05], gap="xsmall")
    with left, st.container(border=True, height="stretch", key="panel_inputs"):
        busy = busiest(day, clock) if day is not None else None
        components.heading(phrase(language, "plan_inputs"), "")
        st.html(f'<p class="kpi-note">{escape(prefilled(busy, language))}</p>')
        _inputs(scenario, language)
    with right:
        name = target_name(scenario, language)
        spec = cache.drawn("plan", lambda: spec_of(agents_for_target(found, scenario.target, name, style)))
        components.panel(
            "plan",
            phrase(language, "plan_title"),
            phrase(language, "plan_sub", target=name),
            spec,
            lambda: of_plan(found, language),
            phrase(language, "plan_alt", target=name, c=found.patient[0], a=found.leaving[0]),
            style,
            chooser=lambda: _result(scenario, found, figures, language),
        )


def _result(scenario: Scenario, found: Plan, figures: Figures, language: Language) -> None:
    here, everywhere = figures.panel("handlers"), figures.answer(questions(figures.view)[1])
    saving = more_self_service(scenario, here.cells if here else (), everywhere.cells)
    tiles = ""
    for model, (agents, service) in (("c", found.patient), ("a", found.leaving)):
        number, meets = told_agents(model, agents, service, language)
        tiles += (
            f"<div><h3>{phrase(language, f'plan_model_{model}')}</h3>"
            f'<p class="kpi-value">{number}<small>{phrase(language, "plan_unit")}</small></p>'
            f'<p class="kpi-note">{escape(meets)}</p></div>'
        )
    st.html(f'<div class="plan">{tiles}</div>')
    components.sentences(told_seats(scenario, found, language), told_saving(saving, language))


def _inputs(scenario: Scenario, language: Language) -> None:
    values = {
        "calls": scenario.calls,
        "handle": scenario.handle,
        "self": scenario.self_service,
        "patience": scenario.patience,
        "target": scenario.target,
        "within": scenario.within,
        "seats": scenario.seats,
    }
    grid = st.grid(2, min_column_width=120, gap=("xsmall", "xsmall"), key="plan_fields")
    for name, field in FIELDS.items():
        with grid:
            st.number_input(
                phrase(language, f"plan_field_{name}"),
                min_value=float(field.least),
                max_value=float(field.most),
                step=field.step,
                format="%.1f" if name in {"calls", "self"} else "%.0f",
                **state.bound(name, round(float(values[name] * field.factor), 4)),
            )
    if any(name in state.query_params() for name in FIELDS):
        st.button(
            phrase(language, "plan_reset"),
            icon=":material/restart_alt:",
            type="tertiary",
            key="plan_reset",
            on_click=state.put_back,
            args=(PLAN,),
        )
