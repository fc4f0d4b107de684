"""How long the three findings of the overview take with nothing cached, and how often the search is right.

``python -m bench.why``: the demo bank in ``KPI_HOME``, then ``BENCH_SEEDS`` (20) banks of 200 thousand interactions,
one after the other in a temporary home. Figures are printed, never asserted.
"""

import math
import os
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import limits
from bench.causes import Case, cases
from kpi.drivers.analysis import explain, three
from kpi.drivers.parallel import Reader
from kpi.query import Period, Question, last_mature
from kpi.settings import Settings, load_settings
from kpi.warehouse import Warehouse
from seed.load import fill
from seed.options import Options

# Those of the overview (bench does not import the pages here).
HEADLINES = ("self_service_rate", "volume", "csat", "long_tail_coverage", "service_level")
# 200 thousand interactions each, as many contacts a customer as in the default demo: nearly as dense as that one, for
# the events of the last months; and a longer one for the event that lies before.
BANKS = (
    Options(date(2026, 11, 22), days=100, interactions=2000, customers=160_000),
    Options(date(2026, 11, 22), days=240, interactions=834, customers=66_000),
)
ROUNDS = 7
# What was promised: the three findings in so many milliseconds, and the share of events that are named (18 of 20).
MOST, NAMED = 500, 0.9


def main() -> None:
    """Print both."""
    _overview(load_settings())
    right(int(os.environ.get("BENCH_SEEDS", "20")))


def questions(period: Period, warehouse: Warehouse) -> list[Question]:
    """The overview's headline figures, first-contact resolution over its last mature days."""
    view = Question(HEADLINES, period, compare="previous")
    fcr = Question(("fcr",), period, compare="previous")
    return [view, last_mature(warehouse, fcr) or fcr]


def _overview(settings: Settings) -> None:
    """A server that has its copies of the small tables; every period is asked for once, and never before."""
    warehouse = Warehouse.from_settings(settings, resident=True)
    today = warehouse.published().today
    warehouse.settle()
    print(f"  {'the three findings of the overview, ms':44} {'least':>8} {'median':>8} {'most':>8}")
    first = True
    for days in (28, 7, 90):
        times = []
        for ago in range(ROUNDS):
            asked = questions(Period(today - timedelta(days=days - 1 + ago), today - timedelta(days=ago)), warehouse)
            began = time.perf_counter()
            three(warehouse, asked)
            times.append((time.perf_counter() - began) * 1000)
            if first:
                first = False
                alone = times.pop()
                print(f"  {'the first in the process':44} {alone:8.0f}{'':20}{limits.told(alone, MOST, 'ms')}")
        told = (min(times), statistics.median(times), max(times))
        figures = " ".join(f"{one:8.0f}" for one in told)
        print(
            f"  {f'{days} days, {len(times)} periods':44} {figures}  {limits.told(max(times), MOST, 'ms')}", flush=True
        )
    warehouse.close()


def right(seeds: int) -> None:
    """Of so many banks, in how many each planted event is the first cause; what was named instead."""
    hits: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    instead: dict[str, Counter[str]] = {}
    for seed in range(1, seeds + 1):
        asked: set[str] = set()
        for bank in BANKS:
            wanted = [case for case in cases(replace(bank, seed=seed)) if case.name not in asked]
            asked |= {case.name for case in wanted}
            with TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
                named = _named(Path(folder), replace(bank, seed=seed), wanted)
            for case, other in zip(wanted, named, strict=True):
                tried[case.name] += 1
                hits[case.name] += other is None
                if other is not None:
                    instead.setdefault(case.name, Counter())[other] += 1
    print(f"\n  planted event, named as the first cause: of {seeds} banks of 200 thousand interactions")
    for name, of in tried.items():
        missed = ", ".join(f"{what} ({count})" for what, count in instead.get(name, Counter()).most_common(3))
        judged = limits.at_least(hits[name], math.ceil(NAMED * of), of)
        print(f"  {name:68} {hits[name]:3} of {of}  {judged}" + (f"   instead: {missed}" if missed else ""), flush=True)
    every, found = sum(tried.values()), sum(hits.values())
    print(f"  {'all of them':68} {found:3} of {every}  {limits.at_least(found, math.ceil(NAMED * every), every)}")


def _named(home: Path, options: Options, wanted: Sequence[Case]) -> list[str | None]:
    """Of one bank, what was named instead of each event (None: the event was)."""
    settings = load_settings({**os.environ, "KPI_HOME": str(home)})
    warehouse = Warehouse.from_settings(settings)
    fill(warehouse, options, lambda share, text: None)
    with Reader.of(warehouse) as reader:
        # Each alone, as it would be asked.
        found = [explain(reader, [case.question])[0] for case in wanted]
    warehouse.close()
    return [
        None
        if case.named_by(why.findings)
        else f"{why.findings[0].kind} {why.findings[0].dimension}={why.findings[0].value}"
        if why.findings
        else str(why.reason)
        for case, why in zip(wanted, found, strict=True)
    ]


if __name__ == "__main__":
    main()
