"""How long the three findings of the overview take with nothing cached, and how often the search is right.

``python -m bench.why``: the demo bank in ``KPI_HOME``, then ``BENCH_SEEDS`` (20) banks of 200 thousand interactions,
one after the other in a temporary home. Figures are printed, never asserted.
"""

import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.causes import cases
from kpi.query import Period, Question, last_mature
from kpi.query.reader import Reader
from kpi.query.why import explain, three
from kpi.settings import ROOT, Settings, load_settings
from kpi.warehouse import Warehouse
from seed.load import fill
from seed.options import Options

HEADLINES = ("self_service_rate", "volume", "csat", "long_tail_coverage", "service_level")
# Long enough for every event and as many days before it; as many contacts a customer as the default demo has.
BANK = Options(end=date(2026, 11, 22), days=240, interactions=834, customers=66_000)
ROUNDS = 7


def main() -> None:
    """Print both."""
    settings = load_settings()
    print(f"  {'the overview of the demo bank, ms':44} {'first':>8} {'median':>8} {'most':>8}")
    for days in (7, 28, 90):
        times = [_cold(settings, days) for _ in range(ROUNDS)]
        told = (times[0], statistics.median(times), max(times))
        print(f"  {f'three findings, {days} days':44} " + " ".join(f"{one:8.0f}" for one in told), flush=True)
    right(int(os.environ.get("BENCH_SEEDS", "20")))


def questions(warehouse: Warehouse, days: int) -> list[Question]:
    """The overview's headline figures over the last days, first-contact resolution over its last mature ones."""
    today = warehouse.published().today
    view = Question(HEADLINES, Period(today - timedelta(days=days - 1), today), compare="previous")
    fcr = Question(("fcr",), view.period, compare="previous")
    return [view, last_mature(warehouse, fcr) or fcr]


def _cold(settings: Settings, days: int) -> float:
    """Milliseconds in a process of its own that has just started: copies of the small tables, but nothing asked."""
    command = [sys.executable, "-m", "bench.why", "--cold", str(days)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "KPI_HOME": str(settings.home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def cold(days: int) -> None:
    """Print the milliseconds of one overview; the warehouse is as a server has it when nobody has asked yet."""
    warehouse = Warehouse.from_settings(load_settings(), resident=True)
    asked = questions(warehouse, days)
    with warehouse.read() as connection:
        warehouse.require_data(connection)
    time.sleep(2)  # the copies are made beside the first question
    began = time.perf_counter()
    three(warehouse, asked)
    print((time.perf_counter() - began) * 1000)
    warehouse.close()


def right(seeds: int) -> None:
    """Of so many banks, in how many each planted event is the first cause; what was named instead."""
    hits: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    instead: dict[str, Counter[str]] = {}
    for seed in range(1, seeds + 1):
        options = Options(BANK.end, BANK.days, BANK.interactions, BANK.customers, seed)
        with TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
            for name, first in _named(Path(folder), options):
                tried[name] += 1
                hits[name] += first is None
                if first is not None:
                    instead.setdefault(name, Counter())[first] += 1
    print(f"\n  planted event, named as the first cause: of {seeds} banks of 200 thousand interactions")
    for name, of in tried.items():
        missed = ", ".join(f"{what} ({count})" for what, count in instead.get(name, Counter()).most_common(3))
        print(f"  {name:68} {hits[name]:3} of {of}" + (f"   instead: {missed}" if missed else ""), flush=True)


def _named(home: Path, options: Options) -> Sequence[tuple[str, str | None]]:
    """Each case of one bank: its name, and what was named instead of the event (None: the event was)."""
    settings = load_settings({**os.environ, "KPI_HOME": str(home)})
    warehouse = Warehouse.from_settings(settings)
    fill(warehouse, options, lambda share, text: None)
    found = []
    with Reader(warehouse) as reader:
        for case in cases(options):
            (why,) = explain(reader, [case.question])
            named = case.named_by(why.findings)
            first = why.findings[0] if why.findings else None
            told = f"{first.kind} {first.dimension}={first.value}" if first is not None else str(why.reason)
            found.append((case.name, None if named else told))
    warehouse.close()
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--cold"]:
        cold(int(sys.argv[2]))
    else:
        main()
