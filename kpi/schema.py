"""The star schema of the interaction warehouse, as a SQLAlchemy Core model.

Names are a contract: mappings, feeds and reports use them. Times are UTC without a zone; ``business_date`` and
``business_hour`` are in the warehouse's business time zone; money is in fen (1/100 yuan), durations in whole
seconds, so that every sum is an exact integer.

Columns come from the *source* (a feed or a mapping may fill them) or are *derived* by the warehouse when it
publishes a load (``info={"derived": True}``); a feed never fills those.
"""

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Integer, MetaData, SmallInteger, String, Table, Text

metadata = MetaData()


def _derived(name: str, kind: type) -> Column:
    return Column(name, kind, info={"derived": True})


def _table(name: str, key: tuple[str, ...], *columns: Column) -> Table:
    """``key``: the columns that name a row; a row loaded again under its key replaces the old one."""
    return Table(name, metadata, *columns, info={"key": key})


# --- facts -----------------------------------------------------------------------------------------------------

interaction = _table(
    "interaction",
    ("source", "interaction_id"),
    Column("source", String, nullable=False),  # the feed that delivered it
    Column("interaction_id", String, nullable=False),  # the source's own key
    _derived("load_id", Integer),
    Column("started_at", DateTime, nullable=False),
    Column("ended_at", DateTime),  # null = still open
    _derived("business_date", Date),
    _derived("business_hour", SmallInteger),
    Column("channel", String, nullable=False),
    Column("line", String),
    Column("direction", String, nullable=False),  # inbound | outbound
    Column("customer_key", BigInteger),  # keyed hash; null = unidentified
    Column("tier", SmallInteger),  # star 1–7 as of the contact; looked up at publication where the customer has one
    _derived("is_tail", Boolean),  # as of the contact; null = unidentified
    Column("region", String),  # the customer's, looked up where it is null
    # What the feed itself gave for the two: a later load of customers looks them up again from here.
    _derived("given_tier", SmallInteger),
    _derived("given_region", String),
    _derived("age_band", String),
    Column("topic", String),
    Column("media", String),  # text | picture | video | voice
    Column("first_handler", String),  # self_service | robot | agent | rm | none
    Column("final_handler", String),
    Column("engaged", Boolean),  # ≥ 1 input to a self-service session, or a human was asked for
    Column("matched", Boolean),  # robot: the question was recognised; null = no robot
    Column("outcome", String),  # resolved | unresolved | given_up | abandoned | referred | open
    Column("escalated", Boolean),  # from self-service or robot to a human, answered or not
    Column("escalation_reason", String),
    Column("queued", Boolean),
    Column("human_answered", Boolean),
    Column("abandoned_stage", String),  # menu | queue | none
    Column("wait_seconds", Integer),  # null = never queued
    Column("first_response_seconds", Integer),  # messaging: to the first human answer
    Column("transfers", Integer),
    Column("talk_seconds", Integer),
    Column("hold_seconds", Integer),
    Column("wrap_seconds", Integer),
    Column("team", String),  # of the last leg
    Column("agent_key", String),  # of the last leg
    Column("csat_asked", Boolean),
    Column("csat_score", SmallInteger),  # 1–5; ≤ 0 = no answer
    Column("nps_asked", Boolean),
    Column("nps_score", SmallInteger),  # 0–10; < 0 = no answer
    Column("ces_asked", Boolean),
    Column("ces_score", SmallInteger),  # 1–7, 7 = easy; ≤ 0 = no answer
    # What the service-level formulas need: whether the wait (messaging: the first response) was within the
    # threshold in force for the channel on that day. Null = not offered to a human.
    _derived("in_target", Boolean),
    _derived("cost_fen", Integer),  # unit cost of channel × final handler on that day
    _derived("human_cost_fen", Integer),  # what a human would have cost for this topic
    _derived("referable", Boolean),  # of the topic
    _derived("has_referral", Boolean),
    # Looking around: the nearest inbound contact of the same customer on the same topic, any channel, within 7
    # days: seconds from this one's end to the next one's start, and from the previous one's end to this start.
    _derived("next_seconds", Integer),
    _derived("previous_seconds", Integer),
    # The same customer and topic was on another channel in the 7 days before this contact began.
    _derived("crossed_channel", Boolean),
    # When the source last changed the row: of several versions of a contact the latest holds, whichever arrives last.
    Column("updated_at", DateTime),  # UTC; null = the source does not say
)

