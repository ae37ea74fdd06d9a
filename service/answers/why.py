"""Models of ``/v1/events/{id}/why``: the JSON of ``why --json``."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel

from pipeline.ops.why.account import DeliveryDetails
from service.answers.values import Asked, Id

WHY: Final[dict[str, Any]] = {
    "event": {
        "id": 42,
        "type": "document_uploaded",
        "created_at": "2026-03-02T12:00:00Z",
        "actor": {"id": "6f1c2a34-0000-4000-8000-000000000001", "name": "Priya Raman"},
        "project": {"id": "6f1c2a34-0000-4000-8000-000000000002", "name": "Mill Street Lofts"},
        "thread": None,
    },
    "state": {
        "status": "completed",
        "reason": None,
        "completed_at": "2026-03-02T12:00:00.021000Z",
        "seconds": 0.021,
        "notifications": 1,
        "emails": 0,
        "pipeline_version": "0.2.0",
        "paused_at": None,
        "words": "completed 21 ms after it was written",
    },
    "dead_letter": None,
    "people": [
        {
            "id": "6f1c2a34-0000-4000-8000-000000000003",
            "name": "Amara Diallo",
            "considered": True,
            "received": [
                {
                    "channel": "in_app",
                    "what": "Document uploaded - Mill Street Lofts",
                    "delivery": None,
                    "status": "unread",
                    "since": None,
                }
            ],
            "skips": [
                {
                    "channel": "email",
                    "reason": "muted:project",
                    "words": "they muted it for the project",
                    "preference": {
                        "id": "6f1c2a34-0000-4000-8000-000000000004",
                        "deleted": False,
                        "changed": False,
                        "scope": "project",
                        "scope_name": "Mill Street Lofts",
                        "event_type": "document_uploaded",
                        "channel": "email",
                        "status": "muted",
                        "since": "2026-03-01T09:00:00Z",
                    },
                    "counted_in": None,
                }
            ],
            "deliveries": [],
            "words": None,
        }
    ],
    "people_after": None,
    "endpoints": [],
    "audience": "everyone who may view the document",
    "next": None,
}


class WhyQuery(Asked):
    """About whom to ask."""

    user: Annotated[Id | None, Query(description="only this person, considered or not")] = None
    after: Annotated[
        Id | None, Query(description="`people_after` of the answer before, for more people")
    ] = None


class Named(BaseModel):
    """A row that an event refers to, with its name now; null if it is gone."""

    id: UUID
    name: str | None


class WhyEvent(BaseModel):
    """The event."""

    id: int
    type: str
    created_at: datetime
    actor: Named | None
    project: Named | None
    thread: Named | None


class WhyState(BaseModel):
    """What has become of the event; all null but ``words`` if it has no ledger row.

    Attributes:
        seconds: from the event to its rows.
        words: the state in words.
    """

    status: str | None
    reason: str | None
    completed_at: datetime | None
    seconds: float | None
    notifications: int | None
    emails: int | None
    pipeline_version: str | None
    paused_at: datetime | None
    words: str


class WhyLetter(BaseModel):
    """The dead letter of the event, open or resolved."""

    id: int
    stage: str
    error_class: str
    message: str
    fingerprint: str
    attempt: int
    created_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    resolution: str | None


class WhyReceived(BaseModel):
    """What a person got on a channel.

    Attributes:
        delivery: of an e-mail: ``immediate``, or ``aggregated`` in a digest.
        since: when it was read or sent.
    """

    channel: str
    what: str
    delivery: str | None
    status: str
    since: datetime | None


class WhyPreference(BaseModel):
    """The preference that decided, as it is now.

    Attributes:
        changed: whether it was changed after the decision.
    """

    id: UUID
    deleted: bool
    changed: bool | None
    scope: str | None
    scope_name: str | None
    event_type: str | None
    channel: str | None
    status: str | None
    since: datetime | None


class WhySkip(BaseModel):
    """Why a person got nothing on a channel.

    Attributes:
        reason: the rule.
        words: the rule in words.
        counted_in: the text of the notification that counts the event, if one does.
    """

    channel: str
    reason: str
    words: str
    preference: WhyPreference | None
    counted_in: str | None


class WhyPerson(BaseModel):
    """A person, what they got, and what they did not get and why.

    Attributes:
        considered: whether a decision about them exists.
        deliveries: what became of what is sent to them, with every try.
        words: why there is no decision about them.
    """

    id: UUID
    name: str | None
    considered: bool
    received: list[WhyReceived]
    skips: list[WhySkip]
    deliveries: list[DeliveryDetails]
    words: str | None


class WhyEndpoint(BaseModel):
    """What became of a webhook.

    Attributes:
        endpoint: its name; null if it was removed.
        id: of the delivery, which is also the ``webhook-id``.
        words: what became of it.
        tries: number, result, code, reason and time of each try.
    """

    endpoint: str | None
    id: UUID
    state: str
    next_attempt_at: datetime | None
    finished_at: datetime | None
    words: str
    tries: list[dict[str, Any]]


class Why(BaseModel):
    """Who got what from an event, and who got nothing and why.

    Attributes:
        people: everyone who was considered, or the person asked about.
        people_after: ask again with ``after`` set to this for more people; null: that is everyone.
        endpoints: what went to endpoints of other systems; empty if one person was asked about.
        audience: who may hear of such events; null if the type has no handler.
        next: what to do next; null if there is nothing to do.
    """

    event: WhyEvent
    state: WhyState
    dead_letter: WhyLetter | None
    people: list[WhyPerson]
    people_after: UUID | None
    endpoints: list[WhyEndpoint]
    audience: str | None
    next: str | None
