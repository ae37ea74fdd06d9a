"""Checks claimed webhooks: those that are still to be sent out, as requests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import namedtuple_row

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.clients.webhooks.client import StoredSecret, WebhookMessage
from pipeline.domain.lease import Cause, Lease, Settlement, WorkState, end
from pipeline.steps.sending.doors import give_back_trial
from pipeline.steps.webhooks.body import event_body, ping_body, reaction_body
from pipeline.steps.webhooks.claim import ClaimedWebhooks
from pipeline.steps.webhooks.outbox import WebhookRequest
from pipeline.steps.webhooks.sender import WebhookSender, provider_of, switch_of

EVENTS: Final = "domain_events"
REACTIONS: Final = "events"
PINGS: Final = "webhook_pings"
# After so many tries, a delivery can be what is wrong, and not its endpoint.
TRUSTED_TRIES: Final = 12
# Why a webhook is not sent any more, and in words.
NOT_SENT: Final = {
    "expired": "it came too late to be of use",
    "gone": "the event was deleted",
    "endpoint_removed": "the endpoint was removed",
    "endpoint_disabled": "the endpoint is disabled",
}

_MATERIAL: Final = load(__package__, "webhook_material")
_EVENTS: Final = load(__package__, "webhook_events")
_PAYLOADS: Final = load(__package__, "webhook_payloads")
_REACTIONS: Final = load(__package__, "webhook_reactions")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedWebhooks:
    """A batch after the check.

    Attributes:
        requests: what is sent now.
        settlements: how the others end.
    """

    requests: Sequence[WebhookRequest] = ()
    settlements: Sequence[Settlement] = ()


@dataclass(frozen=True, slots=True)
class _Material:
    rows: Mapping[UUID, Any]
    events: Mapping[UUID, Any]
    payloads: Mapping[UUID, str]
    reactions: Mapping[UUID, Any]


def check_webhooks(sender: WebhookSender, claimed: ClaimedWebhooks) -> CheckedWebhooks:
    """Check a batch of claimed webhooks.

    The trial of a breaker is given back if nothing is sent to its endpoint.

    Raises:
        TransientError: the database did not answer.
        ConfigurationError: the query cannot succeed.
    """
    checked = _checked(sender, claimed)
    trial = claimed.doors.trial
    if trial is not None and not any(each.trial for each in checked.requests):
        give_back_trial(sender.database, claimed.doors, switch_of(provider_of(trial)))
    return checked


def _checked(sender: WebhookSender, claimed: ClaimedWebhooks) -> CheckedWebhooks:
    if not claimed.leases:
        return CheckedWebhooks()
    found = with_connection(sender.database, lambda connection: _read(connection, claimed.leases))
    requests, ended = [], []
    for lease in claimed.leases:
        made = _made(lease, found, claimed.doors.trial)
        if isinstance(made, str):
            ended.append(_ended(lease, made))
        else:
            requests.append(made)
    return CheckedWebhooks(requests=requests, settlements=ended)


def _read(connection: Connection[Any], leases: Sequence[Lease]) -> _Material:
    ids = [each.values["id"] for each in leases]
    of_events, of_reactions = (
        [each.values["id"] for each in leases if each.values["source"] == source]
        for source in (EVENTS, REACTIONS)
    )
    events: dict[UUID, Any] = {}
    reactions: dict[UUID, Any] = {}
    payloads: dict[UUID, str] = {}
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        rows: dict[UUID, Any] = _by_id(cursor.execute(_MATERIAL, {"ids": ids}))
        if of_events:
            events = _by_id(cursor.execute(_EVENTS, {"ids": of_events}))
        if of_reactions:
            reactions = _by_id(cursor.execute(_REACTIONS, {"ids": of_reactions}))
    with_payload = [id_ for id_ in events if id_ in rows and rows[id_].with_payload]
    if with_payload:
        payloads = dict(connection.execute(_PAYLOADS, {"ids": with_payload}).fetchall())
    return _Material(rows, events, payloads, reactions)


def _by_id(rows: Iterable[Any]) -> dict[UUID, Any]:
    return {row.delivery_id: row for row in rows}


def _made(lease: Lease, found: _Material, trial: str | None) -> WebhookRequest | str:
    row = found.rows.get(lease.values["id"])
    if row is None:
        return "endpoint_removed"
    if row.disabled:
        return "endpoint_disabled"
    if row.expired:
        return "expired"
    body = _body(lease, row, found)
    if body is None:
        return "gone"
    recipient = lease.values["recipient"]
    return WebhookRequest(
        provider=provider_of(recipient),
        leases=(lease,),
        message=WebhookMessage(
            id=row.delivery_id,
            endpoint=row.endpoint,
            url=row.url,
            body=body,
            secrets=tuple(
                StoredSecret(sealed=sealed, name=name)
                for sealed, name in zip(row.sealed or (), row.names or (), strict=True)
            ),
        ),
        trial=recipient == trial,
        is_suspect=lease.number > TRUSTED_TRIES and row.worked_since,
    )


def _body(lease: Lease, row: Any, found: _Material) -> bytes | None:  # noqa: ANN401 - a row
    if lease.values["source"] == PINGS:
        return ping_body(lease.values["source_id"], lease.values["created_at"])
    if lease.values["source"] == REACTIONS:
        reaction = found.reactions.get(row.delivery_id)
        return reaction and reaction_body(reaction, with_payload=row.with_payload)
    event = found.events.get(row.delivery_id)
    if event is None:
        return None
    if not row.with_payload:
        return event_body(event, None)
    return event_body(event, found.payloads.get(row.delivery_id) or "null")


def _ended(lease: Lease, code: str) -> Settlement:
    state = WorkState.EXPIRED if code == "expired" else WorkState.CANCELLED
    return end(lease, state, Cause(code=code, reason=NOT_SENT[code]))
