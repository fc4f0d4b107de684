"""What the documentation names is there: links, make targets, commands, settings."""

import re
from pathlib import Path

import pytest

from kpi.cli.parser import build_parser
from kpi.settings import SETTINGS
from pages.entrance import PATHS
from tests.code import ROOT

DOCUMENTS = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")),
    *sorted((ROOT / "docs").glob("*.md")),
]


def texts() -> list[tuple[Path, str]]:
    return [(path, path.read_text("utf-8")) for path in DOCUMENTS]


def test_readme_shows_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    # Before anything else, what a newcomer types.
    assert [line.split()[1] for line in text.splitlines()[:5] if line.startswith("    make ")] == ["demo", "test"]
    assert "make real" in text
    assert "docs/overview.png" in text


def test_links_lead_somewhere() -> None:
    for path, text in texts():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in target or target.startswith("#"):
                continue
            assert (path.parent / target.split("#")[0]).exists(), f"{path.name}: {target}"


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for path, text in texts():
        named = set(
            re.findall(r"\bmake ([a-z-]+)\b", " ".join(re.findall(r"`[^`]+`|^ {4}.*|^\$.*", text, re.MULTILINE)))
        )
        assert named <= targets, f"{path.name}: {named - targets}"
    assert {"demo", "test", "check", "bench", "real", "screens", "lock"} <= targets


def test_commands_parse() -> None:
    """Every ``python -m kpi …`` line of a code block, fenced or indented, is one that the command line understands."""
    parser = build_parser("en")
    found = 0
    for path, text in texts():
        for line in re.findall(r"^[^`\n]*\bpython -m kpi ([^`\n]+)$", text.replace("\\\n", " "), re.MULTILINE):
            arguments = line.split("#")[0].split("|")[0].split(">")[0].split()
            try:
                parser.parse_args(arguments)
            except SystemExit:
                pytest.fail(f"{path.name}: {line}")
            found += 1
    assert found > 20


def test_the_image_is_made_of_what_is_there() -> None:
    """What is copied into it exists and is not ignored, the program's packages are among it, and its health is asked
    where the application answers.
    """
    text = (ROOT / "Dockerfile").read_text("utf-8")
    copied = {name for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE) for name in line.split()}
    wanted = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").split() if line.startswith("!")}
    assert copied == wanted
    assert all((ROOT / name).exists() for name in copied)
    assert {"app.py", "kpi", "pages", "seed", "requirements.lock"} <= copied
    assert "/healthz" in PATHS
    assert "8501/healthz" in text


def test_settings_named_exist() -> None:
    known = {setting.name for setting in SETTINGS}
    for path, text in texts():
        named = set(re.findall(r"\bKPI_[A-Z_]+\b", text))
        assert named <= known, f"{path.name}: {named - known}"
