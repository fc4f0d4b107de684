"""Figures from frames: what pages show and what snapshots print. Nothing here knows Streamlit.

Every function takes figures that ``kpi.query`` answered, and a ``Style``; it computes positions, never KPIs.
"""

from kpi.charts.answers import complaints_by_age, nps_groups, score_distribution
from kpi.charts.bars import rate_bars, rates_by_channel, unit_of_bars, volume_by_channel
from kpi.charts.funnel import funnel, nested
from kpi.charts.lines import trend
from kpi.charts.lorenz import lorenz
from kpi.charts.matrix import by_channel, by_tier
from kpi.charts.mix import changes_by_channel, mix_by_channel
from kpi.charts.moves import migration_matrix
from kpi.charts.multiples import by_channel_and_tier
from kpi.charts.notes import Note, NoteKind, note_layers
from kpi.charts.pivoted import ChartKind, part_drawn, picture, scale_of
from kpi.charts.ranges import in_order_of_channels, rate_ranges, worst_first
from kpi.charts.ranked import ranked, top
from kpi.charts.slots import Grain, Slots, grain_of
from kpi.charts.spark import spark
from kpi.charts.stacked import amounts, fates
from kpi.charts.tail import contrast, coverage, reach_bars
from kpi.charts.theme import PALETTES, Mode, Style
from kpi.charts.tiers import migration, mix_by_tier, multiples
from kpi.charts.topics import tail_topics
from kpi.charts.waterfall import subtitle as waterfall_subtitle
from kpi.charts.waterfall import waterfall
from kpi.charts.week import by_hour

__all__ = [
    "PALETTES",
    "ChartKind",
    "Grain",
    "Mode",
    "Note",
    "NoteKind",
    "Slots",
    "Style",
    "amounts",
    "by_channel",
    "by_channel_and_tier",
    "by_hour",
    "by_tier",
    "changes_by_channel",
    "complaints_by_age",
    "contrast",
    "coverage",
    "fates",
    "funnel",
    "grain_of",
    "in_order_of_channels",
    "lorenz",
    "migration",
    "migration_matrix",
    "mix_by_channel",
    "mix_by_tier",
    "multiples",
    "nested",
    "note_layers",
    "nps_groups",
    "part_drawn",
    "picture",
    "ranked",
    "rate_bars",
    "rate_ranges",
    "rates_by_channel",
    "reach_bars",
    "scale_of",
    "score_distribution",
    "spark",
    "tail_topics",
    "top",
    "trend",
    "unit_of_bars",
    "volume_by_channel",
    "waterfall",
    "waterfall_subtitle",
    "worst_first",
]
