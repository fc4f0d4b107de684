"""How many agents a queue needs: Erlang C, where everybody waits, and Erlang A, where patience runs out.

Our own, since no maintained library gives both: ``pyworkforce`` has Erlang C only (and an optimiser with it), and
``erlangccmath`` sends its figures to a service elsewhere. Times are in seconds. Both models take the calls to come at
random at one rate, and handling (and patience) to be exponential; agents are those on seat, breaks come on top.

Erlang A: Palm (1957); Mandelbaum and Zeltyn, "The Palm/Erlang-A queue" (2004).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, expm1, inf, log

# A term of the series that adds less than this to it ends the series.
_NEGLIGIBLE = 1e-15
# Only ratios matter: sums that grow beyond this are scaled down together.
_LARGE = 1e200


@dataclass(frozen=True)
class Demand:
    """What comes to a desk. ``calls`` in ``interval`` seconds, each handled in ``handle`` seconds on average; who is
    not answered leaves after ``patience`` seconds on average (infinite: nobody leaves).
    """

    calls: float
    handle: float
    patience: float = inf
    interval: float = 1800

    @property
    def load(self) -> float:
        """Offered load in Erlang: the agents that would be busy without a pause."""
        return self.calls * self.handle / self.interval


@dataclass(frozen=True)
class Service:
    """What callers meet. ``waited``: share who must wait at all; ``in_time``: share answered within the threshold;
    ``wait``: seconds, on average over all; ``abandoned``, ``occupancy``: shares.
    """

    waited: float
    in_time: float
    wait: float
    abandoned: float
    occupancy: float


Model = Callable[[Demand, int, float], Service | None]


def erlang_b(load: float, agents: int) -> float:
    """Share of calls that find every agent busy and are lost. By recursion: no factorial, nothing overflows."""
    blocked = 1.0
    for busy in range(1, agents + 1):
        blocked = load * blocked / (busy + load * blocked)
    return blocked


def erlang_c(demand: Demand, agents: int, within: float) -> Service | None:
    """What ``agents`` give when nobody leaves the queue, answers counted ``within`` seconds.

    None where the queue is unstable: agents ≤ load, so that it grows without end.
    """
    load = demand.load
    if load == 0:
        return _IDLE
    if agents <= load:
        return None
    blocked = erlang_b(load, agents)
    waited = agents * blocked / (agents - load * (1 - blocked))
    spare = (agents - load) / demand.handle
    return Service(waited, 1 - waited * exp(-spare * within), waited / spare, 0.0, load / agents)


def erlang_a(demand: Demand, agents: int, within: float) -> Service | None:
    """What ``agents`` give when callers leave after their patience; always stable, since a long queue empties itself.

    Birth–death: with every agent busy and j waiting, one leaves the queue at the rate N/handle + j/patience. Who comes
    to j waiting is answered, in time, with a probability that sums in closed form (the wait is −log of a beta).
    """
    if demand.patience == inf:
        return erlang_c(demand, agents, within)
    if demand.load == 0:
        return _IDLE
    arrivals = demand.calls / demand.interval
    leaving = 1 / demand.patience
    serving = agents / demand.handle
    # Relative to the state in which every agent is busy and nobody waits.
    blocked = erlang_b(demand.load, agents)
    if blocked < 1 / _LARGE:  # so many agents that a queue cannot be told from none
        return Service(0.0, 1.0, 0.0, 0.0, demand.load / agents)
    below = 1 / blocked - 1  # fewer are busy: answered at once
    state, queueing, waiting, in_time = 1.0, 0.0, 0.0, 0.0
    stages = serving * demand.patience
    # P(the j + 1 who must go first go in time, and one's own patience lasts): a sum of positive terms, in logarithms.
    shape = stages + 1
    lost_by_then = -expm1(-within / demand.patience)
    term = -shape * within / demand.patience
    passed = exp(term)
    ahead = 0
    while True:
        answered = stages / (stages + ahead + 1)
        queueing += state
        waiting += state * ahead
        in_time += state * answered * (1 - passed)
        grown = arrivals / (serving + (ahead + 1) * leaving)
        state *= grown
        ahead += 1
        if state > _LARGE:
            state, below = state / _LARGE, below / _LARGE
            queueing, waiting, in_time = queueing / _LARGE, waiting / _LARGE, in_time / _LARGE
        if grown < 1 and state * (ahead + 1) < _NEGLIGIBLE * (below + queueing):
            break
        if lost_by_then:
            term += log(lost_by_then * (shape + ahead - 1) / ahead)
            passed = min(1.0, passed + exp(term))
    total = below + queueing
    abandoned = leaving * waiting / total / arrivals
    return Service(
        waited=queueing / total,
        in_time=(below + in_time) / total,
        wait=abandoned * demand.patience,
        abandoned=abandoned,
        occupancy=demand.load * (1 - abandoned) / agents if agents else 0.0,
    )


_IDLE = Service(0.0, 1.0, 0.0, 0.0, 0.0)


def agents_needed(model: Model, demand: Demand, target: float, within: float) -> int:
    """The smallest number of agents of whom the share ``target`` (below 1) of calls is answered ``within`` seconds."""
    if not 0 <= target < 1:
        raise ValueError(f"no number of agents can promise {target:.0%}")

    def enough(agents: int) -> bool:
        service = model(demand, agents, within)
        return service is not None and service.in_time >= target

    low, step = 0, 1
    high = max(1, int(demand.load))
    while not enough(high):
        low, high, step = high, high + step, step * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
