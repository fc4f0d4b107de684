"""The usual week: weekday by hour."""

import altair as alt
import pandas as pd

from kpi.charts.theme import Style, finish
from kpi.i18n import phrase
from kpi.i18n.formats import format_count, format_value, weekday_name

HEIGHT = 250


def by_hour(week: pd.DataFrame, style: Style) -> alt.LayerChart:
    """A cell an hour of the week, darker for more, the busiest one with its figure.

    ``week``: weekday (1 = Monday), hour, value (an average a day; None: no such day), total, days.
    """
    palette, language = style.palette, style.language
    known = week.dropna(subset=["value"])
    top = max([1.0, *known["value"]])
    names = {day: weekday_name(day, language) for day in range(1, 8)}
    frame = pd.DataFrame(
        {
            "weekday": int(row["weekday"]),
            "day": names[row["weekday"]],
            "hour": int(row["hour"]),
            "value": row["value"],
            "share": row["value"] / top,
            "when": f"{names[row['weekday']]} {row['hour']:02.0f}:00–{row['hour'] + 1:02.0f}:00",
            "text": format_value(row["value"], "count", language, compact=False),
            "total": format_count(row["total"], language, compact=False),
            "days": format_count(row["days"], language),
        }
        for row in known.to_dict("records")
    )
    x = alt.X(
        "hour:O",
        scale=alt.Scale(domain=list(range(24)), paddingInner=0.06, paddingOuter=0),
        axis=alt.Axis(values=[0, 3, 6, 9, 12, 15, 18, 21], labelAngle=0, grid=False),
    )
    y = alt.Y(
        "day:N",
        sort=list(names.values()),
        scale=alt.Scale(domain=list(names.values()), paddingInner=0.08, paddingOuter=0),
        axis=alt.Axis(labelColor=palette.ink2, grid=False),
    )
    base = alt.Chart(frame).encode(x=x, y=y)
    cells = base.mark_rect(cornerRadius=2).encode(
        color=alt.Color(
            "share:Q",
            scale=alt.Scale(domain=[0, 1], range=[palette.neutral_fill, palette.accent], interpolate="rgb"),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("when:N", title=phrase(language, "chart_when")),
            alt.Tooltip("text:N", title=phrase(language, "channels_a_day")),
            alt.Tooltip("total:N", title=phrase(language, "channels_total")),
            alt.Tooltip("days:N", title=phrase(language, "channels_days")),
        ],
    )
    busiest = (
        alt.Chart(frame.nlargest(1, "value"))
        .mark_text(fontSize=11, fontWeight=600, color=palette.background)
        .encode(x=x, y=y, text=alt.Text("text:N"))
    )
    return finish([cells, busiest], style, HEIGHT)
