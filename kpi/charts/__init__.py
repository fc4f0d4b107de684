"""Figures from frames: what pages show and what snapshots print. Nothing here knows Streamlit.

Every function takes figures that ``kpi.query`` answered, and a ``Style``; it computes positions, never KPIs.
"""

from kpi.charts.bars import rates_by_channel, volume_by_channel
from kpi.charts.lines import trend
from kpi.charts.matrix import by_tier
from kpi.charts.notes import Note, NoteKind, note_layers
from kpi.charts.slots import Grain, Slots, grain_of
from kpi.charts.spark import spark
from kpi.charts.theme import PALETTES, Mode, Style

__all__ = [
    "PALETTES",
    "Grain",
    "Mode",
    "Note",
    "NoteKind",
    "Slots",
    "Style",
    "by_tier",
    "grain_of",
    "note_layers",
    "rates_by_channel",
    "spark",
    "trend",
    "volume_by_channel",
]
