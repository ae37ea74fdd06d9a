"""The parts of an account in words: pure functions of them."""

from datetime import UTC, datetime
from typing import Final

from pipeline.fanout.reasons import Reason
from pipeline.ops.why.account import Letter, Received, Silence

_CHANNELS: Final = {"in_app": "in-app", "email": "e-mail"}
_DELIVERIES: Final = {"immediate": "at once", "aggregated": "with the next digest"}
_STATUSES: Final = {
    "pending": "not sent yet",
    "processing": "being sent",
    "failed": "could not be sent",
}


def how(received: Received) -> str:
    """When, and whether yet."""
    since = f" {moment(received.since)}" if received.since else ""
    if received.delivery is None:
        return f"{received.status}{since}"
    sent = f"sent{since}" if received.status == "sent" else None
    state_of_it = sent or _STATUSES.get(received.status, received.status)
    return f"{_DELIVERIES.get(received.delivery, received.delivery)}, {state_of_it}"


def why_not(silence: Silence) -> str:
    """The reason; one that is not known here as it is."""
    known = silence.reason in list(Reason)
    return f"they {Reason(silence.reason).words}" if known else silence.reason


def decided_by(silence: Silence) -> str | None:
    """The preference behind the reason, where there is one."""
    if silence.preference_id is None:
        return None
    if silence.preference_since is None:
        return "their preference is deleted since"
    since = moment(silence.preference_since)
    scope = f"{silence.scope_type} {silence.scope_name or ''}".strip()
    decided = (
        f"{scope}, event type {silence.preference_event_type},"
        f" channel {silence.preference_channel}, {silence.preference_status}"
    )
    if silence.preference_changed:
        return f"their preference was changed afterwards, {since}, to: {decided}"
    return f"their preference: {decided} since {since}"


def counted_in(silence: Silence) -> str:
    """What the notification says that counts the event."""
    if silence.counted_in is None:
        return "which is gone since"
    return f"by now: {silence.counted_in.replace('**', '')}"


def channel(name: str) -> str:
    """A channel as people call it."""
    return _CHANNELS.get(name, name)


def row(letter: Letter) -> str:
    """Where a dead letter is."""
    return f"row {letter.id} of event_dead_letters"


def moment(time: datetime) -> str:
    """A time, to the second, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
