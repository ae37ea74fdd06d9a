"""Checks claimed mails: those that are still to be sent out, with what they are made of."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.lease import Cause, Lease, Settlement, WorkState, end, give_back, hold
from pipeline.settings.mail import ProviderName
from pipeline.steps.mail.claim import ClaimedMails
from pipeline.steps.mail.material import READERS, Later, MailMaterial
from pipeline.steps.mail.sender import KEY_MEMORY, Sender
from pipeline.steps.sending.doors import Doors

# The words of the statements, and what they mean.
REASONS: Final = {
    "expired": "it came too late to be of use",
    "superseded": "a later one to the same recipient replaces it",
    "gone": "the row that it was about was deleted",
    "no_address": "the person has no e-mail address",
    "suppressed": "nothing is sent to this address any more",
    "no_access": "the person may not view it any more",
    "read": "the person has read it in the app",
    "muted": "the person has muted it since",
    "nothing_left": "all that it would tell was read, muted or may not be viewed any more",
}
# After so many tries without an answer, a provider that knows no keys may have it twice.
MOST_UNANSWERED: Final = 2

_CHECK: Final = load(__package__, "check_deliveries")
_BODIES: Final = load(__package__, "frozen_bodies")


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMail:
    """A mail that is to be sent now.

    Attributes:
        lease: on its delivery.
        material: what it is made of; None if it is repeated as it was frozen.
        frozen: by provider, the requests that were frozen in earlier tries.
    """

    lease: Lease
    material: MailMaterial | None = None
    frozen: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedMails:
    """A batch after the check.

    Attributes:
        due: to be sent, the most urgent first.
        settlements: how the others end.
        doors: the providers that may be asked.
    """

    due: Sequence[DueMail] = ()
    settlements: Sequence[Settlement] = ()
    doors: Doors[ProviderName] = field(default_factory=Doors)


def check_mails(sender: Sender, claimed: ClaimedMails, clock: Clock = utc_now) -> CheckedMails:
    """Check a batch of claimed mails.

    A mail that a provider may have is not checked again: it is repeated, or held for a person. But
    a link that no longer works is not repeated.

    Raises:
        TransientError: the database did not answer.
        ConfigurationError: the query cannot succeed.
    """
    if not claimed.leases:
        return CheckedMails(doors=claimed.doors)
    now = clock()
    doubtful = [each for each in claimed.leases if each.values["asked_at"] is not None]
    over = _run_out(doubtful, now)
    held = over | _held([each for each in doubtful if each.sequence not in over], now)
    found = with_connection(
        sender.database, lambda connection: _read(connection, claimed.leases, doubtful)
    )
    due, ended = [], list(held.values())
    for lease in claimed.leases:
        if lease.sequence in held:
            continue
        if lease.sequence in found.reasons:
            ended.append(_ended(lease, found.reasons[lease.sequence]))
        elif lease.sequence in found.later:
            ended.append(_given_back(lease, found.later[lease.sequence]))
        else:
            due.append(
                DueMail(
                    lease=lease,
                    material=found.materials.get(lease.sequence),
                    frozen=found.frozen.get(lease.values["id"], {}),
                )
            )
    return CheckedMails(due=due, settlements=ended, doors=claimed.doors)


@dataclass(slots=True)
class _Found:
    reasons: dict[int, str] = field(default_factory=dict)
    later: dict[int, Later] = field(default_factory=dict)
    materials: dict[int, MailMaterial] = field(default_factory=dict)
    frozen: dict[UUID, dict[str, bytes]] = field(default_factory=dict)


def _read(
    connection: Connection[Any], leases: Sequence[Lease], doubtful: Sequence[Lease]
) -> _Found:
    found = _Found()
    surely = {each.sequence for each in doubtful}
    free = {each.values["id"]: each for each in leases if each.sequence not in surely}
    for id_, reason in connection.execute(_CHECK, {"ids": list(free)}):
        found.reasons[free.pop(id_).sequence] = reason
    by_source: defaultdict[str | None, list[Lease]] = defaultdict(list)
    for lease in free.values():
        by_source[lease.values["source"]].append(lease)
    for source, some in by_source.items():
        reader = READERS.get(source or "")
        read = {} if reader is None else reader(connection, some)
        for lease in some:
            each = read.get(lease.values["source_id"], "gone")
            if isinstance(each, str):
                found.reasons[lease.sequence] = each
            elif isinstance(each, Later):
                found.later[lease.sequence] = each
            else:
                found.materials[lease.sequence] = each
    again = [each.values["id"] for each in leases if each.number > 1]
    if again:
        for id_, provider, body in connection.execute(_BODIES, {"ids": again}):
            found.frozen.setdefault(id_, {})[provider] = body
    return found


def _run_out(doubtful: Sequence[Lease], now: datetime) -> dict[int, Settlement]:
    """Return the settlements of mails whose content has stopped being true meanwhile.

    A batch is repeated as a whole, for the others in it.
    """
    return {
        each.sequence: _ended(each, "expired")
        for each in doubtful
        if each.values["ages_while_paused"]
        and each.values["batch_id"] is None
        and each.values["expires_at"] <= now
    }


def _held(doubtful: Sequence[Lease], now: datetime) -> dict[int, Settlement]:
    """Return the settlements of mails that only a person can decide about."""
    held = {}
    for lease in doubtful:
        provider = lease.values["provider"]
        memory = KEY_MEMORY.get(provider)
        if memory is None:
            is_too_late = lease.values["unanswered"] >= MOST_UNANSWERED
        else:
            is_too_late = now - lease.values["asked_at"] >= memory
        if is_too_late:
            cause = Cause(
                code="in_doubt",
                reason=f"{provider} may have sent it and cannot tell any more: a person decides",
            )
            held[lease.sequence] = hold(lease, cause)
    return held


def _given_back(lease: Lease, later: Later) -> Settlement:
    cause = Cause(code="outside_hours", reason="it is outside the hours of the person")
    return give_back(lease, cause, pause=later.pause.total_seconds())


def _ended(lease: Lease, word: str) -> Settlement:
    state = WorkState.EXPIRED if word == "expired" else WorkState.CANCELLED
    return end(lease, state, Cause(code=word, reason=REASONS[word]))
