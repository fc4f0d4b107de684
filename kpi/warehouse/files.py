"""The files of a lake: whose they are, whether they are whole, and which of them may be deleted.

A file is deleted only when this catalogue is known to have written it in a load that was killed, no version names it,
and it is old enough (``KPI_LEFTOVER_DAYS``). What merely is in the folder is never deleted: beside a catalogue that was
restored from a backup lie files of later versions, which may be all that is left of them.
"""

import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from kpi.errors import WarehouseDamaged, WarehouseError

log = logging.getLogger("switchboard")

META = "__ducklake_metadata_lake"  # the catalogue's own tables
_MARK = "catalogue.id"  # in the data folder: the identity of the catalogue whose files lie there
_JOURNAL = "writing.json"  # beside the catalogue, and in no backup: what is being written, and what was left behind
# What making a warehouse writes before there is a catalogue. Every load writes to other tables, too.
_OF_MAKING = ("warehouse_fact", "tail_rule")
_MAGIC = b"PAR1"
_WRITTEN = re.compile(r"ducklake-([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}(-delete)?\.parquet")

_PATH = "CASE WHEN {0}.path_is_relative THEN s.path || t.path || {0}.path ELSE {0}.path END"
_NAMED = " UNION ALL ".join(
    f"SELECT t.table_name, {_PATH.format('f')}, f.file_size_bytes FROM {META}.{table} f "
    f"JOIN {META}.ducklake_table t USING (table_id) JOIN {META}.ducklake_schema s USING (schema_id) "
    "WHERE f.end_snapshot IS NULL AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL"
    for table in ("ducklake_data_file", "ducklake_delete_file")
)
_EVER_NAMED = " UNION ".join(
    f"SELECT path FROM {META}.{table}"
    for table in ("ducklake_data_file", "ducklake_delete_file", "ducklake_files_scheduled_for_deletion")
)
_IDENTITY = (
    f"SELECT schema_uuid::VARCHAR FROM {META}.ducklake_schema WHERE schema_name = 'main' ORDER BY begin_snapshot"
)


def holds_facts(data: Path) -> bool:
    """Whether a data folder holds files that a load has written, whichever catalogue it was of."""
    return any(file.parent.name not in _OF_MAKING for file in data.rglob("*.parquet"))


@dataclass(frozen=True)
class Named:
    """A file that the newest version names. ``bytes``: as they were when it was written."""

    table: str
    place: Path
    bytes: int


class _Rows(Protocol):
    def fetchall(self) -> Sequence[Any]: ...


# Runs a statement on an instance that has the lake attached.
Run = Callable[[str], _Rows]


@dataclass(frozen=True)
class _Journal:
    """``writing``: the version on which something was begun, and when (UTC, seconds); ``left``: files below the data
    folder that such a one is known to have left behind.
    """

    catalogue: str
    writing: tuple[int, float] | None = None
    left: tuple[str, ...] = ()


