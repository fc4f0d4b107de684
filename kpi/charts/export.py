"""A figure, or its table, as a file. One of an invented bank says so wherever it goes: in its name, and within."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import noto_cjk_sans_otc
import pandas as pd
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


def file_name(name: str, ending: str, style: Style) -> str:
    """What the file is called."""
    return f"{name}_synthetic.{ending}" if style.synthetic else f"{name}.{ending}"


def marked(table: pd.DataFrame, style: Style) -> pd.DataFrame:
    """The table with a last column that says of each row that it is synthetic, where it is: a line above the heads
    would break filters and programs, and be lost when rows are copied.
    """
    language = style.language
    return table.assign(**{phrase(language, "synthetic"): phrase(language, "yes")}) if style.synthetic else table


def csv(table: pd.DataFrame) -> bytes:
    """The table as CSV, UTF-8 with a mark that spreadsheets recognise."""
    return table.to_csv(index=False).encode("utf-8-sig")


def xlsx(table: pd.DataFrame, title: str) -> bytes:
    """The table as a workbook with one sheet, its columns wide enough to be read."""
    buffer = BytesIO()
    sheet = "".join(letter for letter in title if letter not in r"[]:*?/\ ")[:31] or "data"
    with pd.ExcelWriter(buffer, engine="xlsxwriter") as writer:
        table.to_excel(writer, sheet_name=sheet, index=False, freeze_panes=(1, 0))
        writer.sheets[sheet].autofit()
    return buffer.getvalue()
