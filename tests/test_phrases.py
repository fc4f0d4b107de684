"""Every sentence exists in Chinese and English, is used, and gets the values that it has gaps for."""

import ast
import builtins
import inspect
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from kpi import errors
from kpi.i18n import LANGUAGES, catalogue
from tests.code import nodes

# Keys that are put together while the program runs: what they begin with, and what the rest is.
COMPOSED = {
    "cause_change_": "comparisons",
    "cause_head_": "columns of a table of causes",
    "cause_none_": "reasons for the lack of a finding",
    "cause_only_": "periods",
    "cause_simpson_": "directions",
    "card_": "KPIs with a shorter name on their card",
    "chip_": "dimensions with a shorter name in the filter bar",
    "column_": "columns of rows",
    "compare_": "comparisons",
    "count_": "counts of a load",
    "desk_map_": "what the map of the day shows",
    "desk_map_sub_": "what the map of the day shows",
    "direction_": "directions of goodness",
    "explore_chart_": "kinds of charts",
    "explore_unit_": "units of figures",
    "foot_": "KPIs that stand beside another on its card",
    "grain_": "grains of a time axis",
    "head_": "columns of the command line's table",
    "group_": "groups of pages",
    "help_": "commands and options",
    "holiday_": "holidays of the calendar",
    "identity_": "identities",
    "loss_": "losses of a funnel",
    "kind_": "kinds of names",
    "note_": "kinds of notes",
    "page_": "pages",
    "period_": "presets",
    "plan_model_": "models of the what-if",
    "plan_field_": "numbers of the what-if",
    "plan_meets_": "models of the what-if",
    "proof_": "identities",
    "reason_": "reasons for the lack of a value",
    "report_unit_": "units",
    "roll_up_": "classes of adding up",
    "rule_": "rules for every KPI",
    "rule_name_": "rules for every KPI",
    "say_after_": "tones",
    "say_before_": "tones",
    "seed_owner_": "owners of the demo bank's targets",
    "step_": "steps of a funnel",
    "snapshots_": "kinds of notices",
    "snapshot_field_": "types of a definition's fields",
    "snapshots_decided_": "decisions about copies",
    "snapshots_head_": "columns of the command line's tables",
    "delivery_": "states of deliveries",
    "notice_todo_": "ends of runs",
    "run_state_": "states of runs",
    "run_step_": "steps of runs",
    "send_every_": "how often",
    "snapshot_": "fields of a definition and their choices",
    "snapshot_period_": "relative periods",
    "snapshot_kind_": "kinds of sections",
    "snapshot_language_": "languages of a copy",
    "short_": "channels with a shorter name",
    "target_long_": "texts of a target",
    "target_typed_": "units",
    "target_unit_": "units",
    "target_wants_": "directions of goodness",
    "term_": "terms of identities",
    "unit_name_": "units",
    "why_": "reasons for the lack of a value",
    "word_": "tones",
    "word_neutral_": "comparisons",
}
# Names that are the same in both languages, and the one phrase that is in the other language on purpose.
SAME = {"card_n", "short_vip"}
OTHER_LANGUAGE = {"switch_language"}
# What joins the pieces of a sentence, and is nothing or a blank in one of the languages.
JOINTS = {"say_space", "say_after_previous", "say_after_year", "say_after_dates"}

CHINESE = r"[\u3400-\u9fff\uf900-\ufaff]"
ERRORS = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.KpiError)}


class Use(NamedTuple):
    """A phrase asked for in the code: its key, or what the key begins with; the values given (None: not known)."""

    path: Path
    line: int
    key: str
    whole: bool
    values: frozenset[str] | None


def uses() -> Iterator[Use]:
    for path, node in nodes():
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called == "phrase" and len(node.args) > 1:
            key = node.args[1]
        elif called in ERRORS - {"UnknownName"} and node.args:
            key = node.args[0]
        else:
            continue
        named = [keyword.arg for keyword in node.keywords]
        values = None if None in named else frozenset(name for name in named if name)
        for one in (key.body, key.orelse) if isinstance(key, ast.IfExp) else (key,):
            match one:
                case ast.Constant(value=str(text)):
                    yield Use(path, node.lineno, text, True, values)
                case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
                    yield Use(path, node.lineno, text, False, values)


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


