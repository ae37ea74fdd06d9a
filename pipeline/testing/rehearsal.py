"""Runs a handler on its own example for the catalogue: a handler in, ``Told`` out.

People and places have fixed ids, so that an example can name them. ``READER`` is the person whom
an event names or mentions. ``ACTOR`` is the person who caused it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from pipeline.domain.identifiers import OrganisationId, ProjectId, ThreadId, UserId
from pipeline.domain.payload import Payload
from pipeline.fanout.facts import Person, Project, Thread
from pipeline.fanout.handler import Handler
from pipeline.fanout.reasons import Reason
from pipeline.testing.given import given
from pipeline.testing.told import Told

READER: Final = Person(
    UserId(UUID("a0000000-0000-4000-8000-000000000001")), "Priya Raman", "priya@x.test"
)
NEIGHBOUR: Final = Person(
    UserId(UUID("a0000000-0000-4000-8000-000000000002")), "Leo Marchetti", "leo@x.test"
)
ACTOR: Final = Person(
    UserId(UUID("a0000000-0000-4000-8000-000000000003")), "Maya Lindqvist", "maya@x.test"
)
PROJECT: Final = Project(
    ProjectId(UUID("b0000000-0000-4000-8000-000000000001")),
    "Harbor Point",
    OrganisationId(UUID("b0000000-0000-4000-8000-000000000002")),
)
THREAD: Final = Thread(
    ThreadId(UUID("c0000000-0000-4000-8000-000000000001")), "General", PROJECT.id
)
COLUMNS: Final[Mapping[str, UUID | None]] = {
    "actor_id": ACTOR.id,
    "project_id": PROJECT.id,
    "resource_id": UUID("d0000000-0000-4000-8000-000000000001"),
    "thread_id": THREAD.id,
    "meeting_id": UUID("e0000000-0000-4000-8000-000000000001"),
}
_WORLD: Final = given(READER, NEIGHBOUR, project=PROJECT, thread=THREAD)


def example(handler: Handler[Any]) -> dict[str, Any]:
    """Return the example of the payload class of a handler.

    Raises:
        LookupError: the class has no example. The text says how to add one.
    """
    return example_of(handler.payload)


def example_of(payload: type[Payload]) -> dict[str, Any]:
    """Return the example of a payload class: the first of its schema's ``examples``.

    Raises:
        LookupError: the class has no example. The text says how to add one.
    """
    given_extra = payload.model_config.get("json_schema_extra")
    examples = given_extra.get("examples") if isinstance(given_extra, dict) else None
    if not (isinstance(examples, list) and examples and isinstance(examples[0], dict)):
        raise LookupError(
            f"{payload.__name__} has no example: add"
            ' model_config = ConfigDict(json_schema_extra={"examples": [{...}]})'
        )
    return dict(examples[0])


def rehearse(
    handler: Handler[Any],
    payload: Mapping[str, Any],
    columns: Mapping[str, UUID | None] = COLUMNS,
) -> Told:
    """Decide an event with this payload and these columns of ``domain_events``."""
    actor_id = columns["actor_id"]
    actor = replace(ACTOR, id=UserId(actor_id)) if actor_id else None
    return replace(_WORLD, columns=columns).when(handler, payload, actor=actor)


def spares_the_actor(handler: Handler[Any]) -> bool:
    """Whether the actor is excluded if they are in the audience."""
    told = rehearse(handler, example(handler), {**COLUMNS, "actor_id": READER.id})
    return Reason.ACTOR in told.skips(READER).values()
