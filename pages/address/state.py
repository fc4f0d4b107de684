"""The URL is the state: a widget is drawn from the ``View`` and, when it changes, writes the URL in its callback. So a
pasted link, a reload and a click all take the same way.

The only module that touches query parameters and session state. The view is read and validated in
``pages.address.parsing`` before any widget exists.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Any, TypeVar
from urllib.parse import urlencode

import streamlit as st

from kpi.charts.theme import of_key
from kpi.i18n import Language
from kpi.query.question import Filter, Period
from pages.address.explore_choice import NONE
from pages.address.parsing import not_valid
from pages.address.view import AS_VIEWED, CUSTOM, DEFAULT_PRESET, DRILL, FILTERS, KNOWN, OWN, UNKNOWN, View, Within


def query_params() -> dict[str, str]:
    """The parameters of the address as it is now; a repeated one as if its values were listed in one."""
    return {name: ",".join(st.query_params.get_all(name)) for name in st.query_params}


def browser_language() -> str | None:
    """The browser's locale, such as zh-CN."""
    return st.context.locale


def read_option(view: View, name: str, options: Iterable[str], default: str) -> tuple[str, View]:
    """A page's own parameter, one of ``options``; the view names what is none of them."""
    value = query_params().get(name, "")
    if not value or value in set(options):
        return value or default, view
    return default, replace(view, ignored=(*view.ignored, not_valid(name, value)))


def read_text(view: View, name: str, longest: int) -> tuple[str, View]:
    """A page's own text; the view names one that is longer than ``longest``."""
    value = query_params().get(name, "")
    if len(value) <= longest:
        return value, view
    return "", replace(view, ignored=(*view.ignored, not_valid(name, value)))


def read_number(view: View, name: str, least: float, most: float, default: float) -> tuple[float, View]:
    """A page's own number; the view names what is none, or lies outside ``least`` … ``most``."""
    text = query_params().get(name, "")
    if not text:
        return min(max(default, least), most), view
    try:
        value = float(text)
    except ValueError:
        value = nan
    if least <= value <= most:
        return value, view
    return min(max(default, least), most), replace(view, ignored=(*view.ignored, not_valid(name, text)))


def _write(name: str, value: str, default: str = "") -> None:
    if value and value != default:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)


def bound(name: str, value: Any) -> dict[str, Any]:
    """Arguments of the widget that shows and changes the parameter ``name``, set to ``value``."""
    key = f"f_{name}"
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    return {"key": key, "on_change": _changed, "args": (name,)}


def _changed(name: str) -> None:
    value = st.session_state[f"f_{name}"]
    if name == "against":
        if len(value) == 2:
            _write("compare", str(Period(*value)))
        return
    if name == "dates":
        if len(value) == 2:
            _write("period", CUSTOM)
            _write("from", value[0].isoformat())
            _write("to", value[1].isoformat())
        return
    if name == "period":
        if value:
            _write("period", value, DEFAULT_PRESET)
            _write("from", "")
            _write("to", "")
    elif name == "compare":
        _write("compare", value or "previous", "previous")
    elif isinstance(value, bool):
        _write(name, "1" if value else "")
    elif isinstance(value, int | float):
        _write(name, f"{value:g}")
    elif isinstance(value, str) or value is None:
        _write(name, value or "", {"cols": NONE, "chart": "auto"}.get(name, ""))
    else:
        _write(name, ",".join(part or UNKNOWN for part in value))


def show_language(language: Language) -> None:
    """Write the language into the address."""
    _write("lang", language)


def open_drill(kpi: str, by: str = "", within: Within = AS_VIEWED) -> None:
    """Begin to take a KPI apart; ``by``: what it is split by first, "" for the usual."""
    close_drill()
    _write("drill", kpi)
    _write("by", by)
    if within.period is not None:
        _write("span", str(within.period))
    _write("every", ",".join(within.every))


def go_down(steps: tuple[Filter, ...]) -> None:
    """Write how far down the drill-down is."""
    _write("at", ",".join(f"{step.dimension}:{step.values[0] or UNKNOWN}" for step in steps))
    _write("by", "")


def go_down_chosen(key: str, steps: tuple[Filter, ...], dimension: str) -> None:
    """One step further, to the value that was chosen in the list ``key``."""
    value = st.session_state.get(key)
    if value is not None:
        go_down((*steps, Filter(dimension, (value,))))


PICKED = "picked"  # the selection within a figure
_NAME = "name"  # the field of a figure's data with the name of what a mark is of


