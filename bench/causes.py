"""The planted events of the demo bank as questions whose first cause is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from kpi.drivers.finding import Finding
from kpi.query import Period, Question
from seed.events import Event, Sign, planted
from seed.options import Options

# Days after which the contacts of a KPI's period can be judged, where it needs any.
_MATURE = {"durable_self_service_rate": 8}


@dataclass(frozen=True)
class Case:
    """An event, the sign that must be named first, and the question of the event's days against those before."""

    event: Event
    sign: Sign
    question: Question

    @property
    def name(self) -> str:
        return f"{self.event.id}: {self.sign.kpi}, {self.sign.dimension}={self.sign.value} {self.sign.direction}"

    def named_by(self, findings: tuple[Finding, ...]) -> bool:
        """Whether the first finding is this one: dimension, value and sign."""
        if not findings:
            return False
        first = findings[0]
        return (
            first.dimension == self.sign.dimension
            and str(first.value) == self.sign.value
            and (first.points > 0) == (self.sign.direction == "up")
        )


def cases(options: Options) -> Iterator[Case]:
    """Of every event whose days and as many before lie in the data, the first sign of each KPI."""
    for event in planted(options):
        seen: set[str] = set()
        for sign in event.signs:
            if not sign.dimension or sign.kpi in seen:
                continue
            seen.add(sign.kpi)
            last = min(event.last, options.end - timedelta(days=_MATURE.get(sign.kpi, 0)))
            period = Period(event.first, last)
            if period.shifted(-period.days).start >= options.start:
                yield Case(event, sign, Question((sign.kpi,), period, compare="previous"))
