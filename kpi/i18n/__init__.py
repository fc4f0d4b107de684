"""Every sentence shown to a person, in Chinese and English.

The phrases lie in the TOML files beside this module, one table a phrase::

    [bad_date]
    zh = "“{text}”不是日期，请写成 2026-11-23"
    en = "“{text}” is not a date; write it as 2026-11-23"

Names of KPIs and dimensions are not here: they belong to their declarations.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal, get_args

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """All phrases: key -> language -> text. A key in two files is a mistake and raises."""
    phrases: dict[str, dict[str, str]] = {}
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        for key, texts in tomllib.loads(path.read_text("utf-8")).items():
            if key in phrases:
                raise ValueError(f"phrase {key!r} is declared twice, again in {path.name}")
            phrases[key] = texts
    return phrases


def phrase(language: Language, key: str, **values: object) -> str:
    """The phrase ``key`` in ``language`` with its ``{placeholders}`` filled in.

    Raises KeyError for an unknown phrase or a missing value: a gap is a mistake to be seen in tests.
    """
    return catalogue()[key][language].format(**values)
