"""What is installed is what is declared, and what is declared is what is imported."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions

from tests.code import ROOT, nodes

# Needed without an import: loaded by name, used by another package, or a command.
NOT_IMPORTED = {
    "duckdb-extension-ducklake",
    "duckdb-extension-sqlite-scanner",
    "flask",
    "flask-cors",
    "import-linter",
    "mypy",
    "pandas-stubs",
    "py-partiql-parser",
    "pytest-xdist",
    "ruff",
    "s3fs",
    "types-pyyaml",
    "uv",
    "xlsxwriter",
}
OURS = {"app", "bench", "kpi", "pages", "seed", "tests"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(file: str) -> dict[str, str]:
    """Name -> version of a requirements file; every line of it must be one pinned requirement."""
    found = {}
    for line in (ROOT / file).read_text("utf-8").replace("\\\n", " ").splitlines():
        line = line.split("#")[0].strip()
        if not line or line.startswith("-r "):
            continue
        match = re.match(r"([\w.-]+)==([\w.]+)( ; [^-]+)?(\s+--hash=sha256:[0-9a-f]{64})*$", line)
        assert match, f"{file}: {line[:80]!r} is not pinned"
        found[normal(match[1])] = match[2]
    return found


def imported(*places: str) -> set[str]:
    """The distributions that the code at some places imports."""
    modules: set[str] = set()
    for _, node in nodes(*places):
        if isinstance(node, ast.Import):
            modules.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module.split(".")[0])
    known = packages_distributions()
    missing = {module for module in modules - OURS - sys.stdlib_module_names if module not in known}
    assert not missing, f"imported but not installed: {missing}"
    pins = set(pinned("requirements.txt")) | set(pinned("requirements-dev.txt"))
    # A module may come from several distributions; the one that is required is meant.
    of = {module: {normal(name) for name in known[module]} for module in modules - OURS if module in known}
    return {min(names & pins or names) for names in of.values()}


def test_what_the_program_imports_is_required() -> None:
    assert imported() <= set(pinned("requirements.txt"))


def test_what_the_tests_import_is_required() -> None:
    both = set(pinned("requirements.txt")) | set(pinned("requirements-dev.txt"))
    assert imported("tests", "bench") <= both


def test_nothing_is_required_in_vain() -> None:
    assert set(pinned("requirements.txt")) <= imported() | NOT_IMPORTED
    assert set(pinned("requirements-dev.txt")) <= imported("tests", "bench") | NOT_IMPORTED


def test_locks_hold_the_pinned_versions() -> None:
    lock, dev_lock = pinned("requirements.lock"), pinned("requirements-dev.lock")
    assert pinned("requirements.txt").items() <= lock.items()
    assert pinned("requirements-dev.txt").items() <= dev_lock.items()
    assert lock.items() <= dev_lock.items()


def test_locks_name_no_host_and_no_folder() -> None:
    for file in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / file).read_text("utf-8")
        assert "://" not in text
        assert "--index" not in text
        assert "--find-links" not in text
        assert all("--hash=" in entry for entry in text.replace("\\\n", " ").splitlines() if "==" in entry)


def test_kpi_runs_without_streamlit() -> None:
    everything = "import pkgutil, kpi, sys, importlib\n" + (
        "for m in pkgutil.walk_packages(kpi.__path__, 'kpi.'):\n"
        "    if not m.name.endswith('__main__'): importlib.import_module(m.name)\n"
        "assert len([m for m in sys.modules if m.startswith('kpi.')]) > 30\n"
        "assert not {'streamlit', 'pages', 'seed'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", everything], cwd=ROOT, check=True)
