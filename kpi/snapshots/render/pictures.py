"""A section as a figure, drawn by ``kpi.charts`` as the pages' are."""

from typing import Any

from kpi.charts import ChartKind, Slots, Style, picture, trend, volume_by_channel
from kpi.charts.slots import Grain
from kpi.charts.theme import spec_of
from kpi.i18n import phrase
from kpi.i18n.numbers import axis_unit
from kpi.metrics.registry import METRICS
from kpi.query.question import Period
from kpi.snapshots.render.asking import Block, Report

_GRAINS: dict[str, Grain] = {"date": "date", "through": "date", "week": "week", "month": "month"}


def spec(block: Block, report: Report) -> dict[str, Any] | None:
    """The figure as Vega-Lite, its data within; None where there is nothing to draw."""
    pivot = block.pivot
    if pivot is None or block.blank or report.empty:
        return None
    assert pivot.rows is not None
    assert pivot.by_rows is not None
    metric, style = METRICS[block.kpis[0]], Style(report.language)
    slots = _slots(block, report)
    if pivot.cols is None and block.time:
        frame = pivot.by_rows.frame(metric.id).rename(columns={"through": "date"})
        chart = trend(metric, frame, slots, style)
    elif block.by[1:] == ("channel",) and block.time and metric.id == "volume":
        assert pivot.cells is not None
        cells = pivot.cells.frame("volume")
        chart = volume_by_channel(cells, pivot.by_rows.frame("volume"), slots, report.names["channel"], style)
    else:
        kind: ChartKind = "bars" if pivot.cols is None else "line" if block.time else "heat"
        chart = picture(kind, metric, pivot, report.names, slots, style)
    return spec_of(chart)


def caption(block: Block, report: Report) -> str:
    """The unit of the figure, and what its second line or tick is."""
    language, metric = report.language, METRICS[block.kpis[0]]
    unit = phrase(language, f"report_unit_{metric.unit}")
    pivot = block.pivot
    if pivot is not None and pivot.cols is not None and metric.unit in {"count", "customers", "yuan"}:
        largest = max((cell.value or 0.0 for cell in pivot.by_rows.cells), default=0.0) if pivot.by_rows else 0.0
        unit = f"{axis_unit(largest, language)[1]} {unit}".strip()
    said = [unit]
    compared = pivot is not None and any(cell.previous is not None for cell in (pivot.by_rows or pivot.whole).cells)
    if compared and block.time and (pivot is None or pivot.cols is None or metric.id == "volume"):
        said.append(phrase(language, "panel_previous_line" if metric.id == "volume" else "report_previous_line"))
    elif compared and pivot is not None and pivot.cols is None:
        said.append(phrase(language, "panel_by_channel_sub"))
    return " · ".join(said)


def _slots(block: Block, report: Report) -> Slots:
    grain = _GRAINS.get(block.time or "", "date")
    period: Period = report.period
    return Slots(period, grain, report.published.today)
