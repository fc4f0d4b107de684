"""What is told of a run that is not simply sent: to its owner what went wrong and what to do, to recipients neither."""

from collections.abc import Mapping, Sequence

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_date, format_difference, format_period, format_value
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.registry import METRICS
from kpi.plain_text import clean
from kpi.snapshots.model import Notice
from kpi.snapshots.runs import Change, Run, Sent, say, told_state


def notice_of(run: Run, kind: str, language: Language, lines: Sequence[Sent] = ()) -> Notice:
    """What is told. ``kind``: owner or notice (to a recipient). ``lines``: what became of each copy."""
    period = run.period
    values = {
        "title": run.definition.title_in(language),
        "due": format_date(run.due_on, language, year=True),
        "period": format_period(period.start, period.end, language, year=True),
    }
    subject = f"{values['title']} · {values['period']}"
    about = {"notice": kind, "run": run.key, "snapshot": run.name, "due": run.due_on.isoformat()}
    if kind != "owner":
        return Notice(subject, (phrase(language, "notice_recipient", **values),), language, about)
    state = told_state(run, language)
    said = [phrase(language, "notice_owner", **values, state=state)]
    if reason := say(run.reason, language):
        said.append(reason)
    for line in lines:
        if line.kind == "copy" and line.status not in {"sent", "skipped"}:
            said.append(f"{line.recipient}: {phrase(language, f'delivery_{line.status}')} {line.detail}".rstrip())
    todo = "undelivered" if run.state == "failed" and run.folder else run.state
    said.append(phrase(language, f"notice_todo_{todo}", run=run.key, name=run.name, day=run.due_on))
    return Notice(f"{subject} · {state}", tuple(said), language, about | {"state": run.state})


def changes_text(
    changes: Sequence[Change], run: Run, earlier: int, names: Mapping[str, Mapping[str, str]], language: Language
) -> str:
    """What a revision changed, a line a figure. ``names``: as ``figure_name`` takes them, and under ``section`` the
    titles of the sections.
    """
    titles = names.get("section", {})
    values = {"title": run.definition.title_in(language), "revision": run.revision, "before": earlier}
    said = [phrase(language, "changes_head" if changes else "changes_none", **values, count=len(changes))]
    said += [
        f"{titles.get(one.section, one.section)}\t{figure_name(one.kpi, one.key, names, language)}"
        f"\t{change_text(one.kpi, one.before, one.after, language)}"
        for one in changes
    ]
    return "\n".join(said) + "\n"


def figure_name(kpi: str, key: str, names: Mapping[str, Mapping[str, str]], language: Language) -> str:
    """A figure in words: “Volume (channel WeChat, 6★)”. ``key``: as ``Rendered.figures`` has it; ``names``: dimension
    -> value -> name, of those that are known.
    """
    name = METRICS[kpi].name(language) if kpi in METRICS else kpi
    told = part_name(key, names, language)
    return f"{name} ({told})" if told else name


def part_name(key: str, names: Mapping[str, Mapping[str, str]], language: Language) -> str:
    """What a figure is of, in words: “channel WeChat, 6★”; "" for the whole."""
    by, _, moved = key.partition("@")
    told = []
    for part in filter(None, by.split("|")):
        dimension, _, value = part.partition("=")
        known = names.get(dimension, {})
        said = clean(known.get(value, value)) or phrase(language, "unknown_value")
        told.append(f"{DIMENSIONS[dimension].name(language).lower()} {said}" if dimension in DIMENSIONS else said)
    told += filter(None, [moved.replace("/", " – ")])
    return ", ".join(told)


def change_text(kpi: str, before: float | None, after: float | None, language: Language) -> str:
    """From what to what, in the KPI's unit, and by how much where both are known."""
    was, now, by = change_parts(kpi, before, after, language)
    return f"{was} → {now} ({by})" if by else f"{was} → {now}"


def change_parts(kpi: str, before: float | None, after: float | None, language: Language) -> tuple[str, str, str]:
    """The two values in the KPI's unit, and their difference: it is told also where both are written alike. "" where
    one of them is not known.
    """
    unit = METRICS[kpi].unit if kpi in METRICS else "count"
    was, now = (format_value(value, unit, language, compact=False) for value in (before, after))
    if before is None or after is None:
        return was, now, ""
    if unit in {"share", "points"}:
        return was, now, format_difference(after - before, unit, language, 2)
    by = format_value(after - before, unit, language, compact=False)
    return was, now, f"{'+' if after >= before else ''}{by}"
