"""Topics of the long tail: how far down the ranking, and whether self-service resolves them."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from kpi.charts.goals import behind
from kpi.charts.theme import Style, finish
from kpi.charts.tones import compared_fields, compared_tips
from kpi.i18n import phrase
from kpi.i18n.formats import format_count, format_limit, format_value
from kpi.metrics.registry import METRICS
from kpi.query.answer import Cell

HEIGHT = 330
_NAMED = 6  # the farthest below the line
_LINE = 15  # pixels between two labels
_LETTER = 0.0155  # of the axis that a Latin letter takes in the narrower of the usual panels
_ASIDE = 0.015  # of the axis: from a mark to its name


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
    named = phrase(language, "topics_line", value=format_limit(line, "share", language))
    rule = pd.DataFrame([{"y": line * 100, "x": first - 1, "text": named}])
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
    layers += _names(frame, x, y, (first - 1, last + 1), (low, 100.0), style)
    return finish(layers, style, HEIGHT)


def _names(
    frame: pd.DataFrame, x: alt.X, y: alt.Y, across: tuple[float, float], up: tuple[float, float], style: Style
) -> list[alt.Chart]:
    """The names of the farthest below the line, each beside its own mark: at the inner side or the outer, on its level
    or a little off it, where no mark and no other name is. One that finds no room is told by its tip. ``frame``: the
    lowest first; ``across``, ``up``: the ends of the axes.
    """
    width, line = across[1] - across[0], _LINE * (up[1] - up[0]) / HEIGHT
    middle, aside = across[0] + width / 2, _ASIDE * width
    marks = [(row["x"], row["y"]) for row in frame.to_dict("records")]
    taken: list[tuple[float, float, float]] = []  # start, end and height of a name that stands

    def free(start: float, end: float, height: float) -> bool:
        return (
            across[0] <= start
            and end <= across[1]
            and up[0] + line / 2 <= height
            and not any(start - aside < at < end + aside and abs(high - height) < line * 0.8 for at, high in marks)
            and not any(start < other and begin < end and abs(high - height) < line for begin, other, high in taken)
        )

    placed: list[dict[str, object]] = []
    for row in frame[frame["below"]].head(_NAMED).to_dict("records"):
        length = sum(2 if ord(letter) > 0x2E80 else 1 for letter in row["name"]) * _LETTER * width
        inner = row["x"] > middle
        for left, off in [(side, step) for step in (0.0, -0.9, 0.9) for side in (inner, not inner)]:
            near = row["x"] + (-1.5 if left else 1.5) * aside
            start, end = (near - length, near) if left else (near, near + length)
            if free(start, end, row["y"] + off * line):
                taken.append((start, end, row["y"] + off * line))
                placed.append({"x": row["x"], "y": row["y"] + off * line, "name": row["name"], "left": left})
                break
    layers = []
    for left in (False, True):
        part = pd.DataFrame([row for row in placed if row["left"] is left])
        if len(part):
            texts = alt.Chart(part).mark_text(
                align="right" if left else "left", dx=-8 if left else 8, color=style.palette.ink2, fontSize=11.5
            )
            named = texts.encode(x=x, y=y, text=alt.Text("name:N"))
            layers += [behind(named, style), named]  # readable where the line runs through
    return layers
