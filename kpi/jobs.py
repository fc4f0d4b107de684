"""A command of the program run in a process of its own, watched by whoever started it."""

import logging
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from kpi.home import private_file
from kpi.settings import ROOT

log = logging.getLogger("switchboard")

# How a command tells its progress where there is no terminal: " 37% contacts up to 2026-09-05".
_PROGRESS = re.compile(r"(\d{1,3})% (.*)")
_TAIL = 8192  # bytes of output that are looked at


class Job:
    """``python -m MODULE …`` in the background, its standard error kept in a file."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        log: Path,
        environment: Mapping[str, str],
        folder: Path | None = None,
    ) -> None:
        """Start it. ``log``: where its output, which may name customers, is kept for the service's user alone;
        ``environment``: settings beside those of this process; ``folder``: what it reads, deleted when it ends, however
        it ends.
        """
        self.module = module
        self._log = log
        with private_file(log) as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        if folder is not None:
            # Whoever watches may leave before the end.
            threading.Thread(target=self._clear, args=(folder,), daemon=True).start()

    def _clear(self, folder: Path) -> None:
        self._process.wait()
        try:
            shutil.rmtree(folder)
        except OSError:
            log.exception("what was uploaded could not be deleted: %s", folder)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def failed(self) -> bool:
        return self._process.poll() not in {None, 0}

    def progress(self) -> tuple[float | None, str]:
        """How far it is (0 … 1, None while it does not say) and the last line that it said."""
        lines = self._lines()
        if not lines:
            return None, ""
        told = _PROGRESS.fullmatch(lines[-1])
        return (min(int(told[1]), 100) / 100, told[2]) if told else (None, lines[-1])

    def complaint(self) -> str:
        """What a failed job said, its progress left out."""
        return "\n".join([line for line in self._lines() if not _PROGRESS.fullmatch(line)][-6:])

    def _lines(self) -> list[str]:
        return [line.strip() for line in self._said().splitlines() if line.strip()]

    def _said(self) -> str:
        with self._log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL))
            return file.read().decode("utf-8", errors="replace")
