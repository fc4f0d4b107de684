"""Whose page is being made now, so that what nobody waits for gives way."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_QUIET = 1.0  # seconds after a page was made, in which its visitor may click again

_changed = threading.Condition()
_made = 0  # pages that are being made
_last = float("-inf")  # when the last one was ready


@contextmanager
def served() -> Iterator[None]:
    """A page is made for a visitor meanwhile."""
    global _made, _last
    with _changed:
        _made += 1
    try:
        yield
    finally:
        with _changed:
            _made, _last = _made - 1, time.monotonic()
            _changed.notify_all()


def give_way() -> None:
    """Wait until no page is being made, nor was a moment ago."""
    with _changed:
        while _made or (left := _last + _QUIET - time.monotonic()) > 0:
            _changed.wait(None if _made else left)
