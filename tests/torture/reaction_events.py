"""Events of reactions of many types, and the people and introductions that they are about.

What follows from one does not depend on the others, so any order of them leaves the same rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from tests.reactions.asking import AMARA, LEO, TALK
from tests.steps.reactions.board import Board

_BEGIN: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Happened:
    """An event, as an application writes it."""

    id: UUID
    type: str
    payload: dict[str, Any]
    created_at: datetime


def happened(count: int, *, after: int = 0) -> list[Happened]:
    """Return so many events. In: how many there were before."""
    return [
        Happened(uuid4(), *_kind(number), _BEGIN + timedelta(seconds=number))
        for number in range(after, after + count)
    ]


def _kind(number: int) -> tuple[str, dict[str, Any]]:
    """The type and the payload of an event, in turn."""
    person = {"userId": str(AMARA), "conversationId": str(TALK)}
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("user.verified", person),
        (
            "user.inquiry.solution_needed",
            {**person, "requestDescription": f"A lender, no. {number}", "urgency": "high"},
        ),
        ("user.message.received", person),
        (
            "conversation.intent_classified",
            {**person, "intent": f"intent {number}", "confidence": 0.9},
        ),
        # It has no valid payload, so it is dead.
        ("user.verified", {"userId": "nobody"}),
        (
            "intro.completed",
            {
                "introId": str(UUID(int=number)),
                "connectorUserId": str(AMARA),
                "innovatorId": str(LEO),
                "creditsAwarded": 5,
            },
        ),
        ("no.such.type", person),
    ]
    return kinds[number % len(kinds)]


def settle_people(board: Board) -> None:
    """Insert the people, and their conversation."""
    for person in (AMARA, LEO):
        board.execute("INSERT INTO reactions.users (id, verified) VALUES (%s, true)", person)
    board.execute("INSERT INTO reactions.conversations (id, user_id) VALUES (%s, %s)", TALK, AMARA)


def write(board: Board, events: Sequence[Happened]) -> None:
    """Write events as an application does, all in one transaction, and what they are about."""
    with board.database.asking() as connection, connection.transaction():
        cursor = connection.cursor()
        cursor.executemany(
            "INSERT INTO reactions.intro_opportunities (id, status) VALUES (%s, 'confirmed')",
            list(_intros(events)),
        )
        cursor.executemany(
            "INSERT INTO reactions.events (id, event_type, payload, created_at)"
            " VALUES (%s, %s, %s, %s)",
            [(each.id, each.type, Jsonb(each.payload), each.created_at) for each in events],
        )


def _intros(events: Sequence[Happened]) -> Iterator[tuple[str]]:
    return ((each.payload["introId"],) for each in events if "introId" in each.payload)
