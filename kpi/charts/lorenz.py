"""The Lorenz curve: how unequally customers bring value and ask for service."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from kpi.charts.theme import Style, finish
from kpi.i18n import phrase
from kpi.i18n.formats import format_value
from kpi.query.cohorts.lorenz import Curve

HEIGHT = 330
_POINT = 80  # per cent of customers: the others are the top 20 %


def lorenz(curves: Sequence[Curve], style: Style) -> alt.LayerChart:
    """Customers from low to high in per cent against what they hold together, in per cent: a line for value, one for
    contacts, the diagonal of equality, and what the lower 80 % hold as a named point on each.
    """
    palette, language = style.palette, style.language
    colours = {"top20_share": palette.accent, "top20_share_contacts": palette.ink2}
    names = {
        "top20_share": phrase(language, "lorenz_value"),
        "top20_share_contacts": phrase(language, "lorenz_contacts"),
    }
    frame = pd.DataFrame(
        {
            "x": percent,
            "y": share * 100,
            "what": names[curve.kpi],
            "colour": colours[curve.kpi],
            "text": format_value(share, "share", language),
        }
        for curve in curves
        for percent, share in enumerate(curve.shares)
    )
    scale = alt.Scale(domain=[0, 100], nice=False)
    x = alt.X("x:Q", scale=scale, axis=alt.Axis(values=[0, 20, 40, 60, 80, 100], grid=True))
    y = alt.Y("y:Q", scale=scale, axis=alt.Axis(values=[0, 20, 40, 60, 80, 100], grid=True))
    colour = alt.Color("colour:N", scale=None)
    tips = [
        alt.Tooltip("what:N", title=phrase(language, "chart_kpi")),
        alt.Tooltip("x:Q", title=phrase(language, "lorenz_customers")),
        alt.Tooltip("text:N", title=phrase(language, "chart_value")),
    ]
    equal = pd.DataFrame([{"x": 0, "y": 0}, {"x": 100, "y": 100}])
    rules = pd.DataFrame([{"x": _POINT, "y": 0, "x2": _POINT, "y2": 100}, {"x": 0, "y": 20, "x2": 100, "y2": 20}])
    points = frame[frame["x"] == _POINT].reset_index(drop=True)
    points = points.assign(label=points["what"] + phrase(language, "say_space") + points["text"])
    said = pd.DataFrame(
        [
            {"x": 40, "y": 46, "text": phrase(language, "lorenz_equal"), "align": "right"},
            {"x": 2, "y": 23, "text": phrase(language, "lorenz_classic"), "align": "left"},
            # At the top, where no curve comes by, nor a point's name.
            {"x": _POINT, "y": 97, "text": phrase(language, "lorenz_lower"), "align": "right"},
        ]
    )
    layers = [
        alt.Chart(equal).mark_line(color=palette.compare, strokeWidth=1).encode(x=x, y=y),
        alt.Chart(rules)
        .mark_rule(color=palette.compare, strokeDash=[3, 3])
        .encode(x=x, y=y, x2=alt.X2("x2:Q"), y2=alt.Y2("y2:Q")),
        alt.Chart(frame)
        .mark_line(strokeWidth=2.2)
        .encode(x=x, y=y, color=colour, detail=alt.Detail("what:N"), tooltip=tips),
        alt.Chart(points).mark_point(filled=True, size=80, opacity=1).encode(x=x, y=y, color=colour, tooltip=tips),
    ]
    for align in ("left", "right"):
        layers.append(
            alt.Chart(said[said["align"] == align])
            .mark_text(align=align, dx=-6 if align == "right" else 2, color=palette.mute, fontSize=11.5)
            .encode(x=x, y=y, text=alt.Text("text:N"))
        )
    # The upper point is named to its upper left, the lower one to its lower right: neither curve passes there.
    for row in points.sort_values("y").to_dict("records"):
        lower = len(points) > 1 and row["y"] == points["y"].min() and row["y"] < points["y"].max()
        layers.append(
            alt.Chart(pd.DataFrame([row]))
            .mark_text(
                align="left" if lower else "right",
                dx=9 if lower else -9,
                dy=10 if lower else -8,
                color=palette.ink,
                fontSize=12,
                fontWeight=600,
            )
            .encode(x=x, y=y, text=alt.Text("label:N"))
        )
    return finish(layers, style, HEIGHT)
