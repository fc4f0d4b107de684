"""The URL is the state: read and validated here before any widget exists, written here by every widget.

The only module that touches query parameters and session state. A widget is drawn from the ``View`` and, when it
changes, writes the URL in its callback; so a pasted link, a reload and a click all take the same way.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import nan
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import urlencode

import streamlit as st

from kpi.errors import KpiError, PeriodError
from kpi.i18n import LANGUAGES, Language, phrase
from kpi.i18n.numbers import format_date
from kpi.metrics.desk import SERVICE_LEVELS
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS, SECTIONS
from kpi.query.conditions import typed
from kpi.query.question import Compare, Filter, Period, Question
from pages.choice import CHOICE, NONE, TIMES, USUAL, Choice, read_choice

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
        "first_handler", "escalation_reason", "outcome", "scenario", "branch")  # fmt: skip

# Ways and those that only a link takes, from a figure of one time.
STEPS = (*WAYS, *TIMES, "weekday", "hour", "half_hour")

# The parameters of a drill-down.
_DRILL = ("drill", "at", "by", "span", "every")

# Parameters that mean something on one page only: the service desk's map and what-if, the dictionary's entry, a
# snapshot's run.
PLAN = ("calls", "handle", "self", "patience", "target", "within", "seats")
OWN = ("map", *PLAN, "kpi", "section", "find", "run")

# All that an address may hold; Streamlit keeps its own to itself.
_KNOWN = {"lang", "page", "period", "from", "to", "compare", "sl", *FILTERS, *_DRILL, *CHOICE, *OWN}

# In a URL, the value that stands for "unknown" (null); in a ``Filter`` it is the empty text.
UNKNOWN = "unknown"

_SHOWN = 40  # characters of a bad value that are repeated to the reader


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


# --- reading -------------------------------------------------------------------------------------------------------


def preset_period(preset: Preset, today: date) -> Period:
    """The dates of a preset. ``today`` is the business date that the data has reached; presets up to now contain it."""
    first_of_month = today.replace(day=1)
    first_of_quarter = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
    day = timedelta(days=1)
    match preset:
        case "yesterday":
            return Period(today - day, today - day)
        case "7d" | "28d" | "90d":
            return Period(today - (int(preset[:-1]) - 1) * day, today)
        case "mtd":
            return Period(first_of_month, today)
        case "qtd":
            return Period(first_of_quarter, today)
        case "ytd":
            return Period(date(today.year, 1, 1), today)
        case "last_month":
            end = first_of_month - day
            return Period(end.replace(day=1), end)
        case "last_quarter":
            end = first_of_quarter - day
            return Period(date(end.year, end.month - 2, 1), end)


def read_language(params: Mapping[str, str], browser: str | None) -> Language:
    """The language of the link, else of the browser, else English."""
    wanted = params.get("lang", "")
    for language in LANGUAGES:
        if wanted == language:
            return language
    return "zh" if (browser or "").lower().startswith("zh") else "en"


def read_view(
    params: Mapping[str, str],
    today: date,
    first: date,
    choices: Mapping[str, Iterable[str]],
    drills: Mapping[str, Metric],
    browser: str | None = None,
) -> View:
    """The view that ``params`` (query parameters) ask for; whatever is no valid value is left out and named.

    ``today``, ``first``: the running and the oldest business date of the data. ``choices``: dimension -> its values.
    ``drills``: the KPIs whose rows can be opened.
    """
    language = read_language(params, browser)
    ignored: list[Ignored] = []

    def bad(name: str, value: str, key: str = "link_ignored") -> None:
        ignored.append(_not_valid(name, value, key))

    if params.get("lang") and params["lang"] not in LANGUAGES:
        bad("lang", params["lang"])

    preset, period = _read_period(params, today, first, language, bad, ignored)

    compare: Compare | None = "previous"
    match params.get("compare", "previous"):
        case "previous":
            pass
        case "year":
            compare = "year"
        case "none":
            compare = None
        case other:
            bad("compare", other)

    filters = []
    for dimension in FILTERS:
        text = params.get(dimension, "")
        if not text:
            continue
        known = set(choices.get(dimension, ()))
        wanted = list(dict.fromkeys(part for part in text.split(",") if part))
        good = [part for part in wanted if part in known or part == UNKNOWN]
        wrong = [part for part in wanted if part not in good]
        if wrong:
            bad(dimension, ", ".join(wrong))
        if good:
            filters.append(Filter(dimension, tuple("" if part == UNKNOWN else part for part in good)))

    drill, at, by = read_drill(params, choices, drills, bad)
    within = _read_within(params, today, first, bad) if drill is not None else AS_VIEWED
    service_level = params.get("sl") or None
    if service_level is not None and service_level not in SERVICE_LEVELS:
        bad("sl", service_level)
        service_level = None
    chosen: dict[str, str | None] = {}
    for name, valid in (("section", SECTIONS), ("kpi", METRICS)):
        chosen[name] = params.get(name) or None
        if chosen[name] is not None and chosen[name] not in valid:
            bad(name, params[name])
            chosen[name] = None
    explore = read_choice(params, bad)
    if "page" in params:
        bad("page", params["page"])
    if unknown := [name for name in params if name not in _KNOWN]:
        ignored.append(_not_valid(", ".join(unknown), "", "link_unknown"))
    return View(
        language,
        period,
        preset,
        compare,
        tuple(filters),
        drill,
        at,
        by,
        within,
        service_level,
        **chosen,
        explore=explore,
        ignored=tuple(ignored),
    )


def read_drill(
    params: Mapping[str, str],
    choices: Mapping[str, Iterable[str]],
    drills: Mapping[str, Metric],
    bad: Callable[[str, str], None] = lambda name, value: None,
) -> tuple[str | None, tuple[Filter, ...], str | None]:
    """The KPI that is taken apart, the steps down, and what it is split by there; ``bad`` is told what is not valid
    for the KPI.
    """
    drill: str | None = params.get("drill") or None
    if drill is not None and drill not in drills:
        bad("drill", drill)
        drill = None
    if drill is None:
        return None, (), None
    by = params.get("by") or None
    if by is not None and (by not in choices or by not in drills[drill].dimensions):
        bad("by", by)
        by = None
    return drill, _read_path(params.get("at", ""), drills[drill], choices, bad), by


def _read_within(params: Mapping[str, str], today: date, first: date, bad: Callable[[str, str], None]) -> Within:
    every = [part for part in params.get("every", "").split(",") if part]
    if wrong := [part for part in every if part not in FILTERS]:
        bad("every", ", ".join(wrong))
    kept = tuple(part for part in every if part in FILTERS)
    if not (text := params.get("span", "")):
        return Within(None, kept)
    try:
        start, end = (date.fromisoformat(part) for part in text.split(".."))
        if end >= first and start <= today:
            return Within(Period(start, end), kept)
    except (ValueError, PeriodError):
        pass
    bad("span", text)
    return Within(None, kept)


def time_value(dimension: str, text: str) -> date | int | None:
    """A step along a time: the first day of a date, week or month, or the number of an hour or weekday; None where it
    is none.
    """
    try:
        value = typed(dimension, text)
    except KpiError:
        return None
    return None if isinstance(value, str) else value


def _not_valid(name: str, value: str, key: str = "link_ignored") -> Ignored:
    return Ignored(key, (("name", _short(name)), ("value", _short(value))))


def _short(text: str) -> str:
    return text[:_SHOWN] + ("…" if len(text) > _SHOWN else "")


def read_option(view: View, name: str, options: Iterable[str], default: str) -> tuple[str, View]:
    """A page's own parameter, one of ``options``; the view names what is none of them."""
    value = query_params().get(name, "")
    if not value or value in set(options):
        return value or default, view
    return default, replace(view, ignored=(*view.ignored, _not_valid(name, value)))


