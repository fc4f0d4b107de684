"""Definitions as plain data (what JSON and TOML can hold), read back with every problem named."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar, get_args

from kpi.errors import KpiError, UnknownName
from kpi.i18n import LANGUAGES
from kpi.metrics.desk import SERVICE_LEVELS
from kpi.query.question import EVERYTHING, Filter, Named, Scope
from kpi.snapshots.model import (
    Definition,
    Format,
    Recipient,
    RelativePeriod,
    Schedule,
    Section,
    SectionKind,
    WhenEmpty,
)
from kpi.state import Problem

PERIODS: tuple[RelativePeriod, ...] = get_args(RelativePeriod)
FORMATS: tuple[Format, ...] = get_args(Format)
EMPTY: tuple[WhenEmpty, ...] = get_args(WhenEmpty)
KINDS: tuple[SectionKind, ...] = get_args(SectionKind)
COMPARISONS = (*get_args(Named), "none")
DAYS = ("any", "working", "first_working_day")
DOWNTIME = ("catch_up", "skip")

_Value = TypeVar("_Value")
_SCHEDULE = tuple(one.name for one in fields(Schedule))
_SECTION = ("id", "kind", "kpis", "by", "title")
_RECIPIENT = ("name", "target", "language", "filters", "see_interactions", "see_agents")
_DEFINITION = (
    *("name", "title", "period", "compare", "language", "formats", "empty", "owner", "paused", "time_limit_seconds"),
    *("service_level", "filters", "schedule", "section", "recipient"),
)


# --- to plain data ---------------------------------------------------------------------------------------------------


def as_plain(definition: Definition) -> dict[str, Any]:
    """Everything that ``of_plain`` needs to give the same definition; what is as usual is left out."""
    plain: dict[str, Any] = {
        "name": definition.name,
        "title": _title(definition.title),
        "period": definition.period,
        "compare": definition.compare or "none",
        "language": definition.language,
        "formats": list(definition.formats),
        "empty": definition.empty,
        "owner": definition.owner,
        "paused": definition.paused,
        "time_limit_seconds": definition.time_limit_seconds,
        "service_level": definition.service_level or "",
        "filters": _filters(definition.filters),
    }
    if definition.schedule is not None:
        told = {name: getattr(definition.schedule, name) for name in _SCHEDULE}
        plain["schedule"] = told | {"feeds": list(definition.schedule.feeds)}
    plain["section"] = [_section(section) for section in definition.sections]
    plain["recipient"] = [_recipient(recipient) for recipient in definition.recipients]
    return {name: value for name, value in plain.items() if value not in ({}, [], "")}


def _title(title: tuple[str, str]) -> dict[str, str]:
    return {language: text for language, text in zip(("zh", "en"), title, strict=True) if text}


def _filters(filters: Iterable[Filter]) -> dict[str, list[str]]:
    return {one.dimension: list(one.values) for one in filters}


def _section(section: Section) -> dict[str, Any]:
    plain = {"id": section.id, "kind": section.kind, "kpis": list(section.kpis), "by": list(section.by)}
    return {name: value for name, value in (plain | {"title": _title(section.title)}).items() if value not in ({}, [])}


def _recipient(recipient: Recipient) -> dict[str, Any]:
    scope, plain = recipient.scope, {"name": recipient.name, "target": recipient.target}
    told: dict[str, Any] = dict(plain)
    if recipient.language is not None:
        told["language"] = recipient.language
    if scope.filters:
        told["filters"] = _filters(scope.filters)
    for name in ("see_interactions", "see_agents"):
        if not getattr(scope, name):
            told[name] = False
    return told


# --- from plain data -------------------------------------------------------------------------------------------------


class _Reader:
    """Takes values out of one definition's data, and notes what cannot be used."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.problems: list[Problem] = []

    def wrong(self, key: str, **values: object) -> None:
        self.problems.append(Problem(self.number, key, tuple(values.items())))

    def error(self, error: KpiError) -> None:
        self.problems.append(Problem(self.number, "problem_is", (("what", error),)))

    def known(self, data: Mapping[str, Any], valid: Sequence[str]) -> None:
        for name in data:
            if name not in valid:
                self.error(UnknownName("field", str(name), valid))

    def take(self, data: Mapping[str, Any], name: str, kind: type[_Value], default: _Value) -> _Value:
        value = data.get(name, default)
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
        self.wrong(f"snapshot_field_{kind.__name__}", field=name, value=str(value)[:60])
        return default

    def one_of(self, data: Mapping[str, Any], name: str, valid: Sequence[_Value], default: _Value) -> _Value:
        value = data.get(name, default)
        for one in valid:
            if one == value:
                return one
        self.error(UnknownName("value", str(value), [str(one) for one in valid]))
        return default

    def texts(self, data: Mapping[str, Any], name: str) -> tuple[str, ...]:
        value = data.get(name, [])
        if isinstance(value, str) or not isinstance(value, list | tuple) or not all(isinstance(x, str) for x in value):
            self.wrong("snapshot_field_list", field=name, value=str(value)[:60])
            return ()
        return tuple(value)

    def title(self, data: Mapping[str, Any]) -> tuple[str, str]:
        told = self.take(data, "title", dict, {})
        self.known(told, ("zh", "en"))
        return self.take(told, "zh", str, "").strip(), self.take(told, "en", str, "").strip()

    def filters(self, data: Mapping[str, Any]) -> tuple[Filter, ...]:
        told = self.take(data, "filters", dict, {})
        return tuple(Filter(str(dimension), self.texts(told, dimension)) for dimension in told)

    def entries(self, data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
        value = data.get(name, [])
        if isinstance(value, list) and all(isinstance(one, dict) for one in value):
            return value
        self.wrong("snapshot_field_entries", field=name)
        return []


def of_plain(data: Mapping[str, Any], number: int = 1) -> tuple[Definition, list[Problem]]:
    """The definition that ``data`` holds as far as it can be read, and what of it cannot; ``number``: of the entry."""
    read = _Reader(number)
    read.known(data, _DEFINITION)
    compare = read.one_of(data, "compare", COMPARISONS, "previous")
    definition = Definition(
        name=read.take(data, "name", str, "").strip(),
        title=read.title(data),
        sections=tuple(_read_section(read, one) for one in read.entries(data, "section")),
        period=read.one_of(data, "period", PERIODS, "yesterday"),
        compare=None if compare == "none" else compare,
        filters=read.filters(data),
        language=read.one_of(data, "language", LANGUAGES, "zh"),
        formats=_formats(read, data),
        recipients=tuple(_read_recipient(read, one) for one in read.entries(data, "recipient")),
        schedule=_read_schedule(read, read.take(data, "schedule", dict, {})) if "schedule" in data else None,
        empty=read.one_of(data, "empty", EMPTY, "send"),
        owner=read.take(data, "owner", str, "").strip(),
        paused=read.take(data, "paused", bool, False),
        time_limit_seconds=read.take(data, "time_limit_seconds", int, 300),
        service_level=read.one_of(data, "service_level", list(SERVICE_LEVELS), "") if "service_level" in data else None,
    )
    return definition, read.problems


def _formats(read: _Reader, data: Mapping[str, Any]) -> tuple[Format, ...]:
    if "formats" not in data:
        return ("xlsx", "pdf")
    given = read.texts(data, "formats")
    for name in given:
        if name not in FORMATS:
            read.error(UnknownName("format", name, FORMATS))
    return tuple(name for name in FORMATS if name in given)


def _read_section(read: _Reader, data: Mapping[str, Any]) -> Section:
    read.known(data, _SECTION)
    return Section(
        read.take(data, "id", str, "").strip(),
        read.one_of(data, "kind", KINDS, "table"),
        read.texts(data, "kpis"),
        read.texts(data, "by"),
        read.title(data),
    )


def _read_recipient(read: _Reader, data: Mapping[str, Any]) -> Recipient:
    read.known(data, _RECIPIENT)
    scope = Scope(
        read.filters(data),
        read.take(data, "see_interactions", bool, True),
        read.take(data, "see_agents", bool, True),
    )
    return Recipient(
        read.take(data, "name", str, "").strip(),
        read.take(data, "target", str, "").strip(),
        EVERYTHING if scope == EVERYTHING else scope,
        read.one_of(data, "language", LANGUAGES, "zh") if "language" in data else None,
    )


def _read_schedule(read: _Reader, data: Mapping[str, Any]) -> Schedule:
    read.known(data, _SCHEDULE)
    return Schedule(
        read.take(data, "cron", str, "").strip(),
        read.take(data, "zone", str, "Asia/Shanghai").strip(),
        read.one_of(data, "days", DAYS, "any"),  # type: ignore[arg-type]
        read.take(data, "wait", bool, True),
        read.texts(data, "feeds"),
        read.take(data, "deadline_minutes", int, 240),
        read.one_of(data, "after_downtime", DOWNTIME, "catch_up"),  # type: ignore[arg-type]
    )
