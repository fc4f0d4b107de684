"""The schema of the state database, brought up to date when it is opened."""

from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from kpi.errors import StateError

_FOLDER = Path(__file__).parent / "migrations"


def _config(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@cache
def known() -> tuple[str, ...]:
    """The revisions that this program has, oldest first; each is a module, which is loaded once."""
    return tuple(one.revision for one in ScriptDirectory.from_config(_config()).walk_revisions())[::-1]


def current(connection: sa.Connection) -> str | None:
    """The revision that the database is at; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def to(connection: sa.Connection, revision: str) -> None:
    """Bring the database to ``revision``, "base" being the empty one, upwards or downwards."""
    revisions, now = known(), current(connection)
    place = -1 if now is None else revisions.index(now)
    goal = -1 if revision == "base" else revisions.index(revision)
    (command.upgrade if goal >= place else command.downgrade)(_config(connection), revision)


def up(connection: sa.Connection, place: str) -> None:
    """Bring the database to the newest revision. Raises StateError where a newer program has written it."""
    revisions, now = known(), current(connection)
    if now is not None and now not in revisions:
        raise StateError("state_newer", place=place, found=now, known=revisions[-1])
    if now != revisions[-1]:
        to(connection, revisions[-1])
