"""What the command line writes: tables for people, CSV and JSON for programs."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Literal, TextIO

from wcwidth import wcswidth

from kpi import table_file
from kpi.plain_text import clean, escape_json

Format = Literal["table", "csv", "json"]
_CELL = 1000  # characters of a cell of a table that are written
FORMATS: tuple[Format, ...] = ("table", "csv", "json")


def json_value(value: object) -> object:
    """A value as JSON can hold it: times as ISO 8601 UTC with Z, whole numbers without a point, NaN as null."""
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() else value
    return value


def write_json(content: object, to: TextIO) -> None:
    """One JSON document, indented."""
    to.write(escape_json(json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False)) + "\n")


def write_csv(
    columns: Sequence[str], records: Iterable[Mapping[str, object]], to: TextIO, *, synthetic: bool = False
) -> None:
    """A header and one line a record, as ``table_file.write_csv`` writes them; moments in UTC with Z. ``synthetic``: of
    an invented bank, which a last column says of each.
    """
    mark = [True] if synthetic else []
    rows = ([_told(value) for value in [*(record[column] for column in columns), *mark]] for record in records)
    table_file.write_csv([*columns, *(["synthetic"] if synthetic else [])], rows, to)


def _told(value: object) -> object:
    value = json_value(value)
    return str(value) if isinstance(value, bool) else value


def write_table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], to: TextIO) -> None:
    """Aligned columns; ``right`` tells which ones are numbers. A Chinese character is two columns wide."""
    head, rows = [clean(text, _CELL) for text in head], [[clean(text, _CELL) for text in line] for line in rows]
    widths = [max(_width(line[i]) for line in (head, *rows)) for i in range(len(head))]
    for line in (head, ["─" * width for width in widths], *rows):
        cells = (
            " " * (width - _width(text)) + text if number else text + " " * (width - _width(text))
            for text, width, number in zip(line, widths, right, strict=True)
        )
        to.write("  ".join(cells).rstrip() + "\n")


def _width(text: str) -> int:
    # −1: of a character that has no width of its own.
    return max(wcswidth(text), 0) or len(text)
