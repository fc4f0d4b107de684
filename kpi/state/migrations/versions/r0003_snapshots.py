"""Snapshots: definitions, and the ledger of their runs."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Tables more; what is kept stays as it is."""
    op.create_table(
        "snapshot",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("seen_until", sa.DateTime, nullable=False),
        sa.Column("author", sa.String(100), nullable=False),
        sa.Column("changed_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("name", name="snapshot_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "snapshot_run",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(160), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("due_at", sa.DateTime, nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("origin", sa.String(20), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("step", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claim", sa.String(60)),
        sa.Column("lease_until", sa.DateTime),
        sa.Column("began_at", sa.DateTime),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("seconds", sa.Double),
        sa.Column("version", sa.BigInteger),
        sa.Column("as_of", sa.Text),
        sa.Column("copies", sa.Text),
        sa.Column("folder", sa.String(200)),
        sa.UniqueConstraint("key", name="snapshot_run_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "snapshot_delivery",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("snapshot_run.id"), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("recipient", sa.String(60), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("began_at", sa.DateTime),
        sa.Column("ended_at", sa.DateTime),
        sa.UniqueConstraint("run_id", "kind", "recipient", name="snapshot_delivery_once"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "snapshot_file",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("snapshot_run.id"), nullable=False),
        sa.Column("recipient", sa.String(60), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "snapshot_figure",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("snapshot_run.id"), nullable=False),
        sa.Column("recipient", sa.String(60), nullable=False),
        sa.Column("section", sa.String(60), nullable=False),
        sa.Column("kpi", sa.String(60), nullable=False),
        sa.Column("key", sa.String(400), nullable=False),
        sa.Column("value", sa.Double),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "snapshot_worker",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("began_at", sa.DateTime, nullable=False),
        sa.Column("beat_at", sa.DateTime, nullable=False),
        sa.Column("doing", sa.String(160), nullable=False),
        sa.UniqueConstraint("name", name="snapshot_worker_name"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Definitions and the ledger are lost; the files of runs stay where they lie, the rest as it is."""
    op.drop_table("snapshot_worker")
    op.drop_table("snapshot_figure")
    op.drop_table("snapshot_file")
    op.drop_table("snapshot_delivery")
    op.drop_table("snapshot_run")
    op.drop_table("snapshot")
