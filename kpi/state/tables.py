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

snapshot = sa.Table(
    "snapshot",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(60), nullable=False),
    sa.Column("content", sa.Text, nullable=False),  # its definition, a JSON object (``kpi.snapshots.serialization``)
    sa.Column("seen_until", sa.DateTime, nullable=False),  # UTC: due times up to then are in the ledger
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("changed_at", sa.DateTime, nullable=False),  # UTC
    sa.UniqueConstraint("name", name="snapshot_name"),
    sqlite_autoincrement=True,
)

snapshot_run = sa.Table(
    "snapshot_run",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(160), nullable=False),  # name, due moment in UTC, its local date, revision
    sa.Column("name", sa.String(60), nullable=False),
    sa.Column("due_at", sa.DateTime, nullable=False),  # UTC
    sa.Column("due_on", sa.Date, nullable=False),  # business date in the schedule's zone
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("origin", sa.String(20), nullable=False),  # schedule, catch_up, now, back_fill, as_of
    sa.Column("content", sa.Text, nullable=False),  # the definition as it was then, JSON
    sa.Column("settings", sa.Text, nullable=False),  # those that figures depend on, JSON
    sa.Column("state", sa.String(20), nullable=False),  # due, waiting, running, or how it ended
    sa.Column("step", sa.String(20), nullable=False),  # the last one that is done
    sa.Column("reason", sa.Text, nullable=False),  # key of a phrase and its values, JSON; "" for none
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("claim", sa.String(60)),  # who works on it
    sa.Column("lease_until", sa.DateTime),  # UTC: afterwards somebody else may go on with it
    sa.Column("began_at", sa.DateTime),  # UTC
    sa.Column("ended_at", sa.DateTime),
    sa.Column("seconds", sa.Double),  # of work, in all attempts
    sa.Column("version", sa.BigInteger),  # of the warehouse; null until it is asked, but for as_of
    sa.Column("as_of", sa.Text),  # feed -> watermark, JSON
    sa.Column("copies", sa.Text),  # recipient -> what his copy is like, JSON
    sa.Column("folder", sa.String(200)),  # below KPI_HOME/snapshots; null while, or since, there are no files
    sa.UniqueConstraint("key", name="snapshot_run_key"),
    sqlite_autoincrement=True,
)

snapshot_delivery = sa.Table(
    "snapshot_delivery",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.Integer, sa.ForeignKey("snapshot_run.id"), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),  # copy; owner or notice: what is told instead
    sa.Column("recipient", sa.String(60), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),  # due, handing, sent, failed, unconfirmed
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("began_at", sa.DateTime),  # UTC
    sa.Column("ended_at", sa.DateTime),
    sa.UniqueConstraint("run_id", "kind", "recipient", name="snapshot_delivery_once"),
    sqlite_autoincrement=True,
)

snapshot_decision = sa.Table(
    "snapshot_decision",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.Integer, sa.ForeignKey("snapshot_run.id"), nullable=False),
    sa.Column("recipient", sa.String(60), nullable=False),
    sa.Column("what", sa.String(20), nullable=False),  # arrived, send_again
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("decided_at", sa.DateTime, nullable=False),  # UTC
    sqlite_autoincrement=True,
)

snapshot_file = sa.Table(
    "snapshot_file",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.Integer, sa.ForeignKey("snapshot_run.id"), nullable=False),
    sa.Column("recipient", sa.String(60), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),  # below the run's folder, in that of the recipient's copy
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sqlite_autoincrement=True,
)

snapshot_figure = sa.Table(
    "snapshot_figure",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.Integer, sa.ForeignKey("snapshot_run.id"), nullable=False),
    sa.Column("recipient", sa.String(60), nullable=False),
    sa.Column("section", sa.String(60), nullable=False),
    sa.Column("kpi", sa.String(60), nullable=False),
    sa.Column("key", sa.String(400), nullable=False),  # the values of the section's dimensions, as text
    sa.Column("value", sa.Double),  # null: cannot be computed
    sqlite_autoincrement=True,
)

snapshot_worker = sa.Table(
    "snapshot_worker",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(120), nullable=False),  # machine and process
    sa.Column("began_at", sa.DateTime, nullable=False),  # UTC
    sa.Column("beat_at", sa.DateTime, nullable=False),
    sa.Column("doing", sa.String(160), nullable=False),  # the key of a run; "" for nothing
    sa.UniqueConstraint("name", name="snapshot_worker_name"),
    sqlite_autoincrement=True,
)
