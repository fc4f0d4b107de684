"""Answers and rows as tables for people: named columns, named values, plain figures in the KPI's unit."""

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime

import pandas as pd

from kpi.drivers.finding import Why
from kpi.drivers.reconciliation import scale_of
from kpi.i18n import Language, catalogue, phrase
from kpi.i18n.formats import weekday_name
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.registry import METRICS
from kpi.narrative.caveats import caveats_of
from kpi.narrative.driver_sentences import remark, value_name
from kpi.narrative.staffing_plan import Plan
from kpi.narrative.usual_range import usual_of, usual_text
from kpi.plain_text import clean
from kpi.query.answer import Answer, DimensionValue
from kpi.query.cell_rules import few
from kpi.query.cohorts.lorenz import Curve
from kpi.query.question import Period
from kpi.query.rows import RowsPage
from kpi.stats.control_chart import Usual
from kpi.stats.decomposition import Decomposition
from kpi.table_file import COUNT, PERCENT, UNITS, described
from kpi.targets.target_text import since, verdict
from kpi.warehouse.published import Published

# Columns of rows whose values are those of a dimension of another name.
_NAMED_BY = {"agent_key": "agent"}
# Columns that are in the unit of the KPI.
_IN_UNIT = ("chart_value", "table_low", "table_high", "chart_compared", "table_target_low", "table_target_high")


def of_answer(
    answer: Answer, language: Language, names: Mapping[str, Mapping[str, str]], kpi: str | None = None
) -> pd.DataFrame:
    """The answer's figures in full, one row a cell: dimensions, KPI, value, parts, n, comparison, target, by a time
    alone the usual range, reason, and why a figure is not to be relied on.

    ``names``: dimension -> value (as text) -> name. Dates are dates, and shares stay shares (0–1), so that a sheet can
    go on with them.
    """
    rows, usual = [], _usual(answer)
    cells = [cell for cell in answer.cells if kpi is None or cell.kpi == kpi]
    for cell in cells:
        row: dict[str, object] = {}
        for dimension, value in zip(answer.question.by, cell.key, strict=True):
            text = "" if value is None else str(value)
            name = names.get(dimension, {}).get(text, text)
            row[DIMENSIONS[dimension].name(language)] = value if isinstance(value, date) else name
        metric = METRICS[cell.kpi]
        if kpi is None and len(answer.question.kpis) > 1:
            row[phrase(language, "chart_kpi")] = metric.name(language)
        row |= {
            phrase(language, "chart_value"): cell.value,
            phrase(language, "table_numerator"): cell.numerator,
            phrase(language, "table_denominator"): cell.denominator,
            "n": cell.n,
            phrase(language, "table_low"): cell.low,
            phrase(language, "table_high"): cell.high,
            phrase(language, "chart_compared"): cell.previous,
            phrase(language, "chart_change"): cell.change,
            phrase(language, "table_target_low"): cell.target_low,
            phrase(language, "table_target_high"): cell.target_high,
            phrase(language, "table_target_met"): verdict(cell, language),
            phrase(language, "table_target_since"): since(cell, metric, language),
            phrase(language, "chart_usual"): usual_text(found, metric, language)
            if (found := usual.get((cell.kpi, cell.key))) is not None
            else "",
            phrase(language, "table_reason"): phrase(language, f"reason_{cell.reason}") if cell.reason else "",
            phrase(language, "table_doubts"): phrase(language, "say_and").join(caveats_of(cell, language)),
        }
        rows.append(row)
    frame = pd.DataFrame(rows)
    frame = frame.dropna(axis="columns", how="all").loc[:, lambda kept: ~(kept == "").all()]
    units = {METRICS[cell.kpi].unit for cell in cells}
    number = UNITS.get(units.pop(), "") if len(units) == 1 else ""
    formats = {phrase(language, key): number for key in _IN_UNIT if number} | {"n": COUNT}
    small = {phrase(language, "chart_value"): [row for row, cell in enumerate(cells) if few(cell)]}
    return described(frame, answer.period, formats, small)


def _usual(answer: Answer) -> dict[tuple[str, tuple[DimensionValue, ...]], Usual | None]:
    """The usual range of each cell of an answer by a time alone."""
    found: dict[tuple[str, tuple[DimensionValue, ...]], Usual | None] = {}
    if answer.question.by not in {("date",), ("week",), ("month",)}:
        return found
    for kpi in answer.question.kpis:
        cells = sorted(
            (cell for cell in answer.cells if cell.kpi == kpi and None not in cell.key),
            key=lambda cell: str(cell.key[0]),
        )
        ranges = usual_of(METRICS[kpi], [(cell.numerator, cell.denominator, cell.provisional) for cell in cells])
        found |= {(kpi, cell.key): usual for cell, usual in zip(cells, ranges, strict=True)}
    return found


def of_week(week: pd.DataFrame, language: Language, period: Period | None = None) -> pd.DataFrame:
    """The usual week (``kpi.query.weekly_pattern``) of a period with named weekdays and columns."""
    table = pd.DataFrame(
        {
            DIMENSIONS["weekday"].name(language): [weekday_name(int(day), language) for day in week["weekday"]],
            DIMENSIONS["hour"].name(language): week["hour"],
            phrase(language, "channels_a_day"): week["value"],
            phrase(language, "channels_total"): week["total"],
            phrase(language, "channels_days"): week["days"],
        }
    )
    return described(table, period, {phrase(language, "channels_total"): COUNT})


