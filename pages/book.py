"""Every page: where it stands in the sidebar, its address, and what draws it."""

from collections.abc import Callable
from dataclasses import dataclass

from kpi.charts import Style
from kpi.warehouse.published import Published
from pages import (
    channels,
    desk,
    dictionary,
    explore,
    journeys,
    long_tail,
    overview,
    satisfaction,
    self_service,
    settings,
    snapshots,
    tiers,
)
from pages.addresses import DEFAULT, address
from pages.view import View


@dataclass(frozen=True)
class Leaf:
    """One page. ``id``: its phrase is ``page_ID``; ``group``: its place in the sidebar, phrase ``group_GROUP``."""

    id: str
    group: str
    icon: str
    render: Callable[[View, Published, Style], None]

    @property
    def address(self) -> str:
        return address(self.id)

    @property
    def default(self) -> bool:
        return self.id == DEFAULT


BOOK = (
    Leaf("overview", "results", "dashboard", overview.render),
    Leaf("channels", "service", "forum", channels.render),
    Leaf("self_service", "service", "smart_toy", self_service.render),
    Leaf("satisfaction", "service", "sentiment_satisfied", satisfaction.render),
    Leaf("desk", "service", "support_agent", desk.render),
    Leaf("journeys", "service", "route", journeys.render),
    Leaf("long_tail", "customers", "groups", long_tail.render),
    Leaf("tiers", "customers", "star", tiers.render),
    Leaf("explore", "analysis", "pivot_table_chart", explore.render),
    Leaf("snapshots", "analysis", "schedule_send", snapshots.render),
    Leaf("settings", "administration", "tune", settings.render),
    Leaf("dictionary", "administration", "menu_book", dictionary.render),
)
