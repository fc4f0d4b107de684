"""What the manager looks at, and what an address may say of it."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from kpi.i18n import Language, phrase
from kpi.metrics.model import Metric
from kpi.query.question import Compare, Filter, Period, Question
from pages.address.explore_choice import CHOICE, TIMES, USUAL, Choice

Preset = Literal["yesterday", "7d", "28d", "90d", "mtd", "qtd", "ytd", "last_month", "last_quarter"]
PRESETS: tuple[Preset, ...] = get_args(Preset)
DEFAULT_PRESET: Preset = "28d"
CUSTOM = "custom"

COMPARISONS: tuple[str, ...] = ("previous", "year", "none")

# Dimensions of the filter bar: the first ones as chips of their own, the others under "More".
CHIPS = ("channel", "line", "tier", "segment", "business_line")
MORE = ("topic", "team", "region", "age_band")
FILTERS = CHIPS + MORE
# The usual way down from a figure to the contacts behind it, and the other ways.
WAY_DOWN = ("tier", "channel", "topic", "team", "agent")
WAYS = (*WAY_DOWN, "segment", "line", "business_line", "complexity", "function", "region", "age_band", "media",
        "first_handler", "escalation_reason", "outcome", "abandoned_stage", "scenario", "branch")  # fmt: skip

# Ways and those that only a link takes, from a figure of one time.
STEPS = (*WAYS, *TIMES, "weekday", "hour", "half_hour")

# The parameters of a drill-down.
DRILL = ("drill", "at", "by", "span", "every")

# Parameters that mean something on one page only: the service desk's map and what-if, the dictionary's entry, a
# snapshot's run.
PLAN = ("calls", "handle", "self", "patience", "target", "within", "seats")
OWN = ("map", *PLAN, "kpi", "section", "find", "run")

# All that an address may hold; Streamlit keeps its own to itself.
KNOWN = {"lang", "page", "period", "from", "to", "compare", "sl", *FILTERS, *DRILL, *CHOICE, *OWN}

# In a URL, the value that stands for "unknown" (null); in a ``Filter`` it is the empty text.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Ignored:
    """Something in the link that could not be used."""

    key: str
    values: tuple[tuple[str, object], ...] = ()

    def message(self, language: Language) -> str:
        return phrase(language, self.key, **dict(self.values))


@dataclass(frozen=True)
class Within:
    """What a drill-down is of where the figure is not of the page's view: ``period``, None for the page's; ``every``:
    dimensions that it is not filtered by.
    """

    period: Period | None = None
    every: tuple[str, ...] = ()


AS_VIEWED = Within()


@dataclass(frozen=True)
class View:
    """What the manager looks at. ``preset`` is None for dates of his own.

    ``drill``: the KPI that is taken apart; ``at``: how far down, one value a step; ``by``: what it is split by there;
    ``within``: what it is of.
    ``service_level``: the formula of that name, None for the one of the settings. ``section``, ``kpi``: the part of
    the dictionary, and the KPI, that a page was asked to show; None for the page's own. ``explore``: what the
    explorer shows.
    """

    language: Language
    period: Period
    preset: Preset | None = DEFAULT_PRESET
    compare: Compare | None = "previous"
    filters: tuple[Filter, ...] = ()
    drill: str | None = None
    at: tuple[Filter, ...] = ()
    by: str | None = None
    within: Within = AS_VIEWED
    service_level: str | None = None
    section: str | None = None
    kpi: str | None = None
    explore: Choice = USUAL
    ignored: tuple[Ignored, ...] = ()

    def chosen(self, dimension: str) -> tuple[str, ...]:
        """The values that ``dimension`` is filtered by; none = all."""
        return next((filter_.values for filter_ in self.filters if filter_.dimension == dimension), ())

    def applies(self, metric: Metric, *by: str) -> bool:
        """Whether the KPI has every dimension of the filters, and those of ``by``."""
        return {filter_.dimension for filter_ in self.filters}.union(by) <= set(metric.dimensions)

    def without(self, *dimensions: str) -> "View":
        """The same view, not filtered by ``dimensions``."""
        return replace(self, filters=tuple(one for one in self.filters if one.dimension not in dimensions))

    @property
    def taken_apart(self) -> "View":
        """The view that the drill-down is of."""
        return replace(self.without(*self.within.every), period=self.within.period or self.period)

    def question(self, *kpis: str, by: tuple[str, ...] = (), compared: bool = True) -> Question:
        """What the page asks of ``kpis``, within the filters."""
        compare = self.compare if compared else None
        return Question(kpis, self.period, by, self.filters, compare, service_level=self.service_level)
