"""KPI_HOME as a place to write in: folders and files for the service's user alone, and what is said where the home
cannot be written. Reading needs none of it.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kpi.errors import InputError, KpiError, WarehouseError
from kpi.settings import Settings

_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS}
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@contextmanager
def to_be_written(home: Path, kind: type[KpiError] = WarehouseError) -> Iterator[None]:
    """While something is written there: raises ``kind`` where the home, or what lies in it, may not be written."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NOT_WRITABLE:
            raise
        raise kind("home_not_writable", home=home, problem=error.strerror) from error


def writable(place: Path) -> bool:
    """Whether files can be made in, or changed at, a place; of one that is not there yet, whether it can be made."""
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    return os.access(place, os.W_OK)


def require_writable(home: Path, kind: type[KpiError] = WarehouseError) -> None:
    """Raises ``kind`` where the home may not be written, before anything is begun."""
    if not writable(home):
        raise kind("home_not_writable", home=home, problem=os.strerror(errno.EACCES))


def is_own(place: Path, settings: Settings) -> bool:
    """Whether a place, links resolved, is among the program's own files; ``outbox`` in the home is not."""
    place, outbox = place.resolve(), settings.home.resolve() / "outbox"
    own = [one for one in settings.own_places if not one.is_relative_to(outbox)]
    return not place.is_relative_to(outbox) and any(place.is_relative_to(one) for one in own)


def require_foreign(place: Path, settings: Settings) -> None:
    """Raises InputError where what is to be written would stand among the program's own files."""
    if is_own(place, settings):
        raise InputError("own_place", path=place, outbox=settings.home / "outbox")


def working_folder(home: Path) -> Path:
    """The folder ``tmp`` of the home, whose files may hold customers' rows: its owner's alone.

    Raises WarehouseError where it cannot be made.
    """
    folder = home / "tmp"
    with to_be_written(home):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & _OTHERS:
            folder.chmod(0o700)  # as an older version made it
    return folder


def private_file(path: Path) -> BinaryIO:
    """A file to be written from its beginning, its owner's alone, whatever rights one of that name had."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "wb")


def copy_of_database(file: Path, folder: Path) -> Path:
    """A copy of a SQLite file with what has not been written into it yet, as it stood at one moment.

    Raises OSError where it cannot be read.
    """
    logged = file.with_name(f"{file.name}-wal")
    copies = folder / file.name, folder / logged.name
    before = None
    while before != (
        before := _state_of(file, logged)
    ):  # who writes meanwhile may have moved parts from one to the other
        for one, copy in zip((file, logged), copies, strict=True):
            copy.unlink(missing_ok=True)
            if one.exists():
                shutil.copyfile(one, copy)
    return copies[0]


def _state_of(*files: Path) -> list[tuple[int, int] | None]:
    return [(one.stat().st_mtime_ns, one.stat().st_size) if one.exists() else None for one in files]
