"""Settings come from the environment, else from the file, else from the table, which the documentation repeats."""

import re
from pathlib import Path

import pytest

from kpi.errors import SettingError, UnknownName
from kpi.settings import SETTINGS, load_settings
from tests.code import ROOT
from tests.rights import bound_by_rights

# Defaults that depend on the machine, as the documentation tells them.
TOLD = {"KPI_HOME": "`var/` beside `app.py`", "KPI_THREADS": "the machine's"}


def test_documentation_repeats_the_table() -> None:
    text = (ROOT / "docs/settings.md").read_text("utf-8")
    rows = re.findall(r"^\| `(KPI_\w+)` \| (.+) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    expected = [
        (
            setting.name,
            TOLD.get(setting.name, f"`{setting.default}`" if setting.default else "–"),
            setting.unit.replace("|", r"\|"),
            setting.help,
        )
        for setting in SETTINGS
    ]
    assert rows == expected


def test_environment_wins_over_file_over_table(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('KPI_LANGUAGE = "zh"\nKPI_MEMORY = 3\n', "utf-8")
    found = load_settings({"KPI_HOME": str(tmp_path), "KPI_MEMORY": "2"})
    assert (found.memory, found.language, found.service_level) == (2, "zh", "SL1")


@pytest.mark.parametrize(
    ("spoken", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_MESSAGES": "zh_TW", "LANG": "en_GB.UTF-8"}, "zh"),
        ({"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_ALL": "", "LANG": "zh_CN"}, "zh"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "KPI_LANGUAGE": "en"}, "en"),
    ],
)
def test_the_language_is_the_machines_where_none_is_set(tmp_path: Path, spoken: dict[str, str], language: str) -> None:
    assert load_settings({"KPI_HOME": str(tmp_path), **spoken}).language == language


def test_everything_lies_in_the_home(tmp_path: Path) -> None:
    found = load_settings({"KPI_HOME": str(tmp_path)})
    assert found.warehouse_url == f"ducklake:///{tmp_path}/warehouse"
    assert found.state_url == f"sqlite:///{tmp_path}/state.sqlite"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KPI_MEMORY", "0"),
        ("KPI_THREADS", "many"),
        ("KPI_TIME_ZONE", "Asia/Peking"),
        ("KPI_LANGUAGE", "fr"),
        ("KPI_SERVICE_LEVEL", "SL6"),
        ("KPI_PUBLIC_URL", "kpi.bank.example"),
        ("KPI_PUBLIC_URL", "https://user@kpi.bank.example"),
        ("KPI_ALLOWED_HOSTS", "https://kpi.bank.example"),
        ("KPI_ALLOWED_HOSTS", "*"),
        ("KPI_ALLOWED_HOSTS", "kpi.bank.example:many"),
        ("KPI_UPLOAD_LIMIT", "0"),
    ],
)
def test_bad_value_is_named_with_what_would_do(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingError) as caught:
        load_settings({"KPI_HOME": str(tmp_path), name: value})
    for language in ("zh", "en"):
        assert name in caught.value.message(language)
        assert value in caught.value.message(language)


def test_unknown_name_in_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('KPI_LANGUAG = "zh"\n', "utf-8")
    with pytest.raises(UnknownName, match="KPI_LANGUAGE"):
        load_settings({"KPI_HOME": str(tmp_path)})


def test_file_that_is_no_toml_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("KPI_LANGUAGE: zh\n", "utf-8")
    with pytest.raises(SettingError, match=r"settings\.toml"):
        load_settings({"KPI_HOME": str(tmp_path)})


@pytest.mark.parametrize("kind", ["folder", "link", "loop", "bytes", "home is a file"])
def test_trap_a_settings_file_that_cannot_be_read_is_told(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "settings.toml"
    if kind == "folder":
        file.mkdir()
    elif kind == "link":
        file.symlink_to(tmp_path / "gone.toml")
    elif kind == "loop":
        file.symlink_to(file)
    elif kind == "bytes":
        file.write_bytes(b'KPI_LANGUAGE = "\xff\xfe"')
    else:
        tmp_path = tmp_path / "file"
        tmp_path.write_text("")
        file = tmp_path / "settings.toml"
    with pytest.raises(SettingError) as caught:
        load_settings({"KPI_HOME": str(tmp_path)})
    for language in ("zh", "en"):
        assert str(file) in caught.value.message(language)


def test_trap_a_settings_file_without_rights_is_told(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("")
    (tmp_path / "settings.toml").chmod(0)
    said = bound_by_rights(tmp_path, "-m", "kpi", "list")
    assert said.returncode == 2
    assert str(tmp_path / "settings.toml") in said.stderr
    assert "Traceback" not in said.stderr
