"""What happened, on a time axis: campaigns, incidents and holidays as marks over the figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import altair as alt
import pandas as pd

from kpi.charts.slots import Slots
from kpi.charts.theme import Style
from kpi.i18n import phrase

NoteKind = Literal["campaign", "incident", "release", "holiday", "other"]
_ROW = 13  # pixels between two labels that would meet
_LETTER = 0.011  # of the axis that a Latin letter takes


@dataclass(frozen=True)
class Note:
    """Something that happened from ``first`` to ``last`` (business dates, inclusive), in the reader's language."""

    first: date
    last: date
    kind: NoteKind
    text: str


def note_layers(notes: Sequence[Note], slots: Slots, style: Style) -> list[alt.Chart]:
    """A thin line at the first slot of each note and its text at the top, one below the other where they would meet."""
    starts = slots.starts
    rows: list[dict[str, object]] = []
    taken: list[float] = []  # where the last label of each row ends, as a share of the axis
    for note in sorted(notes, key=lambda one: (one.first, one.last)):
        covered = [
            index for index, start in enumerate(starts) if note.first <= slots.last_day(start) and note.last >= start
        ]
        if not covered:
            continue
        begin = covered[0] / len(starts)
        width = sum(2 if ord(letter) > 0x2E80 else 1 for letter in note.text) * _LETTER
        row = next((index for index, end in enumerate(taken) if end < begin), len(taken))
        taken[row : row + 1] = [begin + width]
        rows.append(
            {
                "x": covered[0] + 0.5,
                "text": note.text,
                "kind": phrase(style.language, f"note_{note.kind}"),
                "when": slots.name(starts[covered[0]], style.language),
                "y": row * _ROW,
            }
        )
    if not rows:
        return []
    frame, palette = pd.DataFrame(rows), style.palette
    tips = [
        alt.Tooltip("text:N", title=phrase(style.language, "note_title")),
        alt.Tooltip("kind:N", title=phrase(style.language, "note_kind")),
        alt.Tooltip("when:N", title=phrase(style.language, "chart_when")),
    ]
    base = alt.Chart(frame)
    lines = base.mark_rule(color=palette.mute, strokeDash=[2, 3], strokeWidth=1).encode(x=alt.X("x:Q"), tooltip=tips)
    texts = base.mark_text(
        align="left",
        baseline="top",
        dx=3,
        color=palette.ink2,
        fontSize=11,
        text=alt.ExprRef("width < 420 ? '' : datum.text"),
    ).encode(x=alt.X("x:Q"), y=alt.Y("y:Q", scale=None, axis=None), tooltip=tips)
    return [lines, texts]
