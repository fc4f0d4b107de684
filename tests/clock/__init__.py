"""Another day for the tests: the clock of a test process, and of every Python process that it starts, moved.

``travel`` moves this process at once and leaves word for the processes that it starts: their interpreter finds
``sitecustomize.py`` beside this file and moves its clock by as much. Only the clock is moved (``time.time``,
``datetime.now``); waits, and the times of files, stay what they are.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import time_machine

SHIFT = "TEST_CLOCK_SHIFT"  # seconds; read by sitecustomize.py
_FOLDER = str(Path(__file__).parent)


def environment(moment: datetime) -> dict[str, str]:
    """What processes are started with for which it is ``moment`` now."""
    shift = moment.timestamp() - _unmoved()
    return {SHIFT: str(shift), "PYTHONPATH": os.pathsep.join([_FOLDER, *filter(None, [os.environ.get("PYTHONPATH")])])}


@contextmanager
def travel(moment: datetime) -> Iterator[None]:
    """Let it be ``moment`` from now on, here and in the processes started meanwhile. ``moment`` has a zone."""
    told = environment(moment)
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        # As a number: a moment with a zone would move the machine's zone, too.
        with time_machine.travel(moment.timestamp(), tick=True):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _unmoved() -> float:
    """The machine's own time, whatever was moved."""
    return time_machine.escape_hatch.time.time() if time_machine.escape_hatch.is_travelling() else time.time()
