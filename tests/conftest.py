"""What all tests share: no settings from outside, and a home of one's own."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kpi.settings import Settings, load_settings

# Whoever runs the tests may have settings of his own; children of the tests must not inherit them either.
for name in [name for name in os.environ if name.startswith("KPI_")]:
    del os.environ[name]
os.environ["LC_ALL"] = "C.UTF-8"  # what the machine speaks is the program's usual language


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty KPI_HOME, in force for the test and the processes that it starts."""
    folder = tmp_path / "home"
    monkeypatch.setenv("KPI_HOME", str(folder))
    monkeypatch.setenv("KPI_MEMORY", "1")
    return folder


@pytest.fixture
def settings(home: Path) -> Settings:
    """The default settings with that home."""
    return load_settings()


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say a line at the end of the run, whichever process the test ran in."""
    return lambda line: record_property("told", line)


# Folders and files whose tests start processes, or take long: ``make quick`` leaves them out.
LONG = {
    *("hostile", "ingest", "native", "reports", "seed", "snapshots", "warehouse"),
    *("test_cache_warmer.py", "test_cli.py", "test_database.py", "test_explore.py", "test_first_run.py"),
    *("test_period_counts.py", "test_read_only.py", "test_real_bank.py", "test_requirements.py"),
    "test_same_integers.py",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        assert isinstance(item, pytest.Function)
        if not LONG.isdisjoint({item.path.parent.name, item.path.name}) or "demo_home" in item.fixturenames:
            item.add_marker("long")
    # Folders and files of a few slow tests first: begun last, one core would wait for the other.
    slow = {"warehouse", "snapshots", "test_same_integers.py", "test_cli.py"}
    items.sort(key=lambda item: slow.isdisjoint({item.path.parent.name, item.path.name}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed"):
        for name, line in report.user_properties:
            if name == "told":
                terminalreporter.write_line(str(line))
