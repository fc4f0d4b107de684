"""The conditions and additive parts that KPIs are made of. A rule is written here once."""

from datetime import timedelta

import sqlalchemy as sa

from kpi import schema
from kpi.metrics.dimensions import AGENT_TIME, COMPLAINT_DUE, COMPLAINT_OPENED, FUNCTION_USE, INTERACTION, LEG, REFERRAL
from kpi.metrics.model import LOOK_BACK, Part, mature

_i = schema.interaction.c
_DAY = timedelta(days=1)

# --- conditions on a contact; null-safe: an unrecorded flag is not true -------------------------------------------

inbound = _i.direction == "inbound"
closed = _i.ended_at.is_not(None)
human = _i.human_answered.is_(True)
escalated = _i.escalated.is_(True)
identified = _i.customer_key.is_not(None)
# What look-ahead and look-back need: without customer and topic a return cannot be known.
linked = sa.and_(inbound, identified, _i.topic.is_not(None))

answered = sa.and_(inbound, human)
lost_in_queue = sa.and_(inbound, sa.not_(human), _i.abandoned_stage.is_not_distinct_from("queue"))
waiting = sa.and_(inbound, sa.not_(human), _i.queued.is_(True), _i.ended_at.is_(None))
offered = sa.or_(answered, lost_in_queue, waiting)

# One cohort of self-service sessions; every one is exactly one of the four that follow.
cohort = sa.and_(inbound, closed, _i.engaged.is_(True), _i.first_handler.in_(("self_service", "robot")))
escalated_answered = sa.and_(cohort, human)
escalated_lost = sa.and_(cohort, sa.not_(human), escalated)
contained = sa.and_(cohort, sa.not_(human), sa.not_(escalated))
# An unrecorded outcome is not a success.
resolved = sa.and_(contained, _i.outcome.is_not_distinct_from("resolved"))
given_up = sa.and_(contained, _i.outcome.is_distinct_from("resolved"))

returned = _i.next_seconds.is_not(None)  # within 7 days
handle_seconds = (
    sa.func.coalesce(_i.talk_seconds, 0) + sa.func.coalesce(_i.hold_seconds, 0) + sa.func.coalesce(_i.wrap_seconds, 0)
)
wait_seconds = sa.func.coalesce(_i.wait_seconds, 0)  # never queued = 0

engaged_customer = sa.and_(inbound, _i.engaged.is_(True), identified)


def returned_within(window: timedelta) -> sa.ColumnElement[bool]:
    """Back on any channel within ``window`` (at most the 7 days that the warehouse looks around)."""
    return sa.and_(returned, _i.next_seconds <= int(window.total_seconds()))


def _contact(key: str, where: sa.ColumnElement[bool], value: sa.ColumnElement | None = None) -> Part:
    return Part(key, INTERACTION, where, value)


# --- volume -------------------------------------------------------------------------------------------------------

CONTACTS = _contact("contacts", inbound)
CONTACTS_IDENTIFIED = _contact("contacts_identified", sa.and_(inbound, identified))
CONTACTS_UNLINKED = _contact("contacts_unlinked", sa.and_(inbound, sa.not_(linked)))
CONTACTS_WECHAT = _contact(
    "contacts_wechat",
    sa.and_(inbound, _i.channel.in_(sa.select(schema.channel.c.channel).where(schema.channel.c.family == "wechat"))),
)
ANSWERED_PHONE = _contact(
    "answered_phone",
    sa.and_(answered, _i.channel.in_(sa.select(schema.channel.c.channel).where(schema.channel.c.family == "phone"))),
)
ENGAGED_CUSTOMERS = _contact("engaged_customers", engaged_customer)
LINKED = _contact("linked", sa.and_(linked, _i.started_at >= sa.bindparam("look_back_from", type_=sa.DateTime)))
CROSSED = _contact("crossed", sa.and_(LINKED.where, _i.crossed_channel.is_(True)))

# --- self-service -------------------------------------------------------------------------------------------------

COHORT = _contact("cohort", cohort)
CONTAINED = _contact("contained", contained)
RESOLVED = _contact("resolved", resolved)
GIVEN_UP = _contact("given_up", given_up)
ESCALATED = _contact("escalated", sa.or_(escalated_answered, escalated_lost))
ESCALATED_ANSWERED = _contact("escalated_answered", escalated_answered)
ESCALATED_LOST = _contact("escalated_lost", escalated_lost)
SERVED_EITHER_WAY = _contact("served_either_way", sa.or_(resolved, answered))


def _contained_mature(window: timedelta) -> Part:
    return _contact(f"contained_mature_{window.days}d", sa.and_(contained, linked, mature(_i.ended_at, window)))


def _durable(window: timedelta) -> Part:
    base = _contained_mature(window)
    return _contact(f"durable_{window.days}d", sa.and_(base.where, sa.not_(returned_within(window))))