class LakeFiles:
    """The data folder of one catalogue."""

    def __init__(self, data: Path, leftover_days: int) -> None:
        self._data = data
        self._journal_file = data.parent / _JOURNAL
        self._leftover = timedelta(days=leftover_days)
        self._ended: _Journal | None = None  # what is to be noted when what is being written has ended

    # --- whose they are ---

    def check(self, run: Run) -> None:
        """Raises WarehouseError where the folder is gone, WarehouseDamaged where it is another catalogue's."""
        found = self._mark()
        if found is not None and found != self._identity(run):
            raise WarehouseDamaged("warehouse_other_data", data=self._data)
        if not self._data.is_dir() and (tables := sorted({one.table for one in self.named(run)})):
            raise WarehouseError("warehouse_data_lost", data=self._data, tables=", ".join(tables))

    def claim(self, run: Run, *, new: bool = False) -> None:
        """Mark the folder as this catalogue's, where it is not yet: a version before made no mark.

        ``new``: the catalogue has just been made. Raises WarehouseDamaged where a file is missing that it names.
        """
        if self._mark() is not None and not new:
            return
        self.check_whole(self.named(run))
        self._data.mkdir(parents=True, exist_ok=True)
        _replace(self._data / _MARK, self._identity(run) + "\n")

    def _mark(self) -> str | None:
        """What the data say of whose they are; None where they say nothing. Raises WarehouseDamaged."""
        place = self._data / _MARK
        try:
            mark = place.read_text("utf-8").strip()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise WarehouseDamaged("mark_unreadable", mark=place, problem=error) from error
        if not mark:
            raise WarehouseDamaged("mark_unreadable", mark=place, problem="0 bytes")
        return mark

    def _identity(self, run: Run) -> str:
        """What tells a catalogue from any other: DuckLake draws it when it makes one, and a backup keeps it."""
        return str(run(_IDENTITY).fetchall()[0][0])

    # --- whether they are whole ---

    def named(self, run: Run) -> list[Named]:
        """The files of the newest version."""
        return [Named(table, self._data / path, size) for table, path, size in run(_NAMED).fetchall()]

    @staticmethod
    def check_whole(files: Iterable[Named]) -> tuple[tuple[int, int, int], ...]:
        """Raises WarehouseDamaged, naming the table, for a file that is missing, cut off or overwritten; reads of each
        its first and last bytes. Gives what another state of the files would change.
        """
        states = []
        for one in files:
            try:
                with one.place.open("rb") as file:
                    stat = os.fstat(file.fileno())
                    ends = file.read(len(_MAGIC)), os.pread(file.fileno(), len(_MAGIC), stat.st_size - len(_MAGIC))
            except OSError as error:
                raise damaged(one.table, one.place) from error
            if stat.st_size != one.bytes or ends != (_MAGIC, _MAGIC):
                raise damaged(one.table, one.place)
            states.append((stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns))
        return tuple(states)

    # --- which of them may be deleted ---

    def begin_writing(self, run: Run, version: int) -> None:
        """Note that something is being written on top of ``version``, under the writer's lock: of a process that is
        killed before ``end_writing`` the next one knows by the note which files it left behind.
        """
        journal = self._gathered(run, version)
        self._write(replace(journal, writing=(version, _engine_now(run))))
        self._ended = journal

    def end_writing(self) -> None:
        """Note that what was begun has ended."""
        assert self._ended is not None
        self._write(self._ended)

    def delete_left(self, run: Run) -> None:
        """Delete what killed loads are known to have left, no version names, and is old enough."""
        journal = self._read(self._identity(run))
        if not journal.left:
            return
        ever = self._ever_named(run)
        oldest = _engine_now(run) - self._leftover.total_seconds()
        left = []
        for path in journal.left:
            place = self._data / path
            if not place.exists() or place.name in ever:
                continue
            if place.stat().st_mtime < oldest:
                log.warning("deleted what a killed load left behind: %s", place)
                place.unlink()
            else:
                left.append(path)
        if len(left) < len(journal.left):
            self._write(replace(journal, left=tuple(left)))

    def _gathered(self, run: Run, version: int) -> _Journal:
        """The journal, with the files of one that was killed since it was last written.

        Only where the catalogue is still at the version that it began on: of another one (restored from a backup, or
        written to by a program that keeps no journal) it is not known whose the files are.
        """
        journal = self._read(self._identity(run))
        if journal.writing is not None and journal.writing[0] == version:
            ever = self._ever_named(run)
            found = [place for place in self._data.rglob("ducklake-*.parquet") if place.name not in ever]
            ours = [place for place in found if (at := _written_at(place)) and at >= journal.writing[1]]
            known = {*journal.left, *(str(place.relative_to(self._data)) for place in ours)}
            journal = replace(journal, left=tuple(sorted(known)))
        return replace(journal, writing=None)

    def _ever_named(self, run: Run) -> set[str]:
        return {Path(path).name for (path,) in run(_EVER_NAMED).fetchall()}

    def _read(self, catalogue: str) -> _Journal:
        """What is noted for this catalogue; nothing where there is no note, or it is another one's."""
        try:
            told = json.loads(self._journal_file.read_text("utf-8"))
            writing = told["writing"]
            found = _Journal(told["catalogue"], (writing[0], writing[1]) if writing else None, tuple(told["left"]))
        except FileNotFoundError:
            return _Journal(catalogue)
        except (ValueError, KeyError, TypeError) as error:
            # Then it is not known what was left behind, and stays where it is.
            log.warning("%s cannot be read: %s", self._journal_file, error)
            return _Journal(catalogue)
        return found if found.catalogue == catalogue else _Journal(catalogue)

    def _write(self, journal: _Journal) -> None:
        _replace(self._journal_file, json.dumps(vars(journal)))


def damaged(table: str, place: Path) -> WarehouseDamaged:
    """The error that a table's file cannot be read."""
    return WarehouseDamaged("table_damaged", table=table, file=place)


def _engine_now(run: Run) -> float:
    """Now (UTC, seconds) by the clock that names the files and that the system dates them by."""
    return float(run("SELECT epoch(now())").fetchall()[0][0])


def _written_at(place: Path) -> float | None:
    """When the engine began a file (UTC, seconds), which its name says; None for a name that it does not give."""
    told = _WRITTEN.fullmatch(place.name)
    return int(told[1] + told[2], 16) / 1000 if told else None


def _replace(file: Path, text: str) -> None:
    """Write a small file whole or not at all."""
    draft = file.with_name(f"{file.name}.new")
    draft.write_text(text, "utf-8")
    os.replace(draft, file)
