"""The child process that draws: Vega-Lite by vl-convert, paper by typst.

Both are native libraries that may abort the whole process, or never come back, on what they are given; that is why this
is a process apart. It imports nothing of the program and keeps no state beside its fonts. Jobs come on standard input
and results go out on standard output, one after the other, until there are no more: a job is its length (8 bytes) and
JSON; a result is one byte (0: made, 1: refused), its length (8 bytes) and the bytes, of a refusal its reason.

Arguments: the folder of the fonts, the limit of memory in bytes, and of a job in seconds.
"""

import json
import os
import re
import resource
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

import typst
import vl_convert

_BEYOND = re.compile("[\U00010000-\U0010ffff]")
_SPARE_SECONDS = 5  # after which the kernel ends a job that whoever asked for it should have ended


def main() -> None:
    """Do one job after the other until standard input ends."""
    fonts, memory, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    # Not address space: the engine of vl-convert reserves much more of it than it uses.
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What a library prints must not be taken for a result.
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    vl_convert.register_font_directory(fonts)
    jobs = sys.stdin.buffer
    while len(head := jobs.read(8)) == 8:
        # Nobody may be left to end a job that hangs, and nothing of Python may run in it: the kernel keeps the time.
        signal.alarm(seconds + _SPARE_SECONDS)
        try:
            kind, told = json.loads(jobs.read(int.from_bytes(head, "big")))
            state, made = 0, _KINDS[kind](told, fonts)
        except BaseException as error:  # a panic of a library is no Exception
            state, made = 1, f"{type(error).__name__}: {error}".encode(errors="replace")
        signal.alarm(0)
        results.write(bytes([state]) + len(made).to_bytes(8, "big") + made)
        results.flush()


def _png(job: dict[str, Any], fonts: str) -> bytes:
    return bytes(vl_convert.svg_to_png(_svg(job, fonts).decode(), scale=job["scale"]))


def _svg(job: dict[str, Any], _fonts: str) -> bytes:
    """Vega cuts long names between the two halves of a letter beyond U+FFFF, and vl-convert refuses a half: letters for
    private use stand for these meanwhile.
    """
    spec = json.dumps(job["spec"], ensure_ascii=False)
    beyond = sorted(set(_BEYOND.findall(spec)))
    free = (chr(code) for code in range(0xE000, 0xF900) if chr(code) not in spec)
    stand_ins = dict(zip(beyond, free, strict=False))
    drawn = str(vl_convert.vegalite_to_svg(spec.translate(str.maketrans(stand_ins)), allowed_base_urls=[]))
    return drawn.translate(str.maketrans({stand_in: letter for letter, stand_in in stand_ins.items()})).encode()


def _script(job: dict[str, Any], _fonts: str) -> bytes:
    return str(vl_convert.javascript_bundle(job["snippet"])).encode()


def _paper(job: dict[str, Any], fonts: str) -> bytes:
    # A compiler of its own for each document: it keeps what it was given last.
    compiler = typst.Compiler(font_paths=_typst_fonts(fonts), ignore_system_fonts=True)
    moment = datetime.fromisoformat(job["moment"])
    made = compiler.compile(
        job["template"].encode(), sys_inputs=job["inputs"], format=job["format"], ppi=job["ppi"], timestamp=moment
    )
    if not isinstance(made, bytes):
        raise ValueError("more than one page")
    return made


@cache
def _typst_fonts(fonts: str) -> typst.Fonts:
    """The one font that is used: not the machine's, so that a copy looks the same wherever it is made."""
    return typst.Fonts(include_system_fonts=False, font_paths=[fonts])


_KINDS: dict[str, Callable[[dict[str, Any], str], bytes]] = {
    "png": _png,
    "svg": _svg,
    "script": _script,
    "paper": _paper,
}


if __name__ == "__main__":
    main()