def read_text(view: View, name: str, longest: int) -> tuple[str, View]:
    """A page's own text; the view names one that is longer than ``longest``."""
    value = query_params().get(name, "")
    if len(value) <= longest:
        return value, view
    return "", replace(view, ignored=(*view.ignored, _not_valid(name, value)))


def read_number(view: View, name: str, least: float, most: float, default: float) -> tuple[float, View]:
    """A page's own number; the view names what is none, or lies outside ``least`` … ``most``."""
    text = query_params().get(name, "")
    if not text:
        return min(max(default, least), most), view
    try:
        value = float(text)
    except ValueError:
        value = nan
    if least <= value <= most:
        return value, view
    return min(max(default, least), most), replace(view, ignored=(*view.ignored, _not_valid(name, text)))


def _read_path(
    text: str, metric: Metric, choices: Mapping[str, Iterable[str]], bad: Callable[[str, str], None]
) -> tuple[Filter, ...]:
    """The steps of a drill-down, ``tier:3,channel:wechat``; from the first bad one on they are left out."""
    steps: list[Filter] = []
    for step in filter(None, text.split(",")):
        dimension, _, value = step.partition(":")
        if dimension in choices:
            known = value != "" and (value == UNKNOWN or value in set(choices[dimension]))
        else:
            known = dimension in STEPS and time_value(dimension, value) is not None
        if not known or dimension not in metric.dimensions or any(dimension == earlier.dimension for earlier in steps):
            bad("at", step)
            break
        steps.append(Filter(dimension, ("" if value == UNKNOWN else value,)))
    return tuple(steps)


