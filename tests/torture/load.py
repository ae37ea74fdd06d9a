"""The load: events of several kinds, and the expected results of each.

The expected results are written by hand, from the description of the product. The pipeline's code
computes none of them, so the two can disagree.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import psycopg

from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message, message_for
from tests.golden.world import P1, R1, T1, T2, U1, U2, U3, U4, populate

Channel = Literal["in_app", "email"]

_INSERT: Final = """
    INSERT INTO domain_events (event_type, payload, actor_id, project_id, resource_id, thread_id)
    SELECT %(event_type)s, %(payload)s, %(actor_id)s, %(project_id)s, %(resource_id)s, %(thread_id)s
    FROM generate_series(1, %(number)s)
    RETURNING id, created_at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Events of one kind, and the results that each of them must have.

    Attributes:
        told: who gets a row, and on which channel.
        counted: whose counter of which thread counts one more.
        status: the expected status in the ledger.
    """

    event_type: str
    payload: dict[str, Any] = field(default_factory=dict)
    actor_id: UUID | None = None
    project_id: UUID | None = P1
    resource_id: UUID | None = None
    thread_id: UUID | None = None
    told: frozenset[tuple[UUID, Channel]] = frozenset()
    counted: frozenset[tuple[UUID, UUID]] = frozenset()
    status: str = "completed"

    @property
    def columns(self) -> dict[str, UUID | None]:
        """The columns of ``domain_events`` that these events fill."""
        names = ("actor_id", "project_id", "resource_id", "thread_id")
        return {name: getattr(self, name) for name in names}


# Dee gets no e-mail about uploads. Bob muted the thread #deal.
_MUTED: Final = (
    (U4, "project", P1, "document_uploaded", "email"),
    (U2, "thread", T2, "*", "*"),
)
UPLOAD: Final = Kind(
    event_type="document_uploaded",
    payload={"fileName": "a.pdf"},
    actor_id=U1,
    resource_id=R1,
    told=frozenset({(U2, "in_app"), (U2, "email"), (U4, "in_app")}),
)
MESSAGE: Final = Kind(
    event_type="chat_message_sent",
    actor_id=U1,
    thread_id=T1,
    counted=frozenset({(U2, T1), (U3, T1)}),
)
ANSWER: Final = Kind(
    event_type="chat_message_sent",
    actor_id=U3,
    thread_id=T1,
    counted=frozenset({(U1, T1), (U2, T1)}),
)
UNHEARD: Final = Kind(event_type="chat_message_sent", actor_id=U1, thread_id=T2)
MENTION: Final = Kind(
    event_type="chat_message_sent",
    payload={"full_content": "Bob?", "mentioned_user_ids": [str(U2)]},
    actor_id=U1,
    thread_id=T1,
    told=frozenset({(U2, "in_app")}),
    counted=frozenset({(U3, T1)}),
)
ACCESS: Final = Kind(
    event_type="project_access_granted",
    payload={"affected_user_id": str(U4), "project_name": "Tower"},
    actor_id=U1,
    told=frozenset({(U4, "in_app"), (U4, "email")}),
)
STALE: Final = Kind(
    event_type="thread_unread_stale",
    payload={"user_id": str(U2), "unread_count": 3},
    thread_id=T1,
    told=frozenset({(U2, "email")}),
)
UNKNOWN: Final = Kind(event_type="moon_rose", payload={"phase": "full"}, status="unrouted")
MIXTURE: Final = (
    UPLOAD,
    UPLOAD,
    MESSAGE,
    MESSAGE,
    ANSWER,
    UNHEARD,
    MENTION,
    ACCESS,
    STALE,
    UNKNOWN,
)


def settle_people(connection: psycopg.Connection[Any]) -> None:
    """Insert the people of the golden world and their muted preferences."""
    populate(connection)
    for user, scope, scope_id, event_type, channel in _MUTED:
        connection.execute(
            "INSERT INTO user_notification_preferences"
            " (user_id, scope_type, scope_id, event_type, channel, status)"
            " VALUES (%s, %s, %s, %s, %s, 'muted')",
            [user, scope, scope_id, event_type, channel],
        )


class Load:
    """The events that were inserted into one database, each with its kind."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.events: dict[int, Kind] = {}

    def insert(self, number: int, mixture: Sequence[Kind] = MIXTURE) -> list[Message]:
        """Insert events, in equal shares of the mixture, in one transaction.

        Returns:
            Their change data capture messages, in random order.
        """
        drawn = [mixture[(len(self.events) + i) % len(mixture)] for i in range(number)]
        inserted: dict[int, Kind] = {}
        messages = []
        with psycopg.connect(self._dsn) as connection:
            for kind in {id(kind): kind for kind in drawn}.values():
                share = sum(each is kind for each in drawn)
                for event_id, created_at in _insert(connection, kind, share):
                    inserted[event_id] = kind
                    messages.append(message_for(EventId(event_id), created_at))
        self.events |= inserted
        random.shuffle(messages)
        return messages


def _insert(
    connection: psycopg.Connection[Any], kind: Kind, number: int
) -> list[tuple[int, datetime]]:
    parameters = {
        "event_type": kind.event_type,
        "payload": json.dumps(kind.payload),
        "number": number,
        **kind.columns,
    }
    return connection.execute(_INSERT, parameters).fetchall()
