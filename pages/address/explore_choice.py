"""What the explorer is asked: KPIs by up to two dimensions, as the address says it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from kpi.charts import ChartKind, Grain
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.registry import METRICS

CHARTS: tuple[ChartKind, ...] = get_args(ChartKind)
TIMES: tuple[Grain, ...] = get_args(Grain)
NONE = "none"  # in the address: no such dimension
CHOICE = ("kpis", "rows", "cols", "chart", "detail")  # what of the address it is made of
MOST_KPIS = 6
_USUAL = ("self_service_rate", "volume")
_USUAL_ROWS = ("channel", "tier", "team", "month")
_GROUPED = 8  # bars beside one another at most


@dataclass(frozen=True)
class Choice:
    """``rows``, ``cols``: the dimensions, None for none; ``chart``: the kind asked for, None for the one that fits.

    ``detail``: intervals and n are shown.
    """

    kpis: tuple[str, ...] = _USUAL
    rows: str | None = _USUAL_ROWS[0]
    cols: str | None = None
    chart: ChartKind | None = None
    detail: bool = False

    @property
    def by(self) -> tuple[str, ...]:
        return tuple(dimension for dimension in (self.rows, self.cols) if dimension is not None)


USUAL = Choice()


def common(kpis: Iterable[str]) -> list[str]:
    """The dimensions that all the KPIs have, in the order of the dictionary."""
    chosen = [METRICS[kpi] for kpi in kpis]
    return [key for key in DIMENSIONS if all(key in metric.dimensions for metric in chosen)]


def lacking(kpis: Iterable[str]) -> dict[str, list[str]]:
    """Dimension that only some of the KPIs have -> those that lack it."""
    chosen = [METRICS[kpi] for kpi in kpis]
    some = [key for key in DIMENSIONS if any(key in metric.dimensions for metric in chosen)]
    found = {key: [metric.id for metric in chosen if key not in metric.dimensions] for key in some}
    return {key: without for key, without in found.items() if without}


def charts_for(choice: Choice, columns: int) -> list[ChartKind]:
    """The charts that can show the choice, the fitting one first. ``columns``: values of its second dimension."""
    times = [dimension for dimension in choice.by if dimension in TIMES]
    if len(choice.by) == 1:
        return ["line"] if times else ["bars"]
    if len(choice.by) == 2:
        if len(times) == 1:
            return ["line", "heat"]
        return ["heat", "grouped"] if columns <= _GROUPED else ["heat"]
    return []


def read_choice(params: Mapping[str, str], bad: Callable[..., Any]) -> Choice:
    """The choice of the address. ``bad(name, value, key)`` is told what could not be used."""
    wanted = list(dict.fromkeys(part for part in params.get("kpis", "").split(",") if part))
    good = [kpi for kpi in wanted if kpi in METRICS]
    if wrong := [kpi for kpi in wanted if kpi not in METRICS]:
        bad("kpis", ", ".join(wrong))
    if len(good) > MOST_KPIS:
        bad("kpis", ", ".join(good[MOST_KPIS:]), "link_too_many_kpis")
    kpis = tuple(good[:MOST_KPIS]) or _USUAL
    possible = common(kpis)
    usual = next((key for key in _USUAL_ROWS if key in possible), None)
    rows = _dimension("rows", params, possible, usual, bad)
    cols = _dimension("cols", params, possible, None, bad)
    if cols == rows or rows is None:
        rows, cols = rows or cols, None
    chart = next((kind for kind in CHARTS if kind == params.get("chart")), None)
    if params.get("chart") and chart is None:
        bad("chart", params["chart"])
    if params.get("detail") and params["detail"] != "1":
        bad("detail", params["detail"])
    return Choice(kpis, rows, cols, chart, params.get("detail") == "1")


def _dimension(
    name: str, params: Mapping[str, str], possible: list[str], usual: str | None, bad: Callable[..., Any]
) -> str | None:
    wanted = params.get(name, "")
    if not wanted:
        return usual
    if wanted == NONE:
        return None
    if wanted in possible:
        return wanted
    if wanted in DIMENSIONS:
        bad(name, wanted, "link_not_common")
    else:
        bad(name, wanted)
    return usual
