"""One palette and one Vega configuration for every figure, light and dark.

A channel and a tier have the same colour everywhere, told apart by the colour-blind too. Colours carry meaning only: a
channel, a tier, better or worse. Text is always ink, never coloured by channel.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import altair as alt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from altair.utils import schemapi

from kpi.i18n import Language

Mode = Literal["light", "dark"]
_TICKS = 5  # of an axis of values

# Altair would check every piece of every figure against the whole schema while it is put together. For the same
# reason channels are written as objects, ``x=alt.X("x:Q")``: a bare text is parsed against the schema each time.
schemapi.DEBUG_MODE = False


# The one name that Vega cannot tell marks and labels apart by: it keeps them under the names as keys of an object.
_NO_KEY, _UNSEEN = "__proto__", "\u200b"


def as_key(text: str) -> str:
    """A name as it stands in a figure's data and scales; ``of_key`` gives it back."""
    return text + _UNSEEN if text == _NO_KEY else text


def of_key(text: str) -> str:
    """The name that a mark of a figure is of."""
    return _NO_KEY if text == as_key(_NO_KEY) else text


class Rows(list[dict[str, Any]]):
    """The rows of a figure's frame, column name -> number or text, None where there is none."""

    def __init__(self, frame: pd.DataFrame) -> None:
        table = pa.Table.from_pandas(frame, preserve_index=False, nthreads=1).replace_schema_metadata()
        fields = [field.with_type(pa.string()) if field.type == pa.large_string() else field for field in table.schema]
        table = table.cast(pa.schema(fields))
        for place, field in enumerate(table.schema):
            if field.type == pa.string() and pc.index(table[place], _NO_KEY).as_py() >= 0:
                names = pc.if_else(pc.equal(table[place], _NO_KEY), as_key(_NO_KEY), table[place])
                table = table.set_column(place, field, names)
        self._table = table
        super().__init__(self._table.to_pylist())

    @cached_property
    def arrow(self) -> bytes:
        """The same as an Arrow stream: what a browser is sent, made once however often the figure is shown."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self._table.schema) as stream:
            stream.write_table(self._table)
        return sink.getvalue().to_pybytes()


# What the layers of the figure share that is being put together: id of a frame -> the frame, its name and its rows.
_Shared = dict[int, tuple[pd.DataFrame, str, Rows]]
_shared: ContextVar[_Shared | None] = ContextVar("shared", default=None)


def _plain(data: Any) -> dict[str, Any]:
    """Figures' frames hold numbers and texts only: looking at every column for other types costs more than drawing."""
    shared = _shared.get()
    if shared is not None and id(data) in shared:
        return {"name": shared[id(data)][1]}
    rows = Rows(data)
    if shared is None:
        return {"values": rows}
    name = f"rows{len(shared)}"
    shared[id(data)] = data, name, rows
    return {"name": name}


alt.data_transformers.register("plain", _plain)
alt.data_transformers.enable("plain")

FONT = "Source Sans, Noto Sans CJK SC, PingFang SC, Microsoft YaHei, sans-serif"

# Bottom of the stack first: digital channels are cool, voice is warm, and lightness alternates.
CHANNEL_ORDER = ("wechat", "robot", "sms", "ronge", "chat", "hotline", "vip", "rm")


@dataclass(frozen=True)
class Palette:
    """Roles, as hexadecimal colours. What is a line or a bar by itself stands out from the ground by 3:1 at least; the
    paler ones (``tint``, the fills, ``border``, the chain's first steps) are grounds of cells, or have an ``edge``.

    ``channels`` by id, ``tiers`` from star 1 to 7; ``chain`` from a chain's first
    step to its last, with ink on the first two and the ground's colour on the others.
    """

    background: str
    panel: str
    ink: str
    ink2: str
    mute: str
    compare: str
    border: str
    grid: str
    accent: str
    tint: str
    better: str
    worse: str
    better_fill: str
    worse_fill: str
    neutral_fill: str
    channels: dict[str, str]
    tiers: tuple[str, ...]
    chain: tuple[str, str, str, str]

    def channel(self, channel: str | None) -> str:
        """The colour of a channel; one that the bank added gets the colour of "other"."""
        return self.channels.get(channel or "", self.channels["other"])


