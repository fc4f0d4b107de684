"""What happened, on a time axis: campaigns, incidents and holidays above the figure, a line from each to its day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import altair as alt
import pandas as pd

from kpi.charts.slots import Slots
from kpi.charts.theme import Style
from kpi.i18n import phrase
from kpi.i18n.formats import format_period

NoteKind = Literal["campaign", "incident", "release", "holiday", "other"]
_FOOT = -8  # pixels: where the lowest text stands, clear of a line at the top of the figure
_ROW = 14  # pixels between two texts that would meet
NOTES_ROOM = 48  # pixels of a figure's height that marks and texts take at the most
_ROWS = 3  # of labels at most; what finds no room keeps its mark and its tip
_LETTER = 0.0155  # of the axis that a Latin letter takes in the narrower of the usual panels
_RIGHTMOST = 1.12  # where the room right of the axis, which is there for the lines' names, ends
_CLEAR = -3  # pixels: of a mark from the figure's edge
_PHONE = "width < 320"


@dataclass(frozen=True)
class Note:
    """Something that happened from ``first`` to ``last`` (business dates, inclusive), in the reader's language."""

    first: date
    last: date
    kind: NoteKind
    text: str


def note_layers(notes: Sequence[Note], slots: Slots, style: Style, letter: float = _LETTER) -> list[alt.Chart]:
    """A mark at the first slot of each note, a line down from it, and its text above the figure.

    Texts that would meet stand one above the other; where there is no room, holidays and what is long ago give way. On
    a phone the texts are in the tips of the marks only. ``letter``: of the axis that a Latin letter takes.
    """
    rows = _placed(notes, slots, style, letter)
    if not rows:
        return []
    frame, palette, x = pd.DataFrame(rows), style.palette, alt.X("x:Q")
    height = alt.ExprRef(f"{_PHONE} ? -4 : datum.y")
    lines, marks = _lines(frame, height, style), _mark(frame, "triangle-down", style, y=_CLEAR).encode(x=x)
    base, tips = alt.Chart(frame), _tips(style)
    texts = (
        base.transform_filter("datum.shown")
        .mark_text(
            align=alt.ExprRef("datum.left ? 'right' : 'left'"),
            dx=alt.ExprRef("datum.left ? -6 : 6"),
            baseline="middle",
            color=palette.ink2,
            fontSize=11,
            y=height,
            text=alt.ExprRef(f"{_PHONE} ? '' : datum.text"),
        )
        .encode(x=x, tooltip=tips)
    )
    return [lines, marks, texts]


def repeated_notes(
    notes: Sequence[Note], slots: Slots, lefts: Sequence[float], top: int, style: Style
) -> list[alt.Chart]:
    """As ``note_layers`` for small figures side by side, each one unit wide and beginning at one of ``lefts``, below
    names that end at ``top`` (pixels): what happened is in the tips only.
    """
    rows = [
        {"x": left + (slot + 0.5) / len(slots.starts), **_told(note, style)}
        for left in lefts
        for note in notes
        if (slot := _slot(note, slots)) is not None
    ]
    if not rows:
        return []
    frame = pd.DataFrame(rows)
    return [_lines(frame, top, style), _mark(frame, "triangle-down", style, y=top + _CLEAR).encode(x=alt.X("x:Q"))]


def notes_by_slot(notes: Sequence[Note], slots: Slots) -> dict[date, list[Note]]:
    """First day of a slot -> the notes that stand at it."""
    found: dict[date, list[Note]] = {}
    for note in notes:
        if (slot := _slot(note, slots)) is not None:
            found.setdefault(slots.starts[slot], []).append(note)
    return found


def edge_notes(placed: Sequence[tuple[dict[str, str], Note]], style: Style, **at: Any) -> list[alt.Chart]:
    """As ``note_layers`` where each slot is a row or a column of cells or bars: a mark at its edge, what happened in
    the tip. ``placed``: the fields of the row or the column, and note; ``at``: its encoding, ``x`` or ``y``.
    """
    if not placed:
        return []
    frame = pd.DataFrame([fields | _told(note, style) for fields, note in placed])
    down = "x" in at
    mark = _mark(frame, "triangle-down" if down else "triangle-right", style, **{"y" if down else "x": _CLEAR})
    return [mark.encode(**at)]


def _lines(frame: pd.DataFrame, top: Any, style: Style) -> alt.Chart:
    lines = alt.Chart(frame).mark_rule(
        color=style.palette.mute, strokeDash=[2, 3], strokeWidth=1, opacity=0.7, y=top, y2=alt.ExprRef("height")
    )
    return lines.encode(x=alt.X("x:Q"))


def _mark(frame: pd.DataFrame, shape: str, style: Style, **at: Any) -> alt.Chart:
    """The marks of notes with their tips; ``at``: pixels."""
    mark = alt.Chart(frame).mark_point(shape=shape, filled=True, color=style.palette.ink2, size=34, opacity=1, **at)
    return mark.encode(tooltip=_tips(style))


def _tips(style: Style) -> list[alt.Tooltip]:
    language = style.language
    return [
        alt.Tooltip("text:N", title=phrase(language, "note_title")),
        alt.Tooltip("kind:N", title=phrase(language, "note_kind")),
        alt.Tooltip("when:N", title=phrase(language, "chart_when")),
    ]


def _told(note: Note, style: Style) -> dict[str, str]:
    """What the tip of a mark says."""
    return {
        "text": note.text,
        "kind": phrase(style.language, f"note_{note.kind}"),
        "when": format_period(note.first, note.last, style.language),
    }


def _slot(note: Note, slots: Slots) -> int | None:
    """The first slot of a note; None outside of the period."""
    days = ((slot, start, slots.last_day(start)) for slot, start in enumerate(slots.starts))
    return next((slot for slot, first, last in days if note.first <= last and note.last >= first), None)


def _placed(notes: Sequence[Note], slots: Slots, style: Style, letter_width: float) -> list[dict[str, object]]:
    """A row a note: the slot that it begins in, and where its text stands; pixels, upwards from the figure's top."""
    starts = slots.starts
    found = []
    for note in sorted(notes, key=lambda one: (one.kind == "holiday", -one.first.toordinal())):
        if (slot := _slot(note, slots)) is not None:
            found.append((note, slot))
    places = [(slot + 0.5) / len(starts) for _, slot in found]
    taken: list[tuple[int, float, float]] = []  # row, start and end of a text that stands, as shares of the axis
    lines: list[tuple[int, float]] = []  # up to which row, and where
    rows: list[dict[str, object]] = []
    for (note, slot), begin in zip(found, places, strict=True):
        width = sum(2 if ord(letter) > 0x2E80 else 1 for letter in note.text) * letter_width + 0.03
        left = begin + width > _RIGHTMOST
        low, high = (begin - width, begin) if left else (begin, begin + width)

        def free(row: int, low: float = low, high: float = high, begin: float = begin) -> bool:
            """No other text, mark or line is where this text would stand, and its line crosses no text."""
            crossing = places if row == 0 else [place for up_to, place in lines if up_to > row]
            return (
                not any(low < place < high for place in crossing)
                and all(row != other or high < start or low > end for other, start, end in taken)
                and not any(other < row and start < begin < end for other, start, end in taken)
            )

        row = next((number for number in range(_ROWS) if free(number)), None)
        if row is not None:
            taken.append((row, low, high))
            lines.append((row, begin))
        rows.append(
            {
                "x": slot + 0.5,
                **_told(note, style),
                "y": _FOOT - _ROW * (row or 0),
                "left": left,
                "shown": row is not None,
            }
        )
    return rows
