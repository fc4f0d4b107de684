"""Native charts of a workbook, on the cells of the sheet beside them."""

from xlsxwriter import Workbook
from xlsxwriter.chart import Chart

from kpi.charts import PALETTES
from kpi.charts.grid import colour_of
from kpi.metrics.registry import METRICS
from kpi.snapshots.render.report import Block
from kpi.snapshots.render.tables import Table, day_format

_PALETTE = PALETTES["light"]
_SIZE = {"width": 760, "height": 380}


def plot(book: Workbook, sheet: str, block: Block, found: Table, head: int, step: int) -> Chart:
    """The section as a chart: over time a line, of a count by another dimension stacked columns; else bars, by two
    dimensions grouped. ``head``: the row of the column names; ``step``: columns from one series to the next.
    """
    metric = METRICS[block.kpis[0]]
    matrix = block.pivot is not None and block.pivot.cols is not None
    stacked = matrix and block.time is not None and metric.roll_up == "additive"
    options: dict[str, str] = (
        {"type": "column", "subtype": "stacked"}
        if stacked
        else {"type": "line"}
        if block.time
        else {"type": "column" if matrix else "bar"}
    )
    chart = book.add_chart(options)
    # The whole is the last row and, of a matrix, the last column.
    last = head + len(found.rows) - (1 if found.total else 0)
    for index in range(len(found.columns) - 2 if matrix else 1):
        place = 1 + index * step
        colour = _colour(block, index) if matrix else _PALETTE.accent
        line = {"color": colour, "width": 2} if options["type"] == "line" else {"none": True}
        series: dict[str, object] = {
            "name": [sheet, head, place],
            "categories": [sheet, head + 1, 0, last, 0],
            "values": [sheet, head + 1, place, last, place],
            "line" if options["type"] == "line" else "border": line,
        }
        if options["type"] != "line":
            series["fill"] = {"color": colour}
            series["gap"] = 40
        chart.add_series(series)
    grid = {"visible": True, "line": {"color": _PALETTE.grid}}
    font = {"color": _PALETTE.mute}
    values, names = (
        (chart.set_x_axis, chart.set_y_axis) if options["type"] == "bar" else (chart.set_y_axis, chart.set_x_axis)
    )
    values({"major_gridlines": grid, "num_font": font, "line": {"none": True}})
    # Days as they stand in their cells, one beside the other: on an axis of dates a bar of a week would be a day wide.
    days = {"text_axis": True, "num_format": day_format(found.columns[0])} if found.columns[0].by == block.time else {}
    names({"num_font": font, "reverse": options["type"] == "bar", "line": {"color": _PALETTE.border}, **days})
    chart.set_legend({"position": "bottom"} if matrix else {"none": True})
    chart.set_size(_SIZE)
    return chart


def _colour(block: Block, index: int) -> str:
    """The colour that the value has everywhere, else a shade of the accent."""
    assert block.pivot is not None
    axes = [axis for axis in (block.pivot.rows, block.pivot.cols) if axis is not None]
    across = next((axis for axis in axes if axis.dimension not in {block.time}), axes[-1])
    value = across.values[index] if index < len(across.values) else None
    tiers = _PALETTE.tiers
    return colour_of(across.dimension, value, _PALETTE) or tiers[index % len(tiers)]
