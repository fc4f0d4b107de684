"""Stacked bars: the parts of a whole side by side, and amounts over months."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import altair as alt
import pandas as pd

from kpi.charts.bars import unit_of_bars
from kpi.charts.goals import row_tip
from kpi.charts.lines import rule_of, target_pieces
from kpi.charts.notes import Note, note_layers
from kpi.charts.slots import Slots
from kpi.charts.theme import Style, edge, finish, legend
from kpi.i18n import phrase
from kpi.i18n.formats import format_count, format_percent, format_value
from kpi.metrics.registry import METRICS
from kpi.query.answer import Answer
from kpi.query.cell_rules import few

HEIGHT = 280


def fates(answer: Answer, names: Mapping[str, str], titles: Mapping[str, str], style: Style) -> alt.LayerChart:
    """One bar of 100 % a value of the answer's dimension, its pieces the answer's KPIs, which add up to one.

    ``names``: value -> name; ``titles``: KPI -> name, in the order of the pieces. Fewer than 30 are pale.
    """
    palette, language = style.palette, style.language
    colours = (palette.chain[3], palette.worse_fill, palette.border, palette.worse)
    rows = []
    keys = [key for key in dict.fromkeys(cell.key for cell in answer.cells) if key[0] is not None]
    for key in keys:
        base = 0.0
        for kpi, title in titles.items():
            cell = answer.cell(kpi, *key)
            share = cell.value or 0.0
            rows.append(
                {
                    "name": names.get(str(key[0]), str(key[0])),
                    "piece": title,
                    "from": base,
                    "to": base + share,
                    "middle": base + share / 2,
                    # A piece too thin for its figure is named by its tip alone.
                    "text": format_percent(share, 1) if share > 0.06 else "",
                    "dark": kpi == next(iter(titles)),
                    "full": format_value(cell.value, "share", language, compact=False),
                    "n": "–" if cell.n is None else format_count(cell.n, language, compact=False),
                    "volume": cell.n or 0,
                    "opacity": 0.45 if few(cell) else 1.0,
                }
            )
            base += share
    frame = pd.DataFrame(rows).sort_values("volume", ascending=False, kind="stable")
    y = alt.Y(
        "name:N",
        sort=list(dict.fromkeys(frame["name"])),
        scale=alt.Scale(paddingInner=0.3, paddingOuter=0.1),
        axis=alt.Axis(labelColor=palette.ink2, labelFontSize=12, labelPadding=8, grid=False),
    )
    base_chart = alt.Chart(frame)
    bars = base_chart.mark_bar(height=alt.RelativeBandSize(0.86), **edge(style)).encode(
        x=alt.X("from:Q", scale=alt.Scale(domain=[0, 1], nice=False), axis=None),
        x2=alt.X2("to:Q"),
        y=y,
        opacity=alt.Opacity("opacity:Q", scale=None),
        color=alt.Color(
            "piece:N",
            scale=alt.Scale(domain=list(titles.values()), range=list(colours)),
            legend=legend(style, columns=alt.ExprRef("width < 420 ? 2 : 4")),
        ),
        tooltip=[
            alt.Tooltip("name:N", title=phrase(language, "chart_group")),
            alt.Tooltip("piece:N", title=phrase(language, "chart_kpi")),
            alt.Tooltip("full:N", title=phrase(language, "chart_value")),
            alt.Tooltip("n:N", title="n"),
        ],
    )  # fmt: skip
    ink = f"datum.dark ? '{palette.background}' : '{palette.ink}'"
    words = base_chart.mark_text(fontSize=12, fontWeight=600, color=alt.ExprRef(ink)).encode(
        x=alt.X("middle:Q"), y=y, text=alt.Text("text:N")
    )
    return finish([bars, words], style, HEIGHT)


def amounts(
    answer: Answer,
    totals: pd.DataFrame,
    dimension: str,
    slots: Slots,
    names: Mapping[str, str],
    window: timedelta,
    style: Style,
    notes: Sequence[Note] = (),
) -> alt.LayerChart:
    """Bars of an amount by slot, stacked by ``dimension`` in the order of ``names``.

    ``answer``: by the slots' grain and ``dimension``. ``totals``: the frame of an answer by the grain alone; its
    targets are a dashed rule. Slots of which ``window`` is not over are pale: they still grow.
    """
    palette, language = style.palette, style.language
    frame = answer.frame()
    place = {start: index for index, start in enumerate(slots.starts)}
    values = {(row[slots.grain], row[dimension]): row["value"] or 0.0 for row in frame.to_dict("records")}
    divisor, _ = unit_of_bars(totals, language)
    targets = target_pieces(totals, slots, 1 / divisor)
    held = {row[slots.grain]: row_tip(row, METRICS["referred_amount"], style) for row in totals.to_dict("records")}
    pieces = []
    for start in slots.starts:
        base = 0.0
        for key, name in names.items():
            value = values.get((start, key), 0.0)
            pieces.append(
                {
                    "x": place[start] + 0.12,
                    "x2": place[start] + 0.88,
                    "y": base / divisor,
                    "y2": (base + value) / divisor,
                    "name": name,
                    "opacity": 0.42 if slots.partial(start) or slots.last_day(start) + window >= slots.running else 1.0,
                    "when": slots.name(start, language),
                    "amount": format_value(value, "yuan", language),
                    "target": held.get(start, "–"),
                }
            )
            base += value
    bars = (
        alt.Chart(pd.DataFrame(pieces))
        .mark_rect(**edge(style))
        .encode(
            x=alt.X("x:Q", scale=alt.Scale(domain=[0, len(slots.starts)], nice=False), axis=slots.axis(language)),
            x2=alt.X2("x2:Q"),
            y=alt.Y("y:Q", axis=alt.Axis(tickCount=4, format=",.2~f", grid=True)),
            y2=alt.Y2("y2:Q"),
            opacity=alt.Opacity("opacity:Q", scale=None),
            color=alt.Color(
                "name:N",
                scale=alt.Scale(
                    domain=list(names.values()), range=[palette.chain[3], palette.chain[1], palette.compare]
                ),
                legend=legend(style),
            ),
            tooltip=[
                alt.Tooltip("when:N", title=phrase(language, "chart_when")),
                alt.Tooltip("name:N", title=phrase(language, "chart_group")),
                alt.Tooltip("amount:N", title=phrase(language, "chart_value")),
                *([alt.Tooltip("target:N", title=phrase(language, "goal_of_all"))] if len(targets) else []),
            ],
        )
    )
    rules = [rule_of(targets, style)] if len(targets) else []
    return finish([bars, *rules, *note_layers(notes, slots, style)], style, HEIGHT)
