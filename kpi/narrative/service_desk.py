"""What the service desk is told in sentences."""

from collections.abc import Mapping, Sequence

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_amount, format_count, format_percent, format_value
from kpi.metrics.desk import SHORT_FORMULAS
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS
from kpi.narrative.extremes import joined
from kpi.narrative.headline import Sentence, Span, changed
from kpi.narrative.staffing_plan import MORE_SELF_SERVICE, Busiest, Plan, Saving, Scenario
from kpi.query.answer import Answer, Cell
from kpi.stats.erlang import Service


def clock(half_hour: int) -> str:
    """When a half hour of the day (0–47) begins: "09:30"."""
    return f"{half_hour // 2:02d}:{half_hour % 2 * 30:02d}"


def short_formula(name: str, language: Language) -> str:
    """A service-level formula in short."""
    return SHORT_FORMULAS[name][1][0 if language == "zh" else 1]


def desk_opening(answer: Answer, metrics: Mapping[str, Metric], language: Language) -> Sentence:
    """The service level with its formula and change, then who got through and who left."""
    level, through, left = (answer.cell(kpi) for kpi in ("service_level", "answer_rate", "abandonment_rate"))
    spans = [
        Span(metrics["service_level"].name(language).capitalize() + phrase(language, "say_space")),
        Span(format_value(level.value, "share", language), strong=True),
        Span(
            phrase(
                language,
                "desk_formula",
                name=level.variant,
                formula=short_formula(str(level.variant), language),
            )
        ),
        *changed(level, metrics["service_level"], answer, language),
        Span(phrase(language, "say_end")),
        Span(
            phrase(
                language,
                "desk_through",
                answered=format_value(through.value, "share", language),
                left=format_value(left.value, "share", language),
            )
        ),
    ]
    return tuple(spans)


def waits(
    answer: Answer,
    worst_teams: Sequence[Cell],
    half_hours: Sequence[Cell],
    teams: Mapping[str, str],
    language: Language,
) -> Sentence:
    """Where the service level is lowest: of the teams and of the half hours, all that share it. ``answer`` says what it
    is compared with.
    """
    spans: list[Span] = []
    for cells, key, names in (
        (worst_teams, "desk_worst_team", [teams.get(str(cell.key[0]), str(cell.key[0])) for cell in worst_teams]),
        (half_hours, "desk_worst_half_hour", [clock(int(str(cell.key[0]))) for cell in half_hours]),
    ):
        if not cells:
            continue
        cell = cells[0]
        spans.append(Span(phrase(language, key)))
        spans.append(Span(joined(names, language) + phrase(language, "say_space"), strong=True))
        if len(cells) > 1:
            value = format_value(cell.value, "share", language)
            spans.append(Span(phrase(language, "desk_worst_each", value=value) + phrase(language, "say_end")))
            continue
        spans.append(
            Span(
                phrase(
                    language,
                    "desk_worst_value",
                    value=format_value(cell.value, "share", language),
                    n=format_count(cell.n or 0, language),
                )
            )
        )
        spans += [*changed(cell, METRICS[cell.kpi], answer, language), Span(phrase(language, "say_end"))]
    return tuple(spans)


def prefilled(found: Busiest | None, language: Language) -> str:
    """Where the numbers of the what-if come from."""
    if found is None:
        return phrase(language, "plan_from_nothing")
    return phrase(
        language, "plan_from", time=clock(found.half_hour), calls=format_amount(found.calls, language, True, 1)
    )


def told_agents(model: str, agents: int, service: Service, language: Language) -> tuple[str, str]:
    """The agents by a model (``c``, ``a``), and what callers meet with them."""
    meets = phrase(
        language,
        f"plan_meets_{model}",
        in_time=format_value(service.in_time, "share", language),
        wait=format_value(service.wait, "seconds", language),
        occupancy=format_value(service.occupancy, "share", language),
        left=format_value(service.abandoned, "share", language),
    )
    return format_count(agents, language, compact=False), meets


def told_seats(scenario: Scenario, found: Plan, language: Language) -> Sentence:
    """What the seats of the scenario give, and that they are too few where they are."""
    patient, leaving = found.seated
    load = format_amount(found.load, language, True, 1)
    seats = format_count(scenario.seats, language, compact=False)
    if patient is None:
        return (
            Span(phrase(language, "plan_unstable", seats=seats, load=load), "worse", strong=True),
            Span(
                phrase(
                    language,
                    "plan_unstable_a",
                    in_time=format_value(leaving.in_time, "share", language),
                    left=format_value(leaving.abandoned, "share", language),
                )
            ),
        )
    return (
        Span(
            phrase(
                language,
                "plan_seats",
                seats=seats,
                load=load,
                patient=format_value(patient.in_time, "share", language),
                leaving=format_value(leaving.in_time, "share", language),
            )
        ),
    )


def told_saving(found: Saving | None, language: Language) -> Sentence:
    """What a few points more self-service spare, in agents and money."""
    if found is None:
        return ()
    spans = [
        Span(phrase(language, "plan_more", points=format_amount(MORE_SELF_SERVICE * 100, language, decimals=0))),
        Span(
            phrase(language, "plan_more_agents", count=found.agents)
            if found.agents
            else phrase(language, "plan_more_same"),
            strong=True,
        ),
    ]
    if found.money is not None and found.contacts is not None:
        contacts = format_count(found.contacts, language)
        spans.append(Span(phrase(language, "plan_more_contacts", contacts=contacts)))
        spans.append(Span(format_value(found.money, "yuan", language), strong=True))
    spans.append(Span(phrase(language, "say_end")))
    return tuple(spans)


def target_name(scenario: Scenario, language: Language) -> str:
    """The target as it is called: 80 % within 20 s."""
    return phrase(
        language,
        "plan_target_name",
        share=format_percent(scenario.target),
        seconds=format_amount(scenario.within, language, decimals=0),
    )
