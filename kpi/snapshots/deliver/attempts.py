"""``deliver``: try, wait, try again, and say how it ended."""

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from kpi.errors import DeliveryError, DeliveryRefused, DeliveryUnconfirmed, KpiError
from kpi.i18n import phrase
from kpi.settings import Settings
from kpi.snapshots.deliver import chat, folder, mail, s3, webhook
from kpi.snapshots.deliver.message import Message, message_of
from kpi.snapshots.model import Parcel, Recipient
from kpi.snapshots.target import DeliveryTarget, Kind, check_allowed, parse

log = logging.getLogger("switchboard")

# sent: the target has taken it. permanent: trying again will not help. temporary: it may. unconfirmed: it may have
# arrived, and its owner has to look.
Status = Literal["sent", "permanent", "temporary", "unconfirmed"]
_FIRST, _LONGEST = 1.0, 60.0  # seconds between attempts


@dataclass(frozen=True)
class DeliveryResult:
    """How a hand-over ended. ``detail``: what the target said, or what is wrong, in the settings' language."""

    status: Status
    detail: str
    attempts: int


class Sender(Protocol):
    """Hands a parcel over once and gives what the target said. Raises DeliveryError; anything else only before
    something may have left.
    """

    def __call__(
        self, target: DeliveryTarget, parcel: Parcel, message: Message, *, key: str, settings: Settings
    ) -> str: ...


_SENDERS: Mapping[Kind, Sender] = {
    "folder": folder.send,
    "s3": s3.send,
    "mail": mail.send,
    "chat": chat.send,
    "webhook": webhook.send,
}
# Where a second hand-over under the same key replaces the first, or is told from it by the target.
_REPEATABLE: frozenset[Kind] = frozenset({"folder", "s3", "webhook"})


def deliver(
    parcel: Parcel,
    recipient: Recipient,
    *,
    key: str,
    settings: Settings,
    sleep: Callable[[float], object] = time.sleep,
) -> DeliveryResult:
    """Hand a copy or a notice over. ``key``: the same whenever this one is handed over.

    Tries ``KPI_DELIVER_TRIES`` times with growing pauses where the target may only be away. What may have arrived is
    tried again only where the target can tell by the key. Never raises for what a target does.
    """
    attempts = 0
    try:
        target = parse(recipient.target)
        check_allowed(target, settings)
        message = message_of(parcel, key, settings)
        while True:
            attempts += 1
            try:
                said = _SENDERS[target.kind](target, parcel, message, key=key, settings=settings)
                return DeliveryResult("sent", said, attempts)
            except DeliveryRefused:
                raise
            except DeliveryError as error:
                again = not isinstance(error, DeliveryUnconfirmed) or target.kind in _REPEATABLE
                if not again or attempts >= settings.deliver_tries:
                    raise
                log.info("delivery %s to a %s, attempt %d: %s", key, target.kind, attempts, error)
                sleep(pause(attempts))
    except KpiError as error:
        return DeliveryResult(_status(error), error.message(settings.language), attempts)
    except Exception as error:
        # The senders answer for everything from the moment something may have left: this went wrong before.
        log.exception("delivery %s", key)
        return DeliveryResult(
            "permanent", phrase(settings.language, "delivery_impossible", problem=type(error).__name__), attempts
        )


def pause(attempts: int) -> float:
    """Seconds before the next attempt: doubled each time, and spread, so that many do not come back at once."""
    longest = min(_LONGEST, _FIRST * 2 ** (attempts - 1))
    return longest / 2 + random.random() * longest / 2


def _status(error: KpiError) -> Status:
    if isinstance(error, DeliveryUnconfirmed):
        return "unconfirmed"
    return "temporary" if isinstance(error, DeliveryError) and not isinstance(error, DeliveryRefused) else "permanent"