CONTAINED_MATURE = {days: _contained_mature(days * _DAY) for days in (1, 3, 7)}
DURABLE = {days: _durable(days * _DAY) for days in (1, 3, 7)}
FALSELY_CONTAINED = _contact("falsely_contained_7d", sa.and_(CONTAINED_MATURE[7].where, returned))
# The chain of the funnel, every step within the one before: all of them of contacts whose return can be known by now.
CHAIN = _contact("chain_7d", sa.and_(cohort, linked, mature(_i.ended_at, LOOK_BACK)))
CHAIN_LOST = _contact("chain_lost_7d", sa.and_(CHAIN.where, escalated_lost))
CHAIN_CONTAINED = CONTAINED_MATURE[7]
CHAIN_RESOLVED = _contact("chain_resolved_7d", sa.and_(CHAIN_CONTAINED.where, resolved))
CHAIN_SETTLED = _contact("chain_settled_7d", sa.and_(CHAIN_RESOLVED.where, sa.not_(returned)))
ROBOT_SESSIONS = _contact("robot_sessions", sa.and_(inbound, _i.first_handler == "robot", _i.matched.is_not(None)))
ROBOT_MATCHED = _contact("robot_matched", sa.and_(ROBOT_SESSIONS.where, _i.matched.is_(True)))
ROBOT_UNMATCHED = _contact("robot_unmatched", sa.and_(ROBOT_SESSIONS.where, _i.matched.is_(False)))

_f = schema.function_use.c
FUNCTION_STARTED = Part("function_started", FUNCTION_USE, _f.started > 0, _f.started)
FUNCTION_COMPLETED = Part("function_completed", FUNCTION_USE, _f.started > 0, _f.completed)
FUNCTION_UNFINISHED = Part("function_unfinished", FUNCTION_USE, _f.started > 0, _f.started - _f.completed)
FUNCTION_DROPPED = Part("function_dropped", FUNCTION_USE, _f.started > 0, _f.started - _f.completed - _f.failed)

# --- satisfaction -------------------------------------------------------------------------------------------------

# Codes ≤ 0 are no answer (time-out, invalid).
CSAT_ASKED = _contact("csat_asked", sa.and_(inbound, _i.csat_asked.is_(True)))
CSAT_VALID = _contact("csat_valid", sa.and_(inbound, _i.csat_score.between(1, 5)))
CSAT_TOP2 = _contact("csat_top2", sa.and_(inbound, _i.csat_score.between(4, 5)))
CSAT_SCORE = _contact("csat_score", CSAT_VALID.where, _i.csat_score)
CSAT_ASKED_VALID = _contact("csat_asked_valid", sa.and_(CSAT_ASKED.where, _i.csat_score.between(1, 5)))
CSAT_ASKED_TOP2 = _contact("csat_asked_top2", sa.and_(CSAT_ASKED.where, _i.csat_score.between(4, 5)))
_net = sa.case((_i.nps_score >= 9, 1), (_i.nps_score <= 6, -1), else_=0)
NPS_VALID = _contact("nps_valid", sa.and_(inbound, _i.nps_score.between(0, 10)))
NPS_NET = _contact("nps_net", NPS_VALID.where, _net)
NPS_VALID_TAIL = _contact("nps_valid_tail", sa.and_(NPS_VALID.where, _i.is_tail.is_(True)))
NPS_NET_TAIL = _contact("nps_net_tail", NPS_VALID_TAIL.where, _net)
CES_VALID = _contact("ces_valid", sa.and_(inbound, _i.ces_score.between(1, 7)))
CES_EASY = _contact("ces_easy", sa.and_(inbound, _i.ces_score.between(5, 7)))
FCR_JUDGED = _contact(
    "fcr_judged",
    sa.and_(linked, _i.outcome.in_(("resolved", "unresolved", "referred")), mature(_i.ended_at, LOOK_BACK)),
)
FCR_RESOLVED = _contact("fcr_resolved", sa.and_(FCR_JUDGED.where, _i.outcome == "resolved", sa.not_(returned)))
REPEATED = _contact("repeated", sa.and_(LINKED.where, _i.previous_seconds.is_not(None)))

_c = schema.complaint.c
_running = sa.bindparam("running_date", type_=sa.Date)
COMPLAINTS_OPENED = Part("complaints_opened", COMPLAINT_OPENED, _c.opened_on.is_not(None))
COMPLAINTS_DUE = Part("complaints_due", COMPLAINT_DUE, _c.due_on < _running)
# Late: decided after its due date, or due and not decided yet. A withdrawn complaint is closed undecided.
COMPLAINTS_LATE = Part(
    "complaints_late",
    COMPLAINT_DUE,
    sa.and_(COMPLAINTS_DUE.where, sa.func.coalesce(_c.decided_on, _c.closed_on, _running) > _c.due_on),
)

# --- service desk -------------------------------------------------------------------------------------------------

# Abandoned so soon that some formulas leave it out.
SHORT_ABANDON_SECONDS = 5

