"""The parts of an account in words: pure functions."""

from datetime import datetime
from typing import Final

from pipeline.domain.units import moment
from pipeline.fanout.reasons import Reason
from pipeline.ops.why.account import (
    DeliveryDetails,
    EndpointDelivery,
    EventLetter,
    Received,
    SkipDetails,
)
from pipeline.push.fallback import TO_PHONE

_CHANNELS: Final = {"in_app": "in-app", "email": "e-mail", "fcm": "phone"}
_DELIVERIES: Final = {"immediate": "at once", "aggregated": "with the next digest"}
_STATUSES: Final = {
    "pending": "not sent yet",
    "processing": "being sent",
    "failed": "could not be sent",
}
# Why a digest does not tell of an event.
_LEFT_OUT: Final = {
    "read": "they had read it in the app",
    "no_access": "they may not view it any more",
    "muted": "they had muted it since",
    "expired": "it came too late to be of use",
    "gone": "its notification was deleted",
    "mailed": "an e-mail of its own tells it",
    "same": "a later line tells the same",
}


def how(received: Received) -> str:
    """Return whether and when it was read or sent."""
    since = f" {moment(received.since)}" if received.since else ""
    if received.delivery is None:
        return f"{received.status}{since}"
    sent = f"sent{since}" if received.status == "sent" else None
    state_of_it = sent or _STATUSES.get(received.status, received.status)
    return f"{_DELIVERIES.get(received.delivery, received.delivery)}, {state_of_it}"


def outcome_of(delivery: DeliveryDetails) -> str:
    """Return what became of a delivery, without its tries."""
    if delivery.left_out is not None:
        return f"left out of the digest: {_LEFT_OUT[delivery.left_out]}"
    provider = delivery.provider or "the provider"
    ended = moment(delivery.finished_at) if delivery.finished_at else ""
    reason = delivery.reason or "waits to be sent"
    not_sent = f"not sent: {reason} ({ended})"
    accepted = f"{provider} accepted it {ended} as {delivery.provider_id}"
    ends = {
        # What a digest told was accepted by nobody itself.
        "done": accepted if delivery.provider_id else f"{delivery.reason or 'done'} {ended}",
        "cancelled": f"{reason} ({ended})" if reason.endswith(TO_PHONE) else not_sent,
        "expired": not_sent,
        "dead": f"failed for good {ended}: {reason}",
        "held": f"held: {reason}",
        "digest": f"waits for the next digest: {reason}",
        "paused": "waits behind a switch: python -m pipeline status",
        "leased": "is being sent",
    }
    if delivery.state in ends:
        return ends[delivery.state]
    at = delivery.next_attempt_at
    return f"{reason}; next try {moment(at)}" if delivery.tries and at else reason


def outcome_at(delivery: EndpointDelivery) -> str:
    """Return what became of a webhook, without its tries."""
    if delivery.state == "done":
        ended = moment(delivery.finished_at) if delivery.finished_at else ""
        return f"it took it {ended} and answered {delivery.provider_id}"
    return of_endpoint(outcome_of(delivery), delivery)


def of_endpoint(text: str, delivery: EndpointDelivery) -> str:
    """Return a text in which the endpoint is not called by its id."""
    return text.replace(delivery.provider, "it") if delivery.provider else text


def tries_of(delivery: DeliveryDetails) -> list[str]:
    """Return a line for each try, if there was more than one or the last one failed."""
    lines = [f"try {each['number']}: {each['reason'] or each['result']}" for each in delivery.tries]
    return [] if len(lines) == 1 and delivery.state != "waiting" else lines


def reports_of(delivery: DeliveryDetails) -> list[str]:
    """Return a line for each report of the provider, in the order in which it happened."""
    return [
        f"{delivery.provider} then said {each['kind']}"
        + (f" ({each['detail']})" if each["detail"] else "")
        + f" {moment(datetime.fromisoformat(each['at']))}"
        for each in delivery.reports
    ]


def why_not(skip: SkipDetails) -> str:
    """Return the reason in words; a reason unknown here as it is."""
    known = skip.reason in list(Reason)
    return f"they {Reason(skip.reason).words}" if known else skip.reason


def decided_by(skip: SkipDetails) -> str | None:
    """Return the preference behind the reason; None if there is none."""
    if skip.preference_id is None:
        return None
    if skip.preference_since is None:
        return "their preference was deleted since then"
    since = moment(skip.preference_since)
    scope = f"{skip.scope_type} {skip.scope_name or ''}".strip()
    decided = (
        f"{scope}, event type {skip.preference_event_type},"
        f" channel {skip.preference_channel}, {skip.preference_status}"
    )
    if skip.preference_changed:
        return f"their preference was changed later, {since}, to: {decided}"
    return f"their preference: {decided} since {since}"


def counted_in(skip: SkipDetails) -> str:
    """Return the text of the notification that counts the event."""
    if skip.counted_in is None:
        return "which was deleted since then"
    return f"now: {skip.counted_in.replace('**', '')}"


def channel(name: str) -> str:
    """Return a channel's name for people."""
    return _CHANNELS.get(name, name)


def row(letter: EventLetter) -> str:
    """Return where a dead letter is."""
    return f"row {letter.id} of event_dead_letters"
