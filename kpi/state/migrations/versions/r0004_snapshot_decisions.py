"""Snapshots: what people decided about copies that did not arrive, or may not have."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """A table more; what is kept stays as it is."""
    op.create_table(
        "snapshot_decision",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("snapshot_run.id"), nullable=False),
        sa.Column("recipient", sa.String(60), nullable=False),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("author", sa.String(100), nullable=False),
        sa.Column("decided_at", sa.DateTime, nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Without what was decided."""
    op.drop_table("snapshot_decision")
