"""The project's own source, for the tests that read it."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Seconds that a test waits for another thread or process, on a machine whose cores are busy with something else.
PATIENCE = 120.0
PROGRAM = ("app.py", "kpi", "pages", "seed")


def sources(*places: str) -> list[Path]:
    """The Python files at some places of the project."""
    found: list[Path] = []
    for place in places or PROGRAM:
        path = ROOT / place
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return found


def nodes(*places: str) -> Iterator[tuple[Path, ast.AST]]:
    """Every node of every syntax tree there, with its file."""
    for path in sources(*places):
        name = path.relative_to(ROOT)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            yield name, node
