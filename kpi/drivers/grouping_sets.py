"""The sums of a plan by several sets of dimensions and for two periods at once: a statement a roll-up, instead of one a
set and period. What a statement costs is mostly its own planning.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from kpi.metrics.dimensions import INTERACTION
from kpi.metrics.model import Fact
from kpi.metrics.rollups import ROLLUPS, RollUp
from kpi.query.measure import (
    Plan,
    Source,
    Statement,
    Sums,
    added,
    cut_facts_of,
    facts_of,
    grouped,
    roll_up_for,
    rolled_of,
)
from kpi.query.question import Period
from kpi.query.selection import Selection

By = tuple[str, ...]
# Statement -> sums.
Read = dict[str, Sums]


def shares_of(bys: Sequence[By]) -> list[list[By]]:
    """``bys`` in shares to be read side by side: what only the facts can answer, and the roll-ups' in two."""
    together: dict[str, list[By]] = defaultdict(list)
    for by in bys:
        together[next((r.table.name for r in ROLLUPS if r.covers(INTERACTION, by)), "")].append(by)
    shares: list[list[By]] = [together.pop("", []), [], []]
    for of in sorted(together.values(), key=len, reverse=True):
        min(shares[1:], key=len).extend(of)
    return [share for share in shares if share]


def is_rolled(fact: Fact, by: By) -> bool:
    """Whether a roll-up can answer by these dimensions."""
    return any(roll_up.covers(fact, by) for roll_up in ROLLUPS)


def read_sets(plan: Plan, before: Selection, bys: Sequence[By]) -> tuple[dict[By, Read], dict[By, Read]]:
    """What the plan would read for each of ``bys`` as the question's dimensions, and what it would read of another
    period, ``before``, which is asked with the same filters: the same integers.

    The plan holds sums only; its question's own dimensions do not matter.
    """
    now: dict[By, Read] = {by: {} for by in bys}
    then: dict[By, Read] = {by: {} for by in bys}
    for name, statement, additive in plan.named():
        assert additive, "only sums are read by several sets"
        for found, side in zip((now, then), _read((plan.selection, before), statement, bys), strict=True):
            for by, sums in side.items():
                found[by][name] = sums
    return now, then


@dataclass(frozen=True)
class _Job:
    """Sources of one table, one a side of the comparison that has days there, to be summed by some sets."""

    sources: tuple[tuple[int, Source, Period], ...]
    bys: Sequence[By]


def _read(sides: Sequence[Selection], statement: Statement, bys: Sequence[By]) -> list[dict[By, Sums]]:
    together: dict[RollUp | None, list[By]] = defaultdict(list)
    for by in bys:
        together[roll_up_for(sides[0].grouped(by), statement.fact)].append(by)
    of_facts = together.pop(None, [])
    rolled = [by for of_roll_up in together.values() for by in of_roll_up]
    jobs: list[_Job] = []
    for roll_up, of_roll_up in together.items():
        assert roll_up is not None
        whole = [(i, side.split[0], side) for i, side in enumerate(sides)]
        sources = [(i, rolled_of(side, statement, roll_up, days), days) for i, days, side in whole if days is not None]
        jobs.append(_Job(tuple(sources), of_roll_up))
    for wanted, cut in ((rolled, True), (of_facts, False)):
        dimensions = dict.fromkeys([*(key for by in wanted for key in by), *sides[0].dimensions])
        days_of = [(i, side.split[1] if cut else side.period, side) for i, side in enumerate(sides)]
        read = cut_facts_of if cut else facts_of
        facts = [(i, read(side, statement, days, dimensions), days) for i, days, side in days_of if days]
        if wanted and facts:
            jobs.append(_Job(tuple(facts), wanted))
    found: list[dict[By, Sums]] = [{by: {} for by in bys} for _ in sides]
    for job in jobs:
        for one in [job] if _near(job) else [replace(job, sources=(source,)) for source in job.sources]:
            for i, by, sums in _run(sides[0], one):
                added(found[i][by], sums)
    return found


def _near(job: _Job) -> bool:
    """Whether one statement for both periods reads little more than both: they do not overlap, nor lie far apart, and
    are read from the same.
    """
    if any(source.instead is not None for _, source, _ in job.sources):
        return False
    first, *others = sorted((days for _, _, days in job.sources), key=lambda days: days.start)
    return all(0 < (other.start - first.end).days <= first.days for other in others)


def _run(selection: Selection, job: _Job) -> list[tuple[int, By, Sums]]:
    dimensions = list(dict.fromkeys(key for by in job.bys for key in by))
    names = [f"k{i}" for i in range(len(dimensions))]
    sets = ", ".join(f"({', '.join(['side', *(names[dimensions.index(key)] for key in by)])})" for by in job.bys)
    wheres = [sa.and_(*source.where) for _, source, _ in job.sources]
    numbers: list[sa.ColumnElement] = [sa.literal_column(str(i)) for i, _, _ in job.sources]
    side: sa.ColumnElement = (
        sa.case(*zip(wheres[:-1], numbers[:-1], strict=True), else_=numbers[-1]) if wheres[1:] else numbers[0]
    )
    # Which dimensions a row is not grouped by, the first one as the highest bit.
    which: sa.Label = sa.literal_column(f"grouping({', '.join(names)})" if names else "0").label("which")
    query = grouped(
        selection,
        replace(job.sources[0][1], where=[sa.or_(*wheres)]),
        dimensions,
        [sa.literal_column(f"GROUPING SETS ({sets})")],
        side.label("side"),
        which,
    )
    width, labels = len(dimensions), job.sources[0][1].labels
    masks = {sum(1 << (width - 1 - i) for i, key in enumerate(dimensions) if key not in by): by for by in job.bys}
    places = {by: [dimensions.index(key) for key in by] for by in job.bys}
    found: dict[tuple[int, By], Sums] = defaultdict(dict)
    for row in selection.connection.execute(query, selection.published.binds()).all():
        by = masks[row[width + 1]]
        key = tuple(row[place] for place in places[by])
        found[row[width], by][key] = dict(zip(labels, row[width + 2 :], strict=True))
    return [(i, by, sums) for (i, by), sums in found.items()]
