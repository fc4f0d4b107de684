"""The what-if of the service desk: what the period's figures say of its busiest half hour, and the agents for another.

``kpi.stats.erlang`` has the models; here is what goes in and what is told of what comes out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from kpi.narrative.extremes import ends
from kpi.query.answer import Answer, Cell
from kpi.stats.erlang import Demand, Service, agents_needed, erlang_a, erlang_c

HALF_HOUR = 1800.0
# What "a few points more" is reckoned for.
MORE_SELF_SERVICE = 0.03
_HUMAN, _MACHINE = ("agent", "rm"), ("self_service", "robot")
# Used where the period says nothing: seconds of handling and of patience.
_HANDLE, _PATIENCE = 240.0, 180.0


@dataclass(frozen=True)
class Scenario:
    """A busiest half hour as it is or as it might be. ``calls``: asking for a human in it at the self-service rate
    ``base``; ``self_service``: the rate supposed; ``target``: the share to be answered ``within`` seconds; ``seats``:
    the agents to be judged; ``handle``, ``patience`` in seconds.
    """

    calls: float
    handle: float
    patience: float
    base: float
    self_service: float
    target: float = 0.8
    within: float = 20
    seats: int = 0

    @property
    def demand(self) -> Demand:
        """What is left for humans: of those not served by themselves, the same share as now asks for one."""
        left = (1 - self.self_service) / (1 - self.base)
        return Demand(self.calls * left, self.handle, self.patience, HALF_HOUR)


@dataclass(frozen=True)
class Plan:
    """``patient``, ``leaving``: agents by Erlang C and by Erlang A, and what callers meet with them. ``seated``: what
    they meet with the scenario's seats (None: unstable). ``curve``: agents -> share in time by either model.
    """

    load: float
    patient: tuple[int, Service]
    leaving: tuple[int, Service]
    seated: tuple[Service | None, Service]
    curve: tuple[tuple[int, float | None, float], ...]


@dataclass(frozen=True)
class Saving:
    """What some points more self-service spare: agents in the busiest half hour (by Erlang C), contacts and money
    (yuan) in the period; None where the unit costs are not known.
    """

    agents: int
    contacts: float | None
    money: float | None


@dataclass(frozen=True)
class Busiest:
    """The half hour (0–47) with the most contacts offered to humans, and its averages a day: ``calls``, ``seats``."""

    half_hour: int
    calls: float
    seats: float | None


def busiest(day: Answer, clock: Answer | None) -> Busiest | None:
    """``day``: answer_rate by half hour; ``clock``: occupancy by half hour, where it applies."""
    cells = [cell for cell in day.cells if cell.kpi == "answer_rate" and cell.denominator]
    if not cells:
        return None
    most = max(cells, key=lambda cell: cell.denominator or 0)
    staffed = {cell.key: cell.denominator for cell in clock.cells} if clock is not None else {}
    seconds = staffed.get(most.key)
    days = day.period.days
    return Busiest(
        int(str(most.key[0])), (most.denominator or 0) / days, seconds / HALF_HOUR / days if seconds else None
    )


def patience(asa: Cell | None, abandonment: Cell | None) -> float:
    """Seconds of patience: wait ÷ abandonment, as it holds in Erlang A; the wait is that of the answered."""
    if asa is None or abandonment is None or not asa.value or not abandonment.value:
        return _PATIENCE
    return asa.value / abandonment.value


def handle_time(aht: Cell | None) -> float:
    """Seconds of handling a contact."""
    return aht.value if aht is not None and aht.value else _HANDLE


def plan(scenario: Scenario) -> Plan:
    """The agents that the scenario takes."""
    demand, within = scenario.demand, scenario.within
    patient = agents_needed(erlang_c, demand, scenario.target, within)
    leaving = agents_needed(erlang_a, demand, scenario.target, within)
    enough, few = erlang_c(demand, patient, within), erlang_a(demand, leaving, within)
    seats = max(1, scenario.seats)
    seated = erlang_a(demand, seats, within)
    assert enough is not None
    assert few is not None
    assert seated is not None
    first = max(1, min(leaving, int(demand.load)) - 3)
    agents = range(first, patient + 4, max(1, (patient + 4 - first) // 40))
    curve = []
    for number in agents:
        waiting, left = erlang_c(demand, number, within), erlang_a(demand, number, within)
        assert left is not None
        curve.append((number, waiting.in_time if waiting is not None else None, left.in_time))
    return Plan(
        demand.load,
        (patient, enough),
        (leaving, few),
        (erlang_c(demand, seats, within), seated),
        tuple(curve),
    )


def more_self_service(scenario: Scenario, costs: Iterable[Cell], machine_costs: Iterable[Cell]) -> Saving | None:
    """What ``MORE_SELF_SERVICE`` spares. ``costs``: cost_per_contact by final handler of the view; ``machine_costs``:
    the same of all teams, since self-service has none. None where there is no room for so much more.
    """
    more = scenario.self_service + MORE_SELF_SERVICE
    if more >= 1:
        return None
    now = agents_needed(erlang_c, scenario.demand, scenario.target, scenario.within)
    then = agents_needed(erlang_c, replace(scenario, self_service=more).demand, scenario.target, scenario.within)
    human, contacts = _unit_cost(costs, _HUMAN)
    machine, _ = _unit_cost(machine_costs, _MACHINE)
    moved = contacts * MORE_SELF_SERVICE / (1 - scenario.base)
    if human is None or machine is None:
        return Saving(now - then, None, None)
    return Saving(now - then, moved, moved * (human - machine))


def _unit_cost(costs: Iterable[Cell], handlers: tuple[str, ...]) -> tuple[float | None, int]:
    """Cost of a contact that one of ``handlers`` ended, and how many there were."""
    found = [cell for cell in costs if cell.key[0] in handlers and cell.value is not None and cell.n]
    contacts = sum(cell.n or 0 for cell in found)
    spent = sum((cell.value or 0) * (cell.n or 0) for cell in found)
    return (spent / contacts if contacts else None), contacts


def worst(cells: Iterable[Cell]) -> list[Cell]:
    """Those with the lowest value that stands on enough to be told; none where there are not two to be told apart."""
    highest, lowest = ends([(cell, cell) for cell in cells if cell.key[0] is not None and cell.n])
    return [] if highest == lowest else lowest
