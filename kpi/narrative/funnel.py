"""Cohorts that narrow step by step: the chain of self-service, and the way from a referral to a signature.

Every step lies within the one before, since both are counted over the same mature cohort; what is missing between two
steps is named, and step + losses = step before.
"""

from dataclasses import dataclass
from typing import Literal

from kpi.query.answer import Answer, Cell, DimensionValue

CHAIN_KPIS = ("settled_rate", "chain_resolved", "chain_contained", "chain_lost")
JOURNEY_KPIS = ("end_to_end", "signed_rate")
DAYS_KPIS = ("days_to_visit", "days_to_visit_p90", "days_to_sign", "days_to_sign_p90")

StepId = Literal["started", "contained", "resolved", "settled", "referred", "visited", "signed"]
LossId = Literal["answered", "lost", "given_up", "back", "not_visited", "not_signed"]


@dataclass(frozen=True)
class Loss:
    """What did not reach a step. ``bad``: nobody served it (a human who answered is a way out, not a failure)."""

    id: LossId
    count: int
    bad: bool = True


@dataclass(frozen=True)
class Step:
    """``share``: of the cohort; ``previous``: that share in the comparison. ``days``: median and P90 from the start."""

    id: StepId
    count: int
    share: float
    previous: float | None = None
    losses: tuple[Loss, ...] = ()
    days: tuple[float, float] | None = None

    @property
    def lost(self) -> int:
        """How many of the step before did not reach it."""
        return sum(loss.count for loss in self.losses)


@dataclass(frozen=True)
class Funnel:
    """``steps`` from the whole cohort on; ``last``: the KPI of the last step, with its change and interval."""

    steps: tuple[Step, ...]
    last: Cell

    @property
    def cohort(self) -> int:
        return self.steps[0].count


def chain(answer: Answer, *key: DimensionValue) -> Funnel | None:
    """Started ⊇ contained ⊇ resolved ⊇ settled, from an answer to ``CHAIN_KPIS``; None where the cohort is empty."""
    settled, resolved, contained, lost = (answer.cell(kpi, *key) for kpi in CHAIN_KPIS)
    if any(cell.value is None for cell in (settled, resolved, contained, lost)):
        return None
    started, without_human, done, kept, missed = (
        round(number or 0)
        for number in (
            contained.denominator, contained.numerator, resolved.numerator, settled.numerator, lost.numerator
        )
    )  # fmt: skip
    escalated = (Loss("answered", started - without_human - missed, bad=False), Loss("lost", missed))
    return Funnel(
        (
            Step("started", started, 1.0),
            _step("contained", without_human, contained, escalated),
            _step("resolved", done, resolved, (Loss("given_up", without_human - done),)),
            _step("settled", kept, settled, (Loss("back", done - kept),)),
        ),
        settled,
    )


def _step(name: StepId, count: int, cell: Cell, losses: tuple[Loss, ...]) -> Step:
    assert cell.value is not None
    return Step(name, count, cell.value, cell.previous, losses)


def journey(answer: Answer, *key: DimensionValue) -> Funnel | None:
    """Referred ⊇ visited ⊇ signed, within 60 days, from an answer to ``JOURNEY_KPIS`` and, where it has them,
    ``DAYS_KPIS``; None where nobody was referred.
    """
    through, signing = (answer.cell(kpi, *key) for kpi in JOURNEY_KPIS)
    if through.value is None or not through.denominator:
        return None
    referred, visited, signed = (
        round(number or 0) for number in (through.denominator, signing.denominator, through.numerator)
    )
    # The share that visited follows from the two rates, whose product is the whole way's.
    before = through.previous / signing.previous if through.previous is not None and signing.previous else None
    days: dict[str, tuple[float, float] | None] = dict.fromkeys(("visit", "sign"))
    if set(DAYS_KPIS) <= set(answer.question.kpis):
        for way in days:
            median, late = (answer.cell(f"days_to_{way}{end}", *key).value for end in ("", "_p90"))
            days[way] = (median, late) if median is not None and late is not None else None
    return Funnel(
        (
            Step("referred", referred, 1.0),
            Step("visited", visited, visited / referred, before, (Loss("not_visited", referred - visited),),
                 days["visit"]),
            Step("signed", signed, through.value, through.previous, (Loss("not_signed", visited - signed),),
                 days["sign"]),
        ),
        through,
    )  # fmt: skip


def in_hundred(parts: tuple[int, ...]) -> tuple[str, ...]:
    """The parts of a whole in a hundred, in words: what is not all of it or nothing is not told as that."""
    total = sum(parts)
    return tuple(
        "<1" if part and not count else ">99" if part < total and count == 100 else str(count)
        for part, count in zip(parts, per_hundred(parts), strict=True)
    )


def per_hundred(parts: tuple[int, ...]) -> tuple[int, ...]:
    """The parts of a whole as whole numbers that add up to 100 (largest remainders); all 0 of nothing."""
    total = sum(parts)
    if total == 0:
        return (0,) * len(parts)
    shares = [divmod(part * 100, total) for part in parts]
    missing = 100 - sum(whole for whole, _ in shares)
    up = sorted(range(len(parts)), key=lambda place: -shares[place][1])[:missing]
    return tuple(whole + (place in up) for place, (whole, _) in enumerate(shares))
