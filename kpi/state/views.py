"""Saved views: the link of a page under a name of its owner's."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from kpi.errors import InputError
from kpi.plain_text import clean, refusal
from kpi.state.database import StateDatabase, now
from kpi.state.tables import saved_view

LOCAL = "local"  # the owner, as long as nobody signs in
LONGEST = 60  # characters of a name


@dataclass(frozen=True)
class SavedView:
    """``page``: the id of the page; ``link``: its query parameters."""

    id: int
    name: str
    page: str
    link: Mapping[str, str]
    changed_at: datetime


def views(state: StateDatabase, owner: str) -> list[SavedView]:
    """The owner's, by name."""
    c = saved_view.c
    query = sa.select(c.id, c.name, c.page, c.link, c.changed_at).where(c.owner == owner).order_by(c.name)
    with state.transaction() as connection:
        return [
            SavedView(row.id, clean(row.name), row.page, json.loads(row.link), row.changed_at)
            for row in connection.execute(query)
        ]


def save_view(state: StateDatabase, owner: str, name: str, page: str, link: Mapping[str, str]) -> None:
    """Keep a link under a new name. Raises InputError for a name that is empty, too long, taken or
    no plain text.
    """
    values = {"page": page, "link": json.dumps(dict(link), ensure_ascii=False, sort_keys=True)}
    _write(state, sa.insert(saved_view).values(owner=owner, **values), name)


def rename_view(state: StateDatabase, owner: str, key: int, name: str) -> None:
    """Raises InputError as ``save_view`` does."""
    _write(state, sa.update(saved_view).where(saved_view.c.id == key, saved_view.c.owner == owner), name)


def delete_view(state: StateDatabase, owner: str, key: int) -> None:
    """Forget a view of the owner's; one that is gone already is no error."""
    with state.transaction() as connection:
        connection.execute(sa.delete(saved_view).where(saved_view.c.id == key, saved_view.c.owner == owner))


def _write(state: StateDatabase, change: sa.Insert | sa.Update, name: str) -> None:
    name = name.strip()
    if not name:
        raise InputError("view_no_name")
    if (wrong := refusal(name)) is not None and wrong[0] != "text_long":
        raise InputError(wrong[0], **wrong[1])
    if len(name) > LONGEST:
        raise InputError("view_long_name", length=len(name), longest=LONGEST)
    try:
        with state.transaction() as connection:
            connection.execute(change.values(name=name, changed_at=now()))
    except sa.exc.IntegrityError as error:
        raise InputError("view_name_taken", name=name) from error
