"""Processes that are bound by the rights of files, whoever runs the tests: root, too."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

from tests.code import ROOT

_DROP = 24  # prctl(2): take a capability out of what the process, and what it becomes, may have
_PASS_OVER_RIGHTS = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
_libc = ctypes.CDLL(None)


def _bound() -> None:
    for capability in _PASS_OVER_RIGHTS:
        _libc.prctl(_DROP, capability, 0, 0, 0)  # fails for who is not root, and has none of them


def bound_by_rights(home: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run Python with ``arguments`` on a home, held to the rights of its files."""
    environment = {**os.environ, "KPI_HOME": str(home), "KPI_MEMORY": "1", **settings}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, preexec_fn=_bound, capture_output=True, text=True
    )
