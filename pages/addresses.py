"""The addresses of the pages. Apart from what draws them, since the entry knows them before any is imported."""

DEFAULT = "overview"
PAGES = (
    DEFAULT,
    "channels",
    "self_service",
    "satisfaction",
    "desk",
    "journeys",
    "long_tail",
    "tiers",
    "explore",
    "snapshots",
    "settings",
    "dictionary",
)


def address(page: str) -> str:
    """The path of a page, without the leading slash; the default page's is empty."""
    return "" if page == DEFAULT else page.replace("_", "-")
