"""Who came by which channel before, and by which now."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from kpi.charts.bars import short_channel
from kpi.charts.theme import Style, channel_rank, finish
from kpi.i18n import phrase
from kpi.i18n.formats import format_count, format_percent

HEIGHT = 300


def migration_matrix(moves: pd.DataFrame, absent: str, names: Mapping[str, str], style: Style) -> alt.LayerChart:
    """A row a channel before, a column a channel now, each cell the share of its row; who stayed is framed.

    ``moves``: before, after, customers, share (None: not to be seen). ``absent``: the value of those who did not come,
    last in both directions.
    """
    palette, language = style.palette, style.language

    def ordered(column: str) -> list[str]:
        found = sorted((value for value in moves[column].unique() if value != absent), key=channel_rank)
        return [*found, absent]

    row_names = {value: names.get(value, value) for value in ordered("before")}
    row_names[absent] = phrase(language, "channels_new")
    column_names = {value: short_channel(value, names.get(value, value), style) for value in ordered("after")}
    column_names[absent] = phrase(language, "channels_gone")
    sums = moves.groupby("before")["customers"].sum()
    frame = pd.DataFrame(
        {
            "before": row_names[move["before"]],
            "after": column_names[move["after"]],
            "share": None if pd.isna(move["share"]) else move["share"],
            "text": "–" if pd.isna(move["share"]) else format_percent(move["share"]),
            "stayed": move["before"] == move["after"],
            "pale": bool(sums[move["before"]] < 30),
            "customers": "–"
            if pd.isna(move["customers"])
            else format_count(move["customers"], language, compact=False),
            "of": format_count(sums[move["before"]], language, compact=False),
        }
        for move in moves.to_dict("records")
    )
    # Most customers of a month do not come in the next: the shades tell apart the channels of those who do.
    largest = moves.loc[moves["after"] != absent, "share"].max()
    x = alt.X(
        "after:N",
        sort=list(column_names.values()),
        scale=alt.Scale(paddingInner=0.08, paddingOuter=0),
        axis=alt.Axis(
            orient="top",
            labelAngle=0,
            labelColor=palette.ink2,
            labelOverlap=False,
            labelFontSize=alt.ExprRef("width < 300 ? 8.5 : 11"),
        ),
    )
    y = alt.Y(
        "before:N",
        sort=list(row_names.values()),
        scale=alt.Scale(paddingInner=0.12, paddingOuter=0),
        axis=alt.Axis(labelColor=palette.ink2, labelLimit=104, labelPadding=8, grid=False),
    )
    base = alt.Chart(frame).encode(
        x=x,
        y=y,
        tooltip=[
            alt.Tooltip("before:N", title=phrase(language, "channels_before")),
            alt.Tooltip("after:N", title=phrase(language, "channels_now")),
            alt.Tooltip("customers:N", title=phrase(language, "channels_customers")),
            alt.Tooltip("of:N", title=phrase(language, "channels_of")),
            alt.Tooltip("text:N", title=phrase(language, "chart_share")),
        ],
    )
    cells = base.mark_rect(cornerRadius=3).encode(
        color=alt.Color(
            "share:Q",
            scale=alt.Scale(
                domain=[0, largest if largest > 0 else 1],
                range=[palette.neutral_fill, palette.tint],
                interpolate="rgb",
                clamp=True,
            ),
            legend=None,
        )
    )
    frames = base.transform_filter("datum.stayed").mark_rect(
        filled=False, stroke=palette.accent, strokeWidth=1.3, cornerRadius=3
    )
    texts = base.mark_text(
        fontSize=alt.ExprRef("width < 300 ? 9.5 : 11.5"),
        color=alt.ExprRef(f"datum.pale ? '{palette.mute}' : '{palette.ink}'"),
    ).encode(text=alt.Text("text:N"))
    return finish([cells, frames, texts], style, HEIGHT)
