"""``make test-dates``: the tests that need no browser, on days and in zones on which tests like to fail.

Midnight at the turn of a year in the business zone, a day within Spring Festival of a year whose calendar is not
published yet, and a leap day; each with the machine's own zone ahead of and behind that day. Arguments go to pytest.
"""

import os
import subprocess
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

from tests.clock import environment

_ZONE = ZoneInfo("Asia/Shanghai")
MOMENTS = (
    datetime(2026, 12, 31, 23, 30, tzinfo=_ZONE),
    datetime(2027, 1, 1, 0, 30, tzinfo=_ZONE),
    datetime(2027, 2, 10, 10, 0, tzinfo=_ZONE),
    datetime(2028, 2, 29, 10, 0, tzinfo=_ZONE),
)
MACHINES = ("UTC", "America/New_York")


def main() -> int:
    """Every day in every zone; 1 where any test failed on any of them."""
    arguments = sys.argv[1:] or ["-n", str((os.cpu_count() or 2) + 1), "--dist", "loadfile", "--no-loadscope-reorder"]
    failed = []
    for moment in MOMENTS:
        for machine in MACHINES:
            name = f"{moment:%Y-%m-%d %H:%M} Asia/Shanghai, TZ={machine}"
            print(f"--- {name}", flush=True)
            command = [sys.executable, "-m", "pytest", "tests", "--ignore", "tests/browser", "-q", *arguments]
            if subprocess.run(command, env={**os.environ, **environment(moment), "TZ": machine}).returncode:
                failed.append(name)
    print("\n".join(["failed on:", *failed]) if failed else "passed on every day")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
