"""What can follow from an event. Each effect has a name, unique within the event: its key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from pipeline.domain.delivery import Priority
from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions.identifiers import ConversationId
from pipeline.reactions.saga import Saga, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Work for an agent, in ``reactions.agent_tasks``.

    Attributes:
        name: unique within the event.
        task_type: what is to be done.
        agent_type: who does it.
        user_id: for whom; None for nobody in particular.
        context_type: the kind of thing that it is about.
        context_id: the thing that it is about.
        scheduled_for: the time from which it is due.
        priority: how urgent it is.
        context: what the agent needs to know.
    """

    name: str
    task_type: str
    agent_type: str
    user_id: UserId | None = None
    context_type: str | None = None
    context_id: UUID | None = None
    scheduled_for: datetime
    priority: Priority = Priority.NORMAL
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateMessage:
    """A message to a person, in ``reactions.message_queue``.

    Attributes:
        name: unique within the event.
        user_id: who gets it.
        template: the name of its template.
        scheduled_for: the time from which it is due.
        priority: how urgent it is.
        can_delay: whether it may wait for a better time.
        conversation_id: the conversation that it belongs to.
        context: what the template needs to know.
    """

    name: str
    user_id: UserId
    template: str
    scheduled_for: datetime
    priority: Priority = Priority.NORMAL
    can_delay: bool = False
    conversation_id: ConversationId | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """Another event. Its id follows from its cause and its name.

    Attributes:
        name: unique within the event.
        type: of the new event.
        aggregate_type: the kind of thing that it is about.
        aggregate_id: the thing that it is about.
        payload: of the new event.
        at: the time from which it is due; None for now. It waits in the ledger. The row is written
            at once, so a handler that needs this time must find it in the payload.
    """

    name: str
    type: EventType
    aggregate_type: str | None = None
    aggregate_id: UUID | None = None
    payload: Mapping[str, Any]
    at: datetime | None = None


class Touched(StrEnum):
    """What has a time of its last activity."""

    USER = "user"
    CONVERSATION = "conversation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """Activity of a person, or in a conversation. The stored time never moves backwards.

    Attributes:
        name: unique within the event.
        what: the kind of thing.
        id: the thing.
        at: when: the time of the event, not of its processing.
    """

    name: str
    what: Touched
    id: UUID
    at: datetime


# The score of an inbox item is at least 0, and at most this.
BEST_SCORE: Final = 100


class ItemStatus(StrEnum):
    """The status of an inbox item."""

    ACTIVE = "active"
    ACTIONED = "actioned"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxItem:
    """An item of a person's inbox: made active, then actioned or expired.

    Only an active item changes its status; one that does not exist is made only if it is active.

    Attributes:
        name: unique within the event.
        user_id: whose inbox; None, for an end: of everybody who has it.
        item_type: the kind of thing.
        item_id: the thing. A person has one item of it.
        status: the new status.
        score: from 0 to 100; an item with a higher one comes first.
        expires_at: when the item is of no use any more.
        content: what the inbox shows.
    """

    name: str
    user_id: UserId | None
    item_type: str
    item_id: UUID
    status: ItemStatus = ItemStatus.ACTIVE
    score: int = 0
    expires_at: datetime | None = None
    content: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.user_id is None and self.status is ItemStatus.ACTIVE:
            raise ValueError("invalid inbox item: an active one needs a user_id")
        if not 0 <= self.score <= BEST_SCORE:
            raise ValueError(f"invalid score of an inbox item: expected 0 to {BEST_SCORE}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A line of the log of what agents did.

    Attributes:
        name: unique within the event.
        action: what was done.
        agent_type: by whom.
        user_id: for whom.
        data: the details.
    """

    name: str
    action: str
    agent_type: str
    user_id: UserId | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A row moves on, if it still stands as it was seen. Otherwise the event is asked again.

    Attributes:
        name: unique within the event.
        saga: the kind of row.
        id: the row.
        seen: how it stood when the handler decided.
        status: the new status. It may be the same if a response is counted.
        response: a response to count; None for none.
        answered_by: who gave it; None if the row does not note that.
        at: when it was completed or closed, if it is now.
    """

    name: str
    saga: Saga
    id: UUID
    seen: Standing
    status: str
    response: UUID | None = None
    answered_by: UserId | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaStart:
    """The row of a workflow or of an offer. One that exists stays as it is.

    Attributes:
        name: unique within the event.
        saga: the kind of row: ``WORKFLOW`` or ``OFFER``.
        id: the row.
        status: its first status.
        user_id: whose it is: who needs the solution, or who offers.
        other_user_id: to whom it is offered.
        expires_at: when an offer ends.
    """

    name: str
    saga: Saga
    id: UUID
    status: str
    user_id: UserId
    other_user_id: UserId | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Credits for a person, once for each ``key``, whatever the number of events.

    Attributes:
        name: unique within the event.
        user_id: who gets them.
        amount: how many.
        key: names what they are for.
        reason: why.
    """

    name: str
    user_id: UserId
    amount: int
    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityRequest:
    """A question to people who may know, in ``reactions.community_requests``.

    Attributes:
        name: unique within the event; the id of the request follows from it.
        requesting_user_id: who asks; None for an agent that asks on its own.
        requesting_agent_type: the agent that asks.
        context_type: the kind of thing that the answer is for.
        context_id: the thing that the answer is for.
        question: the question.
        category: of the question.
        expertise: what those who answer should know; at least one of these.
        desired_outcome: what is done with an answer.
        urgency: as the caller said.
        experts: who is asked.
        expires_at: when it is closed.
        details: what else the caller said.
    """

    name: str
    requesting_user_id: UserId | None
    requesting_agent_type: str | None
    context_type: str | None
    context_id: UUID | None
    question: str
    category: str | None
    expertise: tuple[str, ...]
    desired_outcome: str
    urgency: str
    experts: tuple[UserId, ...]
    expires_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """What a message of a conversation wants. A later one stays, whatever the order of arrival.

    Attributes:
        name: unique within the event.
        conversation_id: the conversation.
        intent: what is wanted.
        confidence: from 0 to 1.
        context: the details.
        at: when it was classified: the time of the event.
    """

    name: str
    conversation_id: ConversationId
    intent: str
    confidence: float
    context: Mapping[str, Any] | None
    at: datetime


Reaction = (
    Task
    | TemplateMessage
    | FollowUp
    | Touch
    | InboxItem
    | AuditEntry
    | Move
    | SagaStart
    | Credit
    | CommunityRequest
    | Classification
)
