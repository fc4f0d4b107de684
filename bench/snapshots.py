"""How long a whole weekly report takes, in every format: asked and written, first in a process, and again."""

import time
from dataclasses import replace
from datetime import timedelta

from bench import limits
from kpi.i18n import LANGUAGES
from kpi.settings import Settings, load_settings
from kpi.snapshots.definition_file import READY, load
from kpi.snapshots.model import Recipient
from kpi.snapshots.render import report_of
from kpi.snapshots.render.copy import FORMS
from kpi.snapshots.render.manifest import manifest
from kpi.snapshots.serialization import FORMATS
from kpi.targets.resolution import kept_targets
from kpi.warehouse import Warehouse

NAME = "weekly"
MOST = 5  # seconds of the wall for a whole report
_NOBODY = Recipient("bench", "file:///dev/null")


def measure(settings: Settings) -> list[tuple[str, str]]:
    """Lines of the table: what, and seconds: the wall's · the processors'. The last whole week of the data."""
    warehouse = Warehouse.from_settings(settings)
    today = warehouse.published().today
    due = today - timedelta(days=today.weekday())
    lines = []
    weekly = next(one for one in load(READY.read_text("utf-8")) if one.name == NAME)
    for definition in (replace(weekly, language=language) for language in LANGUAGES):
        began = _now()
        with report_of(warehouse, definition, _NOBODY, due, targets=kept_targets(settings)) as report:
            steps = [("asked", _since(began))]
            files: dict[str, bytes] = {}
            for form in FORMATS:
                start = _now()
                files[form] = FORMS[form](report)
                steps.append((form, _since(start)))
            start = _now()
            manifest(report, files)
            steps.append(("manifest", _since(start)))
        whole = _since(began)
        judged = limits.told(whole[0], MOST, "s")
        lines.append((f"{definition.title[1]}, {definition.language}", f"{_told(whole)}  {judged}"))
        lines += [(f"  {name}", _told(spent)) for name, spent in steps]
    warehouse.close()
    return lines


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(start: tuple[float, float]) -> tuple[float, float]:
    wall, processors = _now()
    return wall - start[0], processors - start[1]


def _told(spent: tuple[float, float]) -> str:
    return f"{spent[0]:8.2f}  {spent[1]:8.2f}"


def main() -> None:
    """Measure the home of the settings and print."""
    for name, figures in measure(load_settings()):
        print(f"  {name:34} {figures}")


if __name__ == "__main__":
    main()
