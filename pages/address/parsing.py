"""From the parameters of an address to a view: whatever is no valid value is left out and named, nothing ever fails."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from kpi.dates import day_of
from kpi.errors import KpiError, PeriodError
from kpi.i18n import LANGUAGES, Language
from kpi.i18n.formats import format_date
from kpi.metrics.desk import SERVICE_LEVELS
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS, SECTIONS
from kpi.query.question import Compare, Filter, Period
from kpi.query.selection import typed
from pages.address.explore_choice import read_choice
from pages.address.view import (
    AS_VIEWED,
    CUSTOM,
    DEFAULT_PRESET,
    FILTERS,
    KNOWN,
    PRESETS,
    STEPS,
    UNKNOWN,
    Ignored,
    Preset,
    View,
    Within,
)

_SHOWN = 40  # characters of a bad value that are repeated to the reader


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
        ignored.append(not_valid(name, value, key))

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
            if (dates := _dates_within(other, today, first)) is not None:
                compare = dates
            else:
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
    if unknown := [name for name in params if name not in KNOWN]:
        ignored.append(not_valid(", ".join(unknown), "", "link_unknown"))
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
    if (dates := _dates_within(text, today, first)) is not None:
        return Within(dates, kept)
    bad("span", text)
    return Within(None, kept)


def _dates_within(text: str, today: date, first: date) -> Period | None:
    """The dates that ``text`` names; None where they are none, or the data holds none of them."""
    try:
        dates = Period.of(text)
    except PeriodError:
        return None
    return dates if dates.end >= first and dates.start <= today else None


def time_value(dimension: str, text: str) -> date | int | None:
    """A step along a time: the first day of a date, week or month, or the number of an hour or weekday; None where it
    is none.
    """
    try:
        value = typed(dimension, text)
    except KpiError:
        return None
    return None if isinstance(value, str) else value


def not_valid(name: str, value: str, key: str = "link_ignored") -> Ignored:
    """A parameter whose value could not be used, for the reader."""
    return Ignored(key, (("name", _short(name)), ("value", _short(value))))


def _short(text: str) -> str:
    return text[:_SHOWN] + ("…" if len(text) > _SHOWN else "")


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
            days[name] = day_of(text) if text else default
        except PeriodError:
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
