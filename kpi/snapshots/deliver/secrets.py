"""Secrets by name: from the environment or a file, never from the database, and never told."""

import os

from kpi.errors import DeliveryRefused
from kpi.settings import Settings
from kpi.snapshots.target import SECRET


def secret(name: str, settings: Settings) -> str:
    """The secret ``name``: ``SWITCHBOARD_SECRET_name`` in the environment, else the file ``name`` in ``KPI_SECRETS``.

    Raises DeliveryRefused where there is none, or it cannot be read.
    """
    if not SECRET.fullmatch(name):
        raise DeliveryRefused("secret_missing", name=name[:64], folder=settings.secrets)
    if value := os.environ.get(f"SWITCHBOARD_SECRET_{name}"):
        return value
    try:
        value = (settings.secrets / name).read_text("utf-8").strip()
    except FileNotFoundError:
        value = ""
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise DeliveryRefused("secret_file_unreadable", path=settings.secrets / name, problem=problem) from error
    if not value:
        raise DeliveryRefused("secret_missing", name=name, folder=settings.secrets)
    return value
