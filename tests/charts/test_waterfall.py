"""The waterfall: it adds up, it is coloured by what is good, and its values are no bars."""

from fractions import Fraction
from itertools import pairwise

import pytest

from kpi.charts import PALETTES, Style, waterfall, waterfall_subtitle
from kpi.charts.export import png
from kpi.charts.theme import spec_of
from kpi.metrics.registry import METRICS
from kpi.narrative.waterfall_steps import Step
from tests.charts.test_charts import layers_of

NAMES = {"channel": {"hotline": "Phone's", "wechat": "WeChat"}}
F = Fraction
STEPS = (
    Step("before", F(869, 1000), F(869, 1000)),
    Step("mix", F(869, 1000), F(858, 1000), F(-11, 1000)),
    Step("cell", F(858, 1000), F(862, 1000), F(4, 1000), ("hotline",)),
    Step("others", F(862, 1000), F(861, 1000), F(-1, 1000), count=6),
    Step("now", F(861, 1000), F(861, 1000)),
)


def drawn(style=Style("en"), kpi="self_service_rate", steps=STEPS):  # noqa: B008
    return waterfall(METRICS[kpi], steps, ("channel",), NAMES, style)


def rows_of(chart):
    return layers_of(chart)[0][1]


def test_each_step_begins_where_the_one_before_ends():
    rows = rows_of(drawn())
    for one, following in pairwise(rows):
        assert following["start"] == pytest.approx(one["end"])
    assert rows[0]["end"] + sum(row["end"] - row["start"] for row in rows[1:-1]) == pytest.approx(rows[-1]["end"])


def test_numbers_and_names_are_written_beside_the_steps():
    rows = rows_of(drawn())
    assert [row["text"] for row in rows] == ["86.9%", "−1.1", "+0.4", "−0.1", "86.1%"]
    assert [row["name"] for row in rows] == ["Before", "Mix", "Phone's", "Others (6)", "Now"]
    assert rows_of(drawn(Style("zh")))[3]["name"] == "其余 6 项"


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_colours_say_better_and_worse_only_where_the_kpi_has_them(mode):
    palette = PALETTES[mode]
    up = [row["fill"] for row in rows_of(drawn(Style("en", mode)))[1:4]]
    assert up == [palette.worse_fill, palette.better_fill, palette.compare]
    down = [row["fill"] for row in rows_of(drawn(Style("en", mode), "given_up_rate"))[1:3]]
    assert down == [palette.better_fill, palette.worse_fill]
    neither = {row["fill"] for row in rows_of(drawn(Style("en", mode), "volume"))[1:4]}
    assert neither == {palette.compare}


def test_trap_a_cut_axis_has_no_bar_from_nought_and_says_that_it_is_cut():
    for mark, _, encoding in layers_of(drawn()):
        if mark["type"] == "bar":
            assert encoding["x2"]
            assert encoding["x"]["scale"]["zero"] is False
    bars = next(layer for layer in drawn().to_dict()["layer"] if layer["mark"]["type"] == "bar")
    assert bars["transform"] == [{"filter": "!datum.total"}]
    assert "does not start at nought" in waterfall_subtitle(Style("en"))
    assert "不从零起" in waterfall_subtitle(Style("zh"))


def test_it_can_be_drawn_with_quotes_in_names_and_without_any_change():
    assert png(spec_of(drawn()), Style("en"))[:4] == b"\x89PNG"
    flat = (STEPS[0], Step("now", F(869, 1000), F(869, 1000)))
    assert png(spec_of(drawn(steps=flat)), Style("zh"))[:4] == b"\x89PNG"
