"""Which feeds lag behind, and by what they are told."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from kpi.i18n import Language
from kpi.warehouse.published import Feed, Published

# Feeds that deliver every few minutes are never quite level; a lag below this is no news.
TOLERANCE = timedelta(minutes=30)


@dataclass(frozen=True)
class FeedState:
    """One feed as it is told: ``until`` in the business zone; ``late``: behind the fastest by more than tolerated."""

    source: str
    name_zh: str
    name_en: str
    until: datetime
    late: bool

    def name(self, language: Language) -> str:
        return self.name_zh if language == "zh" else self.name_en


def first_day(published: Published) -> date:
    """The business date of the oldest contact; the running one in a warehouse without any."""
    return published.today if published.data_start is None else published.local(published.data_start).date()


def deliveries(published: Published) -> tuple[FeedState, ...]:
    """Every feed, the latest to deliver last."""
    found = [_delivery(feed, published) for feed in published.feeds.values()]
    return tuple(sorted(found, key=lambda one: (one.until, one.source), reverse=True))


def _delivery(feed: Feed, published: Published) -> FeedState:
    late = published.latest - feed.watermark > TOLERANCE
    return FeedState(feed.source, feed.name_zh, feed.name_en, published.local(feed.watermark), late)
