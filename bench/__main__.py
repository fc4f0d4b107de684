"""One table of figures: making and loading the demo bank, the overview's questions, why figures changed, a report,
every page in a browser.

``BENCH_SIZE`` (interactions, in all) also makes a bigger bank and tells its rate; ``BENCH_SEEDS``: in how many small
banks the planted events are looked for. Homes are temporary.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import queries
from kpi.settings import ROOT, load_settings


def main() -> None:
    """Measure and print. The big bank is made in a process of its own, for its own peak of memory."""
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    # DuckDB spills and the warehouse grows here; a small /tmp in memory would be measured instead of the disk.
    with TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        home = Path(folder) / "home"
        _head("the demo bank")
        _process("bench.seeding", home, {})
        _head("questions, ms: first asked · asked again (median of 5) · from the facts alone · ratio")
        for name, figures in queries.measure(load_settings({**os.environ, "KPI_HOME": str(home)})):
            print(f"  {name:34} {figures}")
        _head("why: the three findings of the overview with nothing cached, and the planted events")
        _process("bench.why", home, {})
        _head("a weekly report in six formats, seconds: wall · processors")
        _process("bench.snapshots", home, {})
        _head("the pages in a browser, and in the server alone")
        _process("bench.page", home, {})
        if size := os.environ.get("BENCH_SIZE"):
            _head(f"a demo bank of {int(size):,} interactions")
            _process("bench.seeding", Path(folder) / "big", {"BENCH_SIZE": size})


def _process(module: str, home: Path, settings: Mapping[str, str]) -> None:
    inherited = {name: value for name, value in os.environ.items() if name != "BENCH_SIZE"}
    subprocess.run(
        [sys.executable, "-m", module], cwd=ROOT, env={**inherited, "KPI_HOME": str(home), **settings}, check=False
    )


def _head(text: str) -> None:
    print(f"\n{text}", flush=True)


if __name__ == "__main__":
    main()
