"""Every mistake in a mapping is named with its place, the valid choices and the nearest one."""

from pathlib import Path

import pytest

from kpi.errors import MappingError, UnknownName
from kpi.ingest import load_mapping, shipped_mappings
from kpi.ingest.mapping import Source
from tests.code import ROOT
from tests.ingest.conftest import MAPPING


def problem(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    with pytest.raises(MappingError) as caught:
        load_mapping(path)
    chinese = caught.value.message("zh")
    assert path.name in chinese
    assert chinese != str(caught.value)
    assert path.name in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[source]", "[sorce]", ["sorce", "source, columns", "Did you mean “source”"]),
        ('id = "calls"', "", ["[source]", "id is missing"]),
        ('id = "calls"', 'id = "Calls 1"', ["[source] id", "Calls 1", "lower-case"]),
        ('name_en = "Calls"', "name_en = 3", ["[source] name_en", "3"]),
        ('name_en = "Calls"', 'nane_en = "Calls"', ["[source]", "nane_en", "Did you mean “name_en”"]),
        ("Europe/Berlin", "Europe/Berlim", ["[source] time_zone", "Did you mean “Europe/Berlin”"]),
        ("required =", 'format = "cvs"\nrequired =', ["[source] format", "csv, json, parquet", "Did you mean “csv”"]),
        ("required =", 'encoding = "utf-88"\nrequired =', ["[source] encoding", "utf-88", "gb18030"]),
        ("required =", 'delimiter = "||"\nrequired =', ["[source] delimiter", "one character"]),
        ("required =", 'watermark = "week"\nrequired =', ["[source] watermark", "day, last_start"]),
        ("required =", "header = false\nrequired =", ["[source] names", "header = false"]),
        ("required =", 'names = ["id", "id"]\nrequired =', ["[source] names", "“id” stands there twice"]),
        ("required =", 'names = ["id", "begin"]\nrequired =', ["[source] required", "“start”", "id, begin"]),
        ('required = ["id", "start"]', "required = []", ["[source] required"]),
        ('required = ["id", "start"]', 'required = ["id", 3]', ["[source] required"]),
        ('topic = "topic"', 'topik = "topic"', ["[columns]", "topik", "Did you mean “topic”"]),
        ('topic = "topic"', 'is_tail = "topic"', ["[columns] is_tail", "the warehouse works this column out"]),
        ('topic = "topic"', 'topic = ""', ["[columns] topic"]),
        ('topic = "topic"', "topic = 1.5", ["[columns] topic", "1.5"]),
        ('topic = "topic"\n', "", ["[topics]", "no topic in [columns]"]),
        ('ended_at = "CAST', 'team = "CAST', ["[columns]", "ended_at is missing"]),
        ('"test call" =', '"test call" = 1.5 #', ["[exclude] test call"]),
        ("[channels.phone]", "[channels.Phone]", ["[channels.Phone]", "lower-case"]),
        ('family = "phone"', "", ["[channels.phone]", "family is missing"]),
        ("messaging = false", 'messaging = "no"', ["[channels.phone] messaging", "true | false"]),
        ('["loan", "mortgage"]', '["loan", "card"]', ["[topics.loan] values", "“card” stands there twice"]),
        ("[topics.loan]", '[topics.loan]\ncomplexity = "easy"', ["[topics.loan] complexity", "standard, personal"]),
        ("[topics.card]", "[topics]\ncard = 3\n[topics.other]", ["[topics.card]", "table"]),
        ('name_en = "Cards"', 'name_en = "Ca\\u001b[31mrds"', ["[topics.card] name_en", "U+001B as character 3"]),
        ('name_en = "Cards"', 'name_en = """Ca\nrds"""', ["[topics.card] name_en", "U+000A", "line break"]),
        ('name_en = "Cards"', f'name_en = "{"x" * 201}"', ["[topics.card] name_en", "201 characters", "200"]),
        ('["loan", "mortgage"]', '["loan", "mort\\tgage"]', ["[topics.loan] values", "U+0009"]),
        ('"test call" =', '"test\\u2028call" =', ["[exclude]", "U+2028"]),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, old: str, new: str, said: list[str]) -> None:
    assert old in MAPPING
    text = problem(tmp_path / "m.toml", MAPPING.replace(old, new, 1))
    for piece in said:
        assert piece in text


def test_outcomes_are_checked(tmp_path: Path) -> None:
    with_outcome = MAPPING.replace("engaged = true", 'outcome = "topic"')
    text = problem(tmp_path / "m.toml", with_outcome + '[outcomes]\nok = "resolvd"\n')
    assert "[outcomes] ok" in text
    assert "Did you mean “resolved”" in text
    assert "[outcomes]" in problem(tmp_path / "m.toml", MAPPING + '[outcomes]\nok = "resolved"\n')


def test_channels_cannot_be_left_out(tmp_path: Path) -> None:
    assert "[channels] is missing" in problem(tmp_path / "m.toml", MAPPING[: MAPPING.index("[channels")])


def test_broken_toml_is_told_with_its_line(tmp_path: Path) -> None:
    assert "line 3" in problem(tmp_path / "m.toml", '\n[source]\nid = "calls\n')


def test_a_mapping_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_bytes(MAPPING.encode("gb18030"))
    with pytest.raises(MappingError, match="UTF-8"):
        load_mapping(tmp_path / "m.toml")


def test_a_missing_file_names_the_shipped_ones(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="bank_calls"):
        load_mapping(tmp_path / "none.toml")


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean “bank_calls”"):
        load_mapping("bank_cals")


@pytest.mark.parametrize("name", shipped_mappings())
def test_shipped_mappings_are_valid(name: str) -> None:
    mapping = load_mapping(name)
    assert mapping.source.id
    assert mapping.carries >= {"interaction_id", "started_at"}


def test_the_example_of_the_documentation_is_a_mapping(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "import.md").read_text("utf-8")
    (tmp_path / "example.toml").write_text(text.split("```toml")[1].split("```")[0], "utf-8")
    mapping = load_mapping(tmp_path / "example.toml")
    assert mapping.codes["topic"] == {"LOAN": "loans", "MORTGAGE": "loans"}
    for key in Source.__dataclass_fields__:
        assert f"`{key}`" in text or f"\n{key} = " in text, f"docs/import.md does not tell of {key}"
