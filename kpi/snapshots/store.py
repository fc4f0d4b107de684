"""The files of runs: KPI_HOME/snapshots/NAME/DUE/rN/RECIPIENT/, whole or not at all; and which ones are kept."""

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from kpi.errors import RunError
from kpi.settings import Settings
from kpi.snapshots.runs import GOOD, File, Run
from kpi.state import StateDatabase
from kpi.state.tables import snapshot_figure, snapshot_file, snapshot_run

_LEFT = timedelta(days=1)  # longer than any attempt takes


def root(settings: Settings) -> Path:
    """The folder of all runs."""
    return settings.home / "snapshots"


def folder_of(run: Run) -> str:
    """Where a run's files go, below ``root``."""
    return _place(run.name, run.due_at, run.revision)


def _place(name: str, due_at: datetime, revision: int) -> str:
    return f"{name}/{due_at:%Y%m%dT%H%M%SZ}/r{revision}"


def copy_folder(recipient: str) -> str:
    """The folder of a recipient's copy: his name, with a mark of it where a name cannot be a folder's."""
    plain = re.sub(r"[^\w.@-]+", "_", recipient).strip(".")
    return plain if plain == recipient else f"{plain}-{hashlib.sha256(recipient.encode()).hexdigest()[:6]}"


def keep(settings: Settings, run: Run, copies: Mapping[str, Mapping[str, bytes]]) -> list[File]:
    """Write every copy's files (recipient -> name -> content) in the run's place, all at once.

    Raises RunError where they cannot be written; then there is nothing.
    """
    place = root(settings) / folder_of(run)
    made = place.with_name(f"{place.name}.part-{os.getpid()}")
    found = []
    try:
        shutil.rmtree(made, ignore_errors=True)
        for recipient, contents in copies.items():
            folder = made / copy_folder(recipient)
            folder.mkdir(parents=True)
            for name, content in contents.items():
                with (folder / Path(name).name).open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                found.append(File(recipient, Path(name).name, len(content), hashlib.sha256(content).hexdigest()))
        if place.exists():
            # Of an attempt that broke off before it was recorded, or of a ledger that was newer than this one.
            place.rename(place.with_name(f"{place.name}.left-{secrets.token_hex(4)}"))
        made.rename(place)
    except OSError as error:
        shutil.rmtree(made, ignore_errors=True)
        raise RunError("run_cannot_keep", place=place, problem=error) from error
    return found


def read(settings: Settings, run: Run, recipient: str, name: str) -> bytes:
    """One file of a run's copy. Raises RunError where it is gone."""
    place = root(settings) / (run.folder or folder_of(run)) / copy_folder(recipient) / Path(name).name
    try:
        return place.read_bytes()
    except OSError as error:
        raise RunError("run_file_gone", place=place, problem=error) from error


def tidy(state: StateDatabase, settings: Settings, moment: datetime) -> int:
    """Delete the files and figures of runs beyond the number and age that are kept; says of how many.

    The last run of a snapshot that was sent keeps its files whatever its age, and the ledger keeps every run's line.
    """
    c = snapshot_run.c
    columns = (c.id, c.name, c.folder, c.state, c.ended_at)
    query = sa.select(*columns).where(c.folder.is_not(None), c.ended_at.is_not(None))
    with state.transaction() as connection:
        rows = connection.execute(query.order_by(c.name, c.due_at.desc(), c.revision.desc())).all()
    oldest = moment - timedelta(days=settings.snapshot_days)
    seen: dict[str, int] = {}
    good: set[str] = set()
    gone = []
    for row in rows:
        seen[row.name] = number = seen.get(row.name, 0) + 1
        if row.state in GOOD and row.name not in good:
            good.add(row.name)
        elif number > settings.snapshot_runs or row.ended_at < oldest:
            gone.append(row)
    for row in gone:
        # First the ledger: files without a line are swept later, a line without files would lie.
        with state.transaction() as connection:
            connection.execute(sa.update(snapshot_run).where(c.id == row.id).values(folder=None))
            connection.execute(sa.delete(snapshot_file).where(snapshot_file.c.run_id == row.id))
            connection.execute(sa.delete(snapshot_figure).where(snapshot_figure.c.run_id == row.id))
        _delete(root(settings) / row.folder)
    _sweep(state, settings, moment)
    return len(gone)


def _sweep(state: StateDatabase, settings: Settings, moment: datetime) -> None:
    """Delete what workers that were killed have left: drafts after a day; whole folders when files are old, and only of
    runs that the ledger knows, without such files. The rest may be of a newer ledger than one that was restored.
    """
    c = snapshot_run.c
    with state.transaction() as connection:
        rows = connection.execute(sa.select(c.name, c.due_at, c.revision, c.folder)).all()
    kept = {row.folder for row in rows}
    known = {_place(row.name, row.due_at, row.revision) for row in rows}
    for place in root(settings).glob("*/*/r*"):
        below = str(place.relative_to(root(settings)))
        draft = ".part-" in place.name
        limit = _LEFT if draft else timedelta(days=settings.snapshot_days)
        with suppress(FileNotFoundError):  # another worker sweeps too
            old = place.stat().st_mtime < (moment - limit).replace(tzinfo=UTC).timestamp()
            if old and (draft or (below not in kept and below.partition(".left-")[0] in known)):
                _delete(place)


def _delete(place: Path) -> None:
    """A run's folder, and that of its due time where it was the last in it."""
    shutil.rmtree(place, ignore_errors=True)
    with suppress(OSError):
        place.parent.rmdir()
