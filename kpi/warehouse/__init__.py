"""Where the facts lie: engines, loads, what the load derives, roll-ups, and what is published."""

from kpi.warehouse.engine import Warehouse
from kpi.warehouse.published import Published

__all__ = ["Published", "Warehouse"]
