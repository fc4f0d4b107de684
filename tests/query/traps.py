"""What the tests of traps share."""

from collections.abc import Callable

from kpi.warehouse import Warehouse
from tests.world import World

New = Callable[..., Warehouse]


def world(*customers: int, zone: str = "Asia/Shanghai") -> World:
    made = World(zone)
    made.topic("balance", "card")
    made.topic("loan", referable=True, complexity="personal", line="financing")
    for key in customers:
        made.customer(key)
    return made