PHRASES = catalogue()


def untranslated(key: str, zh: str, en: str) -> str | None:
    """What is wrong with a pair of texts, if anything."""
    if key not in JOINTS and not (zh.strip() and en.strip()):
        return "a text is empty"
    if gaps(zh) != gaps(en):
        return "the languages have different gaps"
    if key in OTHER_LANGUAGE | JOINTS:
        return None
    if re.search(f"{CHINESE}|[，。；：！？（）、]", en):
        return "the English text holds Chinese"
    has_words = any(letter.isalpha() for letter in re.sub(r"\{\w+\}", "", zh))
    return "the Chinese text holds no Chinese" if has_words and key not in SAME and not re.search(CHINESE, zh) else None


def test_phrases_are_told_in_both_languages() -> None:
    assert all(set(texts) == set(LANGUAGES) for texts in PHRASES.values())
    problems = {key: problem for key, texts in PHRASES.items() if (problem := untranslated(key, **texts))}
    assert not problems


def test_chinese_has_full_width_punctuation() -> None:
    half_width = re.compile(rf"{CHINESE}[,;:!?()]|[,;:!?()]{CHINESE}|{CHINESE}\.(?![\w*])")
    assert not {key: found for key, texts in PHRASES.items() if (found := half_width.findall(texts["zh"]))}


def test_every_phrase_asked_for_exists_and_gets_its_values() -> None:
    found = list(uses())
    assert len(found) > 50, "the search for phrases finds nothing"
    for use in found:
        place = f"{use.path}:{use.line}"
        if not use.whole:
            assert use.key in COMPOSED, f"{place}: declare the beginning {use.key!r} in COMPOSED"
            assert any(key.startswith(use.key) for key in PHRASES), f"{place}: no phrase begins with {use.key!r}"
            continue
        assert use.key in PHRASES, f"{place}: there is no phrase {use.key!r}"
        if use.values is not None:
            missing = gaps(PHRASES[use.key]["en"]) - use.values
            assert not missing, f"{place}: {use.key!r} needs {missing}"


@cache
def texts() -> frozenset[str]:
    """The texts in the code."""
    return frozenset(
        node.value for _, node in nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@cache
def patterns() -> frozenset[re.Pattern[str]]:
    """Of every key that is put together: what it looks like, with a group for each value in it."""
    found = set()
    for _, node in nodes():
        match node:
            case ast.JoinedStr(values=[ast.Constant(value=str(begin)), *_]) if begin in COMPOSED:
                told = (
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else "(.+?)" for part in node.values
                )
                found.add(re.compile("".join(told)))
    return frozenset(found)


def is_used(key: str) -> bool:
    """Whether the code holds the key, or puts it together from what it holds: a text, or what a type is called."""
    found = filter(None, (pattern.fullmatch(key) for pattern in patterns()))
    return key in texts() or any(
        all(part in texts() or hasattr(builtins, part) for part in one.groups()) for one in found
    )


def test_every_phrase_is_used() -> None:
    assert [key for key in PHRASES if not is_used(key)] == []


@pytest.mark.parametrize(
    ("key", "used"),
    [
        ("foot_lost_rate", True),  # foot_{KPI}
        ("foot_lost_rates", False),
        ("snapshot_days_first_working_day", True),  # snapshot_{field}_{choice}
        ("snapshot_field_str", True),  # snapshot_field_{type}
        ("word_neutral_" + "tomorrow", False),
    ],
)
def test_a_key_under_a_composed_beginning_is_used_only_where_its_rest_can_be(key: str, used: bool) -> None:
    assert is_used(key) is used


def test_every_composed_beginning_is_used() -> None:
    begun = {
        part.value
        for _, node in nodes()
        if isinstance(node, ast.JoinedStr)
        for part in node.values[:1]
        if isinstance(part, ast.Constant)
    }
    assert set(COMPOSED) <= begun
