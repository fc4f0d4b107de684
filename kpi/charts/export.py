"""A figure as a file. One of an invented bank says so within."""

from collections.abc import Mapping
from typing import Any

from kpi.charts.theme import Style
from kpi.i18n import phrase
from kpi.native import picture

_WIDTH = 900
_SCALE = 2


def png(spec: Mapping[str, Any], style: Style) -> bytes:
    """The figure (Vega-Lite) as a picture on the theme's ground, 900 units wide, at twice the resolution.

    Raises DrawingError.
    """
    whole = {**spec, "width": _WIDTH, "background": style.palette.background}
    if style.synthetic:
        whole["title"] = {
            "text": phrase(style.language, "synthetic"),
            "orient": "bottom",
            "anchor": "end",
            "color": style.palette.ink2,
            "fontSize": 12,
        }
    return picture(whole, "png", _SCALE)


def svg(spec: Mapping[str, Any], width: int = _WIDTH) -> str:
    """The figure (Vega-Lite) as vectors, without a ground, ``width`` units wide. Raises DrawingError."""
    return picture({**spec, "width": width}, "svg").decode()
