"""Texts of data and of people as plain text: what one may hold when it is written down, and how it is shown.

What a browser, a terminal, a log, XML or a native library takes for more than a letter goes no further than here:

* a control character (C0, DEL, C1, among them ESC, tab and line breaks, and U+2028, U+2029) becomes a space;
* what is no character (a lone surrogate, U+FFFE, U+FFFF) becomes U+FFFD;
* embeddings, overrides and isolates of writing direction (U+202A–U+202E, U+2066–U+2069), which would reorder what
  stands beside them, are left out; what emoji and scripts need (U+200D, U+200C, marks of direction) stays;
* of more than ``LONGEST`` characters the first remain, and "…";
* a text of which nothing is left is U+FFFD.
"""

import logging
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, TextIO

LONGEST = 200

_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_NO_CHARACTER = r"\ud800-\udfff\ufffe\uffff"
_DIRECTION = r"\u202a-\u202e\u2066-\u2069"
_ODD = re.compile(f"[{_CONTROL}{_NO_CHARACTER}{_DIRECTION}]")
_REFUSED = re.compile(f"[{_CONTROL}{_NO_CHARACTER}]")
_SHOWN: dict[int, str | None] = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " "),
    **dict.fromkeys((*range(0xD800, 0xE000), 0xFFFE, 0xFFFF), "\ufffd"),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A))),
}
_LINES = {**_SHOWN, 0x0A: "\n"}
# The same in the dialect of RE2 (DuckDB, Arrow), where no text holds a surrogate.
REFUSED_RE2 = r"[\x00-\x1f\x7f-\x{9f}\x{2028}\x{2029}\x{fffe}\x{ffff}]"


def clean(text: str, longest: int = LONGEST) -> str:
    """A name, or another text of one line, as it is shown."""
    if len(text) <= longest and not _ODD.search(text):
        return text
    # What is much too long is not looked at to its end.
    shown = text[: 2 * longest].translate(_SHOWN)
    if len(shown) > longest or len(text) > 2 * longest:
        shown = shown[: longest - 1] + "…"
    return shown if shown.strip() or not text.strip(" ") else "\ufffd"


def clean_lines(text: str) -> str:
    """A text of any length with its line breaks, for a terminal or a log."""
    return text.translate(_LINES) if _ODD.search(text) else text


def escape_json(text: str) -> str:
    """JSON of the same meaning in which what is odd is written as an escape; line breaks between its values stay."""
    return _ODD.sub(lambda odd: odd[0] if odd[0] == "\n" else f"\\u{ord(odd[0]):04x}", text)


def refusal(text: str) -> tuple[str, dict[str, object]] | None:
    """Why a text must not be written down: the key of a phrase and its values; None where it may."""
    if len(text) > LONGEST:
        return "text_long", {"length": len(text), "longest": LONGEST, "text": clean(text, 40)}
    found = _REFUSED.search(text)
    if found is None:
        return None
    return "text_control", {"code": f"U+{ord(found[0]):04X}", "position": found.start() + 1, "text": clean(text, 40)}


class Names(dict[str, str]):
    """Value -> its name, clean; a value without a name is called as it is, clean. Those that would be called the same
    are told apart by the value, or a number.
    """

    def __init__(self, named: Mapping[str, str]) -> None:
        shown = {value: clean(name) for value, name in named.items()}
        often = Counter(shown.values())
        taken: set[str] = set()
        super().__init__()
        for value, name in shown.items():
            apart = name if often[name] == 1 else _ended(name, clean(value, 40))
            number = 2
            while apart in taken:
                apart, number = _ended(name, str(number)), number + 1
            taken.add(apart)
            self[value] = apart

    def __missing__(self, value: str) -> str:
        return clean(value)

    def get(self, value: str, default: Any = None) -> Any:
        """The name, or ``default``, clean where it is a text."""
        return self[value] if value in self else clean(default) if isinstance(default, str) else default


def _ended(name: str, what: str) -> str:
    end = f" ({what})"
    return clean(name, LONGEST - len(end)) + end


class CleanStream:
    """A stream to a terminal, or whatever stands in for it, on which nothing but text and line breaks goes out."""

    def __init__(self, to: TextIO) -> None:
        self._to = to

    def write(self, text: str) -> int:
        return self._to.write(clean_lines(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._to, name)


class OneLine(logging.Formatter):
    """A line a message, whatever that holds; a traceback has the lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = clean(record.message, longest=10_000)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return clean_lines(super().format(record))


def log_to_stderr() -> None:
    """Log warnings on standard error, unless a log is kept already."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
