"""What native libraries draw, drawn in processes of their own (``child``): one that aborts, or never comes back, takes
neither the pages nor a run with it.

A process is started when it is first needed, kept, and started anew after one that broke off. It ends with this one:
its standard input is closed then. Whatever cannot be made is a DrawingError, logged and counted.
"""

import atexit
import json
import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from queue import LifoQueue
from typing import Any, Literal

import noto_cjk_sans_otc

from kpi.errors import DrawingError

log = logging.getLogger("switchboard")

FONTS = str(noto_cjk_sans_otc.FONT_PATH.parent)
LIMIT_SECONDS = 60
_MEMORY = 2 << 30
_AT_ONCE = 2  # processes, each of some 170 MB
_COMPLAINT = 2000  # bytes of what a process said on standard error that are logged
# Its file, not its module: nothing native is to be loaded here, nor anything of the program there.
_COMMAND = (sys.executable, "-I", str(Path(__file__).with_name("child.py")))


class _Gone(Exception):
    """The process ended before its job did."""


class _Process:
    """One child process, which does one job at a time."""

    def __init__(self, seconds: int) -> None:
        self.killed = False
        self._said = tempfile.TemporaryFile("a+b")  # noqa: SIM115 – it is open as long as the process is there
        # A session of its own: what a terminal's keys send to this process is not meant for it.
        self._process = subprocess.Popen(
            [*_COMMAND, FONTS, str(_MEMORY), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={},
            start_new_session=True,
        )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, job: bytes) -> tuple[bool, bytes]:
        """Do a job: whether it was made, and what; else the reason. Raises _Gone where the process ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._said.truncate(0)
        try:
            self._process.stdin.write(len(job).to_bytes(8, "big") + job)
            self._process.stdin.flush()
            head = self._process.stdout.read(9)
            length = int.from_bytes(head[1:], "big")
            made = self._process.stdout.read(length)
        except OSError as error:
            raise _Gone from error
        if len(head) < 9 or len(made) < length:
            raise _Gone
        return head[0] == 0, made

    def kill(self) -> None:
        """End a job that takes too long, from another thread."""
        self.killed = True
        self._process.kill()

    def end(self) -> str:
        """End it, and give what it said last, with the code that it ended with."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:  # of a job that it did not read to its end
                log.debug("a drawing process left a job unread")
        self._said.seek(0)
        said = self._said.read().decode(errors="replace")[-_COMPLAINT:]
        self._said.close()
        return f"{self._process.returncode} {said}"


class Drawer:
    """A few child processes; whoever asks while all are at work waits."""

    def __init__(self, seconds: int = LIMIT_SECONDS) -> None:
        self._seconds = seconds
        self._places: LifoQueue[_Process | None] = LifoQueue()
        self.failed = 0  # since the start
        for _ in range(_AT_ONCE):
            self._places.put(None)

    def make(self, what: str, kind: str, **told: object) -> bytes:
        """Have a job done; ``what``: how an error calls it. Raises DrawingError."""
        job = json.dumps([kind, told]).encode()
        process = self._places.get()
        try:
            # The last one to come back is the first to be asked again, so that a second starts for two at once only.
            if process is not None and not process.alive:
                log.warning("a drawing process ended while it had nothing to do: %s", process.end())
                process = None
            if process is None:
                process = _Process(self._seconds)
            timer = threading.Timer(self._seconds, process.kill)
            timer.start()
            try:
                made, content = process.ask(job)
            except _Gone:
                said = process.end()
                if process.killed:
                    raise self._failure("drawing_too_long", what, said, seconds=self._seconds) from None
                raise self._failure("drawing_broke_off", what, said) from None
            except BaseException:
                process.end()  # its next result would be that of another job
                raise
            finally:
                timer.cancel()
            if not made:
                raise self._failure("drawing_refused", what, content.decode())
            return content
        finally:
            self._places.put(process if process is not None and process.alive else None)

    def _failure(self, key: str, what: str, said: str, **values: object) -> DrawingError:
        self.failed += 1
        log.error("%s could not be drawn (%s, number %d since the start): %s", what, key, self.failed, said)
        return DrawingError(key, what=what, **values)

    def close(self) -> None:
        """End the processes that have nothing to do; the next job starts one anew."""
        places = [self._places.get() for _ in range(self._places.qsize())]
        for process in places:
            if process is not None:
                process.end()
            self._places.put(None)


DRAWER = Drawer()
atexit.register(DRAWER.close)


def picture(spec: Mapping[str, Any], form: Literal["png", "svg"], scale: float = 1) -> bytes:
    """A figure (Vega-Lite, its data within) as a picture. Raises DrawingError."""
    return DRAWER.make(form.upper(), form, spec=spec, scale=scale)


def paper(template: str, inputs: Mapping[str, str], form: Literal["pdf", "png"], ppi: int, moment: datetime) -> bytes:
    """A document set by typst, dated ``moment``. Raises DrawingError."""
    told = {"template": template, "inputs": inputs, "format": form, "ppi": ppi, "moment": moment.isoformat()}
    return DRAWER.make(form.upper(), "paper", **told)


def script(snippet: str) -> str:
    """Vega, Vega-Lite and what embeds them, with ``snippet``, as one script. Raises DrawingError."""
    return DRAWER.make("HTML", "script", snippet=snippet).decode()
