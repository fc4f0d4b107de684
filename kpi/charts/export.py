"""A figure as a file. One of an invented bank says so within."""

from collections.abc import Mapping
from typing import Any

import noto_cjk_sans_otc
import vl_convert

from kpi.charts.theme import Style
from kpi.i18n import phrase

# A fresh machine has no Chinese font; this one comes with the requirements.
vl_convert.register_font_directory(str(noto_cjk_sans_otc.FONT_PATH.parent))

_WIDTH = 900
_SCALE = 2


def png(spec: Mapping[str, Any], style: Style) -> bytes:
    """The figure (Vega-Lite) as a picture on the theme's ground, 900 units wide, at twice the resolution."""
    whole = {**spec, "width": _WIDTH, "background": style.palette.background}
    if style.synthetic:
        whole["title"] = {
            "text": phrase(style.language, "synthetic"),
            "orient": "bottom",
            "anchor": "end",
            "color": style.palette.ink2,
            "fontSize": 12,
        }
    return bytes(vl_convert.vegalite_to_png(whole, scale=_SCALE))


def svg(spec: Mapping[str, Any], width: int = _WIDTH) -> str:
    """The figure (Vega-Lite) as vectors, without a ground, ``width`` units wide."""
    return str(vl_convert.vegalite_to_svg({**spec, "width": width}))