def of_moves(
    moves: pd.DataFrame, absent: str, names: Mapping[str, str], language: Language, period: Period | None = None
) -> pd.DataFrame:
    """The moves between channels (``kpi.query.migration``) to those of a period, with named channels and columns."""
    before = dict(names) | {absent: phrase(language, "channels_new")}
    after = dict(names) | {absent: phrase(language, "channels_gone")}
    table = pd.DataFrame(
        {
            phrase(language, "channels_before"): moves["before"].map(lambda value: before.get(value, value)),
            phrase(language, "channels_now"): moves["after"].map(lambda value: after.get(value, value)),
            phrase(language, "channels_customers"): moves["customers"],
            phrase(language, "chart_share"): moves["share"],
        }
    )
    formats = {phrase(language, "channels_customers"): COUNT, phrase(language, "chart_share"): PERCENT}
    return described(table, period, formats)


def of_curves(curves: Iterable[Curve], language: Language, period: Period | None = None) -> pd.DataFrame:
    """Lorenz curves of a period: a row a per cent of the customers, a column a curve; shares as 0–1."""
    columns = {METRICS[curve.kpi].name(language): list(curve.shares) for curve in curves}
    points = max((len(shares) for shares in columns.values()), default=0)
    table = pd.DataFrame({phrase(language, "lorenz_customers"): range(points)} | columns)
    return described(table, period, dict.fromkeys(columns, PERCENT))


def of_decomposition(
    why: Why, part: Decomposition, names: Mapping[str, Mapping[str, str]], language: Language
) -> pd.DataFrame:
    """Every cell with both periods and what it adds to the change, the most first; mix and rate of all together are the
    change. In the KPI's unit, shares as 0–1. The note says which cells only one period has, and which rank nowhere.
    """
    metric, ratio = METRICS[why.kpi], part.kind == "ratio"
    scale = float(scale_of(metric))
    rows = []
    for effect in part.ordered:
        row: dict[str, object] = {
            DIMENSIONS[dimension].name(language): value_name(dimension, value, names, language)
            for dimension, value in zip(part.by, effect.key, strict=True)
        }
        for when, whole in zip(("before", "now"), part.wholes, strict=True):
            pair = getattr(effect, when)
            rate = None if pair.rate is None else float(pair.rate) * scale
            figures: dict[str, object] = {when: rate if ratio else pair.numerator * scale}
            if ratio:
                figures[f"share_{when}"] = pair.denominator / whole.denominator if whole.denominator else None
            figures[f"n_{when}"] = pair.n
            row |= {phrase(language, f"cause_head_{name}"): figure for name, figure in figures.items()}
        for name, points in (("mix" if ratio else "general", effect.mix), ("rate" if ratio else "own", effect.rate)):
            row[phrase(language, f"cause_head_{name}")] = float(points)
        row[phrase(language, "cause_head_total")] = float(effect.total)
        row[phrase(language, "cause_head_note")] = remark(part, effect, language)
        rows.append(row)
    return described(pd.DataFrame(rows), why.period)


def of_plan(plan: Plan, language: Language) -> pd.DataFrame:
    """Agents and the share answered in time by either model; none where the queue is unstable."""
    columns = [phrase(language, key) for key in ("plan_agents", "plan_model_c", "plan_model_a")]
    return pd.DataFrame(plan.curve, columns=columns)


def of_rows(
    page: RowsPage, language: Language, names: Mapping[str, Mapping[str, str]], published: Published
) -> pd.DataFrame:
    """One page of rows with named columns and values; times in the business zone, to the second.

    The column ``numerator`` says which rows are in the numerator, and is left out where the number is no rate.
    """
    columns = [column for column in page.columns if column != "numerator" or page.numerator is not None]
    frame = pd.DataFrame([{column: record[column] for column in columns} for record in page.records], columns=columns)
    for column in columns:
        frame[column] = _told(frame[column], names.get(_NAMED_BY.get(column, column)), language, published)
    return frame.rename(columns={column: column_name(column, language) for column in columns})


def column_name(column: str, language: Language) -> str:
    """What a column of rows is called."""
    key = f"column_{column}"
    if key in catalogue():
        return phrase(language, key)
    dimension = DIMENSIONS.get(_NAMED_BY.get(column, column))
    return dimension.name(language) if dimension is not None else column


def dimensions_of(columns: Iterable[str]) -> list[str]:
    """The dimensions that name the values of these columns."""
    return [name for column in columns if (name := _NAMED_BY.get(column, column)) in DIMENSIONS]


def _told(values: pd.Series, names: Mapping[str, str] | None, language: Language, published: Published) -> pd.Series:
    def told(value: object) -> object:
        if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
            return None
        if isinstance(value, bool):
            return phrase(language, "yes" if value else "no")
        if isinstance(value, datetime):
            return published.local(value).strftime("%Y-%m-%d %H:%M:%S")
        if names:
            return names.get(str(int(value) if isinstance(value, float) else value), value)
        return clean(value) if isinstance(value, str) else value

    return values.astype(object).map(told)
