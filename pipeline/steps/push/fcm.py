"""The channel ``fcm``: to the devices of a person, each a delivery of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.clients.push.clients import close_fcm, fcm_of
from pipeline.clients.push.message import FcmMessage
from pipeline.domain.clock import utc_now
from pipeline.domain.delivery import DeliveryChannel, Priority
from pipeline.domain.lease import Cause, Lease, Settlement, WorkState, end
from pipeline.domain.provider_answer import Blame, ProviderReply, Refused
from pipeline.domain.tried import TriedRequest
from pipeline.push.verdict import QuietUntil, Unwanted
from pipeline.steps.push.bus import topic_of
from pipeline.steps.push.channel import Found, Meaning, NotNow, NotSent, PushChannel, ToSend
from pipeline.steps.push.disturbance import may_disturb
from pipeline.steps.push.material import PushText, read_told
from pipeline.steps.push.sender import PushSender
from pipeline.steps.sending.doors import Doors
from pipeline.steps.sending.rates import UsualRate

FCM: Final = "fcm"
# Who may be disturbed is not asked again so soon after it was sent on to the phone.
JUST_DECIDED: Final = timedelta(seconds=30)
# FCM knows no keys: a message of which nobody knows whether it was taken is sent once more.
MOST_UNANSWERED: Final = 2
_IN_DOUBT: Final = "fcm may have it and cannot tell: it was tried twice, and a phone may have it"

_DEVICES: Final = load(__package__, "devices")


@dataclass(frozen=True, slots=True)
class Device:
    """A phone or a browser of a person."""

    token: str = field(repr=False)
    platform: str


class FcmChannel(PushChannel):
    """Firebase Cloud Messaging. A token that it does not know is deleted."""

    name: ClassVar = DeliveryChannel.FCM
    concurrency: ClassVar = 16

    def is_on(self, sender: PushSender) -> bool:
        """Whether a project is given."""
        return sender.push.fcm is not None

    def rates(self, sender: PushSender) -> Mapping[str, UsualRate]:  # noqa: ARG002
        """Return the usual rate, a tenth of FCM's 600,000 a minute. A project may have more."""
        return {FCM: UsualRate(1_000, 1_000)}

    def find(
        self,
        sender: PushSender,  # noqa: ARG002
        connection: Connection[Any],
        leases: Sequence[Lease],
        doors: Doors[str],  # noqa: ARG002 - claimed only if it may be asked
    ) -> Mapping[int, Found]:
        """Return messages for those that are still to be told."""
        told = read_told(connection, leases)
        devices = _devices(connection, leases)
        kept_back = _kept_back(connection, leases)
        return {
            lease.sequence: kept_back.get(lease.sequence)
            or _found(lease, told[lease.sequence], devices.get(lease.sequence))
            for lease in leases
        }

    def send(self, sender: PushSender, message: FcmMessage) -> ProviderReply:
        """Send to one device, or to a topic."""
        if sender.push.fcm is None:
            raise ValueError("invalid message: expected a Firebase project in the settings")
        return fcm_of(sender.push.fcm).send(message)

    def meaning(self, tried: TriedRequest, now: datetime, *, free: bool) -> Meaning:
        """Return how the try ends. A dead token is deleted with it."""
        [lease], [result] = tried.leases, tried.reply.results
        ended = super().meaning(tried, now, free=free)
        if not isinstance(ended, Settlement):
            return ended
        if isinstance(result, Refused) and result.blame is Blame.ADDRESS:
            return replace(ended, values={**ended.values, "no_device": True})
        # The count is that of the claim: this try is one more.
        if not ended.values["answered"] and lease.values["unanswered"] + 1 >= MOST_UNANSWERED:
            cause = Cause(code="in_doubt", reason=_IN_DOUBT)
            return replace(end(lease, WorkState.DEAD, cause), values=ended.values)
        return ended

    def close(self, sender: PushSender) -> None:
        """Close the connections to FCM."""
        if sender.push.fcm is not None:
            close_fcm(sender.push.fcm)


def _found(lease: Lease, told: PushText | str, device: Device | None) -> Found:
    topic = topic_of(lease)
    if lease.values["unanswered"] >= MOST_UNANSWERED:
        return NotSent(code="in_doubt", reason=_IN_DOUBT, state=WorkState.DEAD)
    if isinstance(told, str):
        return NotSent(code=told)
    if device is None and topic is None:
        return NotSent(code="no_device")
    message = FcmMessage(
        id=lease.values["id"],
        token=None if device is None else device.token,
        topic=topic,
        platform=None if device is None else device.platform,
        title=told.title,
        body=told.body,
        link=told.link,
        data={"kind": lease.values["kind"]},
        collapse_key=lease.values["collapse_key"],
        priority=Priority(lease.values["priority"]),
        expires_at=lease.values["expires_at"],
        badge=told.badge,
    )
    return ToSend(provider=FCM, message=message)


def _kept_back(connection: Connection[Any], leases: Sequence[Lease]) -> Mapping[int, Found]:
    """Return what may not ring now, though it could when it was sent on: it may be night by now."""
    now = utc_now()
    older = [
        each
        for each in leases
        if topic_of(each) is None
        and (each.number > 1 or now - each.values["created_at"] > JUST_DECIDED)
    ]
    kept_back: dict[int, Found] = {}
    for sequence, verdict in may_disturb(connection, older, now).items():
        match verdict:
            case QuietUntil(at):
                pause = max(0.0, (at - now).total_seconds())
                reason = "the person has quiet hours"
                kept_back[sequence] = NotNow(code="quiet_hours", reason=reason, pause=pause)
            case Unwanted(code):
                kept_back[sequence] = NotSent(code=code)
    return kept_back


def _devices(connection: Connection[Any], leases: Sequence[Lease]) -> Mapping[int, Device]:
    """Return the devices that still belong to the person of the delivery, by sequence."""
    ours = [each for each in leases if topic_of(each) is None]
    ids = list({UUID(each.values["recipient"]) for each in ours})
    rows = connection.execute(_DEVICES, {"ids": ids}) if ids else ()
    found = {str(id_): (user, Device(token, platform)) for id_, user, token, platform in rows}
    devices = {}
    for lease in ours:
        user, device = found.get(lease.values["recipient"], (None, None))
        if device is not None and user == lease.values["user_id"]:
            devices[lease.sequence] = device
    return devices
