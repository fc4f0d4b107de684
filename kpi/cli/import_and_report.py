"""``make real``: import a file into a home of its own and print its headline figures.

The home is ``real`` in ``KPI_HOME``, so that neither the demo nor a warehouse in use is touched.
"""

import argparse
import os
import sys
from pathlib import Path

from kpi import cli
from kpi.settings import load_settings
from kpi.warehouse import Warehouse

# What a file of contacts can be expected to tell, then what it often cannot: that is told too, with the reason.
HEADLINES = (
    "volume",
    "agent_volume",
    "answer_rate",
    "abandonment_rate",
    "service_level",
    "asa",
    "wait_p90",
    "aht",
    "customers_served",
    "contacts_per_customer",
    "unlinked_share",
    "self_service_rate",
    "csat",
    "long_tail_coverage",
    "fcr",
)


def main() -> int:
    """Run it; the exit code is that of the first step that fails."""
    parser = argparse.ArgumentParser(prog="python -m kpi.cli.import_and_report", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--mapping", default="bank_calls", help="a TOML file, or the name of a shipped mapping")
    asked = parser.parse_args()
    home = load_settings().home / "real"
    # Places that are set for the warehouse in use are not for this one.
    os.environ |= {"KPI_HOME": str(home), "KPI_WAREHOUSE_URL": "", "KPI_STATE_URL": ""}
    failed = cli.main(["import", str(asked.file), "--mapping", asked.mapping])
    if failed:
        return failed
    warehouse = Warehouse.from_settings(load_settings())
    published = warehouse.published()
    warehouse.close()
    if published.data_start is None:
        return 0  # every row was left out or rejected; the import has said so
    first, last = published.local(published.data_start).date(), published.today
    print()
    return cli.main(["query", *HEADLINES, "--from", first.isoformat(), "--to", last.isoformat()])


if __name__ == "__main__":
    sys.exit(main())