def _read_period(
    params: Mapping[str, str], today: date, first: date, language: Language, bad: Any, ignored: list[Ignored]
) -> tuple[Preset | None, Period]:
    wanted = params.get("period") or (CUSTOM if params.get("from") or params.get("to") else DEFAULT_PRESET)
    fallback = DEFAULT_PRESET, preset_period(DEFAULT_PRESET, today)
    if wanted != CUSTOM:
        for preset in PRESETS:
            if wanted == preset:
                return preset, preset_period(preset, today)
        bad("period", wanted)
        return fallback
    days = {}
    for name, default in (("from", first), ("to", today)):
        text = params.get(name, "")
        try:
            days[name] = date.fromisoformat(text) if text else default
        except ValueError:
            bad(name, text)
            return fallback
    start, end = days["from"], days["to"]
    if end < start:
        bad("from … to", f"{start} … {end}", "link_reversed")
        return fallback
    if end < first or start > today:
        bad("from … to", f"{start} … {end}", "link_outside")
        return fallback
    if start < first or end > today:
        start, end = max(start, first), min(end, today)
        limits = (("first", format_date(first, language, year=True)), ("last", format_date(today, language, year=True)))
        ignored.append(Ignored("link_clipped", limits))
    return None, Period(start, end)


# --- the session's own ---------------------------------------------------------------------------------------------


def query_params() -> dict[str, str]:
    """The parameters of the address as it is now; a repeated one as if its values were listed in one."""
    return {name: ",".join(st.query_params.get_all(name)) for name in st.query_params}


def browser_language() -> str | None:
    """The browser's locale, such as zh-CN."""
    return st.context.locale


def _write(name: str, value: str, default: str = "") -> None:
    if value and value != default:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)


def bound(name: str, value: Any) -> dict[str, Any]:
    """Arguments of the widget that shows and changes the parameter ``name``, set to ``value``."""
    key = f"f_{name}"
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    return {"key": key, "on_change": _changed, "args": (name,)}


def _changed(name: str) -> None:
    value = st.session_state[f"f_{name}"]
    if name == "dates":
        if len(value) == 2:
            _write("period", CUSTOM)
            _write("from", value[0].isoformat())
            _write("to", value[1].isoformat())
        return
    if name == "period":
        if value:
            _write("period", value, DEFAULT_PRESET)
            _write("from", "")
            _write("to", "")
    elif name == "compare":
        _write("compare", value or "previous", "previous")
    elif isinstance(value, bool):
        _write(name, "1" if value else "")
    elif isinstance(value, int | float):
        _write(name, f"{value:g}")
    elif isinstance(value, str) or value is None:
        _write(name, value or "", {"cols": NONE, "chart": "auto"}.get(name, ""))
    else:
        _write(name, ",".join(part or UNKNOWN for part in value))


def show_language(language: Language) -> None:
    """Write the language into the address."""
    _write("lang", language)


def open_drill(kpi: str, by: str = "", within: Within = AS_VIEWED) -> None:
    """Begin to take a KPI apart; ``by``: what it is split by first, "" for the usual."""
    close_drill()
    _write("drill", kpi)
    _write("by", by)
    if within.period is not None:
        _write("span", f"{within.period.start}..{within.period.end}")
    _write("every", ",".join(within.every))


def go_down(steps: tuple[Filter, ...]) -> None:
    """Write how far down the drill-down is."""
    _write("at", ",".join(f"{step.dimension}:{step.values[0] or UNKNOWN}" for step in steps))
    _write("by", "")


