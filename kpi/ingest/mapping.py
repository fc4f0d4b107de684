"""The mapping: a TOML file that says what a source file's columns mean. Read and checked here, run elsewhere.

Every mistake is a MappingError that names the file, the place in it, the valid choices and the nearest one.
The format is described for analysts in ``docs/import.md``.
"""

import codecs
import difflib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from kpi import schema
from kpi.errors import KpiError, MappingError, UnknownName
from kpi.metrics.dimensions import DIMENSIONS
from kpi.plain_text import clean, refusal
from kpi.settings import known_zones

SHIPPED = Path(__file__).parent / "mappings"

Format = Literal["csv", "json", "parquet"]
Watermark = Literal["day", "last_start"]

# What a mapping may fill: every column of an interaction that the warehouse does not work out by itself. The feed's
# own name stands in [source].
TARGETS = tuple(name for name in schema.source_columns(schema.interaction) if name != "source")
# Without these a row says nothing. ``ended_at`` may be the expression NULL, but that must be said: a contact
# without an end counts as still open.
REQUIRED = ("interaction_id", "started_at", "ended_at", "channel", "direction")
# Empty in a row means that the row is rejected.
NEVER_EMPTY = ("interaction_id", "started_at", "channel", "direction")

_ID = re.compile(r"[a-z][a-z0-9_]*")

# Keys of each table: name -> type, and whether it must be there.
_SOURCE: dict[str, tuple[type, bool]] = {
    "id": (str, True),
    "name_zh": (str, True),
    "name_en": (str, True),
    "time_zone": (str, True),
    "required": (list, True),
    "format": (str, False),
    "encoding": (str, False),
    "delimiter": (str, False),
    "quote": (str, False),
    "header": (bool, False),
    "names": (list, False),
    "final_newline": (bool, False),
    "watermark": (str, False),
}
_NAMED: dict[str, tuple[type, bool]] = {"values": (list, False), "name_zh": (str, True), "name_en": (str, True)}
_CHANNEL = _NAMED | {"family": (str, True), "messaging": (bool, True)}
_TOPIC = _NAMED | {"business_line": (str, False), "complexity": (str, False), "referable": (bool, False)}
_TEAM = _NAMED | {"specialty": (str, False)}
_DIMENSIONS = {"channels": ("channel", _CHANNEL), "topics": ("topic", _TOPIC), "teams": ("team", _TEAM)}
_SEPARATORS = ("delimiter", "quote")  # may be a tab
_TABLES = ("source", "columns", "exclude", "reject", *_DIMENSIONS, "outcomes")

# Columns whose values are a closed list, and numbers with limits (inclusive).
CHOICES: dict[str, tuple[str, ...]] = {
    name: tuple(DIMENSIONS[name].values or ())
    for name in ("line", "media", "first_handler", "final_handler", "outcome", "escalation_reason", "abandoned_stage")
} | {"direction": ("inbound", "outbound")}
_WEEKS = 31 * 86_400
LIMITS: dict[str, tuple[int | None, int | None]] = {
    "tier": (1, 7),
    "csat_score": (None, 5),
    "nps_score": (None, 10),
    "ces_score": (None, 7),
    "transfers": (0, None),
} | {name: (0, _WEEKS) for name in TARGETS if name.endswith("_seconds")}


@dataclass(frozen=True)
class Source:
    """[source]: the feed and how its file is written.

    ``names``: names of the columns in order, instead of the header's; () = the header names them.
    ``required``: columns without which the file is not what the mapping is for.
    """

    id: str
    name_zh: str
    name_en: str
    time_zone: ZoneInfo
    required: tuple[str, ...]
    format: Format = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    names: tuple[str, ...] = ()
    final_newline: bool = True
    watermark: Watermark = "day"


@dataclass(frozen=True)
class Mapping:
    """A checked mapping.

    ``columns``: target column -> SQL expression. ``exclude`` and ``reject``: reason -> SQL condition.
    ``codes``: target column -> source value -> id, for those that have a table of values.
    ``tables``: dimension table -> its rows, to be loaded beside the facts.
    """

    path: Path
    source: Source
    columns: dict[str, str]
    exclude: dict[str, str] = field(default_factory=dict)
    reject: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tables: dict[str, list[dict[str, object]]] = field(default_factory=dict)

    @property
    def carries(self) -> set[str]:
        """The columns of ``interaction`` that the file records; KPIs on others come out as not recorded."""
        return set(self.columns)