PALETTES: dict[Mode, Palette] = {
    "light": Palette(
        background="#FFFFFF",
        panel="#F6F7F9",
        ink="#1B1F27",
        ink2="#475063",
        mute="#5D6678",
        compare="#8B93A2",
        border="#D0D5DD",
        grid="#EDEFF3",
        accent="#4653C9",
        tint="#C9CEF2",
        better="#0B7A5E",
        worse="#C2410C",
        better_fill="#93CEBB",
        worse_fill="#F2B393",
        neutral_fill="#F3F4F7",
        channels={
            "wechat": "#5179D6",
            "robot": "#553C93",
            "sms": "#4D9BC9",
            "ronge": "#10705E",
            "chat": "#80885B",
            "hotline": "#C7861C",
            "vip": "#813D26",
            "rm": "#B95196",
            "ivr": "#A67922",
            "video": "#515C7A",
            "other": "#888C99",
        },
        tiers=("#818DE1", "#6E7AD7", "#5D6ACC", "#4D5ABD", "#3D49A9", "#2F398F", "#1F2770"),
        chain=("#C3CAF0", "#9AA5E4", "#5562C8", "#3D49AC"),
    ),
    "dark": Palette(
        background="#14161B",
        panel="#1C1F26",
        ink="#E8EAEE",
        ink2="#C3C8D2",
        mute="#A3ACBB",
        compare="#6E7686",
        border="#3A404B",
        grid="#23272F",
        accent="#8C97F5",
        tint="#3A4180",
        better="#45C3A0",
        worse="#F08A5D",
        better_fill="#226F5B",
        worse_fill="#8A4A2C",
        neutral_fill="#20242C",
        channels={
            "wechat": "#79A4F1",
            "robot": "#7A52DC",
            "sms": "#4C8AD7",
            "ronge": "#5BCAC6",
            "chat": "#8FB775",
            "hotline": "#DFA720",
            "vip": "#A8623F",
            "rm": "#DB5C97",
            "ivr": "#D4C894",
            "video": "#8F99BA",
            "other": "#666C78",
        },
        tiers=("#525DB3", "#606CC8", "#707CD8", "#8490E5", "#9CA5EF", "#B5BCF5", "#D0D5FB"),
        chain=("#343C72", "#434D94", "#6E7AD2", "#98A2F2"),
    ),
}


@dataclass(frozen=True)
class Style:
    """For whom a figure is drawn. ``synthetic``: of an invented bank, which every file must say."""

    language: Language
    mode: Mode = "light"
    synthetic: bool = False

    @property
    def palette(self) -> Palette:
        return PALETTES[self.mode]


def channel_rank(channel: str | None) -> tuple[int, str]:
    """Sort key: the order of the stack, channels of the bank's own after the known ones."""
    known = CHANNEL_ORDER.index(channel) if channel in CHANNEL_ORDER else len(CHANNEL_ORDER)
    return known, channel or ""


def value_colour(dimension: str, value: str, style: Style) -> str:
    """The colour of a dimension's value: that of the channel or the tier, else the accent's tint."""
    palette = style.palette
    if dimension == "channel":
        return palette.channel(value)
    if dimension == "tier" and value.isdigit():
        return palette.tiers[min(max(int(value), 1), len(palette.tiers)) - 1]
    return palette.tint


def legend(style: Style, **more: Any) -> alt.Legend:
    """A row of swatches above a figure whose pieces are too thin, or too many, for labels of their own."""
    return alt.Legend(
        orient="top",
        title=None,
        labelColor=style.palette.ink2,
        labelFontSize=12,
        symbolType="square",
        symbolOpacity=1,
        offset=2,
        padding=0,
        columnPadding=12,
        **more,
    )


def axis_format(low: float, high: float) -> str:
    """How the labels of an axis from ``low`` to ``high`` are written: with as many decimals as tell them apart, so that
    99.998 is no second 100.
    """
    decimals = max(2, 1 - math.floor(math.log10((high - low) / _TICKS))) if high > low else 2
    return f",.{decimals}~f"


def edge(style: Style) -> dict[str, Any]:
    """The outline of bars whose fill is too near the ground's colour to be told from it by everyone."""
    return {"stroke": style.palette.mute, "strokeWidth": 0.7}


class _Layers(alt.LayerChart):
    """Layers that have neither parameters nor a size of their own: looking for these, LayerChart copies every layer
    four times whenever it is made, and it is made anew for each ``to_dict``.
    """

    def __init__(self, **arguments: Any) -> None:
        super(alt.LayerChart, self).__init__(**arguments)


def finish(layers: Sequence[alt.Chart | alt.LayerChart], style: Style, height: int) -> alt.LayerChart:
    """The layers as one figure with its height, background and the common look of axes and text."""
    palette = style.palette
    return _Layers(
        layer=list(layers),
        height=height,
        background="transparent",
        padding={"left": 2, "right": 2, "top": 6, "bottom": 2},
        config={
            "font": FONT,
            "aria": False,
            "view": {"stroke": None},
            "axis": {
                "aria": False,
                "labelColor": palette.mute,
                "labelFontSize": 11.5,
                "labelPadding": 6,
                "domain": False,
                "ticks": False,
                "gridColor": palette.grid,
                "title": None,
            },
            "text": {"color": palette.ink2, "fontSize": 11.5},
        },
    )


