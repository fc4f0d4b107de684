"""A section as a figure, drawn by ``kpi.charts`` as the pages' are."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import pandas as pd

from kpi.charts import ChartKind, Slots, Style, part_drawn, picture, scale_of, trend, unit_of_bars, volume_by_channel
from kpi.charts.slots import Grain
from kpi.charts.theme import spec_of
from kpi.errors import DrawingError
from kpi.i18n import phrase
from kpi.metrics.registry import METRICS
from kpi.narrative.caveats import cut_note
from kpi.pivot import Pivot
from kpi.query.question import Period
from kpi.snapshots.render.report import Block, Report
from kpi.snapshots.render.words import title_of

log = logging.getLogger("switchboard")

_Made = TypeVar("_Made")
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
    elif _stacked(block):
        assert pivot.cells is not None
        chart = volume_by_channel(pivot.cells.frame("volume"), _totals(pivot), slots, report.names["channel"], style)
    else:
        chart = picture(_kind(block), metric, pivot, report.names, slots, style)
    return spec_of(chart)


def _kind(block: Block) -> ChartKind:
    assert block.pivot is not None
    if block.pivot.cols is None:
        return "line" if block.time else "bars"
    return "line" if block.time else "heat"


def drawn(block: Block, report: Report, draw: Callable[[dict[str, Any]], _Made]) -> _Made | None:
    """What ``draw`` makes of the section's figure; None where there is nothing to draw, or it could not be drawn: that
    is kept in ``report.broken``, and the rest of the copy goes on.
    """
    title = title_of(block, report.language)
    try:
        found = spec(block, report)
        return draw(found) if found is not None else None
    except DrawingError as error:
        report.broken[title] = error
    except Exception:
        log.exception("the chart %s of %s could not be drawn", block.section.id, report.definition.name)
        report.broken[title] = DrawingError("drawing_failed", what=title)
    return None


def caption(block: Block, report: Report) -> str:
    """The unit of the figure, and what its second line or tick is."""
    language, metric = report.language, METRICS[block.kpis[0]]
    unit = phrase(language, f"report_unit_{metric.unit}")
    pivot = block.pivot
    if pivot is not None and pivot.cols is not None:
        stacked = pivot.by_rows is not None and _stacked(block)
        _, letter = unit_of_bars(_totals(pivot), language) if stacked else scale_of(metric, pivot, language)
        unit = f"{letter} {unit}".strip()
    said = [unit]
    compared = pivot is not None and any(cell.previous is not None for cell in (pivot.by_rows or pivot.whole).cells)
    if compared and block.time and pivot is not None and (pivot.cols is None or _stacked(block)):
        said.append(phrase(language, "panel_previous_line" if metric.id == "volume" else "report_previous_line"))
    elif compared and pivot is not None and pivot.cols is None:
        said.append(phrase(language, "panel_by_channel_sub"))
    if pivot is not None and pivot.rows is not None and not _stacked(block):
        said.append(part_drawn(_kind(block), metric, pivot, language))
    said += [cut_note(pivot.by_rows, language)] if pivot is not None and pivot.by_rows is not None else []
    return " · ".join(filter(None, said))


def _stacked(block: Block) -> bool:
    """Whether the section is interactions by channel over time."""
    return block.kpis[0] == "volume" and block.by[1:] == ("channel",) and bool(block.time)


def _totals(pivot: Pivot) -> pd.DataFrame:
    assert pivot.by_rows is not None
    return pivot.by_rows.frame("volume")


def _slots(block: Block, report: Report) -> Slots:
    grain = _GRAINS.get(block.time or "", "date")
    period: Period = report.period
    return Slots(period, grain, report.published.today)
