"""The tables as the newest migration leaves them (a test compares the two)."""

import sqlalchemy as sa

metadata = sa.MetaData()

annotation = sa.Table(
    "annotation",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("first", sa.Date, nullable=False),  # business dates, both inclusive
    sa.Column("last", sa.Date, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("text_zh", sa.String(200), nullable=False),  # one of the two may be empty
    sa.Column("text_en", sa.String(200), nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("changed_at", sa.DateTime, nullable=False),  # UTC
    sqlite_autoincrement=True,  # the number of a row that is gone is not given again
)

saved_view = sa.Table(
    "saved_view",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("owner", sa.String(100), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("page", sa.String(50), nullable=False),  # its id
    sa.Column("link", sa.Text, nullable=False),  # the query parameters, a JSON object of texts
    sa.Column("changed_at", sa.DateTime, nullable=False),  # UTC
    sa.UniqueConstraint("owner", "name", name="saved_view_owner_name"),
    sqlite_autoincrement=True,
)

target = sa.Table(
    "target",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kpi", sa.String(60), nullable=False),
    sa.Column("channel", sa.String(60)),  # null: of all of them
    sa.Column("tier", sa.String(60)),
    sa.Column("line", sa.String(60)),
    sa.Column("low", sa.Double),  # in the KPI's own unit, a share from 0 to 1; both inclusive
    sa.Column("high", sa.Double),
    sa.Column("first", sa.Date, nullable=False),  # business dates, both inclusive
    sa.Column("last", sa.Date),  # null: until further notice
    sa.Column("owner", sa.String(100), nullable=False),
    sa.Column("note", sa.String(200), nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("changed_at", sa.DateTime, nullable=False),  # UTC
    sqlite_autoincrement=True,
)
