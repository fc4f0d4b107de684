"""The palette: what must be told from the ground can be, and the tiers keep their order."""

from itertools import pairwise

import pytest

from kpi.charts import PALETTES, Style
from kpi.charts.theme import edge
from tests.charts.test_charts import STYLE, layers_of
from tests.charts.test_goals import WITH

LEAST = 3.0  # WCAG 2.2, 1.4.11: parts of graphics that are needed to understand them
TEXT = 4.5  # 1.4.3


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_measured_as_wcag_does():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("mode", PALETTES)
def test_every_fixed_colour_stands_out_from_the_ground(mode):
    palette = PALETTES[mode]
    marks = {role: getattr(palette, role) for role in ("accent", "compare", "better", "worse", "mute")}
    marks |= palette.channels
    marks |= {f"{star}★": colour for star, colour in enumerate(palette.tiers, 1)}
    marks["edge"] = edge(Style("en", mode))["stroke"]
    assert {name: found for name, one in marks.items() if (found := contrast(one, palette.background)) < LEAST} == {}


@pytest.mark.parametrize("mode", PALETTES)
def test_text_can_be_read_on_the_ground_and_on_every_fill(mode):
    palette = PALETTES[mode]
    grounds = {"background": palette.background, "panel": palette.panel, "neutral": palette.neutral_fill}
    fills = {"better": palette.better_fill, "worse": palette.worse_fill, "tint": palette.tint}
    pairs = [
        (ink, name, ground) for ink in ("ink", "ink2", "mute", "better", "worse") for name, ground in grounds.items()
    ]
    pairs += [("ink", name, ground) for name, ground in fills.items()]
    pairs += [("ink", f"chain {step}", palette.chain[step]) for step in (0, 1)]
    pairs += [("background", f"chain {step}", palette.chain[step]) for step in (2, 3)]
    low = {(ink, name): found for ink, name, one in pairs if (found := contrast(getattr(palette, ink), one)) < TEXT}
    assert low == {}


@pytest.mark.parametrize("mode", PALETTES)
def test_tiers_and_steps_of_the_chain_are_told_apart_by_lightness_alone(mode):
    """In one direction, so that they keep their order for whoever sees no colours."""
    palette = PALETTES[mode]
    for ramp in (palette.tiers, palette.chain):
        steps = [contrast(colour, palette.background) for colour in ramp]
        assert all(after / before > 1.2 for before, after in pairwise(steps)), steps


@pytest.mark.parametrize("name", ["ranked by value", "ranked by count", "funnel", "nested", "nps_groups"])
def test_a_bar_with_a_pale_fill_has_an_edge(name):
    bars = [mark for mark, _, _ in layers_of(WITH[name]) if mark["type"] == "bar"]
    assert bars
    assert {mark.get("stroke") for mark in bars} == {STYLE.palette.mute}
