"""How long the overview's questions take: first asked in a process, asked again, and from the facts alone."""

import statistics
import time
from collections.abc import Callable
from datetime import timedelta

from kpi.query import Period, Question, answer, rows
from kpi.settings import Settings
from kpi.warehouse import Warehouse

ROUNDS = 5
HEADLINES = ("self_service_rate", "given_up_rate", "volume", "csat", "service_level", "fcr")


def questions(last: Period) -> dict[str, Question]:
    """What the overview asks, and two questions over all the data."""
    two_years = Period(last.end - timedelta(days=729), last.end)
    return {
        "headline figures, compared": Question(HEADLINES, last, compare="previous"),
        "coverage, compared": Question(("long_tail_coverage",), last, compare="previous"),
        "volume by date × channel": Question(("volume",), last, by=("date", "channel"), compare="previous"),
        "headline figures by tier": Question(HEADLINES, last, by=("tier",)),
        "customers served by channel": Question(("customers_served",), last, by=("channel",)),
        "two years by month × channel": Question(("volume", "csat"), two_years, by=("month", "channel")),
        "two years by topic": Question(("volume", "self_service_rate"), two_years, by=("topic",)),
        "two years' customers by channel": Question(("customers_served",), two_years, by=("channel",)),
    }


def measure(settings: Settings) -> list[tuple[str, str]]:
    """Lines of the table: what, and milliseconds: first · again · from the facts (times the roll-up's)."""
    began = time.perf_counter()
    warehouse = Warehouse.from_settings(settings)
    today = warehouse.published().today
    opened = time.perf_counter() - began
    last = Period(today - timedelta(days=27), today)
    lines = [("open the warehouse", _ms(opened))]
    for name, question in questions(last).items():
        first = _seconds(lambda q=question: answer(warehouse, q))  # type: ignore[misc]
        again = _median(lambda q=question: answer(warehouse, q))  # type: ignore[misc]
        facts = _median(lambda q=question: answer(warehouse, q, rolled_up=False))  # type: ignore[misc]
        lines.append((name, f"{_ms(first)}  {_ms(again)}  {_ms(facts)}  ×{facts / again:.1f}"))
    page = Question(("csat",), last)
    first = _seconds(lambda: rows(warehouse, page, sort="-started_at"))
    again = _median(lambda: rows(warehouse, page, sort="-started_at"))
    lines.append(("rows behind satisfaction, a page", f"{_ms(first)}  {_ms(again)}"))
    warehouse.close()
    return lines


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _median(call: Callable[[], object]) -> float:
    return statistics.median(_seconds(call) for _ in range(ROUNDS))


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:8.1f}"
