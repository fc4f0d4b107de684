"""Making and loading a demo bank in an empty ``KPI_HOME``, timed apart: ``python -m bench.seeding``.

``BENCH_SIZE``: interactions in all, instead of the usual two million.
"""

import os
import resource
from datetime import date

from kpi.settings import load_settings
from kpi.warehouse import Warehouse
from seed.load import fill
from seed.options import Options

END = date(2026, 11, 22)
USUAL = Options(end=END)


def main() -> None:
    """Fill the home of the settings and print what it took."""
    settings = load_settings()
    settings.home.mkdir(parents=True)
    size = int(os.environ.get("BENCH_SIZE", "0"))
    options = Options(end=END, interactions=size // USUAL.days) if size else USUAL
    warehouse = Warehouse.from_settings(settings)
    filled = fill(warehouse, options, lambda share, text: None)
    warehouse.close()
    assert filled is not None
    written = sum(file.stat().st_size for file in settings.home.rglob("*") if file.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, value in {
        "interactions": f"{filled.interactions:,}",
        "generating, s": f"{filled.generate_seconds:.1f}",
        "loading (staging, deriving, roll-ups), s": f"{filled.load_seconds:.1f}",
        "all of it (the next made while one loads), s": f"{filled.seconds:.1f}",
        "interactions a second": f"{filled.interactions / filled.seconds:,.0f}",
        "peak of memory, GB": f"{peak / 2**20:.2f}",
        "on disk, GB": f"{written / 2**30:.2f}",
    }.items():
        print(f"  {name:42} {value:>12}")


if __name__ == "__main__":
    main()
