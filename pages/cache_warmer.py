"""The views that most visitors open, asked before they come: every page over the usual periods, and of each tier and
each channel, after every load.

A view that was asked before is there in a third of the time. What is asked is what the page itself asks, and is kept
where the page looks for it (``cache``); whoever comes meanwhile goes first (``activity``).
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from kpi.errors import KpiError, WarehouseEmpty
from kpi.warehouse.published import Published
from pages.address.view import DEFAULT_PRESET, PRESETS
from pages.data import activity, cache
from pages.page_specs import PAGES, PageSpec
from pages.registry import module_of
from pages.ui import layout

_EVERY = 5.0  # seconds between two looks at whether there was a load
log = logging.getLogger("switchboard")

# What a visitor finds who opens a page, holds it against the year before, or changes the period; and what he finds who
# narrows it to one value of these.
_USUAL: tuple[Mapping[str, str], ...] = (
    {},
    {"compare": "year"},
    *({"period": preset} for preset in PRESETS if preset != DEFAULT_PRESET),
)
_NARROWED = ("tier", "channel")


def views(published: Published) -> list[tuple[PageSpec, Mapping[str, str]]]:
    """The usual views of what is published, in the order in which they are asked: page and parameters of its link."""
    named = {dimension: cache.labels(dimension, "en", published.version) for dimension in _NARROWED}
    narrowed = [{dimension: value} for dimension, values in named.items() for value in values if value]
    return [(spec, params) for params in (*_USUAL, *narrowed) for spec in PAGES if spec.has_figures]


@dataclass(frozen=True)
class Progress:
    """How many views, ``of`` so many, were asked of the version that is published, and how many of them in vain.
    Nothing is known of ``of`` until a version was found.
    """

    version: int | None = None
    of: int | None = None
    asked: int = 0
    failed: int = 0


class CacheWarmer(threading.Thread):
    """Asks ahead until it is told to ``stop``. One a server."""

    def __init__(self) -> None:
        super().__init__(name="ahead", daemon=True)
        self.progress = Progress()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ask nothing more; what is being asked is not broken off."""
        self._stopped.set()

    def run(self) -> None:
        while not self._stopped.wait(_EVERY):
            try:
                published = cache.published()
                if published.version != self.progress.version:
                    self.ask(published)
            except WarehouseEmpty:
                continue
            except KpiError as error:
                log.warning("nothing asked ahead: %s", error)

    def ask(self, published: Published) -> None:
        """Ask all views of what is ``published``, or until there is something newer."""
        usual = views(published)
        self.progress = Progress(published.version, len(usual))
        activity.give_way()
        cache.set_aside(anew=True)
        for spec, params in usual:
            if self._stopped.is_set():
                return
            asked, failed = self.progress.asked + 1, self.progress.failed
            try:
                module_of(spec).ask(layout.view_of(params, published), published)
            except cache.Moved:
                self.progress = Progress()
                return
            except Exception:
                # Whoever opens the page is told; the others are asked all the same.
                log.exception("page %s could not be asked ahead for %s", spec.id, params)
                failed += 1
            self.progress = replace(self.progress, asked=asked, failed=failed)
            activity.give_way()
            cache.set_aside()
