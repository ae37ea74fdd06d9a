"""The answers to what handlers of reactions ask: one statement for each kind of question."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson
from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import NotStorable
from pipeline.domain.identifiers import UserId
from pipeline.reactions.facts import (
    ActiveConversation,
    Answers,
    ExpertsIn,
    HoldersOf,
    KnownRequest,
    Question,
    RequestOf,
    SimilarRequest,
    StandingOf,
)
from pipeline.reactions.saga import Saga, Standing

_CONVERSATIONS: Final = load(__package__, "active_conversations")
_REQUESTS: Final = load(__package__, "community_requests")
_SIMILAR: Final = load(__package__, "similar_requests")
_EXPERTS: Final = load(__package__, "experts")
_HOLDERS: Final = load(__package__, "holders")
_STANDINGS: Final = load(__package__, "standings")

PeopleT = TypeVar("PeopleT", ExpertsIn, HoldersOf)


def read_answers(connection: Connection[Any], questions: Collection[Question]) -> Answers:
    """Return the answers to the questions of a batch.

    Raises:
        NotStorable: JSON cannot express a value of a question.
    """
    conversations = [each for each in questions if isinstance(each, ActiveConversation)]
    requests = [each for each in questions if isinstance(each, RequestOf)]
    similar = [each for each in questions if isinstance(each, SimilarRequest)]
    experts = [each for each in questions if isinstance(each, ExpertsIn)]
    holders = [each for each in questions if isinstance(each, HoldersOf)]
    standings = [each for each in questions if isinstance(each, StandingOf)]
    return Answers(
        conversations={
            ActiveConversation(user_id): found
            for user_id, found in _rows(
                connection, _CONVERSATIONS, users=_texts(each.user_id for each in conversations)
            )
        },
        requests={
            RequestOf(row[0]): _request(*row[1:])
            for row in _rows(
                connection, _REQUESTS, ids=_texts(each.request_id for each in requests)
            )
        },
        similar={
            similar[number]: found
            for number, found in _rows(connection, _SIMILAR, asked=_numbered(similar))
        },
        experts=_people(connection, _EXPERTS, experts),
        holders=_people(connection, _HOLDERS, holders),
        standings={
            StandingOf(Saga(saga), row_id): Standing(status=status, responses=tuple(responses))
            for saga, row_id, status, responses in _rows(
                connection, _STANDINGS, asked=_document(standings)
            )
        },
    )


def _request(  # noqa: PLR0917 - a row
    user_id: UserId | None,
    context_type: str | None,
    context_id: UUID | None,
    status: str,
    responses: Sequence[UUID],
    asked: Sequence[UserId],
    answered_by: Sequence[UserId],
    workflow_status: str | None,
    workflow_responses: Sequence[UUID] | None,
) -> KnownRequest:
    return KnownRequest(
        requesting_user_id=user_id,
        context_type=context_type,
        context_id=context_id,
        standing=Standing(status=status, responses=tuple(responses)),
        asked=frozenset(asked),
        answered_by=frozenset(answered_by),
        workflow=None
        if workflow_status is None
        else Standing(status=workflow_status, responses=tuple(workflow_responses or ())),
    )


def _document(asked: Sequence[StandingOf]) -> str:
    if not asked:
        return ""
    return _json([{"saga": each.saga, "id": each.id} for each in asked])


def _people(
    connection: Connection[Any], statement: bytes, asked: Sequence[PeopleT]
) -> dict[PeopleT, tuple[UserId, ...]]:
    found: dict[PeopleT, list[UserId]] = defaultdict(list)
    for number, user_id in _rows(connection, statement, asked=_numbered(asked)):
        found[asked[number]].append(user_id)
    return {question: tuple(people) for question, people in found.items()}


def _numbered(questions: Sequence[SimilarRequest | ExpertsIn | HoldersOf]) -> str:
    if not questions:
        return ""
    names = [name for name in type(questions[0]).__slots__ if not name.startswith("_")]
    return _json(
        [
            {
                "number": number,
                # An array of Postgres in JSON.
                **{name: _array(getattr(each, name)) for name in names},
            }
            for number, each in enumerate(questions)
        ]
    )


def _json(asked: Sequence[Mapping[str, object]]) -> str:
    try:
        return orjson.dumps(asked).decode()
    except TypeError:
        raise NotStorable("a question holds a value that JSON cannot express") from None


def _texts(ids: Iterable[UUID | None]) -> list[str | None]:
    # As texts: what is no UUID is then the fault of its event alone. A number where an array of
    # UUIDs is expected would look like a wrong schema, and stop the graph.
    return [None if each is None else str(each) for each in ids]


def _array(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _rows(connection: Connection[Any], statement: bytes, **parameters: object) -> list[Any]:
    [asked] = parameters.values()
    return connection.execute(statement, parameters).fetchall() if asked else []
