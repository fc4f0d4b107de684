"""Every page: where it stands in the sidebar, its address, and what draws it."""

from collections.abc import Callable
from dataclasses import dataclass

from kpi.charts import Style
from kpi.warehouse.published import Published
from pages.address.view import View
from pages.addresses import DEFAULT, address
from pages.views import (
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


@dataclass(frozen=True)
class PageSpec:
    """One page. ``id``: its phrase is ``page_ID``; ``group``: its place in the sidebar, phrase ``group_GROUP``.

    ``ask``: puts all questions of the page for a view, as ``render`` does before it draws; None: it has no figures.
    """

    id: str
    group: str
    icon: str
    render: Callable[[View, Published, Style], None]
    ask: Callable[[View, Published], object] | None = None

    @property
    def address(self) -> str:
        return address(self.id)

    @property
    def default(self) -> bool:
        return self.id == DEFAULT


PAGES = (
    PageSpec("overview", "results", "dashboard", overview.render, overview.ask),
    PageSpec("channels", "service", "forum", channels.render, channels.ask),
    PageSpec("self_service", "service", "smart_toy", self_service.render, self_service.ask),
    PageSpec("satisfaction", "service", "sentiment_satisfied", satisfaction.render, satisfaction.ask),
    PageSpec("desk", "service", "support_agent", desk.render, desk.ask),
    PageSpec("journeys", "service", "route", journeys.render, journeys.ask),
    PageSpec("long_tail", "customers", "groups", long_tail.render, long_tail.ask),
    PageSpec("tiers", "customers", "star", tiers.render, tiers.ask),
    PageSpec("explore", "analysis", "pivot_table_chart", explore.render, explore.ask),
    PageSpec("snapshots", "analysis", "schedule_send", snapshots.render),
    PageSpec("settings", "administration", "tune", settings.render),
    PageSpec("dictionary", "administration", "menu_book", dictionary.render),
)
