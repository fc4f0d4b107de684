"""Topics of the long tail: how far down the ranking, and whether self-service resolves them."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from kpi.charts.theme import Style, finish
from kpi.charts.tones import compared_fields, compared_tips
from kpi.i18n import phrase
from kpi.i18n.numbers import format_count, format_value
from kpi.metrics.registry import METRICS
from kpi.query.answer import Cell

HEIGHT = 330
_NAMED = 6  # the farthest below the line
_LINE = 15  # pixels between two labels


def tail_topics(
    cells: Sequence[Cell], ranks: Mapping[str, int], line: float, names: Mapping[str, str], style: Style
) -> alt.LayerChart:
    """A mark a topic: its rank by volume across, its resolution up. Below ``line`` (a share) a triangle in the colour
    of worse, the farthest of them named.

    ``cells``: resolution by topic; ``ranks``: topic -> rank, of the topics to show.
    """
    palette, language = style.palette, style.language
    rows = []
    for cell in cells:
        topic = str(cell.key[0])
        if topic not in ranks or cell.value is None:
            continue
        rows.append(
            {
                "x": ranks[topic],
                "y": cell.value * 100,
                "name": names.get(topic, topic),
                "text": format_value(cell.value, "share", language),
                "n": format_count(cell.n or 0, language, compact=False),
                "below": cell.value < line,
                **compared_fields(cell, METRICS[cell.kpi], style),
            }
        )
    frame = pd.DataFrame(rows).sort_values(["y", "x"]).reset_index(drop=True)
    first, last = min(ranks.values()), max(ranks.values())
    low = max(0.0, 10 * ((min(frame["y"].min(), line * 100) - 4) // 10))
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[first - 1, last + 1], nice=False, zero=False),
        axis=alt.Axis(grid=False, format="d", tickCount=5, tickMinStep=1),
    )
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=[low, 100], nice=False, zero=False),
        axis=alt.Axis(tickCount=5, format=",~f", grid=True),
    )
    tips = [
        alt.Tooltip("name:N", title=phrase(language, "topics_topic")),
        alt.Tooltip("x:Q", title=phrase(language, "topics_rank")),
        alt.Tooltip("text:N", title=phrase(language, "chart_value")),
        *compared_tips(cells, style),
        alt.Tooltip("n:N", title="n"),
    ]
    rule = pd.DataFrame(
        [{"y": line * 100, "x": first - 1, "text": phrase(language, "topics_line", value=f"{line:.0%}")}]
    )
    layers = [
        alt.Chart(rule).mark_rule(color=palette.ink, strokeDash=[4, 3]).encode(y=y),
        alt.Chart(rule)
        .mark_text(align="left", dx=3, dy=10, color=palette.ink, fontWeight=600)
        .encode(x=x, y=y, text=alt.Text("text:N")),
    ]
    for below, shape, colour in ((False, "circle", palette.accent), (True, "triangle-down", palette.worse)):
        part = frame[frame["below"] == below]
        if len(part):
            layers.append(
                alt.Chart(part)
                .mark_point(filled=True, size=54, shape=shape, color=colour, opacity=0.75)
                .encode(x=x, y=y, tooltip=tips)
            )
    layers += _names(frame[frame["below"]].head(_NAMED), (first + last) / 2, _LINE * (100 - low) / HEIGHT, x, y, style)
    return finish(layers, style, HEIGHT)


def _names(worst: pd.DataFrame, middle: float, apart: float, x: alt.X, y: alt.Y, style: Style) -> list[alt.Chart]:
    """The names beside their marks, to the inner side and ``apart`` on the axis."""
    placed: list[dict[str, object]] = []
    height = float("-inf")
    for row in worst.sort_values("y").to_dict("records"):
        height = max(row["y"], height + apart)
        placed.append({"x": row["x"], "y": height, "name": row["name"], "right": row["x"] > middle})
    layers = []
    for right in (False, True):
        part = pd.DataFrame([row for row in placed if row["right"] is right])
        if len(part):
            layers.append(
                alt.Chart(part)
                .mark_text(
                    align="right" if right else "left", dx=-8 if right else 8, color=style.palette.ink2, fontSize=11.5
                )
                .encode(x=x, y=y, text=alt.Text("name:N"))
            )
    return layers
