"""A folder: the copy's files appear in it whole, or not at all."""

import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

from kpi.errors import DeliveryError, DeliveryRefused
from kpi.settings import Settings
from kpi.snapshots.deliver.message import Message, safe
from kpi.snapshots.model import Parcel
from kpi.snapshots.target import DeliveryTarget, allowed_folder

# Errors of the file system that trying again does not mend.
_FOR_GOOD = (PermissionError, NotADirectoryError, FileNotFoundError)


def send(target: DeliveryTarget, parcel: Parcel, message: Message, *, key: str, settings: Settings) -> str:
    """Write the files into ``<folder>/<key>``: beside it, synced, then renamed. One that is there already with the same
    files stays. Gives the folder. Raises DeliveryError.
    """
    root = allowed_folder(target.place, settings)
    final = root / safe(key)
    try:
        root.mkdir(parents=True, exist_ok=True)
        allowed_folder(str(final), settings)  # which may be a link
        if _same(final, parcel):
            return str(final)
        beside = Path(mkdtemp(prefix=".writing-", dir=root))
        try:
            for name, content in parcel.files.items():
                with open(beside / name, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            beside.chmod(0o755)
            _sync(beside)
            if final.exists():
                shutil.rmtree(final)
            beside.rename(final)
            _sync(root)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except _FOR_GOOD as error:
        raise DeliveryRefused("folder_refused", folder=root, problem=error.strerror) from error
    except OSError as error:
        raise DeliveryError("folder_failed", folder=root, problem=error.strerror) from error
    return str(final)


def _same(final: Path, parcel: Parcel) -> bool:
    try:
        return all((final / name).read_bytes() == content for name, content in parcel.files.items())
    except (FileNotFoundError, NotADirectoryError):
        return False


def _sync(folder: Path) -> None:
    """A name is on the disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
