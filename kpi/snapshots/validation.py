"""What a list of definitions may say: names, KPIs with dimensions that they have, filters, schedules, targets."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from kpi.errors import KpiError, NotApplicable, UnknownName
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.registry import METRICS
from kpi.query.question import Filter
from kpi.settings import Settings
from kpi.snapshots import schedule
from kpi.snapshots.model import Definition, Section
from kpi.snapshots.target import check_allowed, parse
from kpi.state import Problem
from kpi.state.editing import text_problems

# A name is part of file names and of addresses.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_MOST_SECONDS, _MOST_MINUTES = 3600, 10_080


def problems_of(
    definitions: Sequence[Definition],
    feeds: Collection[str] | None = None,
    values: Mapping[str, Collection[str]] | None = None,
    settings: Settings | None = None,
) -> list[Problem]:
    """Everything that keeps the definitions from being saved. ``feeds``: those of the warehouse; ``values``:
    dimension -> its values there; ``settings``: say where copies may go and who hears of a run that fails; None: not
    known.
    """
    found: list[Problem] = []
    names: set[str] = set()
    for number, definition in enumerate(definitions, start=1):
        found += text_problems(number, _texts(definition))
        for error in _problems(definition, feeds, values or {}, settings):
            if isinstance(error, KpiError):
                found.append(Problem(number, "problem_is", (("what", error),)))
            else:
                key, told = error
                found.append(Problem(number, key, tuple(told.items())))
        if definition.name in names:
            found.append(Problem(number, "snapshot_name_twice", (("name", definition.name),)))
        names.add(definition.name)
    return found


def _texts(definition: Definition) -> dict[str, str]:
    """What is shown of a definition, by its field."""
    texts = {"title.zh": definition.title[0], "title.en": definition.title[1]}
    for section in definition.sections:
        texts |= {f"{section.id[:40]} title.zh": section.title[0], f"{section.id[:40]} title.en": section.title[1]}
    return texts | {f"recipient {number}": one.name for number, one in enumerate(definition.recipients, start=1)}


_Told = tuple[str, dict[str, object]]


def _problems(
    definition: Definition,
    feeds: Collection[str] | None,
    values: Mapping[str, Collection[str]],
    settings: Settings | None,
) -> Iterable[KpiError | _Told]:
    if not NAME.fullmatch(definition.name):
        yield "snapshot_bad_name", {"name": definition.name[:60]}
    if not any(definition.title):
        yield "snapshot_no_title", {}
    if not definition.sections:
        yield "snapshot_no_sections", {}
    if not definition.formats:
        yield "snapshot_no_formats", {}
    if not 10 <= definition.time_limit_seconds <= _MOST_SECONDS:
        yield "snapshot_bad_limit", {"value": definition.time_limit_seconds, "most": _MOST_SECONDS}
    yield from _sections(definition)
    yield from _filters(definition.filters, values)
    yield from _recipients(definition, values, settings)
    yield from _owner(definition, settings)
    if definition.schedule is not None:
        yield from _schedule(definition, feeds)


def _sections(definition: Definition) -> Iterable[KpiError | _Told]:
    ids = [section.id for section in definition.sections]
    for section in definition.sections:
        if not NAME.fullmatch(section.id):
            yield "snapshot_bad_section", {"name": section.id[:60]}
        elif ids.count(section.id) > 1:
            yield "snapshot_section_twice", {"name": section.id}
        if not section.kpis:
            yield "snapshot_section_empty", {"name": section.id}
        if section.kind == "chart" and not section.by:
            yield "snapshot_chart_by_nothing", {"name": section.id}
        yield from _asked(section, definition.filters)


def _asked(section: Section, filters: Iterable[Filter]) -> Iterable[KpiError]:
    for dimension in section.by:
        if dimension not in DIMENSIONS:
            yield UnknownName("dimension", dimension, DIMENSIONS)
    wanted = [*section.by, *(one.dimension for one in filters)]
    for kpi in section.kpis:
        if kpi not in METRICS:
            yield UnknownName("kpi", kpi, METRICS)
            continue
        has = METRICS[kpi].dimensions
        for dimension in wanted:
            if dimension in DIMENSIONS and dimension not in has:
                yield NotApplicable("not_applicable", kpi=kpi, dimension=dimension, valid=", ".join(has))


def _filters(filters: Iterable[Filter], values: Mapping[str, Collection[str]]) -> Iterable[KpiError | _Told]:
    for one in filters:
        if one.dimension not in DIMENSIONS:
            yield UnknownName("dimension", one.dimension, DIMENSIONS)
            continue
        if not one.values:
            yield "snapshot_filter_empty", {"name": one.dimension}
        known = values.get(one.dimension) or DIMENSIONS[one.dimension].values
        for value in one.values:
            if known and value and value not in known:
                yield UnknownName("value", value, list(known))


def _recipients(
    definition: Definition, values: Mapping[str, Collection[str]], settings: Settings | None
) -> Iterable[KpiError | _Told]:
    names = [recipient.name for recipient in definition.recipients]
    for recipient in definition.recipients:
        unfit = not recipient.name or recipient.name.startswith(".") or len(recipient.name) > 60
        if unfit or "/" in recipient.name:
            yield "snapshot_bad_recipient", {"name": recipient.name[:60]}
        elif names.count(recipient.name) > 1:
            yield "snapshot_recipient_twice", {"name": recipient.name}
        if not recipient.target:
            yield "snapshot_no_target", {"name": recipient.name}
        else:
            yield from _target(recipient.name, recipient.target, settings)
        yield from _filters(recipient.scope.filters, values)


def _owner(definition: Definition, settings: Settings | None) -> Iterable[_Told]:
    """What goes out by itself must have somebody who hears when it does not."""
    if definition.owner:
        yield from _target("owner", definition.owner, settings)
    elif settings is not None and settings.snapshot_owner:
        yield from _target("KPI_SNAPSHOT_OWNER", settings.snapshot_owner, settings)
    elif settings is not None and definition.schedule is not None and definition.recipients:
        yield "snapshot_no_owner", {}


def _target(name: str, target: str, settings: Settings | None) -> Iterable[_Told]:
    """What would be refused on the day is refused now."""
    try:
        parsed = parse(target)
        if settings is not None:
            check_allowed(parsed, settings)
    except KpiError as error:
        yield "snapshot_bad_target", {"name": name, "what": error}


def _schedule(definition: Definition, feeds: Collection[str] | None) -> Iterable[KpiError | _Told]:
    asked = definition.schedule
    assert asked is not None
    try:
        schedule.check(asked)
    except KpiError as error:
        yield error
    if not 0 <= asked.deadline_minutes <= _MOST_MINUTES:
        yield "snapshot_bad_deadline", {"value": asked.deadline_minutes, "most": _MOST_MINUTES}
    for feed in asked.feeds:
        if feeds is not None and feed not in feeds:
            yield UnknownName("feed", feed, list(feeds))
