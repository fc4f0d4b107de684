"""The identity proof: equations that must hold if the figures are right. Computed, shown, and a gate for snapshots."""

from dataclasses import dataclass, replace

import sqlalchemy as sa

from kpi import schema
from kpi.metrics import parts
from kpi.metrics.model import Part
from kpi.metrics.registry import additive_parts
from kpi.metrics.rollups import ROLLUPS
from kpi.query.answering import answer_on
from kpi.query.measure import Plan
from kpi.query.question import Period, Question
from kpi.query.rows import count_on
from kpi.query.selection import Key, Selection
from kpi.warehouse import Published, Warehouse


@dataclass(frozen=True)
class Check:
    """One equation: ``total`` = Σ ``terms``. ``id`` is the key of a phrase ``identity_…``; the terms' names are the
    keys of phrases ``term_…`` or values of a dimension.
    """

    id: str
    total: int
    terms: tuple[tuple[str, int], ...]

    @property
    def holds(self) -> bool:
        return self.total == sum(number for _, number in self.terms)


def proof(warehouse: Warehouse, question: Question) -> list[Check]:
    """The identities of ``question``'s period and filters (its KPIs and dimensions do not matter):

    * offered = answered + abandoned in queue + still waiting
    * self-service sessions = resolved + gave up + escalated and answered + escalated and lost
    * channels and tiers each add up to the volume
    * the rows of the drill-down are as many as the volume
    * the roll-ups say what the facts say
    """
    with warehouse.read() as connection:
        published = warehouse.require_data(connection)
        return proof_on(connection, published, warehouse.settings.service_level, question)


def proof_on(connection: sa.Connection, published: Published, service_level: str, question: Question) -> list[Check]:
    """As ``proof``, within a transaction that is open already. ``service_level``: that of the settings."""
    selection = Selection.of(connection, published, replace(question, by=()))

    def sums(by: tuple[str, ...], *wanted: Part, rolled_up: bool = True) -> dict[Key, tuple[int, ...]]:
        plan = Plan(replace(selection, by=by, rolled_up=rolled_up))
        places = [plan.part(part, None) for part in wanted]
        return {key: tuple(found[label] for _, label in places) for key, found in plan.read()[places[0][0]].items()}

    four = (parts.RESOLVED, parts.GIVEN_UP, parts.ESCALATED_ANSWERED, parts.ESCALATED_LOST)
    desk = (parts.ANSWERED, parts.LOST_IN_QUEUE, parts.WAITING)
    every = (parts.CONTACTS, parts.OFFERED, *desk, parts.COHORT, *four)
    (total,) = sums((), *every).values() or ((0,) * len(every),)
    (facts,) = sums((), *every, rolled_up=False).values() or ((0,) * len(every),)
    checks = [
        Check("offered", total[1], tuple(zip((part.id for part in desk), total[2:5], strict=True))),
        Check("sessions", total[5], tuple(zip((part.id for part in four), total[6:10], strict=True))),
    ]
    for dimension in ("channel", "tier"):
        cells = sums((dimension,), parts.CONTACTS)
        terms = tuple((str(key[0]) if key[0] is not None else "", count) for key, (count,) in cells.items())
        checks.append(Check(dimension, total[0], terms))
    if question.scope.see_interactions:
        volume = replace(question, kpis=("volume",), by=(), compare=None)
        listed = count_on(connection, published, service_level, volume)
        figure = answer_on(connection, published, service_level, volume).cell("volume").value
        checks.append(Check("rows", int(figure or 0), (("listed", listed),)))
    checks.append(Check("roll_up", sum(facts), (("rolled_up", sum(total)),)))
    return checks


def audit(warehouse: Warehouse) -> list[Check]:
    """The proof over all the data, and what must hold of the warehouse as a whole:

    * every roll-up adds up to the facts, part by part
    * every load: rows read = loaded + updated + duplicate + excluded + rejected
    * (source, interaction_id) is unique

    Raises WarehouseError where a table cannot be read, also one that none of this stands on.
    """
    warehouse.check_readable()
    with warehouse.read() as connection:
        published = warehouse.require_data(connection)
        i = schema.interaction.c
        first, last = connection.execute(sa.select(sa.func.min(i.business_date), sa.func.max(i.business_date))).one()
        contacts, distinct = connection.execute(
            sa.select(sa.func.count(), sa.func.count(sa.distinct(i.source + ":" + i.interaction_id)))
        ).one()
        checks = [Check("unique", contacts, (("distinct", distinct),))]
        b = schema.load_batch.c
        outcomes = (b.loaded, b.updated, b.duplicate, b.excluded, b.rejected)
        read, *ended = connection.execute(sa.select(*(sa.func.sum(c) for c in (b.rows_read, *outcomes)))).one()
        terms = tuple((column.name, int(number or 0)) for column, number in zip(outcomes, ended, strict=True))
        checks.append(Check("rows_read", int(read or 0), terms))
        binds = published.binds()
        for roll_up in ROLLUPS:
            wanted = [part for part in additive_parts().values() if part.fact is roll_up.fact]
            facts = connection.execute(
                sa.select(*(part.sum() for part in wanted)).select_from(roll_up.fact.from_), binds
            ).one()
            rolled = connection.execute(
                sa.select(*(sa.cast(sa.func.sum(roll_up.table.c[part.id]), sa.BigInteger) for part in wanted))
            ).one()
            terms = tuple((part.id, int(found or 0)) for part, found in zip(wanted, rolled, strict=True))
            wrong = [t for t, fact in zip(terms, facts, strict=True) if t[1] != fact]
            shown = tuple(wrong) or (("rolled_up", sum(number for _, number in terms)),)
            checks.append(Check(roll_up.table.name, sum(facts), shown))
    everything = Question(("volume",), Period(first, last))
    return checks + proof(warehouse, everything)