OFFERED = _contact("offered", offered)
ANSWERED = _contact("answered", answered)
LOST_IN_QUEUE = _contact("lost_in_queue", lost_in_queue)
WAITING = _contact("waiting", waiting)
ANSWERED_IN_TIME = _contact("answered_in_time", sa.and_(answered, _i.in_target.is_(True)))
DECIDED_IN_TIME = _contact("decided_in_time", sa.and_(sa.or_(answered, lost_in_queue), _i.in_target.is_(True)))
ANSWERED_OR_LOST_LATE = _contact(
    "answered_or_lost_late", sa.or_(answered, sa.and_(lost_in_queue, _i.in_target.is_not(True)))
)
OFFERED_NOT_SHORT = _contact(
    "offered_not_short",
    sa.and_(offered, sa.not_(sa.and_(lost_in_queue, sa.func.coalesce(_i.wait_seconds, 0) <= SHORT_ABANDON_SECONDS))),
)
WAIT_OF_ANSWERED = _contact("wait_of_answered", answered, wait_seconds)
RESPONDED = _contact("responded", sa.and_(answered, _i.first_response_seconds.is_not(None)))
RESPONSE_TIME = _contact("response_time", RESPONDED.where, _i.first_response_seconds)
HANDLE_TIME = _contact("handle_time", answered, handle_seconds)
TRANSFERRED = _contact("transferred", sa.and_(answered, _i.transfers >= 1))
COSTED = _contact("costed", sa.and_(inbound, _i.cost_fen.is_not(None)))
COST = _contact("cost", COSTED.where, _i.cost_fen)
COST_AVOIDED = _contact(
    "cost_avoided",
    sa.and_(
        resolved,
        linked,
        mature(_i.ended_at, LOOK_BACK),
        sa.not_(returned),
        _i.cost_fen.is_not(None),
        _i.human_cost_fen.is_not(None),
    ),
    _i.human_cost_fen - _i.cost_fen,
)

_l = schema.handling_leg.c
LEG_TIME = Part(
    "leg_time",
    LEG,
    answered,
    sa.func.coalesce(_l.talk_seconds, 0) + sa.func.coalesce(_l.hold_seconds, 0) + sa.func.coalesce(_l.wrap_seconds, 0),
)

_a = schema.agent_time.c
HANDLE_CLOCK = Part("handle_clock", AGENT_TIME, _a.half_hour.is_not(None), _a.handle_seconds)
STAFFED_CLOCK = Part("staffed_clock", AGENT_TIME, _a.half_hour.is_not(None), _a.handle_seconds + _a.idle_seconds)

# --- long tail ----------------------------------------------------------------------------------------------------

ENGAGED_TAIL = _contact("engaged_tail", sa.and_(engaged_customer, _i.is_tail.is_(True)))
TOPIC_CLOSED = _contact("topic_closed", sa.and_(inbound, closed, _i.topic.is_not(None), _i.outcome.is_not(None)))
TOPIC_RESOLVED = _contact("topic_resolved", sa.and_(TOPIC_CLOSED.where, _i.outcome == "resolved"))

# --- journeys: the cohort is dated by the referral ------------------------------------------------------------------

_r = schema.referral.c
_VISIT, _SIGN, _UPGRADE = 30 * _DAY, 60 * _DAY, 90 * _DAY
ELIGIBLE = _contact("eligible", sa.and_(answered, identified, _i.referable.is_(True)))
ELIGIBLE_REFERRED = _contact("eligible_referred", sa.and_(ELIGIBLE.where, _i.has_referral.is_(True)))
REFERRED_30 = Part("referred_30d", REFERRAL, mature(_r.referred_at, _VISIT))
VISITED_30 = Part("visited_30d", REFERRAL, sa.and_(REFERRED_30.where, _r.visited_at <= _r.referred_at + _VISIT))
REFERRED_60 = Part("referred_60d", REFERRAL, mature(_r.referred_at, _SIGN))
VISITED_60 = Part("visited_60d", REFERRAL, sa.and_(REFERRED_60.where, _r.visited_at <= _r.referred_at + _SIGN))
SIGNED_60 = Part("signed_60d", REFERRAL, sa.and_(VISITED_60.where, _r.completed_at <= _r.referred_at + _SIGN))
LOST_60 = Part("lost_60d", REFERRAL, sa.and_(REFERRED_60.where, SIGNED_60.where.is_not(True)))
VISITED = Part("visited", REFERRAL, _r.visited_at.is_not(None))
SIGNED = Part("signed", REFERRAL, _r.completed_at.is_not(None))
AMOUNT = Part("amount", REFERRAL, SIGNED.where, sa.func.coalesce(_r.amount_fen, 0))
SIGNED_90 = Part("signed_90d", REFERRAL, sa.and_(SIGNED.where, mature(_r.completed_at, _UPGRADE)))
UPGRADED_90 = Part("upgraded_90d", REFERRAL, sa.and_(SIGNED_90.where, _r.upgraded.is_(True)))

# What the identity proof adds up beside the KPIs' own parts.
PROOF = (WAITING, ESCALATED_ANSWERED, ESCALATED_LOST)