def spec_of(chart: alt.LayerChart) -> dict[str, Any]:
    """The figure as Vega-Lite, its data within: ``datasets``, name -> ``Rows``. Not validated: the tests do that, and
    it costs more than drawing.
    """
    shared: _Shared = {}
    token = _shared.set(shared)
    try:
        spec: dict[str, Any] = chart.to_dict(validate=False)
    finally:
        _shared.reset(token)
    spec["datasets"] = {name: rows for _, name, rows in shared.values()}
    _silence(spec)
    _keep_values_data(spec)
    return spec


def _keep_values_data(spec: dict[str, Any]) -> None:
    """Order names by the domain of their scale, and stack nothing: Vega-Lite would write an order into an expression,
    name by name, and Vega would look for what it stacks under the names as keys of an object, where some
    (``constructor``, ``__proto__``) are there already.
    """
    units = list(_units(spec, None))
    found: dict[str, set[object]] = {}
    for unit, data in units:
        for channel, told in _channels(unit):
            if told.get("type") in {"nominal", "ordinal"} and "field" in told and data is not None:
                values = (row.get(told["field"]) for row in spec["datasets"].get(data, ()))
                found.setdefault(channel, set()).update(values)
    for unit, _ in units:
        for channel, told in _channels(unit):
            scale = told.get("scale") or {}
            if isinstance(order := told.get("sort"), list):
                shown = [value for value in dict.fromkeys(order) if _keyed(value) in found[channel]]
                scale = {"domain": shown, **scale}
                del told["sort"]
            if told.get("type") in {"nominal", "ordinal"} and "domain" in scale:
                told["scale"] = {**scale, "domain": [*map(_keyed, scale["domain"])]}
            elif channel in {"x", "y"} and told.get("type") == "quantitative":
                told.setdefault("stack", None)


def _units(spec: dict[str, Any], data: str | None) -> Iterator[tuple[dict[str, Any], str | None]]:
    """The figure's single layers, each with the name of its data."""
    data = spec.get("data", {}).get("name", data)
    if "layer" not in spec:
        yield spec, data
    for part in spec.get("layer", ()):
        yield from _units(part, data)


def _channels(unit: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What a layer shows, by channel; but for tips, which are a list."""
    return [(name, told) for name, told in unit.get("encoding", {}).items() if isinstance(told, dict)]


def _keyed(value: object) -> object:
    return as_key(value) if isinstance(value, str) else value


def quoted(text: object) -> str:
    """A text of data as it stands in a Vega expression: the only way for one to get there. Behind a space, since Vega
    looks a text of its own up among the keys of an object, where ``constructor`` is one.
    """
    return f"slice({json.dumps(f' {as_key(str(text))}')},1)"


def looked_up(table: Mapping[Any, object], value: str) -> str:
    """A Vega expression: the text of ``table`` for the number or text that the expression ``value`` gives, "" for one
    that is not there. Two lists, not an object, which has keys of its own.
    """
    keys = ",".join(quoted(key) if isinstance(key, str) else str(key) for key in table)
    return f"[{','.join(map(quoted, table.values()))}][indexof([{keys}],{value})] || ''"


def _silence(spec: dict[str, Any]) -> None:
    """A figure has one alternative text and its numbers beside it as a table; a screen reader shall not read each of
    its marks, by the names of inner columns. Only a mark's own property hides it.
    """
    if "mark" in spec:
        mark = spec["mark"]
        spec["mark"] = {**(mark if isinstance(mark, dict) else {"type": mark}), "aria": False}
    for part in spec.get("layer", ()):
        _silence(part)


def css_variables(mode: Mode) -> str:
    """The palette as CSS variables, for the parts of a page that are no chart."""
    palette = PALETTES[mode]
    light = mode == "light"
    extra = {
        "card_border": "#E4E7EC" if light else "#2C313A",
        "chip": "#F0F1F4" if light else "#262A33",
        "on_accent": "#FFFFFF" if light else "#14161B",
        "better_pill": "#E6F4EF" if light else "#163A31",
        "worse_pill": "#FDEEE6" if light else "#43281B",
    }
    roles = {name: value for name, value in vars(palette).items() if isinstance(value, str)} | extra
    return ":root{" + "".join(f"--{name}:{value};" for name, value in roles.items()) + "}"