handling_leg = _table(
    "handling_leg",
    ("source", "interaction_id", "seq"),
    Column("source", String, nullable=False),
    Column("interaction_id", String, nullable=False),
    Column("seq", SmallInteger, nullable=False),
    Column("team", String),
    Column("agent_key", String),
    Column("talk_seconds", Integer),
    Column("hold_seconds", Integer),
    Column("wrap_seconds", Integer),
    _derived("business_date", Date),  # of the interaction, as on every table that hangs on one
)

function_use = _table(
    "function_use",
    ("source", "interaction_id", "function"),
    Column("source", String, nullable=False),
    Column("interaction_id", String, nullable=False),
    Column("function", String, nullable=False),
    Column("started", Integer, nullable=False),  # how often within the interaction
    Column("completed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    _derived("business_date", Date),
)

complaint = _table(
    "complaint",
    ("source", "complaint_id"),
    Column("source", String, nullable=False),
    Column("complaint_id", String, nullable=False),
    Column("interaction_id", String),  # null: came by another way, e.g. from the regulator
    Column("customer_key", BigInteger),
    Column("opened_on", Date, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("decided_on", Date),
    Column("closed_on", Date),
    Column("complexity", String),  # simple (15 days) | normal (30) | complex (60)
    Column("forwarded", Boolean),  # by the regulator
)

referral = _table(
    "referral",
    ("source", "referral_id"),
    Column("source", String, nullable=False),
    Column("referral_id", String, nullable=False),
    Column("interaction_id", String, nullable=False),
    Column("customer_key", BigInteger),
    Column("scenario", String, nullable=False),  # large_cash | investment | campaign | …
    Column("branch", String),
    Column("referred_at", DateTime, nullable=False),
    Column("visited_at", DateTime),
    Column("completed_at", DateTime),
    Column("amount_fen", BigInteger),
    Column("status", String),  # referred | visited | completed | lost
    _derived("business_date", Date),  # of the referral, not of the interaction
    _derived("upgraded", Boolean),  # the customer's tier rose within 90 days after completion
)

agent_time = _table(
    "agent_time",
    ("source", "agent_key", "half_hour"),
    Column("source", String, nullable=False),
    Column("agent_key", String, nullable=False),
    Column("half_hour", DateTime, nullable=False),  # UTC, its start
    Column("team", String),
    Column("handle_seconds", Integer, nullable=False),
    Column("idle_seconds", Integer, nullable=False),
    Column("break_seconds", Integer, nullable=False),
    _derived("business_date", Date),
    _derived("business_half_hour", SmallInteger),  # 0–47
)

# --- customers -------------------------------------------------------------------------------------------------

customer = _table(
    "customer",
    ("customer_key",),
    Column("customer_key", BigInteger, nullable=False),
    Column("masked_id", String),
    Column("region", String),
    Column("branch", String),
    Column("age_band", String),
    Column("opened_on", Date, nullable=False),
    Column("closed_on", Date),  # the first day on which it is no customer any more
)

customer_tier = _table(
    "customer_tier",
    ("customer_key", "valid_from"),
    Column("customer_key", BigInteger, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),  # the first day on which it no longer holds; null = still in force
    Column("tier", SmallInteger, nullable=False),
)

customer_month = _table(
    "customer_month",
    ("customer_key", "month"),
    Column("customer_key", BigInteger, nullable=False),
    Column("month", Date, nullable=False),  # its first day
    Column("tier", SmallInteger),
    Column("value_fen", BigInteger),  # contribution; may be negative; null = not known
    Column("products", SmallInteger),  # active ones
    _derived("is_tail", Boolean),  # by the tail rule in force, among the customers open at the month's end
)

# --- dimensions ------------------------------------------------------------------------------------------------

channel = _table(
    "channel",
    ("channel",),
    Column("channel", String, nullable=False),
    Column("name_zh", String, nullable=False),
    Column("name_en", String, nullable=False),
    Column("messaging", Boolean, nullable=False),  # answered means the first response, not the end of a queue
    Column("family", String, nullable=False),  # phone | wechat | …: the two phone lines share one
    Column("position", SmallInteger, nullable=False),
)

topic = _table(
    "topic",
    ("topic",),
    Column("topic", String, nullable=False),
    Column("name_zh", String, nullable=False),
    Column("name_en", String, nullable=False),
    Column("business_line", String),
    Column("complexity", String),  # standard | personal | complex
    Column("referable", Boolean, nullable=False),
)

function = _table(
    "function",
    ("function",),
    Column("function", String, nullable=False),
    Column("name_zh", String, nullable=False),
    Column("name_en", String, nullable=False),
    Column("topic", String),
)

team = _table(
    "team",
    ("team",),
    Column("team", String, nullable=False),
    Column("name_zh", String, nullable=False),
    Column("name_en", String, nullable=False),
    Column("specialty", String),
)

region = _table(
    "region",
    ("region",),
    Column("region", String, nullable=False),
    Column("name_zh", String, nullable=False),
    Column("name_en", String, nullable=False),
)

branch = _table(
    "branch",
    ("branch",),
    Column("branch", String, nullable=False),
    Column("name_zh", String, nullable=False),
    Column("name_en", String, nullable=False),
    Column("region", String),
)

agent = _table(
    "agent",
    ("agent_key", "valid_from"),
    Column("agent_key", String, nullable=False),
    Column("name", String),
    Column("team", String),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
)

unit_cost = _table(
    "unit_cost",
    ("channel", "handler", "topic", "valid_from"),
    Column("channel", String, nullable=False),
    Column("handler", String, nullable=False),
    Column("topic", String, nullable=False),  # "" = every topic that has no row of its own
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    Column("cost_fen", Integer, nullable=False),
)

calendar = _table(
    "calendar",
    ("business_date",),
    Column("business_date", Date, nullable=False),
    Column("week", Date, nullable=False),  # its Monday
    Column("month", Date, nullable=False),  # its first day
    Column("weekday", SmallInteger, nullable=False),  # 1 = Monday … 7
    Column("workday", Boolean, nullable=False),  # make-up working days are true, holidays false
    Column("holiday", String),  # spring_festival, national_day, …; null = none
)

# --- rules that numbers depend on; dated, and part of what a version means ----------------------------------------

service_target = _table(
    "service_target",
    ("channel", "valid_from"),
    Column("channel", String, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("seconds", Integer, nullable=False),
)

tail_rule = _table(
    "tail_rule",
    ("valid_from",),
    Column("valid_from", Date, nullable=False),  # a first of a month
    Column("kind", String, nullable=False),  # value: outside the top percent by value | tier: star ≤ k
    Column("parameter", SmallInteger, nullable=False),  # the percent, or k
)

# --- what was loaded ---------------------------------------------------------------------------------------------

warehouse_fact = _table(  # one row each: time_zone, synthetic, schema_version, data_start, …
    "warehouse_fact",
    ("name",),
    Column("name", String, nullable=False),
    Column("value", String),
)

feed = _table(
    "feed",
    ("source",),
    Column("source", String, nullable=False),
    Column("name_zh", String, nullable=False),
    Column("name_en", String, nullable=False),
    Column("watermark", DateTime, nullable=False),  # UTC: everything that started before it has arrived
    # JSON list: the columns of ``interaction`` and the other fact tables (``complaint``, …) that this feed records.
    # A KPI that needs others is "not recorded" for it.
    Column("carries", Text, nullable=False),
)

load_batch = _table(
    "load_batch",
    ("load_id",),
    Column("load_id", Integer, nullable=False),
    Column("description", String),
    Column("started_at", DateTime, nullable=False),
    Column("published_at", DateTime, nullable=False),
    Column("rows_read", BigInteger, nullable=False),
    Column("loaded", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("duplicate", BigInteger, nullable=False),
    Column("excluded", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("first_date", Date),  # business dates of the facts that it changed
    Column("last_date", Date),
)

exclusion = _table(
    "exclusion",
    ("load_id", "reason"),
    Column("load_id", Integer, nullable=False),
    Column("reason", String, nullable=False),
    Column("rows", BigInteger, nullable=False),
)

rejected_row = _table(
    "rejected_row",
    ("load_id", "row_number"),
    Column("load_id", Integer, nullable=False),
    Column("row_number", BigInteger, nullable=False),  # 1 = the first row of data
    Column("raw", Text, nullable=False),  # the row as it stood, JSON object of column -> text
    Column("reasons", Text, nullable=False),  # JSON list of reasons, every one
)

# --- what is read of the tables above -----------------------------------------------------------------------------

# The contacts that a complaint or a referral came of, by what these are grouped and filtered by. No table: a view that
# every process makes for itself (see ``engine``), of which a server keeps a copy (see ``resident``). They are few among
# very many, and every question on a complaint or a referral would look them up there again.
origin = Table(
    "origin",
    MetaData(),
    *(
        Column(name, interaction.c[name].type)
        for name in (
            *interaction.info["key"], "channel", "line", "media", "tier", "is_tail", "region", "age_band", "topic",
            "first_handler", "final_handler", "outcome", "escalation_reason", "abandoned_stage", "team", "agent_key",
        )
    ),
)  # fmt: skip


def source_columns(table: Table) -> list[str]:
    """The columns that a feed may fill, in order."""
    return [column.name for column in table.columns if not column.info.get("derived")]
