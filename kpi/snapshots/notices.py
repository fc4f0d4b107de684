"""What is told of a run that is not simply sent: to its owner what went wrong and what to do, to recipients neither."""

from collections.abc import Sequence

from kpi.i18n import Language, phrase
from kpi.i18n.numbers import format_date, format_period
from kpi.snapshots.model import Notice, period_of
from kpi.snapshots.runs import Change, Run, Sent, say, told_state


def notice_of(run: Run, kind: str, language: Language, lines: Sequence[Sent] = ()) -> Notice:
    """What is told. ``kind``: owner or notice (to a recipient). ``lines``: what became of each copy."""
    period = period_of(run.definition.period, run.due_on)
    values = {
        "title": run.definition.title_in(language),
        "due": format_date(run.due_on, language, year=True),
        "period": format_period(period.start, period.end, language, year=True),
    }
    about = {"notice": kind, "run": run.key, "snapshot": run.name, "due": run.due_on.isoformat()}
    if kind != "owner":
        return Notice(values["title"], (phrase(language, "notice_recipient", **values),), language, about)
    state = told_state(run, language)
    said = [phrase(language, "notice_owner", **values, state=state)]
    if reason := say(run.reason, language):
        said.append(reason)
    for line in lines:
        if line.kind == "copy" and line.status not in {"sent", "skipped"}:
            said.append(f"{line.recipient}: {phrase(language, f'delivery_{line.status}')} {line.detail}".rstrip())
    said.append(phrase(language, f"notice_todo_{run.state}", run=run.key, name=run.name, day=run.due_on))
    return Notice(f"{values['title']} · {state}", tuple(said), language, about | {"state": run.state})


def changes_text(changes: Sequence[Change], run: Run, earlier: int, language: Language) -> str:
    """What a revision changed, a line a figure."""
    values = {"title": run.definition.title_in(language), "revision": run.revision, "before": earlier}
    said = [phrase(language, "changes_head" if changes else "changes_none", **values, count=len(changes))]
    said += [
        "\t".join([one.section, one.kpi, one.key, f"{_number(one.before)} → {_number(one.after)}", difference(one)])
        for one in changes
    ]
    return "\n".join(said) + "\n"


def difference(change: Change) -> str:
    """By how much, with its sign; "" where one of the two is none."""
    if change.before is None or change.after is None:
        return ""
    return f"{change.after - change.before:+.10g}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.10g}"
