"""One event type of reactions in the catalogue: read from its handler, tried with its example."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pipeline.domain.identifiers import UserId
from pipeline.ops.catalogue.fields import PayloadKey, keys
from pipeline.ops.catalogue.schema import payload_schema
from pipeline.reactions import offers, research
from pipeline.reactions.facts import (
    ActiveConversation,
    Answers,
    ExpertsIn,
    HoldersOf,
    KnownRequest,
    Question,
    RequestOf,
    StandingOf,
)
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import ConversationId
from pipeline.reactions.outcome import Done
from pipeline.reactions.saga import Standing
from pipeline.testing.reactions import Reacted, when
from pipeline.testing.rehearsal import example_of

_PERSON: Final = UserId(UUID("a0000000-0000-4000-8000-000000000001"))
_TALK: Final = ConversationId(UUID("c0000000-0000-4000-8000-000000000001"))
# The states in which a handler may do something. None: there is no row yet.
_STATES: Final = (None, offers.OFFERED, offers.ACCEPTED, research.WAITING)
_ASKED: Final = KnownRequest(
    requesting_user_id=_PERSON,
    context_type="solution_workflow",
    context_id=UUID("f0000000-0000-4000-8000-000000000001"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionEntry:
    """The facts about one event type for producers and operators.

    Attributes:
        handler: the source of the other attributes.
        occasion: what happened.
        consequence: what its handler is for, in one sentence.
        follows: what follows, as its handler says.
        condition: which events it wants; None: all.
        order: in which order its events are processed; None: in that of their sequence.
        schema: the JSON Schema of the payload.
        fields: the keys of the payload.
        example: a payload.
        reacted: what follows from the example.
    """

    handler: ReactionHandler[Any]
    occasion: str
    consequence: str
    follows: str
    condition: str | None
    order: str | None
    schema: Mapping[str, Any]
    fields: Sequence[PayloadKey]
    example: Mapping[str, Any]
    reacted: Reacted


def describe_reaction(handler: ReactionHandler[Any]) -> ReactionEntry:
    """Collect all facts about one event type.

    Raises:
        LookupError: the payload class has no example.
    """
    kind, sent = type(handler), example_of(handler.payload)
    schema = payload_schema(handler.payload)
    return ReactionEntry(
        handler=handler,
        occasion=_said(inspect.getmodule(kind)).partition(": ")[2],
        consequence=_said(kind),
        follows=_said(kind.react),
        condition=None if kind.wants is ReactionHandler.wants else _said(kind.wants),
        order=_order(handler),
        schema=schema,
        fields=list(keys(handler.payload, schema)),
        example=sent,
        reacted=_rehearsed(handler, sent),
    )


def _rehearsed(handler: ReactionHandler[Any], sent: Mapping[str, Any]) -> Reacted:
    """Return what follows from an example, in the state of its saga in which most does."""
    asked = when(handler, sent).questions
    tried = [when(handler, sent, answers_to(asked, each)) for each in _STATES]
    return max(tried, key=_number_of_effects)


def _number_of_effects(reacted: Reacted) -> int:
    return len(reacted.effects) if isinstance(reacted.outcome, Done) else -1


def answers_to(questions: Iterable[Question], status: str | None = None) -> Answers:
    """Return the answers of a world in which what is asked for exists, but nothing similar.

    Args:
        questions: of a handler.
        status: of every saga's row; None: there is no such row.
    """
    asked = list(questions)
    standings = [each for each in asked if isinstance(each, StandingOf) and status]
    return Answers(
        conversations={each: _TALK for each in asked if isinstance(each, ActiveConversation)},
        requests={each: _ASKED for each in asked if isinstance(each, RequestOf)},
        experts={each: (_PERSON,) for each in asked if isinstance(each, ExpertsIn)},
        holders={each: (_PERSON,) for each in asked if isinstance(each, HoldersOf)},
        standings={each: Standing(status=status or "") for each in standings},
    )


def _order(handler: ReactionHandler[Any]) -> str | None:
    if handler.in_order:
        return "those of one aggregate one after another, by their sequence"
    if handler.one_at_a_time is not None:
        return f"never two with the same `{handler.one_at_a_time}` at the same time"
    return None


def _said(thing: object) -> str:
    """Return the first paragraph of a docstring, on one line."""
    text = (inspect.getdoc(thing) or "").partition("\n\n")[0]
    return " ".join(text.split()).replace("``", "`")