@dataclass(frozen=True)
class Picks:
    """What a click on a mark of a figure leads to: the rows of the values that the mark is of.

    ``steps``: field of the figure's data -> the dimension whose value stands there, and name -> value, None where it is
    the value itself. ``kpis``: name -> KPI, where the figure shows several.
    """

    steps: Mapping[str, tuple[str, Mapping[str, str] | None]]
    kpis: Mapping[str, str]

    @property
    def fields(self) -> list[str]:
        """The fields of the figure's data that it goes by."""
        return list(dict.fromkeys([*self.steps, *([_NAME] if self.kpis else [])]))

    def also(self, dimension: str, names: Mapping[str, str] | None, field: str) -> "Picks":
        """And of a second dimension."""
        return Picks({**self.steps, **picks(dimension, names, field).steps}, self.kpis)

    def leads(self, mark: Mapping[str, object], kpi: str) -> tuple[str, tuple[Filter, ...]]:
        """The KPI and the steps down to what a mark is of; a mark of all values makes no step."""
        steps = []
        for field, (dimension, values) in self.steps.items():
            name = of_key(str(mark[field])) if mark.get(field) is not None else None
            value = name if values is None or name is None else values.get(name)
            if value is not None:
                steps.append(Filter(dimension, (value,)))
        return self.kpis.get(str(mark.get(_NAME)), kpi), tuple(steps)


def picks(
    dimension: str,
    names: Mapping[str, str] | None,
    field: str = _NAME,
    kpis: Mapping[str, str] | None = None,
) -> Picks:
    """``names``: value -> name, None where the figure's data hold the value; ``kpis``: KPI -> name."""
    values = None if names is None else {name: value for value, name in names.items()}
    return Picks({field: (dimension, values)}, {name: kpi for kpi, name in (kpis or {}).items()})


def picking_key(panel: str) -> str:
    """The key of a figure whose marks can be clicked; another one after each click, so that the same mark can be
    clicked again.
    """
    return f"picking_{panel}_{st.session_state.get(f'picks_{panel}', 0)}"


def picked(panel: str, kpi: str, within: Within, chosen: Picks) -> None:
    """Take ``kpi``, or the one that the mark is of, apart at the mark that was clicked."""
    marks = st.session_state[picking_key(panel)].selection[PICKED]
    if not marks:
        return
    st.session_state[f"picks_{panel}"] = st.session_state.get(f"picks_{panel}", 0) + 1
    kpi, steps = chosen.leads(marks[0], kpi)
    open_drill(kpi, within=within)
    if steps:
        go_down(steps)


def drill_link(kpi: str, steps: Sequence[Filter]) -> str:
    """The address of this page with a KPI taken apart, ``steps`` down."""
    at = ",".join(f"{step.dimension}:{step.values[0] or UNKNOWN}" for step in steps)
    return "?" + urlencode(link() | {"drill": kpi} | ({"at": at} if at else {}))


def close_drill() -> None:
    """Leave the drill-down."""
    for name in DRILL:
        _write(name, "")


def choose_service_level(formula: str) -> None:
    """Write the formula of the service level."""
    _write("sl", formula)


def put_back(names: Iterable[str]) -> None:
    """Take a page's own parameters out of the address: what they stood for is as it was."""
    for name in names:
        _write(name, "")


def link() -> dict[str, str]:
    """The parameters that a link to another page takes along: all but the drill-down, the pages' own and what was not
    valid.
    """
    left_out = {*DRILL, "page", *OWN}
    return {name: value for name, value in query_params().items() if name in KNOWN - left_out}


def kept_link() -> dict[str, str]:
    """The parameters that a saved view keeps: as ``link``, without the language, which is the visitor's."""
    return {name: value for name, value in link().items() if name != "lang"}


def reopened(kept: Mapping[str, str]) -> dict[str, str]:
    """The parameters that open a saved view for this visitor."""
    return {**kept, **{name: value for name, value in query_params().items() if name == "lang"}}


def restore(kept: Mapping[str, str]) -> None:
    """Show this page as a saved view."""
    st.query_params.from_dict(reopened(kept))


def clear_filters() -> None:
    """Take every filter out of the address; period and comparison stay."""
    for dimension in FILTERS:
        _write(dimension, "")


def rerun_page() -> None:
    """Make the whole page again, from within a part that refreshes alone."""
    st.rerun(scope="app")


_Kept = TypeVar("_Kept")


def of_visitor(name: str, make: Callable[[], _Kept]) -> _Kept:
    """What is kept for this visitor as long as his window is open, made at first."""
    if name not in st.session_state:
        st.session_state[name] = make()
    kept: _Kept = st.session_state[name]
    return kept


def draft(name: str, newest: _Kept) -> tuple[_Kept, str]:
    """What the visitor began to edit, ``newest`` at first and the same until ``discard``; a key for its editor."""
    number = st.session_state.setdefault(f"draft_number_{name}", 0)
    return st.session_state.setdefault(f"draft_{name}", newest), f"{name}_{number}"


def discard(name: str) -> None:
    """Begin anew with what is kept, without what the visitor changed."""
    st.session_state.pop(f"draft_{name}", None)
    st.session_state[f"draft_number_{name}"] = st.session_state.get(f"draft_number_{name}", 0) + 1


def set_message(name: str, text: str) -> None:
    """What the page that is made next tells of an action; "" for nothing."""
    st.session_state[f"told_{name}"] = text


def message(name: str) -> str:
    """What an action before told to say."""
    said: str = st.session_state.get(f"told_{name}", "")
    return said
