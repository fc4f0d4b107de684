"""Targets."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """A table more; what is kept stays as it is."""
    op.create_table(
        "target",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kpi", sa.String(60), nullable=False),
        sa.Column("channel", sa.String(60)),
        sa.Column("tier", sa.String(60)),
        sa.Column("line", sa.String(60)),
        sa.Column("low", sa.Double),
        sa.Column("high", sa.Double),
        sa.Column("first", sa.Date, nullable=False),
        sa.Column("last", sa.Date),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("note", sa.String(200), nullable=False),
        sa.Column("author", sa.String(100), nullable=False),
        sa.Column("changed_at", sa.DateTime, nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """The targets are lost; annotations and views stay."""
    op.drop_table("target")
