"""The annotations and targets of the demo bank: what the centre itself knows to have happened, and what it wants."""

from dataclasses import replace
from datetime import date, timedelta

from kpi.i18n import Language, phrase
from kpi.settings import Settings
from kpi.state import Annotation, StateDatabase, Target
from kpi.state import annotations as notes
from kpi.state import targets as wanted
from seed.events import planted
from seed.options import Options

_AUTHOR = "demo"
# Who answers for it: the phrase ``seed_owner_…``. Values as they lie about the demo bank's own: some met, some missed.
_WANTED: tuple[tuple[str, Target], ...] = (
    ("digital", Target("self_service_rate", channel="wechat", low=0.95)),
    ("digital", Target("durable_self_service_rate", low=0.90)),
    ("quality", Target("csat", low=0.95)),
    ("quality", Target("csat", tier="7", low=0.97)),
    ("quality", Target("response_rate", low=0.20)),
    ("quality", Target("fcr", low=0.88)),
    ("desk", Target("service_level", low=0.80)),
    ("desk", Target("service_level", line="vip", low=0.90)),
    ("desk", Target("answer_rate", low=0.94)),
    ("desk", Target("abandonment_rate", high=0.05)),
    ("desk", Target("asa", high=20.0)),
    ("desk", Target("occupancy", low=0.70, high=0.85)),
    ("digital", Target("long_tail_coverage", low=0.25)),
)
_BEFORE_JULY, _SINCE_JULY = 0.85, 0.87  # the bar of the self-service rate, raised in the middle of the last year


def known(options: Options) -> list[Annotation]:
    """The planted events that are no secret; a release is the day it went out."""
    return [
        Annotation(
            event.first, event.first if event.known == "release" else event.last, event.known, event.zh, event.en
        )
        for event in planted(options)
        if event.known is not None
    ]


def targets(options: Options, language: Language) -> list[Target]:
    """From the first year of the data on, until further notice, but for the one that was raised."""
    begin, raised = date(options.start.year, 1, 1), date(options.end.year, 7, 1)
    rate = Target("self_service_rate", low=_BEFORE_JULY, first=begin, last=raised - timedelta(days=1))
    note = phrase(language, "seed_target_raised")
    rows = [
        *([("digital", rate)] if begin < raised else []),
        ("digital", replace(rate, low=_SINCE_JULY, first=raised, last=None, note=note)),
        *((owner, replace(row, first=begin)) for owner, row in _WANTED),
    ]
    return [replace(row, owner=phrase(language, f"seed_owner_{owner}")) for owner, row in rows]


def write_down(settings: Settings, options: Options) -> bool:
    """Write both into the state database where it holds no annotation, or no target; says whether it did."""
    state = StateDatabase(settings)
    try:
        noted = notes.begin_with(state, known(options), _AUTHOR)
        return wanted.begin_with(state, targets(options, settings.language), _AUTHOR) or noted
    finally:
        state.close()
