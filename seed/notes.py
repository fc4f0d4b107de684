"""The annotations of the demo bank: what the centre itself knows to have happened."""

from kpi.settings import Settings
from kpi.state import Annotation, StateDatabase
from kpi.state.annotations import begin_with
from seed.events import planted
from seed.options import Options

_AUTHOR = "demo"


def known(options: Options) -> list[Annotation]:
    """The planted events that are no secret; a release is the day it went out."""
    return [
        Annotation(
            event.first, event.first if event.known == "release" else event.last, event.known, event.zh, event.en
        )
        for event in planted(options)
        if event.known is not None
    ]


def annotate(settings: Settings, options: Options) -> bool:
    """Write them into the state database where it holds no annotation; says whether it did."""
    state = StateDatabase(settings)
    try:
        return begin_with(state, known(options), _AUTHOR)
    finally:
        state.close()