def go_down_chosen(key: str, steps: tuple[Filter, ...], dimension: str) -> None:
    """One step further, to the value that was chosen in the list ``key``."""
    value = st.session_state.get(key)
    if value is not None:
        go_down((*steps, Filter(dimension, (value,))))


@dataclass(frozen=True)
class Picks:
    """What a click on a mark of a figure leads to: the rows of the value of ``dimension`` that the mark is of.
    ``values``: the name that the mark has in its data -> the value.
    """

    dimension: str
    values: Mapping[str, str]


PICKED, PICKED_BY = "picked", "name"  # the selection within the figure, and the field of its data that it goes by


def picks(dimension: str, names: Mapping[str, str]) -> Picks:
    """``names``: value -> name."""
    return Picks(dimension, {name: value for value, name in names.items()})


def picking_key(panel: str) -> str:
    """The key of a figure whose marks can be clicked; another one after each click, so that the same mark can be
    clicked again.
    """
    return f"picking_{panel}_{st.session_state.get(f'picks_{panel}', 0)}"


def picked(panel: str, kpi: str, within: Within, chosen: Picks) -> None:
    """Take ``kpi`` apart at the mark that was clicked; a mark of all values leads to all."""
    marks = st.session_state[picking_key(panel)].selection[PICKED]
    if not marks:
        return
    st.session_state[f"picks_{panel}"] = st.session_state.get(f"picks_{panel}", 0) + 1
    open_drill(kpi, within=within)
    value = chosen.values.get(marks[0][PICKED_BY])
    if value is not None:
        go_down((Filter(chosen.dimension, (value,)),))


def drill_link(kpi: str, steps: Sequence[Filter]) -> str:
    """The address of this page with a KPI taken apart, ``steps`` down."""
    at = ",".join(f"{step.dimension}:{step.values[0] or UNKNOWN}" for step in steps)
    return "?" + urlencode(link() | {"drill": kpi} | ({"at": at} if at else {}))


def close_drill() -> None:
    """Leave the drill-down."""
    for name in _DRILL:
        _write(name, "")


def choose_service_level(formula: str) -> None:
    """Write the formula of the service level."""
    _write("sl", formula)


def put_back(names: Iterable[str]) -> None:
    """Take a page's own parameters out of the address: what they stood for is as it was."""
    for name in names:
        _write(name, "")


def link() -> dict[str, str]:
    """The parameters that a link to another page takes along: all but the drill-down, the pages' own and what was not
    valid.
    """
    left_out = {*_DRILL, "page", *OWN}
    return {name: value for name, value in query_params().items() if name in _KNOWN - left_out}


def kept_link() -> dict[str, str]:
    """The parameters that a saved view keeps: as ``link``, without the language, which is the visitor's."""
    return {name: value for name, value in link().items() if name != "lang"}


def reopened(kept: Mapping[str, str]) -> dict[str, str]:
    """The parameters that open a saved view for this visitor."""
    return {**kept, **{name: value for name, value in query_params().items() if name == "lang"}}


def restore(kept: Mapping[str, str]) -> None:
    """Show this page as a saved view."""
    st.query_params.from_dict(reopened(kept))


def clear_filters() -> None:
    """Take every filter out of the address; period and comparison stay."""
    for dimension in FILTERS:
        _write(dimension, "")


def rerun_page() -> None:
    """Make the whole page again, from within a part that refreshes alone."""
    st.rerun(scope="app")


_Kept = TypeVar("_Kept")


def draft(name: str, newest: _Kept) -> tuple[_Kept, str]:
    """What the visitor began to edit, ``newest`` at first and the same until ``discard``; a key for its editor."""
    number = st.session_state.setdefault(f"draft_number_{name}", 0)
    return st.session_state.setdefault(f"draft_{name}", newest), f"{name}_{number}"


def discard(name: str) -> None:
    """Begin anew with what is kept, without what the visitor changed."""
    st.session_state.pop(f"draft_{name}", None)
    st.session_state[f"draft_number_{name}"] = st.session_state.get(f"draft_number_{name}", 0) + 1


def tell(name: str, text: str) -> None:
    """What the page that is made next tells of an action; "" for nothing."""
    st.session_state[f"told_{name}"] = text


def told(name: str) -> str:
    """What an action before told to say."""
    said: str = st.session_state.get(f"told_{name}", "")
    return said