def shipped_mappings() -> dict[str, Path]:
    """The mappings that come with the program, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.toml"))}


def load_mapping(mapping: Path | str) -> Mapping:
    """Read a mapping: a path, or the bare name of a shipped one.

    Raises MappingError naming the place in the file, UnknownName for a name that is neither.
    """
    path = Path(mapping)
    if not path.is_file():
        shipped = shipped_mappings()
        if path.name != str(mapping) or path.suffix:
            raise MappingError("mapping_missing", path=path, shipped=", ".join(shipped))
        if path.name not in shipped:
            raise UnknownName("mapping", str(mapping), shipped)
        path = shipped[path.name]
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise MappingError("mapping_unreadable", path=path, problem=error.strerror) from error
    except UnicodeDecodeError as error:
        raise MappingError("mapping_unreadable", path=path, problem="not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise MappingError("mapping_syntax", path=path, problem=error) from error
    return _Check(path).mapping(content)


class _Check:
    """The checks of one mapping file; every method raises MappingError naming the place."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fail(self, key: str, place: str, **values: object) -> MappingError:
        return MappingError(key, path=self.path, place=place, **values)

    def known(self, place: str, names: Iterable[str], valid: Iterable[str]) -> None:
        """Every one of ``names`` is valid."""
        valid = tuple(valid)
        for name in names:
            if name not in valid:
                shown = {"name": name, "valid": ", ".join(valid)}
                near = difflib.get_close_matches(str(name), valid, n=1, cutoff=0.5)
                if near:
                    raise self.fail("mapping_unknown_near", place, suggestion=near[0], **shown)
                raise self.fail("mapping_unknown", place, **shown)

    def table(self, place: str, value: object, keys: dict[str, tuple[type, bool]]) -> dict[str, object]:
        """``value`` is a table with the keys it must have, and no others, each of its type."""
        if not isinstance(value, dict):
            raise self.fail("mapping_no_table", place)
        self.known(place, value, keys)
        for key, (kind, needed) in keys.items():
            if key not in value:
                if needed:
                    raise self.fail("mapping_lacks", place, name=key)
                continue
            given = value[key]
            if type(given) is not kind or (kind is str and not given):
                raise self.fail("mapping_type", f"{place} {key}", kind=_kind(kind), value=_shown(given))
            for each in given if isinstance(given, list) else [given] if key not in _SEPARATORS else []:
                self.plain(f"{place} {key}", each)
            if isinstance(given, list) and not all(isinstance(each, str) and each for each in given):
                raise self.fail("mapping_type", f"{place} {key}", kind=_kind(list), value=_shown(given))
        return value

    def plain(self, place: str, text: object) -> None:
        """A text that is shown, or is a value, may be written down."""
        if isinstance(text, str) and (wrong := refusal(text)) is not None:
            raise self.fail("mapping_text", clean(place), what=KpiError(wrong[0], **wrong[1]))

    def mapping(self, content: dict[str, object]) -> Mapping:
        self.known("", content, _TABLES)
        for name in ("source", "columns"):
            if name not in content:
                raise self.fail("mapping_lacks", "", name=f"[{name}]")
        source = self.source(content["source"])
        columns = self.columns(content["columns"])
        codes: dict[str, dict[str, str]] = {}
        tables: dict[str, list[dict[str, object]]] = {}
        for plural, target, keys in (
            ("channels", "channel", _CHANNEL),
            ("topics", "topic", _TOPIC),
            ("teams", "team", _TEAM),
        ):
            if plural in content:
                self.has_target(plural, target, columns)
                codes[target], tables[target] = self.dimension(plural, target, content[plural], keys)
        if "channel" not in codes:
            raise self.fail("mapping_lacks", "", name="[channels]")
        if "outcomes" in content:
            self.has_target("outcomes", "outcome", columns)
            codes["outcome"] = self.outcomes(content["outcomes"])
        return Mapping(
            self.path,
            source,
            columns,
            self.conditions("exclude", content.get("exclude", {})),
            self.conditions("reject", content.get("reject", {})),
            codes,
            tables,
        )

    def source(self, value: object) -> Source:
        given = self.table("[source]", value, _SOURCE)
        self.identifier("[source] id", str(given["id"]))
        for key, valid in (("format", ("csv", "json", "parquet")), ("watermark", ("day", "last_start"))):
            if key in given:
                self.known(f"[source] {key}", [str(given[key])], valid)
        if given["time_zone"] not in known_zones():
            self.known("[source] time_zone", [str(given["time_zone"])], sorted(known_zones()))
        if "encoding" in given:
            try:
                codecs.lookup(str(given["encoding"]))
            except LookupError as error:
                valid_encodings = "utf-8, gb18030, big5, utf-16, cp1252"
                raise self.fail(
                    "mapping_unknown", "[source] encoding", name=given["encoding"], valid=valid_encodings
                ) from error
        for key in ("delimiter", "quote"):
            if len(str(given.get(key, ","))) != 1:
                raise self.fail("mapping_one_character", f"[source] {key}", value=_shown(given[key]))
        names = given.get("names", [])
        assert isinstance(names, list)
        if len(set(names)) < len(names):
            raise self.fail("mapping_repeats", "[source] names", name=next(n for n in names if names.count(n) > 1))
        if given.get("header") is False and not names:
            raise self.fail("mapping_needs_names", "[source] names")
        required = given["required"]
        assert isinstance(required, list)
        if not required:
            raise self.fail("mapping_type", "[source] required", kind=_kind(list), value="[]")
        if names:
            self.known("[source] required", required, names)
        return Source(
            **{  # type: ignore[arg-type]
                **given,
                "time_zone": ZoneInfo(str(given["time_zone"])),
                "names": tuple(names),
                "required": tuple(required),
            }
        )

    def columns(self, value: object) -> dict[str, str]:
        if not isinstance(value, dict):
            raise self.fail("mapping_no_table", "[columns]")
        derived = {column.name for column in schema.interaction.columns if column.info.get("derived")}
        for name in value:
            if name in derived:
                raise self.fail("mapping_derived", f"[columns] {name}")
        self.known("[columns]", value, TARGETS)
        for name in REQUIRED:
            if name not in value:
                raise self.fail("mapping_lacks", "[columns]", name=name)
        return {name: self.expression(f"[columns] {name}", value[name]) for name in TARGETS if name in value}

    def expression(self, place: str, value: object) -> str:
        """SQL text; a TOML truth value or whole number stands for itself."""
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, int):
            return str(value)
        if not isinstance(value, str) or not value.strip():
            raise self.fail("mapping_type", place, kind=_kind(str), value=_shown(value))
        return value

    def conditions(self, table: str, value: object) -> dict[str, str]:
        if not isinstance(value, dict):
            raise self.fail("mapping_no_table", f"[{table}]")
        for reason in value:
            self.plain(f"[{table}]", reason)
        return {reason: self.expression(f"[{table}] {reason}", sql) for reason, sql in value.items()}

    def has_target(self, table: str, target: str, columns: dict[str, str]) -> None:
        if target not in columns:
            raise self.fail("mapping_unused", f"[{table}]", target=target)

    def identifier(self, place: str, name: str) -> None:
        self.plain(place, name)
        if not _ID.fullmatch(name):
            raise self.fail("mapping_bad_id", place, name=name)

    def dimension(
        self, plural: str, target: str, value: object, keys: dict[str, tuple[type, bool]]
    ) -> tuple[dict[str, str], list[dict[str, object]]]:
        """The values and the rows of [channels], [topics] or [teams]."""
        if not isinstance(value, dict) or not value:
            raise self.fail("mapping_no_table", f"[{plural}]")
        codes: dict[str, str] = {}
        rows: list[dict[str, object]] = []
        for position, (id_, content) in enumerate(value.items(), start=1):
            place = f"[{plural}.{id_}]"
            self.identifier(place, id_)
            given = self.table(place, content, keys)
            values = given.get("values", [id_])
            assert isinstance(values, list)
            for each in values:
                if each in codes:
                    raise self.fail("mapping_repeats", f"{place} values", name=each)
                codes[each] = id_
            row = {target: id_, **{key: each for key, each in given.items() if key != "values"}}
            if target == "channel":
                row["position"] = position
            if target == "topic":
                row.setdefault("referable", False)
                for key in ("business_line", "complexity"):
                    if key in row:
                        self.known(f"{place} {key}", [str(row[key])], DIMENSIONS[key].values or ())
            rows.append(row)
        return codes, rows

    def outcomes(self, value: object) -> dict[str, str]:
        if not isinstance(value, dict) or not value:
            raise self.fail("mapping_no_table", "[outcomes]")
        for code, outcome in value.items():
            self.known(f"[outcomes] {code}", [str(outcome)], CHOICES["outcome"])
        return value


def _kind(kind: type) -> str:
    return {str: '"…"', bool: "true | false", list: '["…", "…"]'}[kind]


def _shown(value: object) -> str:
    return repr(value)[:80]
