"""What handlers ask of the database before they decide, and the answers to all of a batch.

Each question is a value: two events that ask the same share one answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pipeline.domain.identifiers import UserId
from pipeline.reactions.identifiers import ConversationId, RequestId
from pipeline.reactions.saga import Saga, Standing


@dataclass(frozen=True, slots=True)
class ActiveConversation:
    """Which is the active conversation of a person: the one with the newest message?"""

    user_id: UserId


@dataclass(frozen=True, slots=True)
class RequestOf:
    """Who asked this community request, and what for?"""

    request_id: RequestId


@dataclass(frozen=True, slots=True)
class SimilarRequest:
    """Which open request of the same category needs one of these kinds of expertise?

    Attributes:
        category: of the question; None is a category too.
        expertise: at least one is shared.
        since: only requests made at this time or later.
    """

    category: str | None
    expertise: tuple[str, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class ExpertsIn:
    """Which verified people have one of these kinds of expertise? The one who asks is none."""

    expertise: tuple[str, ...]
    asking: UserId | None
    most: int


@dataclass(frozen=True, slots=True)
class HoldersOf:
    """Who has an inbox item of this thing, whatever its status?"""

    item_type: str
    item_id: UUID


@dataclass(frozen=True, slots=True)
class StandingOf:
    """How does the row of this saga stand?"""

    saga: Saga
    id: UUID


Question = ActiveConversation | RequestOf | SimilarRequest | ExpertsIn | HoldersOf | StandingOf


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRequest:
    """A community request.

    Attributes:
        requesting_user_id: who asked; None for an agent that asked on its own.
        context_type: the kind of thing that the answer is for.
        context_id: the thing that the answer is for.
        standing: how the request stands.
        asked: who was asked.
        answered_by: who has answered.
        workflow: how the workflow stands that the answer is for; None if it is for none.
    """

    requesting_user_id: UserId | None = None
    context_type: str | None = None
    context_id: UUID | None = None
    standing: Standing = field(default_factory=lambda: Standing(status="open"))
    asked: frozenset[UserId] = frozenset()
    answered_by: frozenset[UserId] = frozenset()
    workflow: Standing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The answers to the questions of a batch. A question without an answer found nothing."""

    conversations: Mapping[ActiveConversation, ConversationId] = field(default_factory=dict)
    requests: Mapping[RequestOf, KnownRequest] = field(default_factory=dict)
    similar: Mapping[SimilarRequest, RequestId] = field(default_factory=dict)
    experts: Mapping[ExpertsIn, tuple[UserId, ...]] = field(default_factory=dict)
    holders: Mapping[HoldersOf, tuple[UserId, ...]] = field(default_factory=dict)
    standings: Mapping[StandingOf, Standing] = field(default_factory=dict)
