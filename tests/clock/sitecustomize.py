"""Moves the clock of a process that a moved one started (``tests.clock``): only these have this folder on the path."""

import os

if shift := os.environ.get("TEST_CLOCK_SHIFT"):
    import time

    import time_machine

    time_machine.travel(time.time() + float(shift), tick=True).start()
