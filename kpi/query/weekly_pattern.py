"""The usual week: figures by weekday and hour, as an average over such days."""

from datetime import date, timedelta

import pandas as pd

from kpi.query.answer import Answer
from kpi.query.question import Period


def whole_days(period: Period, running: date) -> Period:
    """The period without the running day, whose later hours are still to come; as it is where nothing would be left."""
    last = running - timedelta(days=1)
    return Period(period.start, min(period.end, last)) if period.start <= last else period


def usual_week(answer: Answer, kpi: str) -> pd.DataFrame:
    """One row a weekday (1 = Monday) and hour (0–23): ``total``, ``days`` (how many such days the period has) and
    ``value`` (total ÷ days; None where there is no such day).

    ``answer``: an additive KPI by weekday and hour. An hour without any contact is nought.
    """
    days = [0] * 8
    for offset in range(answer.period.days):
        days[(answer.period.start + timedelta(days=offset)).isoweekday()] += 1
    totals = {cell.key: cell.value or 0 for cell in answer.cells if cell.kpi == kpi}
    order = answer.question.by.index("weekday")
    rows = []
    for weekday in range(1, 8):
        for hour in range(24):
            total = totals.get((weekday, hour) if order == 0 else (hour, weekday), 0)
            value = total / days[weekday] if days[weekday] else None
            rows.append({"weekday": weekday, "hour": hour, "total": total, "days": days[weekday], "value": value})
    return pd.DataFrame(rows)
