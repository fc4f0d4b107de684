"""The palette: what must be told from the ground, or from another colour, can be, and the tiers keep their order."""

from itertools import combinations, pairwise
from math import dist

import pytest

from kpi.charts import PALETTES, Style
from kpi.charts.theme import CHANNEL_ORDER, edge
from tests.charts.test_charts import STYLE, layers_of
from tests.charts.test_goals import WITH

LEAST = 3.0  # WCAG 2.2, 1.4.11: parts of graphics that are needed to understand them
TEXT = 4.5  # 1.4.3

# Dichromats' sight of linear red, green and blue: Machado, Oliveira and Fernandes 2009, severity 1.0.
SIGHTS = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
# Distances in OKLab, where about .02 is just seen side by side. Channels lie apart from their names, so they need
# more; tiers and the bank's rarer channels always stand in their order beside their names.
CHANNELS_APART, RARER_APART, TIERS_APART, JUDGED_APART = 0.07, 0.05, 0.05, 0.09


def linear(colour: str) -> list[float]:
    """Red, green and blue as amounts of light."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def seen(colour: str, sight: str) -> tuple[float, ...]:
    """Where the colour lies in OKLab (Ottosson 2020) for whoever sees so."""
    red, green, blue = (
        min(1.0, max(0.0, sum(part * light for part, light in zip(row, linear(colour), strict=True))))
        for row in SIGHTS[sight]
    )
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it."""
    red, green, blue = linear(colour)
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


def test_sight_is_simulated_as_published():
    assert seen("#FFFFFF", "normal") == pytest.approx((1, 0, 0), abs=1e-6)
    assert seen("#FF0000", "normal") == pytest.approx((0.627955, 0.224863, 0.125846), abs=1e-5)
    # Greys stay grey, and red and a dark yellow become one for who has no long cones.
    assert seen("#808080", "protanopia") == pytest.approx(seen("#808080", "normal"), abs=1e-4)
    assert dist(seen("#FF0000", "protanopia"), seen("#6D5E00", "protanopia")) < 0.02


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("mode", PALETTES)
def test_colours_are_told_apart_by_the_colour_blind(mode, sight):
    palette = PALETTES[mode]
    # Whatever is no channel of its own is grey, and shares its place with nothing in one figure.
    channels = {name: colour for name, colour in palette.channels.items() if name != "other"}
    pairs = [
        (one, other, channels[one], channels[other],
         CHANNELS_APART if {one, other} <= set(CHANNEL_ORDER) else RARER_APART)
        for one, other in combinations(channels, 2)
    ]  # fmt: skip
    pairs += [("tier", "next", one, other, TIERS_APART) for one, other in pairwise(palette.tiers)]
    pairs.append(("better", "worse", palette.better, palette.worse, JUDGED_APART))
    near = {(one, other): apart for one, other, first, second, least in pairs
            if (apart := dist(seen(first, sight), seen(second, sight))) < least}  # fmt: skip
    assert near == {}


@pytest.mark.parametrize("name", ["ranked by value", "ranked by count", "funnel", "nested", "nps_groups"])
def test_a_bar_with_a_pale_fill_has_an_edge(name):
    bars = [mark for mark, _, _ in layers_of(WITH[name]) if mark["type"] == "bar"]
    assert bars
    assert {mark.get("stroke") for mark in bars} == {STYLE.palette.mute}
