"""A command of the program run in a process of its own, watched by whoever started it."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from kpi.settings import ROOT

# How a progress bar on the standard error ends: "37%|███".
_PERCENT = re.compile(r"(\d{1,3})%\|")
_TAIL = 8192  # bytes of output that are looked at


class Job:
    """``python -m MODULE …`` in the background, its standard error kept in a file."""

    def __init__(self, module: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        """Start it. ``log``: where its output is kept; ``environment``: settings beside those of this process."""
        log.parent.mkdir(parents=True, exist_ok=True)
        self.module = module
        self._log = log
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def failed(self) -> bool:
        return self._process.poll() not in {None, 0}

    def progress(self) -> tuple[float | None, str]:
        """How far it is (0 … 1, None while it does not say) and the last line that it said."""
        lines = [line.strip() for line in re.split(r"[\r\n]+", self._said()) if line.strip()]
        if not lines:
            return None, ""
        found = _PERCENT.findall(lines[-1])
        text = lines[-1].split("%|")[0].rsplit(":", 1)[0] if found else lines[-1]
        return (min(int(found[-1]), 100) / 100 if found else None), text

    def complaint(self) -> str:
        """What a failed job said, its progress bars left out."""
        lines = [line.strip() for line in re.split(r"[\r\n]+", self._said()) if line.strip() and "%|" not in line]
        return "\n".join(lines[-6:])

    def _said(self) -> str:
        with self._log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL))
            return file.read().decode("utf-8", errors="replace")
